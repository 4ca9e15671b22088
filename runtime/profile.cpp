#include "heed/runtime/profile.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <span>

#include "heed/runtime/atomic_file.h"

namespace heed {
namespace {

using Json = nlohmann::ordered_json;

void add_tiles(Json& json, const auto& counted) {
  if (!counted.tiles) return;
  json["tiles"] = counted.tiles;
  json["tiles_visited"] = counted.tiles_visited;
}

Json json_of(const std::vector<Profile::Row>& rows) {
  Json list = Json::array();
  for (const Profile::Row& row : rows) {
    list.push_back({{"name", row.name},
                    {"calls", row.calls},
                    {"seconds", row.seconds},
                    {"flops", row.flops},
                    {"bytes", row.bytes}});
    add_tiles(list.back(), row);
  }
  return list;
}

// Names come from graphs, which are foreign: bytes that are no UTF-8 are replaced.
std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

double gflops(double flops, double seconds) { return flops / std::max(seconds, 1e-12) * 1e-9; }

void append_table(std::string& text, const char* title, const std::vector<Profile::Row>& rows,
                  std::int64_t runs, double peak_gflops) {
  double total = 0;
  for (const Profile::Row& row : rows) total += row.seconds;
  const bool masks =
      std::ranges::any_of(rows, [](const Profile::Row& row) { return row.tiles > 0; });
  char line[256];
  std::snprintf(line, sizeof line, "%-44s %7s %10s %6s %9s %7s %8s%s\n", title, "calls", "ms/run",
                "%", "GFLOP/s", "% peak", "GB/s", masks ? " % skipped" : "");
  text += line;
  for (const Profile::Row& row : rows) {
    const double speed = gflops(row.flops, row.seconds);
    char of_peak[16] = "", skipped[16] = "";
    if (peak_gflops > 0) std::snprintf(of_peak, sizeof of_peak, "%.1f", 100 * speed / peak_gflops);
    if (row.tiles)
      std::snprintf(skipped, sizeof skipped, " %9.1f",
                    100 - 100 * double(row.tiles_visited) / double(row.tiles));
    std::snprintf(line, sizeof line, "%-44.44s %7lld %10.3f %6.1f %9.1f %7s %8.1f%s\n",
                  row.name.c_str(), static_cast<long long>(row.calls),
                  row.seconds * 1e3 / double(std::max<std::int64_t>(runs, 1)),
                  100 * row.seconds / std::max(total, 1e-12), speed, of_peak,
                  gflops(row.bytes, row.seconds), skipped);
    text += line;
  }
}

}  // namespace

Profile::Nanoseconds Profile::now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int Profile::new_track() {
  const std::lock_guard lock(mutex_);
  return ++tracks_;
}

void Profile::add_run() {
  const std::lock_guard lock(mutex_);
  ++runs_;
}

void Profile::add(const Step& step) {
  const std::lock_guard lock(mutex_);
  events_.push_back({index_of(step.label), index_of(step.kind), index_of(step.kernel), step.track,
                     step.begin, step.end, step.flops, step.bytes, step.tiles, step.tiles_visited});
}

std::size_t Profile::index_of(std::string_view name) {
  const auto known = indices_.find(name);
  if (known != indices_.end()) return known->second;
  names_.emplace_back(name);
  return indices_[std::string(name)] = names_.size() - 1;
}

void Profile::set_peak_gflops(double gflops) {
  const std::lock_guard lock(mutex_);
  peak_gflops_ = gflops;
}

std::int64_t Profile::runs() const {
  const std::lock_guard lock(mutex_);
  return runs_;
}

void Profile::clear() {
  const std::lock_guard lock(mutex_);
  events_.clear();
  runs_ = 0;
}

std::vector<Profile::Row> Profile::rows(std::size_t Event::*name) const {
  const std::lock_guard lock(mutex_);
  std::vector<Row> all(names_.size());
  for (const Event& event : events_) {
    Row& row = all[event.*name];
    ++row.calls;
    row.seconds += static_cast<double>(event.end - event.begin) * 1e-9;
    row.flops += event.flops;
    row.bytes += event.bytes;
    row.tiles += event.tiles;
    row.tiles_visited += event.tiles_visited;
  }
  for (std::size_t i = 0; i < all.size(); ++i) all[i].name = names_[i];
  std::erase_if(all, [](const Row& row) { return row.calls == 0; });
  std::ranges::sort(all, std::greater(), &Row::seconds);
  return all;
}

std::vector<Profile::Row> Profile::by_kind() const { return rows(&Event::kind); }
std::vector<Profile::Row> Profile::by_label() const { return rows(&Event::label); }
std::vector<Profile::Row> Profile::by_kernel() const { return rows(&Event::kernel); }

std::string Profile::table() const {
  std::string text;
  append_table(text, "kind", by_kind(), runs(), peak_gflops_);
  text += '\n';
  append_table(text, "step", by_label(), runs(), peak_gflops_);
  return text;
}

std::string Profile::json() const {
  return dumped({{"runs", runs()},
                 {"peak_gflops", peak_gflops_},
                 {"kinds", json_of(by_kind())},
                 {"steps", json_of(by_label())}});
}

std::string Profile::trace() const {
  const std::lock_guard lock(mutex_);
  Json list = Json::array();
  const Nanoseconds origin =
      events_.empty() ? 0 : std::ranges::min(events_, {}, &Event::begin).begin;
  for (const Event& event : events_) {
    const double speed = gflops(event.flops, double(event.end - event.begin) * 1e-9);
    Json details = {{"kernel", names_[event.kernel]},
                    {"flops", event.flops},
                    {"bytes", event.bytes},
                    {"GFLOP/s", speed}};
    add_tiles(details, event);
    if (peak_gflops_ > 0) details["% of peak"] = 100 * speed / peak_gflops_;
    list.push_back({{"name", names_[event.label]},
                    {"cat", names_[event.kind]},
                    {"ph", "X"},
                    {"pid", 1},
                    {"tid", event.track},
                    {"ts", static_cast<double>(event.begin - origin) * 1e-3},
                    {"dur", static_cast<double>(event.end - event.begin) * 1e-3},
                    {"args", std::move(details)}});
  }
  for (int track = 1; track <= tracks_; ++track)
    list.push_back({{"name", "thread_name"},
                    {"ph", "M"},
                    {"pid", 1},
                    {"tid", track},
                    {"args", {{"name", "session " + std::to_string(track)}}}});
  return dumped({{"traceEvents", std::move(list)}, {"displayTimeUnit", "ms"}});
}

void Profile::write_trace(const std::filesystem::path& path) const {
  const std::string text = trace();
  write_file(path, std::as_bytes(std::span(text)));
}

}  // namespace heed
