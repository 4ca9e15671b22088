// Every pixel of a photograph belongs to something: DETR's queries with the masks that they paint.
#include "heed/dsl/nn/detr_panoptic.h"

#include <algorithm>
#include <iterator>

#include "../shared/classify.h"
#include "../shared/command_line.h"
#include "../shared/files.h"
#include "../shared/marks.h"
#include "../shared/matrix_picture.h"
#include "heed/dsl/load.h"
#include "segments.h"

using namespace heed;
using namespace heed::examples;

namespace {

using photographs = tensor<f32, dim("B"), 3, dim("H"), dim("W")>;
constexpr std::size_t surest = 12;  // queries that are drawn where none is sure

struct Arguments : CommonOptions {
  int side = 480, threshold = 85;
  bool manifest = false;
};

void photograph(const Arguments& arguments) {
  if (arguments.manifest) return print_manifest<nn::detr_panoptic_r50, photographs>();
  const auto file = example_file("data/china.jpg", arguments.image);
  const Image picture =
      whole_picture(read_image(file), arguments.side, std::max(1333, arguments.side));
  const Tensor input = normalized(picture, imagenet_pictures);
  const Program program =
      heed::load<nn::detr_panoptic_r50, photographs>(arguments.program, {"images"});
  say_compiled(program);
  const Checkpoint weights = weights_or_formula(program, arguments.weights);
  if (arguments.weights.empty()) say("", "so what is found below means nothing");
  say("image", format("%s as %d × %d", shown(file).c_str(), picture.width, picture.height));

  Session session = program.bind(weights);
  const Results results = session.run(input);  // scores, boxes, masks
  std::vector<Found> found = objects_found(results[0], results[1], 0);
  const auto queries = long(found.size());
  const auto sure = std::ranges::count_if(
      found, [&](const Found& f) { return 100 * f.score >= arguments.threshold; });
  say("queries", format("%ld of %ld see something with %d %% or more%s", long(sure), queries,
                        arguments.threshold, sure ? "" : "; the surest are shown"));
  found.resize(sure ? std::size_t(sure) : std::min(surest, found.size()));

  std::vector<std::string> names = lines_of(example_file("data/coco_classes.txt"));
  const auto first_stuff = std::int64_t(names.size());
  std::ranges::copy(lines_of(example_file("data/coco_stuff.txt")), std::back_inserter(names));
  const Segmentation segmentation =
      segments_of(found, results[2], picture.width, picture.height, first_stuff);
  Image drawn = draw_segments(picture, segmentation);
  for (std::size_t i = 0; i < segmentation.segments.size(); ++i) {
    const Segment& s = segmentation.segments[i];
    const std::string name = s.category < std::int64_t(names.size())
                                 ? names[std::size_t(s.category)]
                                 : format("category %ld", long(s.category));
    say("segment",
        format("%-14s %5.1f %%  covers %4.1f %% of the picture, query %ld", name.c_str(),
               100 * s.score, 100.0 * double(s.pixels) / double(segmentation.owner.size()),
               long(s.query)));
    draw_label(drawn, 4, 4 + 24 * int(i), format("%s %.0f%%", name.c_str(), 100 * s.score),
               colour_of(std::int64_t(i)));
  }
  const auto out = output_file("detr_segments.png", arguments.attention_map);
  write_png(out, side_by_side({picture, drawn}, 2));
  say("picture", shown(out) + ": the photograph and its segments");
  write_profile(session, arguments, {&input});
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CommandLine command_line(
      "Panoptic segmentation: a DETR that paints what it finds in a photograph.", arguments);
  command_line.add_number("--side", arguments.side, 32, 2048,
                          "shorter side of the picture that it sees");
  command_line.add_number("--threshold", arguments.threshold, 0, 100,
                          "from which score, in %, a query counts");
  command_line.add_flag("--manifest", arguments.manifest,
                        "print the names and shapes that --weights must hold");
  return command_line.run(argc, argv, [&] { photograph(arguments); });
}
