// Interpolation and adaptive pooling, up and down, at sizes known and unknown when compiling,
// against loops in double.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "heed/dsl/dsl.h"
#include "heed/dsl/load.h"
#include "heed/runtime/formula.h"
#include "heed/runtime/session.h"
#include "ways.h"

using namespace heed;

namespace {

constexpr dim B{"B"}, H{"H"}, W{"W"};

template <dim Height, dim Width>
struct bilinear {
  constexpr auto operator()(expression auto x) const {
    return interpolate_bilinear<Height, Width>(x);
  }
};
template <dim Height, dim Width>
struct nearest {
  constexpr auto operator()(expression auto x) const {
    return interpolate_nearest<Height, Width>(x);
  }
};
template <dim Height, dim Width>
struct averages {
  constexpr auto operator()(expression auto x) const {
    return adaptive_avg_pool2d<Height, Width>(x);
  }
};

// Weight of old cell i for new cell o, as torch defines the modes.
using Weight = double (*)(std::int64_t o, std::int64_t i, std::int64_t out, std::int64_t in);
double bilinear_weight(std::int64_t o, std::int64_t i, std::int64_t out, std::int64_t in) {
  double at = std::clamp((double(o) + 0.5) * double(in) / double(out) - 0.5, 0.0, double(in - 1));
  return std::max(0.0, 1 - std::abs(at - double(i)));
}
double nearest_weight(std::int64_t o, std::int64_t i, std::int64_t out, std::int64_t in) {
  return i == o * in / out;
}
double average_weight(std::int64_t o, std::int64_t i, std::int64_t out, std::int64_t in) {
  std::int64_t first = o * in / out, last = ((o + 1) * in + out - 1) / out;
  return i >= first && i < last ? 1 / double(last - first) : 0;
}

template <class Model, class Image>
void check(std::int64_t height, std::int64_t width, std::int64_t to_height, std::int64_t to_width,
           Weight weight) {
  constexpr std::int64_t batch = 2, channels = 3;
  Tensor x(DType::f32, {batch, channels, height, width});
  formula_input("input", x.as<float>());
  const std::vector<std::string> targets{"reference", "host", "x86-64"};
  for (Options way : oracle::ways(targets, targets)) {
    CAPTURE(way.target);
    CAPTURE(way.fusion);
    way.threads = 0;  // all cores
    Program program = load<Model, Image>(way);
    Session session = program.bind(formula_checkpoint(program.parameters()));
    Tensor y = session.run(x);
    REQUIRE(y.sizes() == Sizes{batch, channels, to_height, to_width});
    double worst = 0;
    for (std::int64_t at = 0; at < y.count(); ++at) {
      std::int64_t image = at / (to_height * to_width), oy = at / to_width % to_height,
                   ox = at % to_width;
      double expected = 0;
      for (std::int64_t iy = 0; iy < height; ++iy)
        for (std::int64_t ix = 0; ix < width; ++ix)
          expected += weight(oy, iy, to_height, height) * weight(ox, ix, to_width, width) *
                      double(x.as<float>()[std::size_t((image * height + iy) * width + ix)]);
      worst = std::max(worst, std::abs(expected - double(y.as<float>()[std::size_t(at)])));
    }
    CHECK(worst < 2e-6);
  }
}

using small = tensor<f32, B, 3, 7, 10>;
using any = tensor<f32, B, 3, H, W>;

}  // namespace

TEST_CASE("interpolation, bilinear") {
  check<bilinear<13, 21>, small>(7, 10, 13, 21, bilinear_weight);
  check<bilinear<4, 10>, any>(7, 11, 4, 10, bilinear_weight);
  check<bilinear<2 * H, 3 * W>, any>(5, 6, 10, 18, bilinear_weight);
}

TEST_CASE("interpolation by the nearest cell") {
  check<nearest<14, 9>, small>(7, 10, 14, 9, nearest_weight);
  check<nearest<5, 2 * W>, any>(7, 6, 5, 12, nearest_weight);
  check<nearest<14, 30>, small>(7, 10, 14, 30, nearest_weight);
  check<nearest<2 * H, 3 * W>, any>(5, 6, 10, 18, nearest_weight);
  CHECK(load<nearest<2 * H, 3 * W>, any>().data().steps.size() == 1);  // nothing is gathered
  CHECK(load<nearest<5, 2 * W>, any>().data().steps.size() == 3);      // one gather
}

TEST_CASE("adaptive average pooling") {
  check<averages<3, 4>, small>(7, 10, 3, 4, average_weight);
  check<averages<1, 6>, any>(9, 4, 1, 6, average_weight);
}
