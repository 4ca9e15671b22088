// Which keys attention's mask leaves alive, known without evaluating it: comparisons that are
// linear in key and query bound the keys of a tile of queries from below or above.
#pragma once
#include "heed/compiler/lower/tile/emitter.h"
#include "heed/compiler/lower/tile/kernel.h"

namespace heed::tile {

// A sum of integers: constant + Σ factor·digit + Σ factor·dimension + Σ factor·(an operand's
// element).
struct IntegerSum {
  Dim constant;
  std::vector<std::int64_t> digits;                      // factor of each digit of the domain
  std::vector<std::pair<int, std::int64_t>> elements;    // operand, factor
};

// key · (+1 | -1) + perQuery · query + rest ≥ 0 for one of the limits, key and query being the
// linear indices of roles j and i; rest has no j and i digits, nor have its elements.
struct KeyLimit {
  std::int64_t perQuery;
  IntegerSum rest;
};
struct KeyBound {
  bool below;               // +1: the keys are bounded from below
  std::vector<KeyLimit> limits;
};

struct MaskClasses {
  std::vector<KeyBound> bounds;
  bool complete = true;     // the mask says nothing but the bounds
};

// A conjunct is a comparison, or several with "or" between them that bound the keys from one side.
// Conjuncts that are no such bound leave `complete` false. An empty region has no bounds.
MaskClasses classifyMask(const Kernel& kernel, mlir::Region& mask);

// How much an integer of attention's regions grows from one key to the next, where that is always
// the same.
std::optional<std::int64_t> stepAlongKeys(const Kernel& kernel, mlir::Value x);

// Keys of some queries: [low, high) may be alive, [fullLow, fullHigh) surely are, as far as the
// bounds go.
struct KeyRanges {
  Value low, high, fullLow, fullHigh;
};
// Of queries [first, end) and `keys` keys, emitted as index values.
KeyRanges keyRanges(Emitter& e, const MaskClasses& mask, Value first, Value end, Value keys,
                    llvm::function_ref<Value(const IntegerSum&)> valueOf);

}  // namespace heed::tile
