// A contraction's left operand where its rows are runs of contiguous elements: a convolution's
// windows. Its rows are read where they lie instead of being written out one by one, k times as
// large: each begins at an address of its own, and all reach their runs by the same steps. Where
// windows reach beyond the image, its lines are copied first, with a border.
#pragma once
#include "heed/compiler/lower/cpu/emit.h"

namespace heed::cpu {

// Lines of images with a border. An image has `lines` of `columns` columns of `unit` elements, in
// `planes` planes.
struct PaddedLines {
  // of the image: coordinate = stride · output + dilation · tap - padding
  struct Axis {
    int axis = -1, output = -1, tap = -1;  // of the tensor; digits of roles m and k
    // reach: from a window's first element past its last
    std::int64_t stride = 1, padding = 0, reach = 1;
    Dim size, outputs;
    Dim padded() const { return (outputs - Dim(1)) * Dim(stride) + Dim(reach); }
  };
  Axis y, x;
  int channel = -1;          // digit of role k, -1 where there is one channel
  // channels of a column, or planes of the image: one of them is 1
  std::int64_t unit = 1, planes = 1;

  Dim columns() const { return x.padded(); }
  Dim lines() const { return y.padded(); }
  Dim lineElements() const { return columns() * Dim(unit); }
  // Elements for any `rows` successive rows of role m.
  Dim elements(std::int64_t rows) const;
};

struct RowRuns {
  struct Digit {
    std::int64_t extent;
    Dim stride;
    bool plane;              // the stride is one of planes
  };
  std::vector<Digit> outside;         // of a run, major to minor
  std::int64_t length = 1;            // elements of a run
  std::optional<PaddedLines> padded;  // absent: the operand is read in place

  std::int64_t count() const;         // runs of a row
};

// Of operand 0 with roles m and k; nullopt where its rows have to be packed.
std::optional<RowRuns> rowRunsOf(const tile::Kernel& kernel);

// For rows [first, first + count) of a batch index: their addresses to offsets[0...], the runs'
// steps to offsets[runsAt...] and, where there are any, the padded lines.
void emitRowRuns(Emit& e, const RowRuns& runs, ValueRange buffers, Value batch, Value first,
                 Value count, Value lines, Value offsets, std::int64_t runsAt);

}  // namespace heed::cpu
