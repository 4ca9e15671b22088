// Blocks of tensors, side by side in huge pages.
#include "heed/runtime/slabs.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "heed/runtime/memory.h"

using heed::Memory;
using heed::Slabs;

namespace {

struct Block {
  std::byte* first;
  std::size_t size;
  int mark;
};

bool holds(const Block& block) {
  return std::all_of(block.first, block.first + block.size,
                     [&](std::byte b) { return b == std::byte(block.mark); });
}

// Takes and gives back at random, every block full of its mark; whether all kept theirs.
bool stir(Slabs& slabs, unsigned seed, int turns) {
  std::mt19937 random(seed);
  std::vector<Block> blocks;
  bool kept = true;
  for (int turn = 0; turn < turns; ++turn) {
    if (blocks.size() < 12 && random() % 3) {
      const std::size_t size = 64 * (1 + random() % 4000);
      blocks.push_back({slabs.take(size), size, int(random() % 255)});
      std::memset(blocks.back().first, blocks.back().mark, size);
    } else if (!blocks.empty()) {
      std::swap(blocks[random() % blocks.size()], blocks.back());
      kept &= holds(blocks.back());
      slabs.give_back(blocks.back().first, blocks.back().size);
      blocks.pop_back();
    }
  }
  for (const Block& block : blocks) {
    kept &= holds(block);
    slabs.give_back(block.first, block.size);
  }
  return kept;
}

}  // namespace

TEST_CASE("slabs: blocks lie apart, and nothing is kept when all are given back") {
  Slabs slabs;
  CHECK(stir(slabs, 1, 4000));
  CHECK(slabs.slabs() == 0);
}

TEST_CASE("slabs: threads take and give back at once") {
  Slabs slabs;
  bool kept[4] = {};
  {
    std::vector<std::jthread> threads;
    for (unsigned n = 0; n < 4; ++n)
      threads.emplace_back([&, n] { kept[n] = stir(slabs, n, 1000); });
  }
  for (bool k : kept) CHECK(k);
  CHECK(slabs.slabs() == 0);
}

TEST_CASE("slabs: what was given back is taken again, holes that meet are one") {
  Slabs slabs;
  constexpr std::size_t size = Slabs::most / 2;
  std::vector<std::byte*> blocks;
  for (int n = 0; n < 4; ++n) blocks.push_back(slabs.take(size));
  CHECK(slabs.slabs() == 1);
  // the neighbours in either order
  slabs.give_back(blocks[1], size);
  slabs.give_back(blocks[2], size);
  CHECK(slabs.take(2 * size) == blocks[1]);
  slabs.give_back(blocks[1], 2 * size);
  CHECK(slabs.take(2 * size) == blocks[1]);
  slabs.give_back(blocks[0], size);
  CHECK(slabs.take(size) == blocks[0]);
  std::byte* beyond = slabs.take(size);
  CHECK(slabs.slabs() == 2);
  slabs.give_back(beyond, size);
  CHECK(slabs.slabs() == 1);
  slabs.give_back(blocks[0], size);
  slabs.give_back(blocks[3], size);
  slabs.give_back(blocks[1], 2 * size);
  CHECK(slabs.slabs() == 0);
}

TEST_CASE("memory: zeros at every size, also where something else was before") {
  for (int turn = 0; turn < 3; ++turn)
    for (std::size_t size : {std::size_t(1), Slabs::least - 1, Slabs::least, Slabs::least + 1,
                             Slabs::most - 1, Slabs::most, Slabs::most + 1}) {
      CAPTURE(size);
      Memory memory(size, "memory");
      CHECK(reinterpret_cast<std::uintptr_t>(memory.data()) % Memory::alignment == 0);
      CHECK(std::ranges::all_of(memory.bytes(), [](std::byte b) { return b == std::byte(0); }));
      std::memset(memory.data(), 255, size);
    }
}
