#include "heed/compiler/import/import.h"

#include "heed/compiler/dialect/heed.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace heed {

namespace {

Type importType(MLIRContext* context, const TensorType& type) {
  return ir::tensorType(type.shape, ir::elementType(context, type.dtype));
}

// Bools are a byte each in contract 1 and a bit in MLIR's dense attributes.
Attribute importData(RankedTensorType type, ArrayRef<std::byte> data) {
  ArrayRef<char> raw(reinterpret_cast<const char*>(data.data()), data.size());
  if (!type.getElementType().isInteger(1)) return DenseElementsAttr::getFromRawBuffer(type, raw);
  SmallVector<bool> bits(raw.begin(), raw.end());
  return DenseElementsAttr::get(type, bits);
}

struct FunctionImporter {
  OpBuilder& b;
  const graph::Module& graph;
  const graph::OwnedFunction& function;
  std::vector<SmallVector<Value>> values;  // of the nodes so far
  Block* body;

  StringRef symbolOf(int32_t callee) const { return symbols[callee]; }
  ArrayRef<std::string> symbols;

  NamedAttribute attribute(StringRef name, Attribute value) { return b.getNamedAttr(name, value); }
  NamedAttribute integer(StringRef name, int64_t value) {
    return attribute(name, b.getI64IntegerAttr(value));
  }
  NamedAttribute real(StringRef name, double value) {
    return attribute(name, b.getF64FloatAttr(value));
  }
  NamedAttribute dim(StringRef name, const Dim& value) {
    return attribute(name, b.getStringAttr(text_of(value)));
  }
  NamedAttribute name(const graph::OwnedNode& node) {
    return attribute("name", b.getStringAttr(node.name));
  }

  SmallVector<NamedAttribute> attributesOf(const graph::OwnedNode& n) {
    const auto& i = n.ints;
    switch (n.op) {
      case OpCode::parameter:
      case OpCode::probe: return {name(n)};
      case OpCode::buffer:
        return {name(n), attribute("value", importData(cast<RankedTensorType>(importType(
                                                           b.getContext(), n.results[0])),
                                                       n.data))};
      case OpCode::constant: return {real("value", n.reals[0])};
      case OpCode::position: return {integer("axis", i[0])};
      case OpCode::extent: return {dim("dim", n.dims[0])};
      case OpCode::permute: return {attribute("permutation", b.getDenseI64ArrayAttr(i))};
      case OpCode::slice:
        return {integer("axis", i[0]), dim("begin", n.dims[0]), dim("end", n.dims[1])};
      case OpCode::pad:
        return {integer("axis", i[0]), dim("before", n.dims[0]), dim("after", n.dims[1]),
                real("value", n.reals[0])};
      case OpCode::roll: return {integer("axis", i[0]), integer("shift", i[1])};
      case OpCode::concat:
      case OpCode::softmax: return {integer("axis", i[0])};
      case OpCode::conv2d:
        return {integer("stride", i[0]), integer("padding", i[1]), integer("dilation", i[2]),
                integer("groups", i[3])};
      case OpCode::conv3d: {
        auto three = [&](size_t first) {
          return b.getDenseI64ArrayAttr(ArrayRef(i).slice(first, 3));
        };
        return {attribute("stride", three(0)), attribute("padding", three(3)),
                attribute("dilation", three(6)), integer("groups", i[9])};
      }
      case OpCode::window:
        return {integer("axis", i[0]),     integer("size", i[1]),   integer("stride", i[2]),
                integer("dilation", i[3]), integer("before", i[4]), integer("after", i[5]),
                real("value", n.reals[0])};
      case OpCode::normalize: return {real("eps", n.reals[0])};
      case OpCode::append: return {integer("layer", i[0])};
      case OpCode::sum:
      case OpCode::mean:
      case OpCode::max:
      case OpCode::min: return {integer("axis", i[0]), attribute("keep", b.getBoolAttr(i[1] != 0))};
      case OpCode::call:
        return {attribute("callee", FlatSymbolRefAttr::get(b.getContext(), symbolOf(n.callee))),
                name(n)};
      case OpCode::repeat:
        return {attribute("callee", FlatSymbolRefAttr::get(b.getContext(), symbolOf(n.callee))),
                name(n), integer("times", n.times)};
      case OpCode::scan:
        return {attribute("callee", FlatSymbolRefAttr::get(b.getContext(), symbolOf(n.callee))),
                name(n),
                integer("states", i[0]),
                integer("scanned", i[1]),
                integer("axis", i[2]),
                attribute("reverse", b.getBoolAttr(i[3] != 0)),
                dim("steps", n.dims[0])};
      case OpCode::loop:  // a scan of nothing; heed.loop has its body inside
        return {attribute("callee", FlatSymbolRefAttr::get(b.getContext(), symbolOf(n.callee))),
                name(n),
                integer("states", i[0]),
                integer("scanned", 0),
                integer("axis", i[1]),
                attribute("reverse", b.getBoolAttr(false)),
                dim("steps", n.dims[0]),
                attribute("stops", b.getUnitAttr())};
      default: return {};
    }
  }

  void importNode(const graph::OwnedNode& node) {
    if (node.op == OpCode::input) {
      values.push_back({body->getArgument(node.ints[0])});
      return;
    }
    OpCode code = node.op == OpCode::loop ? OpCode::scan : node.op;
    OperationState state(b.getUnknownLoc(), "heed." + std::string(info_of(code)->name));
    for (const graph::Value& in : node.inputs) state.addOperands(values[in.node][in.result]);
    for (const TensorType& type : node.results) state.addTypes(importType(b.getContext(), type));
    state.addAttributes(attributesOf(node));
    Operation* op = b.create(state);
    values.emplace_back(op->result_begin(), op->result_end());
  }
};

std::string symbolName(const graph::OwnedFunction& function, size_t index) {
  return (function.name.empty() ? std::string("body") : function.name) + "_" +
         std::to_string(index);
}

}  // namespace

OwningOpRef<ModuleOp> importGraph(MLIRContext* context, const graph::Module& graph) {
  OpBuilder b(context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(b.getUnknownLoc());
  std::vector<std::string> symbols;
  for (auto [index, function] : llvm::enumerate(graph.functions))
    symbols.push_back(index + 1 == graph.functions.size() ? "main" : symbolName(function, index));
  for (auto [index, function] : llvm::enumerate(graph.functions)) {
    SmallVector<Type> arguments, results;
    for (const TensorType& type : function.arguments)
      arguments.push_back(importType(context, type));
    for (const graph::Value& v : function.results)
      results.push_back(importType(context, function.nodes[v.node].results[v.result]));
    b.setInsertionPointToEnd(module->getBody());
    auto f = func::FuncOp::create(b, b.getUnknownLoc(), symbols[index],
                                  b.getFunctionType(arguments, results));
    if (symbols[index] != "main") f.setPrivate();
    Block* body = f.addEntryBlock();
    b.setInsertionPointToStart(body);
    FunctionImporter importer{b, graph, function, {}, body, symbols};
    for (const graph::OwnedNode& node : function.nodes) importer.importNode(node);
    SmallVector<Value> returned;
    for (const graph::Value& v : function.results)
      returned.push_back(importer.values[v.node][v.result]);
    func::ReturnOp::create(b, b.getUnknownLoc(), returned);
  }
  (*module)->setAttr("heed.name", b.getStringAttr(graph.functions.back().name));
  return module;
}

}  // namespace heed
