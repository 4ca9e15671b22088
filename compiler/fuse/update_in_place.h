// The proof that an append, or a loop that appends in its turns, may write over the cache it starts
// from.
#pragma once
#include "heed/compiler/dialect/heed.h"

namespace heed::fuse {

// Result `n` of `op`, a kernel op that appends or a loop, may take the place of operand `n`: that
// is not read behind op, and it is the session's to write: another kernel's or loop's result in the
// same block, an input of @main whose place a result takes in the end, or a state whose place the
// next one takes. What follows must have been judged already.
bool mayUpdate(mlir::Operation* op, unsigned n);

// A state that every turn updates in its place by appends: so is the loop's initial value.
bool updatesState(ir::LoopOp loop, unsigned n);

}  // namespace heed::fuse
