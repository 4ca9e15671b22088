// The Transformer of "Attention Is All You Need", base size, named as torch.nn.Transformer: 6 + 6 post-norm layers,
// tied embeddings, causal self-attention and a padding mask.
#include "heed/dsl/nn/attention.h"
#include "heed/dsl/nn/norm.h"

using namespace heed;
using namespace heed::nn;

namespace {

constexpr dim B{"B"}, S{"S"}, T{"T"};
constexpr std::int64_t features = 512, heads = 8, hidden = 2048, words = 37000;

struct encoder_layer {
  sub<"self_attn", multi_head_attention<features, heads>> self_attn;
  sub<"linear1", linear<features, hidden>> linear1;
  sub<"linear2", linear<hidden, features>> linear2;
  sub<"norm1", layer_norm<features>> norm1;
  sub<"norm2", layer_norm<features>> norm2;
  constexpr auto operator()(expression auto x, expression auto visible) const {
    auto h = norm1(x + self_attn(x, x, x, visible));
    return norm2(h + linear2(relu(linear1(h))));
  }
};

struct decoder_layer {
  sub<"self_attn", multi_head_attention<features, heads, causal>> self_attn;
  sub<"multihead_attn", multi_head_attention<features, heads>> cross_attn;
  sub<"linear1", linear<features, hidden>> linear1;
  sub<"linear2", linear<hidden, features>> linear2;
  sub<"norm1", layer_norm<features>> norm1;
  sub<"norm2", layer_norm<features>> norm2;
  sub<"norm3", layer_norm<features>> norm3;
  constexpr auto operator()(expression auto y, expression auto memory, expression auto visible) const {
    auto a = norm1(y + self_attn(y));
    auto b = norm2(a + cross_attn(a, memory, memory, visible));
    return norm3(b + linear2(relu(linear1(b))));
  }
};

// sin and cos of t / 10000^(2i / features): written with positions, no table.
constexpr auto sinusoids(expression auto x) {
  auto t = cast<f32>(position<-2>());
  auto i = position<-1>() / scalar<2>;
  auto angle = t * exp(cast<f32>(i) * scalar<-2 * 9.210340371976184 / features>);
  auto even = position<-1>() - i * scalar<2> == scalar<0>;
  return x + where(even, sin(angle), cos(angle));
}

struct translation {
  repeat<"encoder.layers", 6, encoder_layer> encoder;
  repeat<"decoder.layers", 6, decoder_layer> decoder;
  // source, target: word indices; visible: which source words are not padding, [batch, 1, 1, source]
  constexpr auto operator()(expression auto source, expression auto target, expression auto visible) const {
    auto table = param<"embedding.weight", tensor<f32, words, features>>;
    auto root = scalar<22.627416997969522>;  // sqrt(features)
    auto memory = encoder(sinusoids(embedding(table, source) * root), visible);
    auto y = decoder(sinusoids(embedding(table, target) * root), memory, visible);
    return matmul(y, transpose(table));
  }
};

using source = tensor<i64, B, S>;
using target = tensor<i64, B, T>;
using visible = tensor<boolean, B, 1, 1, S>;

constexpr auto& m = manifest<translation, source, target, visible>;
static_assert(m.size == 1 + 6 * 12 + 6 * 18);
static_assert(m.elements == words * features + 6 * 3'152'384 + 6 * 4'204'032);
static_assert(*m.find("decoder.layers.5.multihead_attn.in_proj_weight") == type_of<tensor<f32, 1536, 512>>);

}  // namespace

const graph::Function& transformer() { return graph_of<translation, source, target, visible>; }
