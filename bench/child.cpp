#include "child.h"

#include <chrono>
#include <iostream>

#include "heed/runtime/session.h"
#include "process.h"
#include "runner.h"

namespace heed::bench {
namespace {

// Of the system's monotonic clock, which processes share.
double now_ms() {
  return std::chrono::duration<double, std::milli>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double number_of(const std::string& what, const Case& c, const Options& options) {
  return number_from_child(
      "bench: " + c.name + ": " + what,
      {"--child", what, "--filter", c.name, "--target", options.target, "--threads",
       std::to_string(options.threads), "--cache", options.cache});
}

}  // namespace

double start_ms(const Case& c, const Options& options) {
  const double begin = now_ms();
  return number_of("compile", c, options) - begin;
}

double peak_mb(const Case& c, const Options& options) {
  return number_of("run", c, options);
}

namespace {

void print_samples(const Case& c, const Options& options, double seconds) {
  constexpr int least_samples = 5;
  Runner runner = load_runner(c, options);
  c.check(runner.first_inputs(), runner.run(0));
  runner.run_next();
  const double end = now_ms() + 1e3 * seconds;
  for (int n = 0; n < least_samples || now_ms() < end; ++n) {
    const double begin = now_ms();
    runner.run_next();
    std::cout << now_ms() - begin << '\n';
  }
}

}  // namespace

void run_child(const std::string& what, const Case& c, const Options& options, double seconds) {
  std::cout.precision(15);
  if (what == "samples") return print_samples(c, options, seconds);
  const Program program = c.load(options);
  if (what == "compile") {
    std::cout << now_ms() << std::endl;
    return;
  }
  Session session = program.bind(formula_checkpoint(program.parameters()));
  const std::vector<Tensor> inputs = c.inputs(0);
  std::vector<const Tensor*> pointers;
  for (const Tensor& input : inputs) pointers.push_back(&input);
  session.run(pointers);
  std::cout << resident_peak_mb() << std::endl;
}

}  // namespace heed::bench
