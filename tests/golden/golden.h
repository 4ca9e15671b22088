// Comparison with tensors that a trusted implementation computed in float64 (README.md).
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "heed/dsl/dsl.h"
#include "heed/dsl/load.h"
#include "heed/runtime/checkpoint.h"
#include "heed/runtime/formula.h"
#include "heed/runtime/session.h"

namespace heed::golden {

inline constexpr double f32_tolerance = 1e-5;

struct Difference {
  double norm = 0, max = 0;  // ‖err‖/‖ref‖ and max|err|/max|ref|
  std::int64_t worst = 0;    // index of the largest error
  bool within(double tolerance) const { return norm <= tolerance && max <= tolerance; }
};

// expected holds elements 0, stride, 2·stride, … of the flattened actual.
inline Difference compare(std::span<const float> actual, std::span<const float> expected,
                          std::int64_t stride = 1) {
  REQUIRE(expected.size() == (actual.size() + stride - 1) / stride);
  double error2 = 0, reference2 = 0, error = 0, reference = 0;
  Difference d;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    double e = std::abs(double(actual[i * stride]) - double(expected[i]));
    if (!(e <= error)) {  // a NaN is the worst error
      error = std::isnan(e) ? INFINITY : e;
      d.worst = static_cast<std::int64_t>(i) * stride;
    }
    error2 += e * e;
    reference2 += double(expected[i]) * double(expected[i]);
    reference = std::max(reference, std::abs(double(expected[i])));
  }
  d.norm = std::isnan(error2) ? INFINITY : std::sqrt(error2 / reference2);
  d.max = error / reference;
  return d;
}

inline void check(const char* what, std::span<const float> actual, std::span<const float> expected,
                  std::int64_t stride = 1) {
  Difference d = compare(actual, expected, stride);
  std::printf("  %-28s norm %.1e  max %.1e\n", what, d.norm, d.max);
  CHECK_MESSAGE(d.within(f32_tolerance), what, ": worst at element ", d.worst);
}

inline Tensor formula_tensor(const std::string& name, Sizes sizes, float amplitude = 2.0f) {
  Tensor t(DType::f32, sizes);
  formula_input(name, t.as<float>(), amplitude);
  return t;
}

// Every target of this machine, or the one that HEED_GOLDEN_TARGET names.
inline std::vector<std::string> targets() {
  if (const char* only = std::getenv("HEED_GOLDEN_TARGET")) return {only};
  return {"reference", "host", "x86-64-avx2", "x86-64"};
}

// Every level of fusion on this machine's own target, and full fusion on the others.
struct Way {
  std::string target, fusion;
  Options options(std::vector<std::string> probes = {}) const {
    Options o;
    o.target = target;
    o.fusion = fusion;
    o.probes = std::move(probes);
    return o;
  }
};
inline std::vector<Way> ways() {
  std::vector<Way> all;
  for (const std::string& target : targets())
    for (const char* fusion : {"none", "layout", "all"})
      if (target == "host" || targets().size() == 1 || std::string_view(fusion) == "all")
        all.push_back({target, fusion});
  return all;
}

// Every target once, on one of them every op a kernel. For networks that take seconds to compile;
// tests/end_to_end runs their kinds of kernels in every pair of target and fusion.
inline std::vector<Way> crossed_ways() {
  if (targets().size() == 1) return ways();
  return {{"reference", "all"}, {"host", "all"}, {"x86-64-avx2", "all"}, {"x86-64", "none"}};
}

inline Checkpoint reference(const std::string& file) {
  return Checkpoint::open(std::string(HEED_GOLDEN_DIR) + "/" + file);
}

}  // namespace heed::golden
