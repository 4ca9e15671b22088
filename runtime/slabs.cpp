#include "heed/runtime/slabs.h"

#include <sys/mman.h>

#include <cstdint>
#include <iterator>

namespace heed {
namespace {

constexpr std::size_t page = 4096, huge_page = std::size_t(2) << 20;

std::size_t in_pages(std::size_t size) { return (size + page - 1) / page * page; }

}  // namespace

// Mapped with room to start at a huge page; what lies outside is given back.
std::byte* map_pages(std::size_t size) {
  const std::size_t room = size + huge_page;
  void* base = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return nullptr;
  auto* first = static_cast<std::byte*>(base);
  const std::size_t skip =
      (huge_page - reinterpret_cast<std::uintptr_t>(base) % huge_page) % huge_page;
  if (skip) munmap(first, skip);
  const std::size_t used = in_pages(size);
  if (room > skip + used) munmap(first + skip + used, room - skip - used);
  madvise(first + skip, used, MADV_HUGEPAGE);
  return first + skip;
}

void unmap_pages(std::byte* first, std::size_t size) { munmap(first, in_pages(size)); }

// Never destroyed: static tensors may be given back after everything else.
Slabs& Slabs::shared() {
  static Slabs& slabs = *new Slabs;
  return slabs;
}

std::size_t Slabs::slabs() const {
  const std::lock_guard lock(mutex_);
  return slabs_.size();
}

// The first hole that is large enough.
std::byte* Slabs::take(std::size_t size) {
  const std::lock_guard lock(mutex_);
  for (auto& [first, holes] : slabs_)
    for (auto hole = holes.begin(); hole != holes.end(); ++hole) {
      const auto [offset, room] = *hole;
      if (room < size) continue;
      const auto next = holes.erase(hole);
      if (room > size) holes.emplace_hint(next, offset + size, room - size);
      return first + offset;
    }
  std::byte* first = map_pages(slab_size);
  if (first) slabs_[first] = {{size, slab_size - size}};
  return first;
}

// Neighbouring holes become one; a slab that is nothing else is given back to the system.
void Slabs::give_back(std::byte* block, std::size_t size) {
  const std::lock_guard lock(mutex_);
  const auto slab = std::prev(slabs_.upper_bound(block));
  Holes& holes = slab->second;
  std::size_t offset = std::size_t(block - slab->first);
  auto after = holes.lower_bound(offset);
  if (after != holes.end() && after->first == offset + size) {
    size += after->second;
    after = holes.erase(after);
  }
  if (after != holes.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second == offset) {
      offset = before->first;
      size += before->second;
      after = holes.erase(before);
    }
  }
  if (size == slab_size) {
    unmap_pages(slab->first, slab_size);
    slabs_.erase(slab);
  } else {
    holes.emplace_hint(after, offset, size);
  }
}

}  // namespace heed
