// Operands that pass through workgroup memory, in fours: fours[k · stride + line / 4].
#pragma once
#include "heed/compiler/lower/gpu/tiles.h"

namespace heed::gpu {

// One that lies there, of so many lines (a multiple of 4) at each k.
struct Panel {
  static constexpr std::int64_t strideOf(std::int64_t lines) {
    return lines / 4 + 1;  // neighbours along k meet different banks
  }
  static constexpr std::int64_t foursOf(std::int64_t lines, std::int64_t depth) {
    return strideOf(lines) * depth;
  }
  Value memory;
  std::int64_t at = 0, lines = 0;  // at: in fours
};

// An operand's pieces of lines × depth on their way there: first into registers, where they can
// wait for what is computed meanwhile. The source outlives it.
class Piece {
 public:
  // extent: of k; what lies beyond becomes 0.
  Piece(Simt& e, const Source& source, std::int64_t lines, std::int64_t depth, const Dim& extent);
  // Own elements of the piece from k = first on; beyond the last piece those of some other.
  Values read(Value first);
  // The same to where they go.
  void write(ValueRange own, Value first, const Panel& panel);

 private:
  struct Unit {             // what is read at a time
    Value line, k, exists;  // exists: null where all have one
  };
  Unit unit(std::int64_t turn);
  std::int64_t each() const { return unitLines * unitDepth; }

  Simt& e;
  const Source& source;
  std::int64_t lines, depth;
  Dim extent;
  std::int64_t unitLines, unitDepth, units, turns;
};

// sums + Σ over a panel's whole depth.
Values multiply(Simt& e, Tile& tile, const Panel& a, const Panel& b, std::int64_t depth,
                ValueRange sums);
// The same with rows from a source; the tile has one team.
Values multiply(Simt& e, Tile& tile, const Source& a, const Panel& b, std::int64_t depth,
                ValueRange sums);
// Σ over all k below the extent, in pieces of `depth` that pass through fours[at …), where there is
// room for panels of both.
Values multiply(Simt& e, Tile& tile, const Source& a, const Source& b, const Dim& extent,
                std::int64_t depth, Value fours, std::int64_t at);

}  // namespace heed::gpu
