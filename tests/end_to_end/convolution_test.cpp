// Convolutions and pooling of random sizes, strides, paddings, dilations and groups, alone and in a
// row, on every target and at every fusion level, against loops in double.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "heed/dsl/graph/bytes.h"
#include "heed/dsl/graph/rules.h"
#include "heed/runtime/compile.h"
#include "heed/runtime/formula.h"
#include "heed/runtime/session.h"

using namespace heed;

namespace {

struct Values {
  std::vector<std::int64_t> sizes;
  std::vector<double> data;
  static Values of(std::vector<std::int64_t> sizes) {
    std::int64_t count = 1;
    for (std::int64_t n : sizes) count *= n;
    return {std::move(sizes), std::vector<double>(std::size_t(count))};
  }
};

struct Step {  // of one image axis
  std::int64_t kernel, stride, padding, dilation;
};

// Every [channel, place..., tap...] of x [batch, channels, image...]: f(batch, channel, place, tap,
// element or nullptr).
template <class F>
void slide(const Values& x, const std::vector<Step>& steps, const std::vector<std::int64_t>& places,
           F f) {
  const std::size_t axes = steps.size();
  std::int64_t positions = 1, taps = 1;
  for (std::size_t i = 0; i < axes; ++i) positions *= places[i], taps *= steps[i].kernel;
  for (std::int64_t b = 0; b < x.sizes[0]; ++b)
    for (std::int64_t c = 0; c < x.sizes[1]; ++c)
      for (std::int64_t p = 0; p < positions; ++p)
        for (std::int64_t t = 0; t < taps; ++t) {
          std::int64_t at = 0, weight = 1, rest = p, tap = t;
          bool inside = true;
          for (std::size_t i = axes; i-- > 0;) {
            const Step& s = steps[i];
            std::int64_t y = rest % places[i] * s.stride + tap % s.kernel * s.dilation - s.padding;
            rest /= places[i];
            tap /= s.kernel;
            inside &= y >= 0 && y < x.sizes[i + 2];
            at += y * weight;
            weight *= x.sizes[i + 2];
          }
          f(b, c, p, t,
            inside ? &x.data[std::size_t((b * x.sizes[1] + c) * weight + at)] : nullptr);
        }
}

std::vector<std::int64_t> places(const Values& x, const std::vector<Step>& steps) {
  std::vector<std::int64_t> result;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Step& s = steps[i];
    result.push_back((x.sizes[i + 2] + 2 * s.padding - s.dilation * (s.kernel - 1) - 1) / s.stride +
                     1);
  }
  return result;
}

Values convolve(const Values& x, const Values& w, const std::vector<Step>& steps,
                std::int64_t groups) {
  std::vector<std::int64_t> at = places(x, steps), sizes{x.sizes[0], w.sizes[0]};
  sizes.insert(sizes.end(), at.begin(), at.end());
  Values y = Values::of(sizes);
  const std::int64_t each = w.sizes[0] / groups, inputs = w.sizes[1];
  const std::int64_t positions = std::int64_t(y.data.size()) / (x.sizes[0] * w.sizes[0]);
  const std::int64_t taps = std::int64_t(w.data.size()) / (w.sizes[0] * inputs);
  slide(x, steps, at, [&](auto b, auto c, auto p, auto t, const double* value) {
    if (!value) return;
    for (std::int64_t o = c / inputs * each; o < (c / inputs + 1) * each; ++o)
      y.data[std::size_t((b * w.sizes[0] + o) * positions + p)] +=
          *value * w.data[std::size_t((o * inputs + c % inputs) * taps + t)];
  });
  return y;
}

Values pool(const Values& x, const std::vector<Step>& steps, bool largest) {
  std::vector<std::int64_t> at = places(x, steps), sizes{x.sizes[0], x.sizes[1]};
  sizes.insert(sizes.end(), at.begin(), at.end());
  Values y = Values::of(sizes);
  if (largest) std::ranges::fill(y.data, -std::numeric_limits<double>::infinity());
  const std::int64_t positions = std::int64_t(y.data.size()) / (x.sizes[0] * x.sizes[1]);
  double taps = 1;
  for (const Step& s : steps) taps *= double(s.kernel);
  slide(x, steps, at, [&](auto b, auto c, auto p, auto, const double* value) {
    double& out = y.data[std::size_t((b * x.sizes[1] + c) * positions + p)];
    if (!largest) out += value ? *value / taps : 0;
    else if (value) out = std::max(out, *value);
  });
  return y;
}

// A network at contract 1, and what it computes in double.
class Network {
 public:
  // Of an image, the batch or height and width are known at run time only; of a clip, the batch.
  explicit Network(std::vector<std::int64_t> sizes) : value(Values::of(sizes)) {
    const bool any_image = sizes.size() == 4 && sizes[0] % 2 == 1;
    function.name = "network";
    graph::OwnedNode n;
    n.op = OpCode::input;
    n.ints = {0};
    TensorType type{DType::f32, {}};
    for (std::size_t i = 0; i < sizes.size(); ++i)
      type.shape.append(any_image && i > 1     ? Dim::symbol(i == 2 ? 'H' : 'W')
                        : !any_image && i == 0 ? Dim("B")
                                               : Dim(sizes[i]));
    function.arguments = {type};
    n.results = {type};
    function.nodes.push_back(n);
    input = Tensor(DType::f32, Sizes(sizes));
    formula_input("input", input.as<float>());
    std::ranges::copy(input.as<float>(), value.data.begin());
  }

  Values value;
  Tensor input;

  void convolution(std::int64_t outputs, const std::vector<Step>& steps, std::int64_t groups,
                   bool relu) {
    std::vector<std::int64_t> sizes{outputs, value.sizes[1] / groups};
    for (const Step& s : steps) sizes.push_back(s.kernel);
    std::vector<std::int64_t> ints;
    for (auto member : {&Step::stride, &Step::padding, &Step::dilation})
      for (const Step& s : steps) {
        ints.push_back(s.*member);
        if (steps.size() == 2) break;
      }
    ints.push_back(groups);
    std::string stem = "layer" + std::to_string(function.nodes.size());
    Values w, bias;
    int weight = parameter(stem + ".weight", sizes, w);
    std::vector<std::int64_t> ones(steps.size() + 1, 1);
    ones[0] = outputs;
    int shift = parameter(stem + ".bias", ones, bias);
    apply(steps.size() == 2 ? OpCode::conv2d : OpCode::conv3d, {last, weight}, ints);
    apply(OpCode::add, {last, shift});
    value = convolve(value, w, steps, groups);
    const std::size_t positions = value.data.size() / std::size_t(value.sizes[0] * outputs);
    for (std::size_t i = 0; i < value.data.size(); ++i)
      value.data[i] += bias.data[i / positions % std::size_t(outputs)];
    if (!relu) return;
    apply(OpCode::relu, {last});
    for (double& x : value.data) x = std::max(x, 0.0);
  }

  void pooling(const std::vector<Step>& steps, bool largest) {
    int axis = 2;
    for (const Step& s : steps)
      apply(OpCode::window, {last}, {axis++, s.kernel, s.stride, s.dilation, s.padding, s.padding},
            {largest ? -std::numeric_limits<double>::infinity() : 0.0});
    TensorType merged = type(last);
    for (std::size_t i = 1; i < steps.size(); ++i) {
      merged.shape[-2] = merged.shape[-2] * merged.shape[-1];
      merged.shape.dims[--merged.shape.rank] = Dim();
    }
    apply(OpCode::reshape, {last}, {}, {}, merged);
    apply(largest ? OpCode::max : OpCode::mean, {last}, {merged.shape.rank - 1, 0});
    value = pool(value, steps, largest);
  }

  // The largest error relative to the largest value.
  double error(const std::string& target, const std::string& fusion) {
    graph::Module module;
    function.results = {{last, 0}};
    module.functions = {function};
    module.input_names = {"input"};
    Options options;
    options.target = target;
    options.fusion = fusion;
    Program program = load_graph(graph::encode(module), options);
    Session session = program.bind(formula_checkpoint(program.parameters()));
    Tensor y = session.run(input);
    REQUIRE(y.count() == std::int64_t(value.data.size()));
    double worst = 0, size = 1e-3;
    for (std::size_t i = 0; i < value.data.size(); ++i) {
      worst = std::max(worst, std::abs(double(y.as<float>()[i]) - value.data[i]));
      size = std::max(size, std::abs(value.data[i]));
    }
    return worst / size;
  }

 private:
  graph::OwnedFunction function;
  int last = 0;

  const TensorType& type(int node) const { return function.nodes[std::size_t(node)].results[0]; }

  int parameter(const std::string& name, const std::vector<std::int64_t>& sizes, Values& out) {
    graph::OwnedNode n;
    n.op = OpCode::parameter;
    n.name = name;
    TensorType t{DType::f32, {}};
    for (std::int64_t s : sizes) t.shape.append(s);
    n.results = {t};
    out = Values::of(sizes);
    std::vector<float> data(out.data.size());
    formula_fill(name, sizes, data);
    std::ranges::copy(data, out.data.begin());
    function.nodes.push_back(n);
    return int(function.nodes.size()) - 1;
  }

  void apply(OpCode op, std::vector<int> operands, std::vector<std::int64_t> ints = {},
             std::vector<double> reals = {}, const TensorType& declared = {}) {
    graph::OwnedNode n;
    n.op = op;
    n.ints = std::move(ints);
    n.reals = std::move(reals);
    std::vector<const TensorType*> types;
    for (int x : operands) {
      n.inputs.push_back({x, 0});
      types.push_back(&type(x));
    }
    graph::Attributes with{n.ints.data(),  int(n.ints.size()), nullptr, 0,
                           n.reals.data(), int(n.reals.size())};
    graph::Inferred r = graph::infer(op, {types.data(), int(types.size())}, with, declared);
    REQUIRE_MESSAGE(!r.problem, text_of(r.problem));
    n.results = {r.type};
    function.nodes.push_back(std::move(n));
    last = int(function.nodes.size()) - 1;
  }
};

constexpr double tolerance = 2e-6;

void check(Network& network,
           std::initializer_list<const char*> targets = {"reference", "host", "x86-64-avx2",
                                                         "x86-64"},
           std::initializer_list<const char*> levels = {"none", "layout", "all"}) {
  for (const char* target : targets)
    for (const char* level : levels) {
      CAPTURE(target);
      CAPTURE(level);
      CHECK(network.error(target, level) < tolerance);
    }
}

class Chance {
 public:
  explicit Chance(unsigned seed) : random(seed) {}
  std::int64_t operator()(std::int64_t low, std::int64_t high) {
    return low + std::int64_t(random() % unsigned(high - low + 1));
  }
  // A kernel that fits an axis of `room`.
  Step step(std::int64_t room, std::int64_t stride, std::int64_t padding, std::int64_t dilation) {
    Step s{(*this)(1, 3), stride, padding, dilation};
    if (dilation * (s.kernel - 1) + 1 > room + 2 * padding) s.kernel = 1;
    return s;
  }

 private:
  std::mt19937 random;
};

}  // namespace

TEST_CASE("one convolution of an image, of any sort") {
  for (unsigned seed = 0; seed < 14; ++seed) {
    CAPTURE(seed);
    Chance pick(seed);
    const std::int64_t groups = seed % 3 == 0 ? pick(2, 3) : 1;
    Network network({pick(1, 3), groups * pick(1, 9), pick(4, 12), pick(4, 12)});
    const std::int64_t stride = pick(1, 3), padding = pick(0, 2), dilation = pick(1, 2);
    std::vector<Step> steps;
    for (int axis : {2, 3})
      steps.push_back(pick.step(network.value.sizes[std::size_t(axis)], stride, padding, dilation));
    network.convolution(groups * pick(1, 19), steps, groups, pick(0, 1));
    check(network, {"reference", "host", "x86-64"}, {"none", "all"});
  }
}

TEST_CASE("depthwise convolutions of images and clips") {
  Network image({2, 19, 9, 7});
  image.convolution(19, {{3, 1, 1, 1}, {3, 1, 1, 1}}, 19, true);
  image.convolution(19, {{2, 2, 0, 1}, {3, 2, 0, 1}}, 19, false);
  check(image);
  Network clip({2, 10, 4, 7, 6});
  clip.convolution(10, {{3, 1, 1, 1}, {3, 2, 1, 1}, {3, 2, 1, 1}}, 10, false);
  check(clip);
}

TEST_CASE("convolutions of clips") {
  for (unsigned seed = 100; seed < 106; ++seed) {
    CAPTURE(seed);
    Chance pick(seed);
    const std::int64_t groups = seed % 3 == 0 ? 2 : 1;
    Network network({pick(1, 2), groups * pick(1, 5), pick(2, 5), pick(4, 9), pick(4, 9)});
    std::vector<Step> steps;
    for (std::size_t axis : {2u, 3u, 4u})
      steps.push_back(pick.step(network.value.sizes[axis], pick(1, 3), pick(0, 2), pick(1, 2)));
    network.convolution(groups * pick(1, 9), steps, groups, true);
    check(network, {"reference", "host", "x86-64"}, {"none", "all"});
  }
}

TEST_CASE("pooling of images and clips, by themselves and behind convolutions") {
  for (bool largest : {true, false}) {
    Network alone({2, 5, 9, 8});
    alone.pooling({{3, 2, 1, 1}, {3, 2, 1, 1}}, largest);
    check(alone);
    Network dilated({1, 3, 9, 10});
    dilated.pooling({{2, 1, 1, 3}, {2, 3, 0, 2}}, largest);
    check(dilated, {"reference", "host"}, {"none", "all"});
    Network clip({1, 9, 4, 7, 6});
    clip.pooling({{1, 1, 0, 1}, {3, 2, 1, 1}, {2, 2, 0, 1}}, largest);
    check(clip, {"reference", "host", "x86-64"}, {"none", "all"});
    Network stem({2, 3, 20, 17});
    stem.convolution(20, {{7, 2, 3, 1}, {7, 2, 3, 1}}, 1, true);
    stem.pooling({{3, 2, 1, 1}, {3, 2, 1, 1}}, largest);
    stem.convolution(33, {{3, 1, 1, 1}, {3, 1, 1, 1}}, 1, true);
    stem.convolution(16, {{1, 2, 0, 1}, {1, 2, 0, 1}}, 1, false);
    check(stem);
  }
}

TEST_CASE(
    "windows by their runs: borders, several images in a block, dilation, columns left off, "
    "strided points") {
  Network image({3, 2, 13, 12});
  image.convolution(48, {{7, 1, 3, 1}, {7, 1, 3, 1}}, 1, true);
  image.convolution(64, {{3, 3, 2, 2}, {2, 3, 2, 2}}, 1, false);
  image.convolution(70, {{1, 2, 0, 1}, {1, 2, 0, 1}}, 1, true);
  check(image, {"host", "x86-64-avx2"}, {"all"});
  Network grouped({2, 6, 9, 16});
  grouped.convolution(96, {{3, 1, 1, 1}, {9, 1, 1, 1}}, 2, true);
  check(grouped, {"host"}, {"all"});
}

TEST_CASE("sums over more taps and channels than one block of a contraction holds") {
  Network network({1, 130, 9, 9});
  network.convolution(70, {{3, 1, 1, 1}, {3, 1, 1, 1}}, 1, true);
  network.convolution(40, {{3, 2, 1, 1}, {3, 2, 1, 1}}, 1, false);
  check(network, {"host", "x86-64-avx2", "x86-64"}, {"none", "all"});
}
