// heed.rows: softmax, normalisation and reductions along k.
//
// A work item is a row. Lanes run along k where that is contiguous; otherwise along a contiguous
// row digit, each lane being a row of its own. A row's values pass through the prologue once and
// stay in the scratch memory for the passes that follow. Sums go through several accumulators,
// whose number depends on the target alone.
#include <limits>

#include "heed/compiler/lower/cpu/kinds.h"
#include "heed/compiler/lower/cpu/row_windows.h"
#include "heed/compiler/lower/tile/access.h"
#include "heed/compiler/lower/tile/functions.h"
#include "heed/compiler/lower/tile/merge_digits.h"
#include "heed/compiler/lower/tile/regions.h"

using namespace mlir;

namespace heed::cpu {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr double log2_e = 1.4426950408889634;
constexpr float least_exponent = -1e9f;  // exp2Softmax is 0 there, and takes nothing infinite

class Rows {
 public:
  Rows(const tile::Kernel& kernel, const Target& target, ModuleOp module)
      : kernel(tile::mergeDigits(kernel, std::numeric_limits<int64_t>::max())),
        e(this->kernel, target, module),
        op(cast<ir::RowsOp>(kernel.op)),
        reduction(op.getReduction()),
        loops{e, {}, false} {}

  Lowering lower() {
    llvm::SmallVector<Type> types;
    for (const tile::Access& access : kernel.ins) types.push_back(e.bufferType(access));
    for (const tile::Access& access : kernel.outs) types.push_back(e.bufferType(access));
    KernelArguments arguments = e.beginKernel(kernel.name, types);
    scratch = e.view(arguments.scratch, e.constant(0), e.f32);
    lane_digit = chooseLanes(kernel, e.target, 'k');
    along_k = lane_digit >= 0 && kernel.digits[lane_digit].role == 'k';
    order = loopOrder(kernel, 'i', lane_digit);
    loops.digits = loopOrder(kernel, 'k', lane_digit);
    loops.along_k = along_k;
    clipWindows();
    if (!keepsK()) windows = rowWindowsOf(this->kernel, order, loops);
    forEachRun(e, Cursor(e, arguments.buffers), items(), arguments.begin, arguments.end,
               [&](const Cursor& at, Value low, Value high) {
                 windows ? runOfPlanes(at, low, high) : run(at, low, high);
               });
    e.finishKernel();
    if (failed(result)) return failure();
    return tile::Lowered{{launch()}, {}};
  }

 private:
  tile::Kernel kernel;
  Emit e;
  ir::RowsOp op;
  StringRef reduction;
  RowLoops loops;
  std::vector<int> order;  // row digits, slowest first; the lanes' one last
  int lane_digit = -1;
  bool along_k = false;               // lanes run along k
  std::optional<RowWindows> windows;  // work items are planes then: of outputs and lanes
  Value scratch;                      // [k] or [k, lane]
  LogicalResult result = success();

  bool keepsK() { return reduction == "softmax" || reduction == "normalize"; }
  // Later passes read x again where it is a plain float, and what the first one stored otherwise.
  bool rereads() {
    return tile::isIdentity(op.getPrologue()) && kernel.ins[0].dtype == DType::f32 &&
           kernel.ins[0].linear() && (!along_k || kernel.ins[0].strides[lane_digit] == Dim(1));
  }

  // What a window reads outside changes nothing: 0 times something in a sum, -inf among others in a
  // maximum.
  bool fillIsNeutral() {
    Region& prologue = op.getPrologue();
    const double fill = *kernel.ins[0].fill;
    if (reduction == "max" || reduction == "min")
      return tile::isIdentity(prologue) && fill == (reduction == "max" ? -infinity : infinity);
    if (keepsK() || fill != 0) return false;
    if (tile::isIdentity(prologue)) return true;
    auto product = prologue.front().getTerminator()->getOperand(0).getDefiningOp<ir::MulOp>();
    return product && llvm::is_contained(product->getOperands(), prologue.getArgument(0));
  }

  // Loops over a window's taps leave those outside out, so that nothing is compared at each tap.
  void clipWindows() {
    tile::Access& x = kernel.ins[0];
    if (!x.fill || !fillIsNeutral()) return;
    std::vector<std::optional<Clip>> clips(kernel.digits.size());
    for (auto [axis, coordinate] : llvm::enumerate(x.map.getResults())) {
      if (tile::staysInside(kernel, coordinate, x.shape.dims[axis])) continue;
      std::vector<int> taps = kernel.withRole('k');
      std::erase_if(taps, [&, c = coordinate](int n) { return !c.isFunctionOfDim(unsigned(n)); });
      if (taps.size() != 1 || (lane_digit >= 0 && coordinate.isFunctionOfDim(unsigned(lane_digit))))
        return;
      const int tap = taps.front();
      AffineExpr digit = getAffineDimExpr(unsigned(tap), coordinate.getContext());
      AffineExpr from =
          coordinate.replace(digit, getAffineConstantExpr(0, coordinate.getContext()));
      if (clips[tap] ||
          simplifyAffineExpr(coordinate - from, x.map.getNumDims(), x.map.getNumSymbols()) != digit)
        return;
      clips[tap] = Clip{from, x.shape.dims[axis]};
    }
    x.fill.reset();
    loops.clips = std::move(clips);
  }

  tile::Launch launch() {
    tile::Launch launch;
    launch.function = kernel.name;
    for (size_t n = 0; n < kernel.ins.size() + kernel.outs.size(); ++n)
      launch.buffers.push_back(int(n));
    launch.dims = e.dims();
    launch.work = Dim(1);
    for (int digit : items()) launch.work = launch.work * kernel.digits[digit].extent;
    Dim k = kernel.extentOf('k'), width = along_k ? Dim(1) : Dim(e.lanes());
    if (keepsK()) launch.scratchBytes = k * width * Dim(int64_t(sizeof(float)));
    for (int digit : ArrayRef(order).drop_front(items().size()))
      k = k * kernel.digits[digit].extent;  // elements of a work item
    if (k.is_static()) launch.grain = std::max<int64_t>(1, elements_a_thread / k.constant);
    launch.kind = "rows";
    launch.bytes = bytesOf(kernel);
    return launch;
  }

  // ---- rows ----

  void run(const Cursor& at, Value low, Value high) {
    if (order.empty()) return row(at);
    if (!along_k && lane_digit >= 0)
      return forLanes(e, at, lane_digit, low, high, [&](Cursor& inner, Value) { row(inner); });
    e.loop(low, high, 1, [&](Value value) {
      Cursor inner = at;
      inner.set(order.back(), value);
      row(inner);
    });
  }

  // The digits that number the work items.
  ArrayRef<int> items() const { return ArrayRef(order).drop_back(windows ? 2 : 0); }
  void runOfPlanes(const Cursor& at, Value low, Value high) {
    e.loop(low, high, 1, [&](Value value) {
      Cursor plane = at;
      plane.set(items().back(), value);
      forEachBlock(e, *windows, plane, [&](const Cursor& first, const OutputBlock& block) {
        forLanes(e, first, lane_digit, e.constant(0), e.dim(kernel.digits[lane_digit].extent),
                 [&](Cursor& lanes, Value) { blockOfRows(lanes, block); });
      });
    });
  }
  void blockOfRows(const Cursor& at, const OutputBlock& block) {
    Values folded = foldBlock(loops, *windows, at, block, foldKind(), prologueType(),
                              [&](Cursor& c) { return region(c, op.getPrologue(), c.load(0)); });
    for (auto [n, y] : llvm::enumerate(folded)) {
      Cursor output = at;
      output.step(windows->output, int64_t(n));
      finish(output, reduction == "mean" ? mean(y) : y);
    }
  }

  void row(const Cursor& at) {
    if (reduction == "softmax") softmax(at);
    else if (reduction == "normalize") normalize(at);
    else if (reduction == "mean") finish(at, mean(firstFold(at, Fold::sum)));
    else finish(at, firstFold(at, foldKind()));
  }
  Fold foldKind() const {
    return reduction == "max" ? Fold::max : reduction == "min" ? Fold::min : Fold::sum;
  }

  // exp(x - max) / Σ exp(x - max); zeros where every x is -inf
  void softmax(const Cursor& at) {
    Value max = firstFold(at, Fold::max);
    Value dead = e.compare(arith::CmpFPredicate::OEQ, max, e.constantLike(max, -infinity));
    max = e.select(dead, e.constantLike(max, 0), max);
    Value sum = loops.fold(at, Fold::sum, e.f32, [&](Cursor& c, Value k) {
      Value t = e.sub(again(c, k), like(c, max));
      t = e.mul(t, e.constantLike(t, log2_e));
      Value weight = exp2Softmax(e, e.max(e.constantLike(t, least_exponent), t));
      keep(c, k, weight);
      return weight;
    });
    Value factor = e.div(e.constantLike(sum, 1), sum);
    factor = e.select(dead, e.constantLike(sum, 0), factor);
    loops.forEach(at, [&](Cursor& c, Value k) { finish(c, e.mul(kept(c, k), like(c, factor))); });
  }

  // (x - mean) / sqrt(mean of (x - mean)² + eps)
  void normalize(const Cursor& at) {
    Value mean = this->mean(firstFold(at, Fold::sum));
    auto nearly = [&](Cursor& c, Value k) { return e.sub(again(c, k), like(c, mean)); };
    // The mean was rounded at the size of x; what is left of it is found at the size of the
    // deviations.
    Value rest = this->mean(
        loops.fold(at, Fold::sum, e.f32, [&](Cursor& c, Value k) { return nearly(c, k); }));
    auto centred = [&](Cursor& c, Value k) { return e.sub(nearly(c, k), like(c, rest)); };
    Value variance = this->mean(loops.fold(at, Fold::sum, e.f32, [&](Cursor& c, Value k) {
      Value x = centred(c, k);
      return e.mul(x, x);
    }));
    Value eps = e.constantLike(variance, op.getEps()->convertToDouble());
    Value factor = rsqrt(e, e.add(variance, eps));
    loops.forEach(at,
                  [&](Cursor& c, Value k) { finish(c, e.mul(centred(c, k), like(c, factor))); });
  }

  Value mean(Value sum) {
    Value count = arith::IndexCastOp::create(e.b, e.loc, e.i32, e.dim(kernel.extentOf('k')));
    count = arith::SIToFPOp::create(e.b, e.loc, e.f32, count);
    return e.div(sum, isa<VectorType>(sum.getType()) ? e.broadcast(count) : count);
  }

  // ---- values of a row; k numbers its elements ----

  // A row's own value where lanes run along k.
  static Value like(Cursor& c, Value x) { return c.spread(x); }

  Value region(Cursor& c, Region& region, Value leading) {
    auto values = c.region(region, leading, 1);
    if (succeeded(values)) return values->front();
    result = failure();
    return leading;
  }
  // Over the prologue's values.
  Type prologueType() {
    return tile::regionElement(op.getPrologue().front().getTerminator()->getOperand(0).getType());
  }
  Value firstFold(const Cursor& at, Fold kind) {
    return loops.fold(at, kind, prologueType(), [&](Cursor& c, Value k) {
      Value x = region(c, op.getPrologue(), c.load(0));
      if (keepsK() && !rereads()) keep(c, k, x);
      return x;
    });
  }
  Value again(Cursor& c, Value k) { return rereads() ? c.load(0) : kept(c, k); }
  void finish(const Cursor& at, Value y) {
    Cursor c = at;
    auto values = c.region(op.getEpilogue(), y, 1);
    if (failed(values)) {
      result = failure();
      return;
    }
    for (auto [n, x] : llvm::enumerate(*values)) c.store(int(n), x);
  }

  Value place(Value k) { return along_k ? k : e.mul(k, e.lanes()); }
  void keep(Cursor& c, Value k, Value x) {
    if (c.hasLanes()) e.store(x, scratch, place(k), c.mask());
    else e.storeScalar(x, scratch, place(k));
  }
  Value kept(Cursor& c, Value k) {
    return c.hasLanes() ? e.load(scratch, place(k), c.mask()) : e.loadScalar(scratch, place(k));
  }
};

}  // namespace

Lowering lowerRows(const tile::Kernel& kernel, const Target& target, ModuleOp module) {
  return Rows(kernel, target, module).lower();
}

}  // namespace heed::cpu
