// Attention as plain maths, and the two modules that the field's checkpoints know. Nothing here is
// more than a user of the language could write.
#pragma once
#include "heed/dsl/nn/linear.h"

namespace heed::nn {

// [batch, tokens, heads * features] to [batch, heads, tokens, features] and back
template <std::int64_t Heads>
constexpr auto split_heads(expression auto x) {
  constexpr dim batch = size<0>(x), tokens = size<1>(x), features = size<2>(x);
  return permute<0, 2, 1, 3>(reshape<batch, tokens, Heads, features / Heads>(x));
}
constexpr auto merge_heads(expression auto x) {
  constexpr dim batch = size<0>(x), heads = size<1>(x), tokens = size<2>(x), features = size<3>(x);
  return reshape<batch, tokens, heads * features>(permute<0, 2, 1, 3>(x));
}

// scores: [..., query, key] of q and k: [..., tokens, features]
constexpr auto scaled_scores(expression auto q, expression auto k) {
  constexpr dim features = size<-1>(q);
  return matmul(q, transpose(k)) * rsqrt_of<features.constant>;
}

// Which keys a query sees. A mask is a function from scores to scores.
struct everything {
  static constexpr auto apply(expression auto scores) { return scores; }
};
struct causal {
  static constexpr auto apply(expression auto scores) {
    return where(position<-1>() <= position<-2>(), scores, minus_infinity);
  }
};
template <int Width>  // the query itself and the Width - 1 keys before it
struct window {
  static constexpr auto apply(expression auto scores) {
    auto distance = position<-2>() - position<-1>();
    return where(distance >= scalar<0> && distance < scalar<Width>, scores, minus_infinity);
  }
};

// q, k, v: [batch, heads, tokens, features]
template <class Mask = everything>
constexpr auto attention(expression auto q, expression auto k, expression auto v) {
  auto weights = softmax<-1>(Mask::apply(scaled_scores(q, k)));
  return matmul(probe<"attention">(weights), v);
}
// With a mask that is data: bools say which keys are seen, floats are added to the scores, i64
// [batch] is how many keys there are, the others being padding.
constexpr auto attention(expression auto q, expression auto k, expression auto v,
                         expression auto mask) {
  auto scores = scaled_scores(q, k);
  auto masked = [&] {
    if constexpr (dtype_of(mask) == boolean) return where(mask, scores, minus_infinity);
    else if constexpr (dtype_of(mask) == i64) {
      constexpr dim batch = size<0>(mask);
      return where(position<-1>() < reshape<batch, 1, 1, 1>(mask), scores, minus_infinity);
    } else return scores + mask;
  }();
  return matmul(probe<"attention">(softmax<-1>(masked)), v);
}

template <std::int64_t Features, std::int64_t Heads>
constexpr graph::Problem check_attention(const char* sentence, const TensorType& x) {
  if (x.shape.rank != 3) return graph::problem(message::rank_differs, Dim(x.shape.rank), Dim(3));
  if (!(x.shape[-1] == Dim(Features))) return graph::problem(sentence, Dim(Features), x.shape[-1]);
  if (Features % Heads)
    return graph::problem(message::heads_do_not_divide, Dim(Heads), Dim(Features));
  return graph::no_problem;
}

// Self-attention with one projection for q, k and v, named as in timm.
template <std::int64_t Features, std::int64_t Heads, class Mask = everything>
struct self_attention {
  sub<"qkv", linear<Features, 3 * Features>> qkv;
  sub<"proj", linear<Features, Features>> proj;

  static constexpr graph::Problem check(const TensorType& x) {
    return check_attention<Features, Heads>(message::qkv_columns_differ, x);
  }
  constexpr auto operator()(expression auto x) const {
    auto [q, k, v] = split<3, -1>(qkv(x));
    return proj(merge_heads(
        attention<Mask>(split_heads<Heads>(q), split_heads<Heads>(k), split_heads<Heads>(v))));
  }
};

// The packed projection of torch.nn.MultiheadAttention: part 0 makes queries, 1 keys, 2 values;
// parts that follow one another come side by side.
template <std::int64_t Features>
struct in_projection {
  template <std::int64_t Part, std::int64_t Count = 1>
  static constexpr auto of(expression auto x) {
    constexpr DType e = dtype_of(x);
    constexpr std::int64_t begin = Part * Features, end = (Part + Count) * Features;
    auto weights = slice<0, begin, end>(param<"in_proj_weight", tensor<e, 3 * Features, Features>>);
    auto biases = slice<0, begin, end>(param<"in_proj_bias", tensor<e, 3 * Features>>);
    return matmul(x, transpose(weights)) + biases;
  }
};

// torch.nn.MultiheadAttention (batch first): attention(x), attention(query, memory),
// attention(query, key, value) and attention(query, key, value, mask).
template <std::int64_t Features, std::int64_t Heads, class Mask = everything>
struct multi_head_attention {
  sub<"out_proj", linear<Features, Features>> out_proj;

  static constexpr graph::Problem check(const TensorType& query) {
    return check_attention<Features, Heads>(message::in_proj_columns_differ, query);
  }
  static constexpr graph::Problem check(const TensorType& query, const TensorType& key) {
    graph::Problem p = check(query);
    return p ? p : check(key);
  }
  template <class... More>
  static constexpr graph::Problem check(const TensorType& query, const TensorType& key,
                                        const TensorType& value, const More&...) {
    graph::Problem p = check(query, key);
    return p ? p : check(value);
  }

  constexpr auto operator()(expression auto x) const { return (*this)(x, x, x); }
  constexpr auto operator()(expression auto x, expression auto memory) const {
    return (*this)(x, memory, memory);
  }
  constexpr auto operator()(expression auto query, expression auto key,
                            expression auto value) const {
    auto [q, k, v] = projected(query, key, value);
    return out_proj(merge_heads(attention<Mask>(q, k, v)));
  }
  constexpr auto operator()(expression auto query, expression auto key, expression auto value,
                            expression auto mask) const {
    auto [q, k, v] = projected(query, key, value);
    return out_proj(merge_heads(attention(q, k, v, mask)));
  }

 private:
  using in = in_projection<Features>;
  static constexpr auto projected(expression auto query, expression auto key,
                                  expression auto value) {
    return parts{split_heads<Heads>(in::template of<0>(query)),
                 split_heads<Heads>(in::template of<1>(key)),
                 split_heads<Heads>(in::template of<2>(value))};
  }
};

}  // namespace heed::nn
