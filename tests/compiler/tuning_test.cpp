// What was tuned can be overridden by name, and nothing else can; attention's plans follow from it.
#include "heed/compiler/tuning.h"

#include <doctest/doctest.h>

#include "heed/compiler/plan/attention_plan.h"

using heed::AttentionCosts;
using heed::AttentionShape;
using heed::Target;
using heed::Tuning;

TEST_CASE("tuning is overridden by name") {
  Tuning tuning;
  CHECK(heed::override_tuning(tuning, "").empty());
  CHECK(heed::override_tuning(tuning, "fuse=no,key_block=512\nproduct=0.25\n").empty());
  CHECK(tuning.attention.fuse == false);
  CHECK(tuning.attention.key_block == 512);
  CHECK(!tuning.attention.block_tiles);
  CHECK(tuning.attention.costs.ns[AttentionCosts::product] == 0.25);
  CHECK(tuning.attention.costs.ns[AttentionCosts::score] == 0);
}

TEST_CASE("what is no choice is named") {
  for (const char* text : {"colour=red", "fuse", "fuse=", "fuse=sometimes", "key_block=100",
                           "key_block=64x", "block_tiles=0", "score=-1", "score=much"}) {
    Tuning tuning;
    const std::string sentence = heed::override_tuning(tuning, text);
    CAPTURE(text);
    CHECK(sentence.find(text) != sentence.npos);
    CHECK(sentence.find("key_block=64…4096") != sentence.npos);
    CHECK(sentence.find("unfused_row") != sentence.npos);
  }
}

TEST_CASE("attention is fused where that is predicted to be faster") {
  for (const std::string name : {"x86-64-avx512", "x86-64-avx2", "x86-64"}) {
    CAPTURE(name);
    Target target = heed::target_by_name(name);
    const AttentionShape square{
        .batch = 12, .queries = 197, .keys = 197, .features = 64, .values = 64};
    AttentionShape one_key = square, masked = square, unknown = square;
    one_key.keys = 1;
    masked.masked = true;
    unknown.queries = unknown.keys = std::nullopt;
    CHECK(heed::is_better_fused(square, target));
    // what was measured
    if (name == "x86-64-avx512") CHECK(!heed::is_better_fused(one_key, target));
    CHECK(heed::is_better_fused(masked, target));
    CHECK(heed::is_better_fused(unknown, target));
    target.tuning.attention.fuse = true;
    CHECK(heed::is_better_fused(one_key, target));
    target.tuning.attention.fuse = false;
    CHECK(!heed::is_better_fused(square, target));
  }
}

TEST_CASE("the cheapest fused plan is taken, what is forced is kept, and sizes fit the shape") {
  Target target = heed::target_by_name("x86-64");
  target.tuning = {};
  AttentionShape shape{.batch = 8, .queries = 1024, .keys = 1024, .features = 64, .values = 64};
  target.tuning.attention.costs.ns[AttentionCosts::visit] = 1;  // the fewest blocks
  CHECK(heed::best_fused_plan(shape, target).key_block == 512);
  target.tuning.attention.key_block = 128;
  CHECK(heed::best_fused_plan(shape, target).key_block == 128);
  shape.queries = 10;
  shape.keys = 20;
  const heed::AttentionPlan small = heed::best_fused_plan(shape, target);
  CHECK(small.key_block == 24);   // three panels of two vectors
  CHECK(small.block_tiles == 2);  // of six queries
}

TEST_CASE("work is counted under a mask as the kernel does it") {
  const Target target = heed::target_by_name("x86-64");  // tiles of 6 queries, panels of 8 keys
  AttentionShape shape{.batch = 1,
                       .queries = 12,
                       .keys = 16,
                       .features = 4,
                       .values = 4,
                       .masked = true,
                       .seen = {{}, 0}};
  const auto work = heed::attention_work(shape, {.key_block = 8}, target);
  // of queries 0…5, which see keys 0…5, and 6…11
  CHECK(work[AttentionCosts::visit] == 1 + 2);
  CHECK(work[AttentionCosts::score] == 6 * 8 + 6 * 16);
  CHECK(work[AttentionCosts::row] == 6 * 1 + 6 * 2);
}
