// The Transformer of "Attention Is All You Need", base size, named as torch.nn.Transformer: 6 + 6
// post-norm layers, tied embeddings, causal self-attention and padding by lengths.
#include "heed/dsl/nn/encoder_decoder.h"
#include "heed/dsl/nn/positions.h"

using namespace heed;

namespace {

constexpr dim B{"B"}, S{"S"}, T{"T"};
constexpr std::int64_t features = 512, words = 37000;

struct translation {
  sub<"positions", nn::sinusoidal_positions<features>> positions;
  sub<"", nn::transformer<>> net;
  // source, target: word indices; lengths: how many source words each row has
  constexpr auto operator()(expression auto source, expression auto target,
                            expression auto lengths) const {
    auto table = param<"embedding.weight", tensor<f32, words, features>>;
    auto root = scalar<22.627416997969522>;  // sqrt(features)
    auto y = net(positions(embedding(table, source) * root),
                 positions(embedding(table, target) * root), lengths);
    return matmul(y, transpose(table));
  }
};

using source = tensor<i64, B, S>;
using target = tensor<i64, B, T>;
using row_lengths = tensor<i64, B>;

constexpr auto& m = manifest<translation, source, target, row_lengths>;
static_assert(m.size == 1 + 6 * 12 + 6 * 18 + 4);
static_assert(m.elements == words * features + 6 * 3'152'384 + 6 * 4'204'032 + 4 * features);
static_assert(*m.find("decoder.layers.5.multihead_attn.in_proj_weight") ==
              type_of<tensor<f32, 1536, 512>>);
static_assert(*m.find("encoder.norm.weight") == type_of<tensor<f32, 512>>);
static_assert(
    manifest<nn::transformer<>, tensor<f32, B, S, features>, tensor<f32, B, T, features>>.size ==
    m.size - 1);

}  // namespace

const graph::Function& transformer() { return graph_of<translation, source, target, row_lengths>; }
