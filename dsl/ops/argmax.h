// Where the largest element stands.
#pragma once
#include "heed/dsl/module.h"
#include "heed/dsl/ops/logic.h"
#include "heed/dsl/ops/reduce.h"

namespace heed {

// Its index along an axis, i64, without the axis; of equals the first. The axis' size where NaN
// leaves none: a gather refuses it.
template <int Axis = -1>
constexpr auto argmax(expression auto x) {
  return min<Axis>(where(x == max<Axis, keep>(x), position<Axis>(), extent<size<Axis>(x)>()));
}

}  // namespace heed
