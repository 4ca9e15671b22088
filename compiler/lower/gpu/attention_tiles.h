// How much of attention a workgroup does at a time, from what a device allows.
#pragma once
#include "heed/compiler/lower/gpu/panels.h"

namespace heed::gpu {

struct AttentionTiles {
  // d must be static.
  AttentionTiles(const tile::Kernel& kernel, const Workgroups& limits);

  std::int64_t queries, keys;        // of a tile of scores
  std::int64_t invocations, across;  // across: of them along the keys
  std::int64_t values, wide;         // d in whole register tiles, invocations along it
  std::int64_t features = 0;         // as many as a piece of q and k has in workgroup memory
  std::int64_t depth = 0;            // keys of a piece of v there
  // All features of the queries stay there, a block's keys and then its values follow each other.
  bool whole = false;

  // Workgroup memory, fours: q where it stays, pieces of k and v, scores.
  std::int64_t operandsAt() const { return whole ? Panel::foursOf(queries, features) : 0; }
  std::int64_t scoresAt() const { return operandsAt() + operandFours(); }
  // A four more than a row of them has: rows next to each other meet different banks.
  std::int64_t scoreStride() const { return keys / 4 + 1; }
  std::int64_t fours() const { return scoresAt() + queries * scoreStride(); }

 private:
  std::int64_t operandFours() const;
  bool fits(const Workgroups& limits) const;
  void fitWhole(const tile::Kernel& kernel, const Workgroups& limits);
  void share(std::int64_t d);

  bool staged;
};

}  // namespace heed::gpu
