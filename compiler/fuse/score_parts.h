// What stands between q kᵀ and softmax, taken apart: a constant factor, a mask, and the rest.
#pragma once
#include "heed/compiler/fuse/pull.h"

namespace heed::fuse {

struct ScoreParts {
  ExpressionPtr score;  // of the leaf scale · q kᵀ
  ExpressionPtr mask;   // where it does not hold, the score is -inf; null: everywhere live
  double scale = 1;
};

// Whatever gives -inf on the way from the leaf to the scores is a mask: where(c, s, -inf), where(c,
// -inf, s) and s + where(c, x, -inf). Additions and positive factors keep -inf, so the search goes
// through them.
ScoreParts takeApart(const ExpressionPtr& score, Expression* leaf, mlir::Type boolean);

// x where e is x·c or c·x with a constant c, which multiplies `factor`; null otherwise.
ExpressionPtr withoutFactor(const ExpressionPtr& e, double& factor);

// x where e is x as f32, x being stored as f16 or bf16: kernels compute in f32 what they load of
// these. Null otherwise.
ExpressionPtr withoutWidening(const ExpressionPtr& e);

}  // namespace heed::fuse
