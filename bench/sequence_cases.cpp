// Networks that read and write sequences.
#include "heed/dsl/nn/encoder_decoder.h"
#include "network_case.h"

namespace heed::bench {

std::vector<Case> sequence_cases() {
  // The Transformer of "Attention Is All You Need", base size, reads and writes 128 tokens.
  using source = tensor<f32, dim("B"), dim("S"), 512>;
  using target = tensor<f32, dim("B"), dim("T"), 512>;
  const Sizes sizes{1, 128, 512};
  std::vector<Case> list;
  list.push_back(network_case<nn::transformer<>, source, target>(
      "transformer_base", {{"speed.source", sizes}, {"speed.target", sizes}}, {"transformer", "speed.decoder", 29}));
  return list;
}

}  // namespace heed::bench
