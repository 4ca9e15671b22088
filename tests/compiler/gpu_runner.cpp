#include "heed/tests/compiler/gpu_runner.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "heed/compiler/jit/context.h"
#include "heed/compiler/jit/spirv.h"
#include "heed/compiler/lower/lower.h"
#include "heed/runtime/error.h"
#include "heed/runtime/session.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

namespace heed::test {
namespace {

TensorType type_of(mlir::Value value) { return {ir::dtypeOf(value.getType()), ir::shapeOf(value)}; }

class Builder {
 public:
  Builder(std::string_view text, const std::string& target_name)
      : target(target_by_name(target_name)) {
    need(!target.name.empty(), "choosing the target");
    auto context = jit::newContext();
    mlir::ScopedDiagnosticHandler handler(context.get(),
                                          [&](mlir::Diagnostic& d) { errors += d.str() + "\n"; });
    auto module = mlir::parseSourceString<mlir::ModuleOp>(llvm::StringRef(text), context.get());
    need(bool(module), "parsing");
    auto function = *module->getOps<mlir::func::FuncOp>().begin();
    program.name = "kernels";
    program.target = target.name;
    program.fusion = "all";
    program.format = abi::CodeFormat::spirv;
    for (mlir::Value argument : function.getArguments()) {
      places[argument.getAsOpaquePointer()] = {abi::Place::input,
                                               std::int64_t(program.inputs.size())};
      program.inputs.push_back(
          {"input" + std::to_string(program.inputs.size()), type_of(argument)});
    }
    for (mlir::Value result : function.front().getTerminator()->getOperands()) {
      places[result.getAsOpaquePointer()] = {abi::Place::output, program.result_count};
      program.outputs.push_back(
          {"output" + std::to_string(program.result_count++), type_of(result)});
    }
    for (mlir::Operation& op : function.front())
      if (ir::isKernelOp(&op)) add(op);
  }

  abi::Program program;

 private:
  Target target;
  std::string errors;
  std::map<void*, abi::BufferRef> places;

  void need(bool ok, const char* what) {
    if (!ok) throw std::runtime_error(std::string(what) + ": " + errors);
  }

  abi::BufferRef place(mlir::Value value) {
    auto [found, fresh] = places.try_emplace(value.getAsOpaquePointer());
    if (fresh) {
      const TensorType type = type_of(value);
      found->second = {abi::Place::arena, std::int64_t(program.arena.size())};
      program.arena.push_back(
          {{element_count(type.shape) * Dim(std::int64_t(size_of(type.dtype)))}});
    }
    return found->second;
  }

  void add(mlir::Operation& op) {
    std::vector<mlir::Value> tensors(op.operand_begin(), op.operand_end());
    tensors.insert(tensors.end(), op.result_begin(), op.result_end());
    std::vector<tile::Layout> layouts;
    for (mlir::Value tensor : tensors) layouts.push_back(tile::denseLayout(ir::shapeOf(tensor)));
    auto kernel = tile::describe(&op, "k" + std::to_string(program.steps.size()), layouts);
    need(mlir::succeeded(kernel), "describing");
    mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(op.getLoc());
    auto lowered = lowerFor(target, *kernel, *module);
    need(mlir::succeeded(lowered), "lowering");
    auto code = jit::compileToSpirv(*module);
    need(mlir::succeeded(code), "code generation");
    const tile::Launch& launch = lowered->launches.at(0);
    const auto number = std::int32_t(program.kernels.size());
    program.kernels.push_back({launch.function, launch.kind, number, launch.group});
    program.code.push_back(*code);
    abi::Step step;
    step.kernel = number;
    for (mlir::Value tensor : tensors) step.buffers.push_back(place(tensor));
    step.dims = launch.dims;
    step.work = launch.work;
    program.steps.push_back(std::move(step));
  }
};

}  // namespace

abi::Program gpu_program(std::string_view text, const std::string& target) {
  return Builder(text, target).program;
}

std::string invalid_spirv(const abi::Program& program) {
  if (std::system("command -v spirv-val >/dev/null")) return {};
  const std::string stem =
      std::filesystem::temp_directory_path() / ("heed_spirv_" + std::to_string(getpid()));
  std::string found;
  for (std::size_t n = 0; n < program.code.size() && found.empty(); ++n) {
    const std::string file = stem + ".spv", log = stem + ".log";
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(program.code[n].data()),
               std::streamsize(program.code[n].size()));
    if (std::system(("spirv-val --target-env vulkan1.1 " + file + " >" + log + " 2>&1").c_str())) {
      std::ifstream text(log);
      found =
          program.kernels[n].symbol + ": " + std::string(std::istreambuf_iterator<char>(text), {});
    }
    std::filesystem::remove(file);
    std::filesystem::remove(log);
  }
  return found;
}

Outcome run_on_gpu(abi::Program data, const std::vector<Array>& inputs, const Symbols& symbols) {
  const std::size_t given = data.inputs.size();
  // sizes may be products of symbols that no axis has alone
  for (const auto& [name, extent] : symbols) {
    Shape shape;
    shape.rank = 1;
    shape.dims[0] = *parse_dim(name);
    data.inputs.push_back({name, {DType::i8, shape}});
  }
  Program program(data);
  Session session = program.bind(formula_checkpoint({}));
  auto value = [&](std::uint64_t key) -> std::optional<std::int64_t> {
    std::string name;
    for (; key; key >>= 8) name += char(key & 255);
    auto found = symbols.find(name);
    return found == symbols.end() ? std::nullopt : std::optional(found->second);
  };
  std::vector<Tensor> tensors;
  for (std::size_t n = 0; n < data.inputs.size(); ++n) {
    const Shape& shape = data.inputs[n].type.shape;
    std::vector<std::int64_t> sizes;
    for (int axis = 0; axis < shape.rank; ++axis)
      sizes.push_back(evaluate(shape[axis], value).value());
    tensors.push_back(Tensor(data.inputs[n].type.dtype, Sizes(sizes)));
    if (n < given)
      std::memcpy(tensors.back().data(), inputs[n].bytes.data(), inputs[n].bytes.size());
  }
  std::vector<const Tensor*> pointers;
  for (const Tensor& tensor : tensors) pointers.push_back(&tensor);
  Outcome outcome;
  try {
    Results results = session.run(pointers);
    for (std::size_t n = 0; n < data.outputs.size(); ++n) {
      Array array(data.outputs[n].type.dtype, std::size_t(results[n].sizes().count()));
      std::memcpy(array.bytes.data(), results[n].data(), array.bytes.size());
      outcome.results.push_back(std::move(array));
    }
  } catch (const Error&) {
    outcome.status = 1;
  }
  return outcome;
}

}  // namespace heed::test
