// What shapes leave to the run is checked there: a size that comes to nothing, a slice beyond its
// axis.
#include <doctest/doctest.h>

#include "heed/dsl/dsl.h"
#include "heed/dsl/load.h"
#include "heed/runtime/error.h"
#include "heed/runtime/formula.h"
#include "heed/runtime/session.h"

using namespace heed;

namespace {

constexpr dim B{"B"}, T{"T"};
using table = tensor<f32, B, T>;

struct without_ends {
  constexpr auto operator()(expression auto x) const { return relu(slice<1, 1, T - 1>(x)); }
};
struct first_columns {
  constexpr auto operator()(expression auto x) const { return relu(slice<1, 0, B>(x)); }
};

// The sentence of the error, or "".
template <class Model>
std::string error_for(std::int64_t batch, std::int64_t length) {
  Program program = load<Model, table>();
  Session session = program.bind(formula_checkpoint(program.parameters()));
  try {
    (void)session.run(Tensor(DType::f32, {batch, length}));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a size that comes to nothing is an error of the run") {
  CHECK(error_for<without_ends>(2, 3).empty());
  CHECK(error_for<without_ends>(2, 2).find("dimension T-2 must be at least 1 (T-2 is 0") !=
        std::string::npos);
  CHECK(error_for<without_ends>(2, 1).find("T = 1") != std::string::npos);
}

TEST_CASE("a slice beyond its axis is an error of the run") {
  CHECK(error_for<first_columns>(3, 3).empty());
  CHECK(error_for<first_columns>(4, 3).find("the slice [0, B) of an axis of T must lie inside") !=
        std::string::npos);
}
