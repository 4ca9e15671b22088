#include "scenes.h"

#include <algorithm>
#include <cmath>

#include "heed/runtime/formula.h"

namespace heed::examples {
namespace {

constexpr int most = 4, candidates = 16;  // digits of a picture; places tried for them
constexpr int cells = 8;                  // a digit's side
constexpr float least_ink = 0.25f;        // of rows and columns within a digit's box

struct Placed {
  double side, left, top, digit;  // which digit, as a fraction
};

double shared_area(const Placed& a, const Placed& b) {
  const double across = std::min(a.left + a.side, b.left + b.side) - std::max(a.left, b.left);
  const double down = std::min(a.top + a.side, b.top + b.side) - std::max(a.top, b.top);
  return std::max(across, 0.0) * std::max(down, 0.0);
}

// A candidate is taken if it covers at most a tenth of the smaller one of itself and each taken
// before.
std::vector<Placed> place(const std::string& name) {
  std::uint64_t index = 0;
  const auto uniform = [&] { return (double(formula_value(name, index++)) + 1) / 2; };
  const auto count = std::size_t(1 + std::floor(uniform() * most));
  std::vector<Placed> taken;
  for (int n = 0; n < candidates; ++n) {
    Placed p{};
    p.side = 14 + 14 * uniform();
    p.left = uniform() * (scene_side - p.side);
    p.top = uniform() * (scene_side - p.side);
    p.digit = uniform();
    const bool free = std::ranges::all_of(taken, [&](const Placed& other) {
      return shared_area(p, other) <= 0.1 * std::pow(std::min(p.side, other.side), 2);
    });
    if (free && taken.size() < count) taken.push_back(p);
  }
  return taken;
}

class Canvas {
 public:
  // digit: [8, 8], picture: [scene_side, scene_side], both from -1 to 1
  Canvas(std::span<const float> digit, std::span<float> picture)
      : digit_(digit), picture_(picture) {}

  // Bilinear, nothing outside of the digit; where digits meet, the one with more ink is seen.
  void draw(const Placed& at) const {
    for (int y = 0; y < scene_side; ++y)
      for (int x = 0; x < scene_side; ++x) {
        float sum = 0;
        for (int i = 0; i < cells; ++i) {
          const float down = share(y, at.top, at.side, i);
          for (int j = 0; down > 0 && j < cells; ++j)
            sum += down * share(x, at.left, at.side, j) * ink(i, j);
        }
        float& pixel = picture_[std::size_t(y * scene_side + x)];
        pixel = std::max(pixel, sum * 2 - 1);
      }
  }
  Centred box(const Placed& at) const {
    int first_row = cells, last_row = -1, first_column = cells, last_column = -1;
    for (int i = 0; i < cells; ++i)
      for (int j = 0; j < cells; ++j)
        if (ink(i, j) >= least_ink) {
          first_row = std::min(first_row, i);
          last_row = std::max(last_row, i);
          first_column = std::min(first_column, j);
          last_column = std::max(last_column, j);
        }
    const double cell = at.side / cells;
    return centred_of({(at.left + first_column * cell) / scene_side,
                       (at.top + first_row * cell) / scene_side,
                       (at.left + (last_column + 1) * cell) / scene_side,
                       (at.top + (last_row + 1) * cell) / scene_side});
  }

 private:
  float ink(int row, int column) const {
    return (digit_[std::size_t(row * cells + column)] + 1) / 2;
  }
  // How much a pixel takes of a cell, along one axis.
  static float share(int pixel, double begin, double side, int cell) {
    const float at = (float(pixel) + 0.5f - float(begin)) / float(side) * cells - 0.5f;
    return std::max(1 - std::abs(at - float(cell)), 0.0f);
  }
  std::span<const float> digit_;
  std::span<float> picture_;
};

}  // namespace

Scenes compose_scenes(const std::string& name, int count, const Digits& digits) {
  Scenes scenes{Tensor(DType::f32, {count, 1, scene_side, scene_side}), {}};
  std::ranges::fill(scenes.pictures.as<float>(), -1.0f);
  constexpr std::size_t pixels = scene_side * scene_side;
  for (int n = 0; n < count; ++n) {
    Objects objects;
    for (const Placed& placed : place(name + "." + std::to_string(n))) {
      const auto which = std::size_t(placed.digit * double(digits.labels.size()));
      const Canvas canvas(digits.images.as<float>().subspan(which * cells * cells, cells * cells),
                          scenes.pictures.as<float>().subspan(std::size_t(n) * pixels, pixels));
      canvas.draw(placed);
      objects.classes.push_back(digits.labels[which]);
      objects.boxes.push_back(canvas.box(placed));
    }
    scenes.objects.push_back(std::move(objects));
  }
  return scenes;
}

}  // namespace heed::examples
