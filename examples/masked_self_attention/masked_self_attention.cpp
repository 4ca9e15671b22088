// Masked self-attention: whatever comes later in a sentence, no output before it changes by a
// single bit. So a decoder can be trained on all words of a sentence at once.
#include "masked_self_attention.h"

#include <cstring>

#include "../shared/command_line.h"
#include "../shared/files.h"
#include "../shared/matrix_picture.h"
#include "../shared/report.h"
#include "heed/dsl/load.h"

using namespace heed;
using namespace heed::examples;

namespace {

// How many leading tokens of two results [1, tokens, features] are the same bit for bit.
std::int64_t same_tokens(const Tensor& a, const Tensor& b) {
  const std::size_t row = std::size_t(a.sizes()[2]) * sizeof(float);
  const auto* left = static_cast<const char*>(a.data());
  const auto* right = static_cast<const char*>(b.data());
  std::int64_t count = 0;
  while (count < a.sizes()[1] &&
         std::memcmp(left + std::size_t(count) * row, right + std::size_t(count) * row, row) == 0)
    ++count;
  return count;
}

void run(const CommonOptions& arguments, const std::string& sentence) {
  const Tokens tokens = tokens_of(arguments.image, sentence);
  const std::int64_t count = tokens.values.sizes()[1];

  const Load load = [](const Options& options) {
    return heed::load<masked_self_attention, token_rows>(options, {"tokens"});
  };
  const Program program = load(arguments.program);
  say_compiled(program);
  const Checkpoint weights = weights_or_formula(program, arguments.weights);
  Session session = program.bind(weights);
  const Tensor outputs = session.run(tokens.values)[0].copy();

  // From token t on, everything becomes something else.
  std::int64_t held = 0, changed = 0;
  for (std::int64_t t = 0; t < count; ++t) {
    Tensor other = tokens.values.copy();
    for (float& value : other.as<float>().subspan(std::size_t(t * token_features)))
      value = 1 - value;
    const std::int64_t same = same_tokens(outputs, session.run(other)[0]);
    held += same >= t;
    changed += same == t;
  }
  say("causal",
      format("%ld of %ld changed tails leave every output before them the same, bit for bit",
             long(held), long(count)));
  say("seen",
      format("%ld of %ld change the output at their first token", long(changed), long(count)));

  say_times(session, load, weights, arguments.program, {&tokens.values});
  write_profile(session, arguments, {&tokens.values});

  Session probed = with_probes(load, arguments.program, weights, {"attention"});
  const std::vector<float> map =
      mean_of_heads(probed.run(tokens.values).probe("attention").as<float>(), attention_heads);
  double future = 0;
  for (std::int64_t i = 0; i < count; ++i)
    for (std::int64_t j = i + 1; j < count; ++j) future += double(map[std::size_t(i * count + j)]);
  say("future", format("the weights of all later tokens sum to %g", future));
  const auto file = output_file("masked_self_attention.png", arguments.attention_map);
  write_png(file, draw_matrix(map, int(count), int(count), 16));
  say("map", shown(file) + ": tokens (rows) look back only");
}

}  // namespace

int main(int argc, char** argv) {
  CommonOptions arguments;
  std::string sentence = default_sentence;
  CommandLine command_line("Masked self-attention over a sentence, or over the patches of --image.",
                           arguments);
  command_line.add_text("--text", sentence, "the sentence");
  return command_line.run(argc, argv, [&] { run(arguments, sentence); });
}
