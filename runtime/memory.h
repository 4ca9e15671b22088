// Raw memory for tensors: aligned for vector code, its own until moved away.
#pragma once
#include <cstddef>
#include <span>

namespace heed {

// `size` zero bytes at an address that is a multiple of 64. From 64 KiB on they lie in huge pages
// where the system gives them; large blocks take up memory only once they are touched.
class Memory {
 public:
  static constexpr std::size_t alignment = 64;

  Memory() = default;
  // Throws Error naming `what` when there is not that much memory.
  Memory(std::size_t size, const char* what);
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;
  ~Memory();

  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::span<std::byte> bytes() const { return {data_, size_}; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// The least multiple of Memory::alignment that is not below `size`.
constexpr std::size_t aligned_size(std::size_t size) {
  return (size + Memory::alignment - 1) / Memory::alignment * Memory::alignment;
}

}  // namespace heed
