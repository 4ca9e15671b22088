#include "heed/compiler/lower/cpu/emit.h"

#include <algorithm>

#include "heed/runtime/abi/kernel.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace heed::cpu {

namespace {

// Buffers are flat; their size says nothing.
constexpr int64_t buffer_extent = 1 << 30;
// x + magic - magic rounds |x| < 2^22 to even.
constexpr float rounding_magic = 12582912.0f;

void collect(const Dim& dim, std::vector<uint64_t>& symbols) {
  for (const Term& term : dim.terms)
    for (const Atom& atom : term.factors)
      if (term.used() && atom.symbol && !llvm::is_contained(symbols, atom.symbol)) symbols.push_back(atom.symbol);
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

bool isFloat(Value x) { return isa<FloatType>(getElementTypeOrSelf(x.getType())); }

}  // namespace

std::optional<int64_t> constantOf(Value index) {
  if (auto op = index.getDefiningOp<arith::ConstantIndexOp>()) return op.value();
  return {};
}

Emit::Emit(const tile::Kernel& kernel, const Target& target, ModuleOp module)
    : kernel(kernel), target(target), b(module.getContext()), loc(kernel.op->getLoc()), module(module) {
  f32 = b.getF32Type();
  i32 = b.getI32Type();
  index = b.getIndexType();
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

func::FuncOp Emit::begin(StringRef name, ArrayRef<Type> types, Type result) {
  b.setInsertionPointToEnd(module.getBody());
  auto function =
      func::FuncOp::create(b, loc, name, b.getFunctionType(types, result ? TypeRange(result) : TypeRange()));
  for (auto [n, type] : llvm::enumerate(types))
    if (isa<MemRefType>(type)) function.setArgAttr(n, "llvm.noalias", b.getUnitAttr());
  b.setInsertionPointToStart(function.addEntryBlock());
  return function;
}

KernelArguments Emit::beginKernel(StringRef name, ArrayRef<Type> buffers) {
  llvm::SmallVector<Type> types(buffers);
  types.append(symbols.size() + 2, index);
  types.push_back(bufferType(b.getI8Type()));
  auto function = begin(name, types, i32);
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
  auto function = begin(name, types, {});
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

Value Emit::view(Value scratch, Value byte, Type element) {
  return memref::ViewOp::create(b, loc, cast<MemRefType>(bufferType(element)), scratch, byte, ValueRange{});
}

// ---- index arithmetic ----

Value Emit::constant(int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }

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

Value Emit::divide(Value x, Value y) { return b.createOrFold<arith::DivUIOp>(loc, x, y); }
Value Emit::remainder(Value x, Value y) { return b.createOrFold<arith::RemUIOp>(loc, x, y); }

// ---- arithmetic ----

Value Emit::add(Value x, Value y) {
  return isFloat(x) ? Value(arith::AddFOp::create(b, loc, x, y)) : b.createOrFold<arith::AddIOp>(loc, x, y);
}
Value Emit::sub(Value x, Value y) {
  return isFloat(x) ? Value(arith::SubFOp::create(b, loc, x, y)) : b.createOrFold<arith::SubIOp>(loc, x, y);
}
Value Emit::mul(Value x, Value y) {
  return isFloat(x) ? Value(arith::MulFOp::create(b, loc, x, y)) : b.createOrFold<arith::MulIOp>(loc, x, y);
}
Value Emit::div(Value x, Value y) { return arith::DivFOp::create(b, loc, x, y); }

Value Emit::fma(Value x, Value y, Value z) {
  if (!target.fma) return add(mul(x, y), z);  // math.fma would become a call of libm
  return math::FmaOp::create(b, loc, x, y, z);
}

// Compare and select are one maxps; arith.maximumf would add NaN and zero fix-ups.
Value Emit::max(Value x, Value y) {
  if (!isFloat(x)) return b.createOrFold<arith::MaxSIOp>(loc, x, y);
  return select(compare(arith::CmpFPredicate::OGT, x, y), x, y);
}
Value Emit::min(Value x, Value y) {
  if (!isFloat(x)) return b.createOrFold<arith::MinSIOp>(loc, x, y);
  return select(compare(arith::CmpFPredicate::OLT, x, y), x, y);
}
Value Emit::neg(Value x) {
  return isFloat(x) ? Value(arith::NegFOp::create(b, loc, x)) : sub(constantLike(x, 0), x);
}
Value Emit::abs(Value x) {
  return isFloat(x) ? Value(math::AbsFOp::create(b, loc, x)) : Value(math::AbsIOp::create(b, loc, x));
}
Value Emit::roundEven(Value x) {
  if (target.round) return math::RoundEvenOp::create(b, loc, x);
  Value magic = constantLike(x, rounding_magic);
  return sub(add(x, magic), magic);
}
Value Emit::select(Value condition, Value x, Value y) {
  return b.createOrFold<arith::SelectOp>(loc, condition, x, y);
}
Value Emit::compare(arith::CmpIPredicate p, Value x, Value y) {
  return b.createOrFold<arith::CmpIOp>(loc, p, x, y);
}
Value Emit::compare(arith::CmpFPredicate p, Value x, Value y) {
  return arith::CmpFOp::create(b, loc, p, x, y);
}

// ---- vectors ----

Value Emit::splat(float value) {
  return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(vector, value));
}

Value Emit::constantLike(Value x, double value) {
  Type element = getElementTypeOrSelf(x.getType());
  TypedAttr attribute = isa<FloatType>(element) ? TypedAttr(b.getFloatAttr(element, value))
                                                : TypedAttr(b.getIntegerAttr(element, int64_t(value)));
  if (auto type = dyn_cast<VectorType>(x.getType())) attribute = DenseElementsAttr::get(type, attribute);
  return arith::ConstantOp::create(b, loc, attribute);
}

Value Emit::broadcast(Value scalar) {
  auto type = VectorType::get({lanes()}, scalar.getType());
  return vector::BroadcastOp::create(b, loc, type, scalar);
}

Value Emit::iota() {
  llvm::SmallVector<int32_t> numbers;
  for (int lane = 0; lane < lanes(); ++lane) numbers.push_back(lane);
  return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(ints, ArrayRef<int32_t>(numbers)));
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
Value Emit::loadScalar(Value buffer, Value at) { return memref::LoadOp::create(b, loc, buffer, ValueRange{at}); }

void Emit::store(Value x, Value buffer, Value at, Value mask) {
  if (mask) vector::MaskedStoreOp::create(b, loc, buffer, ValueRange{at}, mask, x);
  else vector::StoreOp::create(b, loc, x, buffer, ValueRange{at});
}
void Emit::storeScalar(Value x, Value buffer, Value at) {
  memref::StoreOp::create(b, loc, x, buffer, ValueRange{at});
}
void Emit::prefetch(Value buffer, Value at) {
  memref::PrefetchOp::create(b, loc, buffer, ValueRange{at}, /*isWrite=*/false, /*localityHint=*/2, /*isDataCache=*/true);
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
  return vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD, x, arith::FastMathFlags::reassoc);
}
Value Emit::intrinsic(StringRef name, Type type, ValueRange arguments) {
  return LLVM::CallIntrinsicOp::create(b, loc, type, b.getStringAttr(name), arguments).getResult(0);
}

// ---- control ----

Values Emit::loop(Value low, Value high, int64_t step, ValueRange carried, LoopBody body) {
  auto loop = scf::ForOp::create(b, loc, low, high, constant(step), carried);
  OpBuilder::InsertionGuard guard(b);
  if (carried.empty()) b.setInsertionPoint(loop.getBody()->getTerminator());
  else b.setInsertionPointToStart(loop.getBody());
  Values next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!carried.empty()) scf::YieldOp::create(b, loc, next);
  return Values(loop.getResults());
}
void Emit::loop(Value low, Value high, int64_t step, llvm::function_ref<void(Value)> body) {
  loop(low, high, step, {}, [&](Value i, ValueRange) {
    body(i);
    return Values{};
  });
}
void Emit::loop(int64_t low, int64_t high, int64_t step, llvm::function_ref<void(Value)> body) {
  if (high <= low) return;
  if (high - low <= step) body(constant(low));
  else loop(constant(low), constant(high), step, body);
}

Values Emit::unrolled(Value low, Value high, ValueRange carried,
                      llvm::function_ref<Values(Value, int64_t, ValueRange)> body) {
  Value whole = add(low, roundDown(sub(high, low), unroll));
  Values results = loop(low, whole, unroll, carried, [&](Value i, ValueRange carried) {
    Values next(carried.begin(), carried.end());
    for (int64_t step = 0; step < unroll; ++step) next = body(i, step, next);
    return next;
  });
  if (constantOf(sub(high, whole)) == 0) return results;
  return loop(whole, high, 1, results, [&](Value i, ValueRange carried) { return body(i, 0, carried); });
}

void Emit::when(Value condition, llvm::function_ref<void()> then) {
  auto branch = scf::IfOp::create(b, loc, condition, false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenBlock()->getTerminator());
  then();
}

Values Emit::choose(Value condition, TypeRange types, llvm::function_ref<Values()> then,
                    llvm::function_ref<Values()> otherwise) {
  auto branch = scf::IfOp::create(b, loc, types, condition, true);
  OpBuilder::InsertionGuard guard(b);
  auto fill = [&](Block& block, llvm::function_ref<Values()> body) {
    if (!block.empty()) block.back().erase();  // the terminator that an if without results has
    b.setInsertionPointToStart(&block);
    Values results = body();
    scf::YieldOp::create(b, loc, results);
  };
  fill(branch.getThenRegion().front(), then);
  fill(branch.getElseRegion().front(), otherwise);
  return Values(branch.getResults());
}

void Emit::switchOn(Value value, ArrayRef<int64_t> cases, llvm::function_ref<void(int64_t)> body) {
  if (cases.size() == 1) return body(cases[0]);
  auto choice = scf::IndexSwitchOp::create(b, loc, TypeRange{}, value, cases, unsigned(cases.size()));
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
