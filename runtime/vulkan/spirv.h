// What a SPIR-V module asks of a device.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace heed::vulkan {

struct EntryPoint {
  std::string name;
  // invocations of a workgroup; zeros where the module does not say
  std::array<std::uint32_t, 3> local_size{};
  std::int64_t shared_bytes = 0;              // of the workgroup variables that its functions name
};

struct ModuleFacts {
  std::vector<std::uint32_t> capabilities;  // SPIR-V's numbers
  std::vector<EntryPoint> entry_points;     // compute only
  std::int64_t most_binding = -1;           // -1: none
};

// Throws Error where the words are no module; it says nothing about validity beyond that.
ModuleFacts read_module(std::span<const std::byte> module);

}  // namespace heed::vulkan
