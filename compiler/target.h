// What code may be made for, as data: every blocking size and instruction choice is derived from
// here.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "heed/compiler/tuning.h"

namespace heed {

// Of a GPU: what the device allows, at first what every Vulkan device does, and the tiles for it,
// which grow with that.
struct Workgroups {
  std::int64_t most_invocations = 128, shared_bytes = 16 << 10, buffer_bytes = 128 << 20;
  std::int64_t subgroup = 32;                        // invocations that run in step
  // of a workgroup, at most; across: along a tile's columns where operands are not staged
  std::int64_t invocations = 128, across = 16;
  // of a contraction's tile, at most; depth: of its reduction at a time, deeper for smaller tiles
  std::int64_t rows = 64, columns = 64, depth = 16;
  std::int64_t queries = 32, keys = 32;              // of attention's
  // Compute units to keep busy, as far as tiles of `least` rows or columns do.
  std::int64_t enough = 64, least = 32;
  // Operands pass through workgroup memory, loaded once for all invocations. Where a CPU plays the
  // device that memory is no faster than any other and a barrier switches between coroutines: there
  // each loads what its registers multiply.
  bool staged = true;
};

struct Target {
  std::string name;  // "reference", "x86-64-avx512", "x86-64-avx2", "x86-64", "vulkan"
  bool reference = false;             // plain bounds-checked loops
  bool vulkan = false;                // SPIR-V; of what follows only `workgroups` counts
  Workgroups workgroups;
  std::string cpu;                    // LLVM's name for code generation ("x86-64-v4")
  std::vector<std::string> features;  // what the code will need, LLVM's names
  int lanes = 16;                     // f32 lanes of a vector
  int registers = 32;                 // vector registers
  bool fma = true;                    // otherwise multiply and add
  bool scalef = true;                 // AVX-512's x·2^n; otherwise an exponent add with a clamp
  bool round = true;                  // a rounding instruction; otherwise the magic-number add
  bool masks = true;                  // mask registers
  bool parts = true;                  // a contraction's epilogue may meet several columns at once
  std::int64_t l1_bytes = 32 << 10, l2_bytes = 1 << 20;
  Tuning tuning;
};

// "host" is resolved to the best target of this CPU; unknown names give an empty name. "vulkan" may
// be followed by what is known of the device, as in
// "vulkan:kind=gpu,invocations=1024,shared=49152,range=134217728,subgroup=32,units=132" (shared,
// range: bytes; units: that run workgroups side by side).
Target target_by_name(const std::string& name);
// Names that target_by_name takes here, for messages.
std::vector<std::string> known_targets();

}  // namespace heed
