// What every kernel op keeps: digits with the roles of its kind, one map an operand, regions that
// take one scalar for each captured operand.
#include "heed/compiler/dialect/heed.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace heed::ir {
namespace {

// How a region starts and what it yields.
struct RegionRule {
  const char* name;
  unsigned leading;  // so many values that it transforms come first
  enum { number, condition, results } yields;
  bool optional = false;
};

struct KindRule {
  const char* roles;
  unsigned operands;  // those that are not captured
  std::vector<RegionRule> regions;
  const char* stored;  // roles of outs[0]; null where the layout is the op's own
};

// 0 where their number is not static, which no region's first arguments agree with.
unsigned partsOf(ContractOp op) {
  int64_t parts = 1;
  for (auto text : op.getDomain().getAsRange<StringAttr>()) {
    auto [name, extent] = text.getValue().split(':');
    if (!name.starts_with("p")) continue;
    auto dim = parse_dim(extent);
    parts *= dim && dim->is_static() ? dim->constant : 0;
  }
  return unsigned(parts);
}

KindRule ruleOf(Operation* op) {
  const RegionRule prologue{"prologue", 1, RegionRule::number},
      epilogue{"epilogue", 1, RegionRule::results};
  if (auto contract = dyn_cast<ContractOp>(op)) {
    const RegionRule meets{"epilogue", partsOf(contract), RegionRule::results};
    return {"bmnpk", 2, {prologue, meets}, "bmn"};
  }
  if (isa<AttentionOp>(op))
    return {"bijed",
            3,
            {{"score", 1, RegionRule::number},
             {"mask", 0, RegionRule::condition, true},
             epilogue},
            "bid"};
  if (auto rows = dyn_cast<RowsOp>(op)) {
    bool keeps = rows.getReduction() == "softmax" || rows.getReduction() == "normalize";
    return {"ik", 1, {prologue, epilogue}, keeps ? "ik" : "i"};
  }
  if (isa<MapOp>(op)) return {"i", 0, {{"body", 0, RegionRule::results}}, "i"};
  return {"bnpk", 1, {}, nullptr};  // pack
}

class KernelVerifier {
 public:
  explicit KernelVerifier(Operation* op) : op(op), rule(ruleOf(op)) {}

  LogicalResult verify() {
    if (failed(verifyDomain()) || failed(verifySymbols()) || failed(verifyCounts()))
      return failure();
    if (failed(verifyMaps("maps", op->getOperands())) ||
        failed(verifyMaps("stores", op->getResults())))
      return failure();
    if (failed(verifyStores())) return failure();
    for (auto [n, region] : llvm::enumerate(rule.regions))
      if (failed(verifyRegion(region, op->getRegion(unsigned(n))))) return failure();
    return verifyKind();
  }

 private:
  Operation* op;
  KindRule rule;
  std::string roles;  // of the digits, in order
  std::vector<Dim> extents;

  InFlightDiagnostic error() { return op->emitOpError(); }
  ArrayAttr list(StringRef name) { return op->getAttrOfType<ArrayAttr>(name); }

  LogicalResult verifyDomain() {
    for (auto text : list("domain").getAsRange<StringAttr>()) {
      auto [name, extent] = text.getValue().split(':');
      auto dim = parse_dim(extent);
      if (name.empty() || !dim)
        return error() << "expected a digit as 'name:extent', found " << text;
      if (!StringRef(rule.roles).contains(name[0]))
        return error() << "expected a digit's role to be one of '" << rule.roles << "', found "
                       << text;
      roles += name[0];
      extents.push_back(*dim);
    }
    return success();
  }

  LogicalResult verifySymbols() {
    for (auto text : list("symbols").getAsRange<StringAttr>())
      if (!parse_dim(text.getValue()))
        return error() << "expected a dimension as symbol, found " << text;
    return success();
  }

  LogicalResult verifyCounts() {
    unsigned least = rule.operands + (op->hasAttr("gather") || op->hasAttr("append") ? 2 : 0);
    if (op->getNumOperands() < least)
      return error() << "expected " << least << " or more operands, found " << op->getNumOperands();
    unsigned most = isa<MapOp, ContractOp>(op) ? ~0u : isa<AttentionOp>(op) ? 2 : 1;
    if (op->getNumResults() < 1 || op->getNumResults() > most)
      return error() << "expected a result for each store of this kernel, found "
                     << op->getNumResults();
    if (auto fill = list("fill"); fill && fill.size() != op->getNumOperands())
      return error() << "expected a fill for each of " << op->getNumOperands()
                     << " operands, found " << fill.size();
    return success();
  }

  template <class Range>
  LogicalResult verifyMaps(StringRef name, Range tensors) {
    ArrayAttr maps = list(name);
    if (maps.size() != tensors.size())
      return error() << name << ": expected " << tensors.size() << " maps, found " << maps.size();
    for (auto [n, map] : llvm::enumerate(maps.getAsValueRange<AffineMapAttr>())) {
      if (map.getNumDims() != roles.size())
        return error() << name << "[" << n << "]: expected a dimension for each of " << roles.size()
                       << " digits, found " << map.getNumDims();
      if (map.getNumSymbols() != list("symbols").size())
        return error() << name << "[" << n << "]: expected " << list("symbols").size()
                       << " symbols, found " << map.getNumSymbols();
      int64_t rank = cast<RankedTensorType>(tensors[n].getType()).getRank();
      if (map.getNumResults() != rank)
        return error() << name << "[" << n << "]: expected a coordinate for each of " << rank
                       << " axes, found " << map.getNumResults();
    }
    return success();
  }

  // An element has one place: every digit that numbers results moves the store, no other does.
  LogicalResult verifyStores() {
    if (!rule.stored) return success();
    for (auto [n, map] : llvm::enumerate(list("stores").getAsValueRange<AffineMapAttr>())) {
      StringRef stored = n == 1 && isa<AttentionOp>(op) ? "bij" : rule.stored;
      for (auto [digit, role] : llvm::enumerate(roles)) {
        if (extents[digit] == Dim(1)) continue;
        StringRef name = cast<StringAttr>(list("domain")[digit]).getValue();
        if (map.isFunctionOfDim(unsigned(digit)) == stored.contains(role)) continue;
        return error() << "stores[" << n << "]: expected " << (stored.contains(role) ? "" : "no ")
                       << "movement along digit '" << name << "'";
      }
    }
    return success();
  }

  LogicalResult verifyRegion(const RegionRule& expected, Region& region) {
    if (region.empty()) {
      if (expected.optional) return success();
      return error() << expected.name << ": expected a block";
    }
    if (!region.hasOneBlock()) return error() << expected.name << ": expected one block";
    Block& block = region.front();
    unsigned leading = expected.leading, captured = op->getNumOperands() - rule.operands;
    if (block.getNumArguments() != leading + captured)
      return error() << expected.name << ": expected " << leading + captured << " arguments, found "
                     << block.getNumArguments();
    for (unsigned n = 0; n < leading; ++n)
      if (isa<ShapedType>(block.getArgument(n).getType()))
        return error() << expected.name << ": expected a scalar to start with";
    for (unsigned n = 0; n < captured; ++n) {
      Type element = getElementTypeOrSelf(op->getOperand(rule.operands + n).getType());
      if (block.getArgument(leading + n).getType() != element)
        return error() << expected.name << ": expected argument " << leading + n << " to be "
                       << element << " as operand " << rule.operands + n << " is, found "
                       << block.getArgument(leading + n).getType();
    }
    for (Operation& inner : block)
      if (failed(verifyInner(expected, region, inner))) return failure();
    return verifyYield(expected, block.getTerminator());
  }

  LogicalResult verifyInner(const RegionRule& expected, Region& region, Operation& inner) {
    if (!isScalarOp(&inner) && !isa<ConstantOp, CoordinateOp, ExtentOp, LookupOp, YieldOp>(inner))
      return inner.emitOpError() << "expected a scalar op in a kernel's region";
    for (Value x : inner.getOperands())
      if (x.getParentRegion() != &region)
        return inner.emitOpError()
               << "expected captured values as arguments of the " << expected.name;
    if (auto lookup = dyn_cast<LookupOp>(inner)) return verifyLookup(expected, lookup);
    auto coordinate = dyn_cast<CoordinateOp>(inner);
    if (!coordinate) return success();
    AffineMap map = coordinate.getMap();
    if (map.getNumResults() != 1 || map.getNumDims() != roles.size() ||
        map.getNumSymbols() != list("symbols").size())
      return inner.emitOpError() << "expected one result over the kernel's " << roles.size()
                                 << " digits";
    return success();
  }

  LogicalResult verifyLookup(const RegionRule& expected, LookupOp lookup) {
    const bool inScore = StringRef(expected.name) == "score";
    if (!inScore && StringRef(expected.name) != "mask")
      return lookup.emitOpError() << "expected only in a score or mask region, found in the "
                                  << expected.name;
    auto table = dyn_cast<BlockArgument>(lookup.getTable());
    const int64_t captured = table ? int64_t(table.getArgNumber()) - inScore : -1;
    if (captured < 0 || table.getType() != lookup.getResult().getType())
      return lookup.emitOpError()
             << "expected the argument of a captured operand as table, and its type as result";
    if (!lookup.getIndex().getType().isInteger(32) && !lookup.getIndex().getType().isInteger(64))
      return lookup.emitOpError() << "expected an i32 or i64 index, found "
                                  << lookup.getIndex().getType();
    auto map = cast<AffineMapAttr>(list("maps")[size_t(rule.operands + captured)]).getValue();
    const int64_t axis = int64_t(lookup.getAxis());
    auto place = axis >= 0 && axis < map.getNumResults()
                     ? dyn_cast<AffineConstantExpr>(map.getResult(unsigned(axis)))
                     : AffineConstantExpr();
    if (place && place.getValue() == 0) return success();
    return lookup.emitOpError() << "expected the table's map to be 0 along axis " << axis
                                << ", the place of the index";
  }

  LogicalResult verifyYield(const RegionRule& expected, Operation* yield) {
    if (!isa<YieldOp>(yield)) return yield->emitOpError() << "expected heed.yield";
    if (expected.yields != RegionRule::results) {
      bool good = yield->getNumOperands() == 1;
      Type type = good ? yield->getOperand(0).getType() : Type();
      if (expected.yields == RegionRule::condition && good && type.isInteger(1)) return success();
      if (expected.yields == RegionRule::number && good && !isa<ShapedType>(type) &&
          !type.isInteger(1))
        return success();
      const char* what = expected.yields == RegionRule::condition ? "i1" : "number";
      return error() << expected.name << ": expected to yield one " << what;
    }
    unsigned count = isa<AttentionOp>(op) ? 1 : op->getNumResults();
    if (yield->getNumOperands() != count)
      return error() << expected.name << ": expected to yield " << count << " values, found "
                     << yield->getNumOperands();
    for (unsigned n = 0; n < count; ++n)
      if (Type element = getElementTypeOrSelf(op->getResult(n).getType());
          yield->getOperand(n).getType() != element)
        return error() << expected.name << ": expected to yield " << element << " for result " << n
                       << ", found " << yield->getOperand(n).getType();
    return success();
  }

  // What one kind alone asks for.
  LogicalResult verifyKind() {
    if (auto rows = dyn_cast<RowsOp>(op)) {
      static constexpr StringRef known[] = {"softmax", "normalize", "sum", "mean", "max", "min"};
      if (!llvm::is_contained(known, rows.getReduction()))
        return error() << "expected a reduction, found '" << rows.getReduction() << "'";
      if (rows.getReduction() == "normalize" && !rows.getEps()) return error() << "expected eps";
    }
    if (op->hasAttr("gather")) {
      AffineMap table = cast<AffineMapAttr>(list("maps")[0]).getValue();
      auto first = table.getNumResults() ? dyn_cast<AffineConstantExpr>(table.getResult(0))
                                         : AffineConstantExpr();
      if (!first || first.getValue() != 0)
        return error() << "expected maps[0] to start with 0, the place of the gathered index";
      if (failed(verifyIndices())) return failure();
    }
    if (auto map = dyn_cast<MapOp>(op); map && map.getAppend()) {
      if (!parse_dim(*map.getAppend()) || map.getGather() || op->getNumResults() != 1)
        return error() << "expected to append a number of rows to one result";
      if (op->getOperand(0).getType() != op->getResult(0).getType() ||
          shapeOf(op->getResult(0)).rank != 4)
        return error() << "expected to append to [layers, batch, rows, features], found "
                       << op->getOperand(0).getType() << " and " << op->getResult(0).getType();
      if (failed(verifyIndices())) return failure();
    }
    if (auto pack = dyn_cast<PackOp>(op))
      return verifyPanels(pack.getOuts()[0], int64_t(pack.getWidth()), "result");
    if (auto contract = dyn_cast<ContractOp>(op); contract && contract.getPacked())
      return verifyPanels(contract.getIns()[1], int64_t(*contract.getPacked()), "operand 1");
    return success();
  }

  LogicalResult verifyIndices() {
    Type index = getElementTypeOrSelf(op->getOperand(1).getType());
    if (index.isInteger(32) || index.isInteger(64)) return success();
    return error() << "expected operand 1 to hold i32 or i64 indices, found " << index;
  }

  // [batch, panels, k, width]
  LogicalResult verifyPanels(Value tensor, int64_t width, const char* what) {
    Shape shape = shapeOf(tensor);
    if (width < 1 || shape.rank != 4 || !(shape[3] == Dim(width)))
      return error() << "expected " << what << " to be [batch, panels, k, " << width << "], found "
                     << text_of(shape);
    return success();
  }
};

}  // namespace

LogicalResult verifyKernel(Operation* op) { return KernelVerifier(op).verify(); }

}  // namespace heed::ir
