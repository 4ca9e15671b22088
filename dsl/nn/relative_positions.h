// What a score gains by how far apart query and key are. A table is looked up where the score is
// computed: no tensor of queries times keys exists, at any length.
#pragma once
#include <array>

#include "heed/dsl/dsl.h"

namespace heed::nn {

// Key minus query, [queries, keys], under scores of any rank.
inline constexpr auto offset_of_key = position<-1>() - position<-2>();

// T5's buckets (Raffel et al., "Exploring the Limits of Transfer Learning", 2.1): offsets up to
// half of a direction's buckets have one each, farther ones share them at logarithmic steps, those
// from Farthest on the last. In integers: a bucket begins at the first distance that is not below m
// (Farthest / m)^(k / n).
template <std::int64_t Buckets = 32, std::int64_t Farthest = 128, bool BothDirections = true>
struct distance_buckets {
  static constexpr std::int64_t each = BothDirections ? Buckets / 2 : Buckets, exact = each / 2,
                                shared = each - exact;
  static_assert(exact >= 1 && Farthest > exact,
                "distance_buckets: expected 4 buckets or more, and Farthest beyond the exact ones");

  static constexpr std::int64_t first_of(std::int64_t k) {
    double least = 1;
    for (std::int64_t n = 0; n < k; ++n) least *= double(Farthest) / exact;
    for (std::int64_t distance = exact;; ++distance) {
      double power = 1;
      for (std::int64_t n = 0; n < shared; ++n) power *= double(distance) / exact;
      if (power >= least) return distance;
    }
  }
  template <std::int64_t K>
  static constexpr auto count(operand auto distance) {
    if constexpr (K == 0) return minimum(distance, scalar<exact>);
    else return count<K - 1>(distance) + cast<i64>(distance >= scalar<first_of(K)>);
  }
  // offset: key minus query, i64, of any shape; gives numbers below Buckets of the same shape
  static constexpr auto of(operand auto offset) {
    if constexpr (BothDirections)
      return count<shared - 1>(abs(offset)) + cast<i64>(offset > scalar<0>) * scalar<each>;
    else return count<shared - 1>(maximum(-offset, scalar<0>));
  }
};

// scores: [batch, Heads, queries, keys], index: [queries, keys] or what broadcasts to it, of rows
// of a table [rows, Heads]. An index outside of the table is an error of the run, as gather says.
constexpr auto with_relative_bias(expression auto scores, expression auto table,
                                  operand auto index) {
  constexpr dim queries = size<2>(scores), keys = size<3>(scores);
  return scores + permute<2, 0, 1>(gather(table, broadcast_to<queries, keys>(index)));
}

}  // namespace heed::nn
