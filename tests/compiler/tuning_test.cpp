// What was tuned can be overridden by name, and nothing else can.
#include "heed/compiler/tuning.h"

#include <doctest/doctest.h>

using heed::Tuning;

TEST_CASE("tuning is overridden by name") {
  Tuning tuning;
  CHECK(heed::override_tuning(tuning, "").empty());
  CHECK(heed::override_tuning(tuning, "fuse=no,key_block=512,band_key_block=64,inside_share_of_l2=0.25").empty());
  CHECK(!tuning.attention.fuse);
  CHECK(tuning.attention.key_block == 512);
  CHECK(tuning.attention.band_key_block == 64);
  CHECK(tuning.attention.inside_share_of_l2 == 0.25);
  CHECK(tuning.attention.block_tiles == Tuning().attention.block_tiles);
}

TEST_CASE("what is no choice is named") {
  for (const char* text : {"colour=red", "fuse", "fuse=", "fuse=sometimes", "key_block=100", "key_block=64x", "block_tiles=0",
                           "inside_from=-1", "inside_share_of_l2=-0.5"}) {
    Tuning tuning;
    const std::string sentence = heed::override_tuning(tuning, text);
    CAPTURE(text);
    CHECK(sentence.find(text) != sentence.npos);
    CHECK(sentence.find("key_block=64…4096") != sentence.npos);
  }
}
