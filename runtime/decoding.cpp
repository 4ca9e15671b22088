#include "heed/runtime/decoding.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "heed/runtime/error.h"
#include "heed/runtime/philox.h"

namespace heed {
namespace {

constexpr double never = -std::numeric_limits<double>::infinity();

constexpr std::int64_t most_tokens = std::int64_t(1) << 28;  // kept in a search

void check(const NextToken& network, const DecodingLimits& limits, std::int64_t rows,
           const char* rows_name) {
  if (!network.step) throw Error("decoding: a search needs NextToken::step, which is empty");
  if (rows < 1) throw Error("decoding: ", rows_name, " is ", rows, ", at least 1 is needed");
  if (limits.longest < 1)
    throw Error("decoding: longest is ", limits.longest,
                ", a sequence needs room for at least 1 token");
  if (limits.start < 0 || limits.stop < 0)
    throw Error("decoding: start is ", limits.start, " and stop ", limits.stop,
                ", tokens count from 0");
  if (limits.longest > most_tokens / rows)
    throw Error("decoding: ", limits.longest, " tokens for each of ", rows, " rows are more than ",
                most_tokens, "; make longest what a sequence may need");
}

// The rows' logits at one step, as log probabilities.
class Logits {
 public:
  Logits(const NextToken& network, std::span<const std::int64_t> tokens, std::int64_t step,
         std::int64_t stop)
      : all_(network.step(tokens)), vocabulary_(all_.size() / tokens.size()), step_(step) {
    if (vocabulary_ == 0 || vocabulary_ * tokens.size() != all_.size())
      throw Error("decoding: the network gives ", all_.size(), " logits for ", tokens.size(),
                  " rows, as many for each are needed");
    if (stop >= std::int64_t(vocabulary_))
      throw Error("decoding: stop is ", stop, ", the network knows tokens 0 to ", vocabulary_ - 1);
  }
  std::span<const float> row(std::size_t r) const {
    return all_.subspan(r * vocabulary_, vocabulary_);
  }

  // log Σ exp(logit): log probabilities are logits less this.
  double log_sum(std::size_t r) const {
    const auto logits = row(r);
    double most = never;
    for (const float logit : logits) {
      if (std::isnan(logit)) throw Error("decoding: a logit of row ", r, " is NaN at step ", step_);
      most = std::max(most, double(logit));
    }
    if (std::isinf(most))
      throw Error("decoding: the largest logit of row ", r, " is ", std::to_string(most),
                  " at step ", step_, ", it must be finite");
    double sum = 0;
    for (const float logit : logits) sum += std::exp(double(logit) - most);
    return most + std::log(sum);
  }

 private:
  std::span<const float> all_;
  std::size_t vocabulary_;
  std::int64_t step_;
};

// choose(logits of a row, row, step): one token. Rows end one by one.
template <class Choose>
std::vector<Sequence> write(const NextToken& network, std::int64_t rows,
                            const DecodingLimits& limits, Choose choose) {
  check(network, limits, rows, "rows");
  std::vector<Sequence> written(static_cast<std::size_t>(rows));
  for (Sequence& s : written) s.tokens.reserve(static_cast<std::size_t>(limits.longest));
  std::vector<std::int64_t> last(written.size(), limits.start);
  std::int64_t live = rows;
  for (std::int64_t step = 0; step < limits.longest && live > 0; ++step) {
    const Logits logits(network, last, step, limits.stop);
    for (std::size_t r = 0; r < written.size(); ++r) {
      if (written[r].stopped) continue;
      const double log_sum = logits.log_sum(r);
      const std::size_t token = choose(logits.row(r), r, step);
      written[r].log_probability += double(logits.row(r)[token]) - log_sum;
      last[r] = std::int64_t(token);
      if (last[r] == limits.stop) {
        written[r].stopped = true;
        --live;
      } else {
        written[r].tokens.push_back(last[r]);
      }
    }
  }
  return written;
}

// Draws from what temperature, top_k and top_p leave of a row's tokens: the largest score with
// Gumbel noise, in the same numbers as dsl/nn/sampling.h.
class Draw {
 public:
  explicit Draw(const Sampling& how) : how_(how) {
    if (!(how.temperature > 0) || std::isinf(how.temperature))
      throw Error("decoding: temperature is ", std::to_string(how.temperature),
                  ", it must be positive; towards 0 use greedy");
    if (how.top_k < 0)
      throw Error("decoding: top_k is ", how.top_k, ", 0 keeps all tokens, n the likeliest n");
    if (!(how.top_p > 0 && how.top_p <= 1))
      throw Error("decoding: top_p is ", std::to_string(how.top_p),
                  ", it lies above 0 and up to 1");
  }

  std::size_t operator()(std::span<const float> logits, std::size_t row, std::int64_t step) {
    const float least = threshold(logits);
    const double most = std::ranges::max(logits);
    const std::uint32_t of_row = how_.seed + std::uint32_t(row) * 0xc2b2ae35u;
    double best = never;
    std::size_t token = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      if (logits[i] < least) continue;
      const double u = uniform(philox(of_row, std::uint32_t(i), std::uint32_t(step)));
      const double score = (double(logits[i]) - most) / how_.temperature - std::log(-std::log(u));
      if (score > best) {
        best = score;
        token = i;
      }
    }
    return token;
  }

 private:
  // The least logit that top_k and top_p leave.
  float threshold(std::span<const float> logits) {
    float least = -std::numeric_limits<float>::infinity();
    const bool limits_number = how_.top_k > 0 && std::size_t(how_.top_k) < logits.size();
    if (!limits_number && how_.top_p == 1) return least;
    const std::size_t kept = limits_number ? std::size_t(how_.top_k) : logits.size();
    sorted_.assign(logits.begin(), logits.end());  // the same size every time
    std::ranges::partial_sort(sorted_, sorted_.begin() + std::ptrdiff_t(kept), std::greater());
    if (limits_number) least = sorted_[kept - 1];
    if (how_.top_p == 1) return least;
    const auto weight = [&](float logit) {
      return std::exp((double(logit) - double(sorted_[0])) / how_.temperature);
    };
    double sum = 0, reached = 0;
    for (const float logit : logits)
      if (logit >= least) sum += weight(logit);
    for (std::size_t i = 0; i < kept; ++i)
      if ((reached += weight(sorted_[i])) >= how_.top_p * sum) return sorted_[i];
    return least;
  }

  Sampling how_;
  std::vector<float> sorted_;  // likeliest first, as many as are kept
};

}  // namespace

std::vector<Sequence> greedy(const NextToken& network, std::int64_t rows,
                             const DecodingLimits& limits) {
  return write(network, rows, limits, [](std::span<const float> logits, std::size_t, std::int64_t) {
    return std::size_t(std::ranges::max_element(logits) - logits.begin());
  });
}

std::vector<Sequence> sample(const NextToken& network, std::int64_t rows,
                             const DecodingLimits& limits, const Sampling& how) {
  return write(network, rows, limits, Draw(how));
}

namespace {

// A sequence as its last token and the row, a step before, that it goes on from.
struct Link {
  std::int64_t row = 0, token = 0;
};
struct Candidate {
  double log_probability = never;
  Link link;
};
struct Complete {
  double score = never, log_probability = never;
  std::int64_t steps = 0, row = 0;  // written before stop, ended by row `row` of that step
  bool stopped = true;
};

// Inserts into a list that is sorted, best first, and never longer than `most`. Of equals the first
// stays first.
template <class T, class Better>
void insert(std::vector<T>& best, const T& candidate, std::size_t most, Better better) {
  if (best.size() == most) {
    if (!better(candidate, best.back())) return;
    best.pop_back();
  }
  best.insert(std::ranges::upper_bound(best, candidate, better), candidate);
}

class Beams {
 public:
  Beams(std::int64_t batch, const DecodingLimits& limits, const BeamSearch& how)
      : limits_(limits),
        how_(how),
        beams_(std::size_t(how.beams)),
        rows_(std::size_t(batch) * beams_),
        complete_(std::size_t(batch)),
        done_(complete_.size(), false),
        scores_(rows_, never),
        tokens_(rows_, limits.start),
        from_(rows_) {
    links_.reserve(rows_ * std::size_t(limits.longest));
    best_.reserve(2 * beams_);
    for (auto& list : complete_) list.reserve(beams_);
    // rows begin alike: one of them goes on
    for (std::size_t b = 0; b < complete_.size(); ++b) scores_[b * beams_] = 0;
  }

  std::vector<std::vector<Sequence>> run(const NextToken& network) {
    for (std::int64_t step = 0;
         step < limits_.longest && std::ranges::find(done_, false) != done_.end(); ++step) {
      const Logits logits(network, tokens_, step, limits_.stop);
      for (std::size_t b = 0; b < complete_.size(); ++b)
        if (!done_[b]) extend(b, logits, step);
      for (std::size_t r = 0; r < rows_; ++r) links_.push_back({from_[r], tokens_[r]});
      network.reorder(from_);
    }
    return results();
  }

 private:
  double score(double log_probability, std::int64_t length) const {
    return log_probability / std::pow(double(length), how_.length_penalty);
  }
  void add_complete(std::size_t b, const Complete& c) {
    insert(complete_[b], c, beams_, [](const Complete& x, const Complete& y) {
      return x.stopped != y.stopped ? x.stopped : x.score > y.score;
    });
  }

  void extend(std::size_t b, const Logits& logits, std::int64_t step) {
    // One continuation of a row is stop, so that half of these at least go on.
    best_.clear();
    for (std::size_t r = b * beams_; r < (b + 1) * beams_; ++r) {
      if (scores_[r] == never) continue;
      const double base = scores_[r] - logits.log_sum(r);
      const auto row = logits.row(r);
      for (std::size_t token = 0; token < row.size(); ++token)
        if (const double p = base + double(row[token]); p != never)
          insert(best_, {p, {std::int64_t(r), std::int64_t(token)}}, 2 * beams_,
                 [](const Candidate& x, const Candidate& y) {
                   return x.log_probability > y.log_probability;
                 });
    }
    for (std::size_t n = 0; n < std::min(best_.size(), beams_); ++n)
      if (const auto& [p, link] = best_[n]; link.token == limits_.stop)
        add_complete(b, {score(p, step + 1), p, step, link.row, true});
    std::erase_if(best_, [&](const Candidate& c) { return c.link.token == limits_.stop; });
    for (std::size_t k = 0; k < beams_; ++k) {
      const std::size_t r = b * beams_ + k;
      const bool live = k < best_.size();
      scores_[r] = live ? best_[k].log_probability : never;
      tokens_[r] = live ? best_[k].link.token : limits_.stop;
      from_[r] = live ? best_[k].link.row : std::int64_t(r);
    }
    if (best_.empty() || decided(b)) finish(b);
    else if (step + 1 == limits_.longest)
      for (std::size_t r = b * beams_; r < (b + 1) * beams_; ++r)
        if (scores_[r] != never)
          add_complete(b,
                       {score(scores_[r], step + 1), scores_[r], step + 1, std::int64_t(r), false});
  }
  // Whether nothing that goes on can still come among the best: log probabilities only fall, and a
  // longer sequence's is divided by longest^penalty at most.
  bool decided(std::size_t b) const {
    if (complete_[b].size() < beams_) return false;
    const std::int64_t length = how_.length_penalty > 0 ? limits_.longest : 1;
    return score(best_.front().log_probability, length) <= complete_[b].back().score;
  }
  void finish(std::size_t b) {
    done_[b] = true;
    for (std::size_t r = b * beams_; r < (b + 1) * beams_; ++r) {
      scores_[r] = never;
      tokens_[r] = limits_.stop;
      from_[r] = std::int64_t(r);
    }
  }

  std::vector<std::vector<Sequence>> results() const {
    std::vector<std::vector<Sequence>> all(complete_.size());
    for (std::size_t b = 0; b < all.size(); ++b)
      for (const Complete& c : complete_[b]) {
        Sequence s{std::vector<std::int64_t>(std::size_t(c.steps)), c.log_probability, c.stopped};
        std::int64_t row = c.row;
        for (std::int64_t t = c.steps; t-- > 0;) {
          const Link& link = links_[std::size_t(t) * rows_ + std::size_t(row)];
          s.tokens[std::size_t(t)] = link.token;
          row = link.row;
        }
        all[b].push_back(std::move(s));
      }
    return all;
  }

  DecodingLimits limits_;
  BeamSearch how_;
  std::size_t beams_, rows_;
  std::vector<std::vector<Complete>> complete_;  // of each input, best first
  std::vector<bool> done_;
  std::vector<double> scores_;  // log probabilities of the rows that go on
  std::vector<std::int64_t> tokens_, from_;
  std::vector<Link> links_;  // [steps, rows]
  std::vector<Candidate> best_;
};

}  // namespace

std::vector<std::vector<Sequence>> beam_search(const NextToken& network, std::int64_t batch,
                                               const DecodingLimits& limits,
                                               const BeamSearch& how) {
  check(network, limits, batch, "batch");
  if (!network.reorder)
    throw Error("decoding: beam search needs NextToken::reorder, which is empty");
  if (how.beams < 1) throw Error("decoding: beams is ", how.beams, ", at least 1 is needed");
  if (how.beams > most_tokens / limits.longest / batch)
    throw Error("decoding: ", how.beams, " beams of ", limits.longest, " tokens for a batch of ",
                batch, " are more than ", most_tokens, " tokens");
  if (!(how.length_penalty >= 0))
    throw Error("decoding: length_penalty is ", std::to_string(how.length_penalty),
                ", it must be 0 or more");
  return Beams(batch, limits, how).run(network);
}

}  // namespace heed
