// Writes the bytes of a named model to a file: dump_graph MODEL FILE. Without a file, prints the
// graph.
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>

#include "heed/dsl/graph/bytes.h"
#include "heed/dsl/nn/vision_transformer.h"

namespace {

using namespace heed;
constexpr dim B{"B"}, T{"T"}, S{"S"};

using vit_digits = nn::vision_transformer<8, 2, 1, 64, 4, 4, 128, 10>;
using mha = nn::multi_head_attention<64, 4>;
using mha_causal = nn::multi_head_attention<64, 4, nn::causal>;
using mha_window = nn::multi_head_attention<64, 4, nn::window<16>>;
using tokens = tensor<f32, B, T, 64>;
using memory = tensor<f32, B, S, 64>;

using Bytes = std::vector<std::byte>;
const std::map<std::string, std::function<Bytes()>> models = {
    {"vit_b_16",
     [] { return graph::encode(graph_of<nn::vit_b_16, tensor<f32, B, 3, 224, 224>>, {"image"}); }},
    {"vit_digits",
     [] { return graph::encode(graph_of<vit_digits, tensor<f32, B, 1, 8, 8>>, {"image"}); }},
    {"mha_self", [] { return graph::encode(graph_of<mha, tokens>, {"x"}); }},
    {"mha_causal", [] { return graph::encode(graph_of<mha_causal, tokens>, {"x"}); }},
    {"mha_window", [] { return graph::encode(graph_of<mha_window, tokens>, {"x"}); }},
    {"mha_cross", [] { return graph::encode(graph_of<mha, tokens, memory>, {"query", "memory"}); }},
    {"mha_masked",
     [] {
       return graph::encode(graph_of<mha, tokens, memory, memory, tensor<boolean, B, 1, 1, S>>,
                            {"query", "key", "value", "mask"});
     }},
};

}  // namespace

int main(int argc, char** argv) {
  auto model = argc > 1 ? models.find(argv[1]) : models.end();
  if (model == models.end()) {
    std::fprintf(stderr, "usage: dump_graph MODEL [FILE]\nmodels:");
    for (const auto& [name, make] : models) std::fprintf(stderr, " %s", name.c_str());
    std::fprintf(stderr, "\n");
    return 2;
  }
  Bytes bytes = model->second();
  heed::graph::Decoded decoded = heed::graph::decode(bytes);
  if (!decoded) {
    std::fprintf(stderr, "%s\n", decoded.error.c_str());
    return 1;
  }
  if (argc > 2) {
    std::ofstream(argv[2], std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
  } else {
    std::fputs(heed::graph::text_of(*decoded.module).c_str(), stdout);
  }
}
