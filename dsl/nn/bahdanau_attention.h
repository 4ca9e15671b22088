// Additive attention (Bahdanau, Cho and Bengio 2015, section A.1.2): the score of a key is v tanh(W
// query + U key).
#pragma once
#include "heed/dsl/nn/linear.h"

namespace heed::nn {

// query [batch, Query], keys [batch, source, Key], which are the values too, and where given how
// many keys each row has, [batch], i32 or i64. Returns the context [batch, Key] and the weights
// [batch, source]. In a scan the keys are held: U key is computed once, in front of the loop.
template <std::int64_t Query, std::int64_t Key, std::int64_t Hidden>
struct bahdanau_attention {
  sub<"query", linear<Query, Hidden, false>> of_query;
  sub<"key", linear<Key, Hidden, false>> of_key;
  sub<"score", linear<Hidden, 1, false>> score;

  template <class... Lengths>
  static constexpr graph::Problem check(const TensorType& query, const TensorType& keys,
                                        const Lengths&...) {
    if (query.shape.rank != 2)
      return graph::problem(message::rank_differs, Dim(query.shape.rank), Dim(2));
    if (keys.shape.rank != 3)
      return graph::problem(message::rank_differs, Dim(keys.shape.rank), Dim(3));
    return graph::no_problem;
  }
  constexpr auto operator()(expression auto query, expression auto keys) const {
    return attend(keys, softmax<-1>(scores(query, keys)));
  }
  constexpr auto operator()(expression auto query, expression auto keys,
                            expression auto lengths) const {
    constexpr dim batch = size<0>(keys);
    auto rows = reshape<batch, 1>(cast<i64>(lengths));
    return attend(keys,
                  softmax<-1>(where(position<-1>() < rows, scores(query, keys), minus_infinity)));
  }

 private:
  constexpr auto scores(expression auto query, expression auto keys) const {
    constexpr dim batch = size<0>(keys), source = size<1>(keys);
    auto hidden = tanh(of_key(keys) + reshape<batch, 1, Hidden>(of_query(query)));
    return reshape<batch, source>(score(hidden));
  }
  static constexpr auto attend(expression auto keys, expression auto weights) {
    constexpr dim batch = size<0>(keys), source = size<1>(keys);
    auto context = matmul(reshape<batch, 1, source>(weights), keys);
    return parts{reshape<batch, Key>(context), probe<"attention">(weights)};
  }
};

}  // namespace heed::nn
