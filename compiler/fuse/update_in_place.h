// The proof that an append may write over the cache it starts from.
#pragma once
#include "heed/compiler/dialect/heed.h"

namespace heed::fuse {

// x is not read behind the kernel op `append`, and it is the session's to write: another kernel's result in the same block,
// or an input of @main whose place a result takes in the end. Appends that follow must have been judged already.
bool mayUpdate(mlir::Value x, mlir::Operation* append);

}  // namespace heed::fuse
