// A run on a device with the sizes of the run before asks for no memory. A program of its own,
// since it counts what all that is in it asks for.
#include <doctest/doctest.h>

#include "../count_allocations.h"
#include "../sample_program.h"
#include "heed/runtime/session.h"
#include "programs.h"

using heed::Tensor;

TEST_CASE("vulkan: no allocation while sizes stay, results stay where they are") {
  const std::atomic<long>& count = heed::testing::allocations();
  heed::Session session =
      heed::Program(heed::testing::sample_gpu_program()).bind(heed::testing::sample_checkpoint());
  const Tensor x(heed::DType::f32, {2, 8, 3});
  const long at_first = count;
  const void* before = session.run(x)[0].data();
  CHECK(count > at_first);  // it does count
  bool moved = false;
  const long before_runs = count;
  for (int i = 0; i < 100; ++i) moved |= session.run(x)[0].data() != before;
  const long in_runs = count - before_runs;
  CHECK(in_runs == 0);
  CHECK(!moved);
}

TEST_CASE("vulkan: no allocation for the turns of a loop that stops") {
  heed::Session session =
      heed::Program(heed::testing::stopping_program()).bind(heed::testing::no_weights());
  Tensor x(heed::DType::f32, {5});
  const Tensor limit(heed::DType::f32, {20});
  session.run(x, limit);
  const long before = heed::testing::allocations();
  for (int i = 0; i < 20; ++i) {
    x.as<float>()[0] = float(i * 7);
    session.run(x, limit);
  }
  const long in_runs = heed::testing::allocations() - before;
  CHECK(in_runs == 0);
}
