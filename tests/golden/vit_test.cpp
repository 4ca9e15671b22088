// ViT against timm's VisionTransformer in float64: the tokens that enter the first block, every
// block, the logits.
#include "golden.h"
#include "heed/dsl/nn/vision_transformer.h"

using namespace heed;

namespace {

constexpr dim B{"B"};

template <std::int64_t Features, std::int64_t Heads, std::int64_t Hidden>
struct probed_block : nn::transformer_encoder_block<Features, Heads, Hidden> {
  constexpr auto operator()(expression auto x) const {
    return probe<"tokens">(nn::transformer_encoder_block<Features, Heads, Hidden>::operator()(x));
  }
};

// nn::vision_transformer with a probe wherever a golden tensor exists.
template <std::int64_t Image, std::int64_t Patch, std::int64_t Features, std::int64_t Depth,
          std::int64_t Heads, std::int64_t Hidden, std::int64_t Classes>
struct probed_vit {
  static constexpr std::int64_t tokens = (Image / Patch) * (Image / Patch) + 1;
  sub<"patch_embed", nn::patch_embedding<3, Features, Patch>> patch_embed;
  repeat<"blocks", Depth, probed_block<Features, Heads, Hidden>> blocks;
  sub<"norm", nn::layer_norm<Features, 1e-6>> norm;
  sub<"head", nn::linear<Features, Classes>> head;
  constexpr auto operator()(expression auto image) const {
    constexpr dim batch = size<0>(image);
    auto cls = broadcast_to<batch, 1, Features>(param<"cls_token", tensor<f32, 1, 1, Features>>);
    auto x =
        concat<1>(cls, patch_embed(image)) + param<"pos_embed", tensor<f32, 1, tokens, Features>>;
    return head(select<1, 0>(norm(blocks(probe<"embed">(x)))));
  }
};

template <class Model, class Image>
void run(const std::string& file, std::int64_t batch, std::int64_t size, int depth,
         std::int64_t stride, const std::string& target, const std::string& fusion) {
  std::printf("%s target %s fusion %s\n", file.c_str(), target.c_str(), fusion.c_str());
  Options options;
  options.target = target;
  options.fusion = fusion;
  options.probes = {"embed"};
  for (int n = 0; n < depth; ++n)
    options.probes.push_back("blocks." + std::to_string(n) + ".tokens");
  Program program = load<Model, Image>(options);
  Session session = program.bind(formula_checkpoint(program.parameters()));
  Checkpoint expected = golden::reference(file);
  Tensor image = golden::formula_tensor("input", {batch, 3, size, size});
  Results results = session.run(image);
  golden::check("embed", results.probe("embed").as<float>(), expected.read("embed").as<float>(),
                stride);
  for (int n = 0; n < depth; ++n) {
    std::string block = "blocks." + std::to_string(n);
    golden::check(block.c_str(), results.probe(block + ".tokens").as<float>(),
                  expected.read(block).as<float>(), stride);
  }
  golden::check("logits", results[0].as<float>(), expected.read("logits").as<float>());
}

using Small = probed_vit<48, 16, 96, 2, 3, 384, 10>;
using Wide = probed_vit<80, 16, 768, 1, 12, 3072, 1000>;
using Full = probed_vit<224, 16, 768, 12, 12, 3072, 1000>;
// ViT-S/16, L/16 and B/32, of one block each; and L/16 as it is.
using Slim = probed_vit<80, 16, 384, 1, 6, 1536, 1000>;
using Large = probed_vit<80, 16, 1024, 1, 16, 4096, 1000>;
using Coarse = probed_vit<160, 32, 768, 1, 12, 3072, 1000>;
using FullLarge = probed_vit<224, 16, 1024, 24, 16, 4096, 1000>;

}  // namespace

TEST_CASE("ViT of odd sizes") {
  for (const std::string& target : golden::targets())
    for (const char* fusion : {"none", "layout", "all"})
      run<Small, tensor<f32, B, 3, 48, 48>>("vit_tiny.safetensors", 3, 48, 2, 1, target, fusion);
}

TEST_CASE("ViT-B/16 at reduced depth and resolution") {
  for (const std::string& target : golden::targets())
    for (const char* fusion : {"none", "all"})
      run<Wide, tensor<f32, B, 3, 80, 80>>("vit_b_16_80.safetensors", 2, 80, 1, 7, target, fusion);
}

TEST_CASE("ViT-S/16, L/16 and B/32 at reduced depth and resolution") {
  for (const std::string& target : golden::targets())
    run<Slim, tensor<f32, B, 3, 80, 80>>("vit_s_16_80.safetensors", 2, 80, 1, 7, target, "all");
  for (const char* fusion : {"none", "all"}) {
    run<Large, tensor<f32, B, 3, 80, 80>>("vit_l_16_80.safetensors", 2, 80, 1, 7, "host", fusion);
    run<Coarse, tensor<f32, B, 3, 160, 160>>("vit_b_32_160.safetensors", 2, 160, 1, 7, "host",
                                             fusion);
  }
}

TEST_CASE("ViT-B/16") {
  for (const char* fusion : {"none", "all"})
    run<Full, tensor<f32, B, 3, 224, 224>>("vit_b_16.safetensors", 2, 224, 12, 61, "host", fusion);
}

TEST_CASE("whole: ViT-B/16 on a GPU" * doctest::skip()) {
  for (const char* fusion : {"none", "all"})
    run<Full, tensor<f32, B, 3, 224, 224>>("vit_b_16.safetensors", 2, 224, 12, 61, "vulkan",
                                           fusion);
}

TEST_CASE("large: ViT-L/16" * doctest::skip()) {
  for (const char* fusion : {"none", "all"})
    run<FullLarge, tensor<f32, B, 3, 224, 224>>("vit_l_16.safetensors", 1, 224, 24, 211, "host",
                                                fusion);
}

TEST_CASE("ViT-B/16 on the reference target" * doctest::skip()) {
  for (const char* fusion : {"none", "all"})
    run<Full, tensor<f32, B, 3, 224, 224>>("vit_b_16.safetensors", 2, 224, 12, 61, "reference",
                                           fusion);
}
