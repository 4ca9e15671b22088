#include "value_facts.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace heed::test {
namespace {

constexpr double most_error = 5e-3;   // beyond it a wrong result could pass
constexpr double most_size = 1000;
constexpr double most_integer = 100;  // fits every integer type
constexpr double infinity = std::numeric_limits<double>::infinity();

struct Rules {
  const graph::OwnedNode& node;
  std::span<const TensorType> types;
  std::span<const Facts> in;
  const Bindings& bindings;

  // Of the result's type, several roundings wide.
  const double unit = node.results[0].dtype == DType::bf16  ? 0x1p-6
                      : node.results[0].dtype == DType::f16 ? 0x1p-9
                                                            : 0x1p-21;

  bool is_integer_node() const { return is_integer(types[0].dtype); }
  std::int64_t extent(int axis) const { return largest(types[0].shape[axis], bindings); }

  // Bounds from the operands' corners, for what is monotone in each operand.
  template <class F>
  Facts corners(F f) const {
    Facts r{infinity, -infinity};
    for (double x : {in[0].low, in[0].high})
      for (double y : {in[1].low, in[1].high}) {
        r.low = std::min(r.low, f(x, y));
        r.high = std::max(r.high, f(x, y));
      }
    return r;
  }
  Facts rounded(Facts r, double error) const {
    r.error = error + unit * r.size();
    r.exact = false;
    return r;
  }
  // An increasing function with the given greatest slope.
  template <class F>
  Facts increasing(F f, double slope) const {
    return rounded({f(in[0].low), f(in[0].high)}, slope * in[0].error);
  }
  Facts hull(const Facts& a, const Facts& b) const {
    return {std::min(a.low, b.low), std::max(a.high, b.high), std::max(a.error, b.error),
            a.exact && b.exact};
  }

  std::optional<Facts> arithmetic() const {
    const Facts &x = in[0], &y = in[1];
    Facts r;
    double error = x.error + y.error;
    switch (node.op) {
      case OpCode::add: r = {x.low + y.low, x.high + y.high}; break;
      case OpCode::sub: r = {x.low - y.high, x.high - y.low}; break;
      case OpCode::mul:
        if (std::isinf(x.low) || std::isinf(y.low)) return {};
        r = corners([](double a, double b) { return a * b; });
        error = x.size() * y.error + y.size() * x.error;
        break;
      case OpCode::div: {
        const bool zero = y.low <= 0 && y.high >= 0;
        if (is_integer_node() && zero) return Facts{-x.size(), x.size()};  // x / 0 is 0
        double least = std::min(std::abs(y.low), std::abs(y.high));
        if (zero || least < 0.1) return {};
        r = corners([](double a, double b) { return a / b; });
        if (is_integer_node()) r = {std::floor(r.low), std::floor(r.high)};
        error = x.error / least + x.size() * y.error / (least * least);
        break;
      }
      default: {  // pow
        if (x.low < 0.1 || x.high > 10 || y.size() > 3) return {};
        r = corners([](double a, double b) { return std::pow(a, b); });
        r.low = std::min(r.low, std::pow(1.0, y.low));
        double slope = r.high * (y.size() / x.low * x.error + std::log(10) * y.error);
        return rounded(r, slope + 8 * unit * r.size());
      }
    }
    if (is_integer_node()) return r;
    Facts result = rounded(r, error);
    if (std::isinf(r.low)) result.error = error + unit * std::abs(r.high);
    return result;
  }

  std::optional<Facts> unary() const {
    const Facts& x = in[0];
    switch (node.op) {
      case OpCode::neg: return Facts{-x.high, -x.low, x.error, x.exact};
      case OpCode::abs:
        return Facts{x.low > 0 ? x.low : std::max(0.0, -x.high), x.size(), x.error, x.exact};
      case OpCode::relu:
        return Facts{std::max(0.0, x.low), std::max(0.0, x.high), x.error, x.exact};
      case OpCode::exp:
        if (x.high > 4) return {};
        return increasing([](double v) { return std::exp(v); }, std::exp(x.high));
      case OpCode::log:
        if (x.low < 0.05) return {};
        return rounded({std::log(x.low), std::log(x.high)}, x.error / x.low + unit);
      case OpCode::sqrt:
        if (x.low < 0.01) return {};
        return increasing([](double v) { return std::sqrt(v); }, 0.5 / std::sqrt(x.low));
      case OpCode::rsqrt:
        if (x.low < 0.01) return {};
        return rounded({1 / std::sqrt(x.high), 1 / std::sqrt(x.low)},
                       0.5 * std::pow(x.low, -1.5) * x.error);
      case OpCode::tanh: return increasing([](double v) { return std::tanh(v); }, 1);
      case OpCode::erf: return increasing([](double v) { return std::erf(v); }, 1.2);
      case OpCode::sigmoid:
        return increasing([](double v) { return 1 / (1 + std::exp(-v)); }, 0.25);
      case OpCode::sin: case OpCode::cos:
        if (x.size() > 50) return {};
        return rounded({-1, 1}, x.error + unit);
      default:  // gelu, silu
        return rounded({-0.3, std::max(0.0, x.high)}, 1.2 * x.error + unit);
    }
  }

  std::optional<Facts> cast() const {
    const Facts& x = in[0];
    const DType to = node.results[0].dtype;
    Facts r = x;
    if (to == DType::boolean) return x.exact ? std::optional(Facts{0, 1}) : std::nullopt;
    if (is_integer(to)) {  // towards zero: what is not exact could fall on either side
      if (!x.exact) return {};
      return Facts{std::trunc(x.low), std::trunc(x.high)};
    }
    if (to == DType::f32) return r;
    return rounded(r, x.error);  // fused code may keep more than a short float holds
  }

  std::optional<Facts> contraction() const {
    const Facts &a = in[0], &b = in[1];
    double terms = double(extent(-1));
    if (node.op != OpCode::matmul) {
      const Shape& w = types[1].shape;
      terms = double(largest(element_count(w) / w[0].constant, bindings));
    }
    double size = terms * a.size() * b.size();
    return Facts{-size, size,
                 terms * (a.size() * b.error + b.size() * a.error) + unit * size * (1 + terms / 8),
                 false};
  }

  std::optional<Facts> rows() const {
    const Facts& x = in[0];
    if (node.op == OpCode::softmax)
      return Facts{0, 1,
                   x.error + 8 * unit * (1 + (std::isinf(x.low) ? std::abs(x.high) : x.size())),
                   false};
    if (std::isinf(x.low)) return {};
    if (node.op == OpCode::max || node.op == OpCode::min) return x;
    if (node.op == OpCode::normalize) return normalized();
    double terms = double(extent(int(node.ints[0])));
    if (is_integer_node())
      return Facts{std::min(x.low, terms * x.low), std::max(x.high, terms * x.high)};
    if (node.op == OpCode::mean)
      return Facts{x.low, x.high, x.error + unit * (1 + terms / 8) * x.size(), false};
    return Facts{std::min(x.low, terms * x.low), std::max(x.high, terms * x.high),
                 terms * x.error + unit * (1 + terms / 8) * terms * x.size(), false};
  }

  // |y| ≤ √n; an error of x counts 1/√eps at worst, where the row is constant.
  std::optional<Facts> normalized() const {
    double root = std::sqrt(double(extent(-1)));
    double own = in[0].error + unit * in[0].size();
    Facts y{-root, root, own * (2 + root) / std::sqrt(node.reals[0]) + 4 * unit * root, false};
    for (std::size_t n = 1; n < in.size(); ++n) {
      double size = in[n].size();
      if (n == 1) y = {-y.high * size, y.high * size, y.error * size + y.high * in[n].error, false};
      else y = {y.low - size, y.high + size, y.error + in[n].error + unit * size, false};
    }
    y.error += unit * y.high;
    return y;
  }

  std::optional<Facts> result() const {
    for (const Facts& x : in)  // -inf is for masks: on its way to a softmax
      if (std::isinf(x.low) && node.op != OpCode::where && node.op != OpCode::add &&
          node.op != OpCode::softmax && node.op != OpCode::broadcast)
        return {};
    const bool exact = std::ranges::all_of(in, [](const Facts& x) { return x.exact; });
    switch (info_of(node.op)->kind) {
      case OpClass::contraction: return contraction();
      case OpClass::rows: return rows();
      case OpClass::gather:
        if (in[1].low < 0 || in[1].high >= double(smallest(types[0].shape[0], bindings))) return {};
        return in[0];
      case OpClass::structural: return in[0];  // probe
      case OpClass::layout: {
        Facts r = in[0];
        for (const Facts& x : in.subspan(1)) r = hull(r, x);
        return node.op == OpCode::pad || node.op == OpCode::window
                   ? hull(r, {node.reals[0], node.reals[0]})
                   : r;
      }
      default: break;
    }
    switch (node.op) {
      case OpCode::add: case OpCode::sub: case OpCode::mul: case OpCode::div: case OpCode::pow:
        return arithmetic();
      case OpCode::maximum:
        return Facts{std::max(in[0].low, in[1].low), std::max(in[0].high, in[1].high),
                     std::max(in[0].error, in[1].error), exact};
      case OpCode::minimum:
        return Facts{std::min(in[0].low, in[1].low), std::min(in[0].high, in[1].high),
                     std::max(in[0].error, in[1].error), exact};
      case OpCode::where: return hull(in[1], in[2]);
      case OpCode::cast: return cast();
      case OpCode::random: return Facts{0x1p-24, 1 - 0x1p-24};  // the same bits everywhere
      case OpCode::eq: case OpCode::ne: case OpCode::lt: case OpCode::le: case OpCode::gt:
      case OpCode::ge: case OpCode::logical_and: case OpCode::logical_or: case OpCode::logical_not:
        return exact ? std::optional(Facts{0, 1}) : std::nullopt;
      default: return unary();
    }
  }
};

}  // namespace

std::optional<std::int64_t> value_of(const Dim& dim, const Binding& binding) {
  return evaluate(dim, [&](std::uint64_t symbol) -> std::optional<std::int64_t> {
    return symbol == Dim("B").terms[0].factors[0].symbol ? binding.batch : binding.length;
  });
}
std::int64_t largest(const Dim& dim, const Bindings& bindings) {
  return std::max(value_of(dim, bindings[0]).value_or(0), value_of(dim, bindings[1]).value_or(0));
}
std::int64_t smallest(const Dim& dim, const Bindings& bindings) {
  return std::min(value_of(dim, bindings[0]).value_or(0), value_of(dim, bindings[1]).value_or(0));
}

std::optional<Facts> facts_of(const graph::OwnedNode& node, std::span<const TensorType> types,
                              std::span<const Facts> operands, const Bindings& bindings) {
  auto facts = Rules{node, types, operands, bindings}.result();
  if (!facts || std::isnan(facts->low) || std::isnan(facts->high)) return {};
  const double most = is_integer(node.results[0].dtype) ? most_integer : most_size;
  if (facts->high > most || (facts->low < -most && !std::isinf(facts->low))) return {};
  if (facts->error > most_error) return {};
  return facts;
}

}  // namespace heed::test
