// The decoder of encoder_decoder.h one target row at a time: keys and values of the rows before stand in a cache, those of
// the memory are computed once. Parameters are those of the whole decoder, and so are the results. Keys and values lie side
// by side: a cache is [layers, batch, capacity, 2 * Features], of any capacity; what stands from `position` on is not seen.
#pragma once
#include "heed/dsl/nn/attention.h"
#include "heed/dsl/nn/norm.h"

namespace heed::nn {

namespace detail {

// Half 0: the keys, half 1: the values.
template <int Half>
constexpr auto half_of(expression auto keys_and_values) {
  constexpr std::int64_t features = size<-1>(keys_and_values).constant / 2;
  return slice<-1, Half * features, (Half + 1) * features>(keys_and_values);
}

// Self-attention of row `position`, [batch] i64, of which x: [batch, 1, Features] is. cache: [batch, capacity, 2 *
// Features]. Returns what the row sees and its own key and value, [batch, 1, 2 * Features], for the cache.
template <std::int64_t Features, std::int64_t Heads>
struct cached_self_attention {
  sub<"out_proj", linear<Features, Features>> out_proj;
  using in = in_projection<Features>;
  constexpr auto operator()(expression auto x, expression auto position, expression auto cache) const {
    auto key = in::template of<1>(x);
    auto value = in::template of<2>(x);
    auto seen = attention(split_heads<Heads>(in::template of<0>(x)), split_heads<Heads>(with(position, key, half_of<0>(cache))),
                          split_heads<Heads>(with(position, value, half_of<1>(cache))), position + scalar<1>);
    return parts{out_proj(merge_heads(seen)), concat<-1>(key, value)};
  }

 private:
  // The cache as it is once the row stands in it.
  static constexpr auto with(expression auto position, expression auto row, expression auto cache) {
    constexpr dim batch = size<0>(cache);
    return where(heed::position<-2>() == reshape<batch, 1, 1>(position), row, cache);
  }
};

// Attention of x: [batch, rows, Features] over keys and values that are projected already, [batch, source, 2 * Features].
template <std::int64_t Features, std::int64_t Heads>
struct attention_over {
  sub<"out_proj", linear<Features, Features>> out_proj;
  constexpr auto operator()(expression auto x, expression auto keys_and_values, expression auto... lengths) const {
    auto seen = attention(split_heads<Heads>(in_projection<Features>::template of<0>(x)),
                          split_heads<Heads>(half_of<0>(keys_and_values)), split_heads<Heads>(half_of<1>(keys_and_values)),
                          lengths...);
    return out_proj(merge_heads(seen));
  }
};

template <std::int64_t Features, std::int64_t Heads, std::int64_t Hidden>
struct cached_decoder_layer {
  sub<"self_attn", cached_self_attention<Features, Heads>> self_attn;
  sub<"multihead_attn", attention_over<Features, Heads>> cross_attn;
  sub<"linear1", linear<Features, Hidden>> linear1;
  sub<"linear2", linear<Hidden, Features>> linear2;
  sub<"norm1", layer_norm<Features>> norm1;
  sub<"norm2", layer_norm<Features>> norm2;
  sub<"norm3", layer_norm<Features>> norm3;
  constexpr auto operator()(expression auto y, expression auto position, expression auto cache, expression auto memory,
                            expression auto... lengths) const {
    auto [seen, row] = self_attn(y, position, cache);
    auto a = norm1(y + seen);
    auto b = norm2(a + cross_attn(a, memory, lengths...));
    return parts{norm3(b + linear2(relu(linear1(b)))), row};
  }
};

template <std::int64_t Features>
struct memory_projection {
  constexpr auto operator()(expression auto memory) const {
    using in = in_projection<Features>;
    return concat<-1>(in::template of<1>(memory), in::template of<2>(memory));
  }
};
template <std::int64_t Features>
struct layer_memory {
  sub<"multihead_attn", memory_projection<Features>> cross_attn;
  constexpr auto operator()(expression auto memory) const { return cross_attn(memory); }
};

}  // namespace detail

// What every layer's cross-attention sees of memory: [batch, source, Features], once and for all rows:
// [layers, batch, source, 2 * Features].
template <std::int64_t Features, std::int64_t Depth>
struct decoder_memory {
  constexpr auto operator()(expression auto memory) const { return all(memory, std::make_index_sequence<Depth>{}); }

 private:
  template <std::size_t... N>
  static constexpr auto all(expression auto memory, std::index_sequence<N...>) {
    constexpr dim batch = size<0>(memory), source = size<1>(memory);
    return concat<0>(reshape<1, batch, source, 2 * Features>(
        sub<numbered<"layers.", std::int64_t(N)>, detail::layer_memory<Features>>{}(memory))...);
  }
};

// y: [batch, 1, Features], row `position` of the target, [batch] i64; cache and memory (of decoder_memory): of all layers;
// then how many source rows each batch row has, [batch] i64, where they are not all. Returns what each layer's cache gets
// at `position`, [layers, batch, 2 * Features], and the result, [batch, 1, Features].
template <std::int64_t Features, std::int64_t Heads, std::int64_t Hidden, std::int64_t Depth>
struct cached_decoder {
  sub<"norm", layer_norm<Features>> norm;
  constexpr auto operator()(expression auto y, expression auto position, expression auto cache, expression auto memory,
                            expression auto... lengths) const {
    return layer<0>(y, parts<>{}, position, cache, memory, lengths...);
  }

 private:
  template <int N, class... Rows>
  constexpr auto layer(expression auto y, parts<Rows...>, [[maybe_unused]] expression auto position,
                       [[maybe_unused]] expression auto cache, [[maybe_unused]] expression auto memory,
                       [[maybe_unused]] expression auto... lengths) const {
    if constexpr (N == Depth) {
      return parts{stacked(Rows{}...), norm(y)};
    } else {
      sub<numbered<"layers.", std::int64_t(N)>, detail::cached_decoder_layer<Features, Heads, Hidden>> run;
      auto [next, row] = run(y, position, select<0, N>(cache), select<0, N>(memory), lengths...);
      return layer<N + 1>(next, parts<Rows..., decltype(row)>{}, position, cache, memory, lengths...);
    }
  }
  static constexpr auto stacked(expression auto... rows) {
    return concat<0>(permute<1, 0, 2>(rows)...);  // [batch, 1, 2 * Features] to [1, batch, 2 * Features]
  }
};

}  // namespace heed::nn
