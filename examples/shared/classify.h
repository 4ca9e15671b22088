// Networks that classify pictures: handwritten digits that training never saw, or a photograph.
#pragma once
#include <cstdio>
#include <functional>

#include "heed/dsl/graph_of.h"
#include "heed/runtime/image/image.h"
#include "heed/runtime/image/preprocess.h"
#include "report.h"

namespace heed::examples {

// The layout that a checkpoint must have.
template <class Model, class Input>
void print_manifest() {
  constexpr auto& all = manifest<Model, Input>;
  for (int i = 0; i < all.size; ++i)
    std::printf("%-28.*s %s %s\n", int(all.name(i).size()), all.name(i).data(),
                std::string(name_of(all.type(i).dtype)).c_str(),
                text_of(all.type(i).shape).c_str());
  std::printf("%d tensors, %lld parameters\n", all.size, static_cast<long long>(all.elements));
}

struct Classifier {
  Load load;
  // Draws where the network with these weights looks when it sees `input`, which is `picture`.
  std::function<void(const Checkpoint& weights, const Tensor& input, const Image& picture)> draw;
};

// `weights` belong to a network of [images, 1, 8, 8]. Says how many digits of the test it knows and
// what the pictures of digits show, or the one that --image names.
void classify_digits(const Classifier& network, const CommonOptions& options,
                     const Checkpoint& weights);

// What timm's networks see of a photograph: ImageNet's mean and deviation.
inline constexpr Preprocess imagenet_pictures{
    224, 0.9, {0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};

// A network of [images, 3, 224, 224] for ImageNet's thousand classes; --image names the photograph.
// Weights are made by a formula where --weights names none, else what `read` makes of that file.
using ReadWeights = std::function<Checkpoint(const std::string& file)>;
void classify_photograph(const Classifier& network, const CommonOptions& options,
                         const Preprocess& how, const ReadWeights& read);

}  // namespace heed::examples
