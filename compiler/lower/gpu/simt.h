// What every GPU emitter writes with: one function for all invocations of a workgroup, over gpu,
// scf, arith and memref. A kernel is a gpu.func in a gpu.module of its own, which says the
// workgroup's size and, by its arguments' order, the bindings of descriptor set 0:
//   binding n  the step's buffer n, a runtime array; bools are i8, i64 pairs of i32, bf16 i16;
//              floats may be read in fours, halves in eights, as four i32
//   B          int32 [work, dims…], B being the number of buffers
//   B + 1      int32 status, into which a KernelStatus other than 0 is written
// Workgroup w = y · (workgroups in x) + x has the items [w · group, (w + 1) · group); those beyond
// the work do nothing.
#pragma once
#include <map>

#include "heed/compiler/lower/tile/emitter.h"
#include "heed/compiler/lower/tile/kernel.h"
#include "heed/compiler/target.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace heed::gpu {

using mlir::Type;
using mlir::Value;
using mlir::ValueRange;
using tile::Values;

constexpr int half_bits = 16;

class Simt : public tile::Emitter {
 public:
  Simt(const tile::Kernel& kernel, const Target& target, mlir::ModuleOp module);

  const tile::Kernel& kernel;
  Workgroups limits;  // a kernel may take fewer invocations: before `write`

  // ins[operand], of floats, is read so many elements at a time and in no other way: 4, or 8 of 16
  // bits. Before `write`.
  void readTogether(int operand, std::int64_t elements) { together[operand] = elements; }
  std::int64_t readsTogether(int operand) const {
    return together.contains(operand) ? together.at(operand) : 1;
  }
  // The kernel: `body` is what an invocation does in a workgroup that has items. Whatever fails
  // inside has said why.
  mlir::FailureOr<tile::Lowered> write(const Dim& work, std::int64_t group,
                                       llvm::function_ref<void()> body);
  // For its body; index values.
  Value invocation, firstItem, work, groups;  // groups: as many have items
  Value buffer(std::size_t n) { return function.getArgument(unsigned(n)); }
  bool ok = true;

  Value dim(const Dim& value);                // as an index
  // The first of `together` numbers below the extent: what lies beyond the last ones becomes the
  // last ones.
  Value inside(Value at, const Dim& extent, std::int64_t together = 1) {
    return min(at, sub(dim(extent), constant(together)));
  }
  // Memory of the workgroup, of 4 bytes an element or of fours; f32 unless another type is given.
  Value shared(std::int64_t elements, Type element = {});
  Type four() { return mlir::VectorType::get({4}, f32); }
  Value fours(ValueRange lanes);  // four numbers as one, and back
  Values parts(Value four);
  // all invocations come here; what they wrote to shared memory is seen
  void barrier();
  Value load(Value buffer, Value at);
  // of one that is read so, from a multiple of that; f32
  Values loadTogether(int operand, Value at);
  Value widened(Value x, DType dtype);        // f32 of a stored f16, bf16 or f32
  void store(Value x, Value buffer, Value at);
  void fail(Value condition);                 // an index out of range
  Value toInt(Value index);                   // i32, and back
  Value toIndex(Value integer);

  // Upstream's conversion to SPIR-V leaves what a loop carries undefined where it makes no turn;
  // here it is what it was.
  using Emitter::loop;
  Values loop(Value low, Value high, std::int64_t step, ValueRange carried, LoopBody body);
  // A loop with a step that is known at run time only.
  void loopFrom(Value low, Value high, Value step, llvm::function_ref<void(Value)> body);
  // An invocation's share of [0, count): its own number and every `invocations` further. Constant
  // count, all or nothing.
  void share(std::int64_t count, llvm::function_ref<void(Value)> body);

 private:
  Type storedType(DType dtype);
  Values widenedPair(Value word, DType dtype);
  void begin();
  bool fits();  // into the target's limits; otherwise a diagnostic has said why
  // Emits in front of the body.
  template <class F>
  Value ahead(F emit);

  mlir::ModuleOp module;
  mlir::gpu::GPUFuncOp function;
  mlir::Operation* head = nullptr;  // the last op in front of the body
  std::map<int, std::int64_t> together;  // by operand
  std::vector<Dim> dims;
  Values dimValues;
  std::int64_t sharedBytes = 0;
};

}  // namespace heed::gpu
