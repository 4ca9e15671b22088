#include "heed/compiler/fuse/combine_parts.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallSet.h"

using namespace mlir;

namespace heed::fuse {

namespace {

// An LSTM's four, fused, took 3 to 12 % longer than kernels of their own (AVX-512, 32 rows, 512
// features, three runs in turns): the epilogue waits for more operands than the traffic it saves is
// worth. A GRU's three took 0 to 11 % less.
constexpr int64_t most_parts = 3;
constexpr int64_t widest_vector = 16;
constexpr double tolerated_waste = 1.25;

class Finder {
 public:
  Finder(ir::MatmulOp product, function_ref<bool(Value)> hasBuffer,
         function_ref<bool(Value)> available)
      : hasBuffer_(hasBuffer), available_(available), product_(ir::shapeOf(product.getResult())) {
    whole_.insert(product.getResult());
  }

  // As far as every reader can be taken in, but no further than the last point where whole product
  // and parts have been read inside only.
  std::optional<Combined> find(ir::MatmulOp product) {
    if (!product_[-1].is_static()) return {};
    std::optional<Combined> found;
    for (Operation* op = product->getNextNode(); op; op = op->getNextNode()) {
      if (llvm::none_of(op->getOperands(), [&](Value x) { return isInside(x); })) continue;
      if (!join(op)) break;
      so_far_.members.insert(op);
      if (isClosed()) found = so_far_;
    }
    return found;
  }

 private:
  function_ref<bool(Value)> hasBuffer_, available_;
  Shape product_;
  Combined so_far_;
  llvm::SetVector<Value> whole_, parts_, combined_;
  llvm::SmallSet<int64_t, most_parts> seen_;  // parts

  bool isInside(Value v) {
    return whole_.contains(v) || parts_.contains(v) || combined_.contains(v);
  }
  Shape partShape() {
    Shape shape = product_;
    shape.dims[shape.rank - 1] = Dim(product_[-1].constant / so_far_.parts);
    return shape;
  }

  bool join(Operation* op) {
    if (auto slice = dyn_cast<ir::SliceOp>(op)) return joinPart(slice);
    if (!ir::isScalarOp(op) || op->getNumResults() != 1) return false;
    bool ofWhole = false, ofParts = false;
    for (Value x : op->getOperands()) {
      if (whole_.contains(x)) ofWhole = true;
      else if (isInside(x)) ofParts = true;
      else if (!available_(x)) return false;
    }
    if (ofWhole == ofParts) return false;
    Value result = op->getResult(0);
    if (!(ir::shapeOf(result) == (ofWhole ? product_ : partShape()))) return false;
    (ofWhole ? whole_ : combined_).insert(result);
    return true;
  }

  bool joinPart(ir::SliceOp slice) {
    auto begin = parse_dim(slice.getBegin().str()), end = parse_dim(slice.getEnd().str());
    if (!whole_.contains(slice.getX()) || !begin || !end || !begin->is_static() ||
        !end->is_static() || ir::axisIn(product_, slice.getAxis()) != product_.rank - 1)
      return false;
    int64_t columns = end->constant - begin->constant, all = product_[-1].constant;
    if (so_far_.parts == 0) {
      if (all % columns || all / columns < 2 || all / columns > most_parts) return false;
      int64_t lanes = (columns + widest_vector - 1) / widest_vector * widest_vector;
      if (double(lanes) > tolerated_waste * double(columns)) return false;
      so_far_.parts = all / columns;
    }
    if (columns * so_far_.parts != all || begin->constant % columns) return false;
    seen_.insert(begin->constant / columns);
    parts_.insert(slice.getResult());
    return true;
  }

  bool staysInside(Value v) {
    return !hasBuffer_(v) && llvm::all_of(v.getUsers(), [&](Operation* user) {
      return so_far_.members.contains(user);
    });
  }

  bool isClosed() {
    if (so_far_.parts == 0 || int64_t(seen_.size()) != so_far_.parts) return false;
    for (auto* values : {&whole_, &parts_})
      if (!llvm::all_of(*values, [&](Value v) { return staysInside(v); })) return false;
    so_far_.values.clear();
    for (Value v : combined_)
      if (!staysInside(v)) so_far_.values.push_back(v);
    return !so_far_.values.empty() && int64_t(so_far_.values.size()) <= so_far_.parts;
  }
};

}  // namespace

std::optional<Combined> combinedParts(Operation* product, function_ref<bool(Value)> hasBuffer,
                                      function_ref<bool(Value)> available) {
  auto matmul = dyn_cast<ir::MatmulOp>(product);
  if (!matmul) return {};
  return Finder(matmul, hasBuffer, available).find(matmul);
}

}  // namespace heed::fuse
