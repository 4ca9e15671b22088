// The loss of a network that predicts a set: every object of an image is matched with one query,
// the rest must say that they see nothing (Carion et al., End-to-End Object Detection with
// Transformers, 2020, sections 3.1 and A.2).
#pragma once
#include <span>
#include <vector>

#include "heed/runtime/detection/assignment.h"
#include "heed/runtime/detection/boxes.h"

namespace heed {

// What there is to see in one image; boxes are shares of its width and height.
struct Objects {
  std::vector<std::int64_t> classes;
  std::vector<Centred> boxes;
};

struct SetLossWeights {
  struct Terms {
    double classification, l1, giou;
  };
  Terms cost{1, 5, 2};     // of matching a query with an object: -probability, L1 distance, -GIoU
  Terms loss{1, 5, 2};     // in the total
  double no_object = 0.1;  // weight of queries without an object in the cross entropy
};

struct SetLoss {
  double classification = 0;  // cross entropy over all queries, the weighted mean
  // sums of |box - object| and 1 - GIoU over the pairs, divided by the batch's objects
  double l1 = 0, giou = 0;
  double total = 0;           // their weighted sum
  std::vector<std::vector<Match>> matches;  // of each image: row a query, column an object
};

// logits: f32 [batch, queries, classes + 1], the last for no object; boxes: f32 [batch, queries,
// 4], centred. A batch without objects is divided by 1. Throw Error where sizes do not fit, a class
// is none, an image has more objects than queries or a value is not finite.
std::vector<std::vector<Match>> match_objects(const Tensor& logits, const Tensor& boxes,
                                              std::span<const Objects> objects,
                                              const SetLossWeights& weights = {});
SetLoss set_loss(const Tensor& logits, const Tensor& boxes, std::span<const Objects> objects,
                 const SetLossWeights& weights = {});

}  // namespace heed
