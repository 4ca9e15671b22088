// The attention layers of the examples on the examples' own inputs against torch in float64, at
// every fusion level.
#include "../../examples/cnn_self_attention/cnn_self_attention.h"
#include "../../examples/general_attention/digit_vectors.h"
#include "../../examples/general_attention/general_attention.h"
#include "../../examples/masked_self_attention/masked_self_attention.h"
#include "../../examples/multi_head_attention/multi_head_attention.h"
#include "../../examples/positional_encoding/positional_encoding.h"
#include "../../examples/self_attention/self_attention.h"
#include "../../examples/shared/digits.h"
#include "../../examples/shared/files.h"
#include "../../examples/shared/report.h"
#include "golden.h"
#include "heed/runtime/image/preprocess.h"

using namespace heed;
using namespace heed::examples;

namespace {

template <class F>
void everywhere(F&& f) {
  for (const golden::Way& way : golden::ways()) {
    std::printf("target %s fusion %s\n", way.target.c_str(), way.fusion.c_str());
    f(way);
  }
}

const Checkpoint& expected() {
  static const Checkpoint file = golden::reference("attention_layers.safetensors");
  return file;
}
void check(const std::string& name, const Tensor& found, std::int64_t stride = 1) {
  golden::check(name.c_str(), found.as<float>(), expected().read(name).as<float>(), stride);
}

template <class Model, class... Inputs>
Session formula_session(const Options& options) {
  const Program program = load<Model, Inputs...>(options);
  return program.bind(formula_checkpoint(program.parameters()));
}

Digits digits(DigitSplit split) {
  return read_digits(example_file("vit/digits.safetensors"), split);
}

}  // namespace

TEST_CASE("general attention: scores, weights and context") {
  const Digits known = digits(DigitSplit::train), asked = digits(DigitSplit::test);
  const Tensor all = directions(asked.images), keys = directions(known.images),
               values = one_hot(known.labels);
  const Tensor queries =
      Tensor::of<float>(DType::f32, {24, pixels}, all.as<float>().first(24 * pixels));
  everywhere([&](const golden::Way& way) {
    Session fused =
        formula_session<general_attention, queries_type, keys_type, values_type>(way.options());
    check("general.context", fused.run(queries, keys, values));
    Session probed = formula_session<general_attention, queries_type, keys_type, values_type>(
        way.options({"scores", "weights"}));
    const Results results = probed.run(queries, keys, values);
    check("general.scores", results.probe("scores"), 7);
    check("general.weights", results.probe("weights"), 7);
    check("general.context", results[0]);
  });
}

TEST_CASE("self-attention of a digit's patches") {
  const Digits all = digits(DigitSplit::test);
  const Tensor images =
      Tensor::of<float>(DType::f32, {8, 1, 8, 8}, all.images.as<float>().first(8 * 64));
  const Checkpoint trained = Checkpoint::open(example_file("vit/digits_vit.safetensors"));
  everywhere([&](const golden::Way& way) {
    const Program program = load<patches_self_attention, digit_images>(way.options());
    Session session = program.bind(only_parameters(trained, program));
    const Tensor outputs = session.run(images)[0].copy();
    check("self.output", outputs);

    // Permuted inputs give permuted outputs, and not the outputs as they were.
    const auto order = mixed_order(16);
    const Tensor mixed = session.run(reordered_patches(images, 2, order));
    const Tensor moved = reordered(outputs, order);
    CHECK(golden::compare(mixed.as<float>(), moved.as<float>()).within(1e-6));
    CHECK(golden::compare(mixed.as<float>(), outputs.as<float>()).norm > 0.1);
  });
}

TEST_CASE("multi-head attention of a sentence, and its heads one by one") {
  const Tokens tokens = words_of(default_sentence);
  everywhere([&](const golden::Way& way) {
    Session session = formula_session<multi_head_attention, token_rows>(way.options());
    check("multi_head.output", session.run(tokens.values));
    Session probed = formula_session<multi_head_attention, token_rows>(way.options({"attention"}));
    check("multi_head.weights", probed.run(tokens.values).probe("attention"));
  });
  Session parts = formula_session<heads_one_by_one, token_rows>({});
  check("multi_head.output", parts.run(tokens.values));
}

TEST_CASE("masked self-attention of a sentence is causal, bit for bit") {
  const Tokens tokens = words_of(default_sentence);
  everywhere([&](const golden::Way& way) {
    Session session = formula_session<masked_self_attention, token_rows>(way.options());
    const Tensor outputs = session.run(tokens.values)[0].copy();
    check("masked.output", outputs);
    Session probed = formula_session<masked_self_attention, token_rows>(way.options({"attention"}));
    check("masked.weights", probed.run(tokens.values).probe("attention"));
    for (std::size_t t = 0; t < tokens.names.size(); ++t) {
      Tensor other = tokens.values.copy();
      for (float& value : other.as<float>().subspan(t * token_features)) value = 1 - value;
      const Tensor changed = session.run(other);
      const auto now = changed.as<float>(), before = outputs.as<float>();
      CHECK(std::equal(now.begin(), now.begin() + std::ptrdiff_t(t * token_features),
                       before.begin()));
      CHECK(!std::ranges::equal(now.subspan(t * token_features, token_features),
                                before.subspan(t * token_features, token_features)));
    }
  });
}

TEST_CASE("positional encodings, and attention that they break the equivariance of") {
  const Tokens tokens = words_of(default_sentence);
  everywhere([&](const golden::Way& way) {
    const Options options = way.options();
    Session table = formula_session<sentence_positions, token_rows>(options);
    check("positions.sentence", table.run(Tensor(DType::f32, {1, 64, token_features})), 5);
    Session cells = formula_session<grid_positions, grid>(options);
    check("positions.grid", cells.run(Tensor(DType::f32, {26, 40, token_features})), 31);
    Session ordered = formula_session<ordered_attention, token_rows>(options);
    const Tensor outputs = ordered.run(tokens.values)[0].copy();
    check("ordered.output", outputs);
    const auto order = mixed_order(std::int64_t(tokens.names.size()));
    const Tensor mixed = ordered.run(reordered(tokens.values, order));
    CHECK(golden::compare(mixed.as<float>(), reordered(outputs, order).as<float>()).norm > 0.1);
  });
}

TEST_CASE("self-attention over a convolution's map of the photograph") {
  const Tensor image = imagenet_preprocess(read_image(example_file("data/china.jpg")));
  everywhere([&](const golden::Way& way) {
    Session session = formula_session<convolution_with_attention, photograph>(way.options());
    check("cnn.output", session.run(image), 13);
    if (way.target == "reference") return;  // the fused run is enough of its loops
    Session probed = formula_session<convolution_with_attention, photograph>(
        way.options({"attention.attention"}));
    check("cnn.weights", probed.run(image).probe("attention.attention"), 1009);
  });
}
