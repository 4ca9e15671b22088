// CONTRACT 2, the code half on a GPU: what a SPIR-V kernel is given and what it computes. kernel.h
// is its twin.
#pragma once
#include <cstdint>

namespace heed::abi {

// An entry point of KernelEntry::symbol's name, GLCompute, its LocalSize in the module, which is
// SPIR-V 1.3 and valid for Vulkan 1.1. Descriptor set 0, storage buffers all; bindings that a
// kernel does not use may be absent:
//   0 … B-1  the step's B buffers: runtime arrays of the element type, bool as 8-bit integers
//   B        i32 [work, dims…]: the step's work and evaluated dims
//   B+1      one i32: where a kernel writes a `KernelStatus` that is not 0
// A step is dispatched as Dispatch::of says. Workgroup WorkgroupId.y · NumWorkgroups.x +
// WorkgroupId.x = w computes items [w · group, min((w + 1) · group, work)); workgroups beyond
// return at once. The result depends on neither the order of the workgroups nor the size of
// subgroups. Buffers have fewer than 2^31 elements.
inline constexpr std::uint32_t spirv_magic = 0x07230203;
inline constexpr std::int64_t spirv_header_bytes = 20;

struct Dispatch {
  static constexpr std::int64_t most = 65535;  // workgroups along an axis, on every device
  std::int64_t x = 0, y = 0;

  static constexpr Dispatch of(std::int64_t work, std::int64_t group) {
    const std::int64_t groups = work / group + (work % group != 0);
    if (groups < 1) return {};
    const std::int64_t x = groups < most ? groups : most;
    return {x, (groups - 1) / x + 1};
  }
};

}  // namespace heed::abi
