// RNN, GRU and LSTM against torch in float64: one program for every length, given states, rows of
// unequal lengths, two layers in both directions; and that a wrong gate is noticed.
#include "golden.h"
#include "heed/dsl/nn/recurrent.h"

using namespace heed;

namespace {

constexpr dim B{"B"}, T{"T"};
constexpr std::int64_t batch = 3, in = 24, hidden = 40;
using Sequence = tensor<f32, B, T, in>;
using Lengths = tensor<i64, B>;
template <int Rows>
using State = tensor<f32, Rows, B, hidden>;

struct Layer {
  std::string name;  // of the torch layer, "gru_deep"
  int states, rows;
  Checkpoint expected = golden::reference("recurrent.safetensors");

  void check(const std::string& name, Results results) const {
    std::vector<std::string> parts{"output", "h", "c"};
    for (int n = 0; n <= states; ++n)
      golden::check((name + "." + parts[n]).c_str(), results[n].as<float>(),
                    expected.read(name + "." + parts[n]).as<float>());
  }
  Tensor state(const std::string& which) const {
    return golden::formula_tensor(which, {rows, batch, hidden}, 1.0f);
  }
};

Tensor lengths_of(std::vector<std::int64_t> steps) {
  Tensor lengths(DType::i64, {batch});
  std::ranges::copy(steps, lengths.as<std::int64_t>().begin());
  return lengths;
}

template <class Model, int States, int Rows>
void check_layer(const std::string& name, const Options& options) {
  const Layer layer{name, States, Rows};
  std::printf("target %s fusion %s\n", options.target.c_str(), options.fusion.c_str());
  auto sequence = [&](const std::string& what, std::int64_t steps) {
    return golden::formula_tensor(name + "_" + what + ".x", {batch, steps, in});
  };
  Program ragged = load<Model, Sequence, Lengths>(options);
  Session session = ragged.bind(formula_checkpoint(ragged.parameters()));
  layer.check(name + "_ragged", session.run(sequence("ragged", 9), lengths_of({4, 9, 1})));
  layer.check(name + "_1", session.run(sequence("1", 1), lengths_of({1, 1, 1})));

  const std::string given = name + "_13";
  Tensor h = layer.state(given + ".h"), c = layer.state(given + ".c");
  auto from_states = [&](const Program& program, const auto&... states) {
    Session other = program.bind(formula_checkpoint(program.parameters()));
    layer.check(given, other.run(sequence("13", 13), states...));
  };
  if constexpr (States == 1) from_states(load<Model, Sequence, State<Rows>>(options), h);
  else from_states(load<Model, Sequence, State<Rows>, State<Rows>>(options), h, c);
}

// Every target fused, and this machine's at every level.
template <class Model, int States, int Rows>
void check_everywhere(const std::string& name) {
  for (const std::string& target : golden::targets())
    for (const char* fusion : {"all", "none", "layout"}) {
      if (std::string(fusion) != "all" && target != "host") continue;
      Options options;
      options.target = target;
      options.fusion = fusion;
      check_layer<Model, States, Rows>(name, options);
    }
}

}  // namespace

TEST_CASE("rnn") {
  check_layer<nn::rnn<in, hidden>, 1, 1>("rnn_plain", {});
  check_everywhere<nn::rnn<in, hidden, 2, true>, 1, 4>("rnn_deep");
}
TEST_CASE("rnn with relu") {
  check_layer<nn::rnn<in, hidden, 1, false, nn::relu_of>, 1, 1>("relu_plain", {});
  check_layer<nn::rnn<in, hidden, 2, true, nn::relu_of>, 1, 4>("relu_deep", {});
}
TEST_CASE("gru") {
  check_layer<nn::gru<in, hidden>, 1, 1>("gru_plain", {});
  check_everywhere<nn::gru<in, hidden, 2, true>, 1, 4>("gru_deep");
}
TEST_CASE("lstm") {
  check_layer<nn::lstm<in, hidden>, 2, 1>("lstm_plain", {});
  check_everywhere<nn::lstm<in, hidden, 2, true>, 2, 4>("lstm_deep");
}

namespace {

// Update gate the wrong way round.
struct wrong_gru_cell {
  using both = nn::detail::gates<in, hidden, 3, "_l0">;
  constexpr auto operator()(expression auto h, expression auto x) const {
    auto [xr, xz, xn] = split<3, -1>(both::of_input(x));
    auto [hr, hz, hn] = split<3, -1>(both::of_state(h));
    auto proposal = tanh(xn + sigmoid(xr + hr) * hn);
    auto next = h + sigmoid(xz + hz) * (proposal - h);
    return parts{next, next};
  }
};
struct wrong_gru {
  scan<"", wrong_gru_cell> cell;
  constexpr auto operator()(expression auto x) const {
    constexpr dim rows = size<0>(x);
    auto [last, all] = cell(states(broadcast_to<rows, hidden>(scalar<0>)), steps(x));
    return parts{all, last};
  }
};

}  // namespace

TEST_CASE("gru: a wrong gate fails") {
  Program program = load<wrong_gru, Sequence>();
  Session session = program.bind(formula_checkpoint(program.parameters()));
  Results results = session.run(golden::formula_tensor("gru_plain_1.x", {batch, 1, in}));
  Tensor expected = golden::reference("recurrent.safetensors").read("gru_plain_1.output");
  CHECK_FALSE(golden::compare(results[0].as<float>(), expected.as<float>())
                  .within(10 * golden::f32_tolerance));
}
