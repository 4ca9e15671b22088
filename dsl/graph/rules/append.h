// A cache that grows: some rows of one layer are replaced.
#pragma once
#include "heed/dsl/graph/rules/problem.h"

namespace heed::graph {

// cache: [layers, batch, capacity, features], rows: [batch, n, features], at: [batch] gives the
// cache's type
constexpr Inferred infer_append(const TensorType& cache, const TensorType& rows,
                                const TensorType& at, const Attributes& with) {
  Inferred r{cache, check_same(cache.dtype, rows.dtype)};
  const std::int64_t layer = with.ints[0];
  if (r.problem) return r;
  if (Problem index = check_index(at.dtype)) r.problem = index;
  else if (cache.shape.rank != 4)
    r.problem = problem(message::rank_differs, Dim(cache.shape.rank), Dim(4));
  else if (rows.shape.rank != 3)
    r.problem = problem(message::rank_differs, Dim(rows.shape.rank), Dim(3));
  else if (at.shape.rank != 1)
    r.problem = problem(message::rank_differs, Dim(at.shape.rank), Dim(1));
  else if (!cache.shape.dims[0].is_static())
    r.problem = problem(message::must_be_static, cache.shape.dims[0]);
  else if (layer < 0 || layer >= cache.shape.dims[0].constant)
    r.problem = problem(message::layer_out_of_range, Dim(layer), cache.shape.dims[0]);
  if (r.problem) return r;
  for (const auto& [found, expected] : {std::pair{rows.shape.dims[0], cache.shape.dims[1]},
                                        std::pair{rows.shape.dims[2], cache.shape.dims[3]},
                                        std::pair{at.shape.dims[0], cache.shape.dims[1]}})
    if (!(found == expected)) {
      r.problem = problem(message::dimensions_differ, found, expected);
      return r;
    }
  return r;
}

}  // namespace heed::graph
