// A decoder with additive attention, fed with its target, against torch in float64: any number of
// steps and of keys through one program, with the alignment as an output of every step.
#include "golden.h"
#include "heed/dsl/nn/bahdanau_attention.h"
#include "heed/dsl/nn/recurrent_cell.h"

using namespace heed;

namespace {

constexpr dim B{"B"}, T{"T"}, S{"S"};

struct decoder_cell {
  sub<"attention", nn::bahdanau_attention<40, 48, 32>> attention;
  sub<"rnn", nn::gru_cell<24 + 48, 40>> rnn;
  constexpr auto operator()(expression auto h, expression auto x, expression auto memory,
                            expression auto seen) const {
    auto [context, weights] = attention(h, memory, seen);
    auto [next, y] = rnn(h, concat<-1>(x, context));
    return parts{next, y, weights};
  }
};
struct decoder {
  scan<"decoder", decoder_cell> run;
  constexpr auto operator()(expression auto h, expression auto x, expression auto memory,
                            expression auto seen) const {
    auto [last, y, weights] = run(states(h), steps(x), held(memory, seen));
    return parts{y, weights};
  }
};

void check(const std::string& target, const std::string& fusion) {
  std::printf("target %s fusion %s\n", target.c_str(), fusion.c_str());
  Options options;
  options.target = target;
  options.fusion = fusion;
  const Checkpoint expected = golden::reference("bahdanau.safetensors");
  Program program = load<decoder, tensor<f32, B, 40>, tensor<f32, B, T, 24>, tensor<f32, B, S, 48>,
                         tensor<i64, B>>(options);
  Session session = program.bind(formula_checkpoint(program.parameters()));
  for (auto [steps, source] : {std::pair<std::int64_t, std::int64_t>{7, 11}, {12, 5}}) {
    const std::string name = std::to_string(steps) + "_" + std::to_string(source);
    Tensor seen(DType::i64, {3});
    std::ranges::copy(std::vector{source, std::int64_t(1), source - 2},
                      seen.as<std::int64_t>().begin());
    Results results = session.run(golden::formula_tensor(name + ".state", {3, 40}),
                                  golden::formula_tensor(name + ".x", {3, steps, 24}),
                                  golden::formula_tensor(name + ".memory", {3, source, 48}), seen);
    golden::check((name + ".output").c_str(), results[0].as<float>(),
                  expected.read(name + ".output").as<float>());
    golden::check((name + ".weights").c_str(), results[1].as<float>(),
                  expected.read(name + ".weights").as<float>());
  }
}

}  // namespace

TEST_CASE("a decoder that attends at every step") {
  for (const std::string& target : golden::targets()) check(target, "all");
  for (const char* fusion : {"none", "layout"}) check("host", fusion);
}
