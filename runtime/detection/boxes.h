// Boxes of an image, by their corners or their centre, and how much two of them overlap.
#pragma once
#include "heed/runtime/tensor.h"

namespace heed {

// Any unit: pixels, or shares of the image's width and height.
struct Corners {
  double left = 0, top = 0, right = 0, bottom = 0;
};
struct Centred {
  double x = 0, y = 0, width = 0, height = 0;  // x, y: the centre
};

Corners corners_of(const Centred& box);
Centred centred_of(const Corners& box);

double area(const Corners& box);  // 0 where right < left or bottom < top
double intersection(const Corners& a, const Corners& b);

// Intersection over union, in [0, 1]; 0 where both are empty.
double iou(const Corners& a, const Corners& b);
// Generalised IoU, in [-1, 1]: the IoU less the share of the smallest enclosing box that neither
// covers (Rezatofighi et al., Generalized Intersection over Union, 2019, algorithm 1). -1 where the
// enclosing box is empty.
double giou(const Corners& a, const Corners& b);

// f32 [..., 4] from one form to the other.
Tensor to_corners(const Tensor& centred);
Tensor to_centred(const Tensor& corners);

// f32 [batch, n, 4] and [batch, m, 4], corners, give [batch, n, m]. Throw Error on other sizes.
Tensor pairwise_iou(const Tensor& a, const Tensor& b);
Tensor pairwise_giou(const Tensor& a, const Tensor& b);

}  // namespace heed
