// The Transformer of "Attention Is All You Need" (Vaswani et al., 2017), named as
// torch.nn.Transformer (batch first): its state dict loads. Norms follow the residuals; dropout is
// training's. `lengths`, [batch] i64, where given, says how many source tokens each row has: those
// behind are padding and are not seen. The target needs none: its padding stands behind, where
// causality hides it.
#pragma once
#include "heed/dsl/nn/attention.h"
#include "heed/dsl/nn/norm.h"

namespace heed::nn {

template <std::int64_t Features, std::int64_t Heads, std::int64_t Hidden>
struct transformer_encoder_layer {
  sub<"self_attn", multi_head_attention<Features, Heads>> self_attn;
  sub<"linear1", linear<Features, Hidden>> linear1;
  sub<"linear2", linear<Hidden, Features>> linear2;
  sub<"norm1", layer_norm<Features>> norm1;
  sub<"norm2", layer_norm<Features>> norm2;
  constexpr auto operator()(expression auto x, expression auto... lengths) const {
    auto h = norm1(x + self_attn(x, x, x, lengths...));
    return norm2(h + linear2(relu(linear1(h))));
  }
};

template <std::int64_t Features, std::int64_t Heads, std::int64_t Hidden>
struct transformer_decoder_layer {
  sub<"self_attn", multi_head_attention<Features, Heads, causal>> self_attn;
  sub<"multihead_attn", multi_head_attention<Features, Heads>> cross_attn;
  sub<"linear1", linear<Features, Hidden>> linear1;
  sub<"linear2", linear<Hidden, Features>> linear2;
  sub<"norm1", layer_norm<Features>> norm1;
  sub<"norm2", layer_norm<Features>> norm2;
  sub<"norm3", layer_norm<Features>> norm3;
  constexpr auto operator()(expression auto y, expression auto memory,
                            expression auto... lengths) const {
    auto a = norm1(y + self_attn(y));
    auto b = norm2(a + cross_attn(a, memory, memory, lengths...));
    return norm3(b + linear2(relu(linear1(b))));
  }
};

template <std::int64_t Features, std::int64_t Heads, std::int64_t Hidden, std::int64_t Depth>
struct transformer_encoder {
  repeat<"layers", Depth, transformer_encoder_layer<Features, Heads, Hidden>> layers;
  sub<"norm", layer_norm<Features>> norm;
  constexpr auto operator()(expression auto x, expression auto... lengths) const {
    return norm(layers(x, lengths...));
  }
};

template <std::int64_t Features, std::int64_t Heads, std::int64_t Hidden, std::int64_t Depth>
struct transformer_decoder {
  repeat<"layers", Depth, transformer_decoder_layer<Features, Heads, Hidden>> layers;
  sub<"norm", layer_norm<Features>> norm;
  constexpr auto operator()(expression auto y, expression auto memory,
                            expression auto... lengths) const {
    return norm(layers(y, memory, lengths...));
  }
};

// source: [batch, source length, Features], target: [batch, target length, Features], and so the
// result: row t is computed from the target's rows up to t alone, so that the whole target may be
// given at once (teacher forcing).
template <std::int64_t Features = 512, std::int64_t Heads = 8, std::int64_t Hidden = 2048,
          std::int64_t Encoders = 6, std::int64_t Decoders = 6>
struct transformer {
  sub<"encoder", transformer_encoder<Features, Heads, Hidden, Encoders>> encoder;
  sub<"decoder", transformer_decoder<Features, Heads, Hidden, Decoders>> decoder;
  constexpr auto operator()(expression auto source, expression auto target,
                            expression auto... lengths) const {
    return decoder(target, encoder(source, lengths...), lengths...);
  }
};

}  // namespace heed::nn
