// What a picture shows, in words, by a Transformer's decoder over a grid of the picture's parts:
// the task of image_captioning_rnn, written one word at a time with a cache of keys and values.
#include <algorithm>

#include "../shared/command_line.h"
#include "../shared/files.h"
#include "../shared/report.h"
#include "caption_transformer.h"
#include "heed/dsl/load.h"

using namespace heed;
using namespace heed::examples;

namespace {

const std::string last_layer = "decoder.layers.1.multihead_attn.attention";

StepProgram::Memory memory_of(const Results& read, std::int64_t rows) {
  StepProgram::Memory memory;
  memory.caches.emplace_back(
      DType::f32, Sizes{caption_size.decoders, rows, caption_limits.longest, 2 * grid_features});
  memory.held.push_back(read[0].copy());
  return memory;
}

void run(const CommonOptions& arguments) {
  const Load read = [](const Options& options) {
    return heed::load<caption_reader, pictures_type>(options, {"pictures"});
  };
  const Load write = [](const Options& options) {
    return heed::load<caption_step, last_words, last_words, caption_cache, caption_memory>(
        options, {"word", "position", "cache", "memory"});
  };
  const Checkpoint weights = Checkpoint::open(example_file(
      "image_captioning_transformer/captions_transformer.safetensors", arguments.weights));
  const Program reader = read(arguments.program), writer = write(arguments.program);
  say_compiled(writer);
  const Checkpoint reader_weights = only_parameters(weights, reader),
                   writer_weights = only_parameters(weights, writer);
  Session reading = reader.bind(reader_weights);
  const Session writing = writer.bind(writer_weights);

  const CaptionedPictures test = read_captions();
  say_exact_captions(
      [&](const Tensor& pictures, const auto& use) {
        const std::int64_t rows = pictures.sizes()[0];
        StepProgram step(writing.sibling(writing.threads()), memory_of(reading.run(pictures), rows),
                         rows);
        use(step);
      },
      test);

  const std::int64_t shown_picture = full_picture(test);
  const Tensor picture = some_pictures(test, shown_picture, 1);
  StepProgram step(with_probes(write, arguments.program, writer_weights, {last_layer}),
                   memory_of(reading.run(picture), 1), 1);
  std::vector<std::string> words;
  std::vector<float> looks;
  for (std::int64_t word = caption_limits.start; step.position() < caption_limits.longest;) {
    const Results results = step.step({&word, 1});  // rows of the cache, logits
    const auto logits = results[1].as<float>();
    word = std::ranges::max_element(logits) - logits.begin();
    if (word == caption_limits.stop) break;
    words.emplace_back(caption_words[std::size_t(word)]);
    const auto heads = results.probe(last_layer).as<float>();  // [1, heads, 1, cells]
    for (std::size_t cell = 0; cell < std::size_t(grid_cells); ++cell) {
      float mean = 0;
      for (std::size_t h = 0; h < std::size_t(caption_size.heads); ++h)
        mean += heads[h * std::size_t(grid_cells) + cell] / float(caption_size.heads);
      looks.push_back(mean);
    }
  }
  const auto map = output_file("image_captioning_transformer.png", arguments.attention_map);
  write_png(map, draw_words(picture, words, looks));
  say_written(test.captions[std::size_t(shown_picture)], words);
  say("map",
      shown(map) +
          ": the picture once for each word, and where the last layer looks, mean of its heads");

  say_times(reading, read, reader_weights, arguments.program, {&picture});
  write_profile(reading, arguments, {&picture});
}

}  // namespace

int main(int argc, char** argv) {
  CommonOptions arguments;
  CommandLine command_line(
      "Captions of pictures with handwritten digits, by a Transformer's decoder.", arguments,
      {"--image"});
  return command_line.run(argc, argv, [&] { run(arguments); });
}
