#include "heed/runtime/memory.h"

#include <sys/mman.h>

#include <cstring>
#include <new>
#include <utility>

#include "heed/runtime/error.h"

namespace heed {
namespace {

// From here on a block is mapped by itself, so that freeing it returns its pages at once.
constexpr std::size_t mapped_size = std::size_t(4) << 20;
constexpr std::size_t huge_page = std::size_t(2) << 20;

std::byte* map(std::size_t size) {
  // Mapped with room to start at a huge page; what lies outside is given back.
  const std::size_t room = size + huge_page;
  void* base = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return nullptr;
  auto* first = static_cast<std::byte*>(base);
  const std::size_t skip =
      (huge_page - reinterpret_cast<std::size_t>(base) % huge_page) % huge_page;
  if (skip) munmap(first, skip);
  const std::size_t page = 4096, used = (size + page - 1) / page * page;
  if (room > skip + used) munmap(first + skip + used, room - skip - used);
  madvise(first + skip, used, MADV_HUGEPAGE);
  return first + skip;
}

}  // namespace

Memory::Memory(std::size_t size, const char* what) : size_(size) {
  if (size == 0) return;
  constexpr std::size_t most = std::size_t(1) << 46;
  if (size >= mapped_size && size <= most) {
    data_ = map(size);
  } else if (size < mapped_size) {
    void* block = ::operator new(aligned_size(size), std::align_val_t(alignment), std::nothrow);
    data_ = static_cast<std::byte*>(block);
    if (data_) std::memset(data_, 0, aligned_size(size));
  }
  if (!data_)
    throw Error(what, ": ", size, " bytes are needed and the system has not that much memory");
}

Memory::Memory(Memory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Memory::~Memory() {
  if (!data_) return;
  if (size_ >= mapped_size) munmap(data_, (size_ + 4095) / 4096 * 4096);
  else ::operator delete(data_, std::align_val_t(alignment));
}

}  // namespace heed
