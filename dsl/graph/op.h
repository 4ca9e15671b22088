// The operations of contract 1: what a network may consist of. One row an op; `attributes` says
// what a node of it carries.
#pragma once
#include <cstdint>
#include <string_view>

namespace heed {

// clang-format off
// HEED_OPS(X): X(code, number, class, min operands, max operands)
// Numbers are part of the encoded format: append, never renumber.
//
// leaf        input      ints {index}                       argument of the function
//             parameter  name                               trained tensor, bound from a checkpoint
//             buffer     name, data                         tensor whose elements are in `data` (little endian, row major)
//             constant   reals {value}                      scalar
//             position   ints {axis}                        shape [1.. D ..1]: element = its index along axis, i64
//             extent     dims {D}                           scalar i64, the value of a dimension
// scalar      elementwise with numpy broadcasting; comparisons give bool; where(condition, a, b); cast: to the result dtype;
//             division of integers rounds down, as floor_divide of numpy and torch and floor_div of dimensions do; by 0 it
//             gives 0 and the lowest number by -1 itself: both sides of a where are computed, so neither may end a run. Integers
//             are computed in 32 bits: what does not fit, or not into i8 where it is stored, is not defined otherwise;
//             random(seed, c0, c1), i32 or i64 whose low 32 bits count: the first word of
//             Philox2x32-10 (Salmon et al., SC'11) under key seed at counter (c0, c1); as i32 the word itself, as f32, for its
//             upper 23 bits n, (n + 1/2) / 2^23, in (0, 1)
// layout      reshape, broadcast: to the result shape; permute ints {p…}; slice ints {axis} dims {begin, end};
//             pad ints {axis} dims {before, after} reals {value}; roll ints {axis, shift} (result[i] = x[(i - shift) mod n]);
//             concat ints {axis}; window ints {axis, size, stride, dilation, before, after} reals {value}: [.. n ..] to
//             [.. m .., size], result[.. i .., j] = x[i stride + j dilation - before], the value where that is outside
// contraction matmul (…, m, k) × (…, k, n), batch broadcast; conv2d x [b,c,h,w], w [o,c/groups,kh,kw]
//             ints {stride, padding, dilation, groups}; conv3d x [b,c,t,h,w], w [o,c/groups,kt,kh,kw], the same with three
//             strides, paddings and dilations
// rows        softmax ints {axis}; sum, mean, max, min ints {axis, keep}; normalize: over the last axis, reals {eps},
//             (x - mean) / sqrt(var + eps) [* weight] [+ bias]
// gather      table [n, …], indices (i32/i64) [s…] → [s…, …]
// append      cache [layers, batch, capacity, features], rows [batch, n, features], at (i32/i64) [batch], ints {layer}: the
//             cache with rows[b] at [layer, b, at[b] …]; rows that do not fit are an error of the run
// structural  call (callee, name: its parameters and probes are "name.weight" and so on; an empty name adds nothing),
//             repeat (callee, times; "name.0.weight", "name.1.weight"...; one result, of the type of the first operand,
//             which is carried from block to block; the other operands reach each block unchanged), probe (name; identity),
//             scan (callee, name; ints {states, scanned, axis, reverse} dims {steps}: operands are initial states, scanned
//             tensors and held ones. Step by step the callee takes states, the scanned tensors without `axis` and the held
//             ones, and gives the next states and outputs; results are the last states, then the outputs, stacked along
//             `axis`. reverse: the last step comes first),
//             loop (callee, name; ints {states, axis} dims {limit}: operands are initial states and held tensors. Turn by
//             turn the callee takes both, and gives the next states, outputs and last a bool tensor: the turn in which none
//             of it is true is the last one, and so is turn `limit`. Results are the last states, the outputs stacked along
//             `axis`, 0 behind the last turn, and the number of turns, a scalar i64)
// Axes are counted from the left. Two parameters of the same full name are the same tensor.
#define HEED_OPS(X)                                                                                             \
  X(input, 0, leaf, 0, 0) X(parameter, 1, leaf, 0, 0) X(buffer, 2, leaf, 0, 0) X(constant, 3, leaf, 0, 0)       \
  X(position, 4, leaf, 0, 0) X(extent, 5, leaf, 0, 0)                                                           \
  X(add, 16, scalar, 2, 2) X(sub, 17, scalar, 2, 2) X(mul, 18, scalar, 2, 2) X(div, 19, scalar, 2, 2)           \
  X(maximum, 20, scalar, 2, 2) X(minimum, 21, scalar, 2, 2) X(pow, 22, scalar, 2, 2)                            \
  X(eq, 24, scalar, 2, 2) X(ne, 25, scalar, 2, 2) X(lt, 26, scalar, 2, 2) X(le, 27, scalar, 2, 2)               \
  X(gt, 28, scalar, 2, 2) X(ge, 29, scalar, 2, 2)                                                               \
  X(logical_and, 30, scalar, 2, 2) X(logical_or, 31, scalar, 2, 2) X(logical_not, 32, scalar, 1, 1)             \
  X(where, 33, scalar, 3, 3) X(cast, 34, scalar, 1, 1) X(random, 35, scalar, 3, 3)                              \
  X(neg, 40, scalar, 1, 1) X(abs, 41, scalar, 1, 1) X(exp, 42, scalar, 1, 1) X(log, 43, scalar, 1, 1)           \
  X(sqrt, 44, scalar, 1, 1) X(rsqrt, 45, scalar, 1, 1) X(tanh, 46, scalar, 1, 1) X(sigmoid, 47, scalar, 1, 1)   \
  X(erf, 48, scalar, 1, 1) X(sin, 49, scalar, 1, 1) X(cos, 50, scalar, 1, 1)                                    \
  X(relu, 51, scalar, 1, 1) X(gelu, 52, scalar, 1, 1) X(silu, 53, scalar, 1, 1)                                 \
  X(reshape, 64, layout, 1, 1) X(permute, 65, layout, 1, 1) X(slice, 66, layout, 1, 1) X(pad, 67, layout, 1, 1) \
  X(broadcast, 68, layout, 1, 1) X(roll, 69, layout, 1, 1) X(concat, 70, layout, 1, 16)                         \
  X(window, 71, layout, 1, 1)                                                                                   \
  X(matmul, 80, contraction, 2, 2) X(conv2d, 81, contraction, 2, 2)                                             \
  X(conv3d, 82, contraction, 2, 2)                                                                              \
  X(softmax, 96, rows, 1, 1) X(normalize, 97, rows, 1, 3) X(sum, 98, rows, 1, 1) X(mean, 99, rows, 1, 1)        \
  X(max, 100, rows, 1, 1) X(min, 101, rows, 1, 1)                                                               \
  X(gather, 112, gather, 2, 2) X(append, 113, append, 3, 3)                                                     \
  X(call, 128, structural, 0, 64) X(repeat, 129, structural, 1, 64) X(probe, 130, structural, 1, 1) \
  X(scan, 131, structural, 1, 64) X(loop, 132, structural, 1, 64)
// clang-format on

enum class OpClass : std::uint8_t {
  leaf, scalar, layout, contraction, rows, gather, append, structural
};

enum class OpCode : std::uint16_t {
#define HEED_OP(code, number, kind, least, most) code = number,
  HEED_OPS(HEED_OP)
#undef HEED_OP
};

struct OpInfo {
  OpCode code;
  std::string_view name;
  OpClass kind;
  int least_operands, most_operands;
};

inline constexpr OpInfo op_table[] = {
#define HEED_OP(code, number, kind, least, most) {OpCode::code, #code, OpClass::kind, least, most},
    HEED_OPS(HEED_OP)
#undef HEED_OP
};

// Row of an op; nullptr for a number that is none (encoded graphs are foreign input).
constexpr const OpInfo* info_of(OpCode code) {
  for (const OpInfo& row : op_table)
    if (row.code == code) return &row;
  return nullptr;
}

}  // namespace heed
