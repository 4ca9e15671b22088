// How a session runs a program's steps: on the CPU's threads or on a GPU.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "heed/runtime/checkpoint.h"
#include "heed/runtime/program.h"
#include "heed/runtime/tensor.h"

namespace heed {

class Profile;
class ShapePlan;

// Owns what runs need but sizes: weights, shared with its siblings, and memory of its own.
class Executor {
 public:
  virtual ~Executor() = default;
  // threads as in Session::sibling
  virtual std::unique_ptr<Executor> sibling(int threads) const = 0;

  // Makes room for the plan's sizes; the plan stays where it is until the next call or the end.
  // Throws Error where there is none; runs then need another call first.
  virtual void resize(ShapePlan& plan) = 0;
  // All steps, inputs to outputs, which fit the plan. Allocates nothing, but where the profile is
  // another one than before. Throws Error when a kernel reports one; runs then need resize first.
  virtual void run(std::span<const Tensor* const> inputs, std::span<Tensor* const> outputs,
                   Profile* profile, int track) = 0;

  virtual int threads() const = 0;  // of the CPU that compute steps; 1 where a GPU does
  virtual std::size_t weight_bytes() const = 0;
};

// Binds the checkpoint's weights to the program and runs it where its code is for.
std::unique_ptr<Executor> make_executor(const Program& program, const Checkpoint& checkpoint,
                                        int threads);

// "run: step 'blocks.0.attn' (attention) of 'ViT' failed: …"
[[noreturn]] void throw_failed_step(const abi::Program& program, const abi::Step& step,
                                    const char* when, std::int32_t status);

}  // namespace heed
