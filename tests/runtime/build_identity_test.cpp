// Libraries told apart by their builds.
#include "heed/runtime/build_identity.h"

#include <doctest/doctest.h>

#include "heed/runtime/atomic_file.h"
#include "random.h"
#include "temporary.h"

using heed::build_identity;

TEST_CASE("build identity: a copy is the same build, something else is not") {
  const heed::testing::TemporaryDirectory directory;
  const std::string identity = build_identity(HEED_FAKE_COMPILER);
  CHECK(identity.size() >= 16);
  std::filesystem::copy_file(HEED_FAKE_COMPILER, directory / "copy.so");
  CHECK(build_identity(directory / "copy.so") == identity);
  CHECK(build_identity("/proc/self/exe") != identity);
  CHECK(build_identity(directory / "nothing.so").empty());
  heed::testing::write_bytes(directory / "text.so", std::vector<std::byte>(5000));
  CHECK(build_identity(directory / "text.so").empty());
}

TEST_CASE("build identity: what a library needs counts, found by its runpath") {
  static constexpr std::string_view below[] = {"libheed"};
  const std::string identity = build_identity(HEED_FAKE_COMPILER, below);
  CHECK(identity.find(" libheed.so") != identity.npos);
  CHECK(identity.find(build_identity(HEED_LIBRARY)) != identity.npos);
}

TEST_CASE("build identity: damaged libraries do no harm") {
  static constexpr std::string_view below[] = {"lib"};
  const heed::testing::TemporaryDirectory directory;
  const auto good = heed::read_file(HEED_FAKE_COMPILER).bytes;
  heed::testing::Random random(5);
  for (int i = 0; i < 300; ++i) {
    heed::testing::write_bytes(directory / "bad.so", heed::testing::damaged(good, random));
    build_identity(directory / "bad.so", below);
  }
}
