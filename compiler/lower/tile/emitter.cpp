#include "heed/compiler/lower/tile/emitter.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace heed::tile {

namespace {

// x + magic - magic rounds |x| < 2^22 to even.
constexpr float rounding_magic = 12582912.0f;

bool isFloat(Value x) { return isa<FloatType>(getElementTypeOrSelf(x.getType())); }

}  // namespace

std::optional<int64_t> constantOf(Value index) {
  if (auto op = index.getDefiningOp<arith::ConstantIndexOp>()) return op.value();
  return {};
}

Emitter::Emitter(MLIRContext* context, Location loc, Instructions instructions)
    : b(context), loc(loc), instructions(instructions) {
  f32 = b.getF32Type();
  i32 = b.getI32Type();
  index = b.getIndexType();
}

// ---- index arithmetic ----

Value Emitter::constant(int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }

Value Emitter::divide(Value x, Value y) { return b.createOrFold<arith::DivUIOp>(loc, x, y); }
Value Emitter::remainder(Value x, Value y) { return b.createOrFold<arith::RemUIOp>(loc, x, y); }
Value Emitter::floorRemainder(Value x, Value y) {
  Value negative = below(x, constantLike(x, 0));
  Value rest = remainder(select(negative, sub(constantLike(x, -1), x), x), y);
  return select(negative, sub(sub(y, constantLike(y, 1)), rest), rest);
}

// ---- arithmetic ----

Value Emitter::add(Value x, Value y) {
  return isFloat(x) ? Value(arith::AddFOp::create(b, loc, x, y))
                    : b.createOrFold<arith::AddIOp>(loc, x, y);
}
Value Emitter::sub(Value x, Value y) {
  return isFloat(x) ? Value(arith::SubFOp::create(b, loc, x, y))
                    : b.createOrFold<arith::SubIOp>(loc, x, y);
}
Value Emitter::mul(Value x, Value y) {
  return isFloat(x) ? Value(arith::MulFOp::create(b, loc, x, y))
                    : b.createOrFold<arith::MulIOp>(loc, x, y);
}
Value Emitter::div(Value x, Value y) { return arith::DivFOp::create(b, loc, x, y); }

Value Emitter::fma(Value x, Value y, Value z) {
  if (!instructions.fma) return add(mul(x, y), z);  // math.fma would become a call of libm
  return math::FmaOp::create(b, loc, x, y, z);
}

// Compare and select are one maxps; arith.maximumf would add NaN and zero fix-ups.
Value Emitter::max(Value x, Value y) {
  if (!isFloat(x)) return b.createOrFold<arith::MaxSIOp>(loc, x, y);
  return select(compare(arith::CmpFPredicate::OGT, x, y), x, y);
}
Value Emitter::min(Value x, Value y) {
  if (!isFloat(x)) return b.createOrFold<arith::MinSIOp>(loc, x, y);
  return select(compare(arith::CmpFPredicate::OLT, x, y), x, y);
}
Value Emitter::neg(Value x) {
  return isFloat(x) ? Value(arith::NegFOp::create(b, loc, x)) : sub(constantLike(x, 0), x);
}
Value Emitter::abs(Value x) {
  return isFloat(x) ? Value(math::AbsFOp::create(b, loc, x))
                    : Value(math::AbsIOp::create(b, loc, x));
}
Value Emitter::roundEven(Value x) {
  if (instructions.round) return math::RoundEvenOp::create(b, loc, x);
  Value magic = constantLike(x, rounding_magic);
  return sub(add(x, magic), magic);
}
Value Emitter::select(Value condition, Value x, Value y) {
  return b.createOrFold<arith::SelectOp>(loc, condition, x, y);
}
Value Emitter::compare(arith::CmpIPredicate p, Value x, Value y) {
  return b.createOrFold<arith::CmpIOp>(loc, p, x, y);
}
Value Emitter::compare(arith::CmpFPredicate p, Value x, Value y) {
  return arith::CmpFOp::create(b, loc, p, x, y);
}

Value Emitter::constantLike(Value x, double value) {
  Type element = getElementTypeOrSelf(x.getType());
  TypedAttr attribute = isa<FloatType>(element)
                            ? TypedAttr(b.getFloatAttr(element, value))
                            : TypedAttr(b.getIntegerAttr(element, int64_t(value)));
  if (auto type = dyn_cast<VectorType>(x.getType()))
    attribute = DenseElementsAttr::get(type, attribute);
  return arith::ConstantOp::create(b, loc, attribute);
}

// ---- control ----

Values Emitter::loop(Value low, Value high, int64_t step, ValueRange carried, LoopBody body) {
  auto loop = scf::ForOp::create(b, loc, low, high, constant(step), carried);
  OpBuilder::InsertionGuard guard(b);
  if (carried.empty()) b.setInsertionPoint(loop.getBody()->getTerminator());
  else b.setInsertionPointToStart(loop.getBody());
  Values next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!carried.empty()) scf::YieldOp::create(b, loc, next);
  return Values(loop.getResults());
}
void Emitter::loop(Value low, Value high, int64_t step, llvm::function_ref<void(Value)> body) {
  loop(low, high, step, {}, [&](Value i, ValueRange) {
    body(i);
    return Values{};
  });
}
void Emitter::loop(int64_t low, int64_t high, int64_t step, llvm::function_ref<void(Value)> body) {
  if (high <= low) return;
  if (high - low <= step) body(constant(low));
  else loop(constant(low), constant(high), step, body);
}

void Emitter::when(Value condition, llvm::function_ref<void()> then) {
  auto branch = scf::IfOp::create(b, loc, condition, false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenBlock()->getTerminator());
  then();
}

Values Emitter::choose(Value condition, TypeRange types, llvm::function_ref<Values()> then,
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

}  // namespace heed::tile
