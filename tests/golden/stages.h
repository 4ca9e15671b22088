// Networks of stages of blocks, each with a golden tensor: the embedded patches, every block, the
// logits.
#pragma once
#include "golden.h"

namespace heed::golden {

struct Stages {
  const char *file, *name;  // blocks are NAME.0.blocks.0 and so on
  std::int64_t height, width;
  std::vector<int> depths;
  std::int64_t stride;
};

// Model has the probes `embed`, and `tokens` in every block. Runs the first `batch` images of the
// file's.
template <class Model, class Image>
void run_stages(const Stages& c, std::int64_t batch, const std::string& target,
                const std::string& fusion) {
  std::printf("%s batch %d target %s fusion %s\n", c.file, int(batch), target.c_str(),
              fusion.c_str());
  Options options;
  options.target = target;
  options.fusion = fusion;
  options.probes = {"embed"};
  std::vector<std::string> blocks;
  for (std::size_t stage = 0; stage < c.depths.size(); ++stage)
    for (int block = 0; block < c.depths[stage]; ++block)
      blocks.push_back(std::string(c.name) + "." + std::to_string(stage) + ".blocks." +
                       std::to_string(block));
  for (const std::string& block : blocks) options.probes.push_back(block + ".tokens");

  Program program = load<Model, Image>(options);
  Session session = program.bind(formula_checkpoint(program.parameters()));
  Checkpoint expected = reference(c.file);
  Results results = session.run(formula_tensor("input", {batch, 3, c.height, c.width}));
  auto compare = [&](const std::string& name, const Tensor& found, std::int64_t stride) {
    const std::size_t count =
        (found.as<float>().size() + std::size_t(stride) - 1) / std::size_t(stride);
    const Tensor all = expected.read(name);
    check(name.c_str(), found.as<float>(), all.as<float>().first(count), stride);
  };
  compare("embed", results.probe("embed"), c.stride);
  for (const std::string& block : blocks)
    compare(block, results.probe(block + ".tokens"), c.stride);
  compare("logits", results[0], 1);
}

}  // namespace heed::golden
