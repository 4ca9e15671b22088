#include "programs.h"

#include "../sample_program.h"
#include "heed/runtime/atomic_file.h"

namespace heed::testing {
namespace {

constexpr Dim B{"B"}, T{"T"}, t{"t"};

abi::Program empty_program(const char* name) {
  abi::Program p;
  p.name = name;
  p.target = "vulkan";
  p.fusion = "all";
  p.format = abi::CodeFormat::spirv;
  return p;
}

}  // namespace

std::vector<std::byte> spirv(const std::string& name) {
  const FileContent file = read_file(HEED_TEST_SPIRV "/" + name + ".spv");
  return {file.bytes.begin(), file.bytes.end()};
}

abi::Program sample_gpu_program() {
  abi::Program p = sample_program();
  p.target = "vulkan";
  p.features = {};
  p.format = abi::CodeFormat::spirv;
  p.code = {spirv("pack"), spirv("linear"), spirv("scaled_tanh")};
  for (std::size_t k = 0; k < p.kernels.size(); ++k) p.kernels[k].object = std::int32_t(k);
  p.kernels[1].group = 2;
  p.kernels[2].group = 8;
  p.steps[0].scratch_bytes = 0;
  return p;
}

abi::Program loop_program(bool reverse) {
  using abi::Place;
  abi::Program p = empty_program("Loop");
  p.inputs = {{"x", {DType::f32, {1, {B}}}}, {"turns", {DType::f32, {1, {T}}}}};
  p.outputs = {{"y", {DType::f32, {1, {B}}}}};
  p.result_count = 1;
  p.arena = {{{B * Dim(4)}}, {{B * Dim(4)}}};
  p.kernels = {{"twice_plus", "map", 0, 8}};
  p.code = {spirv("twice_plus")};
  abi::Step step;
  step.work = B;
  step.buffers = {{Place::carried, 0}, {Place::arena, 0}};
  step.dims = {t * Dim(3)};
  step.label = "cell";
  p.steps = {step, step};
  p.steps[1].buffers = {{Place::arena, 0}, {Place::next, 0}};
  p.steps[1].dims = {Dim(1)};
  p.loops = {{t.terms[0].factors[0].symbol, T, reverse, 0, 2, {}, Dim(0)}};
  p.carried = {{0, {Place::input, 0}, {Place::output, 0}, {Place::arena, 1}, B * Dim(4)}};
  return p;
}

abi::Program stopping_program() {
  using abi::Place;
  abi::Program p = loop_program(false);
  p.arena.front() = {{B}};
  p.kernels.push_back({"below", "map", 1, 8});
  p.code.push_back(spirv("below"));
  p.steps[0].buffers = {{Place::carried, 0}, {Place::next, 0}};
  p.steps[1].kernel = 1;
  p.steps[1].buffers = {{Place::next, 0}, {Place::arena, 0}};
  p.steps[1].dims = {Dim(100)};
  p.loops[0].going = {Place::arena, 0};
  p.loops[0].going_count = B;
  return p;
}

abi::Program gather_program() {
  using abi::Place;
  abi::Program p = empty_program("Gather");
  p.inputs = {{"tokens", {DType::i64, {1, {B}}}},
              {"kept", {DType::boolean, {1, {B}}}},
              {"table", {DType::f32, {1, {T}}}}};
  p.outputs = {{"y", {DType::f32, {1, {B}}}}};
  p.result_count = 1;
  p.kernels = {{"gather", "map", 0, 8}};
  p.code = {spirv("gather")};
  abi::Step step;
  step.work = B;
  step.buffers = {{Place::input, 0}, {Place::input, 1}, {Place::input, 2}, {Place::output, 0}};
  step.dims = {T};
  step.label = "tokens.embed";
  p.steps = {step};
  return p;
}

Checkpoint no_weights() {
  return Checkpoint::from_bytes(std::as_bytes(std::span("\2\0\0\0\0\0\0\0{}", 10)));
}

}  // namespace heed::testing
