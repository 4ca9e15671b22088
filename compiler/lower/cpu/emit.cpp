#include "heed/compiler/lower/cpu/emit.h"

#include <algorithm>

#include "heed/runtime/abi/kernel.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace heed::cpu {

namespace {

// Buffers are flat; their size says nothing.
constexpr int64_t buffer_extent = 1 << 30;

void collect(const Dim& dim, std::vector<uint64_t>& symbols) {
  for (const Term& term : dim.terms)
    for (const Atom& atom : term.factors)
      if (term.used() && atom.symbol && !llvm::is_contained(symbols, atom.symbol))
        symbols.push_back(atom.symbol);
}

void collect(const tile::Access& access, std::vector<uint64_t>& symbols) {
  collect(access.offset, symbols);
  for (const Dim& stride : access.strides) collect(stride, symbols);
  for (const tile::Rolled& rolled : access.rolled) {
    for (const Dim& weight : rolled.weights) collect(weight, symbols);
    for (const Dim& dim : {rolled.shift, rolled.modulus, rolled.stride}) collect(dim, symbols);
  }
  for (int axis = 0; axis < access.shape.rank; ++axis) collect(access.shape.dims[axis], symbols);
  for (const Dim& stride : access.layout.strides) collect(stride, symbols);
}

// AVX-512's own instructions, on whole vectors.
Value avx512(tile::Emitter& e, StringRef name, Values arguments, int control) {
  Value x = arguments[0];
  if (x.getType() != VectorType::get({16}, e.f32)) return {};
  Value all = arith::ConstantOp::create(e.b, e.loc, e.b.getIntegerAttr(e.b.getI16Type(), -1));
  Value current_rounding = arith::ConstantOp::create(e.b, e.loc, e.b.getI32IntegerAttr(4));
  if (control)
    arguments.push_back(arith::ConstantOp::create(e.b, e.loc, e.b.getI32IntegerAttr(control)));
  arguments.append({x, all, current_rounding});
  StringAttr intrinsic = e.b.getStringAttr("llvm.x86.avx512.mask." + name + ".ps.512");
  return LLVM::CallIntrinsicOp::create(e.b, e.loc, x.getType(), intrinsic, arguments).getResult(0);
}
Value scalef(tile::Emitter& e, Value p, Value n) { return avx512(e, "scalef", {p, n}, 0); }
Value fraction(tile::Emitter& e, Value n) {
  constexpr int down = 1, quiet = 8;  // rounding, no flag for what is inexact
  return avx512(e, "reduce", {n}, down | quiet);
}

tile::Instructions instructionsOf(const Target& target) {
  tile::Instructions instructions{target.fma, target.round};
  if (target.scalef && target.lanes == 16)
    instructions.scale = scalef, instructions.fraction = fraction;
  return instructions;
}

}  // namespace

Emit::Emit(const tile::Kernel& kernel, const Target& target, ModuleOp module)
    : Emitter(module.getContext(), kernel.op->getLoc(), instructionsOf(target)),
      kernel(kernel), target(target), module(module) {
  vector = VectorType::get({target.lanes}, f32);
  ints = VectorType::get({target.lanes}, i32);
  for (const tile::Digit& digit : kernel.digits) collect(digit.extent, symbols);
  for (const std::string& symbol : kernel.symbols)
    if (auto dim = parse_dim(symbol)) collect(*dim, symbols);
  for (const tile::Access& access : kernel.ins) collect(access, symbols);
  for (const tile::Access& access : kernel.outs) collect(access, symbols);
  kernel.op->walk([&](ir::ExtentOp extent) {
    if (auto dim = parse_dim(extent.getDim())) collect(*dim, symbols);
  });
  if (isa<ir::ContractOp>(kernel.op)) findCoinciding();
}

// plan/memory.cpp may give an operand that is read as the result is written the same buffer.
void Emit::findCoinciding() {
  coincide.assign(kernel.ins.size() + 1, false);
  for (size_t n = tile::contract_captured; n < kernel.ins.size(); ++n)
    if (kernel.ins[n].map == kernel.outs[0].map && kernel.ins[n].dtype == kernel.outs[0].dtype)
      coincide[n] = coincide.back() = true;
}

// ---- functions ----

std::vector<Dim> Emit::dims() const {
  std::vector<Dim> dims;
  for (uint64_t symbol : symbols) dims.push_back(Dim::symbol(symbol));
  return dims;
}

Type Emit::bufferType(Type element) { return MemRefType::get({buffer_extent}, element); }
Type Emit::bufferType(const tile::Access& access) {
  bool boolean = access.dtype == DType::boolean;
  return bufferType(ir::elementType(b.getContext(), boolean ? DType::i8 : access.dtype));
}

func::FuncOp Emit::begin(StringRef name, ArrayRef<Type> types, Type result, bool ofKernel) {
  b.setInsertionPointToEnd(module.getBody());
  auto function = func::FuncOp::create(
      b, loc, name, b.getFunctionType(types, result ? TypeRange(result) : TypeRange()));
  for (auto [n, type] : llvm::enumerate(types))
    if (isa<MemRefType>(type) && !(ofKernel && n < coincide.size() && coincide[n]))
      function.setArgAttr(n, "llvm.noalias", b.getUnitAttr());
  b.setInsertionPointToStart(function.addEntryBlock());
  return function;
}

KernelArguments Emit::beginKernel(StringRef name, ArrayRef<Type> buffers) {
  llvm::SmallVector<Type> types(buffers);
  types.append(symbols.size() + 2, index);
  types.push_back(bufferType(b.getI8Type()));
  auto function = begin(name, types, i32, true);
  function->setAttr("heed.kernel", b.getUnitAttr());
  auto arguments = function.getArguments();
  KernelArguments result;
  result.buffers.append(arguments.begin(), arguments.begin() + buffers.size());
  auto rest = arguments.drop_front(buffers.size());
  symbolValues.assign(rest.begin(), rest.begin() + symbols.size());
  rest = rest.drop_front(symbols.size());
  result.begin = rest[0];
  result.end = rest[1];
  result.scratch = rest[2];
  return result;
}

void Emit::finishKernel() {
  Value ok = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(abi::kernel_ok));
  func::ReturnOp::create(b, loc, ok);
}

Values Emit::beginFunction(StringRef name, ArrayRef<Type> arguments) {
  llvm::SmallVector<Type> types(arguments);
  types.append(symbols.size(), index);
  auto function = begin(name, types, {}, true);
  function.setPrivate();
  auto all = function.getArguments();
  symbolValues.assign(all.begin() + arguments.size(), all.end());
  return Values(all.begin(), all.begin() + arguments.size());
}

void Emit::finishFunction() { func::ReturnOp::create(b, loc); }

void Emit::call(StringRef name, ArrayRef<Value> arguments) {
  Values all(arguments);
  all.append(symbolValues);
  func::CallOp::create(b, loc, name, TypeRange{}, all);
}

bool Emit::beginShared(StringRef name, ArrayRef<Type> types, Values& arguments) {
  if (module.lookupSymbol(name)) return false;
  auto function = begin(name, types, {}, false);
  function.setPrivate();
  function->setAttr("heed.shared", b.getUnitAttr());
  symbolValues.clear();
  arguments.assign(function.getArguments().begin(), function.getArguments().end());
  return true;
}

void Emit::callShared(StringRef name, ArrayRef<Value> arguments) {
  func::CallOp::create(b, loc, name, TypeRange{}, arguments);
}

Value Emit::view(Value scratch, Value byte, Type element) {
  return memref::ViewOp::create(b, loc, cast<MemRefType>(bufferType(element)), scratch, byte,
                                ValueRange{});
}

// ---- dimensions ----

Value Emit::dim(const Dim& value) {
  Value sum;
  for (const Term& term : value.terms) {
    if (!term.used()) continue;
    Value product;
    for (const Atom& atom : term.factors) {
      if (!atom.symbol) continue;
      Value x = symbolValues[llvm::find(symbols, atom.symbol) - symbols.begin()];
      x = divide(add(mul(x, atom.scale), atom.offset), atom.divisor);
      product = product ? mul(product, x) : x;
    }
    product = mul(product, term.num);
    if (term.den != 1) product = divide(product, term.den);
    sum = sum ? add(sum, product) : product;
  }
  return sum ? add(sum, value.constant) : constant(value.constant);
}

// ---- vectors ----

Value Emit::splat(float value) {
  return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(vector, value));
}

Value Emit::broadcast(Value scalar) {
  auto type = VectorType::get({lanes()}, scalar.getType());
  return vector::BroadcastOp::create(b, loc, type, scalar);
}

Value Emit::iota() {
  llvm::SmallVector<int32_t> numbers;
  for (int lane = 0; lane < lanes(); ++lane) numbers.push_back(lane);
  return arith::ConstantOp::create(b, loc,
                                   DenseElementsAttr::get(ints, ArrayRef<int32_t>(numbers)));
}

Value Emit::lanesBelow(Value limit) {
  return below(iota(), broadcast(arith::IndexCastOp::create(b, loc, i32, limit)));
}

Value Emit::load(VectorType type, Value buffer, Value at) {
  return vector::LoadOp::create(b, loc, type, buffer, ValueRange{at});
}
Value Emit::load(Value buffer, Value at, Value mask) {
  auto type = VectorType::get({lanes()}, cast<MemRefType>(buffer.getType()).getElementType());
  if (!mask) return load(type, buffer, at);
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  return vector::MaskedLoadOp::create(b, loc, type, buffer, ValueRange{at}, mask, zero);
}
Value Emit::loadScalar(Value buffer, Value at) {
  return memref::LoadOp::create(b, loc, buffer, ValueRange{at});
}

void Emit::store(Value x, Value buffer, Value at, Value mask) {
  if (mask) vector::MaskedStoreOp::create(b, loc, buffer, ValueRange{at}, mask, x);
  else vector::StoreOp::create(b, loc, x, buffer, ValueRange{at});
}
void Emit::storeScalar(Value x, Value buffer, Value at) {
  memref::StoreOp::create(b, loc, x, buffer, ValueRange{at});
}
void Emit::prefetch(Value buffer, Value at) {
  memref::PrefetchOp::create(b, loc, buffer, ValueRange{at}, /*isWrite=*/false, /*localityHint=*/2,
                             /*isDataCache=*/true);
}
void Emit::prefetchRun(Value buffer, Value at, int64_t elements) {
  constexpr int64_t line = 64 / sizeof(float), most_lines = 16;
  for (int64_t n = 0; n < std::min(elements, line * most_lines); n += line)
    prefetch(buffer, add(at, n));
}
Value Emit::addressOf(Value buffer, Value at) {
  const Type element = cast<MemRefType>(buffer.getType()).getElementType();
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(b, loc, buffer);
  return add(base, mul(at, int64_t(element.getIntOrFloatBitWidth() / 8)));
}
void Emit::prefetchLine(Value address) {
  Value number = arith::IndexCastOp::create(b, loc, b.getI64Type(), address);
  Value pointer =
      LLVM::IntToPtrOp::create(b, loc, LLVM::LLVMPointerType::get(b.getContext()), number);
  LLVM::Prefetch::create(b, loc, pointer, /*rw=*/0, /*hint=*/2, /*cache=*/1);
}
Value Emit::shuffle(Value x, Value y, ArrayRef<int64_t> lanes) {
  return vector::ShuffleOp::create(b, loc, x, y, lanes);
}
// Without nnan this would be a chain of scalar maxima.
Value Emit::largest(Value x) {
  return vector::ReductionOp::create(b, loc, vector::CombiningKind::MAXNUMF, x,
                                     arith::FastMathFlags::nnan | arith::FastMathFlags::nsz);
}
Value Emit::sum(Value x) {
  return vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD, x,
                                     arith::FastMathFlags::reassoc);
}

// ---- control ----

Values Emit::unrolled(Value low, Value high, int64_t steps, ValueRange carried,
                      llvm::function_ref<Values(Value, int64_t, ValueRange)> body) {
  Value whole = add(low, roundDown(sub(high, low), steps));
  Values results = loop(low, whole, steps, carried, [&](Value i, ValueRange carried) {
    Values next(carried.begin(), carried.end());
    for (int64_t step = 0; step < steps; ++step) next = body(i, step, next);
    return next;
  });
  if (constantOf(sub(high, whole)) == 0) return results;
  return loop(whole, high, 1, results,
              [&](Value i, ValueRange carried) { return body(i, 0, carried); });
}

void Emit::switchOn(Value value, ArrayRef<int64_t> cases, llvm::function_ref<void(int64_t)> body) {
  if (cases.size() == 1) return body(cases[0]);
  auto choice =
      scf::IndexSwitchOp::create(b, loc, TypeRange{}, value, cases, unsigned(cases.size()));
  OpBuilder::InsertionGuard guard(b);
  for (auto [n, c] : llvm::enumerate(cases)) {
    b.createBlock(&choice.getCaseRegions()[n]);
    body(c);
    scf::YieldOp::create(b, loc);
  }
  b.createBlock(&choice.getDefaultRegion());
  scf::YieldOp::create(b, loc);
}

}  // namespace heed::cpu
