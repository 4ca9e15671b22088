// The program file: what can be read must be the canonical bytes of what was read.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "heed/runtime/abi/checksum.h"
#include "heed/runtime/abi/program.h"
#include "heed/runtime/error.h"

namespace {

// Size and checksum made good, so that a change reaches what they guard.
std::vector<std::byte> sealed(std::span<const std::byte> bytes) {
  constexpr std::size_t header = 32;
  std::vector<std::byte> file(bytes.begin(), bytes.end());
  if (file.size() < header) return file;
  const std::uint64_t size = file.size() - header,
                      sum = heed::abi::checksum(std::span(file).subspan(header));
  std::memcpy(file.data() + 16, &size, 8);
  std::memcpy(file.data() + 24, &sum, 8);
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = sealed(std::as_bytes(std::span(data, size)));
  try {
    const heed::abi::Program program = heed::abi::read_program(file);
    if (heed::abi::write_program(program) != file) std::abort();
  } catch (const heed::Error&) {
  }
  return 0;
}
