// Elements as buffers hold them and as regions see them (f32, i32, i1), scalars and lanes alike.
#pragma once
#include "heed/compiler/lower/cpu/emit.h"

namespace heed::cpu {

Value fromStorage(Emit& e, Value x, DType dtype);
Value toStorage(Emit& e, Value x, DType dtype);

}  // namespace heed::cpu
