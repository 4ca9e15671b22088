#include "heed/compiler/target.h"

#include <unistd.h>

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/TargetParser/Host.h"

namespace heed {
namespace {

// Printed by heed-tune for AVX-512 on a Xeon, from 159 shapes of `./bench/run --sweep`; what is not
// named costs nothing. Narrower vectors choose as well by these, but for pages: sums come to each
// for fewer columns at a time, which AVX2 takes 0.17 ns a number for.
constexpr const char* attention_costs = "row=8.817,sum=0.1192,far_packed=0.004296";
constexpr const char* narrow_attention_costs = "far_block=0.17";

Target avx512() {
  Target t;
  t.name = "x86-64-avx512";
  t.cpu = "x86-64-v4";
  t.features = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl",
                "avx2",    "fma",      "f16c",     "bmi",      "bmi2"};
  return t;
}

Target avx2() {
  Target t;
  t.name = "x86-64-avx2";
  t.cpu = "x86-64-v3";
  t.features = {"avx2", "fma", "f16c", "bmi", "bmi2"};
  t.lanes = 8;
  t.registers = 16;
  t.scalef = t.masks = false;
  return t;
}

Target sse2() {
  Target t;
  t.name = "x86-64";
  t.cpu = "x86-64";
  t.lanes = 4;
  t.registers = 16;
  t.fma = t.scalef = t.round = t.masks = false;
  return t;
}

Target reference() {
  Target t = sse2();
  t.name = "reference";
  t.reference = true;
  t.lanes = 1;
  return t;
}

Target vulkan() {
  Target t;
  t.name = "vulkan";
  t.vulkan = true;
  t.parts = false;
  return t;
}

// Tiles from what the device allows.
void fitTiles(Workgroups& w) {
  if (!w.staged) {  // few invocations, each with a large tile of its own
    w.invocations = 32;
    w.across = 8;
    w.rows = 32;
    w.keys = 64;
    w.enough = 1;
  } else if (w.most_invocations >= 256 &&
             w.shared_bytes >= 32 << 10) {  // 8 × 8 sums each, where it was 4 × 8
    w.invocations = 256;
    w.rows = w.columns = 128;
    w.queries = w.keys = 64;
    if (w.shared_bytes >= 48 << 10) w.depth = 32;
  }
}

// "name=value,…", false where it says something else.
bool addFacts(Workgroups& w, llvm::StringRef facts) {
  for (llvm::StringRef fact : llvm::split(facts, ',')) {
    auto [name, value] = fact.split('=');
    if (name == "kind" && (value == "gpu" || value == "cpu")) {
      w.staged = value == "gpu";
      continue;
    }
    std::int64_t* fact_of = llvm::StringSwitch<std::int64_t*>(name)
                                .Case("invocations", &w.most_invocations)
                                .Case("shared", &w.shared_bytes)
                                .Case("range", &w.buffer_bytes)
                                .Case("subgroup", &w.subgroup)
                                .Case("units", &w.enough)
                                .Default(nullptr);
    if (!fact_of || value.getAsInteger(10, *fact_of) || *fact_of < 1) return false;
  }
  fitTiles(w);
  return true;
}

// Best first. Code for "reference" runs everywhere; whether there is a device for "vulkan" shows
// when a program is bound.
std::vector<Target> all() { return {avx512(), avx2(), sse2(), reference(), vulkan()}; }

bool runsHere(const Target& target) {
  static const llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  for (const std::string& feature : target.features)
    if (!host.lookup(feature)) return false;
  return true;
}

// Cache sizes of this machine where the system tells them.
Target withCaches(Target target) {
  if (long bytes = sysconf(_SC_LEVEL1_DCACHE_SIZE); bytes > 0) target.l1_bytes = bytes;
  if (long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE); bytes > 0) target.l2_bytes = bytes;
  return target;
}

Target tuned(Target target) {
  override_tuning(target.tuning, attention_costs);
  if (target.lanes < 16) override_tuning(target.tuning, narrow_attention_costs);
  return target;
}

}  // namespace

Target target_by_name(const std::string& name) {
  auto [kind, facts] = llvm::StringRef(name).split(':');
  if (Target target = vulkan();
      kind == target.name && (facts.empty() || addFacts(target.workgroups, facts)))
    return target;
  for (const Target& target : all())
    if (name == target.name || (name == "host" && runsHere(target)))
      return withCaches(tuned(target));
  Target none;
  none.name.clear();
  return none;
}

std::vector<std::string> known_targets() {
  std::vector<std::string> names = {"host"};
  for (const Target& target : all()) names.push_back(target.name);
  return names;
}

}  // namespace heed
