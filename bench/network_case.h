// A whole network as a case: formula weights and inputs, checked against a golden file.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "cases.h"
#include "heed/dsl/graph/work.h"
#include "heed/dsl/load.h"
#include "heed/runtime/checkpoint.h"
#include "heed/runtime/formula.h"
#include "references.h"

namespace heed::bench {

// Where the result is known: FILE.safetensors in tests/golden, of whose `tensor` the first elements
// are every stride-th of the result.
struct Golden {
  std::string file, tensor = "logits";
  std::size_t stride = 1;
};

// The inputs' formula names, and their sizes.
using FormulaInputs = std::vector<std::pair<std::string, Sizes>>;

template <class Model, class... Inputs>
Case network_case(const std::string& name, const FormulaInputs& inputs, const Golden& golden) {
  Case c{"model", name, {}, {}, {}, {}};
  c.gflop = [inputs] {
    std::vector<std::vector<std::int64_t>> sizes;
    for (const auto& [input, extents] : inputs) sizes.emplace_back(extents.begin(), extents.end());
    return 1e-9 * graph::flops(graph_of<Model, Inputs...>, sizes);
  };
  c.load = [](const Options& options) { return heed::load<Model, Inputs...>(options); };
  c.inputs = [inputs](int set) {
    std::vector<Tensor> tensors;
    for (const auto& [input, sizes] : inputs) {
      tensors.emplace_back(DType::f32, sizes);
      formula_input(set ? input + std::to_string(set) : input, tensors.back().as<float>());
    }
    return tensors;
  };
  c.check = [name, golden](const std::vector<Tensor>&, const Tensor& result) {
    const Tensor expected =
        Checkpoint::open(HEED_GOLDEN_DIR "/" + golden.file + ".safetensors").read(golden.tensor);
    std::vector<float> found;
    for (std::size_t n = 0; n < std::size_t(result.count()); n += golden.stride)
      found.push_back(result.as<float>()[n]);
    require_close(found, expected.as<float>().first(found.size()), name + ": " + golden.tensor);
  };
  return c;
}

}  // namespace heed::bench
