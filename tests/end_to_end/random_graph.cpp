#include "random_graph.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "heed/dsl/graph/rules.h"

namespace heed::test {
namespace {

constexpr std::int64_t most_elements = 20000;

bool is_leaf(const graph::OwnedNode& n) { return info_of(n.op)->kind == OpClass::leaf; }

}  // namespace

RandomGraph::RandomGraph(unsigned seed) : random(seed) {
  bindings[0] = {1 + pick(3), 2 * (1 + pick(12))};  // even, so that T/2 may occur
  bindings[1] = {1 + pick(4), 2 * (1 + pick(20))};
  if (chance(40)) make_callee();
  else if (chance(40)) make_cell();
  Body main;
  body = &main;
  main.function.name = "network";
  make_inputs();
  make_body(1 + pick(14));
  make_results();
  facts = main.facts;
  module.functions.push_back(std::move(main.function));
}

// ---- nodes --------------------------------------------------------------------------------------

bool RandomGraph::fits(const graph::OwnedNode& node) const {
  if (element_count(node.results[0].shape).invalid) return false;  // the compiler cannot count it
  for (const Binding& binding : bindings) {
    std::int64_t elements = 1;
    const Shape& shape = node.results[0].shape;
    for (int i = 0; i < shape.rank; ++i) {
      auto extent = value_of(shape.dims[i], binding);
      if (!extent || *extent < 1) return false;
      elements *= *extent;
    }
    if (elements > most_elements) return false;
    if (node.op != OpCode::slice) continue;
    auto begin = value_of(node.dims[0], binding), end = value_of(node.dims[1], binding);
    auto whole = value_of(this->shape(node.inputs[0].node)[int(node.ints[0])], binding);
    if (!begin || !end || *begin < 0 || *end > *whole) return false;
  }
  return true;
}

int RandomGraph::add(graph::OwnedNode node, std::vector<int> operands, TensorType declared) {
  std::vector<const TensorType*> pointers;
  std::vector<TensorType> types;
  std::vector<Facts> known;
  for (int x : operands) {
    if (x < 0) return -1;
    node.inputs.push_back({x, 0});
    types.push_back(type(x));
    known.push_back(body->facts[std::size_t(x)]);
  }
  for (const TensorType& t : types) pointers.push_back(&t);
  graph::Attributes with{node.ints.data(), int(node.ints.size()), node.dims.data(),
                         int(node.dims.size()), node.reals.data(), int(node.reals.size())};
  graph::Inferred r =
      graph::infer(node.op, {pointers.data(), int(pointers.size())}, with, declared);
  if (r.problem) return -1;
  node.results = {r.type};
  if (!fits(node)) return -1;
  auto facts = facts_of(node, types, known, bindings);
  if (!facts) return -1;
  body->function.nodes.push_back(std::move(node));
  body->facts.push_back(*facts);
  return int(body->facts.size()) - 1;
}

int RandomGraph::apply(OpCode op, std::vector<int> operands, std::vector<std::int64_t> ints,
                       std::vector<Dim> dims, std::vector<double> reals) {
  graph::OwnedNode n = node_of(op);
  n.ints = std::move(ints);
  n.dims = std::move(dims);
  n.reals = std::move(reals);
  return add(std::move(n), std::move(operands));
}
int RandomGraph::to_shape(OpCode op, int x, const Shape& shape) {
  return x < 0 ? -1 : add(node_of(op), {x}, {type(x).dtype, shape});
}
int RandomGraph::to_type(int x, DType dtype) {
  if (x < 0 || type(x).dtype == dtype) return x;
  return add(node_of(OpCode::cast), {x}, {dtype, {}});
}

int RandomGraph::append(graph::OwnedNode node, TensorType type, Facts facts) {
  node.results = {type};
  if (!fits(node)) return -1;
  body->function.nodes.push_back(std::move(node));
  body->facts.push_back(facts);
  return int(body->facts.size()) - 1;
}
int RandomGraph::input(int index, const Facts& facts) {
  graph::OwnedNode n = node_of(OpCode::input);
  n.ints = {index};
  return append(std::move(n), body->function.arguments[std::size_t(index)], facts);
}
int RandomGraph::parameter(const Shape& shape) {
  graph::OwnedNode n = node_of(OpCode::parameter);
  n.name = "p" + std::to_string(names++);
  return append(std::move(n), {DType::f32, shape}, {-0.5, 0.5});  // formula.h's "anything else"
}
// Constant numbers 0 … choices - 1.
int RandomGraph::table(DType dtype, const Shape& shape, int choices) {
  graph::OwnedNode n = node_of(OpCode::buffer);
  n.name = "t" + std::to_string(names++);
  const std::int64_t count = element_count(shape).constant;
  n.data.resize(std::size_t(count) * size_of(dtype));
  for (std::int64_t i = 0; i < count; ++i)  // little endian: the low byte is the number
    n.data[std::size_t(i) * size_of(dtype)] = std::byte(pick(choices));
  return append(std::move(n), {dtype, shape}, {0, double(choices - 1)});
}
int RandomGraph::constant(double value, DType dtype) {
  graph::OwnedNode n = node_of(OpCode::constant);
  n.reals = {value};
  return append(std::move(n), {dtype, {}}, {value, value});
}
int RandomGraph::position(int rank, int axis, const Dim& extent) {
  graph::OwnedNode n = node_of(OpCode::position);
  n.ints = {axis};
  TensorType type{DType::i64, {}};
  for (int i = 0; i < rank; ++i) type.shape.append(i == axis ? extent : Dim(1));
  return append(std::move(n), type, {0, double(largest(extent, bindings) - 1)});
}

int RandomGraph::extent(const Dim& dim) {
  graph::OwnedNode n = node_of(OpCode::extent);
  n.dims = {dim};
  return append(std::move(n), {DType::i64, {}},
                {double(smallest(dim, bindings)), double(largest(dim, bindings))});
}

int RandomGraph::any() {
  const int n = int(body->facts.size());
  return chance(60) ? n - 1 - pick(std::min(n, 4)) : pick(n);
}
int RandomGraph::any(DType dtype) {
  for (int tries = 0; tries < 20; ++tries)
    if (int x = any(); type(x).dtype == dtype && !std::isinf(body->facts[std::size_t(x)].low))
      return x;
  return -1;
}

int RandomGraph::beside(int x) {
  if (x < 0) return -1;
  const DType dtype = type(x).dtype;
  if (chance(40)) return any(dtype);
  if (is_integer(dtype)) {
    if (chance(60)) return constant(one_of({1, 2, 3, -4, -5}), dtype);
    return to_type(extent(one_of({B, T, T + 1})), dtype);
  }
  if (dtype == DType::boolean) return condition(x);
  if (chance(25)) return to_type(constant((pick(33) - 16) / 8.0), dtype);
  Shape other;  // some of x's trailing axes, others 1
  const Shape& own = shape(x);
  for (int i = pick(own.rank + 1); i < own.rank; ++i)
    other.append(own.dims[i].is_static() && chance(80) ? own.dims[i] : Dim(1));
  return to_type(parameter(other), dtype);
}

int RandomGraph::condition(int x) {
  if (x < 0) return -1;
  const Shape own = shape(x);
  switch (pick(5)) {
    case 0: return any(DType::boolean);
    case 1: {
      if (own.rank < 2) return -1;
      int a = own.rank - 1, b = pick(own.rank - 1);
      return apply(one_of({OpCode::le, OpCode::lt, OpCode::eq, OpCode::ge}),
                   {position(own.rank, a, own[a]), position(own.rank, b, own[b])});
    }
    case 2: {
      if (own.rank < 1) return -1;
      int axis = pick(own.rank);
      return apply(one_of({OpCode::gt, OpCode::ne}),
                   {position(own.rank, axis, own[axis]), constant(pick(9), DType::i64)});
    }
    case 3: {
      int y = any_float();
      return apply(one_of({OpCode::lt, OpCode::ge}), {y, constant((pick(17) - 8) / 8.0)});
    }
    default: {
      int c = any(DType::boolean);
      return chance(50) ? apply(OpCode::logical_not, {c})
                        : apply(one_of({OpCode::logical_and, OpCode::logical_or}),
                                {c, any(DType::boolean)});
    }
  }
}

// ---- functions ----------------------------------------------------------------------------------

// A block [B, T, C] → [B, T, C] that the network may call or repeat.
void RandomGraph::make_callee() {
  Body block;
  body = &block;
  const TensorType carried{DType::f32, shape_of({B, T, odd_size()})};
  block.function.name = "block";
  block.function.arguments = {carried};
  input(0, {-2, 2});
  make_body(1 + pick(5));
  int last = -1;
  for (int i = 1; i < int(block.facts.size()); ++i)
    if (type(i) == carried && !std::isinf(block.facts[std::size_t(i)].low)) last = i;
  if (last < 0) last = apply(OpCode::tanh, {0});
  block.function.results = {{last, 0}};
  block_facts = std::move(block.facts);
  module.functions.push_back(std::move(block.function));
}

// A cell [B, C], [B, C] → [B, C] that the network may scan with.
void RandomGraph::make_cell() {
  Body cell;
  body = &cell;
  const TensorType row{DType::f32, shape_of({B, odd_size()})};
  cell.function.name = "cell";
  cell.function.arguments = {row, row};
  input(0, {-1, 1});
  input(1, {-2, 2});
  make_body(1 + pick(4));
  int last = 1;
  for (int i = 2; i < int(cell.facts.size()); ++i)
    if (type(i) == row && !std::isinf(cell.facts[std::size_t(i)].low)) last = i;
  const int sum = apply(OpCode::add, {last, 0});
  last = apply(OpCode::tanh, {sum < 0 ? 0 : sum});
  cell.function.results = {{last, 0}};
  block_facts = std::move(cell.facts);
  module.functions.push_back(std::move(cell.function));
}

// Facts of the callee's result.
std::optional<Facts> RandomGraph::through_callee(const std::vector<Facts>& arguments) const {
  const graph::OwnedFunction& callee = module.functions[0];
  std::vector<Facts> inner;
  for (const graph::OwnedNode& node : callee.nodes) {
    std::vector<TensorType> types;
    std::vector<Facts> known;
    for (const graph::Value& v : node.inputs) {
      types.push_back(callee.nodes[std::size_t(v.node)].results[0]);
      known.push_back(inner[std::size_t(v.node)]);
    }
    auto facts = is_leaf(node) ? std::optional(block_facts[inner.size()])
                               : facts_of(node, types, known, bindings);
    if (node.op == OpCode::input) facts = arguments[std::size_t(node.ints[0])];
    if (!facts) return {};
    inner.push_back(*facts);
  }
  return inner[std::size_t(callee.results[0].node)];
}

int RandomGraph::called() {
  if (module.functions.empty() || body->function.name != "network") return -1;
  const graph::OwnedFunction& callee = module.functions[0];
  TensorType wanted = callee.arguments[0];
  if (callee.name == "cell") wanted.shape = shape_of({B, T, wanted.shape[1]});
  int x = -1;
  for (int i = int(body->facts.size()) - 1; i >= 0 && x < 0; --i)
    if (type(i) == wanted && chance(70)) x = i;
  if (x < 0) return -1;
  if (callee.name == "cell") return scanned(x);
  graph::OwnedNode n = node_of(chance(50) ? OpCode::call : OpCode::repeat);
  n.name = chance(80) ? "m" + std::to_string(names++) : "";
  n.callee = 0;
  if (n.op == OpCode::repeat) n.times = 1 + pick(3);
  n.inputs = {{x, 0}};
  std::optional<Facts> carried = body->facts[std::size_t(x)];
  for (std::int64_t turn = 0; turn < std::max<std::int64_t>(n.times, 1) && carried; ++turn)
    carried = through_callee({*carried});
  return carried ? append(std::move(n), callee.arguments[0], *carried) : -1;
}

// x [B, T, C] as what is scanned, the cell's other argument as its state or held.
int RandomGraph::scanned(int x) {
  const int other = apply(OpCode::mean, {x}, {1, 0});
  if (other < 0) return -1;
  const bool state = chance(60);
  if (state && names % 3 == 0) return looped(other);
  graph::OwnedNode n = node_of(OpCode::scan);
  n.name = chance(80) ? "m" + std::to_string(names++) : "";
  n.callee = 0;
  n.ints = {state, 1, 1, pick(2)};
  n.dims = {T};
  n.inputs = {{other, 0}, {x, 0}};
  if (!state) std::swap(n.inputs[0], n.inputs[1]);
  const Facts of_x = body->facts[std::size_t(x)], of_other = body->facts[std::size_t(other)];
  if (!state) {
    const auto each = through_callee({of_x, of_other});
    return each ? append(std::move(n), type(x), *each) : -1;
  }
  std::optional<Facts> carried = of_other;
  for (std::int64_t turn = largest(T, bindings); turn > 0 && carried; --turn)
    carried = through_callee({*carried, of_x});
  return carried ? append(std::move(n), type(other), *carried) : -1;
}

// h [B, C] as the cell's state, and held, in a loop that stops behind two turns or is cut off
// before.
int RandomGraph::looped(int h) {
  const TensorType row = type(h), count{DType::i64, {}};
  const Facts of_h = body->facts[std::size_t(h)];
  Body turn;
  Body* const network = std::exchange(body, &turn);
  turn.function.name = "turn";
  turn.function.arguments = {row, count, row};
  for (int i = 0; i < 3; ++i) input(i, {0, 6});
  graph::OwnedNode call = node_of(OpCode::call);
  call.callee = 0;
  call.inputs = {{0, 0}, {2, 0}};
  const int next = append(std::move(call), row, {-1, 1}),
            turns = apply(OpCode::add, {1, constant(1, DType::i64)}),
            going = apply(OpCode::lt, {turns, constant(2, DType::i64)});
  body = network;
  if (next < 0 || turns < 0 || going < 0) return -1;
  turn.function.results = {{next, 0}, {turns, 0}, {going, 0}};
  graph::OwnedNode n = node_of(OpCode::loop);
  n.name = "m" + std::to_string(names++);
  n.callee = int(module.functions.size());
  n.ints = {2, 0};
  n.dims = {T};
  n.inputs = {{h, 0}, {constant(0, DType::i64), 0}, {h, 0}};
  std::optional<Facts> carried = of_h;
  for (std::int64_t t = std::min<std::int64_t>(2, largest(T, bindings)); t > 0 && carried; --t)
    carried = through_callee({*carried, of_h});
  const int made = carried ? append(std::move(n), row, *carried) : -1;
  if (made < 0) return -1;
  body->function.nodes.back().results.insert(body->function.nodes.back().results.end(), 2, count);
  module.functions.push_back(std::move(turn.function));
  return made;
}

void RandomGraph::make_inputs() {
  const Shape image = shape_of({B, one_of({1, 2, 3, 4}), one_of({Dim(5), Dim(8), T}), 7});
  const TensorType choices[] = {
      {DType::i64, shape_of({B, T})},    {DType::i32, shape_of({T})},
      {DType::boolean, shape_of({B, 1, T})}, {DType::boolean, shape_of({T, T})},
      {DType::f32, shape_of({T, odd_size()})}, {DType::f32, image},
      {DType::f16, shape_of({B, T, 3})}, {DType::bf16, shape_of({T, 5})},
      {DType::i8, shape_of({T, 4})}};
  Dim features = module.functions.empty() ? Dim(odd_size())
                                          : module.functions[0].arguments[0].shape[-1];
  body->function.arguments = {{DType::f32, shape_of({B, T, features})}};
  for (const TensorType& type : choices)
    if (chance(25)) body->function.arguments.push_back(type);
  for (int i = 0; i < int(body->function.arguments.size()); ++i) {
    const DType dtype = body->function.arguments[std::size_t(i)].dtype;
    if (dtype == DType::boolean) input(i, {0, 1});
    else if (is_integer(dtype)) input(i, {0, 6});
    else input(i, {-2, 2, 0, true});
    module.input_names.push_back("x" + std::to_string(i));
  }
}

void RandomGraph::make_body(int steps) {
  for (int tries = 0; steps > 0 && tries < 200; ++tries)
    if (step() >= 0) --steps;
}

// Whatever nobody reads, so that everything is observed; now and then something that is read, too.
void RandomGraph::make_results() {
  std::vector<graph::OwnedNode>& nodes = body->function.nodes;
  if (chance(30))
    for (int n = 1 + pick(2); n > 0; --n) {
      graph::OwnedNode probe = node_of(OpCode::probe);
      probe.name = "probe" + std::to_string(names++);
      if (int x = any(); !is_leaf(nodes[std::size_t(x)])) add(std::move(probe), {x});
    }
  std::vector<bool> is_read(nodes.size());
  for (const graph::OwnedNode& n : nodes)
    for (const graph::Value& v : n.inputs) is_read[std::size_t(v.node)] = true;
  for (int i = 0; i < int(nodes.size()); ++i) {
    if (nodes[std::size_t(i)].op == OpCode::probe && chance(50))
      probes.push_back(nodes[std::size_t(i)].name);
    if (!is_leaf(nodes[std::size_t(i)]) && (!is_read[std::size_t(i)] || chance(8)) &&
        body->function.results.size() < 16)
      body->function.results.push_back({i, 0});
  }
  if (body->function.results.empty()) body->function.results.push_back({0, 0});
  if (chance(5)) body->function.results.push_back(body->function.results[0]);
  if (chance(5)) body->function.results.push_back({any(), 0});
}

}  // namespace heed::test
