// From a model's type to a program that runs: the one line between the DSL and the runtime.
//   auto program = heed::load<heed::nn::vit_b_16, image>();
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "heed/dsl/graph/encode.h"
#include "heed/dsl/graph_of.h"
#include "heed/runtime/compile.h"

namespace heed {

// Inputs are tensor types, such as tensor<f32, B, 3, 224, 224>; the program runs for every value of
// their symbols. input_names name them in messages.
template <class Model, class... Inputs>
  requires detail::Network<Model, Inputs...>::ok
Program load(const Options& options = {}, std::vector<std::string> input_names = {}) {
  return load_graph(graph::encode(graph_of<Model, Inputs...>, std::move(input_names)), options);
}

// A network that is wrong as a whole: the incomplete type says how, at the caller's line.
template <class Model, class... Inputs>
  requires(!detail::Network<Model, Inputs...>::ok)
typename detail::Network<Model, Inputs...>::error load(const Options& = {},
                                                       std::vector<std::string> = {});

}  // namespace heed
