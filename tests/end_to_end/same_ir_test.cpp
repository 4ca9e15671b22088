// Attention written by hand is as good as the library's: the fused kernels are the same, letter for
// letter.
#include <doctest/doctest.h>

#include <sstream>

#include "attention_oracle.h"
#include "heed/dsl/nn/transformer.h"

using namespace heed;

namespace {

constexpr dim B{"B"}, T{"T"};
using tokens = tensor<f32, B, T, 96>;

constexpr auto heads(expression auto x) {
  constexpr dim batch = size<0>(x), length = size<1>(x);
  return permute<0, 2, 1, 3>(reshape<batch, length, 3, 32>(x));
}

// torch's multi-head attention from nothing but maths; the scale stands where `Where` says.
enum class Scale { score, query, key, mask };
template <Scale Where>
struct by_hand {
  sub<"out_proj", nn::linear<96, 96>> out_proj;
  constexpr auto operator()(expression auto x) const {
    constexpr dim batch = size<0>(x), length = size<1>(x);
    auto [wq, wk, wv] = split<3, 0>(param<"in_proj_weight", tensor<f32, 288, 96>>);
    auto [bq, bk, bv] = split<3, 0>(param<"in_proj_bias", tensor<f32, 288>>);
    auto q = heads(matmul(x, transpose(wq)) + bq);
    auto k = heads(matmul(x, transpose(wk)) + bk);
    auto v = heads(matmul(x, transpose(wv)) + bv);
    auto scores = [&] {
      if constexpr (Where == Scale::query) return matmul(q * rsqrt_of<32>, transpose(k));
      else if constexpr (Where == Scale::key) return matmul(q, transpose(k * rsqrt_of<32>));
      else return matmul(q, transpose(k)) * rsqrt_of<32>;
    }();
    auto seen = [&] {
      if constexpr (Where == Scale::mask)
        return where(position<-1>() <= position<-2>(), scores, minus_infinity);
      else return scores;
    }();
    auto context = matmul(softmax<-1>(seen), v);
    return out_proj(reshape<batch, length, 96>(permute<0, 2, 1, 3>(context)));
  }
};

template <class Model>
std::string fused() {
  std::ostringstream text;
  Options options;
  options.print_after = "fused";
  options.print_to = &text;
  (void)load<Model, tokens>(options);
  // The module's attribute is the model's name; everything after it must be equal.
  return text.str().substr(text.str().find("func.func"));
}

}  // namespace

TEST_CASE("hand-written maths and the library module give one fused IR") {
  std::string library = fused<nn::multi_head_attention<96, 3>>();
  CHECK(library.find("heed.attention") != std::string::npos);
  CHECK(fused<by_hand<Scale::score>>() == library);
  CHECK(fused<by_hand<Scale::query>>() == library);
  CHECK(fused<by_hand<Scale::key>>() == library);
}

TEST_CASE("a causal mask by positions is the library's") {
  std::string library = fused<nn::multi_head_attention<96, 3, nn::causal>>();
  CHECK(fused<by_hand<Scale::mask>>() == library);
  CHECK(library != fused<nn::multi_head_attention<96, 3>>());
}

TEST_CASE("a block of a vision transformer moves nothing outside its kernels") {
  using Block = nn::transformer_encoder_block<768, 12, 3072>;
  const std::string ir = oracle::fused_main<Block, tensor<f32, B, 197, 768>>();
  CHECK(oracle::kernels(ir) == "attention 1 contract 4 rows 2");
  CHECK(oracle::moved_bytes(ir) == "0");
}

namespace {
// The rows are read twice, so that the sum is a tensor of its own: x, y and the sum.
struct left_over {
  constexpr auto operator()(expression auto x, expression auto y) const {
    auto sum = x + y;
    return parts{softmax<-1>(sum), exp(sum)};
  }
};
}  // namespace

TEST_CASE("what is moved is reported") {
  const std::string ir = oracle::fused_main<left_over, tokens, tokens>();
  CHECK(oracle::moved_bytes(ir) == "1920*B*T");
}
