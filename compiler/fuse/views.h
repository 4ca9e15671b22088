// Views over digits: every coordinate of a tensor is a string of pieces in mixed radix, major to
// minor. Reshape, split, permute, slice, roll and convolution windows become rewriting of such
// strings; no division ever appears. No MLIR here.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "heed/dsl/graph/shape.h"

namespace heed::fuse {

struct Piece;
using Coordinate = std::vector<Piece>;        // of one axis
using Coordinates = std::vector<Coordinate>;  // of a tensor

// One piece. Its extent is how many values it takes; the weight of a piece is the product of the
// extents to its right.
struct Piece {
  enum Kind {
    digit,     // `id` of the domain
    constant,  // `value`
    roll,      // (parts[0] + value) mod extent
    sum        // Σ weights[i]·parts[i] + value: slices, padding and windows
  } kind;
  Dim extent;
  int id = -1;
  Dim value;
  std::vector<Coordinate> parts;
  std::vector<Dim> weights;
};

Dim extentOf(const Coordinate& coordinate);
// Digits in it, major to minor, without repetition.
void digitsOf(const Coordinate& coordinate, std::vector<int>& ids);

// The digits of one kernel. A digit may later be defined by others: it is refined for every
// coordinate at once.
class Domain {
 public:
  struct Info {
    Dim extent;
    bool defined = false;
    Coordinate definition;
  };

  Coordinate fresh(const Dim& extent);  // empty for extent 1
  const Info& operator[](int id) const { return digits_[id]; }
  std::size_t size() const { return digits_.size(); }

  // Definitions substituted, pieces of extent 1 dropped.
  Coordinate normal(const Coordinate& coordinate) const;
  Coordinates normal(const Coordinates& coordinates) const;

  // (major, minor) with extent(minor) = n; nullopt where no chain of divisions leads there: the
  // caller copies.
  std::optional<std::pair<Coordinate, Coordinate>> cut(const Coordinate& coordinate, const Dim& n);

  // Coordinates in a tensor of shape `to` of the element at `from` (in a tensor of as many
  // elements).
  std::optional<Coordinates> reshape(const Coordinates& from, const Shape& to);

  // Coordinate in x of coordinate c in slice(x, begin, …).
  Coordinate slice(const Coordinate& c, const Dim& begin, const Dim& extent, const Dim& of) const;
  // Coordinate in x of coordinate c in roll(x, shift).
  Coordinate rolled(const Coordinate& c, std::int64_t shift, const Dim& extent) const;

 private:
  std::optional<std::pair<Coordinate, Coordinate>> split(const Piece& piece, const Dim& n);
  void define(int id, Coordinate definition);

  std::vector<Info> digits_;
};

Coordinate constantAt(const Dim& value, const Dim& extent);
Coordinate sumOf(std::vector<Coordinate> parts, std::vector<Dim> weights, const Dim& value,
                 const Dim& extent);

bool operator==(const Piece& a, const Piece& b);

}  // namespace heed::fuse
