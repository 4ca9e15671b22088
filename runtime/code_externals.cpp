// What compiled code may call: the memory functions a compiler inserts, libm, and the conversions
// of 16-bit floats where the CPU has no instruction for them.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>

#include "heed/runtime/code.h"
#include "heed/runtime/half.h"

namespace heed {
namespace {

// The psABI passes a 16-bit float in the low bits of an SSE register, as a float would be passed.
float extend_half(float low_bits) {
  return half_to_float(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(low_bits)));
}
float truncate_to_half(float value) {
  return std::bit_cast<float>(std::uint32_t(float_to_half(value)));
}
float truncate_to_bfloat(float value) {
  return std::bit_cast<float>(std::uint32_t(float_to_bfloat(value)));
}

struct External {
  std::string_view name;
  void* address;
};

template <class Function>
void* address_of(Function* function) {
  return reinterpret_cast<void*>(function);
}
using F1 = float(float);
using F2 = float(float, float);
using F3 = float(float, float, float);
using D1 = double(double);
using D2 = double(double, double);
using D3 = double(double, double, double);

// clang-format off
#define HEED_LIBM_1(X)                                                                          \
  X(acos) X(acosh) X(asin) X(asinh) X(atan) X(atanh) X(cbrt) X(ceil) X(cos) X(cosh) X(erf)       \
  X(erfc) X(exp) X(exp2) X(expm1) X(fabs) X(floor) X(lgamma) X(log) X(log10) X(log1p) X(log2)    \
  X(nearbyint) X(rint) X(round) X(sin) X(sinh) X(sqrt) X(tan) X(tanh) X(tgamma) X(trunc)
#define HEED_LIBM_2(X)                                                                          \
  X(atan2) X(copysign) X(fdim) X(fmax) X(fmin) X(fmod) X(hypot) X(nextafter) X(pow) X(remainder)
const External externals[] = {
    {"memcpy", address_of<void*(void*, const void*, std::size_t)>(std::memcpy)},
    {"memmove", address_of<void*(void*, const void*, std::size_t)>(std::memmove)},
    {"memset", address_of<void*(void*, int, std::size_t)>(std::memset)},
    {"memcmp", address_of<int(const void*, const void*, std::size_t)>(std::memcmp)},
    {"__extendhfsf2", address_of<F1>(extend_half)},
    {"__truncsfhf2", address_of<F1>(truncate_to_half)},
    {"__truncsfbf2", address_of<F1>(truncate_to_bfloat)},
#define HEED_ROW(name) {#name, address_of<D1>(::name)}, {#name "f", address_of<F1>(::name##f)},
    HEED_LIBM_1(HEED_ROW)
#undef HEED_ROW
#define HEED_ROW(name) {#name, address_of<D2>(::name)}, {#name "f", address_of<F2>(::name##f)},
    HEED_LIBM_2(HEED_ROW)
#undef HEED_ROW
    {"fma", address_of<D3>(::fma)}, {"fmaf", address_of<F3>(::fmaf)},
    {"roundeven", address_of<D1>(::nearbyint)}, {"roundevenf", address_of<F1>(::nearbyintf)},
    {"ldexp", address_of<double(double, int)>(::ldexp)},
    {"ldexpf", address_of<float(float, int)>(::ldexpf)},
    {"sincos", address_of<void(double, double*, double*)>(::sincos)},
    {"sincosf", address_of<void(float, float*, float*)>(::sincosf)},
};
// clang-format on

}  // namespace

void* external_function(std::string_view name) {
  const auto* row = std::ranges::find(externals, name, &External::name);
  return row == std::end(externals) ? nullptr : row->address;
}

}  // namespace heed
