#include "heed/compiler/lower/reference/writer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include "heed/runtime/abi/kernel.h"

using namespace mlir;

namespace heed::reference {

constexpr int64_t unbounded = int64_t(1) << 30;  // elements that a buffer's memref claims to have

Writer::Writer(const tile::Kernel& kernel, ModuleOp module)
    : kernel(kernel),
      b(module.getContext()),
      at(kernel.op->getLoc()),
      module(module),
      digits(kernel.digits.size()) {}

// ---- functions and items ------------------------------------------------------------------------

void Writer::begin() {
  SmallVector<Type> types;
  auto addBuffer = [&](Type element) {
    types.push_back(MemRefType::get({unbounded}, storedType(element)));
  };
  for (const auto* accesses : {&kernel.ins, &kernel.outs})
    for (const tile::Access& access : *accesses)
      addBuffer(ir::elementType(b.getContext(), access.dtype));
  types.append({b.getIndexType(), b.getIndexType()});  // begin, end
  addBuffer(b.getI8Type());                            // scratch
  b.setInsertionPointToEnd(module.getBody());
  function = func::FuncOp::create(b, at, kernel.name, b.getFunctionType(types, b.getI32Type()));
  function->setAttr("heed.kernel", b.getUnitAttr());
  b.setInsertionPointToStart(function.addEntryBlock());
  status = emit<memref::AllocaOp>(MemRefType::get({1}, b.getI32Type()));
  Value good = emit<arith::ConstantOp>(b.getI32IntegerAttr(abi::kernel_ok));
  memref::StoreOp::create(b, at, good, status, ValueRange{index(0)});
}

FailureOr<tile::Lowered> Writer::items(const Dim& count, function_ref<void(Value)> body,
                                       Dim scratch_bytes) {
  begin();
  auto arguments = function.getArguments();
  Value low = arguments[arguments.size() - 3], high = arguments[arguments.size() - 2];
  bytes = emit<memref::ViewOp>(MemRefType::get({unbounded}, b.getF64Type()), arguments.back(),
                               index(0), ValueRange{});
  loop(low, high, {}, [&](Value item, ValueRange) {
    body(item);
    return Values{};
  });
  func::ReturnOp::create(b, at, ValueRange{emit<memref::LoadOp>(status, ValueRange{index(0)})});
  if (!ok) return failure();
  tile::Launch launch;
  launch.function = kernel.name;
  for (size_t n = 0; n < kernel.ins.size() + kernel.outs.size(); ++n)
    launch.buffers.push_back(int(n));
  launch.dims = dims;
  launch.work = count;
  launch.scratchBytes = scratch_bytes;
  launch.kind = kernel.op->getName().stripDialect().str();
  return tile::Lowered{{launch}, {}};
}

FailureOr<tile::Lowered> Writer::items(StringRef roles, function_ref<void()> body,
                                       Dim scratch_bytes) {
  Dim count(1);
  for (char role : roles) count = count * kernel.extentOf(role);
  return items(
      count,
      [&](Value item) {
        for (char role : llvm::reverse(roles)) {
          Value extent = dim(kernel.extentOf(role));
          setNumber(role, emit<arith::RemUIOp>(item, extent));
          item = emit<arith::DivUIOp>(item, extent);
        }
        body();
      },
      scratch_bytes);
}

// ---- digits -------------------------------------------------------------------------------------

void Writer::setNumber(char role, Value number) {
  const std::vector<int> role_digits = kernel.withRole(role);
  for (int digit : llvm::reverse(role_digits)) {
    Value extent = dim(kernel.digits[digit].extent);
    digits[digit] = emit<arith::RemUIOp>(number, extent);
    number = emit<arith::DivUIOp>(number, extent);
  }
}

Value Writer::number(char role) {
  Value number = index(0);
  for (int digit : kernel.withRole(role)) {
    number = emit<arith::MulIOp>(number, dim(kernel.digits[digit].extent));
    number = emit<arith::AddIOp>(number, digits[digit]);
  }
  return number;
}

Values Writer::over(char role, ValueRange carried, function_ref<Values(ValueRange)> body) {
  Values results =
      loop(index(0), dim(kernel.extentOf(role)), carried, [&](Value number, ValueRange carried) {
        setNumber(role, number);
        return body(carried);
      });
  for (int digit : kernel.withRole(role)) digits[digit] = {};
  return results;
}

void Writer::over(char role, function_ref<void()> body) {
  over(role, {}, [&](ValueRange) {
    body();
    return Values{};
  });
}

// ---- control ------------------------------------------------------------------------------------

Values Writer::loop(Value low, Value high, ValueRange carried,
                    function_ref<Values(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(b, at, low, high, index(1), carried,
                                 [&](OpBuilder&, Location, Value, ValueRange) {});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(loop.getBody());
  Values results = body(loop.getInductionVar(), loop.getRegionIterArgs());
  scf::YieldOp::create(b, at, results);
  return Values(loop.getResults());
}

Values Writer::choose(Value condition, TypeRange types, function_ref<Values()> then,
                      function_ref<Values()> otherwise) {
  auto branch = scf::IfOp::create(b, at, types, condition, /*withElseRegion=*/true);
  auto fill = [&](Block& block, function_ref<Values()> values) {
    OpBuilder::InsertionGuard guard(b);
    if (!block.empty()) block.back().erase();
    b.setInsertionPointToEnd(&block);
    scf::YieldOp::create(b, at, values());
  };
  fill(*branch.thenBlock(), then);
  fill(*branch.elseBlock(), otherwise);
  return Values(branch.getResults());
}

void Writer::when(Value condition, function_ref<void()> then) {
  auto nothing = [] { return Values{}; };
  choose(
      condition, {},
      [&] {
        then();
        return Values{};
      },
      nothing);
}

// ---- memory -------------------------------------------------------------------------------------

void Writer::fail() {
  Value bad = emit<arith::ConstantOp>(b.getI32IntegerAttr(abi::kernel_index_out_of_range));
  memref::StoreOp::create(b, at, bad, status, ValueRange{index(0)});
}

Value Writer::buffer(size_t n) { return function.getArgument(unsigned(n)); }

Values Writer::coordinates(AffineMap map) {
  for (auto [n, digit] : llvm::enumerate(digits))
    if (!digit && map.isFunctionOfDim(unsigned(n))) {
      kernel.op->emitOpError("expected no digit '")
          << kernel.digits[n].name << "' where it does not run";
      ok = false;
      return Values(map.getNumResults(), index(0));
    }
  Values results;
  for (AffineExpr expression : map.getResults()) results.push_back(affine(expression));
  return results;
}

// As it stands, division and all; floordiv and mod have positive divisors.
Value Writer::affine(AffineExpr e) {
  if (auto c = dyn_cast<AffineConstantExpr>(e)) return index(c.getValue());
  if (auto d = dyn_cast<AffineDimExpr>(e)) return digits[d.getPosition()];
  if (auto s = dyn_cast<AffineSymbolExpr>(e))
    return dim(*parse_dim(kernel.symbols[s.getPosition()]));
  auto binary = cast<AffineBinaryOpExpr>(e);
  Value x = affine(binary.getLHS()), y = affine(binary.getRHS());
  if (e.getKind() == AffineExprKind::Add) return emit<arith::AddIOp>(x, y);
  if (e.getKind() == AffineExprKind::Mul) return emit<arith::MulIOp>(x, y);
  Value rest = emit<arith::RemSIOp>(x, y);
  Value negative = emit<arith::CmpIOp>(arith::CmpIPredicate::slt, rest, index(0));
  rest = emit<arith::SelectOp>(negative, emit<arith::AddIOp>(rest, y), rest);  // in [0, y)
  if (e.getKind() == AffineExprKind::Mod) return rest;
  Value floor = emit<arith::DivSIOp>(emit<arith::SubIOp>(x, rest), y);
  if (e.getKind() == AffineExprKind::FloorDiv) return floor;
  Value whole = emit<arith::CmpIOp>(arith::CmpIPredicate::eq, rest, index(0));
  return emit<arith::SelectOp>(whole, floor, emit<arith::AddIOp>(floor, index(1)));
}

Value Writer::within(ValueRange coordinates, const Shape& shape) {
  Value all = emit<arith::ConstantOp>(b.getBoolAttr(true));
  for (auto [axis, x] :
       llvm::enumerate(coordinates))  // unsigned: a negative coordinate is a huge one
    all = emit<arith::AndIOp>(
        all, emit<arith::CmpIOp>(arith::CmpIPredicate::ult, x, dim(shape[int(axis)])));
  return all;
}

Value Writer::address(ValueRange coordinates, const tile::Layout& layout) {
  Value sum = dim(layout.offset);
  for (auto [axis, x] : llvm::enumerate(coordinates))
    sum = emit<arith::AddIOp>(sum, emit<arith::MulIOp>(x, dim(layout.strides[axis])));
  return sum;
}

Value Writer::read(int n) {
  if (n == 0 && kernel.op->hasAttr("gather")) return lookup(n, 0, read(1));
  return readAt(n, coordinates(kernel.ins[n].map), false);
}

Value Writer::lookup(int n, unsigned axis, Value index) {
  Values place = coordinates(kernel.ins[n].map);
  place[axis] = emit<arith::IndexCastOp>(b.getIndexType(), index);
  return readAt(n, place, true);
}

Value Writer::readAt(int n, ValueRange place, bool computed) {
  const tile::Access& access = kernel.ins[n];
  Type element = ir::elementType(b.getContext(), access.dtype), scalar = scalarType(element);
  return choose(
      within(place, access.shape), scalar,
      [&] {
        Value x = emit<memref::LoadOp>(buffer(n), ValueRange{address(place, access.layout)});
        return Values{fromStorage(b, at, x, element)};
      },
      [&] {
        if (!access.fill || computed) fail();
        return Values{scalarConstant(b, at, access.fill.value_or(0), scalar)};
      })[0];
}

void Writer::writeAt(int out, ValueRange place, Value x) {
  const tile::Access& access = kernel.outs[out];
  Type element = ir::elementType(b.getContext(), access.dtype);
  choose(
      within(place, access.shape), {},
      [&] {
        memref::StoreOp::create(b, at, toStorage(b, at, x, element),
                                buffer(kernel.ins.size() + out),
                                ValueRange{address(place, access.layout)});
        return Values{};
      },
      [&] {
        fail();
        return Values{};
      });
}

void Writer::write(int out, Value x) {
  Values place = coordinates(kernel.outs[out].map);
  if (kernel.op->hasAttr("append")) {
    Value index = emit<arith::IndexCastOp>(b.getIndexType(), read(1));
    place[2] = emit<arith::AddIOp>(place[2], index);
  }
  writeAt(out, place, x);
}

Values Writer::region(Region& region, ValueRange transformed, int captured) {
  unsigned leading = region.getNumArguments() - (kernel.ins.size() - captured);
  auto argument = [&](unsigned n) {
    return n < leading ? transformed[n] : read(int(n - leading) + captured);
  };
  auto coordinate = [&](AffineMap map) { return coordinates(map)[0]; };
  auto extent = [&](const Dim& d) { return dim(d); };
  auto look = [&](unsigned n, unsigned axis, Value index) {
    return lookup(int(n - leading) + captured, axis, index);
  };
  auto results = evaluate(region, b, {argument, coordinate, extent, look});
  if (succeeded(results)) return *results;
  ok = false;
  return Values(region.front().getTerminator()->getNumOperands(), f64(0));
}

Value Writer::scratch(Value n) { return emit<memref::LoadOp>(bytes, ValueRange{n}); }
void Writer::setScratch(Value n, Value x) {
  memref::StoreOp::create(b, at, x, bytes, ValueRange{n});
}

// ---- values -------------------------------------------------------------------------------------

Value Writer::f64(double value) { return emit<arith::ConstantOp>(b.getF64FloatAttr(value)); }
Value Writer::index(int64_t value) { return emit<arith::ConstantIndexOp>(value); }

// Static ones are constants, all others arguments that the launch evaluates.
Value Writer::dim(const Dim& value) {
  if (value.is_static()) return index(value.constant);
  size_t buffers = kernel.ins.size() + kernel.outs.size();
  auto found = std::find(dims.begin(), dims.end(), value);
  unsigned n = unsigned(buffers + (found - dims.begin()));
  if (found == dims.end()) {
    dims.push_back(value);
    (void)function.insertArgument(n, b.getIndexType(), {}, at);
  }
  return function.getArgument(n);
}

}  // namespace heed::reference
