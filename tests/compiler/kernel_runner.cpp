#include "heed/tests/compiler/kernel_runner.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <numeric>
#include <stdexcept>

#include "heed/compiler/jit/codegen.h"
#include "heed/compiler/jit/context.h"
#include "heed/compiler/lower/lower.h"
#include "heed/runtime/abi/kernel.h"
#include "heed/runtime/code.h"
#include "heed/runtime/half.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

namespace heed::test {
namespace {

double load(const std::byte* at, DType dtype) {
  auto as = [&](auto x) {
    std::memcpy(&x, at, sizeof x);
    return x;
  };
  switch (dtype) {
    case DType::f32: return as(0.0f);
    case DType::f16: return half_to_float(as(std::uint16_t{}));
    case DType::bf16: return bfloat_to_float(as(std::uint16_t{}));
    case DType::i8: return as(std::int8_t{});
    case DType::i32: return as(std::int32_t{});
    case DType::i64: return double(as(std::int64_t{}));
    case DType::boolean: return as(std::uint8_t{});
  }
  return 0;
}

void store(std::byte* at, DType dtype, double x) {
  auto put = [&](auto y) { std::memcpy(at, &y, sizeof y); };
  switch (dtype) {
    case DType::f32: return put(float(x));
    case DType::f16: return put(float_to_half(float(x)));
    case DType::bf16: return put(float_to_bfloat(float(x)));
    case DType::i8: return put(std::int8_t(x));
    case DType::i32: return put(std::int32_t(x));
    case DType::i64: return put(std::int64_t(x));
    case DType::boolean: return put(std::uint8_t(x != 0));
  }
}

std::int64_t valueOf(const Dim& dim, const Symbols& symbols) {
  auto value = evaluate(dim, [&](std::uint64_t key) -> std::optional<std::int64_t> {
    std::string name;
    for (; key; key >>= 8) name += char(key & 255);
    auto found = symbols.find(name);
    return found == symbols.end() ? std::nullopt : std::optional(found->second);
  });
  if (!value) throw std::runtime_error("no value for dimension " + text_of(dim));
  return *value;
}

// Memory for one tensor between two guards that tell when something was written beside it.
class Memory {
 public:
  explicit Memory(std::size_t size, std::size_t misalignment = 0)
      : size(size), all(size + 2 * guard + 128, untouched) {
    auto address = reinterpret_cast<std::uintptr_t>(all.data()) + guard;
    base = all.data() + guard + (64 - address % 64) % 64 + misalignment;
  }
  std::byte* data() const { return base; }
  bool intact() const {
    auto clean = [](std::byte x) { return x == untouched; };
    return std::all_of(all.data(), static_cast<const std::byte*>(base), clean) &&
           std::all_of(static_cast<const std::byte*>(base) + size, all.data() + all.size(), clean);
  }

 private:
  static constexpr std::size_t guard = 512;
  std::size_t size;
  std::vector<std::byte> all;
  std::byte* base;
};

// A tensor among others: five elements in, three more behind each row.
tile::Layout slicedLayout(const Shape& shape) {
  Shape larger = shape;
  if (larger.rank) larger.dims[larger.rank - 1] = larger[-1] + Dim(3);
  tile::Layout layout = tile::denseLayout(larger);
  layout.offset = Dim(5);
  return layout;
}

struct PlacedTensor {
  DType dtype;
  Shape shape;
  tile::Layout layout;
};

// Positions of the elements, in elements, row major.
std::vector<std::int64_t> positions(const PlacedTensor& tensor, const Symbols& symbols) {
  std::vector<std::int64_t> places{valueOf(tensor.layout.offset, symbols)};
  for (int axis = 0; axis < tensor.shape.rank; ++axis) {
    std::int64_t extent = valueOf(tensor.shape[axis], symbols),
                 stride = valueOf(tensor.layout.strides[axis], symbols);
    std::vector<std::int64_t> next;
    for (std::int64_t base : places)
      for (std::int64_t i = 0; i < extent; ++i) next.push_back(base + i * stride);
    places = std::move(next);
  }
  return places;
}

struct Step {
  std::vector<int> tensors;  // the kernel's ins, then outs
  tile::Lowered lowered;
};

}  // namespace

struct KernelRunner::Program {
  Placement placement = Placement::dense;
  std::vector<PlacedTensor> tensors;
  std::size_t argument_count = 0;
  std::vector<Step> steps;
  std::vector<int> returned;
  std::string assembly;
  std::size_t object_bytes = 0;
  double milliseconds = 0;
  Code code;

  void compile(std::string_view text, const std::string& target);
  int tensorOf(mlir::Value value, std::map<void*, int>& numbers);
  std::int32_t launch(const tile::Launch& launch, const std::vector<void*>& memory,
                      const Symbols& symbols, std::int64_t pieces) const;
  std::int32_t run(const Step& step, const std::vector<Memory>& memory, const Symbols& symbols,
                   std::int64_t pieces) const;
};

int KernelRunner::Program::tensorOf(mlir::Value value, std::map<void*, int>& numbers) {
  auto [found, fresh] = numbers.try_emplace(value.getAsOpaquePointer(), int(tensors.size()));
  if (fresh) {
    Shape shape = ir::shapeOf(value);
    bool argument = mlir::isa<mlir::BlockArgument>(value);
    tensors.push_back({ir::dtypeOf(value.getType()), shape,
                       placement == Placement::sliced && !argument ? slicedLayout(shape)
                                                                   : tile::denseLayout(shape)});
  }
  return found->second;
}

void KernelRunner::Program::compile(std::string_view text, const std::string& target_name) {
  std::string errors;
  auto context = jit::newContext();
  mlir::ScopedDiagnosticHandler handler(context.get(),
                                        [&](mlir::Diagnostic& d) { errors += d.str() + "\n"; });
  auto need = [&](bool ok, const char* what) {
    if (!ok) throw std::runtime_error(std::string(what) + ": " + errors);
  };
  auto module = mlir::parseSourceString<mlir::ModuleOp>(llvm::StringRef(text), context.get());
  need(bool(module), "parsing");
  Target target = heed::target_by_name(target_name);
  need(!target.name.empty(), "unknown target");
  auto function = *module->getOps<mlir::func::FuncOp>().begin();
  mlir::OwningOpRef<mlir::ModuleOp> kernels = mlir::ModuleOp::create(module->getLoc());
  std::map<void*, int> numbers;
  for (mlir::Value argument : function.getArguments()) tensorOf(argument, numbers);
  argument_count = tensors.size();
  auto start = std::chrono::steady_clock::now();
  for (mlir::Operation& op : function.front()) {
    if (!ir::isKernelOp(&op)) continue;
    Step step;
    std::vector<tile::Layout> layouts;
    for (mlir::Value in : op.getOperands()) step.tensors.push_back(tensorOf(in, numbers));
    for (mlir::Value out : op.getResults()) step.tensors.push_back(tensorOf(out, numbers));
    for (int n : step.tensors) layouts.push_back(tensors[n].layout);
    auto kernel = tile::describe(&op, "k" + std::to_string(steps.size()), layouts);
    need(mlir::succeeded(kernel), "describing");
    auto lowered = lowerFor(target, *kernel, *kernels);
    need(mlir::succeeded(lowered), "lowering");
    step.lowered = *lowered;
    steps.push_back(std::move(step));
  }
  for (mlir::Value result : function.front().getTerminator()->getOperands())
    returned.push_back(tensorOf(result, numbers));
  jit::CodegenDump dump;
  dump.assembly = &assembly;
  auto object = jit::compileToObject(*kernels, target, &dump);
  need(mlir::succeeded(object), "code generation");
  milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  object_bytes = object->size();
  code = Code(*object);
}

// As by two threads, the second half of the ranges last to first. The scratch memory holds garbage,
// but for kernels that find there what the thread's ranges before have left.
std::int32_t KernelRunner::Program::launch(const tile::Launch& launch,
                                           const std::vector<void*>& memory, const Symbols& symbols,
                                           std::int64_t pieces) const {
  auto kernel = reinterpret_cast<abi::Kernel>(code.address(launch.function));
  std::vector<void*> buffers;
  for (int n : launch.buffers) buffers.push_back(memory[n]);
  std::vector<std::int64_t> dims;
  for (const Dim& dim : launch.dims) dims.push_back(valueOf(dim, symbols));
  const std::int64_t work = valueOf(launch.work, symbols),
                     piece = std::max<std::int64_t>(1, work / pieces);
  const auto bytes = std::size_t(valueOf(launch.scratchBytes, symbols));
  auto garbage = [&] {
    Memory scratch(bytes);
    std::memset(scratch.data(), 0xFF, bytes);
    if (launch.packsOnce) abi::forget_packed(scratch.data());
    return scratch;
  };
  std::vector<std::int64_t> begins;
  for (std::int64_t begin = 0; begin < work; begin += piece) begins.push_back(begin);
  std::reverse(begins.begin() + std::ptrdiff_t(begins.size() / 2), begins.end());
  std::int32_t status = 0;
  Memory scratch = garbage();
  for (std::size_t n = 0; n < begins.size(); ++n) {
    if (n > 0 && (!launch.packsOnce || n == begins.size() / 2)) scratch = garbage();
    status = std::max(status, kernel(buffers.data(), dims.data(), begins[n],
                                     std::min(begins[n] + piece, work), scratch.data()));
    if (!scratch.intact())
      throw std::runtime_error(launch.function + " wrote outside its scratch memory");
  }
  return status;
}

std::int32_t KernelRunner::Program::run(const Step& step, const std::vector<Memory>& memory,
                                        const Symbols& symbols, std::int64_t pieces) const {
  std::vector<void*> addresses;
  for (int n : step.tensors) addresses.push_back(memory[n].data());
  std::vector<Memory> temporaries;
  for (const Dim& bytes : step.lowered.temporaries)
    temporaries.emplace_back(std::size_t(valueOf(bytes, symbols)));
  for (const Memory& temporary : temporaries) addresses.push_back(temporary.data());
  std::int32_t status = 0;
  for (const tile::Launch& one : step.lowered.launches)
    status = std::max(status, launch(one, addresses, symbols, pieces));
  for (const Memory& temporary : temporaries)
    if (!temporary.intact()) throw std::runtime_error("a kernel wrote outside a temporary");
  return status;
}

KernelRunner::KernelRunner(std::string_view text, const std::string& target, Placement placement)
    : program(std::make_unique<Program>()) {
  program->placement = placement;
  program->compile(text, target);
}
KernelRunner::~KernelRunner() = default;

Outcome KernelRunner::run(const std::vector<Array>& inputs, const Symbols& symbols,
                          std::int64_t pieces) const {
  if (inputs.size() != program->argument_count)
    throw std::runtime_error("one array an argument, please");
  std::vector<Memory> memory;
  std::vector<std::vector<std::int64_t>> places;
  for (const PlacedTensor& tensor : program->tensors) {
    places.push_back(positions(tensor, symbols));
    std::int64_t last = places.back().empty() ? -1 : places.back().back();
    std::size_t misalignment =
        program->placement == Placement::sliced ? 8 : 0;  // as a caller's tensor may lie
    memory.emplace_back(std::size_t(last + 1) * size_of(tensor.dtype), misalignment);
  }
  for (std::size_t n = 0; n < inputs.size(); ++n) {
    if (inputs[n].dtype != program->tensors[n].dtype || inputs[n].size() != places[n].size())
      throw std::runtime_error("input " + std::to_string(n) + " has another dtype or size");
    std::memcpy(memory[n].data(), inputs[n].bytes.data(), inputs[n].bytes.size());
  }
  Outcome outcome;
  for (const Step& step : program->steps)
    outcome.status = std::max(outcome.status, program->run(step, memory, symbols, pieces));
  for (const Memory& tensor : memory)
    if (!tensor.intact()) throw std::runtime_error("a kernel wrote outside its tensors");
  for (int n : program->returned) {
    Array array(program->tensors[n].dtype, places[n].size());
    std::size_t width = size_of(array.dtype);
    for (std::size_t at = 0; at < places[n].size(); ++at)
      std::memcpy(&array.bytes[at * width], memory[n].data() + places[n][at] * width, width);
    outcome.results.push_back(std::move(array));
  }
  return outcome;
}

std::vector<Array> KernelRunner::inputs(const Symbols& symbols, unsigned seed) const {
  std::vector<Array> arrays;
  std::uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
  for (std::size_t n = 0; n < program->argument_count; ++n) {
    const PlacedTensor& tensor = program->tensors[n];
    std::vector<double> numbers(positions(tensor, symbols).size());
    for (double& x : numbers) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      double uniform = double(state >> 40) / double(1 << 24);
      x = is_float(tensor.dtype) ? 2 * uniform - 1 : std::floor(2 * uniform);
    }
    arrays.emplace_back(tensor.dtype, numbers);
  }
  return arrays;
}

double KernelRunner::compile_milliseconds() const { return program->milliseconds; }
const std::string& KernelRunner::assembly() const { return program->assembly; }
std::size_t KernelRunner::object_bytes() const { return program->object_bytes; }

Array::Array(DType dtype, const std::vector<double>& numbers) : Array(dtype, numbers.size()) {
  for (std::size_t n = 0; n < numbers.size(); ++n)
    store(&bytes[n * size_of(dtype)], dtype, numbers[n]);
}

std::vector<double> Array::numbers() const {
  std::vector<double> numbers(size());
  for (std::size_t n = 0; n < numbers.size(); ++n)
    numbers[n] = load(&bytes[n * size_of(dtype)], dtype);
  return numbers;
}

}  // namespace heed::test
