// Verifiers of graph ops.
#include "heed/compiler/dialect/heed.h"

#include "mlir/Interfaces/FunctionInterfaces.h"

#include "heed/dsl/graph/rules.h"

using namespace mlir;

namespace heed::ir {
namespace {

TensorType typeOf(Type type) { return {dtypeOf(type), shapeOf(type)}; }

std::string text(const TensorType& type) {
  return std::string(name_of(type.dtype)) + " " + text_of(type.shape);
}

// An op's attributes as contract 1 orders them (dsl/graph/op.h).
struct OpAttributes {
  SmallVector<int64_t> ints;
  std::vector<Dim> dims;
  SmallVector<double> reals;

  LogicalResult read(Operation* op) {
    for (StringRef name : {"axis", "layer", "shift", "keep", "size", "stride", "padding",
                           "dilation", "groups", "before", "after"}) {
      if (auto number = op->getAttrOfType<IntegerAttr>(name))
        ints.push_back(isa<BoolAttr>(number) ? int64_t(number.getValue().getBoolValue())
                                             : number.getInt());
      if (auto numbers = op->getAttrOfType<DenseI64ArrayAttr>(name))
        llvm::append_range(ints, numbers.asArrayRef());
    }
    if (auto axes = op->getAttrOfType<DenseI64ArrayAttr>("permutation"))
      llvm::append_range(ints, axes.asArrayRef());
    for (StringRef name : {"begin", "end", "before", "after", "dim"}) {
      auto attribute = op->getAttrOfType<StringAttr>(name);
      if (!attribute) continue;
      auto dim = parse_dim(attribute.getValue());
      if (!dim) return op->emitOpError() << name << ": expected a dimension, found " << attribute;
      dims.push_back(*dim);
    }
    for (StringRef name : {"value", "eps"})
      if (auto number = op->getAttrOfType<FloatAttr>(name))
        reals.push_back(number.getValueAsDouble());
    return success();
  }
  graph::Attributes view() const {
    return {ints.data(),      int(ints.size()), dims.data(),
            int(dims.size()), reals.data(),     int(reals.size())};
  }
};

std::optional<OpCode> codeOf(Operation* op) {
  StringRef name = op->getName().stripDialect();
  for (const OpInfo& info : op_table)
    if (name == StringRef(info.name)) return info.code;
  return {};
}

// The callee exists and has the operands' and results' types.
LogicalResult verifyCallee(Operation* op, FlatSymbolRefAttr name, SymbolTableCollection& symbols) {
  auto callee = symbols.lookupNearestSymbolFrom<FunctionOpInterface>(op, name);
  if (!callee) return op->emitOpError("expected a function named ") << name;
  if (!llvm::equal(callee.getArgumentTypes(), op->getOperandTypes()) ||
      !llvm::equal(callee.getResultTypes(), op->getResultTypes()))
    return op->emitOpError("expected the types of ") << name << ", " << callee.getFunctionType();
  return success();
}

}  // namespace

// Asks the rule that the DSL asked, and says its sentence.
LogicalResult verifyByShapeRules(Operation* op) {
  std::optional<OpCode> code = codeOf(op);
  if (!code) return op->emitOpError("expected a shape rule for this op");
  std::vector<TensorType> types;
  for (Value x : op->getOperands()) types.push_back(typeOf(x.getType()));
  SmallVector<const TensorType*> operands;
  for (const TensorType& type : types) operands.push_back(&type);
  OpAttributes attributes;
  if (failed(attributes.read(op))) return failure();
  TensorType declared = typeOf(op->getResult(0).getType());
  graph::Inferred inferred =
      graph::infer(*code, {operands.data(), int(operands.size())}, attributes.view(), declared);
  if (inferred.problem) return op->emitOpError(graph::text_of(inferred.problem));
  if (!(inferred.type == declared))
    return op->emitOpError() << "expected the result to be " << text(inferred.type) << ", found "
                             << text(declared);
  return success();
}

LogicalResult CallOp::verifySymbolUses(SymbolTableCollection& symbols) {
  return verifyCallee(*this, getCalleeAttr(), symbols);
}
LogicalResult RepeatOp::verifySymbolUses(SymbolTableCollection& symbols) {
  return verifyCallee(*this, getCalleeAttr(), symbols);
}

LogicalResult ScanOp::verifySymbolUses(SymbolTableCollection& symbols) {
  auto callee = symbols.lookupNearestSymbolFrom<FunctionOpInterface>(*this, getCalleeAttr());
  if (!callee) return emitOpError("expected a function named ") << getCalleeAttr();
  auto steps = parse_dim(getSteps());
  uint64_t states = getStates(), scanned = getScanned();
  if (!steps || states > getNumResults() || states + scanned > getNumOperands() ||
      callee.getArgumentTypes().size() != getNumOperands() ||
      callee.getResultTypes().size() != getNumResults() ||
      (getStops() && states == getNumResults()))
    return emitOpError("expected states, scanned tensors and results as ")
           << callee.getFunctionType();
  auto expect = [&](const graph::Inferred& inferred, Type type) {
    return !inferred.problem && inferred.type == typeOf(type);
  };
  for (auto [n, x] : llvm::enumerate(getXs())) {
    TensorType type = typeOf(x.getType());
    bool stepped = n >= states && n < states + scanned;
    if (!expect(
            stepped ? graph::infer_step(type, int64_t(getAxis()), *steps) : graph::Inferred{type},
            callee.getArgumentTypes()[n]))
      return emitOpError("expected operand ")
             << n << " to give " << callee.getArgumentTypes()[n] << " at a step";
  }
  for (auto [n, y] : llvm::enumerate(callee.getResultTypes())) {
    TensorType type = typeOf(y);
    if (getStops() && n + 1 == getNumResults()) {
      if (type.dtype != DType::boolean)
        return emitOpError("expected bools that say whether to go on, found ") << y;
      type = graph::turn_count;
      if (!(type == typeOf(getResult(n).getType())))
        return emitOpError("expected an i64 last, the number of steps, found ")
               << getResult(n).getType();
      continue;
    }
    if (!expect(n < states ? graph::Inferred{type}
                           : graph::infer_stacked(type, int64_t(getAxis()), *steps),
                getResult(n).getType()))
      return emitOpError("expected result ") << n << " to be made of " << y;
  }
  return success();
}

LogicalResult LoopOp::verify() {
  auto steps = parse_dim(getSteps()), symbol = parse_dim(getSymbol());
  if (!steps || !symbol)
    return emitOpError("expected steps and a symbol to count them, found ") << getStepsAttr();
  auto yield = dyn_cast<YieldOp>(block().getTerminator());
  if (!yield) return emitOpError("expected heed.yield at the end of the body");
  size_t states = getInitial().size();
  if (block().getNumArguments() != states ||
      yield->getNumOperands() != getNumResults() + getStops() || getNumResults() < states)
    return emitOpError("expected an argument and a result for each of ") << states << " states";
  if (getStops() && (!states || !(typeOf(getInitial().back().getType()) == graph::turn_count) ||
                     dtypeOf(yield->getOperands().back().getType()) != DType::boolean))
    return emitOpError(
        "expected a last state that counts steps, and bools that say whether to go on");
  for (auto [n, argument] : llvm::enumerate(block().getArguments()))
    for (Value v : {getInitial()[n], yield->getOperand(n), Value(getResult(n))})
      if (v.getType() != argument.getType())
        return emitOpError("expected state ")
               << n << " to be " << argument.getType() << ", found " << v.getType();
  for (size_t n = states; n < getNumResults(); ++n) {
    graph::Inferred stacked =
        graph::infer_stacked(typeOf(yield->getOperand(n).getType()), int64_t(getAxis()), *steps);
    if (stacked.problem || !(stacked.type == typeOf(getResult(n).getType())))
      return emitOpError("expected result ") << n << " to stack " << yield->getOperand(n).getType();
  }
  return success();
}

}  // namespace heed::ir
