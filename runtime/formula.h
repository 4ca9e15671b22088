// Deterministic weights and inputs from names alone, so that tests and benchmarks need no weight
// files. tests/golden/formula.py is the same formula, bit for bit.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace heed {

// v(name, i) in [-1, 1), a multiple of 2^-23 and so exact in f32 (arithmetic modulo 2^64):
//   h = FNV-1a-64(name);  u = finalise(h + i * 0x9E3779B97F4A7C15)   (splitmix64's finaliser)
//   v = (u >> 40) * 2^-23 - 1
float formula_value(std::string_view name, std::uint64_t index);

// Fills a parameter, row-major: out[i] = offset + amplitude * v(name, i), rounded to f32 once.
// `leaf` is the name's last component; a suffix matches whole components; the first row wins.
//
//   parameter                                                     offset  amplitude
//   leaf running_var                                              1       0.5
//   leaf running_mean                                             0       0.1
//   leaf starts or ends with "bias"                               0       0.1
//   pool_k.norm_act.0.weight (pooled keys are alike)              1.75    0.1
//   leaf weight, rank 1 (a norm's scale)                          1       0.1
//   leaf starts with "rel_pos" (vectors that queries multiply)    0       0.1
//   leaf contains "weight", rank >= 2                             0       g * sqrt(3 / fan_in)
//   anything else (cls_token, pos_embed, bias tables)             0       0.5
//
// fan_in is the product of shape[1:], amplitudes are rounded to f32, and the gain g is
//   0.2   attn.proj.weight, mlp.fc2.weight, linear2.weight, out_proj.weight: a residual branch ends
//   1.25  q_proj.weight, k_proj.weight, q_proj_weight, k_proj_weight, q_linear.weight,
//         k_linear.weight, and the first two thirds of the rows of qkv.weight and in_proj_weight:
//         attention neither flat nor saturated
//   1     otherwise
//
// out.size() is the product of shape.
void formula_fill(std::string_view name, std::span<const std::int64_t> shape, std::span<float> out);

// Fills an input: out[i] = amplitude * v(name, i).
void formula_input(std::string_view name, std::span<float> out, float amplitude = 2.0f);

}  // namespace heed
