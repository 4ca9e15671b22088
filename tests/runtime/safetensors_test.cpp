// The format: what it must accept and every way of being malformed.
#include "heed/runtime/safetensors.h"

#include <cstring>

#include "heed/runtime/checkpoint.h"
#include "must_throw.h"
#include "random.h"

using heed::StoredTensor;
using heed::StoredType;
using heed::testing::check_error;

namespace {

heed::SafetensorsContent parse(std::string_view json, std::uint64_t data_size) {
  return heed::parse_safetensors(std::as_bytes(std::span(json)), data_size);
}
void refused(std::string_view json, std::uint64_t data_size,
             std::initializer_list<std::string_view> words) {
  CAPTURE(json);
  check_error([&] { parse(json, data_size); }, words);
}
std::size_t header_size(std::uint64_t announced, std::uint64_t file_size) {
  std::byte prefix[8];
  std::memcpy(prefix, &announced, 8);
  return heed::safetensors_header_size(prefix, file_size);
}

}  // namespace

TEST_CASE("safetensors: tensors, metadata, padding") {
  const auto content = parse(R"({"__metadata__":{"made":"here","é":"\u00e9"},
    "b":{"dtype":"F16","shape":[2,3],"data_offsets":[8,20]},
    "a":{"data_offsets":[0,8],"shape":[],"dtype":"I64"},
    "none":{"dtype":"F32","shape":[0,4],"data_offsets":[8,8]}}    )",
                             20);
  REQUIRE(content.tensors.size() == 3);
  CHECK(content.tensors[0].name == "a");
  CHECK(content.tensors[0].type == StoredType::i64);
  CHECK(content.tensors[0].sizes == heed::Sizes{});
  CHECK(content.tensors[1].begin == 8);
  CHECK(content.tensors[1].sizes == heed::Sizes{2, 3});
  CHECK(content.tensors[2].sizes.count() == 0);
  CHECK(content.metadata.at("made") == "here");
  CHECK(content.metadata.at("é") == "é");
  CHECK(parse("{}", 0).tensors.empty());
}

TEST_CASE("safetensors: the announced header") {
  CHECK(header_size(2, 10) == 2);
  check_error([] { header_size(3, 10); }, {"3 bytes", "truncated"});
  check_error([] { header_size(100'000'001, 1'000'000'000); }, {"100000001", "at most 100000000"});
  check_error([] { header_size(~std::uint64_t(0), ~std::uint64_t(0)); }, {"announced"});
  check_error([] { heed::safetensors_header_size({}, 3); }, {"3 bytes"});
}

TEST_CASE("safetensors: malformed JSON") {
  refused("", 0, {"begin with '{'"});
  refused(" {}", 0, {"begin with '{'"});
  refused("[]", 0, {"begin with '{'"});
  refused("{", 0, {"no JSON"});
  refused("{}}", 0, {"no JSON"});
  refused(R"({"a":)", 0, {"no JSON"});
  refused("{\"a\xff\":{}}", 0, {"no JSON"});
  refused(R"({"a":1})", 0, {"table of tensors"});
  refused(R"({"a":[1]})", 0, {"table of tensors"});
  refused(R"({"a":null})", 0, {"null"});
  refused(R"({"a":{}})", 0, {"'a'", "lacks"});
  refused(R"({"a":{"b":{}}})", 0, {"'a'", "unknown field 'b'"});
  refused(R"({"a":{"dtype":{}}})", 0, {"'a'", "an object", "'dtype'"});
  refused(R"({"a":{"dtype":["F32"]}})", 0, {"an array"});
  refused(R"({"a":{"shape":[[1]]}})", 0, {"an array"});
  refused(R"({"a":{"shape":"1"}})", 0, {"a string"});
  refused(R"({"a":{"shape":[true]}})", 0, {"a boolean"});
  refused(R"({"__metadata__":{"a":1}})", 0, {"a number"});
  refused(R"({"__metadata__":{"a":{}}})", 0, {"an object"});
  refused(std::string(100'000, '{'), 0, {"malformed"});
  refused("{\"a\":" + std::string(100'000, '['), 0, {"malformed"});
}

TEST_CASE("safetensors: types, shapes and offsets") {
  refused(R"({"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})", 1,
          {"'a'", "'F8_E4M3'", "none of"});
  refused(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, {"negative"});
  refused(R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", 4, {"fractional"});
  refused(R"({"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}})", 4,
          {"huge"});
  refused(R"({"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]}})", 4,
          {"extent"});
  refused(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})", 4,
          {"more elements"});
  refused(R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})", 4,
          {"more than 8"});
  refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4,
          {"'a' is F32 [2]", "4 bytes"});
  refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, {"ascending"});
  refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4, {"two ascending"});
  refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 3,
          {"byte 4 of 3", "truncated"});
  refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 5, {"1 bytes at its end"});
  refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8,
          {"4 bytes before 'a'", "gaps"});
  refused(
      R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
              "b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
      6, {"'b' overlaps 'a'"});
  refused(
      R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
              "a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
      8, {"'a' appears twice"});
  refused(R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4,
          {"more than one dtype"});
}

TEST_CASE("safetensors: written headers read back") {
  const StoredTensor tensors[] = {{"z", StoredType::bf16, {3}, 0},
                                  {"quote\"\n", StoredType::boolean, {2, 2}, 0}};
  const std::string header = heed::safetensors_header(tensors);
  CHECK(header.size() % 8 == 0);
  const auto content = parse(std::string_view(header).substr(8), 10);
  CHECK(content.tensors[0].name == "quote\"\n");
  CHECK(content.tensors[0].begin == 6);
  CHECK(content.tensors[1].type == StoredType::bf16);
  check_error(
      [] {
        heed::safetensors_header(std::vector<StoredTensor>(2, {"a", StoredType::i8, {1}, 0}));
      },
      {"twice"});
  check_error(
      [] {
        heed::safetensors_header(std::vector<StoredTensor>{{"\xff", StoredType::i8, {1}, 0}});
      },
      {"UTF-8"});
}

TEST_CASE("safetensors: damage never does worse than an Error") {
  const StoredTensor tensors[] = {{"weight", StoredType::f32, {2, 3}, 0},
                                  {"bias", StoredType::f16, {4}, 0}};
  const std::string header = heed::safetensors_header(tensors);
  const auto raw = std::as_bytes(std::span(header));
  std::vector<std::byte> file(raw.begin(), raw.end());
  file.resize(file.size() + 32);
  heed::Checkpoint::from_bytes(file);
  heed::testing::Random random(11);
  for (int i = 0; i < 5000; ++i)
    heed::testing::error_of(
        [&] { heed::Checkpoint::from_bytes(heed::testing::damaged(file, random)); });
}
