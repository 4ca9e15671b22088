// DETR with a ResNet-50, for images of any size: names and sizes are those of transformers'
// facebook/detr-resnet-50.
#include "heed/dsl/nn/detr.h"

using namespace heed;
constexpr dim B{"B"}, H{"H"}, W{"W"};
using image = tensor<f32, B, 3, H, W>;

constexpr auto& m = manifest<nn::detr_r50, image>;
static_assert(m.size == 530);
static_assert(m.elements == 41'631'008);
static_assert(*m.find("model.backbone.conv_encoder.model.layer3.5.bn3.running_var") ==
              type_of<tensor<f32, 1024>>);
static_assert(*m.find("model.input_projection.weight") == type_of<tensor<f32, 256, 2048, 1, 1>>);
static_assert(*m.find("model.query_position_embeddings.weight") == type_of<tensor<f32, 100, 256>>);
static_assert(*m.find("model.decoder.layers.5.encoder_attn.out_proj.bias") ==
              type_of<tensor<f32, 256>>);
static_assert(*m.find("class_labels_classifier.weight") == type_of<tensor<f32, 92, 256>>);
static_assert(*m.find("bbox_predictor.layers.2.bias") == type_of<tensor<f32, 4>>);
static_assert(!m.find("model.encoder.layers.6.fc1.weight"));

const graph::Function& detr() { return graph_of<nn::detr_r50, image>; }
