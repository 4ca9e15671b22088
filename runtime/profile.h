// Where the time of runs goes: by kernel kind, by step, and when.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace heed {

// Collects the steps of all runs of the sessions it is set on (Session::set_profile). Thread-safe.
class Profile {
 public:
  // Time and work of the steps that have a kind or a label in common.
  struct Row {
    std::string name;
    std::int64_t calls = 0;
    double seconds = 0, flops = 0, bytes = 0;
    // Of attention under a mask: tiles, each some queries and a block of keys, and how many of them
    // were worked on; the mask let the others be skipped. On a CPU; 0 elsewhere.
    std::int64_t tiles = 0, tiles_visited = 0;
  };

  std::vector<Row> by_kind() const;  // slowest first
  std::vector<Row> by_label() const;
  std::vector<Row> by_kernel() const;  // by the kernel's symbol
  std::int64_t runs() const;
  // What the machine can do at most, from peak_gflops() say: then all of the below tell percentages
  // of it. 0: not known.
  void set_peak_gflops(double gflops);
  // Both as text: calls, milliseconds a run, share of the time, GFLOP/s, % of the peak, GB/s, % of
  // tiles skipped.
  std::string table() const;
  // The same numbers as JSON: {"runs", "peak_gflops", "kinds": [{"name", "calls", "seconds",
  // "flops", "bytes"}], "steps": […]}, and "tiles", "tiles_visited" where there are tiles.
  std::string json() const;
  // Chrome's trace format, for chrome://tracing and Perfetto; one track a session, steps by their
  // module paths, each with its kernel, GFLOP/s and % of the peak.
  std::string trace() const;
  void write_trace(const std::filesystem::path& path) const;  // appears whole or not at all
  void clear();

  // ---- for sessions -------------------------------------------------------------------------

  using Nanoseconds = std::int64_t;
  static Nanoseconds now();
  int new_track();
  void add_run();
  struct Step {
    std::string_view label, kind, kernel;
    int track = 0;
    Nanoseconds begin = 0, end = 0;
    double flops = 0, bytes = 0;
    std::int64_t tiles = 0, tiles_visited = 0;
  };
  void add(const Step& step);

 private:
  struct Event {
    std::size_t label = 0, kind = 0, kernel = 0;  // indices into names_
    int track = 0;
    Nanoseconds begin = 0, end = 0;
    double flops = 0, bytes = 0;
    std::int64_t tiles = 0, tiles_visited = 0;
  };
  std::size_t index_of(std::string_view name);
  std::vector<Row> rows(std::size_t Event::*name) const;

  mutable std::mutex mutex_;
  std::vector<Event> events_;
  std::vector<std::string> names_;
  std::map<std::string, std::size_t, std::less<>> indices_;
  std::int64_t runs_ = 0;
  int tracks_ = 0;
  double peak_gflops_ = 0;
};

}  // namespace heed
