// The decoder of encoder_decoder.h one target row at a time: keys and values of the rows before
// stand in a cache, those of the memory are computed once. Parameters are those of the whole
// decoder, and so are the results. Keys and values lie side by side: a cache is [layers, batch,
// capacity, 2 * Features], of any capacity; what stands from `position` on is not seen.
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

// What attention makes of a row, [batch, 1, Features]: its query, and its key and value for the
// cache.
template <std::int64_t Features>
struct row_projection {
  constexpr auto operator()(expression auto x) const {
    using in = in_projection<Features>;
    return parts{in::template of<0>(x), in::template of<1, 2>(x)};
  }
};
template <std::int64_t Features>
struct layer_row {
  sub<"self_attn", row_projection<Features>> project;
  constexpr auto operator()(expression auto y) const { return project(y); }
};

// Attention of a query, [batch, 1, Features], over the first `count`, [batch] i64, of the keys and
// values beside each other, [batch, rows, 2 * Features]; over all of them without.
template <std::int64_t Features, std::int64_t Heads>
struct attention_of_query {
  sub<"out_proj", linear<Features, Features>> out_proj;
  constexpr auto operator()(expression auto query, expression auto keys_and_values,
                            expression auto... count) const {
    return out_proj(merge_heads(
        attention(split_heads<Heads>(query), split_heads<Heads>(half_of<0>(keys_and_values)),
                  split_heads<Heads>(half_of<1>(keys_and_values)), count...)));
  }
};

// The same of x, which is projected first.
template <std::int64_t Features, std::int64_t Heads>
struct attention_over {
  sub<"", attention_of_query<Features, Heads>> attend;
  constexpr auto operator()(expression auto x, expression auto keys_and_values,
                            expression auto... count) const {
    return attend(in_projection<Features>::template of<0>(x), keys_and_values, count...);
  }
};

template <std::int64_t Features, std::int64_t Heads, std::int64_t Hidden>
struct cached_decoder_layer {
  sub<"self_attn", attention_of_query<Features, Heads>> self_attn;
  sub<"multihead_attn", attention_over<Features, Heads>> cross_attn;
  sub<"linear1", linear<Features, Hidden>> linear1;
  sub<"linear2", linear<Hidden, Features>> linear2;
  sub<"norm1", layer_norm<Features>> norm1;
  sub<"norm2", layer_norm<Features>> norm2;
  sub<"norm3", layer_norm<Features>> norm3;
  // `cache` holds the row's own key and value already.
  constexpr auto operator()(expression auto y, expression auto query, expression auto position,
                            expression auto cache, expression auto memory,
                            expression auto... lengths) const {
    auto a = norm1(y + self_attn(query, cache, position + scalar<1>));
    auto b = norm2(a + cross_attn(a, memory, lengths...));
    return norm3(b + linear2(relu(linear1(b))));
  }
};

template <std::int64_t Features>
struct memory_projection {
  constexpr auto operator()(expression auto memory) const {
    return in_projection<Features>::template of<1, 2>(memory);
  }
};
template <std::int64_t Features>
struct layer_memory {
  sub<"multihead_attn", memory_projection<Features>> cross_attn;
  constexpr auto operator()(expression auto memory) const { return cross_attn(memory); }
};

}  // namespace detail

// What every layer's cross-attention sees of memory: [batch, source, Features], once and for all
// rows: [layers, batch, source, 2 * Features].
template <std::int64_t Features, std::int64_t Depth>
struct decoder_memory {
  constexpr auto operator()(expression auto memory) const {
    return all(memory, std::make_index_sequence<Depth>{});
  }

 private:
  template <std::size_t... N>
  static constexpr auto all(expression auto memory, std::index_sequence<N...>) {
    constexpr dim batch = size<0>(memory), source = size<1>(memory);
    return concat<0>(reshape<1, batch, source, 2 * Features>(
        sub<numbered<"layers.", std::int64_t(N)>, detail::layer_memory<Features>>{}(memory))...);
  }
};

// y: [batch, 1, Features], row `position` of the target, [batch] i64; cache and memory (of
// decoder_memory): of all layers; then how many source rows each batch row has, [batch] i64, where
// they are not all. Returns the cache with the row's keys and values at `position`, and the result,
// [batch, 1, Features].
template <std::int64_t Features, std::int64_t Heads, std::int64_t Hidden, std::int64_t Depth>
struct cached_decoder {
  sub<"norm", layer_norm<Features>> norm;
  constexpr auto operator()(expression auto y, expression auto position, expression auto cache,
                            expression auto memory, expression auto... lengths) const {
    return layer<0>(y, position, cache, memory, lengths...);
  }

 private:
  template <std::int64_t N>
  constexpr auto layer(expression auto y, [[maybe_unused]] expression auto position,
                       expression auto cache, [[maybe_unused]] expression auto memory,
                       [[maybe_unused]] expression auto... lengths) const {
    if constexpr (N == Depth) {
      return parts{cache, norm(y)};
    } else {
      sub<numbered<"layers.", N>, detail::layer_row<Features>> project;
      sub<numbered<"layers.", N>, detail::cached_decoder_layer<Features, Heads, Hidden>> run;
      auto [query, row] = project(y);
      auto filled = append<N>(cache, row, position);
      return layer<N + 1>(
          run(y, query, position, select<0, N>(filled), select<0, N>(memory), lengths...), position,
          filled, memory, lengths...);
    }
  }
};

}  // namespace heed::nn
