// Multiply–accumulates as counted by hand.
#include "heed/dsl/graph/work.h"

#include <doctest/doctest.h>

#include "heed/dsl/graph_of.h"
#include "heed/dsl/nn/convolution.h"
#include "heed/dsl/nn/windows.h"

using namespace heed;

namespace {

constexpr dim B{"B"}, T{"T"}, H{"H"}, W{"W"};

template <class Model, class... Inputs>
double macs(std::vector<std::vector<std::int64_t>> sizes) {
  return graph::flops(graph_of<Model, Inputs...>, sizes) / 2;
}

struct folded_weights {  // the product of two parameters is made once
  constexpr auto operator()(expression auto x) const {
    return matmul(x, matmul(param<"a", tensor<f32, 8, 5>>, param<"b", tensor<f32, 5, 6>>));
  }
};
struct twice {
  repeat<"layers", 3, nn::linear<8, 8>> layers;
  sub<"head", nn::linear<8, 2>> head;
  constexpr auto operator()(expression auto x) const { return head(layers(x)); }
};
// The window and causality at once: of the two masks the one that hides most counts.
struct two_masks {
  constexpr auto operator()(expression auto q) const {
    auto near =
        where(position<-2>() - position<-1>() < scalar<2>, nn::scaled_scores(q, q), minus_infinity);
    return matmul(softmax<-1>(nn::causal::apply(near)), q);
  }
};
// From 1 to 4 keys ahead: quotients round down, and by 0 they are 0.
struct ahead {
  constexpr auto operator()(expression auto q) const {
    auto none = position<-1>() / (position<-1>() * scalar<0>);
    auto seen = (position<-2>() - position<-1>()) / scalar<4> == none - scalar<1>;
    return matmul(softmax<-1>(where(seen, nn::scaled_scores(q, q), minus_infinity)), q);
  }
};
struct masked_by_data {
  constexpr auto operator()(expression auto q, expression auto mask) const {
    return nn::attention(q, q, q, mask);
  }
};

}  // namespace

TEST_CASE("products, of parameters and repeated") {
  CHECK(macs<nn::linear<8, 6>, tensor<f32, B, 8>>({{7, 8}}) == 7 * 8 * 6);
  CHECK(macs<folded_weights, tensor<f32, B, 8>>({{7, 8}}) == 7 * 8 * 6);
  CHECK(macs<twice, tensor<f32, B, 8>>({{7, 8}}) == 7 * (3 * 64 + 16));
}

TEST_CASE("convolutions of an image whose size is known at run time") {
  CHECK(macs<nn::convolution<4, 6, 3, 2, 1, true, 1, 2>, tensor<f32, B, 4, H, W>>({{2, 4, 9, 5}}) ==
        2 * 6 * 5 * 3 * 2 * 9);
}

TEST_CASE("pairs that positions hide") {
  using heads = tensor<f32, B, 2, T, 4>;
  CHECK(macs<two_masks, heads>({{3, 2, 5, 4}}) == 2 * 3 * 2 * 4 * 15);
  CHECK(macs<ahead, heads>({{3, 2, 5, 4}}) == 2 * 3 * 2 * 4 * 10);
  CHECK(macs<masked_by_data, heads, tensor<boolean, T, T>>({{3, 2, 5, 4}, {5, 5}}) ==
        2 * 3 * 2 * 4 * 25);
  // Two windows along each axis; in a shifted image each last one holds pieces of 2 and 2 rows, or
  // columns.
  constexpr double pairs = (16 + 8) * (16 + 8), rest = 64 * 12 * 8 * 8;
  CHECK(macs<nn::swin_block<8, 2, 4, 2>, tensor<f32, B, 8, 8, 8>>({{1, 8, 8, 8}}) ==
        rest + 2 * pairs * 8);
}
