// The Transformer translates: dates to ISO 8601, one letter at a time, with a cache of keys and
// values, so that a letter costs one row of the decoder and not all rows so far. Greedy, sampled
// and by beam search, token by token and in one run of a program that stops by itself; and the time
// per token of the base size of "Attention Is All You Need", which must not depend on the length
// but through attention.
#include <algorithm>
#include <chrono>
#include <ctime>

#include "../shared/command_line.h"
#include "../shared/date_translator.h"
#include "../shared/files.h"
#include "../shared/report.h"
#include "heed/runtime/error.h"
#include "heed/runtime/formula.h"
#include "translation_network.h"

using namespace heed;
using namespace heed::examples;

namespace {

struct Arguments : CommonOptions {
  std::string text = "monday, march 5th 1979 until 7.12.2031", model = "dates", curve;
};

constexpr std::int64_t beams = 3;

StepProgram::Memory empty_cache(const nn::TranslationSize& size, std::int64_t rows,
                                std::int64_t capacity) {
  StepProgram::Memory memory;
  memory.caches.emplace_back(DType::f32, Sizes{size.decoders, rows, capacity, 2 * size.features});
  return memory;
}

// The same tokens from the program that stops by itself and from the step program, and the
// processor time of both, in turns.
void say_one_run(Session& reader, const Session& step, Session writer,
                 std::span<const std::string> texts) {
  const TextBatch batch = batch_of(texts);
  const auto rows = std::int64_t(texts.size());
  Tensor memory = Tensor(reader.run(batch.letters, batch.lengths)).copy(),
         lengths = batch.lengths.copy(),
         cache(DType::f32, {date_translation.decoders, rows, date_limits.longest,
                            2 * date_translation.features});
  std::clock_t in_one_run = 0, by_steps = 0;
  std::int64_t turns = 0;
  int differing = 0;
  for (int turn = 0; turn < 20; ++turn) {
    StepProgram::Memory held = empty_cache(date_translation, rows, date_limits.longest);
    held.held.push_back(memory.copy());
    held.held.push_back(lengths.copy());
    StepProgram steps(step.sibling(step.threads()), std::move(held), rows);
    const std::clock_t begin = std::clock();
    const std::vector<Sequence> expected = greedy(steps.next_token(), rows, date_limits);
    const std::clock_t between = std::clock();
    const Results written = writer.run_in_place(cache, memory, lengths);
    in_one_run += std::clock() - between;
    by_steps += between - begin;
    turns = written[4].as<std::int64_t>()[0];
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::size_t t = 0; t < expected[std::size_t(r)].tokens.size(); ++t)
        differing +=
            written[0].at<std::int64_t>({r, std::int64_t(t)}) != expected[std::size_t(r)].tokens[t];
  }
  if (differing) throw Error("one run: ", differing, " tokens are not those of the step program");
  say("one run", format("writes the same %lld texts of up to %lld tokens, %.3f ms of processor "
                        "time a step; %.2f times that step by step",
                        (long long)rows, (long long)turns,
                        1e3 * double(in_one_run) / CLOCKS_PER_SEC / 20 / double(turns),
                        double(by_steps) / double(in_one_run)));
}

// A text's translation as the program draws it, which is what sample() draws beside the step
// program.
void say_sampled(Session& reader, const Session& step, Session sampler, const std::string& text) {
  const Sampling how{1, 5, 0.95, 1};
  const TextBatch batch = batch_of({&text, 1});
  StepProgram::Memory held = empty_cache(date_translation, 1, date_limits.longest);
  held.held.push_back(Tensor(reader.run(batch.letters, batch.lengths)).copy());
  held.held.push_back(batch.lengths.copy());
  const auto number = [](DType dtype, auto value) {
    return Tensor::of<decltype(value)>(dtype, {}, std::vector{value});
  };
  const Results drawn = sampler.run(
      held.caches[0], number(DType::i64, std::int64_t(how.seed)),
      number(DType::f32, float(how.temperature)), number(DType::i64, how.top_k),
      number(DType::f32, float(how.top_p)), held.held[0], held.held[1]);
  Sequence sampled;
  for (const std::int64_t letter : drawn[0].as<std::int64_t>()) {
    if (letter == date_limits.stop) break;
    sampled.tokens.push_back(letter);
  }
  StepProgram steps(step.sibling(step.threads()), std::move(held), 1);
  if (sample(steps.next_token(), 1, date_limits, how)[0].tokens != sampled.tokens)
    throw Error("sampled: the program's text '", translation_of(sampled),
                "' is not that of the step program");
  say("sampled", translation_of(sampled) + " in one run (seed 1, top 5, 95 %)");
}

// What the program finds in one run, which is what beam_search() finds beside the step program, and
// the processor time of both, in turns.
void say_best(Session& reader, const Session& step, Session searcher, const std::string& text) {
  const TextBatch batch = batch_of({&text, 1});
  const Tensor memory = Tensor(reader.run(batch.letters, batch.lengths)).copy(),
               no_penalty(DType::f32, {});
  std::clock_t in_one_run = 0, by_steps = 0;
  for (int turn = 0; turn < 20; ++turn) {
    StepProgram::Memory held = empty_cache(date_translation, beams, date_limits.longest);
    const Tensor cache = held.caches[0].copy();
    held.held.push_back(repeated_rows(memory, beams, 1));
    held.held.push_back(repeated_rows(batch.lengths, beams));
    StepProgram steps(step.sibling(step.threads()), std::move(held), beams);
    const std::clock_t begin = std::clock();
    const auto expected = beam_search(steps.next_token(), 1, date_limits, {beams, 0})[0];
    const std::clock_t between = std::clock();
    const Results found = searcher.run(cache, no_penalty, memory, batch.lengths);
    in_one_run += std::clock() - between;
    by_steps += between - begin;
    for (std::size_t k = 0; k < expected.size(); ++k) {
      const std::int64_t* letters = &found[0].at<std::int64_t>({0, std::int64_t(k), 0});
      const Sequence best{
          {letters, std::find(letters, letters + date_limits.longest, date_limits.stop)},
          double(found[2].at<float>({0, std::int64_t(k)})),
          !found[1].at<bool>({0, std::int64_t(k)})};
      if (best.tokens != expected[k].tokens)
        throw Error("beams: the program's text '", translation_of(best),
                    "' is not that of the step program, '", translation_of(expected[k]), "'");
      if (turn == 0)
        say("beam", format("%s (log probability %.3f)", translation_of(best).c_str(),
                           best.log_probability));
    }
  }
  say("beams",
      format("in one run, %.2f times that step by step", double(by_steps) / double(in_one_run)));
}

void translate_dates(const Arguments& arguments) {
  const Checkpoint weights = Checkpoint::open(
      example_file("transformer_translation/dates_transformer.safetensors", arguments.weights));
  const Load load = load_step<date_translation>;
  const Program reader = load_reader<date_translation>(arguments.program),
                step = load(arguments.program);
  say_compiled(step);
  Session reading = reader.bind(only_parameters(weights, reader)),
          writing = step.bind(only_parameters(weights, step));
  DateTranslator translate(reading.sibling(reading.threads()), writing.sibling(writing.threads()),
                           [](const Results& read, const Tensor& lengths) {
                             StepProgram::Memory memory = empty_cache(
                                 date_translation, lengths.count(), date_limits.longest);
                             memory.held.push_back(read[0].copy());
                             memory.held.push_back(lengths.copy());
                             return memory;
                           });
  const Curve curves[] = {say_exact_match("with a Transformer", translate, read_dates())};
  const auto curve_file = output_file("transformer_translation_curve.svg", arguments.curve);
  write_curves(curve_file, {"letters of the text", "texts without a mistake, %"}, curves);
  say("curve", shown(curve_file));
  say("text", arguments.text);
  say("greedy", translate({&arguments.text, 1})[0]);
  const TextBatch batch = batch_of({&arguments.text, 1});
  {
    const Program writer = load_writer<date_translation>(arguments.program);
    const Session session = writer.bind(only_parameters(weights, writer));
    std::vector<std::string> some;
    for (const DatedText& dated : read_dates()) some.push_back(dated.text);
    some.resize(100);
    say_one_run(reading, writing, session.sibling(session.threads()), some);
    say_one_run(reading, writing, session.sibling(session.threads()), {&arguments.text, 1});
  }
  {
    const Program sampler = load_sampler<date_translation>(arguments.program);
    say_sampled(reading, writing, sampler.bind(only_parameters(weights, sampler)), arguments.text);
  }
  {
    const Program searcher = load_searcher<date_translation, beams>(arguments.program);
    say_best(reading, writing, searcher.bind(only_parameters(weights, searcher)), arguments.text);
  }

  // Where the last layer looks in the text, letter by letter.
  Session probed = with_probes(load, arguments.program, only_parameters(weights, step),
                               {"decoder.layers.1.multihead_attn.attention"});
  StepProgram::Memory memory = empty_cache(date_translation, 1, date_limits.longest);
  memory.held.push_back(Tensor(reading.run(batch.letters, batch.lengths)).copy());
  memory.held.push_back(batch.lengths.copy());
  StepProgram writer(std::move(probed), std::move(memory), 1);
  std::vector<float> seen;
  std::vector<std::string> rows, columns;
  for (const char c : arguments.text) columns.emplace_back(1, c);
  for (std::int64_t letter = date_limits.start;
       letter != date_limits.stop && writer.position() < date_limits.longest;) {
    const Results results = writer.step({&letter, 1});
    const auto logits = results[1].as<float>(),
               weights_of_heads =
                   results.probe("decoder.layers.1.multihead_attn.attention").as<float>();
    letter = std::ranges::max_element(logits) - logits.begin();
    rows.emplace_back(1, letter == date_limits.stop ? '.' : target_alphabet[std::size_t(letter)]);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      float mean = 0;
      for (std::size_t head = 0; head < std::size_t(date_translation.heads); ++head)
        mean += weights_of_heads[head * columns.size() + i] / float(date_translation.heads);
      seen.push_back(mean);
    }
  }
  const auto map = output_file("transformer_translation.svg", arguments.attention_map);
  write_matrix(map, seen, rows, columns);
  say("map", shown(map) +
                 ": letters read (columns) for each letter written (rows), mean of the last "
                 "layer's heads");

  Session session = step.bind(only_parameters(weights, step));
  const Tensor start = Tensor::of<std::int64_t>(DType::i64, {1}, std::vector{date_limits.start}),
               position(DType::i64, {1}),
               cache(DType::f32, {date_translation.decoders, 1, date_limits.longest,
                                  2 * date_translation.features}),
               held = Tensor(reading.run(batch.letters, batch.lengths)).copy();
  const Inputs inputs{&start, &position, &cache, &held, &batch.lengths};
  say_times(session, load, only_parameters(weights, step), arguments.program, inputs);
  write_profile(session, arguments, inputs);
}

// The base size with weights by a formula: what a token costs at every length of what was written
// before.
void time_base(const Arguments& arguments) {
  constexpr nn::TranslationSize base{512, 8, 2048, 6, 6, 1000, 1000};
  constexpr std::int64_t source = 128, capacity = 512;
  const Program reader = load_reader<base>(arguments.program),
                step = load_step<base>(arguments.program);
  say_compiled(step);
  Session reading = reader.bind(formula_checkpoint(reader.parameters()));
  const Session session = step.bind(formula_checkpoint(step.parameters()));
  Tensor tokens(DType::i64, {1, source}), lengths(DType::i64, {1});
  for (std::int64_t s = 0; s < source; ++s)
    tokens.as<std::int64_t>()[std::size_t(s)] = s * 7 % base.source_tokens;
  lengths.as<std::int64_t>()[0] = source;
  StepProgram::Memory memory = empty_cache(base, 1, capacity);
  memory.held.push_back(Tensor(reading.run(tokens, lengths)).copy());
  memory.held.push_back(lengths.copy());
  StepProgram writer(session.sibling(session.threads()), std::move(memory), 1);
  std::int64_t token = 1;
  std::vector<double> times;
  for (std::int64_t t = 0; t < capacity; ++t) {
    const auto begin = std::chrono::steady_clock::now();
    const auto logits = writer.step({&token, 1})[1].as<float>();
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
            .count());
    token = std::ranges::max_element(logits) - logits.begin();
  }
  for (const std::size_t length : {16u, 64u, 256u, 512u}) {
    std::vector<double> some(times.begin() + std::ptrdiff_t(length) - 15,
                             times.begin() + std::ptrdiff_t(length));
    std::ranges::sort(some);
    say("token", format("%.2f ms at length %zu, median of 15 on %d threads", some[7], length,
                        session.threads()));
  }
  say("weights",
      format("%.0f MB are read for each token: %.1f GB/s", double(session.weight_bytes()) / 1e6,
             double(session.weight_bytes()) / 1e6 / times[15]));
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CommandLine command_line("The Transformer translates dates to ISO 8601, decoding with a cache.",
                           arguments, {"--image"});
  command_line.add_choice(
      "--model", arguments.model, {"dates", "base"},
      "dates: a small one with its weights; base: 6 + 6 layers of 512, for its time per token");
  command_line.add_text("--text", arguments.text, "one to three dates");
  command_line.add_text("--curve", arguments.curve, "where the accuracy by length is drawn, SVG");
  return command_line.run(argc, argv, [&] {
    arguments.model == "base" ? time_base(arguments) : translate_dates(arguments);
  });
}
