// Sequence to sequence with attention (Bahdanau et al. 2015): the task of seq2seq_rnn, but for
// every letter that it writes the network looks at all that was read. Long texts become no harder,
// and where it looks can be seen.
#include <algorithm>

#include "../shared/command_line.h"
#include "../shared/date_networks.h"
#include "../shared/date_translator.h"
#include "../shared/files.h"
#include "../shared/report.h"
#include "heed/dsl/load.h"

using namespace heed;
using namespace heed::examples;

namespace {

struct Arguments : CommonOptions {
  std::string text = "monday, march 5th 1979 until 7.12.2031", curve;
};

// One letter and what the text's letters weigh for it.
struct Alignment {
  std::string letters;         // read from the text
  std::string written;         // a letter each, "." for stop
  std::vector<float> weights;  // [written, letters]
};
Alignment align(DateTranslator& translate, const std::string& text) {
  Alignment alignment{text, "", {}};
  StepProgram writer = translate.after_reading({&text, 1});
  std::int64_t letter = date_limits.start;
  for (std::int64_t step = 0; step < date_limits.longest; ++step) {
    const Results results = writer.step({&letter, 1});  // state, logits, weights
    const auto logits = results[1].as<float>(), weights = results[2].as<float>();
    letter = std::ranges::max_element(logits) - logits.begin();
    alignment.weights.insert(alignment.weights.end(), weights.begin(), weights.end());
    alignment.written += letter == date_limits.stop ? '.' : target_alphabet[std::size_t(letter)];
    if (letter == date_limits.stop) break;
  }
  return alignment;
}

std::vector<std::string> letters_of(const std::string& text) {
  std::vector<std::string> letters;
  for (const char c : text) letters.emplace_back(1, c);
  return letters;
}

void run(const Arguments& arguments) {
  const Load read = [](const Options& options) {
    return heed::load<reading, date_texts, text_lengths>(options, {"texts", "lengths"});
  };
  const Load write = [](const Options& options) {
    return heed::load<writing_with_attention, last_letters, writer_states, text_memory,
                      text_lengths>(options, {"letter", "state", "memory", "lengths"});
  };
  const auto blind_file = example_file("seq2seq_rnn/dates_rnn.safetensors");
  const Checkpoint weights = Checkpoint::open(example_file(
                       "seq2seq_attention/dates_attention.safetensors", arguments.weights)),
                   blind_weights = Checkpoint::open(blind_file);
  const Program reader = read(arguments.program), writer = write(arguments.program),
                blind_writer = heed::load<writing_without_attention, last_letters, writer_states,
                                          text_summary>(arguments.program);
  say_compiled(writer);
  DateTranslator translate(reader.bind(only_parameters(weights, reader)),
                           writer.bind(only_parameters(weights, writer)), all_that_was_read);
  DateTranslator blind(reader.bind(only_parameters(blind_weights, reader)),
                       blind_writer.bind(only_parameters(blind_weights, blind_writer)),
                       last_states_alone);
  const std::vector<DatedText> test = read_dates();
  const Curve curves[] = {say_exact_match("with attention", translate, test),
                          say_exact_match("without attention", blind, test)};
  const auto curve_file = output_file("seq2seq_curves.svg", arguments.curve);
  write_curves(curve_file, {"letters of the text", "texts without a mistake, %"}, curves);
  say("curve",
      shown(curve_file) + format(": longest texts %.0f %% with attention, %.0f %% without",
                                 curves[0].points.back().second, curves[1].points.back().second));

  const Alignment alignment = align(translate, arguments.text);
  say("text", arguments.text);
  say("becomes", alignment.written);
  const auto map = output_file("seq2seq_attention.svg", arguments.attention_map);
  write_matrix(map, alignment.weights, letters_of(alignment.written),
               letters_of(alignment.letters));
  say("map", shown(map) + ": letters read (columns) for each letter written (rows)");

  // One step of the writer.
  const TextBatch batch = batch_of({&arguments.text, 1});
  Session encoder = reader.bind(only_parameters(weights, reader)),
          session = writer.bind(only_parameters(weights, writer));
  const Results results = encoder.run(batch.letters, batch.lengths);
  const Tensor start = Tensor::of<std::int64_t>(DType::i64, {1}, std::vector{date_limits.start});
  const Inputs inputs{&start, &results[2], &results[0], &batch.lengths};
  say_times(session, write, only_parameters(weights, writer), arguments.program, inputs);
  write_profile(session, arguments, inputs);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CommandLine command_line(
      "Dates to ISO 8601 by a recurrent network that attends to what it translates.", arguments,
      {"--image"});
  command_line.add_text("--text", arguments.text, "one to three dates");
  command_line.add_text("--curve", arguments.curve,
                        "where the accuracy by length is drawn, with attention and without, SVG");
  return command_line.run(argc, argv, [&] { run(arguments); });
}
