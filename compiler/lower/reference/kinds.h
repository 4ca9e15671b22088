// One function a kernel kind, each a specification of it; lower_reference.cpp chooses.
#pragma once
#include "heed/compiler/lower/reference/writer.h"

namespace heed::reference {

using Lowering = mlir::FailureOr<tile::Lowered>;

Lowering contract(Writer& w, ir::ContractOp op);
Lowering attention(Writer& w, ir::AttentionOp op);
Lowering rows(Writer& w, ir::RowsOp op);
Lowering map(Writer& w, ir::MapOp op);
Lowering pack(Writer& w, ir::PackOp op);

}  // namespace heed::reference
