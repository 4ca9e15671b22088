// What a machine may lack, each said in one sentence; fake_vulkan.cpp stands before the driver.
#include <stdlib.h>

#include <cstring>
#include <span>
#include <sstream>
#include <string>

#include "../must_throw.h"
#include "../random.h"
#include "../sample_program.h"
#include "../temporary.h"
#include "heed/runtime/compile.h"
#include "heed/runtime/profile.h"
#include "heed/runtime/session.h"
#include "heed/runtime/vulkan/spirv.h"
#include "programs.h"

using heed::Program;
using heed::Session;
using heed::Tensor;
using heed::testing::check_error;
using heed::testing::ramp;
namespace testing = heed::testing;

namespace {

class Variable {
 public:
  Variable(const char* name, const char* value)
      : name_(name), before_(getenv(name) ? getenv(name) : "") {
    setenv(name, value, 1);
  }
  ~Variable() { before_.empty() ? unsetenv(name_) : setenv(name_, before_.c_str(), 1); }

 private:
  const char* name_;
  std::string before_;
};

// A Vulkan with these changes, and of its devices lavapipe's, whatever else is installed.
struct Fake {
  explicit Fake(const char* changes, const char* device = "llvmpipe")
      : changes_("HEED_FAKE_VULKAN", changes), device_("HEED_VULKAN_DEVICE", device) {}

 private:
  Variable library_{"HEED_VULKAN_LIBRARY", HEED_FAKE_VULKAN_LIBRARY};
  Variable changes_, device_;
};

Session sample_session() {
  return Program(testing::sample_gpu_program()).bind(testing::sample_checkpoint());
}
void check_sample(Session& session) {
  const Tensor x = ramp(2, 6);
  CHECK(testing::sample_mismatches(x, session.run(x)) == 0);
}
void load_sample() { Program{testing::sample_gpu_program()}; }

}  // namespace

TEST_CASE("vulkan: no loader, no driver, no device") {
  {
    const Variable library("HEED_VULKAN_LIBRARY", "/no/such/libvulkan.so");
    check_error(load_sample, {"vulkan: the Vulkan loader cannot be opened", "/no/such/libvulkan.so",
                              "libvulkan1", "mesa-vulkan-drivers", "HEED_VULKAN_LIBRARY"});
    // Before anything is compiled: no compiler is looked for.
    heed::Options options;
    options.target = "vulkan";
    const Variable compiler("HEED_COMPILER", "/no/such/compiler.so");
    check_error([&] { heed::load_graph({}, options); }, {"the Vulkan loader cannot be opened"});
  }
  {
    const Variable library("HEED_VULKAN_LIBRARY", "libm.so.6");
    check_error(load_sample, {"no function 'vkGetInstanceProcAddr'"});
  }
  {
    const Fake fake("no_driver");
    check_error(load_sample, {"finds no driver", "mesa-vulkan-drivers", "another target"});
  }
  {
    const Fake fake("old");
    check_error(load_sample, {"version 1.0", "1.1 is needed"});
  }
  const Fake fake("no_devices", "");
  check_error(load_sample, {"a compute queue", "devices found: none", "mesa-vulkan-drivers"});
}

TEST_CASE("vulkan: a driver that cannot be loaded again once it has been unloaded") {
  const Fake fake("once");
  for (int i = 0; i < 3; ++i) {  // each the only user of its device
    Session session = sample_session();
    check_sample(session);
  }
}

TEST_CASE("vulkan: the device that is chosen") {
  auto message = [] {
    // A limit that says whose it is.
    Session session = sample_session();
    return testing::error_of([&] { session.run(ramp(1, 4096)); });
  };
  {
    const Fake fake("pair,range=4096", "");
    CHECK(message().find("'Fake Discrete'") != std::string::npos);
  }
  {
    const Fake fake("pair,range=4096", "1");
    CHECK(message().find("device '") != std::string::npos);
    CHECK(message().find("'Fake Discrete'") == std::string::npos);
  }
  {
    const Fake fake("pair,range=4096", "LLVMpipe");
    CHECK(message().find("'llvmpipe") != std::string::npos);
  }
  const Fake fake("pair", "voodoo");
  check_error(load_sample,
              {"HEED_VULKAN_DEVICE asks for 'voodoo'", "0 'Fake Discrete', 1 '"});
}

TEST_CASE("vulkan: a device with memory of its own, and other alignments") {
  for (const char* changes : {"discrete", "alignment=256", "discrete,alignment=256"}) {
    const Fake fake(changes);
    Session session = sample_session();
    check_sample(session);
    check_sample(session);
    session.run(ramp(1, 70000));
    check_sample(session);
    Session loop = Program(testing::loop_program(false)).bind(testing::no_weights());
    const Tensor y = loop.run(Tensor(heed::DType::f32, {3}), Tensor(heed::DType::f32, {2}));
    CHECK(y.as<float>()[2] == (7 * 2 + 6) * 2 + 1);
    Session stopping = Program(testing::stopping_program()).bind(testing::no_weights());
    for (const int limit : {20, 21, 3}) {  // 0, 3, 12, 33, 78, 171
      const Tensor stopped =
          stopping.run(Tensor(heed::DType::f32, {3}), Tensor(heed::DType::f32, {limit}));
      CHECK(stopped.as<float>()[2] == (limit == 3 ? 33 : 171));
    }
  }
}

TEST_CASE("vulkan: a device without timestamps") {
  const Fake fake("no_timestamps");
  Session session = sample_session();
  heed::Profile profile;
  session.set_profile(&profile);
  check_sample(session);
  REQUIRE(profile.by_kind().size() == 1);
  CHECK(profile.by_kind()[0].name == "program");
  CHECK(profile.by_kind()[0].flops == 2 * 6 * 24);
}

TEST_CASE("vulkan: features that modules declare and devices lack") {
  auto load = [] { Program{testing::gather_program()}; };
  {
    const Fake fake("int64");
    check_error(load, {"'Gather' needs shaderInt64 (SPIR-V's Int64)", "device 'llvmpipe",
                       "HEED_VULKAN_DEVICE"});
    load_sample();  // needs none
  }
  {
    const Fake fake("bytes");
    check_error(load,
                {"'Gather' needs storageBuffer8BitAccess (SPIR-V's StorageBuffer8BitAccess)"});
  }
  heed::abi::Program p = testing::gather_program();
  p.code[0][24] = std::byte(2);  // the first capability's number: Geometry
  check_error([&] { Program{p}; }, {"SPIR-V's capability 2", "does not know"});
}

TEST_CASE("vulkan: limits of a device") {
  {
    const Fake fake("invocations=7");
    check_error(
        load_sample,
        {"kernel 'linear' of program 'Sample' needs 8 invocations in a workgroup", "has 7"});
  }
  {
    const Fake fake("shared=31");
    check_error(load_sample, {"kernel 'linear'", "needs 32 bytes of shared memory", "has 31"});
  }
  {
    const Fake fake("buffers=5");
    check_error(load_sample, {"kernel 'linear'", "needs 6 storage buffers", "has 5"});
  }
  {
    const Fake fake("range=47");
    check_error([] { sample_session(); },
                {"a buffer of 48 bytes among the weights", "47 bytes", "smaller batch"});
  }
  const Fake fake("range=200");
  Session session = sample_session();
  check_error([&] { session.run(ramp(2, 8)); },
              {"a buffer of 256 bytes among the intermediates", "200 bytes"});
  check_sample(session);  // still usable
}

// The fake compiler prints what it is asked for.
TEST_CASE(
    "vulkan: the compiler is told the device's limits, and what it makes is kept for them alone") {
  const Variable compiler("HEED_COMPILER", HEED_FAKE_COMPILER);
  const std::string order = "program";
  heed::Options options;
  auto load = [&](const char* changes) {
    const Fake fake(changes);
    return heed::load_graph(std::as_bytes(std::span(order)), options).compile_ms();
  };
  std::ostringstream printed;
  options.target = "vulkan";
  options.print_after = "fused";
  options.print_to = &printed;
  load("discrete,invocations=256,shared=20000,range=134217728");
  CHECK(printed.str().find(
            "target vulkan:kind=gpu,invocations=256,shared=20000,range=134217728,subgroup=") !=
        std::string::npos);
  load("");
  CHECK(printed.str().find("target vulkan:kind=cpu,") != std::string::npos);

  const testing::TemporaryDirectory directory;
  options.print_after.clear();
  options.cache = (directory / "programs").string();
  CHECK(load("shared=20000") > 0);
  CHECK(load("shared=20000") == 0);
  CHECK(load("shared=20001") > 0);
}

TEST_CASE("vulkan: too little memory") {
  const Fake fake("memory=1000000");
  Session session = sample_session();
  check_error([&] { session.run(ramp(1, 70000)); },
              {"device 'llvmpipe", "too little memory for",
               "bytes of intermediates, inputs and results", "smaller batch"});
  check_sample(session);
}

TEST_CASE("vulkan: a device that is lost") {
  {
    const Fake fake("lost=2");  // prepare, a run
    Session session = sample_session();
    check_sample(session);
    check_error([&] { session.run(ramp(2, 6)); },
                {"device 'llvmpipe", "was lost while running 'Sample'", "Load the program anew"});
    const Fake good("");
    Session anew = sample_session();  // while the lost one is still held
    check_sample(anew);
  }
  const Fake fake("lost=0");
  check_error([] { sample_session(); }, {"was lost while preparing weights"});
}

TEST_CASE("vulkan: a failure that has no sentence of its own is named by its number") {
  const Fake fake("refuses");
  check_error([] { sample_session(); },
              {"device 'llvmpipe", "failed at preparing weights with VkResult -1000999000"});
}

TEST_CASE("vulkan: sizes beyond 32 bits") {
  const Fake fake("range=4294967295");
  float element = 0;  // nothing is read
  heed::abi::Program p = testing::sample_gpu_program();
  p.arena.clear();
  Session session = Program(p).bind(testing::sample_checkpoint());
  const Tensor huge = Tensor::view(heed::DType::f32, {1, std::int64_t(1) << 30, 3}, &element);
  check_error([&] { session.run(huge); },
              {"'x' [1, 1073741824, 3] has 3221225472 elements", "32 bits"});
  heed::abi::Program q = testing::loop_program(false);
  q.steps[1].dims = {heed::Dim("T") * heed::Dim(std::int64_t(1) << 31)};
  Session loop = Program(q).bind(testing::no_weights());
  check_error([&] { loop.run(Tensor(heed::DType::f32, {3}), Tensor(heed::DType::f32, {1})); },
              {"step 'cell' has the size 2147483648", "32 bits"});
}

TEST_CASE("vulkan: what a module asks for is read from whatever bytes come") {
  const heed::vulkan::ModuleFacts facts = heed::vulkan::read_module(testing::spirv("linear"));
  CHECK(facts.capabilities == std::vector<std::uint32_t>{1});
  REQUIRE(facts.entry_points.size() == 1);
  CHECK(facts.entry_points[0].name == "linear");
  CHECK(facts.entry_points[0].local_size == std::array<std::uint32_t, 3>{4, 2, 1});
  CHECK(facts.entry_points[0].shared_bytes == 32);
  CHECK(facts.most_binding == 4);
  testing::Random random(17);
  const std::vector<std::byte> bytes = testing::spirv("linear");
  for (int i = 0; i < 4000; ++i)
    testing::error_of([&] { heed::vulkan::read_module(testing::damaged(bytes, random, 20)); });
}

TEST_CASE("vulkan: modules that do not fit their program") {
  heed::abi::Program p = testing::sample_gpu_program();
  p.kernels[1].symbol = "quadratic";
  check_error([&] { Program{p}; }, {"'Sample' is malformed", "no entry point 'quadratic'"});
  p = testing::sample_gpu_program();
  p.steps[0].buffers.resize(2);
  check_error([&] { Program{p}; }, {"kernel 'linear' uses binding 4, its steps have 4"});
  p = testing::sample_gpu_program();
  p.steps.push_back(p.steps[0]);
  p.steps[2].buffers.pop_back();
  check_error([&] { Program{p}; }, {"kernel 'linear' gets 4 buffers and 3 at step 'linear'"});
  p = testing::sample_gpu_program();
  p.code[1].resize(p.code[1].size() - 4);
  check_error([&] { Program{p}; }, {"a SPIR-V module is malformed", "a function does not end"});
  p.code[1].resize(40);
  check_error([&] { Program{p}; }, {"a SPIR-V module is malformed", "behind the last word"});
}
