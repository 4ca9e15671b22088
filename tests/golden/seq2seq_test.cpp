// The trained networks of the date examples, teacher forced, against torch in float64; and that
// decoding step by step writes what teacher forcing finds likeliest.
#include "../../examples/shared/date_networks.h"
#include "../../examples/shared/date_translator.h"
#include "../../examples/shared/files.h"
#include "../../examples/shared/report.h"
#include "../../examples/transformer_translation/translation_network.h"
#include "golden.h"

using namespace heed;
using namespace heed::examples;

namespace {

constexpr std::int64_t stride = 3;

struct Given {
  std::vector<std::string> texts, translations;
  TextBatch batch;
  Tensor given;
};
Given given() {
  Given g;
  const std::vector<DatedText> test = read_dates();
  for (std::size_t i = 0; i < 24; ++i) {
    g.texts.push_back(test[i].text);
    g.translations.push_back(test[i].translation);
  }
  g.batch = batch_of(g.texts);
  g.given = given_translations(g.translations);
  return g;
}

// Logits behind the stop mean nothing: zeros, as in the golden file.
Tensor without_padding(const Given& g, const Tensor& logits) {
  Tensor kept = logits.copy();
  const auto steps = std::size_t(logits.sizes()[1]), letters = std::size_t(logits.sizes()[2]);
  for (std::size_t r = 0; r < g.translations.size(); ++r)
    for (std::size_t t = g.translations[r].size() + 1; t < steps; ++t)
      std::ranges::fill(kept.as<float>().subspan((r * steps + t) * letters, letters), 0.0f);
  return kept;
}

template <class Model>
Tensor forced(const Given& g, const Checkpoint& weights, const Options& options) {
  const Program program = load<Model, date_texts, text_lengths, translations>(options);
  Session session = program.bind(weights);
  return without_padding(g, session.run(g.batch.letters, g.batch.lengths, g.given)[0]);
}

template <class Model>
void check(const char* name, const char* file, const std::vector<golden::Way>& ways) {
  const Given g = given();
  const Checkpoint weights = Checkpoint::open(example_file(file));
  const Tensor expected =
      golden::reference("seq2seq.safetensors").read(std::string(name) + ".logits");
  for (const golden::Way& way : ways) {
    std::printf("target %s fusion %s\n", way.target.c_str(), way.fusion.c_str());
    const Tensor found = forced<Model>(g, weights, way.options());
    golden::check(name, found.as<float>(), expected.as<float>(), stride);
  }
}

// The likeliest letter after each that is given.
std::vector<std::string> likeliest_letters(const Given& g, const Tensor& logits) {
  std::vector<std::string> all;
  const auto steps = std::size_t(logits.sizes()[1]), letters = std::size_t(logits.sizes()[2]);
  for (std::size_t r = 0; r < g.texts.size(); ++r) {
    std::string text;
    for (std::size_t t = 0; t < g.translations[r].size(); ++t) {
      const auto row = logits.as<float>().subspan((r * steps + t) * letters, letters);
      text += target_alphabet[std::size_t(std::ranges::max_element(row) - row.begin())];
    }
    all.push_back(text);
  }
  return all;
}

}  // namespace

TEST_CASE("a writer that sees the reader's last state alone") {
  check<forced_without_attention>("rnn", "seq2seq_rnn/dates_rnn.safetensors",
                                  {{"host", "all"}, {"host", "none"}});
}

TEST_CASE("a writer that attends to all that was read") {
  check<forced_with_attention>("attention", "seq2seq_attention/dates_attention.safetensors",
                               golden::ways());
}

TEST_CASE("a Transformer") {
  check<nn::forced_translation<date_translation>>(
      "transformer", "transformer_translation/dates_transformer.safetensors",
      {{"host", "all"}, {"host", "none"}, {"reference", "all"}});
}

TEST_CASE("a wrong weight is noticed") {
  const Given g = given();
  const Checkpoint weights =
      Checkpoint::open(example_file("seq2seq_attention/dates_attention.safetensors"));
  const Checkpoint swapped = weights.rename([](std::string_view name) {
    if (name == "encoder.rnn.weight_hh_l0") return std::string("encoder.rnn.weight_hh_l0_reverse");
    if (name == "encoder.rnn.weight_hh_l0_reverse") return std::string("encoder.rnn.weight_hh_l0");
    return std::string(name);
  });
  const Tensor expected = golden::reference("seq2seq.safetensors").read("attention.logits");
  CHECK_FALSE(golden::compare(forced<forced_with_attention>(g, swapped, {}).as<float>(),
                              expected.as<float>(), stride)
                  .within(10 * golden::f32_tolerance));
}

TEST_CASE("decoding step by step writes what teacher forcing finds likeliest") {
  const Given g = given();
  const Checkpoint weights =
      Checkpoint::open(example_file("seq2seq_attention/dates_attention.safetensors"));
  const Program
      reader = load<reading, date_texts, text_lengths>(),
      writer =
          load<writing_with_attention, last_letters, writer_states, text_memory, text_lengths>();
  DateTranslator translate(reader.bind(only_parameters(weights, reader)),
                           writer.bind(only_parameters(weights, writer)), all_that_was_read);
  const auto written = translate(g.texts),
             expected = likeliest_letters(g, forced<forced_with_attention>(g, weights, {}));
  std::size_t right = 0;
  for (std::size_t r = 0; r < written.size(); ++r)
    if (expected[r] == g.translations[r]) {  // else what follows a mistake differs
      CHECK(written[r] == expected[r]);
      ++right;
    }
  CHECK(right > 12);
}
