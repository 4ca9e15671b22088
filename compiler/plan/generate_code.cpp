#include "heed/compiler/plan/generate_code.h"

#include <atomic>
#include <numeric>
#include <thread>

#include "heed/compiler/jit/codegen.h"
#include "heed/compiler/jit/spirv.h"
#include "llvm/ADT/StringSet.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"

using namespace mlir;

namespace heed::plan {

namespace {

constexpr size_t most_objects = 8;  // threads beyond that have nothing to do

struct Group {
  OwningOpRef<ModuleOp> module;
  size_t size = 0;  // operations
  std::string ir, assembly;
};

size_t sizeOf(Operation* of) {
  size_t size = 0;
  of->walk([&](Operation*) { ++size; });
  return size;
}

// Kernels of one form launch one function (lower/cpu/pack.cpp): the first of them keeps it.
void dropRepeated(ArrayRef<SharedKernel*> kernels) {
  llvm::StringSet<> names;
  for (SharedKernel* kernel : kernels)
    for (auto function : llvm::make_early_inc_range(kernel->code->getOps<func::FuncOp>()))
      if (function->hasAttr("heed.kernel") && !names.insert(function.getName()).second)
        function->erase();
}

// Takes the functions that kernels share (Emit::beginShared) out of their modules, each once, and
// leaves declarations.
std::vector<Operation*> takeShared(ArrayRef<SharedKernel*> kernels) {
  std::vector<Operation*> shared;
  llvm::StringSet<> names;
  for (SharedKernel* kernel : kernels)
    for (auto function : llvm::make_early_inc_range(kernel->code->getOps<func::FuncOp>())) {
      if (!function->hasAttr("heed.shared")) continue;
      OpBuilder b(function);
      func::FuncOp::create(b, function.getLoc(), function.getName(), function.getFunctionType())
          .setPrivate();
      function->remove();
      if (names.insert(function.getName()).second) shared.push_back(function);
      else function->erase();
    }
  return shared;
}

// Neighbours make a module until it holds its share of all operations: small kernels do not pay for
// passes of their own, a fifth of the time altogether. What kernels share comes first, so that the
// objects behind it find it. A SPIR-V module has one kernel.
std::vector<Group> groupsOf(ArrayRef<SharedKernel*> kernels, bool vulkan,
                            llvm::StringMap<std::int32_t>& objectOf) {
  dropRepeated(kernels);
  std::vector<Operation*> shared = takeShared(kernels);
  size_t total = 0;
  for (Operation* function : shared) total += sizeOf(function);
  for (SharedKernel* kernel : kernels) total += sizeOf(*kernel->code);
  std::vector<Group> groups;
  auto begin = [&](Location at) { groups.push_back({ModuleOp::create(at), 0, {}, {}}); };
  auto isFull = [&] { return groups.empty() || groups.back().size * most_objects >= total; };
  for (Operation* function : shared) {
    if (isFull()) begin(function->getLoc());
    groups.back().size += sizeOf(function);
    groups.back().module->push_back(function);
  }
  llvm::StringSet<> declared;  // in the current group
  for (SharedKernel* kernel : kernels) {
    if (kernel->code->getBody()->empty()) continue;
    if (kernel == kernels.front() || vulkan || isFull()) {
      begin(kernel->code->getLoc());
      declared.clear();
    }
    Group& group = groups.back();
    group.size += sizeOf(*kernel->code);
    for (const tile::Launch& launch : kernel->lowered.launches)
      objectOf.try_emplace(launch.function, static_cast<std::int32_t>(groups.size()) - 1);
    for (Operation& function : llvm::make_early_inc_range(*kernel->code->getBody())) {
      auto declaration = dyn_cast<func::FuncOp>(function);
      if (declaration && declaration.isExternal() && !declared.insert(declaration.getName()).second)
        continue;
      function.remove();
      group.module->push_back(&function);
    }
  }
  return groups;
}

// Calls work(n) for every n of `order`, on so many threads.
void inParallel(MLIRContext* context, ArrayRef<size_t> order, int threads,
                const std::function<void(size_t)>& work) {
  ParallelDiagnosticHandler sorted(context);
  std::atomic<size_t> next = 0;
  auto takeTurns = [&] {
    for (size_t turn; (turn = next++) < order.size();) {
      sorted.setOrderIDForThread(order[turn]);
      work(order[turn]);
      sorted.eraseOrderIDForThread();
    }
  };
  std::vector<std::jthread> others;
  while (others.size() + 1 < std::min(order.size(), size_t(threads)))
    others.emplace_back(takeTurns);
  takeTurns();
}

}  // namespace

FailureOr<Objects> generateCode(ArrayRef<SharedKernel*> kernels, const CompileOptions& options) {
  auto wants = [&](StringRef phase) {
    return options.print && llvm::is_contained(options.print_after, phase);
  };
  Objects objects;
  if (kernels.empty()) return objects;
  MLIRContext* context = kernels.front()->code->getContext();
  std::vector<Group> groups = groupsOf(kernels, options.target.vulkan, objects.of);
  objects.code.resize(groups.size());

  std::vector<size_t> largestFirst(groups.size());  // so that threads end at about the same time
  std::iota(largestFirst.begin(), largestFirst.end(), 0);
  llvm::stable_sort(largestFirst,
                    [&](size_t a, size_t b) { return groups[a].size > groups[b].size; });
  std::atomic<bool> failed = false;
  inParallel(context, largestFirst, options.threads, [&](size_t n) {
    jit::CodegenDump dump;
    dump.times = options.times;
    if (wants("llvm")) dump.llvm_ir = &groups[n].ir;
    if (wants("asm")) dump.assembly = &groups[n].assembly;
    auto object = options.target.vulkan
                      ? jit::compileToSpirv(*groups[n].module, &dump)
                      : jit::compileToObject(*groups[n].module, options.target, &dump);
    if (succeeded(object)) objects.code[n] = std::move(*object);
    else failed = true;
  });
  for (const Group& group : groups) {
    if (wants("llvm")) options.print("llvm", group.ir);
    if (wants("asm")) options.print("asm", group.assembly);
  }
  if (failed) return failure();
  return objects;
}

}  // namespace heed::plan
