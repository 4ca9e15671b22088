// 1. Arguments, parameters and constant tables have their places. 2. Backwards from the results: a
// result's place reaches the value it is a view of, a concatenation's place its pieces. 3.
// Everything else gets storage with a lifetime, and storages take, in order of their first write,
// the free slot whose size fits best, if it is comparable, else a new one.
#include "heed/compiler/plan/memory.h"

#include "heed/compiler/dialect/view.h"
#include "heed/compiler/fuse/update_in_place.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace heed::plan {

namespace {

Dim bytesOf(Value v) {
  return element_count(ir::shapeOf(v)) *
         Dim(static_cast<int64_t>(size_of(ir::dtypeOf(v.getType()))));
}

// Elements as contract 2 stores them: little endian, a bool a byte.
void appendData(DenseElementsAttr data, std::vector<std::byte>& out) {
  if (data.getElementType().isInteger(1)) {
    for (bool bit : data.getValues<bool>()) out.push_back(std::byte(bit));
  } else if (data.isSplat()) {
    for (int64_t n = 0; n < data.getNumElements(); ++n)
      for (char c : data.getRawData()) out.push_back(std::byte(c));
  } else {
    for (char c : data.getRawData()) out.push_back(std::byte(c));
  }
}

// Both sizes differ by a constant factor only, so one of them is the larger for all symbol values.
bool comparable(const Dim& a, const Dim& b) {
  if (a.is_static() && b.is_static()) return true;
  if (a.constant || b.constant || a.term_count() != 1 || b.term_count() != 1) return false;
  for (int i = 0; i < max_factors; ++i)
    if (!(a.terms[0].factors[i] == b.terms[0].factors[i])) return false;
  return true;
}

// Orders comparable sizes, whatever the symbols' values are.
double weight(const Dim& a) {
  return a.is_static() ? double(a.constant) : double(a.terms[0].num) / double(a.terms[0].den);
}

Dim stridedOffset(const tile::Layout& layout, int64_t axis, const Dim& begin) {
  return layout.offset + layout.strides[axis] * begin;
}

// Where the elements of a view lie, given where its operand's do.
tile::Layout layoutOf(Operation* view, const tile::Layout& x) {
  Shape from = ir::shapeOf(view->getOperand(0)), to = ir::shapeOf(view->getResult(0));
  tile::Layout layout = x;
  if (auto slice = dyn_cast<ir::SliceOp>(view)) {
    layout.offset =
        stridedOffset(x, ir::axisIn(from, slice.getAxis()), *parse_dim(slice.getBegin().str()));
  } else if (auto permute = dyn_cast<ir::PermuteOp>(view)) {
    for (auto [axis, source] : llvm::enumerate(permute.getPermutation()))
      layout.strides[axis] = x.strides[source];
  } else if (auto axes = ir::splitAxes(from, to)) {
    layout.strides.assign(to.rank, Dim(0));
    for (int axis = to.rank, last = -1; axis-- > 0;) {
      int source = (*axes)[axis];
      if (source < 0) continue;
      layout.strides[axis] = last >= 0 && (*axes)[last] == source
                                 ? layout.strides[last] * to.dims[last]
                                 : x.strides[source];
      last = axis;
    }
  } else {
    return tile::denseLayout(to);  // form_kernels joins the axes of dense values only
  }
  return layout;
}

}  // namespace

MemoryPlan::MemoryPlan(func::FuncOp function, const Surroundings& around,
                       std::vector<std::byte>& constants, std::vector<abi::Slot>& slots)
    : function_(function), around_(around), constants_(constants), slots_(slots) {
  number(function_.front());
  placeLeaves();
  Operation* end = function_.front().getTerminator();
  for (auto [n, v] : llvm::enumerate(end->getOperands()))
    if (around_.slots == abi::Place::arena)
      place(v, {around_.results[n], tile::denseLayout(ir::shapeOf(v))});
  placeResults(function_.front());
  gatherStorages(function_.front());
  assignSlots();
}

void MemoryPlan::number(Block& block) {
  for (Operation& op : block) {
    position_[&op] = positions_++;
    auto loop = dyn_cast<ir::LoopOp>(op);
    if (!loop) continue;
    carried_[&op] = carriedCount_;
    carriedCount_ += loop.getInitial().size();
    number(loop.block());
    end_[&op] = positions_++;
  }
}

// Position of the last op that reads v. What a loop reads it reads in every turn.
int64_t MemoryPlan::lastRead(Value v) const {
  int64_t last = -1;
  for (Operation* user : v.getUsers()) {
    while (user->getBlock() != v.getParentBlock()) user = user->getParentOp();
    last = std::max(last, isa<ir::LoopOp>(user) ? end_.lookup(user) : position_.lookup(user));
  }
  return last;
}

void MemoryPlan::place(Value v, Placement placement) { placements_[v] = std::move(placement); }

// By value: setRoot may move the map's entries.
Value MemoryPlan::rootOf(Value v) const { return storageRoot_.lookup(v); }
void MemoryPlan::setRoot(Value v, Value root) { storageRoot_[v] = root; }

void MemoryPlan::placeLeaves() {
  for (auto [n, argument] : llvm::enumerate(function_.getArguments()))
    place(argument, {around_.arguments[n], tile::denseLayout(ir::shapeOf(argument))});
  function_.walk<WalkOrder::PreOrder>([&](Operation* op) {
    if (auto parameter = dyn_cast<ir::ParameterOp>(op)) {
      Value v = parameter.getResult();
      place(v, {{abi::Place::parameter, around_.parameters.lookup(parameter.getName())},
                tile::denseLayout(ir::shapeOf(v))});
    } else if (auto buffer = dyn_cast<ir::BufferOp>(op)) {
      constants_.resize((constants_.size() + 63) / 64 * 64);
      place(buffer.getResult(), {{abi::Place::constant, static_cast<int64_t>(constants_.size())},
                                 tile::denseLayout(ir::shapeOf(buffer.getResult()))});
      appendData(cast<DenseElementsAttr>(buffer.getValue()), constants_);
    } else if (auto loop = dyn_cast<ir::LoopOp>(op)) {
      int64_t number = carried_.lookup(op);
      Operation* yield = loop.block().getTerminator();
      for (auto [n, state] : llvm::enumerate(loop.block().getArguments())) {
        tile::Layout layout = tile::denseLayout(ir::shapeOf(state));
        place(state, {{abi::Place::carried, number + int64_t(n)}, layout});
        place(yield->getOperand(n), {{abi::Place::next, number + int64_t(n)}, layout});
      }
    }
  });
}

void MemoryPlan::placeResults(Block& block) {
  // Views and pieces hand their place down to what they are made of; where they have none yet, they
  // found a storage.
  for (Operation& op : llvm::reverse(block)) {
    if (auto reshape = dyn_cast<ir::ReshapeOp>(op)) {
      Value x = reshape.getX(), v = reshape.getResult();
      if (placements_.contains(x)) continue;
      if (auto known = placements_.find(v); known != placements_.end())
        place(x, {known->second.buffer, tile::denseLayout(ir::shapeOf(x))});
      else if (Value root = rootOf(v))
        setRoot(x, root);
    } else if (ir::isAppend(&op)) {
      placeUpdated(op.getOperand(0), op.getResult(0));
    } else if (auto loop = dyn_cast<ir::LoopOp>(op)) {
      placeStacked(loop);
      for (unsigned n = 0; n < loop.getInitial().size(); ++n)
        if (fuse::updatesState(loop, n)) placeUpdated(loop.getInitial()[n], loop.getResult(n));
      placeResults(loop.block());
    } else if (auto concat = dyn_cast<ir::ConcatOp>(op)) {
      Value v = concat.getResult();
      auto known = placements_.find(v);
      if (known == placements_.end()) {
        // The final buffer is filled in by assignSlots; the layout is known now.
        if (!rootOf(v)) setRoot(v, v);
        place(v, {{around_.slots, -1}, tile::denseLayout(ir::shapeOf(v))});
        known = placements_.find(v);
      }
      Placement whole = known->second;
      int64_t axis = ir::axisIn(ir::shapeOf(v), concat.getAxis());
      Dim begin(0);
      for (Value piece : concat.getXs()) {
        Placement part{whole.buffer, whole.layout};
        part.layout.offset = stridedOffset(whole.layout, axis, begin);
        place(piece, part);
        if (Value root = rootOf(v)) setRoot(piece, root);
        begin = begin + ir::shapeOf(piece).dims[axis];
      }
    }
  }
}

// What is updated lies where the result will; form_kernels proved that it may.
void MemoryPlan::placeUpdated(Value x, Value v) {
  auto known = placements_.find(v);
  if (auto argument = dyn_cast<BlockArgument>(x)) {  // a state has its place
    if (argument.getOwner() == &function_.front())
      updates_.push_back({int32_t(argument.getArgNumber()), int32_t(known->second.buffer.index)});
    return;
  }
  if (known != placements_.end()) place(x, Placement(known->second));
  if (Value root = rootOf(v)) setRoot(x, root);
}

// Every step writes its slice of what is stacked.
void MemoryPlan::placeStacked(ir::LoopOp loop) {
  Operation* yield = loop.block().getTerminator();
  Dim step = *parse_dim(loop.getSymbol()) - Dim(1);
  size_t axis = loop.getAxis();
  for (size_t n = loop.getInitial().size(); n < loop.getNumResults(); ++n) {
    Value all = loop.getResult(n), slice = yield->getOperand(n);
    if (!placements_.contains(all)) {
      if (!rootOf(all)) setRoot(all, all);
      place(all, {{around_.slots, -1}, tile::denseLayout(ir::shapeOf(all))});
    }
    Placement part = placements_.find(all)->second;
    part.layout.offset = part.layout.offset + part.layout.strides[axis] * step;
    part.layout.strides.erase(part.layout.strides.begin() + axis);
    place(slice, part);
    if (Value root = rootOf(all)) setRoot(slice, root);
  }
}

// Whether a kernel reads operand n only where it then writes the same element of its first result.
static bool readsWhereItWrites(Operation* kernel, size_t n) {
  if (!isa<ir::ContractOp, ir::MapOp, ir::RowsOp>(kernel) || kernel->hasAttr("fill") ||
      kernel->hasAttr("gather") || (isa<ir::ContractOp>(kernel) && n < tile::contract_captured))
    return false;
  return kernel->getAttrOfType<ArrayAttr>("maps")[n] ==
         kernel->getAttrOfType<ArrayAttr>("stores")[0];
}

// Whether the kernel that writes the next state may write over the state: nobody reads the state
// afterwards, and it reads no other element of it than the one it writes.
static bool mayUpdateInPlace(Value state, Value next,
                             const llvm::DenseMap<Operation*, int64_t>& position) {
  auto writer = next.getDefiningOp<ir::MapOp>();
  if (!writer || writer->getBlock() != state.getParentBlock()) return false;
  for (Operation* user : state.getUsers()) {
    if (!ir::isKernelOp(user) || user->getBlock() != state.getParentBlock()) return false;
    if (position.lookup(user) > position.lookup(writer)) return false;
  }
  for (auto [n, operand] : llvm::enumerate(writer.getIns()))
    if (operand == state && !readsWhereItWrites(writer, n)) return false;
  return true;
}

void MemoryPlan::gatherStorages(Block& block) {
  for (Operation& op : block) {
    for (Value v : op.getResults()) gatherStorage(v, &op);
    auto loop = dyn_cast<ir::LoopOp>(op);
    if (!loop) continue;
    for (auto [n, state] : llvm::enumerate(loop.block().getArguments()))
      if (!fuse::updatesState(loop, n) &&
          !mayUpdateInPlace(state, loop.block().getTerminator()->getOperand(n), position_))
        storages_.push_back({bytesOf(state), position_[&op], end_[&op], {}, loop.getResult(n)});
    gatherStorages(loop.block());
  }
}

// Whose storage v takes. A kernel writes over what it reads where it writes, if nobody reads that
// afterwards: caches then hold one tensor instead of two. Otherwise its own.
Value MemoryPlan::storageFor(Value v, Operation* op) const {
  if (!around_.writesOver || !ir::isKernelOp(op) || v != op->getResult(0)) return v;
  auto byKernel = [](Value x) { return x.getDefiningOp() && ir::isKernelOp(x.getDefiningOp()); };
  for (auto [n, x] : llvm::enumerate(op->getOperands())) {
    Value root = rootOf(x);  // a kernel's: x is all of it
    if (!readsWhereItWrites(op, n) || x.getType() != v.getType() || !byKernel(x) || !root ||
        !byKernel(root) || storages_[storageOf_.lookup(root)].last > position_.lookup(op))
      continue;
    bool elsewhere = false;
    for (auto [other, y] : llvm::enumerate(op->getOperands()))
      elsewhere |= rootOf(y) == root && (y != x || !readsWhereItWrites(op, other));
    if (!elsewhere) return root;
  }
  return v;
}

void MemoryPlan::gatherStorage(Value v, Operation* op) {
  if (isa<ir::ReshapeOp, ir::SliceOp, ir::PermuteOp>(op) && !placements_.contains(v)) {
    Value x = op->getOperand(0), root = rootOf(x);
    auto known = placements_.find(x);
    bool placed = known != placements_.end();
    place(v, {placed ? known->second.buffer : abi::BufferRef{around_.slots, -1},
              layoutOf(op, placed ? known->second.layout : tile::denseLayout(ir::shapeOf(x)))});
    if (placed && !root) return;
    setRoot(v, root ? root : x);
  }
  if (placements_.contains(v) && !rootOf(v)) return;
  if (!rootOf(v)) {
    unsigned n = cast<OpResult>(v).getResultNumber();
    auto loop = dyn_cast<ir::LoopOp>(op);
    bool updates =
        loop ? n < loop.getInitial().size() && fuse::updatesState(loop, n) : ir::isAppend(op);
    setRoot(v, updates ? rootOf(op->getOperand(n)) : storageFor(v, op));
  }
  Value root = rootOf(v);
  auto [at, fresh] = storageOf_.try_emplace(root, storages_.size());
  if (fresh) storages_.push_back({bytesOf(root), position_[op], position_[op], {}});
  Storage& s = storages_[at->second];
  s.values.push_back(v);
  if (isa<ir::LoopOp>(op)) s.last = std::max(s.last, end_[op]);
  s.last = std::max(s.last, lastRead(v));
}

int64_t MemoryPlan::slotFor(const Dim& bytes, int64_t first, int64_t last) {
  // The smallest that is large enough, else the largest.
  SlotUse* best = nullptr;
  double found = 0;
  const double wanted = weight(bytes);
  for (SlotUse& use : uses_) {
    if (use.last >= first) continue;
    const auto& sizes = slots_[use.slot].bytes;
    if (!(sizes.front() == bytes) && !comparable(sizes.front(), bytes)) continue;
    double held = 0;
    for (const Dim& size : sizes) held = std::max(held, weight(size));
    if (!best || (held >= wanted ? found < wanted || held < found : held > found))
      best = &use, found = held;
  }
  if (!best) {
    slots_.push_back({{bytes}});
    uses_.push_back({static_cast<int64_t>(slots_.size()) - 1, last});
    return slots_.size() - 1;
  }
  best->last = last;
  auto& sizes = slots_[best->slot].bytes;
  if (!llvm::is_contained(sizes, bytes)) sizes.push_back(bytes);
  return best->slot;
}

void MemoryPlan::assignSlots() {
  int64_t never = positions_;
  llvm::stable_sort(storages_,
                    [](const Storage& a, const Storage& b) { return a.first < b.first; });
  for (const Storage& s : storages_) {
    // What @prepare writes stays for as long as the weights are bound.
    int64_t slot =
        slotFor(s.bytes, s.first, around_.slots == abi::Place::prepared ? never : s.last);
    if (s.other) otherSlot_[s.other] = slot;
    for (Value v : s.values) {
      auto known = placements_.find(v);
      tile::Layout layout =
          known != placements_.end() ? known->second.layout : tile::denseLayout(ir::shapeOf(v));
      place(v, {{around_.slots, slot}, layout});
    }
  }
}

std::vector<abi::Carried> MemoryPlan::carriedBy(ir::LoopOp loop) const {
  std::vector<abi::Carried> carried;
  for (auto [n, initial] : llvm::enumerate(loop.getInitial())) {
    Value last = loop.getResult(n);
    abi::BufferRef final = of(last).buffer, other = final;
    if (auto slot = otherSlot_.find(last); slot != otherSlot_.end())
      other = {around_.slots, slot->second};
    carried.push_back({0, of(initial).buffer, final, other, bytesOf(initial)});
  }
  return carried;
}

abi::BufferRef MemoryPlan::temporary(size_t index, const Dim& bytes) {
  while (temporaries_.size() <= index) {
    slots_.push_back({{}});
    temporaries_.push_back(static_cast<int64_t>(slots_.size()) - 1);
  }
  auto& sizes = slots_[temporaries_[index]].bytes;
  if (!llvm::is_contained(sizes, bytes)) sizes.push_back(bytes);
  return {around_.slots, temporaries_[index]};
}

}  // namespace heed::plan
