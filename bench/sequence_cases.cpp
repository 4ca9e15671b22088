// Networks that read and write sequences.
#include "cases.h"
#include "heed/dsl/load.h"
#include "heed/dsl/nn/encoder_decoder.h"
#include "heed/runtime/checkpoint.h"
#include "heed/runtime/formula.h"
#include "references.h"

namespace heed::bench {
namespace {

// The Transformer of "Attention Is All You Need", base size.
Case transformer_base() {
  constexpr std::int64_t length = 128;  // of source and target
  constexpr double tokens = length, width = 512, hidden = 2048, depth = 6;
  constexpr double project = tokens * width * width, pairs = tokens * tokens, seen = tokens * (tokens + 1) / 2;
  constexpr double feed = 2 * tokens * width * hidden;
  constexpr double encoder = 4 * project + 2 * pairs * width + feed;
  constexpr double decoder = 8 * project + 2 * (pairs + seen) * width + feed;
  Case c{"model", "transformer_base", 2e-9 * depth * (encoder + decoder), {}, {}, {}};
  c.load = [](const Options& options) {
    return heed::load<nn::transformer<>, tensor<f32, dim("B"), dim("S"), 512>, tensor<f32, dim("B"), dim("T"), 512>>(
        options);
  };
  c.inputs = [](int i) {
    const std::string set = i ? std::to_string(i) : "";
    std::vector<Tensor> list;
    for (const char* name : {"speed.source", "speed.target"}) {
      list.emplace_back(DType::f32, Sizes{1, length, 512});
      formula_input(name + set, list.back().as<float>());
    }
    return list;
  };
  c.check = [](const std::vector<Tensor>&, const Tensor& result) {
    const Tensor expected = Checkpoint::open(HEED_GOLDEN_DIR "/transformer.safetensors").read("speed.decoder");
    std::vector<float> found;  // every 29th element is stored
    for (std::size_t n = 0; n < std::size_t(result.count()); n += 29) found.push_back(result.as<float>()[n]);
    require_close(found, expected.as<float>(), "transformer_base");
  };
  return c;
}

}  // namespace

std::vector<Case> sequence_cases() {
  std::vector<Case> list;
  list.push_back(transformer_base());
  return list;
}

}  // namespace heed::bench
