// Where the time goes on a GPU, or what stands for one: each kernel's time, bytes and FLOPs, beside
// the least time that a named GPU would need for them.
#pragma once
#include <string>
#include <vector>

#include "cases.h"

namespace heed::bench {

// What a data sheet says: f32 lanes without tensor cores, the highest clock that the vendor names,
// memory's bandwidth.
struct Gpu {
  std::string name;
  double lanes = 0, gigahertz = 0, gbytes = 0;  // a second
  double gflops() const { return 2 * lanes * gigahertz; }
};
const std::vector<Gpu>& known_gpus();
// Throws Error listing them where the name is none of them.
const Gpu& gpu_named(const std::string& name);

// Runs the case on target "vulkan…" and says where its time went.
std::string device_report(const Case& c, const std::string& target, const Gpu& gpu, int runs);

}  // namespace heed::bench
