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
  CHECK(heed::override_tuning(tuning, "fuse=no,key_block=512\nsum=0.25\n").empty());
  CHECK(tuning.attention.fuse == false);
  CHECK(tuning.attention.key_block == 512);
  CHECK(!tuning.attention.block_tiles);
  CHECK(tuning.attention.costs.ns[AttentionCosts::sum] == 0.25);
  CHECK(tuning.attention.costs.ns[AttentionCosts::row] == 0);
}

TEST_CASE("what is no choice is named") {
  for (const char* text : {"colour=red", "fuse", "fuse=", "fuse=sometimes", "key_block=100",
                           "key_block=64x", "block_tiles=0", "row=-1", "row=much"}) {
    Tuning tuning;
    const std::string sentence = heed::override_tuning(tuning, text);
    CAPTURE(text);
    CHECK(sentence.find(text) != sentence.npos);
    CHECK(sentence.find("key_block=64…4096") != sentence.npos);
    CHECK(sentence.find("far_block") != sentence.npos);
  }
}

TEST_CASE("the cheapest plan is taken, what is forced is kept, and sizes fit the shape") {
  Target target = heed::target_by_name("x86-64");
  target.tuning = {};
  AttentionShape shape{.batch = 8, .queries = 1024, .keys = 1024, .features = 64, .values = 64};
  target.tuning.attention.costs.ns[AttentionCosts::visit] = 1;  // the fewest blocks
  CHECK(heed::best_attention_plan(shape, target).key_block == 512);
  target.tuning.attention.key_block = 128;
  CHECK(heed::best_attention_plan(shape, target).key_block == 128);
  shape.queries = 10;
  shape.keys = 20;
  const heed::AttentionPlan small = heed::best_attention_plan(shape, target);
  CHECK(small.key_block == 24);   // three panels of two vectors
  CHECK(small.block_tiles == 2);  // of six queries
}

TEST_CASE("of plans that cost the same, blocks of more queries are taken") {
  const AttentionShape few_keys{
      .batch = 14, .queries = 1523, .keys = 5, .features = 192, .values = 192};
  const Target avx512 = heed::target_by_name("x86-64-avx512");
  CHECK(heed::best_attention_plan(few_keys, avx512).block_tiles == 32);
}

TEST_CASE("narrow vectors keep a block of values within the pages of a TLB, if that is all") {
  const AttentionShape wide{
      .batch = 26, .queries = 22, .keys = 491, .features = 192, .values = 192};
  // the values of 256 keys lie on all pages of the TLB; where they begin within one, on one more
  const AttentionShape brim{
      .batch = 2, .queries = 2, .keys = 2132, .features = 256, .values = 256};
  const auto block_of = [](const AttentionShape& shape, const char* name) {
    return heed::best_attention_plan(shape, heed::target_by_name(name)).key_block;
  };
  CHECK(block_of(wide, "x86-64-avx512") == 512);
  CHECK(block_of(wide, "x86-64-avx2") == 256);  // 512 took 1.22 times as long
  CHECK(block_of(brim, "x86-64-avx2") == 128);  // 256 took 1.11 times as long
}

TEST_CASE("work is counted under a mask as the kernel does it") {
  const Target target = heed::target_by_name("x86-64");  // tiles of 5 queries, panels of 8 keys
  AttentionShape shape{
      .batch = 1, .queries = 10, .keys = 16, .features = 4, .values = 4, .seen = {{}, 0}};
  const auto work = heed::attention_work(shape, {.key_block = 8}, target);
  // of queries 0…4, which see keys 0…4, and 5…9
  CHECK(work[AttentionCosts::visit] == 1 + 2);
  CHECK(work[AttentionCosts::row] == 5 * 1 + 5 * 2);
  CHECK(work[AttentionCosts::sum] == 4 * (5 * 1 + 5 * 2));
}
