// Checkpoints as files, their conversion, and how they fit a network.
#include "heed/runtime/checkpoint.h"

#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "heed/runtime/formula.h"
#include "heed/runtime/half.h"
#include "must_throw.h"
#include "sample_program.h"
#include "temporary.h"

using heed::Checkpoint;
using heed::DType;
using heed::NamedTensor;
using heed::StoredType;
using heed::Tensor;
using heed::abi::TensorSpec;
using heed::testing::check_error;
using heed::testing::TemporaryDirectory;

namespace {

TensorSpec spec(const char* name, std::initializer_list<int> extents, DType type = DType::f32) {
  TensorSpec s{name, {type, {}}};
  for (int extent : extents) s.type.shape.append(heed::Dim(extent));
  return s;
}

template <class T>
Checkpoint with(StoredType type, std::vector<T> elements) {
  const heed::StoredTensor stored[] = {{"a", type, {std::int64_t(elements.size())}, 0}};
  const std::string header = heed::safetensors_header(stored);
  const auto raw = std::as_bytes(std::span(header)), data = std::as_bytes(std::span(elements));
  std::vector<std::byte> bytes(raw.begin(), raw.end());
  bytes.insert(bytes.end(), data.begin(), data.end());
  return Checkpoint::from_bytes(bytes);
}

std::vector<float> as_floats(const Checkpoint& checkpoint) {
  const heed::StoredTensor& tensor = *checkpoint.find("a");
  std::vector<float> out(std::size_t(tensor.sizes.count()));
  checkpoint.read(tensor, DType::f32, std::as_writable_bytes(std::span(out)));
  return out;
}

}  // namespace

TEST_CASE("checkpoint: saved and opened") {
  const TemporaryDirectory directory;
  const auto path = directory / "two.safetensors";
  Tensor weight(DType::f32, {3, 5});
  heed::formula_input("weight", weight.as<float>());
  const std::int64_t numbers[] = {1, -2};
  const Tensor index = Tensor::of<std::int64_t>(DType::i64, {2}, numbers);
  heed::save_safetensors(path, std::vector<NamedTensor>{{"weight", &weight}, {"index", &index}});
  CHECK(directory.file_count() == 1);

  const Checkpoint checkpoint = Checkpoint::open(path);
  CHECK(checkpoint.tensors().size() == 2);
  CHECK(checkpoint.find("nothing") == nullptr);
  const Tensor again = checkpoint.read("weight");
  CHECK(again.sizes() == weight.sizes());
  CHECK(std::memcmp(again.data(), weight.data(), weight.size_bytes()) == 0);
  CHECK(checkpoint.read("index").as<std::int64_t>()[1] == -2);
  check_error([&] { checkpoint.read("nothing"); }, {"nothing", path.string()});
  check_error([&] { heed::save_safetensors(directory / "no/such/place", {}); },
              {"cannot create", "no/such/place"});
}

TEST_CASE("checkpoint: no file, a truncated one, one truncated while open") {
  const TemporaryDirectory directory;
  const auto path = directory / "weights.safetensors";
  check_error([&] { Checkpoint::open(path); }, {"cannot open", "weights.safetensors"});
  check_error([&] { Checkpoint::open("/"); }, {"no regular file"});
  const Tensor big(DType::f32, {1 << 20});
  heed::save_safetensors(path, std::vector<NamedTensor>{{"big", &big}});
  const Checkpoint checkpoint = Checkpoint::open(path);
  std::filesystem::resize_file(path, 1 << 20);
  check_error([&] { Checkpoint::open(path); }, {"truncated", "weights.safetensors"});
  check_error([&] { checkpoint.read("big"); }, {"truncated meanwhile", "weights.safetensors"});
  std::filesystem::resize_file(path, 3);
  check_error([&] { Checkpoint::open(path); }, {"3 bytes"});
}

TEST_CASE("checkpoint: stored floats of all sizes read as f32") {
  CHECK(as_floats(with<double>(StoredType::f64, {1.5, 0.1, -3e30})) ==
        std::vector<float>{1.5f, 0.1f, -3e30f});
  CHECK(as_floats(with<std::uint16_t>(StoredType::f16, {0x3C00, 0x0001})) ==
        std::vector<float>{1.0f, 0x1p-24f});
  CHECK(as_floats(with<std::uint16_t>(StoredType::bf16, {0x3F80, 0xC000})) ==
        std::vector<float>{1.0f, -2.0f});
  std::vector<std::uint16_t> many(1'500'000);  // more than one chunk
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<std::uint16_t>(i % 0x7C00);
  const std::vector<float> floats = as_floats(with(StoredType::f16, many));
  bool same = true;
  for (std::size_t i = 0; i < many.size(); ++i) same &= floats[i] == heed::half_to_float(many[i]);
  CHECK(same);
  check_error([&] { as_floats(with<std::int32_t>(StoredType::i32, {1})); }, {"'a'", "I32", "f32"});
  check_error([&] { with<std::uint8_t>(StoredType::u8, {1}).read("a"); }, {"U8"});
  const Checkpoint three = with<std::int32_t>(StoredType::i32, {1, 2, 3});
  std::array<std::byte, 8> room;
  check_error([&] { three.read(three.tensors()[0], DType::i32, room); },
              {"'a' has 12 bytes as i32", "the room for it 8"});
  const Tensor booleans = with<std::uint8_t>(StoredType::boolean, {0, 1, 7}).read("a");
  std::uint8_t raw[3];
  std::memcpy(raw, booleans.data(), 3);
  CHECK(raw[2] == 1);
}

TEST_CASE("checkpoint: all that does not fit, in one sentence") {
  const std::vector<TensorSpec> parameters = {spec("weight", {4, 3}), spec("biass", {4}),
                                              spec("other.thing.entirely", {2}),
                                              spec("scale", {2})};
  check_error(
      [&] { heed::testing::sample_checkpoint().require(parameters, "Net"); },
      {"'memory' does not fit the network 'Net'", "1 of another shape or type",
       "'scale' is F32 [1], the network needs f32 [2]", "2 missing", "'biass' (nearest: 'bias')",
       "'other.thing.entirely'", "1 unexpected: 'bias'", "Checkpoint::rename"});
  check_error(
      [&] { with<std::int32_t>(StoredType::i32, {1}).require(std::vector{spec("a", {1})}, "Net"); },
      {"'a' is I32 [1], the network needs f32 [1]"});
  std::vector<TensorSpec> many;
  for (int i = 0; i < 100; ++i) many.push_back(spec(("p" + std::to_string(i)).c_str(), {1}));
  check_error([&] { heed::testing::sample_checkpoint().require(many, "Net"); },
              {"100 missing", "…"});
  heed::testing::sample_checkpoint().require(heed::testing::sample_program().parameters, "Sample");
}

TEST_CASE("checkpoint: renamed") {
  const Checkpoint original = heed::testing::sample_checkpoint();
  const Checkpoint renamed = original.rename([](std::string_view name) {
    return name == "scale" ? "" : name == "bias" ? "a.bias" : std::string(name);
  });
  CHECK(renamed.tensors().size() == 2);
  CHECK(renamed.read("a.bias").as<float>()[3] == -3.0f);
  CHECK(!renamed.find("scale"));
  check_error([&] { original.rename([](std::string_view) { return "same"; }); },
              {"renamed to 'same'"});
}

TEST_CASE("checkpoint: from the formula") {
  const std::vector<TensorSpec> parameters = {spec("b.weight", {6, 5}), spec("a.bias", {6})};
  const Checkpoint checkpoint = heed::formula_checkpoint(parameters);
  checkpoint.require(parameters, "Net");
  std::vector<float> expected(30);
  heed::formula_fill("b.weight", std::vector<std::int64_t>{6, 5}, expected);
  const Tensor weight = checkpoint.read("b.weight");
  CHECK(std::ranges::equal(weight.as<float>(), expected));
  const Checkpoint renamed =
      checkpoint.rename([](std::string_view name) { return "x." + std::string(name); });
  CHECK(std::ranges::equal(renamed.read("x.b.weight").as<float>(), expected));
  std::vector<std::uint16_t> halves(30);
  checkpoint.read(*checkpoint.find("b.weight"), DType::bf16,
                  std::as_writable_bytes(std::span(halves)));
  CHECK(halves[7] == heed::float_to_bfloat(expected[7]));
  check_error([] { heed::formula_checkpoint(std::vector{spec("i", {1}, DType::i64)}); },
              {"'i'", "i64"});
}
