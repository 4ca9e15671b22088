// Rows of a table by index: table [n, ...], indices [s...] gives [s..., ...]. embedding is its name
// in language models. An index outside of [0, n) is an error of the run. In attention's scores and
// mask it may go unnoticed where the rest of the mask hides the key: no result depends on it.
#pragma once
#include "heed/dsl/scalar.h"

namespace heed {

namespace ops {
struct gather : op<OpCode::gather> {};
}  // namespace ops

template <operand Table, operand Indices>
  requires fine<result<ops::gather, Table, Indices>>
constexpr result<ops::gather, Table, Indices> gather(Table, Indices) { return {}; }
template <operand Table, operand Indices>
refused<result<ops::gather, Table, Indices>> gather(Table, Indices);
template <operand Table, operand Indices>
  requires fine<result<ops::gather, Table, Indices>>
constexpr result<ops::gather, Table, Indices> embedding(Table, Indices) { return {}; }
template <operand Table, operand Indices>
refused<result<ops::gather, Table, Indices>> embedding(Table, Indices);

}  // namespace heed
