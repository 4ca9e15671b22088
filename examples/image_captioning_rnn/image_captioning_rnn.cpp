// What a picture shows, in words: a recurrent network looks at a grid of the picture's parts for
// every word that it writes (Xu et al., Show, Attend and Tell, 2015). Where it looks is drawn word
// by word.
#include <algorithm>

#include "../shared/command_line.h"
#include "../shared/files.h"
#include "../shared/report.h"
#include "caption_networks.h"
#include "heed/dsl/load.h"

using namespace heed;
using namespace heed::examples;

namespace {

StepProgram::Memory memory_of(const Results& read) {
  StepProgram::Memory memory;
  memory.states.push_back(read[1].copy());
  memory.held.push_back(read[0].copy());
  return memory;
}

void run(const CommonOptions& arguments) {
  const Load read = [](const Options& options) {
    return heed::load<caption_reading, pictures_type>(options, {"pictures"});
  };
  const Load write = [](const Options& options) {
    return heed::load<caption_writing, last_words, caption_states, grid_type>(
        options, {"word", "state", "cells"});
  };
  const Checkpoint weights = Checkpoint::open(
      example_file("image_captioning_rnn/captions_rnn.safetensors", arguments.weights));
  const Program reader = read(arguments.program), writer = write(arguments.program);
  say_compiled(reader);
  const Checkpoint reader_weights = only_parameters(weights, reader);
  Session reading = reader.bind(reader_weights);
  const Session writing = writer.bind(only_parameters(weights, writer));

  const CaptionedPictures test = read_captions();
  say_exact_captions(
      [&](const Tensor& pictures, const auto& use) {
        StepProgram step(writing.sibling(writing.threads()), memory_of(reading.run(pictures)),
                         pictures.sizes()[0]);
        use(step);
      },
      test);

  const std::int64_t shown_picture = full_picture(test);
  const Tensor picture = some_pictures(test, shown_picture, 1);
  StepProgram step(writing.sibling(writing.threads()), memory_of(reading.run(picture)), 1);
  std::vector<std::string> words;
  std::vector<float> looks;
  for (std::int64_t word = caption_limits.start; step.position() < caption_limits.longest;) {
    const Results results = step.step({&word, 1});  // state, logits, weights
    const auto logits = results[1].as<float>(), weights_of_cells = results[2].as<float>();
    word = std::ranges::max_element(logits) - logits.begin();
    if (word == caption_limits.stop) break;
    words.emplace_back(caption_words[std::size_t(word)]);
    looks.insert(looks.end(), weights_of_cells.begin(), weights_of_cells.end());
  }
  const auto map = output_file("image_captioning_rnn.png", arguments.attention_map);
  write_png(map, draw_words(picture, words, looks));
  say_written(test.captions[std::size_t(shown_picture)], words);
  say("map", shown(map) + ": the picture once for each word, and where the network looks");

  say_times(reading, read, reader_weights, arguments.program, {&picture});
  write_profile(reading, arguments, {&picture});
}

}  // namespace

int main(int argc, char** argv) {
  CommonOptions arguments;
  CommandLine command_line(
      "Captions of pictures with handwritten digits, by a recurrent network with attention.",
      arguments, {"--image"});
  return command_line.run(argc, argv, [&] { run(arguments); });
}
