#include "heed/compiler/lower/gpu/attention_tiles.h"

#include <bit>

namespace heed::gpu {
namespace {

constexpr int64_t scores_each = 16;     // four rows of four
constexpr int64_t most_features = 128;  // that stay in workgroup memory
constexpr int64_t value_words = 2048;   // of workgroup memory for a piece of the values
constexpr int64_t least = 16;           // queries and keys

int64_t up(int64_t x, int64_t to) { return (x + to - 1) / to * to; }

}  // namespace

AttentionTiles::AttentionTiles(const tile::Kernel& kernel, const Workgroups& limits)
    : staged(limits.staged) {
  const Dim i = kernel.extentOf('i'), j = kernel.extentOf('j');
  const int64_t d = kernel.extentOf('d').constant;
  if (!staged) {
    invocations = limits.invocations;
    across = wide = limits.across;
    queries = fitting(i, invocations / across, limits.queries);
    keys = fitting(j, 4 * across, limits.keys);
    values = up(d, across);
    return;
  }
  queries = fitting(i, least, limits.queries);
  keys = fitting(j, least, limits.keys);
  const int64_t batch = lower_bound(kernel.extentOf('b'));
  if (i.is_static())
    while (queries > limits.least && batch * ((i.constant + queries - 1) / queries) < limits.enough)
      queries /= 2;
  share(d);
  fitWhole(kernel, limits);
  if (whole) return;
  features = limits.depth;
  while (!fits(limits) && std::max(queries, keys) > least) {
    (keys > queries ? keys : queries) /= 2;
    share(d);
  }
}

// Invocations along the values so that few of those are padding.
void AttentionTiles::share(int64_t d) {
  invocations = queries * keys / scores_each;
  across = keys / 4;
  values = 0;
  for (int64_t along : {16, 8, 4})
    if (along * scores_each >= keys && (!values || up(d, 4 * along) < values)) {
      wide = along;
      values = up(d, 4 * along);
    }
  depth = int64_t(std::bit_floor(uint64_t(std::clamp<int64_t>(value_words / values, 4, keys))));
}

void AttentionTiles::fitWhole(const tile::Kernel& kernel, const Workgroups& limits) {
  const Dim e = kernel.extentOf('e');
  if (!e.is_static() || e.constant < 1 || e.constant > most_features) return;
  if (values > most_features) return;
  const AttentionTiles before = *this;
  whole = true;
  features = e.constant;
  depth = keys;
  while (!fits(limits) && queries > limits.least) {
    queries /= 2;
    share(kernel.extentOf('d').constant);
    depth = keys;
  }
  if (!fits(limits)) *this = before;
}

int64_t AttentionTiles::operandFours() const {
  if (!staged) return 0;
  const int64_t k = Panel::foursOf(keys, features),
                q = whole ? 0 : Panel::foursOf(queries, features);
  return std::max(q + k, Panel::foursOf(values, depth));
}

// Beside scores and operands: results on their way out, a word an invocation, a word a row.
bool AttentionTiles::fits(const Workgroups& limits) const {
  const int64_t out = invocations / wide * (values + 1);
  return int64_t(sizeof(float)) * (4 * fours() + out + invocations + queries) <=
         limits.shared_bytes;
}

}  // namespace heed::gpu
