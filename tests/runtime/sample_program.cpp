#include "sample_program.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace heed::testing {
namespace {

constexpr Dim B{"B"}, T{"T"};

TensorType f32(std::initializer_list<Dim> dims) {
  TensorType type;
  for (const Dim& d : dims) type.shape.append(d);
  return type;
}

void append(std::vector<std::byte>& bytes, std::span<const float> values) {
  const auto raw = std::as_bytes(values);
  bytes.insert(bytes.end(), raw.begin(), raw.end());
}

}  // namespace

std::vector<std::byte> kernel_object() {
  std::ifstream file(HEED_TEST_KERNELS, std::ios::binary);
  const std::vector<char> chars{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(chars));
  return {bytes.begin(), bytes.end()};
}

abi::Program sample_program() {
  using abi::Place;
  abi::Program p;
  p.name = "Sample";
  p.target = "x86-64";
  p.features = {"sse2"};
  p.fusion = "all";
  p.remarks = {"tanh: a remark"};
  p.inputs = {{"x", f32({B, T, 3})}};
  p.outputs = {{"y", f32({B, T, 4})}, {"pre", f32({B, T, 4})}};
  p.result_count = 1;
  p.parameters = {{"weight", f32({4, 3})}, {"bias", f32({4})}, {"scale", f32({1})}};
  p.guards = {{T / 2, 2, "the length must be even"}};
  p.constants.resize(64);
  p.prepared = {{{Dim(48)}}, {{Dim(48)}}};
  p.arena = {{{B * T * Dim(16), Dim(16)}}};
  p.kernels = {{"pack", "pack", 0}, {"linear", "contract", 0}, {"scaled_tanh", "map", 0}};
  abi::Step pack;
  pack.kernel = 0;
  pack.buffers = {{Place::parameter, 0}, {Place::prepared, 0}};
  pack.dims = {3, 4};
  pack.work = 3;
  pack.label = "weight";
  p.prepare = {pack};
  abi::Step linear;
  linear.kernel = 1;
  linear.buffers = {
      {Place::input, 0}, {Place::prepared, 0}, {Place::parameter, 1}, {Place::output, 1}};
  linear.dims = {3, 4};
  linear.work = B * T;
  linear.scratch_bytes = 16;
  linear.label = "linear";
  linear.flops = B * T * Dim(24);
  linear.bytes = B * T * Dim(28);
  abi::Step tanh;
  tanh.kernel = 2;
  tanh.buffers = {{Place::output, 1}, {Place::parameter, 2}, {Place::output, 0}};
  tanh.work = B * T * Dim(4);
  tanh.grain = 8;
  tanh.label = "tanh";
  p.steps = {linear, tanh};
  p.code = {kernel_object()};
  return p;
}

Checkpoint sample_checkpoint() {
  const StoredTensor stored[] = {{"weight", StoredType::f32, {4, 3}, 0},
                                 {"bias", StoredType::f32, {4}, 0},
                                 {"scale", StoredType::f32, {1}, 0}};
  const std::string header = safetensors_header(stored);
  const auto raw = std::as_bytes(std::span(header));
  std::vector<std::byte> bytes(raw.begin(), raw.end());
  for (int n = 0; n < 4; ++n)
    for (int k = 0; k < 3; ++k) append(bytes, {{float(n) + float(k) / 10}});
  for (int n = 0; n < 4; ++n) append(bytes, {{-float(n)}});
  append(bytes, {{0.5f}});
  return Checkpoint::from_bytes(bytes);
}

Tensor ramp(std::int64_t batch, std::int64_t length) {
  Tensor x(DType::f32, {batch, length, 3});
  std::size_t i = 0;
  for (float& v : x.as<float>()) v = std::sin(float(i++));
  return x;
}

float sample_value(const float* x_row, int n, bool pre) {
  float sum = -float(n);
  for (int k = 0; k < 3; ++k) sum += x_row[k] * (float(n) + float(k) / 10);
  return pre ? sum : std::tanh(sum) * 0.5f;
}

std::int64_t sample_mismatches(const Tensor& x, const Tensor& y, bool pre) {
  if (!(y.sizes() == Sizes{x.sizes()[0], x.sizes()[1], 4})) return -1;
  std::int64_t wrong = 0;
  for (std::int64_t at = 0; at < y.count(); ++at) {
    const float expected = sample_value(x.as<float>().data() + at / 4 * 3, int(at % 4), pre);
    wrong += !(std::abs(y.as<float>()[std::size_t(at)] - expected) <
               1e-5f * std::max(1.f, std::abs(expected)));
  }
  return wrong;
}

}  // namespace heed::testing
