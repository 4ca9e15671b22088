// What is measured: networks and single operations, each written in the language and compiled by
// heed::load, as a user would.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "heed/runtime/compile.h"
#include "heed/runtime/program.h"
#include "heed/runtime/tensor.h"

namespace heed::bench {

struct Case {
  std::string group, name;  // "model", "gemm", "attention"; as in peers.py
  std::function<double()> gflop;  // 2e-9 × multiply–accumulates; of score pairs those that are seen
  std::function<Program(const Options&)> load;
  // Set `index` of the inputs; sets take turns, so that no run finds its inputs in the cache.
  std::function<std::vector<Tensor>(int index)> inputs;
  // Throws Error unless the result for set 0 is that of a computation in double.
  std::function<void(const std::vector<Tensor>& inputs, const Tensor& result)> check;
  // What must be read at least, where memory is the limit: % of peak is then of what a loop reads
  // that only reads.
  double gbyte = 0;
};

const std::vector<Case>& cases();
std::vector<Case> edited_attention_cases();  // those of attention_cases.cpp
std::vector<Case> vision_cases();            // of vision_cases.cpp
std::vector<Case> clip_cases();              // of clip_cases.cpp
std::vector<Case> convolution_cases();       // of convolution_cases.cpp
std::vector<Case> sequence_cases();          // and of sequence_cases.cpp

}  // namespace heed::bench
