// What compiling promises: the same file whoever compiles, and remarks that reach the user.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "../runtime/temporary.h"
#include "heed/dsl/dsl.h"
#include "heed/dsl/load.h"
#include "heed/dsl/nn/attention.h"

using namespace heed;

namespace {

constexpr dim B{"B"}, T{"T"};
using tokens = tensor<f32, B, T, 96>;

// Scores that somebody else reads cannot stay in registers.
struct reads_scores {
  constexpr auto operator()(expression auto x) const {
    auto scores = matmul(x, transpose(x));
    return matmul(softmax<-1>(scores), x) + matmul(scores, x);
  }
};

// The same module twice.
struct two_layers {
  sub<"first", nn::multi_head_attention<96, 3>> first;
  sub<"second", nn::multi_head_attention<96, 3>> second;
  constexpr auto operator()(expression auto x) const { return second(first(x)); }
};

std::string file_of(const Program& program, const std::filesystem::path& path) {
  program.save(path);
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("compiled again, with other threads or taken from the cache: the same file") {
  const testing::TemporaryDirectory directory;
  using model = nn::multi_head_attention<96, 3>;
  Options options;
  options.threads = 1;
  const std::string first = file_of(load<model, tokens>(options), directory / "program");
  CHECK(first.size() > 1000);
  for (const int threads : {1, 2, 7}) {
    options.threads = threads;
    CHECK(file_of(load<model, tokens>(options), directory / "program") == first);
  }
  options.cache = (directory / "cache").string();
  CHECK(load<model, tokens>(options).compile_ms() > 0);
  const Program cached = load<model, tokens>(options);
  CHECK(cached.compile_ms() == 0);
  CHECK(file_of(cached, directory / "program") == first);
}

TEST_CASE("identical kernels are compiled once") {
  const Program one = load<nn::multi_head_attention<96, 3>, tokens>();
  const Program two = load<two_layers, tokens>();
  CHECK(two.data().steps.size() == 2 * one.data().steps.size());
  CHECK(two.data().kernels.size() == one.data().kernels.size());
}

TEST_CASE("attention that was not recognised is remarked, from the cache too") {
  const testing::TemporaryDirectory directory;
  Options options;
  options.cache = (directory / "cache").string();
  for ([[maybe_unused]] const char* way : {"compiled", "cached"}) {
    std::string remarks;
    options.remark = [&](std::string_view sentence) { remarks += sentence; };
    (void)load<reads_scores, tokens>(options);
    CAPTURE(remarks);
    CHECK(remarks.find("not fused as attention: expected the scores to have no other user") !=
          remarks.npos);
  }
}
