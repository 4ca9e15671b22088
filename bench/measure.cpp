#include "measure.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>

#include "child.h"
#include "heed/runtime/error.h"
#include "heed/runtime/parallel.h"
#include "heed/runtime/peak.h"
#include "heed/runtime/session.h"
#include "references.h"
#include "timing.h"

namespace heed::bench {
namespace {

constexpr int input_sets = 4;
constexpr std::int64_t peak_rounds = 200'000;  // less than a millisecond

// Runs a session on one set of inputs after the other.
class Runner {
 public:
  Runner(const Case& c, Session session) : session_(std::move(session)) {
    for (int i = 0; i < input_sets; ++i) sets_.push_back(c.inputs(i));
    for (const std::vector<Tensor>& set : sets_)
      for (const Tensor& input : set) pointers_.push_back(&input);
  }
  const Tensor& run(std::size_t set) {
    const std::size_t size = sets_[0].size();
    return session_.run(std::span(pointers_).subspan(set * size, size))[0];
  }
  void run_next() { run(next_++ % input_sets); }
  const std::string& target() const { return session_.program().target(); }
  const std::vector<Tensor>& first_inputs() const { return sets_[0]; }
  Runner sibling(const Case& c, int threads) const { return {c, session_.sibling(threads)}; }

 private:
  Session session_;
  std::vector<std::vector<Tensor>> sets_;
  std::vector<const Tensor*> pointers_;
  std::size_t next_ = 0;
};

Runner load(const Case& c, Options options, const std::string& fusion) {
  options.fusion = fusion;
  const Program program = c.load(options);
  return {c, program.bind(formula_checkpoint(program.parameters()))};
}

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

struct TemporaryFolder {
  TemporaryFolder() {
    if (!mkdtemp(path.data())) throw Error("bench: no temporary folder '", path, "'");
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  std::string path = std::filesystem::temp_directory_path() / "heed_bench_XXXXXX";
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
  options.cache = "off";
  std::vector<Row> rows;
  for (const int count : threads) {
    options.threads = count;
    rows.push_back({c.group, c.name, count});
    rows.back().gflop = c.gflop;
    rows.back().compile_ms = compile_ms;
    rows.back().cached_ms = cached_ms;
    rows.back().peak_mb = peak_mb(c, options);
  }

  options.threads = 1;
  Runner fused = load(c, options, "all"), unfused = load(c, options, "none");
  c.check(fused.first_inputs(), fused.run(0));
  require_close(unfused.run(0).as<float>(), fused.run(0).as<float>(), c.name + ": unfused");
  for (Row& row : rows) {
    Runner a = fused.sibling(c, row.threads), b = unfused.sibling(c, row.threads);
    Peak peak(a.target(), row.threads);
    const std::vector<Times> times = take_turns({{"fused", [&] { a.run_next(); }},
                                                 {"unfused", [&] { b.run_next(); }},
                                                 {"peak", [&] { peak.run(); }}},
                                                quick ? 3 : 15);
    const double peak_gflop_per_ms = peak.gflop() / times[2].median_ms;
    row.heed_ms = times[0].median_ms;
    row.heed_least_ms = times[0].least_ms;
    row.unfused_ms = times[1].median_ms;
    row.peak_pct = 100 * c.gflop / row.heed_ms / peak_gflop_per_ms;
    row.unfused_pct = 100 * c.gflop / row.unfused_ms / peak_gflop_per_ms;
  }
  return rows;
}

}  // namespace heed::bench
