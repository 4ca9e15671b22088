// Sequence to sequence through a bottleneck: a recurrent network reads a text with dates, and all
// that another one, which writes them in ISO 8601, sees of it is its last state. The longer the
// text, the less of it is right.
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

void run(const Arguments& arguments) {
  const Load read = [](const Options& options) {
    return heed::load<reading, date_texts, text_lengths>(options, {"texts", "lengths"});
  };
  const Load write = [](const Options& options) {
    return heed::load<writing_without_attention, last_letters, writer_states, text_summary>(
        options, {"letter", "state", "summary"});
  };
  const Checkpoint weights =
      Checkpoint::open(example_file("seq2seq_rnn/dates_rnn.safetensors", arguments.weights));
  const Program reader = read(arguments.program), writer = write(arguments.program);
  say_compiled(reader);
  DateTranslator translate(reader.bind(only_parameters(weights, reader)),
                           writer.bind(only_parameters(weights, writer)), last_states_alone);
  const std::vector<DatedText> test = read_dates();
  const Curve curves[] = {say_exact_match("without attention", translate, test)};
  say("text", arguments.text);
  say("becomes", translate({&arguments.text, 1})[0]);
  const auto file = output_file("seq2seq_rnn.svg", arguments.curve);
  write_curves(file, {"letters of the text", "texts without a mistake, %"}, curves);
  say("curve", shown(file) + format(": from %.0f %% to %.0f %%", curves[0].points.front().second,
                                    curves[0].points.back().second));

  const TextBatch batch = batch_of({&arguments.text, 1});
  Session session = reader.bind(only_parameters(weights, reader));
  say_times(session, read, only_parameters(weights, reader), arguments.program,
            {&batch.letters, &batch.lengths});
  write_profile(session, arguments, {&batch.letters, &batch.lengths});
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CommandLine command_line(
      "Dates to ISO 8601 by two recurrent networks, with one state between them.", arguments,
      {"--image", "--attention-map"});
  command_line.add_text("--text", arguments.text, "one to three dates");
  command_line.add_text("--curve", arguments.curve, "where the accuracy by length is drawn, SVG");
  return command_line.run(argc, argv, [&] { run(arguments); });
}
