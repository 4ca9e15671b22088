// What fusion left over: the traffic of kernels that compute nothing but elementwise work and
// copies.
#pragma once
#include <string>

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace heed::fuse {

// Bytes that heed.map kernels of a function read and write, each operand once, as an expression of
// the symbolic dimensions: "0", "802816*B + 4".
std::string movedBytes(mlir::func::FuncOp function);

}  // namespace heed::fuse
