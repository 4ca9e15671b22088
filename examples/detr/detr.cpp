// Detection as a set: a small DETR that finds handwritten digits, or DETR-R50 on a photograph.
// Boxes with names, and where one of the queries looks.
#include "heed/dsl/nn/detr.h"

#include <algorithm>
#include <ranges>

#include "../shared/classify.h"
#include "../shared/command_line.h"
#include "../shared/detections.h"
#include "../shared/files.h"
#include "../shared/marks.h"
#include "../shared/matrix_picture.h"
#include "digit_detr.h"
#include "heed/dsl/load.h"
#include "heed/runtime/detection/average_precision.h"
#include "heed/runtime/error.h"
#include "heed/runtime/image/heat_map.h"
#include "scenes.h"

using namespace heed;
using namespace heed::examples;

namespace {

constexpr dim B{"B"}, H{"H"}, W{"W"};

using pictures = tensor<f32, B, 1, scene_side, scene_side>;
using photographs = tensor<f32, B, 3, H, W>;

static_assert(manifest<nn::detr_r50, photographs>.elements == 41'631'008);

struct Arguments : CommonOptions {
  std::string model = "digits";
  int query = -1, side = 800;
  bool manifest = false;
};

// A detector at work on one picture: [cells high, cells wide] of its features, layers of its
// decoder.
struct View {
  std::vector<std::string> names;
  std::int64_t height, width;
  int layers, scale;  // scale: of the marks
};

void require_query(const Arguments& arguments, int queries) {
  if (arguments.query >= queries)
    throw Error("detr: --query ", arguments.query, ", there are queries 0 to ", queries - 1);
}

// Says and draws what was found, then where the query with the surest object looks, or the one that
// --query names.
void show(const View& view, Session& session, const std::string& probe, const Tensor& input,
          const Image& picture, const Arguments& arguments) {
  const Results results = session.run(input);
  std::vector<Found> found = objects_found(results[0], results[1], 0);
  const std::int64_t queries = results[0].sizes()[1];
  const Found chosen = arguments.query < 0
                           ? found.front()
                           : *std::ranges::find(found, arguments.query, &Found::query);

  const auto sure = std::ranges::count_if(found, [](const Found& f) { return f.score >= 0.5; });
  say("objects",
      format("%ld of %ld queries see one with 50 %% or more", long(sure), long(queries)));
  found.resize(std::size_t(std::max<std::ptrdiff_t>(sure, 1)));
  Image boxes = picture;
  for (const Found& f : found) {
    const Corners at = corners_of(f.box);
    const std::string& name = view.names.at(std::size_t(f.category));
    say("object",
        format("%-14s %5.1f %%  from (%.2f, %.2f) to (%.2f, %.2f), query %ld", name.c_str(),
               100 * f.score, at.left, at.top, at.right, at.bottom, long(f.query)));
    draw_frame(boxes, at, colour_of(f.category), 2 * view.scale);
  }
  for (const Found& f : found | std::views::reverse) {  // the surest lies on top
    const Corners at = corners_of(f.box);
    draw_label(boxes, int(at.left * boxes.width), int(at.top * boxes.height) - 11 * view.scale,
               format("%s %.0f%%", view.names.at(std::size_t(f.category)).c_str(), 100 * f.score),
               colour_of(f.category), view.scale);
  }

  // [1, heads, queries, cells]
  const Tensor& attention = results.probe(probe);
  const auto mean = mean_of_heads(attention.as<float>(), int(attention.sizes()[1]));
  const auto cells = std::size_t(view.height * view.width);
  const std::span<const float> seen(mean.data() + std::size_t(chosen.query) * cells, cells);
  Image looks = draw_heat_map(picture, {seen, int(view.height), int(view.width)});
  draw_frame(looks, corners_of(chosen.box), {255, 255, 255}, view.scale);
  const auto file = output_file("detr_objects.png", arguments.attention_map);
  write_png(file, side_by_side({boxes, looks}, 2));
  say("picture", format("%s: what was found, and where query %ld looks", shown(file).c_str(),
                        long(chosen.query)));
}

std::string attention_of_layer(int layer) {
  return "model.decoder.layers." + std::to_string(layer) + ".encoder_attn.attention";
}

void digits(const Arguments& arguments) {
  if (arguments.manifest) return print_manifest<digit_detr, pictures>();
  require_query(arguments, 16);
  const Load load = [](const Options& options) {
    return heed::load<digit_detr, pictures>(options, {"pictures"});
  };
  const Checkpoint weights =
      Checkpoint::open(example_file("detr/digits_detr.safetensors", arguments.weights));
  say("weights", shown(weights.origin()));
  const Program program = load(arguments.program);
  say_compiled(program);
  Session session = program.bind(weights);

  const Scenes test = compose_scenes(
      "test", 200, read_digits(example_file("vit/digits.safetensors"), DigitSplit::test));
  const Results results = session.run(test.pictures);
  std::vector<Detection> detections;
  std::vector<LabelledBox> labelled;
  for (std::int64_t n = 0; n < std::int64_t(test.objects.size()); ++n) {
    for (const Found& f : objects_found(results[0], results[1], n))
      detections.push_back({n, f.category, f.score, corners_of(f.box)});
    const Objects& there = test.objects[std::size_t(n)];
    for (std::size_t i = 0; i < there.classes.size(); ++i)
      labelled.push_back({n, there.classes[i], corners_of(there.boxes[i])});
  }
  say("mAP@0.5", format("%.1f %%", 100 * average_precision(detections, labelled).mean));
  say("test", format("%zu pictures of %zu digits that training never saw", test.objects.size(),
                     labelled.size()));

  Tensor input(DType::f32, {1, 1, scene_side, scene_side});
  if (arguments.image.empty())
    std::ranges::copy(test.pictures.as<float>().first(std::size_t(input.count())),
                      input.as<float>().begin());
  else input = ink_from(read_image(arguments.image), scene_side);
  say("image", arguments.image.empty() ? "the first of them" : shown(arguments.image));
  say_times(session, load, weights, arguments.program, {&input});
  write_profile(session, arguments, {&input});
  const std::string probe = attention_of_layer(digit_detr::depth - 1);
  Session probed = with_probes(load, arguments.program, weights, {probe});
  show({{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, 8, 8, digit_detr::depth, 4}, probed,
       probe, input, picture_of_ink(input, 0), arguments);
}

void photograph(const Arguments& arguments) {
  if (arguments.manifest) return print_manifest<nn::detr_r50, photographs>();
  require_query(arguments, 100);
  const auto file = example_file("data/china.jpg", arguments.image);
  const Image picture =
      whole_picture(read_image(file), arguments.side, std::max(1333, arguments.side));
  const Tensor input = normalized(picture, imagenet_pictures);
  const Load load = [](const Options& options) {
    return heed::load<nn::detr_r50, photographs>(options, {"images"});
  };
  const std::string probe = attention_of_layer(5);
  Options options = arguments.program;
  options.probes = {probe};
  const Program program = load(options);
  say_compiled(program);
  const Checkpoint weights = weights_or_formula(program, arguments.weights);
  if (arguments.weights.empty()) say("", "so what is found below means nothing");
  say("image", format("%s as %d × %d", shown(file).c_str(), picture.width, picture.height));

  Session session = program.bind(weights);
  show({lines_of(example_file("data/coco_classes.txt")), (picture.height + 31) / 32,
        (picture.width + 31) / 32, 6, 2},
       session, probe, input, picture, arguments);
  write_profile(session, arguments, {&input});
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CommandLine command_line(
      "Detection as a set: a DETR on pictures of handwritten digits or a photograph.", arguments);
  command_line.add_choice("--model", arguments.model, {"digits", "r50"},
                          "digits: a small one with its weights; DETR-R50: transformers' names");
  command_line.add_number("--query", arguments.query, -1, 999,
                          "whose attention is drawn; -1: of the surest object");
  command_line.add_number("--side", arguments.side, 32, 2048,
                          "r50: shorter side of the picture that it sees");
  command_line.add_flag("--manifest", arguments.manifest,
                        "print the names and shapes that --weights must hold");
  return command_line.run(argc, argv, [&] {
    if (arguments.model == "r50") photograph(arguments);
    else digits(arguments);
  });
}
