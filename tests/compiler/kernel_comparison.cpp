#include "heed/tests/compiler/kernel_comparison.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>

#include "heed/compiler/target.h"
#include "heed/tests/compiler/gpu_runner.h"

namespace heed::test {

std::string difference(const std::vector<double>& actual, const std::vector<double>& expected,
                       double tolerance) {
  if (actual.size() != expected.size()) return "sizes differ";
  double worst = 0;
  std::size_t at = 0;
  for (std::size_t n = 0; n < actual.size(); ++n) {
    if (actual[n] == expected[n] || (std::isnan(actual[n]) && std::isnan(expected[n]))) continue;
    double error = std::abs(actual[n] - expected[n]) / std::max(1.0, std::abs(expected[n]));
    if (std::isnan(error)) error = HUGE_VAL;
    if (error > worst) worst = error, at = n;
  }
  if (worst <= tolerance) return {};
  std::ostringstream text;
  text << "element " << at << " of " << actual.size() << ": " << actual[at] << ", expected "
       << expected[at] << " (error " << worst << ", tolerance " << tolerance << ")";
  return text.str();
}

// Elements that no kernel stores become those of `expected`: on a device they are whatever lay
// there.
static void fill_gaps(Array& actual, const Array& expected) {
  const std::size_t width = size_of(expected.dtype);
  for (std::size_t at = 0; at < actual.bytes.size(); at += width) {
    const auto element = expected.bytes.begin() + std::ptrdiff_t(at);
    if (std::all_of(element, element + std::ptrdiff_t(width),
                    [](std::byte x) { return x == untouched; }))
      std::copy_n(element, width, actual.bytes.begin() + std::ptrdiff_t(at));
  }
}

std::string compare_with_reference(std::string_view text, const std::string& target,
                                   const Symbols& symbols, double tolerance,
                                   const std::vector<Array>& given) {
  KernelRunner reference(text, "reference");
  std::vector<Array> inputs = given.empty() ? reference.inputs(symbols) : given;
  Outcome expected = reference.run(inputs, symbols);
  if (expected.status) return "the reference fails with status " + std::to_string(expected.status);
  auto wrong = [&](const Outcome& actual) -> std::string {
    if (actual.status) return target + " fails with status " + std::to_string(actual.status);
    for (std::size_t n = 0; n < expected.results.size(); ++n) {
      std::string found =
          difference(actual.results[n].numbers(), expected.results[n].numbers(), tolerance);
      if (!found.empty()) return target + ", result " + std::to_string(n) + ", " + found;
    }
    return {};
  };
  if (target.starts_with("vulkan")) {
    const abi::Program program = gpu_program(text, target);
    std::string found = invalid_spirv(program);
    if (!found.empty()) return found;
    Outcome actual = run_on_gpu(program, inputs, symbols);
    for (std::size_t n = 0; n < actual.results.size(); ++n)
      fill_gaps(actual.results[n], expected.results[n]);
    return wrong(actual);
  }
  KernelRunner whole(text, target);
  Outcome actual = whole.run(inputs, symbols);
  if (std::string found = wrong(actual); !found.empty()) return found;
  for (std::int64_t pieces : {2, 3, 7, 1 << 20})
    if (whole.run(inputs, symbols, pieces).results != actual.results)
      return target + ": other bits when cut into " + std::to_string(pieces) + " pieces";
  return wrong(KernelRunner(text, target, Placement::sliced).run(inputs, symbols, 3));
}

Outcome outcome_of(std::string_view text, const std::string& target, const Symbols& symbols,
                   const std::vector<Array>& inputs) {
  if (target.starts_with("vulkan")) return run_on_gpu(gpu_program(text, target), inputs, symbols);
  return KernelRunner(text, target).run(inputs, symbols);
}

std::vector<std::string> vector_targets() {
  if (const char* only = std::getenv("HEED_KERNEL_TARGET")) return {only};
  std::vector<std::string> names;
  const std::string best = heed::target_by_name("host").name;
  bool here = false;
  for (const std::string& name : heed::known_targets()) {
    here |= name == best;  // best first, each runs what the worse ones need
    if (here && name != "reference" && name != "vulkan") names.push_back(name);
  }
  return names;
}

}  // namespace heed::test
