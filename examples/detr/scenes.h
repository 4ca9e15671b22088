// Pictures composed of handwritten digits, as train_detr.py composes them: nothing of them is
// stored.
#pragma once
#include <string>
#include <vector>

#include "../shared/digits.h"
#include "heed/runtime/detection/set_loss.h"

namespace heed::examples {

inline constexpr int scene_side = 64;

struct Scenes {
  Tensor pictures;               // f32 [count, 1, scene_side, scene_side], ink from -1 to 1
  std::vector<Objects> objects;  // of each picture: digits, and boxes around their ink
};

// Pictures NAME.0, NAME.1, … of one to four of `digits` each; places, sizes and choice follow from
// a picture's name alone (heed::formula_value).
Scenes compose_scenes(const std::string& name, int count, const Digits& digits);

}  // namespace heed::examples
