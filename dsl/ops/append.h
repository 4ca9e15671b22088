// A cache that grows by rows: what decoders keep of the tokens before.
#pragma once
#include "heed/dsl/scalar.h"

namespace heed {

namespace ops {
template <std::int64_t Layer>
struct append : op<OpCode::append> {
  static constexpr std::int64_t ints[] = {Layer};
  static constexpr graph::Attributes with{ints, 1};
};
}  // namespace ops

// cache: [layers, batch, capacity, features] with rows[b], of rows: [batch, n, features], at
// [Layer, b, at[b] …]; at: [batch], i32 or i64. A new value as every other: where nobody reads the
// cache any more it is updated in its place. Rows that do not fit are an Error of the run.
template <std::int64_t Layer, operand Cache, operand Rows, operand At>
  requires fine<result<ops::append<Layer>, Cache, Rows, At>>
constexpr result<ops::append<Layer>, Cache, Rows, At> append(Cache, Rows, At) { return {}; }
template <std::int64_t Layer, operand Cache, operand Rows, operand At>
refused<result<ops::append<Layer>, Cache, Rows, At>> append(Cache, Rows, At);

}  // namespace heed
