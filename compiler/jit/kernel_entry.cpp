#include "heed/compiler/jit/kernel_entry.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace heed::jit {
namespace {

// array[n], an array of pointers or of 64-bit numbers.
Value element(OpBuilder& b, Location at, Value array, unsigned n, Type type) {
  Value place = array;
  if (n)
    place = LLVM::GEPOp::create(b, at, array.getType(), type, array,
                                ArrayRef<LLVM::GEPArg>{int32_t(n)});
  return LLVM::LoadOp::create(b, at, type, place);
}

LogicalResult addEntry(LLVM::LLVMFuncOp body) {
  ArrayRef<Type> types = body.getFunctionType().getParams();
  size_t count = types.size(), buffers = 0;
  while (buffers < count && isa<LLVM::LLVMPointerType>(types[buffers])) ++buffers;
  if (count < 3 || buffers + 3 > count || !isa<LLVM::LLVMPointerType>(types.back()))
    return body.emitError("expected a kernel's arguments: buffers, dims, begin, end, scratch");

  OpBuilder b(body);
  Location at = body.getLoc();
  std::string name = body.getName().str();
  body.setName(name + ".body");
  body.setLinkage(LLVM::Linkage::Internal);

  Type pointer = LLVM::LLVMPointerType::get(b.getContext()), number = b.getI64Type();
  auto signature = LLVM::LLVMFunctionType::get(body.getFunctionType().getReturnType(),
                                               {pointer, pointer, number, number, pointer});
  auto entry = LLVM::LLVMFuncOp::create(b, at, name, signature);
  Block* block = entry.addEntryBlock(b);
  b.setInsertionPointToStart(block);
  SmallVector<Value> arguments;
  for (unsigned n = 0; n < buffers; ++n)
    arguments.push_back(element(b, at, block->getArgument(0), n, pointer));
  for (unsigned n = 0; n + buffers + 3 < count; ++n)
    arguments.push_back(element(b, at, block->getArgument(1), n, number));
  for (unsigned n = 2; n < 5; ++n) arguments.push_back(block->getArgument(n));
  auto call = LLVM::CallOp::create(b, at, body, arguments);
  LLVM::ReturnOp::create(b, at, call.getResults());
  return success();
}

}  // namespace

LogicalResult addKernelEntries(ModuleOp module) {
  SmallVector<LLVM::LLVMFuncOp> kernels;
  for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
    if (function->removeAttr("heed.kernel")) kernels.push_back(function);
    else if (!function.isExternal() && !function->hasAttr("heed.shared"))
      function.setLinkage(LLVM::Linkage::Internal);  // a helper
  }
  for (auto function : kernels)
    if (failed(addEntry(function))) return failure();
  return success();
}

}  // namespace heed::jit
