#include "heed/runtime/memory.h"

#include <cstring>
#include <new>
#include <utility>

#include "heed/runtime/error.h"
#include "heed/runtime/slabs.h"

namespace heed {
namespace {

// Sanitizers see what lies outside a block of the allocator that they know.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HEED_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(HEED_SANITIZED)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

// Large blocks are mapped each by itself, so that freeing one returns its pages at once.
bool is_mapped(std::size_t size) { return size >= Slabs::most; }
bool is_in_slab(std::size_t size) { return !sanitized && size >= Slabs::least; }

std::byte* allocate(std::size_t size) {
  constexpr std::size_t most = std::size_t(1) << 46;
  if (is_mapped(size)) return size <= most ? map_pages(size) : nullptr;
  const std::size_t whole = aligned_size(size);
  std::byte* block = is_in_slab(size)
                         ? Slabs::shared().take(whole)
                         : static_cast<std::byte*>(::operator new(
                               whole, std::align_val_t(Memory::alignment), std::nothrow));
  if (block) std::memset(block, 0, whole);
  return block;
}

void release(std::byte* block, std::size_t size) {
  if (is_mapped(size)) unmap_pages(block, size);
  else if (is_in_slab(size)) Slabs::shared().give_back(block, aligned_size(size));
  else ::operator delete(block, std::align_val_t(Memory::alignment));
}

}  // namespace

Memory::Memory(std::size_t size, const char* what) : size_(size) {
  if (size == 0) return;
  data_ = allocate(size);
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
  if (data_) release(data_, size_);
}

}  // namespace heed
