// Memory of medium-sized blocks, side by side in huge pages: in small ones every four kilobytes of
// a tensor cost a walk of the page table, for which fetching ahead waits, too.
#pragma once
#include <cstddef>
#include <map>
#include <mutex>

namespace heed {

// `size` bytes of zeros that begin a huge page, in such pages where the system gives them; null
// where there is not that much memory.
std::byte* map_pages(std::size_t size);
void unmap_pages(std::byte* first, std::size_t size);

class Slabs {
 public:
  // Blocks of such sizes are kept here: smaller ones hardly meet the ends of pages.
  static constexpr std::size_t least = std::size_t(64) << 10, most = std::size_t(4) << 20;

  // Of the process; from here on and up to its end.
  static Slabs& shared();

  // A block of `size` bytes, a multiple of the alignment, whatever they hold; null where there is
  // no memory. Threads may take and give back at the same time.
  std::byte* take(std::size_t size);
  void give_back(std::byte* block, std::size_t size);
  std::size_t slabs() const;

 private:
  static constexpr std::size_t slab_size = 2 * most;
  using Holes = std::map<std::size_t, std::size_t>;  // offset to size

  mutable std::mutex mutex_;
  std::map<std::byte*, Holes> slabs_;
};

}  // namespace heed
