#include "device_report.h"

#include <algorithm>

#include "heed/runtime/error.h"
#include "heed/runtime/profile.h"
#include "references.h"
#include "report.h"
#include "runner.h"

namespace heed::bench {

const std::vector<Gpu>& known_gpus() {
  static const std::vector<Gpu> all = {
      {"H200-SXM", 16896, 1.98, 4800},   {"H100-SXM", 16896, 1.98, 3350},
      {"A100-40GB", 6912, 1.41, 1555},   {"RTX-4090", 16384, 2.52, 1008},
      {"RTX-3060", 3584, 1.777, 360},    {"RX-7900-XTX", 12288, 2.499, 960},
      {"Arc-A770-16GB", 4096, 2.1, 560},
  };
  return all;
}

const Gpu& gpu_named(const std::string& name) {
  const auto found = std::ranges::find(known_gpus(), name, &Gpu::name);
  if (found != known_gpus().end()) return *found;
  std::string names;
  for (const Gpu& gpu : known_gpus()) names += (names.empty() ? "" : ", ") + gpu.name;
  throw Error("bench: no figures for a GPU '", name, "'; known are ", names);
}

namespace {

// Profiles so many runs after one whose result is checked; returns milliseconds of compiling.
double measure(const Case& c, const Options& options, int runs, Profile& profile) {
  const Program program = c.load(options);
  Session session = program.bind(formula_checkpoint(program.parameters()));
  std::vector<Tensor> inputs = c.inputs(0);
  std::vector<const Tensor*> pointers;
  for (const Tensor& input : inputs) pointers.push_back(&input);
  c.check(inputs, session.run(pointers)[0]);
  for (int i = 0; i < runs; ++i) session.run(pointers);  // an idle GPU's clock is low
  session.set_profile(&profile);
  for (int i = 0; i < runs; ++i) session.run(pointers);
  return program.compile_ms();
}

}  // namespace

std::string device_report(const Case& c, const std::string& target, const Gpu& gpu, int runs) {
  Options options;
  options.target = target;
  options.threads = 1;
  options.cache = "off";
  c.load(options);  // LLVM is opened by the first one
  Profile profile, unfused;
  const double compile_ms = measure(c, options, runs, profile);
  options.fusion = "none";
  measure(c, options, runs, unfused);

  const std::string bound = gpu.name + " ms";
  std::vector<Line> lines = {
      {c.name, "calls", "ms", "%", "MFLOP", "MB", "GFLOP/s", "GB/s", bound, "bound by"}};
  double seconds = 0, floor = 0, calls = 0, flops = 0, bytes = 0;
  auto append = [&](const std::string& name, double calls, double seconds, double flops,
                    double bytes, double all, double least, const char* by) {
    lines.push_back({name, text(calls, 0), milliseconds(1e3 * seconds),
                     text(100 * seconds / all, 1), text(1e-6 * flops, 1), text(1e-6 * bytes, 2),
                     text(1e-9 * flops / seconds, 2), text(1e-9 * bytes / seconds, 2),
                     text(1e3 * least, 4), by});
  };
  const std::vector<Profile::Row> kernels = profile.by_kernel();
  for (const Profile::Row& row : kernels) seconds += row.seconds / runs;
  for (const Profile::Row& row : kernels) {
    const double compute = 1e-9 * row.flops / runs / gpu.gflops(),
                 memory = 1e-9 * row.bytes / runs / gpu.gbytes;
    append(row.name, double(row.calls) / runs, row.seconds / runs, row.flops / runs,
           row.bytes / runs, seconds, std::max(compute, memory),
           compute > memory ? "FLOPs" : "memory");
    floor += std::max(compute, memory);
    calls += double(row.calls) / runs;
    flops += row.flops / runs;
    bytes += row.bytes / runs;
  }
  append("all", calls, seconds, flops, bytes, seconds, floor, "");
  double without = 0, launches = 0;
  for (const Profile::Row& row : unfused.by_kernel()) {
    without += row.seconds / runs;
    launches += double(row.calls) / runs;
  }
  return aligned(lines) + "unfused: " + milliseconds(1e3 * without) + " ms, " + text(launches, 0) +
         " calls, " + text(without / seconds, 2) + " times as long\n" + "compiled to SPIR-V in " +
         text(compile_ms, 0) + " ms, LLVM being loaded\n";
}

}  // namespace heed::bench
