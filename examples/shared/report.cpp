#include "report.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <numeric>

#include "files.h"
#include "heed/runtime/error.h"
#include "heed/runtime/peak.h"
#include "heed/runtime/profile.h"

namespace heed::examples {
namespace {

double run_ms(Session& session, const Inputs& inputs) {
  const auto begin = std::chrono::steady_clock::now();
  session.run(inputs);
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

}  // namespace

void say(std::string_view word, const std::string& text) {
  std::printf("%-8.*s %s\n", int(word.size()), word.data(), text.c_str());
  std::fflush(stdout);
}

std::string format(const char* pattern, ...) {
  char text[512];
  va_list values;
  va_start(values, pattern);
  std::vsnprintf(text, sizeof text, pattern, values);
  va_end(values);
  return text;
}

void say_compiled(const Program& program) {
  const std::string when = program.compile_ms() > 0 ? format("in %.0f ms", program.compile_ms())
                                                    : "earlier, taken from the cache";
  say("compiled", format("%s, for %s, fusion %s", when.c_str(), program.target().c_str(),
                         program.data().fusion.c_str()));
}

Checkpoint only_parameters(const Checkpoint& checkpoint, const Program& program) {
  return checkpoint.rename([&](std::string_view name) {
    const bool needed = std::ranges::any_of(
        program.parameters(), [&](const abi::TensorSpec& spec) { return spec.name == name; });
    return needed ? std::string(name) : std::string();
  });
}

Checkpoint weights_or_formula(const Program& program, const std::string& file) {
  if (program.parameters().empty()) {
    if (!file.empty())
      throw Error("examples: this network has no weights, '", file, "' cannot give it any");
    say("weights", "none: there are no parameters");
    return formula_checkpoint({});
  }
  if (!file.empty()) {
    const Checkpoint weights = Checkpoint::open(file);
    say("weights", shown(file));
    return only_parameters(weights, program);
  }
  say("weights", "none given: made by a formula, nothing was trained");
  return formula_checkpoint(program.parameters());
}

Session with_probes(const Load& load, Options options, const Checkpoint& weights,
                    std::vector<std::string> probes) {
  options.probes = std::move(probes);
  options.print_after.clear();
  return load(options).bind(weights);
}

double largest_difference(std::span<const float> a, std::span<const float> b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(double(a[i]) - double(b[i])));
  return largest;
}

Turns take_turns(Session& session, Session& other, const Inputs& inputs) {
  // The first runs warm up and give the results to compare.
  const Tensor result = session.run(inputs)[0].copy(), other_result = other.run(inputs)[0].copy();
  std::vector<double> times, other_times;
  double spent_ms = 0;
  while (times.empty() || (spent_ms < (times.size() < 5 ? 10'000 : 1'000) && times.size() < 201)) {
    times.push_back(run_ms(session, inputs));
    other_times.push_back(run_ms(other, inputs));
    spent_ms += times.back() + other_times.back();
  }
  return {median(times), median(other_times), times.size(),
          largest_difference(result.as<float>(), other_result.as<float>())};
}

void say_times(Session& session, const Load& load, const Checkpoint& checkpoint,
               const Options& options, const Inputs& inputs) {
  Options other_options = options;
  other_options.fusion = options.fusion == "none" ? "all" : "none";
  other_options.print_after.clear();
  Session other = load(other_options).bind(checkpoint);
  const Turns turns = take_turns(session, other, inputs);
  say("run", format("%.3g ms, median of %zu runs on %d thread%s", turns.ms, turns.runs,
                    session.threads(), session.threads() == 1 ? "" : "s"));
  say(other_options.fusion == "none" ? "unfused" : "fused",
      format("%.3g ms, %.2f times as long; results differ by %.1e at most", turns.other_ms,
             turns.other_ms / turns.ms, turns.difference));
}

void write_profile(Session& session, const CommonOptions& options, const Inputs& inputs) {
  if (options.profile.empty()) return;
  Profile profile;
  profile.set_peak_gflops(peak_gflops(session.program().target(), session.threads()));
  session.set_profile(&profile);
  for (int i = 0; i < 5; ++i) session.run(inputs);
  session.set_profile(nullptr);
  profile.write_trace(options.profile);
  say("profile", shown(options.profile) + ", for chrome://tracing\n\n" + profile.table());
}

std::vector<int> likeliest(std::span<const float> logits, int count, std::vector<float>& classes) {
  const float largest = std::ranges::max(logits);
  classes.clear();
  for (float logit : logits) classes.push_back(std::exp(logit - largest));
  const float sum = std::accumulate(classes.begin(), classes.end(), 0.0f);
  for (float& value : classes) value /= sum;
  std::vector<int> order(classes.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, std::ranges::greater(), [&](int i) { return classes[std::size_t(i)]; });
  order.resize(std::size_t(count));
  return order;
}

}  // namespace heed::examples
