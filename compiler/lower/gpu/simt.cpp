#include "heed/compiler/lower/gpu/simt.h"

#include <algorithm>

#include "heed/compiler/lower/tile/access.h"
#include "heed/runtime/abi/kernel.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVAttributes.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Dialect/SPIRV/IR/TargetAndABI.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace heed::gpu {

namespace {

constexpr int workgroup_space = 3;  // of memrefs, as upstream's mapping to storage classes has it
constexpr int mantissa_bits = 23, exponent_bias = 127;

// p · 2^n in two steps, each a normal number; 0 exactly for n below -252.
Value scale(tile::Emitter& e, Value p, Value n) {
  if (p.getType() != e.f32) return {};
  n = e.max(e.constantLike(n, -252), n);
  Value whole = arith::FPToSIOp::create(e.b, e.loc, e.i32, n);
  Value half = arith::ShRSIOp::create(e.b, e.loc, whole, e.constantLike(whole, 1));
  auto power = [&](Value exponent) -> Value {
    Value biased = e.add(exponent, e.constantLike(exponent, exponent_bias));
    Value bits = arith::ShLIOp::create(e.b, e.loc, biased, e.constantLike(biased, mantissa_bits));
    return arith::BitcastOp::create(e.b, e.loc, e.f32, bits);
  };
  return e.mul(e.mul(p, power(half)), power(e.sub(whole, half)));
}

}  // namespace

Simt::Simt(const tile::Kernel& kernel, const Target& target, ModuleOp module)
    : Emitter(module.getContext(), kernel.op->getLoc(), {true, true, scale}),
      kernel(kernel),
      limits(target.workgroups),
      module(module) {}

Type Simt::storedType(DType dtype) {
  switch (dtype) {
    case DType::boolean:
    case DType::i8: return b.getI8Type();
    case DType::bf16: return b.getI16Type();
    case DType::f16: return b.getF16Type();
    case DType::f32: return f32;
    case DType::i32:
    case DType::i64: return i32;
  }
  return {};
}

void Simt::begin() {
  MLIRContext* context = b.getContext();
  llvm::SmallVector<Type> types;
  auto add = [&](Type element) {
    types.push_back(MemRefType::get({ShapedType::kDynamic}, element));
  };
  for (const auto* accesses : {&kernel.ins, &kernel.outs})
    for (const tile::Access& access : *accesses) add(storedType(access.dtype));
  for (auto [operand, elements] : together) {
    Type element = elements == 8 ? Type(i32) : storedType(kernel.ins[size_t(operand)].dtype);
    types[size_t(operand)] = MemRefType::get({ShapedType::kDynamic}, VectorType::get({4}, element));
  }
  add(i32);  // work, dims
  add(i32);  // status
  b.setInsertionPointToEnd(module.getBody());
  auto parent = mlir::gpu::GPUModuleOp::create(b, loc, kernel.name);
  b.setInsertionPointToStart(parent.getBody());
  function = mlir::gpu::GPUFuncOp::create(b, loc, kernel.name, b.getFunctionType(types, {}));
  function->setAttr(mlir::gpu::GPUDialect::getKernelFuncAttrName(), b.getUnitAttr());
  function->setAttr(spirv::getEntryPointABIAttrName(),
                    spirv::getEntryPointABIAttr(context, {int32_t(limits.invocations), 1, 1}));
  for (unsigned n = 0; n < types.size(); ++n)
    function.setArgAttr(n, spirv::getInterfaceVarABIAttrName(),
                        spirv::getInterfaceVarABIAttr(0, n, {}, context));
  b.setInsertionPointToStart(&function.getBody().front());
}

FailureOr<tile::Lowered> Simt::write(const Dim& count, int64_t group,
                                     llvm::function_ref<void()> body) {
  begin();
  using Axis = mlir::gpu::Dimension;
  Value zero = constant(0);
  invocation = mlir::gpu::ThreadIdOp::create(b, loc, Axis::x);
  Value x = mlir::gpu::BlockIdOp::create(b, loc, Axis::x),
        y = mlir::gpu::BlockIdOp::create(b, loc, Axis::y);
  Value width = mlir::gpu::GridDimOp::create(b, loc, Axis::x);
  firstItem = mul(add(mul(y, width), x), group);
  size_t buffers = kernel.ins.size() + kernel.outs.size();
  work = toIndex(load(buffer(buffers), zero));
  groups = ceilDivide(work, group);
  head = &b.getInsertionBlock()->back();
  when(below(firstItem, work), body);
  b.setInsertionPointToEnd(&function.getBody().front());
  mlir::gpu::ReturnOp::create(b, loc);
  if (!fits()) return failure();
  if (!ok) return failure();
  tile::Launch launch;
  launch.function = kernel.name;
  for (size_t n = 0; n < buffers; ++n) launch.buffers.push_back(int(n));
  launch.dims = dims;
  launch.work = count;
  launch.group = group;
  launch.kind = kernel.op->getName().stripDialect().str();
  launch.bytes = tile::bytesOf(kernel);
  return tile::Lowered{{launch}, {}};
}

bool Simt::fits() {
  auto check = [&](int64_t needed, int64_t most, const char* of) {
    if (needed > most)
      kernel.op->emitOpError("needs ") << needed << of << ", the device allows " << most
                                       << "; choose another device or target, or a smaller network";
    return needed <= most;
  };
  bool all = check(limits.invocations, limits.most_invocations, " invocations in a workgroup") &&
             check(sharedBytes, limits.shared_bytes, " bytes of workgroup memory");
  for (const auto* accesses : {&kernel.ins, &kernel.outs})
    for (const tile::Access& access : *accesses)
      if (Dim count = element_count(access.shape); all && count.is_static())
        all = check(count.constant * int64_t(size_of(access.dtype)), limits.buffer_bytes,
                    " bytes in one buffer");
  return all;
}

template <class F>
Value Simt::ahead(F emit) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointAfter(head);
  Value x = emit();
  head = x.getDefiningOp();
  return x;
}

// Static ones are constants, all others the launch evaluates.
Value Simt::dim(const Dim& value) {
  if (value.is_static()) return constant(value.constant);
  size_t n = size_t(std::find(dims.begin(), dims.end(), value) - dims.begin());
  if (n == dims.size()) {
    dims.push_back(value);
    Value at = ahead([&] { return constant(int64_t(n) + 1); });
    Value x = ahead([&] { return load(buffer(kernel.ins.size() + kernel.outs.size()), at); });
    dimValues.push_back(ahead([&] { return toIndex(x); }));
  }
  return dimValues[n];
}

Value Simt::shared(int64_t elements, Type element) {
  sharedBytes += elements * (isa_and_nonnull<VectorType>(element) ? 4 : 1) * int64_t(sizeof(float));
  auto type = MemRefType::get({elements}, element ? element : f32, AffineMap(),
                              b.getI64IntegerAttr(workgroup_space));
  return ahead([&]() -> Value { return memref::AllocOp::create(b, loc, type); });
}

Value Simt::fours(ValueRange lanes) {
  return vector::FromElementsOp::create(b, loc, four(), lanes);
}
Values Simt::parts(Value four) {
  Values lanes;
  for (int64_t n = 0; n < 4; ++n) lanes.push_back(vector::ExtractOp::create(b, loc, four, n));
  return lanes;
}
void Simt::barrier() { mlir::gpu::BarrierOp::create(b, loc); }
Value Simt::load(Value buffer, Value at) {
  return memref::LoadOp::create(b, loc, buffer, ValueRange{at});
}
Values Simt::loadTogether(int operand, Value at) {
  const DType dtype = kernel.ins[size_t(operand)].dtype;
  const int64_t elements = readsTogether(operand);
  Value x = load(buffer(size_t(operand)), divide(at, elements));
  Values found;
  for (Value word : parts(x)) {
    if (elements == 4) found.push_back(widened(word, dtype));
    else found.append(widenedPair(word, dtype));
  }
  return found;
}

Value Simt::widened(Value x, DType dtype) {
  if (dtype == DType::f16) return arith::ExtFOp::create(b, loc, f32, x);
  if (dtype != DType::bf16) return x;
  Value wide = arith::ExtUIOp::create(b, loc, i32, x);
  Value bits = arith::ShLIOp::create(b, loc, wide, constantLike(wide, half_bits));
  return arith::BitcastOp::create(b, loc, f32, bits);
}

// Two halves in 32 bits, the first in the lower ones. Without arithmetic in 16 bits, which a device
// may lack.
Values Simt::widenedPair(Value word, DType dtype) {
  if (dtype == DType::f16) {
    Value pair = spirv::GLUnpackHalf2x16Op::create(b, loc, VectorType::get({2}, f32), word);
    return {vector::ExtractOp::create(b, loc, pair, 0), vector::ExtractOp::create(b, loc, pair, 1)};
  }
  Value low = arith::ShLIOp::create(b, loc, word, constantLike(word, half_bits));
  Value high = arith::AndIOp::create(b, loc, word, constantLike(word, -(int64_t(1) << half_bits)));
  return {arith::BitcastOp::create(b, loc, f32, low), arith::BitcastOp::create(b, loc, f32, high)};
}
void Simt::store(Value x, Value buffer, Value at) {
  memref::StoreOp::create(b, loc, x, buffer, ValueRange{at});
}
Value Simt::toInt(Value index) { return arith::IndexCastOp::create(b, loc, i32, index); }
Value Simt::toIndex(Value integer) { return arith::IndexCastOp::create(b, loc, index, integer); }

void Simt::fail(Value condition) {
  when(condition, [&] {
    Value status =
        arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(abi::kernel_index_out_of_range));
    store(status, buffer(kernel.ins.size() + kernel.outs.size() + 1), constant(0));
  });
}

Values Simt::loop(Value low, Value high, int64_t step, ValueRange carried, LoopBody body) {
  Values results = Emitter::loop(low, high, step, carried, body);
  if (results.empty()) return results;
  Value turns = below(low, high);
  for (auto [result, before] : llvm::zip(results, carried)) result = select(turns, result, before);
  return results;
}

void Simt::loopFrom(Value low, Value high, Value step, llvm::function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(b, loc, low, high, step);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop.getBody()->getTerminator());
  body(loop.getInductionVar());
}

void Simt::share(int64_t count, llvm::function_ref<void(Value)> body) {
  int64_t turns = count / limits.invocations, rest = count % limits.invocations;
  loop(0, turns, 1, [&](Value turn) { body(add(mul(turn, limits.invocations), invocation)); });
  if (rest)
    when(below(invocation, constant(rest)),
         [&] { body(add(invocation, turns * limits.invocations)); });
}

}  // namespace heed::gpu
