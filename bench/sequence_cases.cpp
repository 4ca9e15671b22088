// Networks that read and write sequences.
#include <cmath>

#include "decoder_reference.h"
#include "heed/dsl/nn/cached_decoder.h"
#include "heed/dsl/nn/encoder_decoder.h"
#include "heed/dsl/nn/recurrent.h"
#include "network_case.h"

namespace heed::bench {
namespace {

constexpr std::int64_t width = 512;

// The outputs of every step.
template <class Layer>
struct outputs_of {
  sub<"", Layer> layer;
  template <expression X>
  constexpr auto operator()(X x) const {
    return layer(x).template get<0>();
  }
};

double sigmoid(double v) { return 1 / (1 + std::exp(-v)); }
// What the gates make of an element's state, in torch's order of them; `memory` is the LSTM's
// alone.
double gru_cell(const double* input, const double* state, double h, double&) {
  const double proposal = std::tanh(input[2] + sigmoid(input[0] + state[0]) * state[2]);
  return proposal + sigmoid(input[1] + state[1]) * (h - proposal);
}
double lstm_cell(const double* input, const double* state, double, double& memory) {
  memory = sigmoid(input[1] + state[1]) * memory +
           sigmoid(input[0] + state[0]) * std::tanh(input[2] + state[2]);
  return sigmoid(input[3] + state[3]) * std::tanh(memory);
}

// The outputs of the first `steps` steps of one row, x: [steps, width], in double.
template <std::size_t Gates>
std::vector<float> recurrent_row(decltype(&gru_cell) cell, std::span<const float> x,
                                 std::int64_t steps) {
  constexpr auto n = std::size_t(width);
  const auto parameter = [](const char* name, std::size_t columns) {
    std::vector<float> values(Gates * n * columns);
    const std::int64_t shape[] = {std::int64_t(Gates * n), std::int64_t(columns)};
    formula_fill(name, std::span(shape, columns > 1 ? 2 : 1), values);
    return values;
  };
  const auto wi = parameter("weight_ih_l0", n), wh = parameter("weight_hh_l0", n),
             bi = parameter("bias_ih_l0", 1), bh = parameter("bias_hh_l0", 1);
  std::vector<double> state(n, 0), next(n), memory(n, 0);
  std::vector<float> outputs;
  for (std::size_t t = 0; t < std::size_t(steps); ++t) {
    for (std::size_t i = 0; i < n; ++i) {
      double of_input[Gates], of_state[Gates];
      for (std::size_t gate = 0; gate < Gates; ++gate) {
        const std::size_t row = gate * n + i;
        of_input[gate] = double(bi[row]);
        of_state[gate] = double(bh[row]);
        for (std::size_t j = 0; j < n; ++j) {
          of_input[gate] += double(wi[row * n + j]) * double(x[t * n + j]);
          of_state[gate] += double(wh[row * n + j]) * state[j];
        }
      }
      next[i] = cell(of_input, of_state, state[i], memory[i]);
    }
    state.swap(next);
    outputs.insert(outputs.end(), state.begin(), state.end());
  }
  return outputs;
}

// A layer: batch 32, 256 steps, 512 features in and 512 hidden.
template <class Layer, std::size_t Gates>
Case recurrent_layer(const std::string& kind, decltype(&gru_cell) cell) {
  constexpr std::int64_t batch = 32, length = 256, checked = 64;
  const std::string name = kind + "_32x256x512";
  Case c{"model", name, [] { return 4e-9 * Gates * batch * length * width * width; }, {}, {}, {}};
  c.load = [](const Options& options) {
    return heed::load<outputs_of<Layer>, tensor<f32, dim("B"), dim("T"), width>>(options);
  };
  c.inputs = [kind](int i) {
    std::vector<Tensor> list;
    list.emplace_back(DType::f32, Sizes{batch, length, width});
    formula_input(kind + std::to_string(i), list.back().as<float>());
    return list;
  };
  c.check = [name, cell](const std::vector<Tensor>& inputs, const Tensor& result) {
    const std::vector<float> expected = recurrent_row<Gates>(cell, inputs[0].as<float>(), checked);
    require_close(result.as<float>().first(expected.size()), expected, name);
  };
  return c;
}

constexpr DecoderSize base{512, 8, 2048, 6};

struct decoder_step {
  sub<"decoder", nn::cached_decoder<base.features, base.heads, base.hidden, base.layers>> decoder;
  constexpr auto operator()(expression auto y, expression auto position, expression auto cache,
                            expression auto memory) const {
    return decoder(y, position, cache, memory);
  }
};

// A token of the Transformer's decoder, base size, behind `position` others, of a source of 128.
Case decode_base(const std::string& name, std::int64_t position) {
  constexpr std::int64_t capacity = 512, source = 128, row = 2 * base.features;
  // Weights, and what is seen of the caches, are read once; the projections of the memory are not
  // in it.
  constexpr double weights =
      double(base.layers) * (6 * base.features * base.features + 2 * base.features * base.hidden);
  const double seen = double(base.layers) * row * double(position + 1 + source);
  Case c{
      "model", name, [=] { return 2e-9 * (weights + seen); }, {}, {}, {}, 4e-9 * (weights + seen)};
  c.load = [](const Options& options) {
    constexpr dim B("B"), S("S"), C("C");
    return heed::load<decoder_step, tensor<f32, B, 1, base.features>, tensor<i64, B>,
                      tensor<f32, base.layers, B, C, row>, tensor<f32, base.layers, B, S, row>>(
        options);
  };
  c.inputs = [=](int i) {
    std::vector<Tensor> list;
    list.emplace_back(DType::f32, Sizes{1, 1, base.features});
    list.push_back(Tensor::of<std::int64_t>(DType::i64, {1}, std::vector{position}));
    list.emplace_back(DType::f32, Sizes{base.layers, 1, capacity, row});
    list.emplace_back(DType::f32, Sizes{base.layers, 1, source, row});
    for (const std::size_t n : {0u, 2u, 3u})
      formula_input("decode" + std::to_string(n) + std::to_string(i), list[n].as<float>());
    return list;
  };
  c.check = [=](const std::vector<Tensor>& inputs, const Tensor& result) {
    require_close(result.as<float>(), decoder_row(base, inputs[0], position, inputs[2], inputs[3]),
                  name);
  };
  return c;
}

}  // namespace

std::vector<Case> sequence_cases() {
  // The Transformer of "Attention Is All You Need", base size, reads and writes 128 tokens.
  using source = tensor<f32, dim("B"), dim("S"), 512>;
  using target = tensor<f32, dim("B"), dim("T"), 512>;
  const Sizes sizes{1, 128, 512};
  std::vector<Case> list;
  list.push_back(network_case<nn::transformer<>, source, target>(
      "transformer_base", {{"speed.source", sizes}, {"speed.target", sizes}},
      {"transformer", "speed.decoder", 29}));
  list.push_back(recurrent_layer<nn::gru<width, width>, 3>("gru", &gru_cell));
  list.push_back(recurrent_layer<nn::lstm<width, width>, 4>("lstm", &lstm_cell));
  list.push_back(decode_base("decode_base", 255));
  list.push_back(decode_base("decode_base_first", 0));  // flat, but for what attention sees
  list.push_back(decode_base("decode_base_512", 511));
  return list;
}

}  // namespace heed::bench
