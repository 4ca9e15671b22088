#include "measure.h"

#include <algorithm>
#include <array>
#include <optional>

#include "child.h"
#include "heed/runtime/error.h"
#include "heed/runtime/parallel.h"
#include "heed/runtime/peak.h"
#include "references.h"
#include "runner.h"
#include "temporary.h"
#include "timing.h"

namespace heed::bench {
namespace {

constexpr std::int64_t peak_rounds = 200'000;  // less than a millisecond

// The peak loop on all threads at once.
class Peak {
 public:
  Peak(const std::string& target, int threads) : loop_(peak_loop(target)), pool_(threads) {}
  void run() {
    auto body = [&](std::int64_t begin, std::int64_t end, int) -> std::int32_t {
      loop_.run(peak_rounds * (end - begin));
      return 0;
    };
    pool_.run(pool_.threads(), 1, body);
  }
  double gflop() const {
    return 1e-9 * loop_.flops_per_round * double(peak_rounds) * pool_.threads();
  }

 private:
  PeakLoop loop_;
  ThreadPool pool_;
};

// Reads memory that no cache holds, on all threads at once.
class Stream {
 public:
  explicit Stream(int threads)
      : numbers_(elements, 1), sums_(std::size_t(threads)), pool_(threads) {}
  void run() {
    auto body = [&](std::int64_t begin, std::int64_t end, int thread) -> std::int32_t {
      std::array<std::int64_t, lanes> sums{};
      for (std::int64_t i = begin * lanes; i < end * lanes; i += lanes)
        for (std::int64_t l = 0; l < lanes; ++l)
          sums[std::size_t(l)] += numbers_[std::size_t(i + l)];
      for (const std::int64_t sum : sums) sums_[std::size_t(thread)] += sum;
      return 0;
    };
    pool_.run(elements / lanes, elements / lanes / 64, body);
  }
  static double gbyte() { return 1e-9 * double(elements) * sizeof(std::int64_t); }

 private:
  static constexpr std::int64_t elements = std::int64_t(1) << 25, lanes = 16;
  std::vector<std::int64_t> numbers_, sums_;
  ThreadPool pool_;
};

double median_of(int times, const std::function<double()>& sample) {
  std::vector<double> samples;
  for (int i = 0; i < times; ++i) samples.push_back(sample());
  std::ranges::sort(samples);
  return samples[samples.size() / 2];
}

}  // namespace

std::vector<Row> measure(const Case& c, const std::string& target, const std::vector<int>& threads,
                         bool quick) {
  Options options;
  options.target = target;
  options.threads = 1;
  options.cache = "off";
  const int starts = quick ? 1 : 5;
  const double compile_ms = median_of(starts, [&] { return start_ms(c, options); });
  const TemporaryFolder folder;
  options.cache = folder.path;
  start_ms(c, options);  // fills the cache
  const double cached_ms = median_of(starts, [&] { return start_ms(c, options); });
  const double gflop = c.gflop();
  std::vector<Row> rows;
  for (const int count : threads) {
    options.threads = count;
    rows.push_back({c.group, c.name, count});
    rows.back().gflop = gflop;
    rows.back().compile_ms = compile_ms;
    rows.back().cached_ms = cached_ms;
    rows.back().peak_mb = peak_mb(c, options);
  }

  options.cache = "off";
  options.threads = 1;
  Runner fused = load_runner(c, options);
  options.fusion = "none";
  Runner unfused = load_runner(c, options);
  c.check(fused.first_inputs(), fused.run(0));
  require_close(unfused.run(0).as<float>(), fused.run(0).as<float>(), c.name + ": unfused");
  for (Row& row : rows) {
    Runner a = fused.sibling(c, row.threads), b = unfused.sibling(c, row.threads);
    Peak peak(a.target(), row.threads);
    std::optional<Stream> stream;
    if (c.gbyte > 0) stream.emplace(row.threads);
    const double amount = stream ? c.gbyte : gflop, most = stream ? Stream::gbyte() : peak.gflop();
    const std::vector<Times> times =
        take_turns({{"fused", [&] { a.run_next(); }},
                    {"unfused", [&] { b.run_next(); }},
                    {"peak", [&] { stream ? stream->run() : peak.run(); }}},
                   quick ? 3 : 15);
    const double peak_per_ms = most / times[2].median_ms;
    row.heed_ms = times[0].median_ms;
    row.heed_least_ms = times[0].least_ms;
    row.unfused_ms = times[1].median_ms;
    row.peak_pct = 100 * amount / row.heed_ms / peak_per_ms;
    row.least_pct = 100 * amount / row.heed_least_ms / (most / times[2].least_ms);
    row.unfused_pct = 100 * amount / row.unfused_ms / peak_per_ms;
  }
  return rows;
}

}  // namespace heed::bench
