// Multi-head attention over a sentence: each head looks elsewhere, together they cost what one head
// of all features would.
#include "multi_head_attention.h"

#include <algorithm>
#include <cmath>

#include "../shared/command_line.h"
#include "../shared/files.h"
#include "../shared/matrix_picture.h"
#include "../shared/report.h"
#include "heed/dsl/load.h"

using namespace heed;
using namespace heed::examples;

namespace {

// What one head does: how many tokens a query sees as good as evenly, and what the last token looks
// at most.
void say_head(int head, std::span<const float> weights, const Tokens& tokens) {
  const std::size_t count = tokens.names.size();
  double entropy = 0;
  for (const float weight : weights)
    if (weight > 0) entropy -= double(weight) * std::log(double(weight)) / double(count);
  const auto last = weights.last(count);
  const std::size_t most = std::size_t(std::ranges::max_element(last) - last.begin());
  say(format("head %d", head),
      format("spread over %.1f tokens; '%s' looks at '%s' most, %.2f", std::exp(entropy),
             tokens.names.back().c_str(), tokens.names[most].c_str(), double(last[most])));
}

void run(const CommonOptions& arguments, const std::string& sentence) {
  const Tokens tokens = tokens_of(arguments.image, sentence);
  const int count = int(tokens.names.size());

  const Load load = [](const Options& options) {
    return heed::load<multi_head_attention, token_rows>(options, {"tokens"});
  };
  const Program program = load(arguments.program);
  say_compiled(program);
  const Checkpoint weights = weights_or_formula(program, arguments.weights);
  Session session = program.bind(weights);
  const Tensor outputs = session.run(tokens.values)[0].copy();

  Options quiet = arguments.program;
  quiet.print_after.clear();
  Session parts = heed::load<heads_one_by_one, token_rows>(quiet, {"tokens"}).bind(weights);
  say("heads",
      format("one by one, joined and projected they give the same up to %.1e",
             largest_difference(parts.run(tokens.values)[0].as<float>(), outputs.as<float>())));

  Session probed = with_probes(load, arguments.program, weights, {"attention"});
  const Results results = probed.run(tokens.values);
  const auto attention = results.probe("attention").as<float>();  // [1, heads, query, key]
  std::vector<Image> pictures;
  for (int head = 0; head < attention_heads; ++head) {
    const auto matrix =
        attention.subspan(std::size_t(head * count * count), std::size_t(count * count));
    say_head(head, matrix, tokens);
    pictures.push_back(draw_matrix(matrix, count, count, std::max(2, 160 / count)));
  }

  say_times(session, load, weights, arguments.program, {&tokens.values});
  write_profile(session, arguments, {&tokens.values});
  const auto file = output_file("multi_head_attention.png", arguments.attention_map);
  write_png(file, side_by_side(pictures, 3));
  say("map", shown(file) + ": queries (rows) and keys of each head");
}

}  // namespace

int main(int argc, char** argv) {
  CommonOptions arguments;
  std::string sentence = default_sentence;
  CommandLine command_line("Multi-head attention over a sentence, or over the patches of --image.",
                           arguments);
  command_line.add_text("--text", sentence, "the sentence");
  return command_line.run(argc, argv, [&] { run(arguments, sentence); });
}
