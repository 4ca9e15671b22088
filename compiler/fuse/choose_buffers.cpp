// none: every op's result. layout: every result but a layout op's. all:
//   1. results of @main, concatenations and their pieces, caches that rows were appended to, values
//   that several kernels would compute;
//   2. each anchor in program order: its elementwise tail runs up to the last point where nobody
//   outside has read an
//      intermediate value yet; trailing layout ops are left to the readers' loads (attention and
//      pieces of concatenations store through them). A join of two anchors (a residual) belongs to
//      the later one, since the earlier result has its buffer by then. Where the tail splits the
//      columns into parts, it may end in several values: see combine_parts.h.
#include "heed/compiler/fuse/choose_buffers.h"

#include "heed/compiler/fuse/layouts.h"

#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;

namespace heed::fuse {

bool isAnchorOp(Operation* op) {
  return isa<ir::MatmulOp, ir::Conv2dOp, ir::Conv3dOp, ir::SoftmaxOp, ir::NormalizeOp, ir::SumOp,
             ir::MeanOp, ir::MaxOp, ir::MinOp, ir::GatherOp>(op);
}
bool insideAttention(Operation* op) {
  return op->hasAttr("heed.attention_score") ||
         (isa<ir::SoftmaxOp>(op) && op->hasAttr("heed.attention"));
}
static bool isAttention(Operation* op) {
  return isa<ir::MatmulOp>(op) && op->hasAttr("heed.attention");
}
bool isLeafOp(Operation* op) {
  return isa<ir::ParameterOp, ir::BufferOp, ir::ConstantOp, ir::PositionOp, ir::ExtentOp>(op);
}

// What has a symbolic size, or computes with one, is not known when weights are bound.
static bool isSymbolic(Operation* op) {
  auto isStatic = [](StringRef text) {
    auto dim = parse_dim(text.str());
    return dim && dim->is_static();
  };
  if (!llvm::all_of(op->getResultTypes(), [](Type t) { return is_static(ir::shapeOf(t)); }))
    return true;
  if (auto domain = op->getAttrOfType<ArrayAttr>("domain"))
    for (auto digit : domain.getAsRange<StringAttr>())
      if (!isStatic(digit.getValue().split(':').second)) return true;
  if (auto symbols = op->getAttrOfType<ArrayAttr>("symbols"); symbols && !symbols.empty())
    return true;
  if (auto slice = dyn_cast<ir::SliceOp>(op); slice && !isStatic(slice.getBegin())) return true;
  return op->walk([&](ir::ExtentOp extent) {
    return isStatic(extent.getDim()) ? WalkResult::advance() : WalkResult::interrupt();
  }).wasInterrupted();
}

static bool isKnownBeforehand(Value value, bool& reads) {
  llvm::SmallVector<Value> todo{value};
  llvm::SmallPtrSet<Operation*, 16> seen;
  while (!todo.empty()) {
    Operation* op = todo.pop_back_val().getDefiningOp();
    if (!op || isa<ir::LoopOp>(op) || isSymbolic(op)) return false;
    if (!seen.insert(op).second) continue;
    reads |= isa<ir::ParameterOp, ir::BufferOp>(op);
    todo.append(op->operand_begin(), op->operand_end());
  }
  return true;
}

bool dependsOnParametersOnly(Value value) {
  bool reads = false;
  return isKnownBeforehand(value, reads) && reads;
}
bool dependsOnNoInput(Value value) {
  bool reads = false;
  return isKnownBeforehand(value, reads);
}

namespace {

class Chooser {
 public:
  explicit Chooser(Block& block) : block_(block) {}

  Buffers everything(bool layouts) {
    loops();
    for (Operation& op : block_.without_terminator()) {
      if (isLeafOp(&op) || isa<ir::ProbeOp, ir::LoopOp>(op)) continue;
      if (op.hasAttr(read_through) || overlaps(op.getResult(0))) continue;
      if (op.hasOneUse() && op.getUsers().begin()->hasAttr(keeps_buffer)) continue;
      if (layouts || !ir::isLayoutOp(&op) || isa<ir::ConcatOp>(op) || op.hasAttr(keeps_buffer))
        choose(op.getResult(0));
    }
    results();
    return {std::move(chosen_), {}};
  }

  Buffers fused(bool parts) {
    results();
    loops();
    for (auto concat : block_.getOps<ir::ConcatOp>())
      pieces_.insert(concat.getXs().begin(), concat.getXs().end());
    for (Operation& op : block_.without_terminator()) {
      if (isa<ir::ConcatOp>(op)) {
        choose(op.getResult(0));
        for (Value x : op.getOperands()) choose(x);
      }
      if (isa<ir::AppendOp>(op)) choose(op.getResult(0));
      if (isAnchorOp(&op) && !insideAttention(&op) && !op.hasAttr(in_scores) &&
          !(parts && chooseCombined(&op)))
        choose(tailOf(&op));
      if (op.hasAttr(keeps_buffer) && dependsOnParametersOnly(op.getResult(0)))
        choose(op.getResult(0));
    }
    sharedWork();
    return {std::move(chosen_), std::move(combined_)};
  }

 private:
  Block& block_;
  llvm::DenseSet<Value> chosen_;
  llvm::DenseSet<Value> pieces_;  // of concatenations: written where they belong
  std::vector<Combined> combined_;

  bool isHere(Operation* op) { return op && op->getBlock() == &block_; }
  void choose(Value v) {
    if (Operation* op = v.getDefiningOp(); isHere(op) && !isa<ir::ParameterOp, ir::BufferOp>(op))
      chosen_.insert(v);
  }
  void loops() {
    for (Operation& op : block_) {
      auto loop = dyn_cast<ir::LoopOp>(op);
      if (!loop) continue;
      for (Value v : loop.getInitial()) choose(v);
      for (Value v : loop.getResults()) choose(v);
      loop.getBody().walk([&](Operation* inner) {
        for (Value v : inner->getOperands())
          if (!v.getDefiningOp() || !isLeafOp(v.getDefiningOp()) || isa<ir::LoopOp>(inner))
            choose(v);
      });
    }
  }
  void results() {
    for (Value v : block_.getTerminator()->getOperands()) choose(v);
  }

  // Can be read or recomputed by the kernel of an anchor that comes later.
  bool available(Value v) {
    Operation* op = v.getDefiningOp();
    if (!isHere(op) || chosen_.contains(v) || isLeafOp(op)) return true;
    if (isAnchorOp(op)) return false;
    return llvm::all_of(op->getOperands(), [&](Value x) { return available(x); });
  }

  bool absorbable(Operation* user, const llvm::DenseSet<Value>& inside, const Dim& elements) {
    bool layout = isa<ir::ReshapeOp, ir::PermuteOp, ir::RollOp>(user);
    if (!layout && !ir::isScalarOp(user)) return false;
    if (!(element_count(ir::shapeOf(user->getResult(0))) == elements)) return false;
    return llvm::all_of(user->getOperands(),
                        [&](Value x) { return inside.contains(x) || available(x); });
  }

  bool chooseCombined(Operation* anchor) {
    if (isAttention(anchor) || dependsOnParametersOnly(anchor->getResult(0))) return false;
    auto combined = combinedParts(
        anchor, [&](Value v) { return chosen_.contains(v); },
        [&](Value v) { return available(v); });
    if (!combined) return false;
    for (Value v : combined->values) choose(v);
    combined_.push_back(std::move(*combined));
    return true;
  }

  Value tailOf(Operation* anchor) {
    Value tail = anchor->getResult(0);
    Dim elements = element_count(ir::shapeOf(tail));
    llvm::DenseSet<Value> inside{tail};
    llvm::SmallPtrSet<Operation*, 16> members{anchor};
    for (Operation* op = anchor->getNextNode(); op; op = op->getNextNode()) {
      if (llvm::none_of(op->getOperands(), [&](Value x) { return inside.contains(x); })) continue;
      if (!absorbable(op, inside, elements)) break;
      inside.insert(op->getResult(0));
      members.insert(op);
      // Every intermediate value has been read inside only: the kernel may end here.
      bool closed = llvm::all_of(inside, [&](Value v) {
        return v == op->getResult(0) ||
               (!chosen_.contains(v) &&
                llvm::all_of(v.getUsers(), [&](Operation* u) { return members.contains(u); }));
      });
      if (closed) tail = op->getResult(0);
    }
    // the latter once, so that readers have it easy
    if (isAttention(anchor) || dependsOnParametersOnly(tail)) return tail;
    while (ir::isLayoutOp(tail.getDefiningOp()) && !isa<ir::ConcatOp>(tail.getDefiningOp()) &&
           !chosen_.contains(tail) && !pieces_.contains(tail) &&
           !tail.getDefiningOp()->hasAttr(keeps_buffer))
      tail = tail.getDefiningOp()->getOperand(0);
    return tail;
  }

  bool readsTensors(Value v) {
    Operation* op = v.getDefiningOp();
    if (!op || isa<ir::ParameterOp, ir::BufferOp>(op) || chosen_.contains(v)) return true;
    if (!isHere(op)) return !isLeafOp(op);
    return llvm::any_of(op->getOperands(), [&](Value x) { return readsTensors(x); });
  }

  // Of a value that depends on parameters alone: what reads it, perhaps through layouts, does not.
  bool isReadByRuns(Value v) {
    return llvm::any_of(v.getUsers(), [&](Operation* user) {
      if (user->getNumResults() == 0 || !dependsOnParametersOnly(user->getResult(0))) return true;
      return ir::isLayoutOp(user) && isReadByRuns(user->getResult(0));
    });
  }

  // Elementwise work that no anchor took: computed once where several would read it, and once and
  // for all where it depends on parameters alone.
  void sharedWork() {
    for (Operation& op : block_.without_terminator()) {
      if (!ir::isScalarOp(&op) || chosen_.contains(op.getResult(0)) || insideTail(op.getResult(0)))
        continue;
      if (llvm::any_of(combined_, [&](const Combined& c) { return c.members.contains(&op); }))
        continue;
      Value v = op.getResult(0);
      if (!readsTensors(v)) continue;
      bool parameters = dependsOnParametersOnly(v);
      if (parameters ? isReadByRuns(v) : !v.hasOneUse()) choose(v);
    }
  }

  // Between an anchor and the value that got its buffer, or inside an attention's scores.
  bool insideTail(Value v) {
    Operation* op = v.getDefiningOp();
    if (!isHere(op) || isLeafOp(op) || chosen_.contains(v)) return false;
    if (isAnchorOp(op)) return true;
    return llvm::any_of(op->getOperands(), [&](Value x) { return insideTail(x); });
  }
};

}  // namespace

Buffers chooseBuffers(Block& block, Fusion fusion, bool parts) {
  Chooser chooser(block);
  return fusion == Fusion::all ? chooser.fused(parts) : chooser.everything(fusion == Fusion::none);
}

}  // namespace heed::fuse
