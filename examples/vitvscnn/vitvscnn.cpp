// Vision transformers against a convolutional network: what they cost, and from how far away each
// layer takes what it computes. Attention may look everywhere at once, or in windows; a
// convolution's field grows layer by layer.
#include <algorithm>
#include <filesystem>
#include <regex>

#include "../../bench/process.h"
#include "../../bench/temporary.h"
#include "../shared/charts.h"
#include "../shared/classify.h"
#include "../shared/command_line.h"
#include "../shared/files.h"
#include "../shared/timm_names.h"
#include "heed/dsl/graph/work.h"
#include "heed/dsl/load.h"
#include "heed/dsl/nn/mvit_v2.h"
#include "heed/dsl/nn/resnet.h"
#include "heed/dsl/nn/swin.h"
#include "heed/dsl/nn/vision_transformer.h"
#include "heed/runtime/formula.h"
#include "reach.h"

using namespace heed;
using namespace heed::examples;

namespace {

constexpr int side = 224;
using photographs = tensor<f32, dim("B"), 3, side, side>;

struct Arguments : CommonOptions {
  std::string chart, program_file;
};

struct Network {
  std::string name, file;  // FILE.safetensors holds its weights
  Preprocess how;
  std::int64_t parameters;
  const graph::Function* graph;
  Load load;
};
template <class Model>
Network network(const std::string& name, const std::string& file, const Preprocess& how) {
  return {
      name,
      file,
      how,
      manifest<Model, photographs>.elements,
      &graph_of<Model, photographs>,
      [](const Options& options) { return heed::load<Model, photographs>(options, {"images"}); }};
}

Checkpoint weights_of(const Network& n, const Program& program, const Arguments& arguments) {
  if (arguments.weights.empty()) return formula_checkpoint(program.parameters());
  const auto file = std::filesystem::path(arguments.weights) / (n.file + ".safetensors");
  if (!std::filesystem::exists(file)) {
    say("weights", n.name + ": by a formula, there is no " + shown(file));
    return formula_checkpoint(program.parameters());
  }
  say("weights", n.name + ": " + shown(file));
  return only_parameters(with_timm_names(Checkpoint::open(file)), program);
}

// VmHWM of a process that opens the compiled program, takes formula weights and runs once.
double peak_mb(const Program& program, const Arguments& arguments) {
  const bench::TemporaryFolder folder;
  const std::string file = folder.path + "/model.heed";
  program.save(file);
  return bench::number_from_child(
      "vitvscnn", {"--program", file, "--threads", std::to_string(arguments.program.threads)});
}
void print_peak_of(const Arguments& arguments) {
  const Program program = Program::open(arguments.program_file, arguments.program.threads);
  Session session = program.bind(formula_checkpoint(program.parameters()));
  Tensor image(DType::f32, {1, 3, side, side});
  formula_input("input", image.as<float>());
  session.run(image);
  std::printf("%.1f\n", bench::resident_peak_mb());
}

// Block by block: mean attention distances, or half the receptive field's height where there is no
// attention.
std::vector<double> reach_of(const Network& n, const Checkpoint& weights, const Tensor& input,
                             const Options& options) {
  std::vector<double> reach;
  const std::vector<std::string> probes = probes_named(*n.graph, "attention");
  if (probes.empty()) {
    for (const ReceptiveField& field : receptive_fields(*n.graph))
      if (std::regex_match(field.module, std::regex("layer[0-9]+\\.[0-9]+")))
        reach.push_back(double(field.pixels) / 2);
    return reach;
  }
  Session session = with_probes(n.load, options, weights, probes);
  const Results results = session.run(input);
  for (const std::string& probe : probes)
    reach.push_back(mean_attention_distance(results.probe(probe), side));
  return reach;
}

void compare(const Arguments& arguments) {
  const Network networks[] = {
      network<nn::vit_b_16>("ViT-B/16", "vit_b_16", {}),
      network<nn::swin_t>("Swin-T", "swin_t", imagenet_pictures),
      network<nn::mvitv2_tiny>("MViTv2-T", "mvitv2_tiny", imagenet_pictures),
      network<nn::resnet50>("ResNet-50", "resnet50", imagenet_pictures)};
  const auto file = example_file("data/china.jpg", arguments.image);
  const Image picture = read_image(file);
  say("image", shown(file));
  if (arguments.weights.empty())
    say("weights",
        "none given: made by a formula, so the distances below are not those of trained networks");

  std::vector<Curve> curves;
  std::vector<std::string> lines;
  for (const Network& n : networks) {
    Options fused_options = arguments.program, unfused_options = arguments.program;
    fused_options.fusion = "all";
    unfused_options.fusion = "none";
    const Program program = n.load(fused_options), other = n.load(unfused_options);
    const Checkpoint weights = weights_of(n, program, arguments);
    const Tensor input = imagenet_preprocess(picture, n.how);
    Session fused = program.bind(weights), unfused = other.bind(weights);
    const Turns turns = take_turns(fused, unfused, {&input});
    const std::vector<double> reach = reach_of(n, weights, input, arguments.program);

    curves.push_back({n.name, {}});
    std::string layers;
    for (std::size_t i = 0; i < reach.size(); ++i) {
      curves.back().points.emplace_back(100 * double(i + 1) / double(reach.size()), reach[i]);
      layers += format(" %.0f", reach[i]);
    }
    say("reach", n.name + ", pixels, block by block:" + layers);
    lines.push_back(format("%-10s %6.1f %6.1f %9.1f %8.1f %5.2f %9.0f %8.0f", n.name.c_str(),
                           1e-6 * double(n.parameters),
                           1e-9 * graph::flops(*n.graph, {{1, 3, side, side}}), turns.ms,
                           turns.other_ms, turns.other_ms / turns.ms, peak_mb(program, arguments),
                           peak_mb(other, arguments)));
  }
  std::printf("\n%-10s %6s %6s %9s %8s %5s %9s %8s\n", "", "10^6", "", "ms", "ms", "", "peak MB",
              "peak MB");
  std::printf("%-10s %6s %6s %9s %8s %5s %9s %8s\n", "network", "param.", "GFLOP", "fused",
              "unfused", "ratio", "fused", "unfused");
  for (const std::string& line : lines) std::printf("%s\n", line.c_str());
  std::printf("\n");
  const auto chart = output_file("vitvscnn.svg", arguments.chart);
  write_curves(chart,
               {"depth, % of the blocks", "pixels: mean distance, or half a receptive field"},
               curves);
  say("chart", shown(chart));
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CommandLine command_line(
      "Vision transformers and a convolutional network: size, work, time, memory, reach.",
      arguments, {"--fusion", "--profile", "--attention-map"});
  command_line.add_text("--chart", arguments.chart, "where the reach of the layers is drawn, SVG");
  command_line.add_text("--program", arguments.program_file,
                        "instead: the peak of memory of running this compiled network once, in MB");
  return command_line.run(argc, argv, [&] {
    if (arguments.program_file.empty()) compare(arguments);
    else print_peak_of(arguments);
  });
}
