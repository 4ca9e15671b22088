// The trained networks of the captioning examples, teacher forced, against torch in float64.
#include "../../examples/image_captioning_rnn/caption_networks.h"
#include "../../examples/image_captioning_transformer/caption_transformer.h"
#include "../../examples/shared/files.h"
#include "golden.h"

using namespace heed;
using namespace heed::examples;

namespace {

constexpr std::int64_t stride = 3, pictures = 24;

struct Given {
  Tensor pictures, captions;
};
Given given() {
  const CaptionedPictures test = read_captions();
  const std::int64_t words = test.given.sizes()[1];
  return {
      some_pictures(test, 0, pictures),
      Tensor::of<std::int64_t>(DType::i64, {pictures, words},
                               test.given.as<std::int64_t>().first(std::size_t(pictures * words)))};
}

// Logits behind the stop mean nothing: zeros, as in the golden file.
Tensor without_padding(const Tensor& words, const Tensor& logits) {
  Tensor kept = logits.copy();
  const auto steps = std::size_t(logits.sizes()[1]), all = std::size_t(logits.sizes()[2]);
  for (std::size_t r = 0; r < std::size_t(pictures); ++r)
    for (std::size_t t = 1; t < steps; ++t)
      if (words.as<std::int64_t>()[r * steps + t] == caption_limits.stop)
        std::ranges::fill(kept.as<float>().subspan((r * steps + t) * all, all), 0.0f);
  return kept;
}

template <class Model>
void check(const char* name, const char* file) {
  const Given g = given();
  const Tensor expected =
      golden::reference("captions.safetensors").read(std::string(name) + ".logits");
  for (const golden::Way& way :
       {golden::Way{"host", "all"}, {"host", "none"}, {"reference", "all"}}) {
    std::printf("target %s fusion %s\n", way.target.c_str(), way.fusion.c_str());
    const Program program = load<Model, pictures_type, given_captions>(way.options());
    Session session = program.bind(Checkpoint::open(example_file(file)));
    const Tensor found = without_padding(g.captions, session.run(g.pictures, g.captions)[0]);
    golden::check(name, found.as<float>(), expected.as<float>(), stride);
  }
}

}  // namespace

TEST_CASE("a recurrent network with attention") {
  check<forced_caption>("rnn", "image_captioning_rnn/captions_rnn.safetensors");
}

TEST_CASE("a Transformer's decoder") {
  check<forced_transformer_caption>(
      "transformer", "image_captioning_transformer/captions_transformer.safetensors");
}
