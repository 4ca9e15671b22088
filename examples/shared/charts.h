// Curves and labelled matrices as SVG.
#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace heed::examples {

struct Curve {
  std::string name;
  std::vector<std::pair<double, double>> points;  // by ascending x
};
struct Axes {
  std::string x, y;        // what they show
  bool logarithmic = false;  // both, to base 2 and 10; all values are positive
};
// All curves in one picture, y from 0 where the axes are linear. Throws Error where it cannot be
// written.
void write_curves(const std::filesystem::path& file, const Axes& axes,
                  std::span<const Curve> curves);

// A matrix of values in [0, 1], row-major, in the colours of heat maps, with a letter or word for
// each row and column.
void write_matrix(const std::filesystem::path& file, std::span<const float> values,
                  std::span<const std::string> rows, std::span<const std::string> columns);

}  // namespace heed::examples
