// Random valid modules: nodes are proposed at random and kept where the shape rules accept them.
#pragma once
#include <random>

#include "heed/dsl/graph/graph.h"
#include "heed/dsl/graph/rules.h"

namespace heed::graph {

class RandomModule {
 public:
  explicit RandomModule(unsigned seed) : random(seed) {}

  Module make() {
    int functions = 1 + pick(4);
    for (int i = 0; i < functions; ++i) module.functions.push_back(function(i));
    for (std::size_t i = 0; i < module.functions.back().arguments.size(); ++i)
      module.input_names.push_back("input" + std::to_string(i));
    return std::move(module);
  }

 private:
  std::mt19937 random;
  Module module;

  int pick(int n) { return int(random() % unsigned(n)); }
  Dim dim() {
    const Dim B{"B"}, T{"T"};
    const Dim choices[] = {1, 2, 3, 4, 8, B, T, B * T, T + 1, 2 * T, T / 2, floor_div(T + 1, 2)};
    return choices[pick(12)];
  }
  Dim static_dim() { return Dim(1 + pick(4)); }
  DType dtype() { return DType(pick(3) ? 0 : pick(dtype_count)); }
  TensorType type(bool is_static) {
    TensorType t{dtype(), {}};
    for (int rank = pick(5); rank > 0; --rank) t.shape.append(is_static ? static_dim() : dim());
    return t;
  }

  OwnedFunction function(int index) {
    OwnedFunction f;
    f.name = "f" + std::to_string(index);
    f.arguments.push_back({DType::f32, {2, {Dim("B"), Dim("T")}}});  // binds the symbols
    for (int n = pick(3); n > 0; --n) f.arguments.push_back(type(false));
    int nodes = 1 + pick(40);
    for (int tries = 0; int(f.nodes.size()) < nodes && tries < 2000; ++tries) propose(f);
    for (int n = 1 + pick(2); n > 0; --n) f.results.push_back(value(f));
    return f;
  }
  Value value(const OwnedFunction& f) {
    std::int32_t node = pick(int(f.nodes.size()));
    return {node, pick(int(f.nodes[std::size_t(node)].results.size()))};
  }
  const TensorType& type_of(const OwnedFunction& f, const Value& v) {
    return f.nodes[std::size_t(v.node)].results[std::size_t(v.result)];
  }

  void propose(OwnedFunction& f) {
    const OpInfo& info =
        op_table[f.nodes.empty() ? 0 : std::size_t(pick(int(std::size(op_table))))];
    OwnedNode n;
    n.op = info.code;
    if (n.op == OpCode::call || n.op == OpCode::repeat || n.op == OpCode::scan ||
        n.op == OpCode::loop)
      return propose_call(f, std::move(n));
    int operands =
        info.least_operands + pick(std::min(info.most_operands, 4) - info.least_operands + 1);
    for (int i = 0; i < operands; ++i) n.inputs.push_back(value(f));
    if (n.op == OpCode::conv2d) n.inputs = {image(f, 2, 8), image(f, 2, 3)};
    if (n.op == OpCode::conv3d) n.inputs = {image(f, 3, 8), image(f, 3, 3)};
    if (n.op == OpCode::random)
      for (Value& v : n.inputs) v = parameter(f, {DType::i64, {1, {pick(2) ? 3 : 1}}});
    if (n.op == OpCode::append)
      n.inputs = {parameter(f, {DType::f32, {4, {3, 2, 8, 4}}}),
                  parameter(f, {DType::f32, {3, {2, 1 + pick(3), 4}}}),
                  parameter(f, {DType::i64, {1, {2}}})};
    TensorType declared = type(true);
    fill_attributes(f, n, declared);
    std::vector<const TensorType*> types;
    for (const Value& v : n.inputs) types.push_back(&type_of(f, v));
    Attributes with{n.ints.data(),      int(n.ints.size()), n.dims.data(),
                    int(n.dims.size()), n.reals.data(),     int(n.reals.size())};
    Inferred r = infer(n.op, {types.data(), int(types.size())}, with, declared);
    if (r.problem) return;
    n.results.push_back(r.type);
    f.nodes.push_back(std::move(n));
  }

  Value parameter(OwnedFunction& f, const TensorType& type) {
    OwnedNode n;
    n.op = OpCode::parameter;
    n.name = "p" + std::to_string(random());
    n.results = {type};
    f.nodes.push_back(std::move(n));
    return {std::int32_t(f.nodes.size() - 1), 0};
  }
  // What can be convolved, or convolves.
  Value image(OwnedFunction& f, int axes, int side) {
    TensorType type{DType::f32, {axes + 2, {2, 2, side, side}}};
    if (axes == 3) type.shape[4] = side;
    return parameter(f, type);
  }

  void fill_attributes(const OwnedFunction& f, OwnedNode& n, TensorType& declared) {
    int rank = n.inputs.empty() ? 4 : type_of(f, n.inputs[0]).shape.rank;
    auto axis = [&] { return pick(rank + 1); };
    switch (n.op) {
      case OpCode::input:
        n.ints = {pick(int(f.arguments.size()))};
        declared = f.arguments[std::size_t(n.ints[0])];
        break;
      case OpCode::parameter: case OpCode::probe: n.name = "n" + std::to_string(random()); break;
      case OpCode::buffer:
        n.name = "b";
        n.data.resize(std::size_t(element_count(declared.shape).constant) *
                      size_of(declared.dtype));
        for (std::byte& b : n.data) b = std::byte(random() & 1);
        break;
      case OpCode::constant: n.reals = {double(pick(9)) - 4}; declared.shape = {}; break;
      case OpCode::position:
        n.ints = {pick(3)};
        declared = {DType::i64, {3, {1, 1, 1}}};
        declared.shape.dims[n.ints[0]] = dim();
        break;
      case OpCode::extent: n.dims = {dim()}; declared = {DType::i64, {}}; break;
      case OpCode::permute:
        for (int i = 0; i < rank; ++i) n.ints.push_back((i + 1) % rank);
        break;
      case OpCode::reshape: case OpCode::broadcast: {
        declared = type_of(f, n.inputs[0]);
        if (declared.shape.rank < max_rank) {
          for (int i = declared.shape.rank++; i > 0; --i)
            declared.shape.dims[i] = declared.shape.dims[i - 1];
          declared.shape.dims[0] = n.op == OpCode::reshape ? Dim(1) : dim();
        }
        break;
      }
      case OpCode::slice: n.ints = {axis()}; n.dims = {pick(2), dim()}; break;
      case OpCode::pad: n.ints = {axis()}; n.dims = {pick(2), dim()}; n.reals = {0.5}; break;
      case OpCode::roll: n.ints = {axis(), pick(9) - 4}; break;
      case OpCode::concat: case OpCode::softmax: n.ints = {axis()}; break;
      case OpCode::sum:
      case OpCode::mean:
      case OpCode::max:
      case OpCode::min:
        n.ints = {axis(), pick(2)};
        break;
      case OpCode::conv2d: n.ints = {1 + pick(2), pick(2), 1 + pick(2), 1}; break;
      case OpCode::conv3d:
        for (int least : {1, 1, 1, 0, 0, 0, 1, 1, 1}) n.ints.push_back(least + pick(2));
        n.ints.push_back(1);
        break;
      case OpCode::window:
        n.ints = {axis(), 1 + pick(3), 1 + pick(2), 1 + pick(2), pick(2), pick(2)};
        n.reals = {0.5};
        break;
      case OpCode::append: n.ints = {pick(4)}; break;
      case OpCode::normalize: n.reals = {1e-5}; break;
      default: break;
    }
  }

  void propose_call(OwnedFunction& f, OwnedNode n) {
    if (module.functions.empty()) return;
    n.callee = pick(int(module.functions.size()));
    const OwnedFunction& g = module.functions[std::size_t(n.callee)];
    n.name = pick(3) ? "m" + std::to_string(random()) : "";
    for (const TensorType& wanted : g.arguments) {
      Value v = value(f);
      for (int tries = 0; tries < 20 && !(type_of(f, v) == wanted); ++tries) v = value(f);
      if (!(type_of(f, v) == wanted)) return;
      n.inputs.push_back(v);
    }
    for (const Value& v : g.results) n.results.push_back(type_of(g, v));
    if (n.op == OpCode::scan || n.op == OpCode::loop) {  // all arguments held
      n.ints = {0, 0, 0, pick(2)};
      n.dims = {dim()};
      if (n.op == OpCode::loop) {
        if (n.inputs.empty() || n.results.back().dtype != DType::boolean) return;
        n.ints = {0, 0};
        n.results.pop_back();
      }
      for (TensorType& type : n.results) {
        Inferred stacked = infer_stacked(type, 0, n.dims[0]);
        if (stacked.problem) return;
        type = stacked.type;
      }
      if (n.op == OpCode::loop) n.results.push_back(turn_count);
    }
    if (n.op == OpCode::repeat) {
      if (n.results.size() != 1 || !(n.results[0] == g.arguments[0])) return;
      n.times = 1 + pick(3);
    }
    f.nodes.push_back(std::move(n));
  }
};

}  // namespace heed::graph
