// A run on a device with the sizes of the run before asks for no memory. A program of its own, since it counts what all
// that is in it asks for.
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
