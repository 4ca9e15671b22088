// probe<"attention">(x): x itself, and at run time it can be asked for under that name. Only what
// the network uses is probed: go on with the returned value.
#pragma once
#include "heed/dsl/scalar.h"

namespace heed {

namespace ops {
template <text Name>
struct probe : op<OpCode::probe> {
  static constexpr const char* name = literal<Name>.chars;
};
}  // namespace ops

template <text Name, operand X>
  requires fine<result<ops::probe<Name>, X>>
constexpr result<ops::probe<Name>, X> probe(X) { return {}; }
template <text Name, operand X>
refused<result<ops::probe<Name>, X>> probe(X);

}  // namespace heed
