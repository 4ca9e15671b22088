// DETR with a ResNet-50 backbone, for images of any height and width that are multiples of 32 after
// padding; two outputs. Sizes are those of the public checkpoint with its frozen batch norms.
#include "heed/dsl/nn/attention.h"
#include "heed/dsl/nn/norm.h"

using namespace heed;
using namespace heed::nn;

namespace {

constexpr dim B{"B"}, H{"H"}, W{"W"};

template <int In, int Out, int Kernel, int Stride, int Padding>
struct conv {
  constexpr auto operator()(expression auto x) const {
    return conv2d<Stride, Padding>(x, param<"weight", tensor<f32, Out, In, Kernel, Kernel>>);
  }
};
template <int C>
struct frozen_batch_norm {
  constexpr auto operator()(expression auto x) const {
    using vector = tensor<f32, C>;
    auto scale = param<"weight", vector> * rsqrt(param<"running_var", vector> + scalar<1e-5>);
    auto shift = param<"bias", vector> - param<"running_mean", vector> * scale;
    return x * reshape<C, 1, 1>(scale) + reshape<C, 1, 1>(shift);
  }
};

template <int In, int Mid, int Stride, bool Down>
struct bottleneck {
  sub<"conv1", conv<In, Mid, 1, 1, 0>> conv1;
  sub<"conv2", conv<Mid, Mid, 3, Stride, 1>> conv2;
  sub<"conv3", conv<Mid, 4 * Mid, 1, 1, 0>> conv3;
  sub<"bn1", frozen_batch_norm<Mid>> bn1;
  sub<"bn2", frozen_batch_norm<Mid>> bn2;
  sub<"bn3", frozen_batch_norm<4 * Mid>> bn3;
  sub<"downsample.0", conv<In, 4 * Mid, 1, Stride, 0>> down_conv;
  sub<"downsample.1", frozen_batch_norm<4 * Mid>> down_bn;
  constexpr auto operator()(expression auto x) const {
    auto y = bn3(conv3(relu(bn2(conv2(relu(bn1(conv1(x))))))));
    if constexpr (Down) return relu(y + down_bn(down_conv(x)));
    else return relu(y + x);
  }
};
// PyTorch numbers the blocks of a layer from 0: the first one changes the width, the others repeat.
template <int In, int Mid, int Stride, int More>
struct layer {
  sub<"0", bottleneck<In, Mid, Stride, true>> first;
  using next = bottleneck<4 * Mid, Mid, 1, false>;
  sub<"1", next> second;
  sub<"2", next> third;
  sub<"3", next> fourth;
  sub<"4", next> fifth;
  sub<"5", next> sixth;
  constexpr auto operator()(expression auto x) const {
    auto y = third(second(first(x)));
    if constexpr (More == 2) return y;
    else if constexpr (More == 3) return fourth(y);
    else return sixth(fifth(fourth(y)));
  }
};
struct resnet_50 {
  sub<"conv1", conv<3, 64, 7, 2, 3>> conv1;
  sub<"bn1", frozen_batch_norm<64>> bn1;
  chain<sub<"layer1", layer<64, 64, 2, 2>>, sub<"layer2", layer<256, 128, 2, 3>>,
        sub<"layer3", layer<512, 256, 2, 5>>, sub<"layer4", layer<1024, 512, 2, 2>>>
      layers;
  constexpr auto operator()(expression auto image) const { return layers(relu(bn1(conv1(image)))); }
};

template <int D, int Hidden>
struct encoder_layer {
  sub<"self_attn", multi_head_attention<D, 8>> self_attn;
  sub<"linear1", linear<D, Hidden>> linear1;
  sub<"linear2", linear<Hidden, D>> linear2;
  sub<"norm1", layer_norm<D>> norm1;
  sub<"norm2", layer_norm<D>> norm2;
  constexpr auto operator()(expression auto x, expression auto positions) const {
    auto h = norm1(x + self_attn(x + positions, x + positions, x));
    return norm2(h + linear2(relu(linear1(h))));
  }
};
template <int D, int Hidden>
struct decoder_layer {
  sub<"self_attn", multi_head_attention<D, 8>> self_attn;
  sub<"multihead_attn", multi_head_attention<D, 8>> cross_attn;
  sub<"linear1", linear<D, Hidden>> linear1;
  sub<"linear2", linear<Hidden, D>> linear2;
  sub<"norm1", layer_norm<D>> norm1;
  sub<"norm2", layer_norm<D>> norm2;
  sub<"norm3", layer_norm<D>> norm3;
  constexpr auto operator()(expression auto y, expression auto memory, expression auto keys,
                            expression auto queries) const {
    auto a = norm1(y + self_attn(y + queries, y + queries, y));
    auto b = norm2(a + cross_attn(a + queries, keys, memory));
    return norm3(b + linear2(relu(linear1(b))));
  }
};

struct box_head {
  sub<"layers.0", linear<256, 256>> first;
  sub<"layers.1", linear<256, 256>> second;
  sub<"layers.2", linear<256, 4>> third;
  constexpr auto operator()(expression auto x) const {
    return sigmoid(third(relu(second(relu(first(x))))));
  }
};

struct detr_r50 {
  sub<"backbone.0.body", resnet_50> backbone;
  repeat<"transformer.encoder.layers", 6, encoder_layer<256, 2048>> encoder;
  repeat<"transformer.decoder.layers", 6, decoder_layer<256, 2048>> decoder;
  sub<"transformer.decoder.norm", layer_norm<256>> norm;
  sub<"class_embed", linear<256, 92>> class_embed;
  sub<"bbox_embed", box_head> bbox_embed;

  constexpr auto operator()(expression auto image, expression auto positions) const {
    constexpr dim batch = size<0>(image), cells = size<1>(positions);
    auto grid = conv2d(backbone(image), param<"input_proj.weight", tensor<f32, 256, 2048, 1, 1>>) +
                reshape<256, 1, 1>(param<"input_proj.bias", tensor<f32, 256>>);
    auto x = transpose(reshape<batch, 256, cells>(grid));
    auto queries =
        broadcast_to<batch, 100, 256>(param<"query_embed.weight", tensor<f32, 100, 256>>);
    auto memory = encoder(x, positions);
    auto y = norm(decoder(queries - queries, memory, memory + positions, queries));
    return parts{class_embed(y), bbox_embed(y)};
  }
};

// What the backbone makes of a side: five halvings, each rounded up.
constexpr dim halved(dim side, int times) {
  for (; times > 0; --times) side = floor_div(side - 1, 2) + 1;
  return side;
}
using image = tensor<f32, B, 3, H, W>;
using positions = tensor<f32, B, halved(H, 5) * halved(W, 5), 256>;
constexpr auto& m = manifest<detr_r50, image, positions>;
static_assert(m.elements == 41'631'008);
static_assert(*m.find("backbone.0.body.layer3.5.bn3.running_var") == type_of<tensor<f32, 1024>>);

}  // namespace

const graph::Function& detr() { return graph_of<detr_r50, image, positions>; }
