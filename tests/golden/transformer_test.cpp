// The encoder-decoder against torch.nn.Transformer in float64: every layer at full size, padding by
// lengths.
#include "golden.h"
#include "heed/dsl/nn/cached_decoder.h"
#include "heed/dsl/nn/encoder_decoder.h"

using namespace heed;

namespace {

constexpr dim B{"B"}, S{"S"}, T{"T"};
using Source = tensor<f32, B, S, 512>;
using Target = tensor<f32, B, T, 512>;
using Lengths = tensor<i64, B>;

// nn::transformer with a probe behind every layer.
template <class Layer>
struct probed : Layer {
  constexpr auto operator()(expression auto... inputs) const {
    return probe<"tokens">(Layer::operator()(inputs...));
  }
};
template <std::int64_t Depth>
struct probed_encoder {
  repeat<"layers", Depth, probed<nn::transformer_encoder_layer<512, 8, 2048>>> layers;
  sub<"norm", nn::layer_norm<512>> norm;
  constexpr auto operator()(expression auto x, expression auto... lengths) const {
    return probe<"tokens">(norm(layers(x, lengths...)));
  }
};
template <std::int64_t Depth>
struct probed_decoder {
  repeat<"layers", Depth, probed<nn::transformer_decoder_layer<512, 8, 2048>>> layers;
  sub<"norm", nn::layer_norm<512>> norm;
  constexpr auto operator()(expression auto y, expression auto memory,
                            expression auto... lengths) const {
    return norm(layers(y, memory, lengths...));
  }
};
template <std::int64_t Depth>
struct probed_transformer {
  sub<"encoder", probed_encoder<Depth>> encoder;
  sub<"decoder", probed_decoder<Depth>> decoder;
  constexpr auto operator()(expression auto source, expression auto target,
                            expression auto... lengths) const {
    return decoder(target, encoder(source, lengths...), lengths...);
  }
};

struct Case {
  std::string prefix;
  std::int64_t batch, source, target;
  std::vector<std::int64_t> lengths;  // of the sources; none: all are whole
};
const Case base{"base", 2, 37, 23, {}}, padded{"padded", 3, 33, 7, {33, 5, 18}};
constexpr std::int64_t stride = 29;

Tensor input(const Case& c, const char* which, std::int64_t length) {
  return golden::formula_tensor(c.prefix + "." + which, {c.batch, length, 512});
}

// Rows of padding mean nothing: zeros, as in the golden file.
Tensor without_padding(const Case& c, const Tensor& memory) {
  Tensor kept = memory.copy();
  for (std::size_t b = 0; b < c.lengths.size(); ++b)
    for (std::int64_t t = c.lengths[b]; t < c.source; ++t)
      std::ranges::fill(
          kept.as<float>().subspan(std::size_t((std::int64_t(b) * c.source + t) * 512), 512), 0.0f);
  return kept;
}

template <class Model, class... More>
void run(const Case& c, int depth, const golden::Way& way, const More&... lengths) {
  std::printf("%s target %s fusion %s\n", c.prefix.c_str(), way.target.c_str(), way.fusion.c_str());
  Options options = way.options();
  for (int n = 0; n < depth; ++n)
    for (const char* part : {"encoder", "decoder"})
      options.probes.push_back(std::string(part) + ".layers." + std::to_string(n) + ".tokens");
  options.probes.push_back("encoder.tokens");
  const Program program = [&] {
    if constexpr (sizeof...(More) == 0) return load<Model, Source, Target>(options);
    else return load<Model, Source, Target, Lengths>(options);
  }();
  Session session = program.bind(formula_checkpoint(program.parameters()));
  const Checkpoint expected = golden::reference("transformer.safetensors");
  const Results results =
      session.run(input(c, "source", c.source), input(c, "target", c.target), lengths...);
  for (const std::string& path : options.probes) {
    const std::string name = c.prefix + "." + path.substr(0, path.rfind(".tokens"));
    const Tensor found = path.starts_with("encoder") ? without_padding(c, results.probe(path))
                                                     : results.probe(path).copy();
    golden::check(name.c_str(), found.as<float>(), expected.read(name).as<float>(), stride);
  }
  golden::check("decoder", results[0].as<float>(), expected.read(c.prefix + ".decoder").as<float>(),
                stride);
}

}  // namespace

TEST_CASE("the base Transformer, 6 + 6 layers") {
  for (const char* fusion : {"none", "layout", "all"})
    run<probed_transformer<6>>(base, 6, {"host", fusion});
}

namespace {

// The encoder, and what the decoder's layers see of it.
struct base_memory {
  sub<"encoder", nn::transformer_encoder<512, 8, 2048, 6>> encoder;
  sub<"decoder", nn::decoder_memory<512, 6>> memory;
  constexpr auto operator()(expression auto source) const { return memory(encoder(source)); }
};
struct base_step {
  sub<"decoder", nn::cached_decoder<512, 8, 2048, 6>> decoder;
  constexpr auto operator()(expression auto y, expression auto position, expression auto cache,
                            expression auto memory) const {
    return decoder(y, position, cache, memory);
  }
};

}  // namespace

TEST_CASE("the base decoder row by row, with a cache") {
  constexpr dim C{"C"};
  const Program reader = load<base_memory, Source>(),
                step = load<base_step, tensor<f32, B, 1, 512>, Lengths, tensor<f32, 6, B, C, 1024>,
                            tensor<f32, 6, B, S, 1024>>();
  Session reading = reader.bind(formula_checkpoint(reader.parameters())),
          session = step.bind(formula_checkpoint(step.parameters()));
  Tensor memory = reading.run(input(base, "source", base.source));
  const Tensor target = input(base, "target", base.target);
  Tensor cache(DType::f32, {6, base.batch, 32, 1024}), y(DType::f32, {base.batch, 1, 512}),
      at(DType::i64, {base.batch}), all(DType::f32, {base.batch, base.target, 512});
  const auto row_of = [&](const Tensor& rows, std::int64_t b, std::int64_t t) {
    return std::size_t((b * rows.sizes()[1] + t) * 512);
  };
  for (std::int64_t t = 0; t < base.target; ++t) {
    std::ranges::fill(at.as<std::int64_t>(), t);
    for (std::int64_t b = 0; b < base.batch; ++b)
      std::ranges::copy(target.as<float>().subspan(row_of(target, b, t), 512),
                        y.as<float>().subspan(row_of(y, b, 0)).begin());
    const Results results = session.run_in_place(y, at, cache, memory);
    for (std::int64_t b = 0; b < base.batch; ++b)
      std::ranges::copy(results[1].as<float>().subspan(row_of(y, b, 0), 512),
                        all.as<float>().subspan(row_of(all, b, t)).begin());
  }
  golden::check("decoder", all.as<float>(),
                golden::reference("transformer.safetensors").read("base.decoder").as<float>(),
                stride);
}

TEST_CASE("padding by lengths, a layer each") {
  const Tensor lengths = Tensor::of<std::int64_t>(DType::i64, {3}, padded.lengths);
  for (const golden::Way& way : golden::ways()) run<probed_transformer<1>>(padded, 1, way, lengths);
}

TEST_CASE("the base Transformer on the reference target" * doctest::skip()) {
  for (const char* fusion : {"none", "all"})
    run<probed_transformer<6>>(base, 6, {"reference", fusion});
}

TEST_CASE("a wrong length, mask or weight is noticed") {
  const Checkpoint expected = golden::reference("transformer.safetensors");
  const Program program = load<probed_transformer<1>, Source, Target, Lengths>();
  Session session = program.bind(formula_checkpoint(program.parameters()));
  const Tensor source = input(padded, "source", 33), target = input(padded, "target", 7);
  const auto right = [&](std::vector<std::int64_t> lengths) {
    const Tensor found =
        session.run(source, target, Tensor::of<std::int64_t>(DType::i64, {3}, lengths));
    return golden::compare(found.as<float>(), expected.read("padded.decoder").as<float>(), stride)
        .within(10 * golden::f32_tolerance);
  };
  CHECK(right({33, 5, 18}));
  CHECK_FALSE(right({33, 6, 18}));
  CHECK_FALSE(right({33, 33, 33}));
}
