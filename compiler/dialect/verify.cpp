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
    for (StringRef name : {"axis", "shift", "keep", "size", "stride", "padding", "dilation", "groups", "before", "after"}) {
      if (auto number = op->getAttrOfType<IntegerAttr>(name))
        ints.push_back(isa<BoolAttr>(number) ? int64_t(number.getValue().getBoolValue())
                                             : number.getInt());
      if (auto numbers = op->getAttrOfType<DenseI64ArrayAttr>(name)) llvm::append_range(ints, numbers.asArrayRef());
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

}  // namespace heed::ir
