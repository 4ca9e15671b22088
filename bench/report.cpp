#include "report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "heed/runtime/error.h"

namespace heed::bench {
namespace {

using Json = nlohmann::ordered_json;
double rounded(double value) { return std::round(value * 1e4) / 1e4; }

// Peers' names: keys that are neither a minimum nor about creation or memory.
std::set<std::string> peers_of(const std::vector<Row>& rows) {
  std::set<std::string> names;
  for (const Row& row : rows)
    for (const auto& [key, value] : row.peers)
      if (!key.ends_with("_ms") && !key.ends_with("_mb")) names.insert(key);
  return names;
}

Line line_of(const Row& row, const std::set<std::string>& peers) {
  Line line = {row.name,
               std::to_string(row.threads),
               milliseconds(row.heed_ms),
               milliseconds(row.heed_least_ms),
               text(row.peak_pct, 1),
               text(row.least_pct, 1),
               milliseconds(row.unfused_ms),
               text(row.unfused_ms / row.heed_ms, 2),
               text(row.compile_ms, 0),
               text(row.cached_ms, 0),
               text(row.peak_mb, 0)};
  for (const std::string& peer : peers)
    line.push_back(row.peers.contains(peer) ? milliseconds(row.peers.at(peer)) : "");
  return line;
}

// The geometric mean of the linear layers' % of peak; no line where there are none.
void append_mean(std::vector<Line>& lines, const std::vector<Row>& rows, int threads) {
  double sum = 0, least = 0, ratios = 0;
  int count = 0;
  for (const Row& row : rows)
    if (row.group == "gemm" && row.threads == threads) {
      sum += std::log(row.peak_pct);
      least += std::log(row.least_pct);
      ratios += std::log(row.unfused_ms / row.heed_ms);
      ++count;
    }
  if (count < 2) return;
  Line line(lines[0].size());
  line[0] = "gemm, geometric mean";
  line[1] = std::to_string(threads);
  line[4] = text(std::exp(sum / count), 1);
  line[5] = text(std::exp(least / count), 1);
  line[7] = text(std::exp(ratios / count), 2);
  lines.push_back(line);
}

// "onnxruntime" of "onnxruntime_2t"
std::string without_threads(const std::string& key) {
  return std::regex_replace(key, std::regex("_[0-9]+t$"), "");
}

}  // namespace

std::string text(double value, int digits) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
  return buffer;
}

std::string milliseconds(double ms) {
  return text(ms, ms >= 100 ? 0 : ms >= 10 ? 1 : ms >= 1 ? 2 : 3);
}

std::string aligned(std::vector<Line> lines) {
  lines.insert(lines.begin() + 1, Line(lines[0].size()));
  std::string out;
  for (std::size_t l = 0; l < lines.size(); ++l) {
    for (std::size_t column = 0; column < lines[0].size(); ++column) {
      std::size_t width = 0;
      for (const Line& line : lines) width = std::max(width, line[column].size());
      const std::string fill(width - lines[l][column].size(), l == 1 ? '-' : ' ');
      const bool left = column == 0;  // names to the left, numbers to the right
      if (l == 1) out += left ? "| " + fill + " " : "| " + fill.substr(1) + ": ";
      else out += left ? "| " + lines[l][0] + fill + " " : "| " + fill + lines[l][column] + " ";
    }
    out += "|\n";
  }
  return out;
}

void add_peers(std::vector<Row>& rows, const std::filesystem::path& file) {
  std::ifstream stream(file);
  const Json all = Json::parse(stream, nullptr, false);
  if (!all.is_object()) throw Error("bench: '", file.string(), "' is not what peers.py writes");
  for (Row& row : rows) {
    if (!all.contains(row.name)) continue;
    const Json& found = all[row.name];
    const std::string suffix = row.threads == 1 ? "" : "_" + std::to_string(row.threads) + "t";
    for (const auto& [key, value] : found.items()) {
      // A peer is a key that has a minimum: onnxruntime_2t beside onnxruntime_2t_min.
      const std::string peer = without_threads(key);
      if (peer + suffix == key && found.contains(key + "_min")) row.peers[peer] = value;
      if (row.threads == 1 && (key.ends_with("_create_ms") || key.ends_with("_peak_mb")))
        row.peers[key] = value;
    }
  }
}

std::string table(const std::vector<Row>& rows) {
  const std::set<std::string> peers = peers_of(rows);
  Line head = {"case",       "threads",       "ms",         "least ms",  "% of peak", "least %",
               "unfused ms", "unfused/fused", "compile ms", "cached ms", "peak MB"};
  for (const std::string& peer : peers) head.push_back(peer + " ms");
  std::vector<Line> lines = {head};
  std::set<int> threads;
  for (const Row& row : rows) {
    lines.push_back(line_of(row, peers));
    threads.insert(row.threads);
  }
  for (const int count : threads) append_mean(lines, rows, count);

  return aligned(lines);
}

void write_json(const std::vector<Row>& rows, const std::filesystem::path& file) {
  Json list = Json::array();
  for (const Row& row : rows)
    list.push_back({{"group", row.group},
                    {"case", row.name},
                    {"dtype", "f32"},
                    {"threads", row.threads},
                    {"heed_ms", rounded(row.heed_ms)},
                    {"unfused_ms", rounded(row.unfused_ms)},
                    {"gflop", rounded(row.gflop)},
                    {"peak_pct", rounded(row.peak_pct)},
                    {"least_pct", rounded(row.least_pct)},
                    {"compile_ms", rounded(row.compile_ms)},
                    {"cached_ms", rounded(row.cached_ms)},
                    {"peak_mb", rounded(row.peak_mb)},
                    {"peers", row.peers}});
  std::ofstream stream(file);
  stream << list.dump(2) << '\n';
  if (!stream.flush()) throw Error("bench: cannot write '", file.string(), "'");
}

}  // namespace heed::bench
