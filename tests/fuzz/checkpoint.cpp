// safetensors: open, then read all elements.
#include <cstdint>

#include "heed/runtime/checkpoint.h"
#include "heed/runtime/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto checkpoint = heed::Checkpoint::from_bytes(std::as_bytes(std::span(data, size)));
    for (const heed::StoredTensor& tensor : checkpoint.tensors())
      (void)checkpoint.read(tensor.name);
  } catch (const heed::Error&) {  // what every malformed input must end in
  }
  return 0;
}
