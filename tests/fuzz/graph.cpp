// Contract 1: decoded and verified; what passes has canonical bytes, a text and a manifest.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "heed/dsl/graph/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  const heed::graph::Decoded decoded = heed::graph::decode(bytes);
  if (!decoded) return decoded.error.empty() ? std::abort(), 0 : 0;
  if (!std::ranges::equal(heed::graph::encode(*decoded.module), bytes)) std::abort();
  (void)heed::graph::text_of(*decoded.module);
  (void)heed::graph::manifest(*decoded.module);
  return 0;
}
