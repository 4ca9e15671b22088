// CONTRACT 2, the data half: a compiled network as plain data. What the compiler hands over, what a
// file holds.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "heed/dsl/graph/shape.h"

namespace heed::abi {

inline constexpr std::uint32_t program_version = 7;

struct TensorSpec {
  std::string name;  // inputs and results: "input0"… or the caller's; parameters: as in the
                     // checkpoint; probes: module path
  TensorType type;
};

// Where a buffer of a step lives.
enum class Place : std::uint8_t {
  input,      // index into inputs
  output,     // index into outputs
  // index into parameters; only `prepare` steps and steps that read a parameter as it is stored
  parameter,
  constant,   // byte offset into constants
  // index into prepared slots: written once by `prepare`, shared by the sessions of one binding
  prepared,
  arena,      // index into arena slots: a session's own
  carried,    // index into carried: the value at the start of a turn of its loop
  next,       // index into carried: the value that the turn hands on
};

struct BufferRef {
  Place place = Place::arena;
  std::int64_t index = 0;
};

// A piece of an arena. Its size is the largest of `bytes`; slots lie one after another, each
// aligned to 64 bytes, so offsets follow from the symbols' values.
struct Slot {
  std::vector<Dim> bytes;
};

// What `code` is.
enum class CodeFormat : std::uint8_t {
  // x86-64 relocatable objects, each self-contained but for memcpy, memset and libm; symbols are
  // `Kernel`s
  elf,
  spirv,  // SPIR-V modules for Vulkan 1.1 (gpu_kernel.h); symbols are their entry points
};

struct KernelEntry {
  std::string symbol;       // of an element of `code`
  std::string kind;         // contract, attention, rows, map, append, pack
  std::int32_t object = 0;  // index into code
  std::int64_t group = 1;   // items of a step that one workgroup computes; 1 on a CPU
};

struct Step {
  std::int32_t kernel = 0;          // index into kernels
  std::vector<BufferRef> buffers;   // the kernel's `buffers`
  std::vector<Dim> dims;            // the kernel's `dims`, to be evaluated
  Dim work{1};                      // items; any cut of [0, work) into ranges gives the same bits
  std::int64_t grain = 1;           // items below which a range is not worth a thread
  Dim scratch_bytes{0};             // per thread; 0 on a GPU
  // the scratch begins with AttentionState of kernel.h: counters for profiles, what is packed
  bool counts_tiles = false, packs_once = false;
  std::string label;                // module path, such as "blocks.3.attn.qkv"
  // 2 × multiply–accumulates of the direct algorithm, unmasked pairs only
  Dim flops{0};
  Dim bytes{0};                     // read and written, each operand once
};

// A value that a loop hands from turn to turn. The first turn reads `initial`; turns write `last`
// and `other` alternately so that turn `count` writes `last`, and read what the turn before has
// written; where a loop stops before, what it has written to `other` is copied. Updated in place
// where both are the same.
struct Carried {
  std::int32_t loop = 0;  // index into loops
  BufferRef initial, last, other;
  Dim bytes;
};

// Steps [first, end) are run once for each turn. Loops are ordered by `first`, outer before inner.
// Where going_count is not 0, the turn behind which none of so many bools in `going` is true is the
// last one.
struct Loop {
  std::uint64_t symbol = 0;  // of the turn in the steps' dims, which are linear in it: 1 … count
  Dim count;                 // of turns, at least 1
  bool reverse = false;      // count … 1
  std::int32_t first = 0, end = 0;
  BufferRef going;
  Dim going_count{0};
};

// A result that is an input but for what the steps write into it: they find the input's value in
// the result's memory, which may be the input's own.
struct Update {
  std::int32_t input = 0, output = 0;
};

// A fact the kernels rely on; checked whenever shapes change. The value must be computable (exact
// divisions come out) and at least `least`.
struct Guard {
  Dim value;
  std::int64_t least = 1;
  std::string sentence;  // what the user is told, without the numbers
};

struct Program {
  std::string name;                    // the network's module name
  std::string target;                  // "reference", "x86-64-avx512", …
  std::vector<std::string> features;   // CPU features that `code` needs, LLVM's names ("avx512f")
  std::string fusion;                  // "none", "layout" or "all"
  std::string compiler;                // who made it, with LLVM's version, for people
  std::string key;                     // of the cache entry that it is; empty elsewhere
  std::vector<std::string> remarks;    // what the compiler had to say, for whoever loads it
  // an axis that is a plain symbol defines it, all others are checked
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;     // results, then the probes that were asked for
  std::int32_t result_count = 0;       // how many of `outputs` are results
  std::vector<Update> updates;
  std::vector<TensorSpec> parameters;  // the checkpoint's layout, in order of first use
  std::vector<Guard> guards;
  std::vector<std::byte> constants;    // 64-byte aligned pieces
  std::vector<Slot> prepared, arena;
  std::vector<KernelEntry> kernels;
  std::vector<Step> prepare, steps;
  std::vector<Loop> loops;             // among steps
  std::vector<Carried> carried;
  CodeFormat format = CodeFormat::elf;
  std::vector<std::vector<std::byte>> code;
};

// Versioned bytes; read_program rejects every malformed input with heed::Error, without trusting a
// count in it.
std::vector<std::byte> write_program(const Program& program);
Program read_program(std::span<const std::byte> bytes);

}  // namespace heed::abi
