// Contract 1 as bytes: what is written reads back equal, and whatever else arrives is refused with
// a sentence.
#include "heed/dsl/graph/bytes.h"

#include <doctest/doctest.h>

#include <set>

#include "heed/dsl/nn/vision_transformer.h"
#include "random_module.h"

using namespace heed;
using graph::Module;
using graph::OwnedNode;

namespace {

constexpr dim B{"B"}, T{"T"};
using Bytes = std::vector<std::byte>;

const graph::Function& attention() {
  return graph_of<nn::multi_head_attention<64, 4, nn::causal>, tensor<f32, B, T, 64>>;
}
const graph::Function& vit_digits() {
  return graph_of<nn::vision_transformer<8, 2, 1, 64, 4, 4, 128, 10>, tensor<f32, B, 1, 8, 8>>;
}

// Either refused with a sentence, or the canonical bytes of what was read.
bool sound(const Bytes& bytes) {
  graph::Decoded d = graph::decode(bytes);
  if (!d) return d.error.starts_with("graph: ") && d.error.size() > 10;
  return d.error.empty() && graph::encode(*d.module) == bytes;
}

// The error after a change to an otherwise valid module.
template <class Change>
std::string error_after(Change change) {
  Module m = graph::module_of(attention(), {"x"});
  change(m);
  return graph::decode(graph::encode(m)).error;
}
OwnedNode& node(Module& m, OpCode op) {
  for (OwnedNode& n : m.functions.back().nodes)
    if (n.op == op) return n;
  throw "no such node";
}

}  // namespace

TEST_CASE("what is written reads back equal") {
  for (const graph::Function* f : {&attention(), &vit_digits()}) {
    Bytes bytes = graph::encode(*f, {"x"});
    graph::Decoded d = graph::decode(bytes);
    REQUIRE_MESSAGE(d, d.error);
    CHECK(graph::encode(*d.module) == bytes);
    CHECK(d.module->input_names == std::vector<std::string>{"x"});
  }
  CHECK(graph::module_of(attention()).input_names == std::vector<std::string>{"x0"});
}

TEST_CASE("random modules read back equal, and every op occurs among them") {
  std::set<OpCode> seen;
  for (unsigned seed = 0; seed < 400; ++seed) {
    Module m = graph::RandomModule(seed).make();
    Bytes bytes = graph::encode(m);
    graph::Decoded d = graph::decode(bytes);
    REQUIRE_MESSAGE(d, d.error, "\n", graph::text_of(m));
    CHECK(graph::encode(*d.module) == bytes);
    CHECK(graph::text_of(*d.module) == graph::text_of(m));
    for (const auto& f : m.functions)
      for (const auto& n : f.nodes) seen.insert(n.op);
  }
  for (const OpInfo& row : op_table) CHECK_MESSAGE(seen.contains(row.code), row.name);
}

TEST_CASE("every truncation is refused") {
  Bytes bytes = graph::encode(attention());
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    graph::Decoded d = graph::decode(std::span(bytes).first(n));
    REQUIRE_MESSAGE(!d, "cut to ", n);
  }
  bytes.push_back({});
  CHECK(graph::decode(bytes).error == "graph: has bytes after its end");
}

TEST_CASE("every corrupted byte is refused or read as what it says") {
  Bytes bytes = graph::encode(attention());
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (int flip : {0x01, 0x80, 0xff}) {
      Bytes wrong = bytes;
      wrong[i] ^= std::byte(flip);
      REQUIRE_MESSAGE(sound(wrong), "byte ", i, " xor ", flip);
    }
}

TEST_CASE("random bytes and random edits do no harm") {
  std::mt19937 random(3);
  Bytes bytes = graph::encode(vit_digits());
  for (int round = 0; round < 1500; ++round) {
    Bytes wrong = bytes;
    for (int edits = 1 + int(random() % 4); edits > 0; --edits) {
      std::size_t at = random() % wrong.size();
      switch (random() % 4) {
        case 0: wrong[at] = std::byte(random()); break;
        case 1: wrong.erase(wrong.begin() + std::ptrdiff_t(at)); break;
        case 2: wrong.insert(wrong.begin() + std::ptrdiff_t(at), std::byte(random())); break;
        default:
          for (std::size_t k = at; k < std::min(at + 8, wrong.size()); ++k)
            wrong[k] = std::byte(0xff);
      }
    }
    REQUIRE(sound(wrong));
  }
  for (int round = 0; round < 2000; ++round) {
    Bytes noise(random() % 200);
    for (std::byte& b : noise) b = std::byte(random());
    if (round % 2) {
      Bytes head = graph::encode(Module{});
      noise.insert(noise.begin(), head.begin(), head.begin() + 12);
    }
    REQUIRE(sound(noise));
  }
}

namespace {

struct doubled {
  constexpr auto operator()(expression auto x) const {
    return parts{x * scalar<2>, max<-1>(x), x < scalar<9>};
  }
};
struct doubled_until {
  loop<"run", doubled, T, 0> run;
  constexpr auto operator()(expression auto x) const {
    auto [last, largest, turns] = run(states(x));
    return parts{last, largest, turns};
  }
};
std::string error_of_loop(auto change) {
  Module m = graph::module_of(graph_of<doubled_until, tensor<f32, B, T>>, {"x"});
  change(m, node(m, OpCode::loop));
  return graph::decode(graph::encode(m)).error;
}

}  // namespace

TEST_CASE("a loop's violations have their sentences") {
  CHECK(error_of_loop([](Module&, OwnedNode&) {}) == "");
  CHECK(error_of_loop([](Module&, OwnedNode& n) {
          n.ints[0] = 3;
        }).ends_with("'loop': counts more states than there are"));
  CHECK(error_of_loop([](Module&, OwnedNode& n) {
          n.ints[1] = 2;
        }).ends_with("result 1: axis is out of range: 2 vs 2"));
  CHECK(error_of_loop([](Module&, OwnedNode& n) {
          n.dims[0] = B;
        }).ends_with("result 1: a type differs from the callee's"));
  CHECK(error_of_loop([](Module&, OwnedNode& n) {
          n.results.back().dtype = DType::i32;
        }).ends_with("the last result does not count turns"));
  CHECK(error_of_loop([](Module& m, OwnedNode&) {
          m.functions[0].results.back() = m.functions[0].results[0];
        }).ends_with("the callee says not by bools whether to go on"));
  CHECK(error_of_loop([](Module&, OwnedNode& n) {
          n.results.pop_back();
        }).ends_with("callee has another number of results"));
}

TEST_CASE("each violation has its sentence") {
  CHECK(graph::decode({}).error == "graph: ends too early");
  Bytes bytes = graph::encode(attention());
  bytes[0] = std::byte('X');
  CHECK(graph::decode(bytes).error == "graph: is not a graph");
  bytes = graph::encode(attention());
  bytes[8] = std::byte(9);
  CHECK(graph::decode(bytes).error == "graph: has format version 9, this build reads 1");

  auto at = [](const char* rest) {
    return std::string("graph: function 1 'multi_head_attention': ") + rest;
  };
  CHECK(error_after([](Module&) {}) == "");
  CHECK(error_after([](Module& m) { m.functions.clear(); }) == "graph: has no function");
  CHECK(error_after([](Module& m) { m.functions.back().results.clear(); }) == at("has no result"));
  CHECK(error_after([](Module& m) { m.functions.back().results[0].node = 99; }) ==
        at("a result refers to nothing"));
  CHECK(error_after([](Module& m) { m.functions.back().name = "a b"; }).ends_with("bad name"));
  CHECK(error_after([](Module& m) { m.input_names.clear(); }) ==
        "graph: has another number of input names than inputs");
  CHECK(error_after([](Module& m) { m.input_names = {""}; }) == "graph: bad input name");
  CHECK(error_after([](Module& m) { node(m, OpCode::softmax).inputs[0].node = 40; })
            .ends_with("'softmax': an operand does not come before its user"));
  CHECK(error_after([](Module& m) { node(m, OpCode::softmax).inputs[0].node = -1; })
            .ends_with("an operand does not come before its user"));
  CHECK(error_after([](Module& m) {
          node(m, OpCode::softmax).inputs.clear();
        }).ends_with("wrong number of operands"));
  CHECK(error_after([](Module& m) {
          node(m, OpCode::softmax).ints = {7};
        }).ends_with("axis is out of range: 7 vs 4"));
  CHECK(error_after([](Module& m) {
          node(m, OpCode::softmax).ints = {1, 2};
        }).ends_with("wrong number of attributes"));
  CHECK(error_after([](Module& m) { node(m, OpCode::softmax).results[0].dtype = DType(99); }) ==
        "graph: has an unknown dtype");
  CHECK(error_after([](Module& m) { node(m, OpCode::softmax).results[0].dtype = DType::f16; })
            .ends_with("declares f16[B, 4, T, T], is f32[B, 4, T, T]"));
  CHECK(error_after([](Module& m) {
          node(m, OpCode::softmax).results.clear();
        }).ends_with("wrong number of results"));
  CHECK(error_after([](Module& m) {
          node(m, OpCode::softmax).name = "x";
        }).ends_with("has a name but needs none"));
  CHECK(error_after([](Module& m) {
          node(m, OpCode::softmax).data.resize(1);
        }).ends_with("has data but needs none"));
  CHECK(
      error_after([](Module& m) { node(m, OpCode::softmax).callee = 0; }).ends_with("bad callee"));
  CHECK(error_after([](Module& m) {
          node(m, OpCode::softmax).times = 1;
        }).ends_with("bad number of repeats"));
  CHECK(error_after([](Module& m) {
          node(m, OpCode::softmax).op = OpCode(999);
        }).ends_with("'?': unknown op"));
  CHECK(error_after([](Module& m) {
          node(m, OpCode::parameter).name = "";
        }).ends_with("needs a name"));
  CHECK(error_after([](Module& m) {
          node(m, OpCode::input).ints = {1};
        }).ends_with("no such argument"));
  CHECK(error_after([](Module& m) { node(m, OpCode::call).callee = 1; })
            .ends_with("a callee does not come before its caller"));
  CHECK(error_after([](Module& m) { node(m, OpCode::call).inputs.push_back({0, 0}); })
            .ends_with("callee takes another number of arguments"));
  CHECK(error_after([](Module& m) { node(m, OpCode::call).inputs[0] = {0, 0}; })
            .ends_with("callee takes another type as argument 0"));
  CHECK(error_after([](Module& m) { node(m, OpCode::call).results[0].shape.dims[0] = T; })
            .ends_with("callee has another type as result 0"));
  CHECK(error_after([](Module& m) { m.functions.back().arguments[0].shape.dims[0] = Dim(4); })
            .ends_with("dimension B is in no input of the network"));
  CHECK(error_after([](Module& m) {
          m.functions.back().arguments[0].shape.dims[0].terms[0].num = 0;
        }).ends_with("a dimension is not in canonical form"));
  CHECK(error_after([](Module& m) {
          node(m, OpCode::parameter).results[0].shape.dims[0] = Dim(INT64_MAX);
        }).ends_with("a dimension is not in canonical form"));
}

TEST_CASE("graphs that would grow without bound are refused") {
  // f0 is one node; each further function calls the one before it twice.
  Module m;
  TensorType type{DType::f32, {1, {Dim(4)}}};
  auto input = [&] {
    OwnedNode n;
    n.op = OpCode::input;
    n.ints = {0};
    n.results = {type};
    return n;
  };
  m.functions.push_back({"f0", {type}, {input()}, {{0, 0}}});
  for (int i = 1; i < 60; ++i) {
    graph::OwnedFunction f{"f", {type}, {input()}, {{2, 0}}};
    for (int k = 0; k < 2; ++k) {
      OwnedNode call;
      call.op = OpCode::call;
      call.callee = i - 1;
      call.inputs = {{k, 0}};
      call.results = {type};
      f.nodes.push_back(call);
    }
    m.functions.push_back(f);
  }
  m.input_names = {"x"};
  CHECK(graph::decode(graph::encode(m)).error.ends_with("'call': grows too large"));
}

TEST_CASE("more nodes or types than a module may hold, none of its lists being too long") {
  const auto error_of = [](std::size_t functions, std::size_t nodes, std::size_t results) {
    OwnedNode n;
    n.op = OpCode::input;
    n.results.assign(results, {DType::f32, {1, {Dim(4)}}});
    graph::OwnedFunction f{"f", {}, {}, {}};
    f.nodes.assign(nodes, n);
    Module m;
    m.functions.assign(functions, f);
    return graph::decode(graph::encode(m)).error;
  };
  CHECK(error_of(2, graph::limit::nodes / 2 + 1, 0).ends_with("has too many nodes"));
  CHECK(error_of(1, graph::limit::nodes / 32 + 1, 32).ends_with("has too many types"));
}

TEST_CASE("parameters in order of first use") {
  std::vector<graph::Parameter> all = graph::manifest(graph::module_of(vit_digits()));
  constexpr auto& m =
      manifest<nn::vision_transformer<8, 2, 1, 64, 4, 4, 128, 10>, tensor<f32, B, 1, 8, 8>>;
  REQUIRE(all.size() == std::size_t(m.size));
  for (int i = 0; i < m.size; ++i) {
    CHECK(all[std::size_t(i)].name == m.name(i));
    CHECK(all[std::size_t(i)].type == m.type(i));
  }
  CHECK(all[0].name == "cls_token");
  CHECK(all[4].name == "blocks.0.norm1.weight");
}
