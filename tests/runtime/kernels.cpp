// Kernels as the compiler would emit them, for tests of the loader and of sessions.
#include <cmath>
#include <cstring>

#include "heed/runtime/abi/kernel.h"

namespace {
const float* floats(const void* p) { return static_cast<const float*>(p); }
}  // namespace

extern "C" {

// out: [in, out_features] = weight: [out_features, in] transposed; items are rows of out. dims {in,
// out_features}
std::int32_t pack(void* const* buffers, const std::int64_t* dims, std::int64_t begin,
                  std::int64_t end, void*) {
  for (std::int64_t k = begin; k < end; ++k)
    for (std::int64_t n = 0; n < dims[1]; ++n)
      static_cast<float*>(buffers[1])[k * dims[1] + n] = floats(buffers[0])[n * dims[0] + k];
  return 0;
}

// out[m, :] = x[m, :] · packed + bias, items are rows m. buffers {x, packed, bias, out}, dims {in,
// out_features}; scratch holds a row of out.
std::int32_t linear(void* const* buffers, const std::int64_t* dims, std::int64_t begin,
                    std::int64_t end, void* scratch) {
  auto* row = static_cast<float*>(scratch);
  for (std::int64_t m = begin; m < end; ++m) {
    std::memcpy(row, buffers[2], static_cast<std::size_t>(dims[1]) * sizeof(float));
    for (std::int64_t k = 0; k < dims[0]; ++k)
      for (std::int64_t n = 0; n < dims[1]; ++n)
        row[n] += floats(buffers[0])[m * dims[0] + k] * floats(buffers[1])[k * dims[1] + n];
    std::memcpy(static_cast<float*>(buffers[3]) + m * dims[1], row,
                static_cast<std::size_t>(dims[1]) * sizeof(float));
  }
  return 0;
}

// out = tanh(x) * scale[0], items are elements. buffers {x, scale, out}
std::int32_t scaled_tanh(void* const* buffers, const std::int64_t*, std::int64_t begin,
                         std::int64_t end, void*) {
  for (std::int64_t i = begin; i < end; ++i)
    static_cast<float*>(buffers[2])[i] = std::tanh(floats(buffers[0])[i]) * floats(buffers[1])[0];
  return 0;
}

// Fails on item dims[0].
std::int32_t fails(void* const*, const std::int64_t* dims, std::int64_t begin, std::int64_t end,
                   void*) {
  return begin <= dims[0] && dims[0] < end ? heed::abi::kernel_index_out_of_range : 0;
}

// Data and calls that the loader has to link.
static const float table[4] = {1.5f, 2.5f, 3.5f, 4.5f};
static float zeros[3];
float counter = 7;
const float* pointers[2] = {table + 2, zeros};

float linked(float x) { return expf(x) + pointers[0][0] + pointers[1][1] + counter; }
float half(float x) { return x / 2; }
float* counter_address() { return &counter; }
void clear_bytes(void* p, std::size_t n) { std::memset(p, 0, n); }
double switched(int i) {
  switch (i) {
    case 0: return std::sin(1.0);
    case 1: return 11;
    case 2: return std::pow(2.0, 0.5);
    case 3: return 13;
    case 4: return -1;
    case 5: return 99;
    default: return 0;
  }
}
}
