// heed.map: elementwise work, copies, gathers and appends.
//
// Digits are merged where all operands agree, the cheapest one runs along the lanes, the rest are
// loops in which only additions are left. A work item is one element, or a whole run of the lanes'
// digit where that is static and short: an element's value does not depend on those beside it.
#include "heed/compiler/lower/cpu/kinds.h"
#include "heed/compiler/lower/cpu/stream.h"
#include "heed/compiler/lower/tile/merge_digits.h"
#include "heed/runtime/abi/kernel.h"

using namespace mlir;

namespace heed::cpu {
namespace {

constexpr int64_t long_run = 1024;   // elements of a digit that need no merging
constexpr int64_t whole_run = 8192;  // … that a thread may take as a whole

class Map {
 public:
  Map(const tile::Kernel& kernel, const Target& target, ModuleOp module)
      : kernel(tile::mergeDigits(kernel, long_run)),
        e(this->kernel, target, module),
        op(cast<ir::MapOp>(kernel.op)) {}

  Lowering lower() {
    llvm::SmallVector<Type> types;
    for (const tile::Access& access : kernel.ins) types.push_back(e.bufferType(access));
    for (const tile::Access& access : kernel.outs) types.push_back(e.bufferType(access));
    KernelArguments arguments = e.beginKernel(kernel.name, types);
    if (op.getGather() || op.getAppend()) beginStatus();
    chooseLoops();
    forEachRun(e, Cursor(e, arguments.buffers), order, arguments.begin, arguments.end,
               [&](const Cursor& at, Value low, Value high) { run(at, low, high); });
    finish();
    if (failed(result)) return failure();
    return tile::Lowered{{launch()}, {}};
  }

 private:
  tile::Kernel kernel;
  Emit e;
  ir::MapOp op;
  std::vector<int> order;  // digits of the work items, slowest first
  int lane_digit = -1;
  bool whole_runs = false;  // the lanes' digit is not among them
  Value status;
  LogicalResult result = success();

  const Dim& laneExtent() const { return kernel.digits[lane_digit].extent; }

  void chooseLoops() {
    lane_digit = chooseLanes(kernel, e.target);
    if (op.getAppend() && lane_digit >= 0 && indexMovesAlongLanes()) lane_digit = -1;
    order = loopOrder(kernel, 'i', lane_digit);
    if (lane_digit < 0) return;
    // What a gather along the lanes fetches beside its own elements is wanted next.
    for (const tile::Access& access : kernel.ins) {
      if (access.strides[lane_digit] == Dim(0) || access.strides[lane_digit] == Dim(1)) continue;
      auto next = llvm::find_if(order, [&](int digit) { return access.strides[digit] == Dim(1); });
      if (next != order.end()) std::rotate(next, next + 1, order.end() - 1);
    }
    whole_runs = order.size() > 1 && laneExtent().is_static() && laneExtent().constant <= whole_run;
    if (whole_runs) order.pop_back();
  }

  tile::Launch launch() {
    tile::Launch launch;
    launch.function = kernel.name;
    for (size_t n = 0; n < kernel.ins.size() + kernel.outs.size(); ++n)
      launch.buffers.push_back(int(n));
    launch.dims = e.dims();
    for (int digit : order) launch.work = launch.work * kernel.digits[digit].extent;
    launch.grain = whole_runs ? elements_a_thread / laneExtent().constant : elements_a_thread;
    launch.kind = "map";
    launch.bytes = bytesOf(kernel);
    return launch;
  }

  void run(Cursor at, Value low, Value high) {
    if (lane_digit < 0) return single(at, low, high);
    if (!whole_runs) return lanes(at, low, high);
    e.loop(low, high, 1, [&](Value value) {
      Cursor inner = at;
      inner.set(order.back(), value);
      lanes(inner, e.constant(0), e.dim(laneExtent()));
    });
  }

  // Element by element.
  void single(Cursor& at, Value low, Value high) {
    auto element = [&](Cursor& inner) {
      if (op.getAppend()) return append(inner, [&] { body(inner); });
      if (op.getGather()) gather(inner);
      body(inner);
    };
    if (order.empty()) return element(at);
    e.loop(low, high, 1, [&](Value value) {
      Cursor inner = at;
      inner.set(order.back(), value);
      element(inner);
    });
  }

  void lanes(Cursor& at, Value low, Value high) {
    if (op.getAppend()) return append(at, [&] { lanesOf(at, low, high); });
    if (op.getGather() && !indexMovesAlongLanes()) gather(at);
    lanesOf(at, low, high);
  }
  void lanesOf(Cursor& at, Value low, Value high) {
    forLanes(e, at, lane_digit, low, high, [&](Cursor& inner, Value) {
      if (op.getGather() && indexMovesAlongLanes()) gather(inner);
      body(inner);
    });
  }

  void body(Cursor& at) {
    auto values = at.region(op.getBody(), {}, 0);
    if (failed(values)) {
      result = failure();
      return;
    }
    for (auto [n, x] : llvm::enumerate(*values)) at.store(int(n), x);
  }

  // ---- ins[1] as an index: gather, of ins[0] along its first axis; append, of outs[0] along its t

  bool indexMovesAlongLanes() const {
    const tile::Access& index = kernel.ins[1];
    return !(index.strides[lane_digit] == Dim(0)) || tile::rolls(index, lane_digit);
  }

  void gather(Cursor& at) {
    Value index = at.loadStored(1);
    Type element = getElementTypeOrSelf(index.getType());
    Value rows = e.dim(kernel.ins[0].shape[0]), zero = e.constantLike(index, 0);
    rows = arith::IndexCastOp::create(e.b, e.loc, element, rows);
    Value good = e.compare(arith::CmpIPredicate::ult, index, at.spread(rows));
    index = e.select(good, index, zero);  // idle lanes hold 0
    note(good);
    if (isa<VectorType>(index.getType())) {
      if (!element.isInteger(32)) index = arith::TruncIOp::create(e.b, e.loc, e.ints, index);
    } else {
      index = arith::IndexCastOp::create(e.b, e.loc, e.index, index);
    }
    at.advance(0, 0, index);
  }

  // Nothing is stored where the rows do not fit.
  void append(Cursor& at, llvm::function_ref<void()> store) {
    Value first = arith::IndexCastOp::create(e.b, e.loc, e.index, at.loadStored(1));
    Value places = e.dim(kernel.outs[0].shape[2] - *parse_dim(*op.getAppend()) + Dim(1));
    Value good = e.compare(arith::CmpIPredicate::ult, first, e.max(places, e.constant(0)));
    note(good);
    e.when(good, [&] {
      at.advance(kernel.ins.size(), 2, first);
      store();
    });
  }

  void beginStatus() {
    status = memref::AllocaOp::create(e.b, e.loc, MemRefType::get({1}, e.i32));
    setStatus(abi::kernel_ok);
  }
  void setStatus(int32_t code) {
    Value x = arith::ConstantOp::create(e.b, e.loc, e.b.getI32IntegerAttr(code));
    e.storeScalar(x, status, e.constant(0));
  }
  // Some lane's index being out of range is the run's status.
  void note(Value good) {
    if (isa<VectorType>(good.getType()))
      good = vector::ReductionOp::create(e.b, e.loc, vector::CombiningKind::AND, good);
    Value yes = arith::ConstantOp::create(e.b, e.loc, e.b.getBoolAttr(true));
    Value bad = arith::XOrIOp::create(e.b, e.loc, good, yes);
    e.when(bad, [&] { setStatus(abi::kernel_index_out_of_range); });
  }
  void finish() {
    if (!status) return e.finishKernel();
    func::ReturnOp::create(e.b, e.loc, e.loadScalar(status, e.constant(0)));
  }
};

}  // namespace

Lowering lowerMap(const tile::Kernel& kernel, const Target& target, ModuleOp module) {
  return Map(kernel, target, module).lower();
}

}  // namespace heed::cpu
