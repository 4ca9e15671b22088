// A depthwise convolution over all tokens but the first, as MViT pools queries, keys and values: it reads its third of the
// features and its tokens where they lie, and writes behind the first token; only that one is copied. What is added to a
// concatenation stays with the contraction that gives it.
// RUN: heed-opt %s --heed-simplify-graph --heed-assign-layouts --heed-form-kernels | FileCheck %s

// CHECK: %[[QKV:.*]] = heed.contract(
// CHECK: %[[FIRST:.*]] = heed.map(%[[QKV]]) {domain = ["i0:B", "i1:8"]
// CHECK: %[[PART:.*]] = heed.slice %[[QKV]] {axis = 2 : i64, begin = "8", end = "16"}
// CHECK: %[[CELLS:.*]] = heed.slice %[[PART]] {axis = 1 : i64, begin = "1", end = "17"}
// CHECK: %[[IMAGE:.*]] = heed.reshape %[[CELLS]]
// CHECK: %[[CHANNELS:.*]] = heed.permute %[[IMAGE]]
// CHECK: %[[POOLED:.*]] = heed.rows(%[[CHANNELS]], {{.*}}) {domain = ["i0:B", "i1:4", "i2:4", "i3:8", "k0:3", "k1:3"], fill = [0.000000e+00, unit]
// CHECK: -> tensor<?x16x8xf32, "B,16,8">
// CHECK: %[[ALL:.*]] = heed.concat %[[FIRST]], %[[POOLED]]
// CHECK: heed.contract({{.*}}, %[[ALL]])
// CHECK: heed.add
// CHECK-NOT: heed.map
// CHECK: return
func.func @main(%x: tensor<?x17x8xf32, "B,17,8">, %w: tensor<8x24xf32>, %p: tensor<8x8xf32>) -> tensor<?x17x8xf32, "B,17,8"> {
  %k = heed.parameter {name = "pool.weight"} : () -> tensor<8x1x3x3xf32>
  %qkv = heed.matmul %x, %w : (tensor<?x17x8xf32, "B,17,8">, tensor<8x24xf32>) -> tensor<?x17x24xf32, "B,17,24">
  %t = heed.slice %qkv {axis = 2 : i64, begin = "8", end = "16"} : (tensor<?x17x24xf32, "B,17,24">) -> tensor<?x17x8xf32, "B,17,8">
  %first = heed.slice %t {axis = 1 : i64, begin = "0", end = "1"} : (tensor<?x17x8xf32, "B,17,8">) -> tensor<?x1x8xf32, "B,1,8">
  %cells = heed.slice %t {axis = 1 : i64, begin = "1", end = "17"} : (tensor<?x17x8xf32, "B,17,8">) -> tensor<?x16x8xf32, "B,16,8">
  %image = heed.reshape %cells : (tensor<?x16x8xf32, "B,16,8">) -> tensor<?x4x4x8xf32, "B,4,4,8">
  %channels = heed.permute %image {permutation = array<i64: 0, 3, 1, 2>} : (tensor<?x4x4x8xf32, "B,4,4,8">) -> tensor<?x8x4x4xf32, "B,8,4,4">
  %conv = heed.conv2d %channels, %k {stride = 1 : i64, padding = 1 : i64, dilation = 1 : i64, groups = 8 : i64} : (tensor<?x8x4x4xf32, "B,8,4,4">, tensor<8x1x3x3xf32>) -> tensor<?x8x4x4xf32, "B,8,4,4">
  %last = heed.permute %conv {permutation = array<i64: 0, 2, 3, 1>} : (tensor<?x8x4x4xf32, "B,8,4,4">) -> tensor<?x4x4x8xf32, "B,4,4,8">
  %pooled = heed.reshape %last : (tensor<?x4x4x8xf32, "B,4,4,8">) -> tensor<?x16x8xf32, "B,16,8">
  %all = heed.concat %first, %pooled {axis = 1 : i64} : (tensor<?x1x8xf32, "B,1,8">, tensor<?x16x8xf32, "B,16,8">) -> tensor<?x17x8xf32, "B,17,8">
  %y = heed.matmul %x, %p : (tensor<?x17x8xf32, "B,17,8">, tensor<8x8xf32>) -> tensor<?x17x8xf32, "B,17,8">
  %sum = heed.add %all, %y : (tensor<?x17x8xf32, "B,17,8">, tensor<?x17x8xf32, "B,17,8">) -> tensor<?x17x8xf32, "B,17,8">
  return %sum : tensor<?x17x8xf32, "B,17,8">
}
