// A program's steps in the order in which they are dispatched, for one set of sizes: loops turn by
// turn, but for those that stop when a value says so. Of these there are the turns that differ, and
// the CPU reads that value behind each turn.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "heed/runtime/shape_plan.h"
#include "heed/runtime/vulkan/kernels.h"

namespace heed::vulkan {

struct Dispatched {
  std::size_t step = 0;         // index into the program's steps
  std::size_t first_slice = 0;  // index into Schedule::slices, one for each of the step's buffers
  std::size_t first_number = 0;  // index into Schedule::numbers
  // for what was dispatched before it in its part, since they may have a buffer in common
  bool waits = false;
};

struct Copy {
  Slice from, to;
  std::size_t size = 0;
};

// What is submitted at once: dispatches [first, end), then the copies. It waits for the parts
// before it.
struct Part {
  std::size_t first = 0, end = 0;
  std::vector<Copy> copies;
  // index into Schedule::flags of those that the CPU reads behind it
  std::optional<std::size_t> flags;
  bool in_turn = false;              // its numbers change from run to run
};

// A part or a loop that stops.
struct Item {
  bool is_loop = false;
  std::size_t index = 0;
};

struct TurnNumber {
  std::size_t number = 0;  // index into Schedule::numbers
  std::int64_t slope = 0;  // from a turn to the next
};

struct StoppingLoop {
  struct Turn {
    std::vector<Item> items;  // the last is a part, with flags
    std::vector<TurnNumber> numbers;
    std::int64_t shown = 0;              // the turn that the numbers are for
    // index of the part that runs where this turn becomes the last before its time
    std::optional<std::size_t> settles;
  };
  std::int64_t count = 0;  // of turns at most
  bool reverse = false;
  std::array<Turn, 3> turns;

  // The first turn reads other values than all others, which alternate between two buffers. left:
  // turns behind it
  static std::size_t kind(std::int64_t done, std::int64_t left) {
    return done == 0 ? 0 : 1 + std::size_t(left % 2);
  }
};

struct Schedule {
  std::vector<Item> items;  // the first and the last are parts
  std::vector<Part> parts;
  std::vector<StoppingLoop> loops;
  std::vector<Slice> flags;  // bools, cut to their number: a loop goes on while one is true
  std::vector<Dispatched> dispatches;
  std::vector<Slice> slices;
  std::vector<std::int32_t> numbers;  // each step's begin where a device can bind a slice
};

// slice_of: of every place but those of a loop. Throws Error where a number has more than 32 bits.
Schedule make_schedule(const abi::Program& program, const ShapePlan& plan, const Device& device,
                       const std::function<Slice(const abi::BufferRef&)>& slice_of);

}  // namespace heed::vulkan
