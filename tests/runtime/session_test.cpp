// Programs on weights: shapes, results, errors, allocation, concurrency.
#include "heed/runtime/session.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "heed/runtime/error.h"
#include "heed/runtime/profile.h"
#include "sample_program.h"

using heed::Checkpoint;
using heed::Program;
using heed::Session;
using heed::Tensor;
namespace testing = heed::testing;

namespace {

Tensor ramp(std::int64_t batch, std::int64_t length) {
  Tensor x(heed::DType::f32, {batch, length, 3});
  std::size_t i = 0;
  for (float& v : x.as<float>()) v = std::sin(float(i++));
  return x;
}

void check_result(const Tensor& x, const Tensor& y, bool pre = false) {
  REQUIRE(y.sizes() == heed::Sizes{x.sizes()[0], x.sizes()[1], 4});
  for (std::int64_t row = 0; row < x.count() / 3; ++row)
    for (int n = 0; n < 4; ++n)
      REQUIRE(y.as<float>()[std::size_t(row * 4 + n)] ==
              doctest::Approx(testing::sample_value(x.as<float>().data() + row * 3, n, pre)));
}

Session sample_session(int threads = 2) {
  return Program(testing::sample_program(), threads).bind(testing::sample_checkpoint());
}

}  // namespace

TEST_CASE("session: results and probes, for one shape after another") {
  Session session = sample_session();
  for (auto [batch, length] : {std::pair{1, 4}, {3, 8}, {2, 64}, {1, 4}, {1, 6}}) {
    const Tensor x = ramp(batch, length);
    const auto results = session.run(x);
    const Tensor y = results;
    check_result(x, y);
    check_result(x, results.probe("pre"), true);
  }
}
