// A program's weights on a device, as its kernels want them; shared by the sessions on them. The
// twin of heed::Binding.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "heed/runtime/checkpoint.h"
#include "heed/runtime/program.h"
#include "heed/runtime/vulkan/kernels.h"
#include "heed/runtime/vulkan/status.h"

namespace heed::vulkan {

// Runs `prepare` once, on the device. A parameter is uploaded when the first step needs it and
// dropped after the last.
class Weights {
 public:
  Weights(const Program& program, const Checkpoint& checkpoint);

  const Program& program() const { return program_; }
  const std::shared_ptr<const Kernels>& kernels() const;
  // Of what is shared: constants, parameters that were kept, prepared slots.
  Slice slice(const abi::BufferRef& ref) const;
  std::size_t size_bytes() const { return kept_.size_bytes(); }

 private:
  struct Preparation;

  void keep();
  void upload_constants(Uploader& uploader) const;
  void load(const Checkpoint& checkpoint, std::size_t parameter, Uploader& uploader);
  void run(std::size_t step, Preparation& preparation);

  Program program_;
  std::vector<std::size_t> last_parameter_, last_prepared_;
  Pool kept_;
  std::map<std::int64_t, std::size_t> constants_;        // by offset: index into kept_
  // indices into kept_, of those that sessions use
  std::vector<std::size_t> kept_parameter_, kept_prepared_;
  std::vector<Block> parameters_, prepared_;             // those only `prepare` uses, while it does
  std::vector<bool> loaded_;                             // parameters on the device
};

}  // namespace heed::vulkan
