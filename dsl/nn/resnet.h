// ResNet (Deep Residual Learning for Image Recognition, arXiv 1512.03385, table 1) with the
// parameter names of torchvision and timm, so that their checkpoints load; strides lie in the 3x3
// convolutions, as there.
#pragma once
#include "heed/dsl/nn/batch_norm.h"
#include "heed/dsl/nn/convolution.h"
#include "heed/dsl/nn/linear.h"

namespace heed::nn {

// 1x1, 3x3 and 1x1 around a shortcut, which is projected where it changes.
template <std::int64_t In, std::int64_t Middle, int Stride>
struct bottleneck {
  static constexpr std::int64_t out = 4 * Middle;
  static constexpr bool projects = In != out || Stride != 1;

  sub<"conv1", convolution<In, Middle, 1, 1, 0, false>> conv1;
  sub<"bn1", batch_norm<Middle>> bn1;
  sub<"conv2", convolution<Middle, Middle, 3, Stride, 1, false>> conv2;
  sub<"bn2", batch_norm<Middle>> bn2;
  sub<"conv3", convolution<Middle, out, 1, 1, 0, false>> conv3;
  sub<"bn3", batch_norm<out>> bn3;
  sub<"downsample.0", convolution<In, out, 1, Stride, 0, false>> shortcut_conv;
  sub<"downsample.1", batch_norm<out>> shortcut_bn;

  constexpr auto operator()(expression auto x) const {
    auto y = bn3(conv3(relu(bn2(conv2(relu(bn1(conv1(x))))))));
    if constexpr (projects) return relu(y + shortcut_bn(shortcut_conv(x)));
    else return relu(y + x);
  }
};

// Blocks are numbered from 0; the first one changes width and size.
template <std::int64_t In, std::int64_t Middle, int Stride, int Blocks>
  requires(Blocks == 3 || Blocks == 4 || Blocks == 6)
struct resnet_stage {
  using next = bottleneck<4 * Middle, Middle, 1>;
  sub<"0", bottleneck<In, Middle, Stride>> first;
  chain<sub<"1", next>, sub<"2", next>> two;
  sub<"3", next> third;
  chain<sub<"4", next>, sub<"5", next>> last;

  constexpr auto operator()(expression auto x) const {
    auto y = two(first(x));
    if constexpr (Blocks == 3) return y;
    else if constexpr (Blocks == 4) return third(y);
    else return last(third(y));
  }
};

struct resnet_stem {
  sub<"conv1", convolution<3, 64, 7, 2, 3, false>> conv1;
  sub<"bn1", batch_norm<64>> bn1;
  constexpr auto operator()(expression auto image) const {
    return max_pool2d<3, 2, 1>(relu(bn1(conv1(image))));
  }
};

// image: [batch, 3, height, width] gives features: [batch, 2048, ⌈height/32⌉, ⌈width/32⌉]
using resnet_50_features =
    chain<sub<"", resnet_stem>, sub<"layer1", resnet_stage<64, 64, 1, 3>>,
          sub<"layer2", resnet_stage<256, 128, 2, 4>>, sub<"layer3", resnet_stage<512, 256, 2, 6>>,
          sub<"layer4", resnet_stage<1024, 512, 2, 3>>>;

// The same, what each stage gives: finest first.
struct resnet_50_pyramid {
  sub<"", resnet_stem> stem;
  sub<"layer1", resnet_stage<64, 64, 1, 3>> layer1;
  sub<"layer2", resnet_stage<256, 128, 2, 4>> layer2;
  sub<"layer3", resnet_stage<512, 256, 2, 6>> layer3;
  sub<"layer4", resnet_stage<1024, 512, 2, 3>> layer4;
  constexpr auto operator()(expression auto image) const {
    auto first = layer1(stem(image));
    auto second = layer2(first);
    auto third = layer3(second);
    return parts{first, second, third, layer4(third)};
  }
};

template <std::int64_t Classes = 1000>
struct resnet {
  resnet_50_features features;
  sub<"fc", linear<2048, Classes>> fc;

  // image: [batch, 3, height, width] gives logits: [batch, classes]
  constexpr auto operator()(expression auto image) const {
    auto y = probe<"features">(features(image));
    constexpr dim batch = size<0>(y), cells = size<2>(y) * size<3>(y);
    return fc(mean<-1>(reshape<batch, 2048, cells>(y)));
  }
};

using resnet50 = resnet<>;

}  // namespace heed::nn
