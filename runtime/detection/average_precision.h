// How well detections agree with what is there: average precision as the COCO challenge defines it
// (Lin et al., Microsoft COCO, 2014, and its evaluation code's rules), over any number of images.
#pragma once
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <vector>

#include "heed/runtime/detection/boxes.h"

namespace heed {

struct Detection {
  std::int64_t image, category;
  double score;
  Corners box;
};

struct LabelledBox {
  std::int64_t image, category;
  Corners box;
  bool crowd = false;  // a group: what lies in it is neither right nor wrong
};

struct PrecisionOptions {
  std::vector<double> thresholds = {0.5};  // of the IoU from which a box counts as found
  std::int64_t most_detections = 100;      // of an image and category, the likeliest ones
  // Labelled boxes of other areas are neither expected nor wrong to find.
  double least_area = 0, largest_area = std::numeric_limits<double>::infinity();

  static PrecisionOptions coco();  // thresholds 0.5, 0.55, … 0.95
};

struct AveragePrecision {
  // over thresholds and the categories that are labelled; NaN without any
  double mean = 0;
  std::vector<double> at;                      // of each threshold, mean over the categories
  std::map<std::int64_t, double> of_category;  // mean over the thresholds
};

// Detections of one image and category are taken by falling score; each finds the free box that it
// overlaps most. The precision is made monotone and read at the recalls 0, 0.01, … 1. Throws Error
// on a score or box that is NaN.
AveragePrecision average_precision(std::span<const Detection> detections,
                                   std::span<const LabelledBox> labelled,
                                   const PrecisionOptions& options = {});

}  // namespace heed
