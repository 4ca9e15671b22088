// Multi-head attention against torch.nn.MultiheadAttention in float64: odd lengths through symbolic
// dims, cross attention, causal, additive and boolean masks; and that a wrong mask, scale or bias
// is noticed.
#include "golden.h"
#include "heed/dsl/nn/attention.h"

using namespace heed;

namespace {

constexpr dim B{"B"}, T{"T"}, S{"S"};
using Queries = tensor<f32, B, T, 96>;
using Keys = tensor<f32, B, S, 96>;
using Plain = nn::multi_head_attention<96, 3>;
using Causal = nn::multi_head_attention<96, 3, nn::causal>;

struct Case {
  std::string target, fusion;
  Options options() const {
    Options o;
    o.target = target;
    o.fusion = fusion;
    return o;
  }
};

template <class F>
void everywhere(F&& f) {
  for (const std::string& target : golden::targets())
    for (const char* fusion : {"none", "layout", "all"}) {
      std::printf("target %s fusion %s\n", target.c_str(), fusion);
      f(Case{target, fusion});
    }
}

Tensor queries(const std::string& name, std::int64_t length) {
  return golden::formula_tensor(name + ".query", {3, length, 96});
}

}  // namespace

TEST_CASE("self-attention of any length is one program") {
  Checkpoint expected = golden::reference("mha.safetensors");
  everywhere([&](const Case& c) {
    Program program = load<Plain, Queries>(c.options());
    Session session = program.bind(formula_checkpoint(program.parameters()));
    for (std::int64_t length : {1, 7, 33, 197}) {
      std::string name = "self_" + std::to_string(length);
      Tensor out = session.run(queries(name, length));
      golden::check(name.c_str(), out.as<float>(), expected.read(name + ".output").as<float>());
    }
  });
}

TEST_CASE("cross attention of unequal lengths, and its weights") {
  Checkpoint expected = golden::reference("mha.safetensors");
  everywhere([&](const Case& c) {
    Options options = c.options();
    options.probes = {"attention"};
    Program program = load<Plain, Queries, Keys>(options);
    Session session = program.bind(formula_checkpoint(program.parameters()));
    for (auto [t, s] : {std::pair<std::int64_t, std::int64_t>{7, 33}, {33, 7}}) {
      std::string name = "cross_" + std::to_string(t) + "_" + std::to_string(s);
      Tensor memory = golden::formula_tensor(name + ".key", {3, s, 96});
      Results results = session.run(queries(name, t), memory);
      golden::check(name.c_str(), results[0].as<float>(),
                    expected.read(name + ".output").as<float>());
      if (t == 7)
        golden::check("weights", results.probe("attention").as<float>(),
                      expected.read(name + ".weights").as<float>());
    }
  });
}

TEST_CASE("causal mask by positions") {
  Checkpoint expected = golden::reference("mha.safetensors");
  everywhere([&](const Case& c) {
    Program program = load<Causal, Queries>(c.options());
    Session session = program.bind(formula_checkpoint(program.parameters()));
    Tensor out = session.run(queries("causal_33", 33));
    golden::check("causal_33", out.as<float>(), expected.read("causal_33.output").as<float>());
  });
}

TEST_CASE("additive mask") {
  Checkpoint expected = golden::reference("mha.safetensors");
  everywhere([&](const Case& c) {
    Program program = load<Plain, Queries, Queries, Queries, tensor<f32, T, T>>(c.options());
    Session session = program.bind(formula_checkpoint(program.parameters()));
    Tensor x = queries("additive_33", 33),
           mask = golden::formula_tensor("additive_33.mask", {33, 33});
    Tensor out = session.run(x, x, x, mask);
    golden::check("additive_33", out.as<float>(), expected.read("additive_33.output").as<float>());
  });
}

TEST_CASE("boolean key mask") {
  Checkpoint expected = golden::reference("mha.safetensors");
  Tensor numbers = golden::formula_tensor("key_mask_33.mask", {3, 33});
  Tensor mask(DType::boolean, {3, 1, 1, 33});
  for (std::int64_t i = 0; i < 3 * 33; ++i)
    mask.as<bool>()[i] = !(numbers.as<float>()[i] < 0 && i % 33 > 0);
  everywhere([&](const Case& c) {
    Program program =
        load<Plain, Queries, Queries, Queries, tensor<boolean, B, 1, 1, T>>(c.options());
    Session session = program.bind(formula_checkpoint(program.parameters()));
    Tensor x = queries("key_mask_33", 33);
    Tensor out = session.run(x, x, x, mask);
    golden::check("key_mask_33", out.as<float>(), expected.read("key_mask_33.output").as<float>());
  });
}

namespace {

// formula weights with one tensor changed
Checkpoint changed(const Program& program, const std::string& name, float factor, float offset) {
  Checkpoint formula = formula_checkpoint(program.parameters());
  std::vector<Tensor> tensors;
  std::vector<NamedTensor> named;
  for (const StoredTensor& t : formula.tensors()) tensors.push_back(formula.read(t.name));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (formula.tensors()[i].name == name)
      for (float& v : tensors[i].as<float>()) v = v * factor + offset;
    named.push_back({formula.tensors()[i].name, &tensors[i]});
  }
  std::string path = "golden_changed.safetensors";
  save_safetensors(path, named);
  return Checkpoint::open(path);
}

}  // namespace

TEST_CASE("a wrong mask, scale or bias fails") {
  Checkpoint expected = golden::reference("mha.safetensors");
  Tensor x = queries("causal_33", 33);
  auto wrong = [&](const Program& program, const Checkpoint& weights) {
    Session session = program.bind(weights);
    Tensor out = session.run(x);
    CHECK_FALSE(golden::compare(out.as<float>(), expected.read("causal_33.output").as<float>())
                    .within(10 * golden::f32_tolerance));
  };
  Program plain = load<Plain, Queries>(), causal = load<Causal, Queries>();
  wrong(plain, formula_checkpoint(plain.parameters()));              // the mask left out
  wrong(causal, changed(causal, "in_proj_weight", 1.001f, 0));       // scores 0.2 % too large
  wrong(causal, changed(causal, "out_proj.bias", 1, 1e-3f));
}
