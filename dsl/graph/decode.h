// Bytes to a module, for input that nobody vouches for: every count is bounded by the bytes that
// are left and by limit::*, and what was read must verify. The layout stands in encode.h.
#pragma once
#include <bit>
#include <optional>
#include <span>

#include "heed/dsl/graph/encode.h"
#include "heed/dsl/graph/verify.h"

namespace heed::graph {

// Either a module or a sentence.
struct Decoded {
  std::optional<Module> module;
  std::string error;
  explicit operator bool() const { return module.has_value(); }
};

class Reader {
 public:
  std::string error;

  explicit Reader(std::span<const std::byte> bytes) : left(bytes) {}

  Module module() {
    Module m;
    for (char c : format_magic)
      if (number(1) != std::uint64_t(static_cast<unsigned char>(c))) fail("is not a graph");
    std::uint64_t version = number(4);
    if (error.empty() && version != format_version)
      fail("has format version " + std::to_string(version) + ", this build reads " +
           std::to_string(format_version));
    list(m.functions, limit::functions, &Reader::function);
    list(m.input_names, limit::values, &Reader::text);
    if (!left.empty()) fail("has bytes after its end");
    return m;
  }

 private:
  std::span<const std::byte> left;
  std::size_t types_read = 0, nodes_read = 0;

  void fail(std::string sentence) {
    if (error.empty()) error = std::move(sentence);
    left = {};
  }
  std::uint64_t number(std::size_t width) {
    if (left.size() < width) {
      fail("ends too early");
      return 0;
    }
    std::uint64_t v = 0;
    for (std::size_t i = 0; i < width; ++i) v |= std::uint64_t(left[i]) << (8 * i);
    left = left.subspan(width);
    return v;
  }
  std::size_t count(std::size_t most) {
    std::uint64_t n = number(4);
    if (n <= most) return std::size_t(n);
    fail("has a count beyond its limit");
    return 0;
  }
  // Elements one by one: a wrong count runs out of bytes before it runs out of memory.
  template <class T>
  void list(std::vector<T>& out, std::size_t most, T (Reader::*read)()) {
    for (std::size_t n = count(most); n > 0 && error.empty(); --n) out.push_back((this->*read)());
  }

  std::string text() {
    std::string s;
    for (std::size_t n = count(limit::name); n > 0 && error.empty(); --n) s += char(number(1));
    return s;
  }
  std::int32_t int32() { return std::int32_t(std::uint32_t(number(4))); }
  std::int64_t int64() { return std::int64_t(number(8)); }
  double real() { return std::bit_cast<double>(number(8)); }
  Value value() {
    std::int32_t node = int32();
    return {node, int32()};
  }
  Term term() {
    Term t;
    t.num = int64();
    t.den = int64();
    std::uint64_t n = number(1);
    if (n > std::uint64_t(max_factors)) fail("a dimension has too many factors");
    for (std::uint64_t i = 0; i < n && error.empty(); ++i) {
      Atom& f = t.factors[i];
      f.symbol = number(8);
      f.scale = int32();
      f.offset = int32();
      f.divisor = int32();
    }
    return t;
  }
  Dim dim() {
    Dim d(int64());
    std::uint64_t n = number(1);
    if (n > std::uint64_t(max_terms)) fail("a dimension has too many terms");
    for (std::uint64_t i = 0; i < n && error.empty(); ++i) d.terms[i] = term();
    return d;
  }
  TensorType type() {
    TensorType t;
    std::uint64_t dtype = number(1), rank = number(1);
    if (dtype >= std::uint64_t(dtype_count)) fail("has an unknown dtype");
    if (rank > std::uint64_t(max_rank)) fail("rank is too large");
    if (++types_read > limit::nodes) fail("has too many types");
    t.dtype = DType(dtype);
    for (std::uint64_t i = 0; i < rank && error.empty(); ++i) t.shape.append(dim());
    return t;
  }
  OwnedNode node() {
    OwnedNode n;
    if (++nodes_read > limit::nodes) fail("has too many nodes");
    n.op = OpCode(number(2));
    n.name = text();
    list(n.inputs, limit::values, &Reader::value);
    list(n.results, limit::values, &Reader::type);
    n.callee = int32();
    n.times = int64();
    list(n.ints, limit::attributes, &Reader::int64);
    list(n.dims, limit::attributes, &Reader::dim);
    list(n.reals, limit::attributes, &Reader::real);
    std::uint64_t size = number(8);
    if (size > left.size()) {
      fail("ends too early");
    } else {
      n.data.assign(left.begin(), left.begin() + std::ptrdiff_t(size));
      left = left.subspan(std::size_t(size));
    }
    return n;
  }
  OwnedFunction function() {
    OwnedFunction f;
    f.name = text();
    list(f.arguments, limit::values, &Reader::type);
    list(f.nodes, limit::nodes, &Reader::node);
    list(f.results, limit::values, &Reader::value);
    return f;
  }
};

inline Decoded decode(std::span<const std::byte> bytes) {
  Reader in(bytes);
  Module module = in.module();
  std::string error = in.error.empty() ? verify(module) : in.error;
  if (!error.empty()) return {{}, "graph: " + error};
  return {std::move(module), {}};
}

}  // namespace heed::graph
