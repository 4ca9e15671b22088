// What must hold of a value at run time, said where the value is used.
#pragma once
#include "heed/dsl/graph/check.h"
#include "heed/dsl/module.h"
#include "heed/dsl/ops/gather.h"
#include "heed/dsl/ops/logic.h"

namespace heed {

namespace detail {

// An index outside of x where the condition does not hold.
struct required {
  constexpr auto operator()(expression auto x, expression auto condition) const {
    constexpr const Shape& shape = type_of<typename decltype(x)::type>.shape;
    static_assert(shape.rank <= 1, "require takes x [] or [n], and a condition of the same shape");
    if constexpr (shape.rank == 0) {
      return gather(reshape<1>(x), cast<i64>(!condition));
    } else {
      constexpr dim n = size<0>(x);
      return gather(x, where(condition, position<0>(), extent<n>()));
    }
  }
};

template <text What>
struct Expectation {
  static constexpr void print(CharBuffer& b) {
    b(graph::check_name);
    for (char c : std::string_view(What)) b(c == ' ' ? '_' : c);
  }
};

}  // namespace detail

// x, [] or [n]; where an element of the condition, a bool of the same shape, does not hold the run
// ends with an error: "… expects temperature above 0" of require<"temperature above 0">(t, t > 0).
// What: words of printable ASCII without '.', '_', '"' and '\\'. Checked where somebody goes on with
// the returned value.
template <text What>
constexpr auto require(expression auto x, expression auto condition) {
  return sub<detail::printed<detail::Expectation<What>>(), detail::required>{}(x, condition);
}

}  // namespace heed
