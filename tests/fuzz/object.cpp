// Machine code: loaded and linked, never called.
#include <cstdint>

#include "heed/runtime/code.h"
#include "heed/runtime/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const heed::Code code(std::as_bytes(std::span(data, size)));
    for (const heed::Code::Symbol& symbol : code.symbols()) (void)code.address(symbol.name);
  } catch (const heed::Error&) {
  }
  return 0;
}
