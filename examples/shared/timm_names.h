// Checkpoints of Swin as they are published.
#pragma once
#include "heed/runtime/checkpoint.h"

namespace heed::examples {

// The tensors under the names of today's timm: older files hold tables that are computed here
// (attn_mask, relative_position_index), count merges to the stage before and name the classifier
// `head`. Others are left as they are.
Checkpoint with_timm_names(const Checkpoint& checkpoint);

}  // namespace heed::examples
