#include "heed/runtime/philox.h"

#include <doctest/doctest.h>

using namespace heed;

TEST_CASE("Philox2x32-10 gives the known answers of its authors") {
  // Random123's kat_vectors: the first words
  static_assert(philox(0, 0, 0) == 0xff1dae59);
  static_assert(philox(0xffffffff, 0xffffffff, 0xffffffff) == 0x2c3f628b);
  static_assert(philox(0x13198a2e, 0x243f6a88, 0x85a308d3) == 0xdd7ce038);
  CHECK(uniform(0) == 0x1p-24);
  CHECK(uniform(0xffffffff) == 1 - 0x1p-24);
  CHECK(float(uniform(0xffffffff)) < 1);
}
