// Measures the cases and prints the table: see README.md.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <regex>

#include "child.h"
#include "device_report.h"
#include "heed/runtime/atomic_file.h"
#include "heed/runtime/error.h"
#include "heed/runtime/parallel.h"
#include "report.h"
#include "sweep.h"

namespace {

using namespace heed::bench;

struct Arguments {
  // compiling is measured
  std::string json, chart, filter, peers, child, tuning, cache = "off", fusion = "all";
  std::string target = "host", roofline = known_gpus().front().name;
  int threads = 0;
  bool list = false, quick = false, sweep = false, phases = false;
  int first = 0, count = 200;
  double seconds = 2;
  std::uint32_t seed = 1;
};

std::string check_regex(const std::string& pattern) {
  try {
    std::regex parsed(pattern);
    return {};
  } catch (const std::regex_error&) {
    return "'" + pattern + "' is no regular expression";
  }
}

void add_options(CLI::App& app, Arguments& a) {
  app.add_option("--json", a.json, "write the figures there")->type_name("FILE");
  app.add_option("--chart", a.chart, "draw fused against unfused there, SVG")->type_name("FILE");
  app.add_option("--filter", a.filter, "only cases whose name matches")
      ->check(check_regex)
      ->type_name("REGEX");
  app.add_flag("--list", a.list, "instead: the cases and their GFLOP");
  app.add_option("--threads", a.threads, "only with N threads (one, and two where they are)")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  app.add_option("--peers", a.peers, "figures that peers.py wrote, to stand beside")
      ->check(CLI::ExistingFile)
      ->type_name("FILE");
  app.add_option("--target", a.target, "what code is made for")->capture_default_str();
  app.add_option("--roofline", a.roofline,
                 "with --target vulkan: the GPU whose least times stand beside")
      ->type_name("GPU")
      ->capture_default_str();
  app.add_flag("--quick", a.quick, "few repetitions");
  app.add_flag("--phases", a.phases,
               "instead: processor time of each phase of compiling the cases");
  auto* sweep = app.add_flag(
      "--sweep", a.sweep,
      "instead: attention of random shapes, where is the compiler's choice not the fastest?");
  app.add_option("--count", a.count, "shapes of a sweep")
      ->check(CLI::Range(1, 1'000'000))
      ->needs(sweep)
      ->capture_default_str();
  app.add_option("--first", a.first, "number of its first shape")
      ->check(CLI::Range(0, 1'000'000))
      ->needs(sweep)
      ->capture_default_str();
  app.add_option("--seed", a.seed, "of its shapes")->needs(sweep)->capture_default_str();
  app.add_option("--tuning", a.tuning,
                 "costs that heed-tune printed, in place of the compiler's own")
      ->check(CLI::ExistingFile)
      ->needs(sweep)
      ->type_name("FILE");
  app.add_option("--child", a.child)->group("");  // of child.h, as are those below
  app.add_option("--cache", a.cache)->group("");
  app.add_option("--fusion", a.fusion)->group("");
  app.add_option("--seconds", a.seconds)->group("");
}

// Compiled on one thread, one after the other in this process: the first case pays for opening the
// compiler.
void print_phases(const Arguments& a) {
  heed::Options options;
  options.target = a.target;
  options.threads = a.threads ? a.threads : 1;
  options.print_after = "times";
  options.print_to = &std::cout;
  for (const Case& c : cases()) {
    if (!std::regex_search(c.name, std::regex(a.filter))) continue;
    std::cout << c.name << '\n';
    c.load(options);
  }
}

void run(const Arguments& a) {
  if (!a.child.empty()) {
    heed::Options options;
    options.target = a.target;
    options.threads = a.threads;
    options.cache = a.cache;
    options.fusion = a.fusion;
    for (const Case& c : cases())
      if (c.name == a.filter) run_child(a.child, c, options, a.seconds);
    return;
  }
  if (a.list) {
    for (const Case& c : cases())
      if (std::regex_search(c.name, std::regex(a.filter)))
        std::printf("%-28s %.4g\n", c.name.c_str(), c.gflop());
    return;
  }
  if (a.phases) return print_phases(a);
  if (a.sweep) {
    const auto costs =
        a.tuning.empty() ? std::vector<std::byte>() : heed::read_file(a.tuning).bytes;
    return sweep_attention({a.first, a.count, a.seed, a.threads ? a.threads : 1, a.target, a.json,
                            {reinterpret_cast<const char*>(costs.data()), costs.size()}});
  }
  std::vector<int> threads = {1};
  if (a.threads)
    threads = {a.threads};
  else if (heed::available_cores() > 1)
    threads.push_back(2);

  std::vector<Row> rows;
  const Gpu& gpu = gpu_named(a.roofline);
  bool measured = false;  // on a device
  for (const Case& c : cases()) {
    if (!std::regex_search(c.name, std::regex(a.filter))) continue;
    std::cerr << "measuring " << c.name << '\n';
    if (a.target.starts_with("vulkan")) {
      std::cout << device_report(c, a.target, gpu, a.quick ? 1 : 3) << std::endl;
      measured = true;
      continue;
    }
    for (Row& row : measure(c, a.target, threads, a.quick)) rows.push_back(std::move(row));
  }
  if (measured) return;
  if (rows.empty()) throw heed::Error("bench: no case matches '", a.filter, "'");
  if (!a.peers.empty()) add_peers(rows, a.peers);
  std::cout << table(rows);
  if (!a.json.empty()) write_json(rows, a.json);
  if (!a.chart.empty()) write_chart(rows, a.chart);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Times Heed's networks and kernels, fused and unfused.");
  add_options(app, arguments);
  try {
    app.parse(argc, argv);
    run(arguments);
    return 0;
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::cerr << "bench: " << error.what() << "; --help lists the options\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
