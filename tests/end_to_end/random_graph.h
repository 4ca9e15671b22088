// Random networks at contract 1, out of all ops of the language, whose results two correct
// implementations agree on within a bound that is known beforehand (value_facts.h).
#pragma once
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "value_facts.h"

namespace heed::test {

inline const Dim B{"B"}, T{"T"};
inline graph::OwnedNode node_of(OpCode op) {
  graph::OwnedNode n;
  n.op = op;
  return n;
}
inline Shape shape_of(std::initializer_list<Dim> dims) {
  Shape shape;
  for (const Dim& d : dims) shape.append(d);
  return shape;
}

// One function being made: its nodes, each with one result, and what is known of them.
struct Body {
  graph::OwnedFunction function;
  std::vector<Facts> facts;  // of each node
};

class RandomGraph {
 public:
  explicit RandomGraph(unsigned seed);

  graph::Module module;
  Bindings bindings;
  std::vector<std::string> probes;
  std::vector<Facts> facts;  // of each node of the network

  double error_of(const graph::Value& v) const { return facts[std::size_t(v.node)].error; }

 private:
  std::mt19937 random;
  Body* body = nullptr;  // the one that proposals go to
  std::vector<Facts> block_facts;  // of the nodes of the function that is called or scanned with
  int names = 0;

  // Chance.
  int pick(int n) { return int(random() % unsigned(n)); }
  bool chance(int percent) { return pick(100) < percent; }
  template <class T>
  T one_of(std::initializer_list<T> choices) {
    return choices.begin()[pick(int(choices.size()))];
  }
  int odd_size() { return one_of({1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 24, 33}); }

  // Nodes; -1 for what the rules or the facts refuse, and where an operand is -1.
  int add(graph::OwnedNode node, std::vector<int> operands, TensorType declared = {});
  int apply(OpCode op, std::vector<int> operands, std::vector<std::int64_t> ints = {},
            std::vector<Dim> dims = {}, std::vector<double> reals = {});
  int to_shape(OpCode op, int x, const Shape& shape);
  int to_type(int x, DType type);
  int append(graph::OwnedNode node, TensorType type, Facts facts);  // what has no rule
  int input(int index, const Facts& facts);
  int parameter(const Shape& shape);
  int table(DType type, const Shape& shape, int choices);
  int constant(double value, DType type = DType::f32);
  int position(int rank, int axis, const Dim& extent);
  int extent(const Dim& dim);

  const TensorType& type(int node) const {
    return body->function.nodes[std::size_t(node)].results[0];
  }
  const Shape& shape(int node) const { return type(node).shape; }
  int any();                // a node, the last ones rather than the first
  int any(DType dtype);     // -1 where there is none
  int any_float() { return any(DType::f32); }
  int any_axis(int node) { return shape(node).rank ? pick(shape(node).rank) : -1; }
  int beside(int x);        // something that broadcasts with x
  int condition(int x);     // a bool that broadcasts with x

  // One step each, -1 where it came to nothing.
  int step();
  int scalar();
  int noisy(int x);         // random numbers along an axis, in x where it is f32
  int guarded();            // a function with a limited domain, its operand moved into it
  int layout();
  int reshaped(int x);
  int sliced(int x);
  int contraction();
  int convolution();
  int pooled();
  int rows();
  int gathered();
  int attention();
  int masked(int scores);
  int called();
  int scanned(int x);
  int looped(int h);
  std::optional<Facts> through_callee(const std::vector<Facts>& arguments) const;

  bool fits(const graph::OwnedNode& node) const;
  void make_inputs();
  void make_body(int steps);
  void make_callee();
  void make_cell();
  void make_results();
};

}  // namespace heed::test
