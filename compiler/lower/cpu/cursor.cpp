#include "heed/compiler/lower/cpu/cursor.h"

#include "heed/compiler/lower/cpu/storage.h"
#include "heed/compiler/lower/tile/functions.h"
#include "heed/compiler/lower/tile/regions.h"

using namespace mlir;

namespace heed::cpu {

Cursor::Cursor(Emit& e, ValueRange buffers)
    : e(&e), buffers(buffers), addresses(buffers.size()), digits(e.kernel.digits.size()) {
  for (size_t n = 0; n < buffers.size(); ++n) begin(n);
}

const tile::Access& Cursor::access(size_t n) const {
  const tile::Kernel& kernel = e->kernel;
  return n < kernel.ins.size() ? kernel.ins[n] : kernel.outs[n - kernel.ins.size()];
}

// ---- addresses ----

static bool weighs(const Dim& weight) { return !(weight == Dim(0)); }

void Cursor::begin(size_t n) {
  Address& address = addresses[n];
  address.at = e->dim(access(n).offset);
  for (auto [group, rolled] : llvm::enumerate(access(n).rolled)) {
    address.rolled.push_back(shiftOf(*e, rolled));
    address.pending.push_back(int(llvm::count_if(rolled.weights, weighs)));
    if (!address.pending.back()) finishRolled(address, rolled, group, false);
  }
}

// Σ weight · (its digit's largest value) + 1
static Dim span(const tile::Kernel& kernel, const tile::Rolled& rolled) {
  Dim sum(1);
  for (auto [n, weight] : llvm::enumerate(rolled.weights))
    sum = sum + weight * (kernel.digits[n].extent - Dim(1));
  return sum;
}

// sum mod modulus. A group that spans no more than one period is less than two periods with its
// shift: then no division is needed.
Value Cursor::wrapped(const tile::Rolled& rolled, Value sum) {
  Value modulus = e->dim(rolled.modulus);
  if (isa<VectorType>(sum.getType())) modulus = widened(*e, modulus);
  Dim spare = rolled.modulus - span(e->kernel, rolled);
  if (!spare.is_static() || spare.constant < 0) return e->remainder(sum, modulus);
  return e->select(e->below(sum, modulus), sum, e->sub(sum, modulus));
}

void Cursor::finishRolled(Address& address, const tile::Rolled& rolled, size_t group, bool lanes) {
  if (!lanes) {
    Value place = wrapped(rolled, address.rolled[group]);
    address.at = e->add(address.at, e->mul(place, e->dim(rolled.stride)));
    return;
  }
  Value step = e->mul(e->iota(), widened(*e, e->dim(rolled.weights[lane_digit])));
  Value place = wrapped(rolled, e->add(widened(*e, address.rolled[group]), step));
  place = e->mul(place, widened(*e, e->dim(rolled.stride)));
  address.lanes = address.lanes ? e->add(address.lanes, place) : place;
  address.unit = false;
}

void Cursor::add(size_t n, int digit, Value value) {
  Address& address = addresses[n];
  const tile::Access& access = this->access(n);
  if (access.strides.empty()) return;  // panels: not read by digits
  if (weighs(access.strides[digit]))
    address.at = e->add(address.at, e->mul(value, e->dim(access.strides[digit])));
  for (auto [group, rolled] : llvm::enumerate(access.rolled)) {
    if (!weighs(rolled.weights[digit])) continue;
    Value& sum = address.rolled[group];
    sum = e->add(sum, e->mul(value, e->dim(rolled.weights[digit])));
    if (--address.pending[group] == 0) finishRolled(address, rolled, group, digit == lane_digit);
  }
}

void Cursor::set(int digit, Value value) {
  digits[digit] = {value, {}};
  for (size_t n = 0; n < addresses.size(); ++n) add(n, digit, value);
}

void Cursor::step(int digit, int64_t by) {
  if (by == 0) return;
  digits[digit].scalar = e->add(digits[digit].scalar, by);
  for (size_t n = 0; n < addresses.size(); ++n) {
    const Dim& stride = access(n).strides[digit];
    if (weighs(stride)) addresses[n].at = e->add(addresses[n].at, e->mul(e->dim(stride), by));
  }
}

void Cursor::setLanes(int digit, Value value, Value mask) {
  lane_digit = digit;
  lane_mask = mask;
  digits[digit] = {value, e->iota()};
  for (size_t n = 0; n < addresses.size(); ++n) {
    if (access(n).strides.empty()) continue;
    const Dim& stride = access(n).strides[digit];
    addresses[n].unit = stride == Dim(1);
    if (weighs(stride)) addresses[n].lanes = e->mul(e->iota(), widened(*e, e->dim(stride)));
    add(n, digit, value);
  }
}

void Cursor::advance(size_t n, int axis, Value index) {
  Address& address = addresses[n];
  Value stride = e->dim(access(n).layout.strides[size_t(axis)]);
  if (!isa<VectorType>(index.getType())) {
    address.at = e->add(address.at, e->mul(index, stride));
    return;
  }
  Value lanes = e->mul(index, widened(*e, stride));
  address.lanes = address.lanes ? e->add(address.lanes, lanes) : lanes;
  address.unit = false;
}

// ---- loads and stores ----

Value Cursor::spread(Value x) {
  return hasLanes() && !isa<VectorType>(x.getType()) ? e->broadcast(x) : x;
}

Value Cursor::valid(const tile::Access& access) {
  return access.fill ? withinBounds(*e, access, digits) : Value();
}

Value Cursor::loadLanes(size_t n, Value buffer, Value inside) {
  const Address& address = addresses[n];
  if (address.unit && !inside) return e->load(buffer, address.at, lane_mask);
  Value mask = lane_mask;
  if (inside) {
    inside = spread(inside);
    mask = mask ? arith::AndIOp::create(e->b, e->loc, mask, inside) : inside;
  }
  auto type = VectorType::get({e->lanes()}, cast<MemRefType>(buffer.getType()).getElementType());
  Value other = arith::ConstantOp::create(e->b, e->loc, e->b.getZeroAttr(type));
  if (inside) other = e->constantLike(other, *access(n).fill);
  Value at = address.at;
  if (address.unit)
    return vector::MaskedLoadOp::create(e->b, e->loc, type, buffer, at, mask, other);
  Value zeros = e->constantLike(e->iota(), 0);
  if (!mask) mask = e->equal(zeros, zeros);
  Value lanes = address.lanes ? address.lanes : zeros;
  return vector::GatherOp::create(e->b, e->loc, type, buffer, at, lanes, mask, other);
}

Value Cursor::loadStored(int operand) {
  const tile::Access& access = e->kernel.ins[operand];
  Value inside = valid(access), buffer = buffers[operand];
  if (addresses[operand].lanes || (inside && isa<VectorType>(inside.getType())))
    return loadLanes(size_t(operand), buffer, inside);
  auto read = [&] { return e->loadScalar(buffer, addresses[operand].at); };
  if (!inside) return read();
  Type element = cast<MemRefType>(buffer.getType()).getElementType();
  return e->choose(
      inside, element, [&] { return Values{read()}; },
      [&] {
        Value zero = arith::ConstantOp::create(e->b, e->loc, e->b.getZeroAttr(element));
        return Values{e->constantLike(zero, *access.fill)};
      })[0];
}

Value Cursor::load(int operand) {
  return spread(fromStorage(*e, loadStored(operand), e->kernel.ins[operand].dtype));
}

void Cursor::store(int out, Value x) {
  size_t n = e->kernel.ins.size() + size_t(out);
  const Address& address = addresses[n];
  x = toStorage(*e, x, e->kernel.outs[out].dtype);
  if (!hasLanes()) return e->storeScalar(x, buffers[n], address.at);
  if (address.unit) return e->store(x, buffers[n], address.at, lane_mask);
  Value zeros = e->constantLike(e->iota(), 0);
  Value mask = lane_mask ? lane_mask : e->equal(zeros, zeros);
  vector::ScatterOp::create(e->b, e->loc, Type(), buffers[n], ValueRange{address.at}, address.lanes,
                            mask, x);
}

FailureOr<Values> Cursor::region(Region& region, Value leading, int captured) {
  auto index = [&](const LaneIndex& x) -> Value {
    if (hasLanes()) return lanesOf(*e, x);
    return arith::IndexCastOp::create(e->b, e->loc, e->i32, x.scalar);
  };
  auto loads = [&](int operand) { return load(operand); };
  auto coordinates = [&](AffineMap map) { return index(evaluate(*e, map.getResult(0), digits)); };
  auto extents = [&](const Dim& dim) { return index({e->dim(dim), {}}); };
  auto maths = [&](tile::Function f, ValueRange x) { return function(*e, f, x); };
  return tile::emitRegion(region, leading, captured,
                          {e->b, hasLanes() ? e->lanes() : 0, loads, coordinates, extents, maths});
}

}  // namespace heed::cpu
