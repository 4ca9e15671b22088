// Loading a compiler and believing its answers; fake_compiler.cpp stands for the real one.
#include "heed/runtime/compile.h"

#include <stdlib.h>

#include <sstream>

#include "heed/runtime/session.h"
#include "must_throw.h"
#include "sample_program.h"
#include "temporary.h"

using heed::testing::check_error;

// One test: the compiler is loaded once a process.
TEST_CASE("compile: through the library's entry point") {
  const std::string order = "program";
  const auto graph = std::as_bytes(std::span(order));
  setenv("HEED_COMPILER", "/no/such/compiler.so", 1);
  check_error([&] { heed::load_graph(graph); },
              {"libheed_compiler.so", "HEED_COMPILER", "/no/such/compiler.so"});
  setenv("HEED_COMPILER", HEED_TEST_KERNELS, 1);
  check_error([&] { heed::load_graph(graph); }, {"cannot be loaded"});
  setenv("HEED_COMPILER", "libm.so.6", 1);
  check_error([&] { heed::load_graph(graph); }, {"no function 'heed_compile'", "another version"});

  setenv("HEED_COMPILER", HEED_FAKE_COMPILER, 1);
  std::ostringstream printed;
  heed::Options options;
  options.threads = 1;
  options.target = "somewhere";
  options.fusion = "layout";
  options.tuning = "key_block=128";
  options.probes = {"pre", "post"};
  options.print_after = "fused";
  options.print_to = &printed;
  const heed::Program program = heed::load_graph(graph, options);
  CHECK(program.name() == "Sample");
  CHECK(program.compile_ms() > 0);
  CHECK(printed.str() ==
        "version 2 target somewhere threads 1 fusion layout tuning key_block=128 probes pre post "
        "after "
        "fused");
  CHECK(program.bind(heed::testing::sample_checkpoint()).threads() == 1);

  std::string remarks;
  options.remark = [&](std::string_view sentence) { remarks += std::string(sentence) + "\n"; };

  // From the cache: the same program without a compiler's time, a new one for other options.
  const heed::testing::TemporaryDirectory directory;
  options.print_after.clear();
  options.cache = (directory / "programs").string();
  CHECK(heed::load_graph(graph, options).compile_ms() > 0);
  CHECK(heed::load_graph(graph, options).compile_ms() == 0);
  CHECK(heed::load_graph(graph, options).name() == "Sample");
  CHECK(remarks == "tanh: a remark\ntanh: a remark\ntanh: a remark\n");  // of cached ones, too
  options.fusion = "all";
  CHECK(heed::load_graph(graph, options).compile_ms() > 0);
  options.probes = {"prepost"};
  CHECK(heed::load_graph(graph, options).compile_ms() > 0);
  const auto files = std::filesystem::directory_iterator(options.cache);
  for (const auto& entry : files) std::filesystem::resize_file(entry.path(), 100);
  remarks.clear();
  CHECK(heed::load_graph(graph, options).compile_ms() > 0);  // damaged: compiled again
  CHECK(remarks.find("compiled again") != remarks.npos);
  CHECK(heed::load_graph(graph, options).compile_ms() == 0);
  remarks.clear();
  options.cache = "/proc/no/such/place";
  CHECK(heed::load_graph(graph, options).compile_ms() > 0);
  CHECK(remarks.find("nothing is kept") != remarks.npos);
  options.cache = "off";
  CHECK(heed::load_graph(graph, options).compile_ms() > 0);

  const std::string refusal = "refuse", nonsense = "nonsense", nothing = "nothing";
  check_error([&] { heed::load_graph(std::as_bytes(std::span(refusal)), options); },
              {"compiler: ", "the network 'X' is no network"});
  check_error([&] { heed::load_graph(std::as_bytes(std::span(nonsense)), options); },
              {"no program"});
  check_error([&] { heed::load_graph(std::as_bytes(std::span(nothing)), options); },
              {"compiler: "});
}
