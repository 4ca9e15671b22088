// What a mask says of tiles of one batch index, as code that decides while the kernel runs.
#pragma once
#include "heed/compiler/lower/cpu/emit.h"
#include "heed/compiler/lower/tile/mask_ranges.h"
#include "heed/compiler/lower/tile/masks.h"

namespace heed::cpu {

struct AttentionMask {
  Emit& e;
  const tile::MaskClasses& classes;
  mlir::Region& region;
  ValueRange buffers;  // of the kernel
  Value batch, keys;   // the index, and how many keys there are

  // Keys of queries [first, end), by the mask's bounds.
  tile::KeyRanges ranges(Value first, Value end) const;
  // Of queries [query, query + rows) and keys [first, end), where bounds do not say everything.
  std::optional<tile::Verdict> judge(Value query, Value rows, Value first, Value end) const;

 private:
  Value valueOf(const tile::IntegerSum& sum) const;
  // Where they depend on the query or on the key only.
  std::optional<tile::Range> elementRange(int operand, const tile::Range& queryRange,
                                          const tile::Range& keyRange) const;
  // Any number, where there are none or too many to look at.
  std::optional<tile::Range> foundRange(tile::Lookup lookup, const tile::Range& indices) const;
  bool varies(const tile::Access& access, char role) const;
  Value elementAt(int operand, Value address) const;
};

}  // namespace heed::cpu
