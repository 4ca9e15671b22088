// From how far away a layer of a network takes what it computes, in pixels of the picture.
#pragma once
#include <string>
#include <vector>

#include "heed/dsl/graph/graph.h"
#include "heed/runtime/tensor.h"

namespace heed::examples {

// Module paths of all probes of this name, in the order of computation.
std::vector<std::string> probes_named(const graph::Function& network, const std::string& name);

// Mean distance between a query and the keys that it attends to (An Image Is Worth 16x16 Words,
// arXiv 2010.11929, appendix D.7): pixels, each pair weighted by its attention, mean over queries
// and heads. attention: [windows, heads, queries, keys] of square grids of cells in square windows
// that cover a picture of side × side pixels; a class token before the cells is left out.
double mean_attention_distance(const Tensor& attention, double side);

// The pixels along the height of an image [batch, channels, height, width] that a cell of a
// module's result sees through convolutions and pooling.
struct ReceptiveField {
  std::string module;   // path of the call
  std::int64_t pixels;  // theoretical, may exceed the image
};
// Of all modules of a network of one image, in the order of computation.
std::vector<ReceptiveField> receptive_fields(const graph::Function& network);

}  // namespace heed::examples
