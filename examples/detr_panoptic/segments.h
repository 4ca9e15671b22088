// From masks of queries to one segment for each pixel.
#pragma once
#include <cstdint>
#include <vector>

#include "../shared/detections.h"
#include "heed/runtime/image/image.h"

namespace heed::examples {

struct Segment {
  std::int64_t query, category;
  double score;         // of the surest query that it is made of
  std::int64_t pixels;  // of the picture
};
struct Segmentation {
  std::vector<Segment> segments;  // largest first
  // of each pixel, row by row: an index into segments, -1 where there is none
  std::vector<int> owner;
};

// Each pixel goes to the query with the largest mask logit there; queries of one category that
// cannot be counted (category >= first_stuff) make one segment; what has less than four cells of
// the masks is left out (arXiv 2005.12872, section 4.2 and appendix A.5). found: the queries that
// count; masks: [1, queries, height, width].
Segmentation segments_of(const std::vector<Found>& found, const Tensor& masks, int picture_width,
                         int picture_height, std::int64_t first_stuff);

// The picture in the segments' colours, their borders white.
Image draw_segments(const Image& picture, const Segmentation& segmentation);

}  // namespace heed::examples
