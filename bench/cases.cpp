#include "cases.h"

#include "heed/dsl/load.h"
#include "heed/dsl/nn/linear.h"
#include "heed/runtime/error.h"
#include "heed/runtime/formula.h"
#include "references.h"

namespace heed::bench {
namespace {

Tensor formula_tensor(const std::string& name, const Sizes& sizes) {
  Tensor tensor(DType::f32, sizes);
  formula_input(name, tensor.as<float>());
  return tensor;
}

std::vector<Tensor> one(Tensor tensor) {
  std::vector<Tensor> list;
  list.push_back(std::move(tensor));
  return list;
}

// ---- linear layers: y = x W^T, W packed when it is bound ----------------------------------------

template <int N, int K>
struct linear_layer {
  sub<"gemm", nn::linear<K, N, false>> gemm;
  constexpr auto operator()(expression auto x) const { return gemm(x); }
};

template <int M, int N, int K>
Case gemm() {
  Case c{"gemm", "gemm_", [] { return 2e-9 * M * N * K; }, {}, {}, {}};
  c.name += std::to_string(M) + "x" + std::to_string(N) + "x" + std::to_string(K);
  c.load = [](const Options& options) {
    return heed::load<linear_layer<N, K>, tensor<f32, M, K>>(options);
  };
  c.inputs = [](int i) { return one(formula_tensor("gemm.a" + std::to_string(i), {M, K})); };
  c.check = [name = c.name](const std::vector<Tensor>& inputs, const Tensor& result) {
    check_linear(inputs[0], "gemm.weight", result, name);
  };
  return c;
}

// ---- attention, as plain maths ------------------------------------------------------------------

template <bool Causal>
struct attention {
  // q, k, v: [1, heads, tokens, features]
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    constexpr dim features = size<-1>(q);
    auto scores = matmul(q, transpose(k)) * rsqrt_of<features.constant>;
    if constexpr (Causal)
      return matmul(softmax<-1>(where(position<-1>() <= position<-2>(), scores, minus_infinity)),
                    v);
    else return matmul(softmax<-1>(scores), v);
  }
};

template <int H, int T, int D, bool Causal>
Case attention_case() {
  constexpr double pairs = Causal ? 0.5 * T * (T + 1.0) : double(T) * T;
  Case c{"attention", "attention_", [] { return 4e-9 * H * D * pairs; }, {}, {}, {}};
  c.name += std::to_string(H) + "x" + std::to_string(T) + "x" + std::to_string(D);
  if (Causal) c.name += "_causal";
  c.load = [](const Options& options) {
    using heads = tensor<f32, 1, H, T, D>;
    return heed::load<attention<Causal>, heads, heads, heads>(options);
  };
  c.inputs = [](int i) {
    std::vector<Tensor> qkv;
    for (const char* name : {"attention.q", "attention.k", "attention.v"})
      qkv.push_back(formula_tensor(name + std::to_string(i), {1, H, T, D}));
    return qkv;
  };
  c.check = [name = c.name](const std::vector<Tensor>& inputs, const Tensor& result) {
    check_attention(inputs, Causal, result, name);
  };
  return c;
}

}  // namespace

const std::vector<Case>& cases() {
  static const std::vector<Case> all = [] {
    std::vector<Case> list = {
        gemm<197, 768, 768>(),
        gemm<197, 2304, 768>(),
        gemm<197, 3072, 768>(),
        gemm<197, 768, 3072>(),
        gemm<2048, 2048, 2048>(),
        attention_case<12, 197, 64, false>(),
        attention_case<8, 1024, 64, false>(),
        attention_case<8, 4096, 64, true>(),
    };
    for (Case& c : edited_attention_cases()) list.push_back(std::move(c));
    std::vector<Case> models = vision_cases();
    for (auto more : {clip_cases, sequence_cases, convolution_cases})
      for (Case& c : more()) models.push_back(std::move(c));
    list.insert(list.begin(), models.begin(), models.end());
    return list;
  }();
  return all;
}

}  // namespace heed::bench
