#include "heed/compiler/plan/generate_code.h"

#include <atomic>
#include <numeric>
#include <thread>

#include "heed/compiler/jit/codegen.h"
#include "heed/compiler/jit/spirv.h"
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

size_t sizeOf(SharedKernel* kernel) {
  size_t size = 0;
  kernel->code->walk([&](Operation*) { ++size; });
  return size;
}

// Neighbours make a module until it holds its share of all operations: small kernels do not pay for passes of their
// own, a fifth of the time altogether. A SPIR-V module has one kernel.
std::vector<Group> groupsOf(ArrayRef<SharedKernel*> kernels, bool vulkan, llvm::StringMap<std::int32_t>& objectOf) {
  size_t total = 0;
  for (SharedKernel* kernel : kernels) total += sizeOf(kernel);
  std::vector<Group> groups;
  for (SharedKernel* kernel : kernels) {
    if (groups.empty() || vulkan || groups.back().size * most_objects >= total)
      groups.push_back({ModuleOp::create(kernel->code->getLoc()), 0, {}, {}});
    Group& group = groups.back();
    group.size += sizeOf(kernel);
    for (const tile::Launch& launch : kernel->lowered.launches)
      objectOf[launch.function] = static_cast<std::int32_t>(groups.size()) - 1;
    for (Operation& function : llvm::make_early_inc_range(*kernel->code->getBody())) {
      function.remove();
      group.module->push_back(&function);
    }
  }
  return groups;
}

// Calls work(n) for every n of `order`, on so many threads.
void inParallel(MLIRContext* context, ArrayRef<size_t> order, int threads, const std::function<void(size_t)>& work) {
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
  while (others.size() + 1 < std::min(order.size(), size_t(threads))) others.emplace_back(takeTurns);
  takeTurns();
}

}  // namespace

FailureOr<Objects> generateCode(ArrayRef<SharedKernel*> kernels, const CompileOptions& options) {
  auto wants = [&](StringRef phase) { return options.print && llvm::is_contained(options.print_after, phase); };
  Objects objects;
  if (kernels.empty()) return objects;
  MLIRContext* context = kernels.front()->code->getContext();
  std::vector<Group> groups = groupsOf(kernels, options.target.vulkan, objects.of);
  objects.code.resize(groups.size());

  std::vector<size_t> largestFirst(groups.size());  // so that threads end at about the same time
  std::iota(largestFirst.begin(), largestFirst.end(), 0);
  llvm::stable_sort(largestFirst, [&](size_t a, size_t b) { return groups[a].size > groups[b].size; });
  std::atomic<bool> failed = false;
  inParallel(context, largestFirst, options.threads, [&](size_t n) {
    jit::CodegenDump dump;
    dump.times = options.times;
    if (wants("llvm")) dump.llvm_ir = &groups[n].ir;
    if (wants("asm")) dump.assembly = &groups[n].assembly;
    auto object = options.target.vulkan ? jit::compileToSpirv(*groups[n].module, &dump)
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
