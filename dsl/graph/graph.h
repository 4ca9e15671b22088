// CONTRACT 1: a network as plain data, from the DSL to the compiler. Written by dsl/flatten.h as
// constant tables, carried as versioned bytes (bytes.h), checked again by the shape rules (rules.h)
// when read.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "heed/dsl/graph/op.h"
#include "heed/dsl/graph/shape.h"

namespace heed::graph {

inline constexpr std::uint32_t format_version = 1;

// Result `result` of node `node` of the same function.
struct Value {
  std::int32_t node = 0, result = 0;
  constexpr bool operator==(const Value&) const = default;
};

// ---- constant tables, as the DSL emits them -----------------------------------------------------

struct Function;

// Fills a buffer's elements (count of them, dtype as declared) at run time; see `buffer` in the
// DSL.
using Fill = void (*)(void* elements, std::int64_t count);

struct Node {
  OpCode op{};
  const char* name = "";             // parameter, buffer, probe, call, repeat, scan or loop
  const Value* inputs = nullptr;
  int input_count = 0;
  const TensorType* results = nullptr;
  int result_count = 0;
  const Function* callee = nullptr;  // call, repeat, scan, loop
  std::int64_t times = 0;            // repeat
  const std::int64_t* ints = nullptr;
  int int_count = 0;
  const Dim* dims = nullptr;
  int dim_count = 0;
  const double* reals = nullptr;
  int real_count = 0;
  Fill fill = nullptr;               // buffer
  // parameter, call: another node declares these names; not encoded
  bool tied = false;
};

struct Function {
  const char* name = "";             // the module's name, for messages and symbols
  const TensorType* arguments = nullptr;
  int argument_count = 0;
  const Node* nodes = nullptr;       // operands come before users
  int node_count = 0;
  const Value* results = nullptr;
  int result_count = 0;
};

// ---- the same, owned, as read from bytes --------------------------------------------------------

struct OwnedNode {
  OpCode op{};
  std::string name;
  std::vector<Value> inputs;
  std::vector<TensorType> results;
  std::int32_t callee = -1;          // index into Module::functions, smaller than the caller's own
  std::int64_t times = 0;
  std::vector<std::int64_t> ints;
  std::vector<Dim> dims;
  std::vector<double> reals;
  std::vector<std::byte> data;       // buffer
};

struct OwnedFunction {
  std::string name;
  std::vector<TensorType> arguments;
  std::vector<OwnedNode> nodes;
  std::vector<Value> results;
};

struct Module {
  std::vector<OwnedFunction> functions;  // callees first; the last one is the network
  std::vector<std::string> input_names;  // of the network's arguments
};

}  // namespace heed::graph
