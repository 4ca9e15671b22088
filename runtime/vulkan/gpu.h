// What the rest of the runtime sees of this folder: programs of SPIR-V modules on a Vulkan device.
// No Vulkan header needed.
#pragma once
#include <memory>
#include <string>

#include "heed/runtime/executor.h"

namespace heed::vulkan {

class Device;
class Kernels;

// The device that programs run on, opened once for all who hold it. HEED_VULKAN_DEVICE chooses it,
// by a part of its name or by its number; otherwise a discrete GPU goes before an integrated one
// before a CPU. libvulkan is searched for by its name, or where HEED_VULKAN_LIBRARY says. Throws
// Error when there is no libvulkan, driver or device.
std::shared_ptr<const Device> open_device();

// What the compiler is told of the device, the target's name with its limits: compiler/target.h.
std::string target_of(const Device& device);

// The program's modules as pipelines of the device. Throws Error when the device lacks what they
// need.
std::shared_ptr<const Kernels> load_kernels(const abi::Program& program);

// As heed::make_executor, for a program of SPIR-V modules.
std::unique_ptr<Executor> make_executor(const Program& program, const Checkpoint& checkpoint);

}  // namespace heed::vulkan
