// The parts of a recognised attention, in the coordinates of one kernel's domain.
#pragma once
#include "heed/compiler/fuse/pull.h"

namespace heed::fuse {

struct AttentionChain {
  ir::SoftmaxOp softmax;
  ir::MatmulOp scoreContraction;
  Coordinate key, feature;                     // digits of j and of e
  Coordinates query, keys, value;              // of q, k and v as the contractions read them
  Coordinates weights;                         // of the softmax' result
  std::shared_ptr<Puller> puller;              // owns what it pulled
  ExpressionPtr score;                         // from the softmax' operand down
  Expression* scoreLeaf = nullptr;             // q kᵀ in it
};

// The contraction with v that a softmax feeds through layout ops alone; null where there is none.
ir::MatmulOp valueContraction(ir::SoftmaxOp softmax);

// Whether softmaxes of such scores alone read the value, through elementwise work and layouts.
bool feedsScoresOnly(mlir::Value v, llvm::function_ref<bool(ir::SoftmaxOp)> ofScores);

// Walks back from element `at` of the value contraction's result; isLookup: gathers that the score
// region does. `why` says what was expected where it is no attention.
std::optional<AttentionChain> attentionChain(ir::MatmulOp value, Domain& domain,
                                             const Coordinates& at,
                                             const std::function<bool(mlir::Value)>& hasBuffer,
                                             const std::function<bool(mlir::Operation*)>& isLookup,
                                             std::string& why);

// Batch coordinates of a matmul operand, from those of the result.
Coordinates contractionBatch(const Coordinates& result, const Shape& operand);

}  // namespace heed::fuse
