#include "heed/compiler/plan/share_kernels.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace heed::plan {

namespace {

// The op alone in a function, so that its text says all that its code depends on, and no more.
OwningOpRef<ModuleOp> isolate(Operation* op) {
  OpBuilder b(op->getContext());
  OwningOpRef<ModuleOp> module = ModuleOp::create(b.getUnknownLoc());
  b.setInsertionPointToEnd(module->getBody());
  auto f = func::FuncOp::create(b, b.getUnknownLoc(), "alone",
                                b.getFunctionType(op->getOperandTypes(), op->getResultTypes()));
  b.setInsertionPointToStart(f.addEntryBlock());
  IRMapping map;
  for (auto [n, argument] : llvm::enumerate(f.getArguments())) map.map(op->getOperand(n), argument);
  Operation* clone = b.clone(*op, map);
  for (auto [n, argument] : llvm::enumerate(f.getArguments())) clone->setOperand(n, argument);
  func::ReturnOp::create(b, b.getUnknownLoc(), clone->getResults());
  return module;
}

std::string textOf(const tile::Layout& layout) {
  std::string text = " @" + text_of(layout.offset);
  for (const Dim& s : layout.strides) text += "," + text_of(s);
  return text;
}

}  // namespace

FailureOr<SharedKernel*> KernelLibrary::kernelOf(Operation* op, const MemoryPlan& plan) {
  std::vector<tile::Layout> layouts;
  for (Value v : op->getOperands()) layouts.push_back(plan.of(v).layout);
  for (Value v : op->getResults()) layouts.push_back(plan.of(v).layout);
  OwningOpRef<ModuleOp> alone = isolate(op);
  std::string key;
  llvm::raw_string_ostream stream(key);
  alone->print(stream);
  for (const tile::Layout& layout : layouts) stream << textOf(layout);
  auto& found = kernels_[key];
  if (found) return found.get();
  found = std::make_unique<SharedKernel>();
  found->name = "k" + std::to_string(order_.size()) + "_" + op->getName().stripDialect().str();
  found->alone = std::move(alone);
  order_.push_back(found.get());
  Operation* inner = &*cast<func::FuncOp>(found->alone->getBody()->front()).front().begin();
  auto kernel = tile::describe(inner, found->name, layouts);
  if (failed(kernel)) return failure();
  found->kernel = std::move(*kernel);
  return found.get();
}

std::vector<SharedKernel*> KernelLibrary::all() { return order_; }

}  // namespace heed::plan
