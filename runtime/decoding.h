// Writing sequences token by token over any network that gives the next token's logits: greedily,
// by sampling, by beam search. Memory is taken when a search begins, none for a token.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace heed {

// A network that reads one token of every row and remembers what it has read.
struct NextToken {
  // Logits of what follows, [rows, vocabulary], valid until the next call. A row that has ended
  // reads `stop` again.
  std::function<std::span<const float>(std::span<const std::int64_t> tokens)> step;
  // Row r goes on from what row from[r] has read. Only beam search calls it.
  std::function<void(std::span<const std::int64_t> from)> reorder;
};

struct DecodingLimits {
  std::int64_t start = 0;    // read first
  std::int64_t stop = 0;     // ends a sequence
  std::int64_t longest = 0;  // tokens written at most, `stop` counted
};

struct Sequence {
  std::vector<std::int64_t> tokens;  // without start and stop
  // of the tokens, and of stop where it came, as the network has it
  double log_probability = 0;
  bool stopped = false;              // false: cut off at the limit
};

// The likeliest token every time; of equals the first. All searches throw Error where the limits or
// the settings make no sense, and where logits do not fit the rows or hold a NaN.
std::vector<Sequence> greedy(const NextToken& network, std::int64_t rows,
                             const DecodingLimits& limits);

struct Sampling {
  double temperature = 1;  // logits are divided by it
  // only the likeliest so many, and equals of the last of them; 0: all
  std::int64_t top_k = 0;
  // of these the fewest, likeliest first, whose probabilities sum up to it, and equals of the last
  double top_p = 1;
  std::uint32_t seed = 0;  // what a row draws depends on seed, row and step alone
};
std::vector<Sequence> sample(const NextToken& network, std::int64_t rows,
                             const DecodingLimits& limits, const Sampling& how);

struct BeamSearch {
  std::int64_t beams = 4;
  // sequences are ranked by log probability / length^penalty, `stop` counted
  double length_penalty = 0;
};
// For each of `batch` inputs its best sequences, best first: `beams` of them where there are so
// many. The network has batch * beams rows, those of an input side by side, which begin alike. In
// each step an input's likeliest `beams` continuations count, of equals those of the first row, then
// the first token: those that stop are complete, and as many as before go on. One beam without a
// penalty writes what greedy writes. Sequences that the limit cuts off come last, if there is room.
std::vector<std::vector<Sequence>> beam_search(const NextToken& network, std::int64_t batch,
                                               const DecodingLimits& limits, const BeamSearch& how);

}  // namespace heed
