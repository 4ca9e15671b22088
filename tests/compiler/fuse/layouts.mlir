// A windowed view of a rolled tensor is read by maps: no copy kernel, and mod only where the roll is.
// RUN: heed-opt %s --heed-form-kernels | FileCheck %s

// CHECK-DAG: affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, (d3 + d1 * 7 + 3) mod 14, (d4 + d2 * 7 + 3) mod 14, d6)>
// CHECK: heed.contract(%arg0, %arg1) {domain = ["m0:B", "m1:2", "m2:2", "m3:7", "m4:7", "n:8", "k:16"]
// CHECK-NOT: heed.map
func.func @main(%x: tensor<?x14x14x16xf32, "B,14,14,16">, %w: tensor<16x8xf32>) -> tensor<?x49x8xf32, "4*B,49,8"> {
  %r = heed.roll %x {axis = 1 : i64, shift = -3 : i64} : (tensor<?x14x14x16xf32, "B,14,14,16">) -> tensor<?x14x14x16xf32, "B,14,14,16">
  %s = heed.roll %r {axis = 2 : i64, shift = -3 : i64} : (tensor<?x14x14x16xf32, "B,14,14,16">) -> tensor<?x14x14x16xf32, "B,14,14,16">
  %a = heed.reshape %s : (tensor<?x14x14x16xf32, "B,14,14,16">) -> tensor<?x2x7x2x7x16xf32, "B,2,7,2,7,16">
  %p = heed.permute %a {permutation = array<i64: 0, 1, 3, 2, 4, 5>} : (tensor<?x2x7x2x7x16xf32, "B,2,7,2,7,16">) -> tensor<?x2x2x7x7x16xf32, "B,2,2,7,7,16">
  %f = heed.reshape %p : (tensor<?x2x2x7x7x16xf32, "B,2,2,7,7,16">) -> tensor<?x49x16xf32, "4*B,49,16">
  %y = heed.matmul %f, %w : (tensor<?x49x16xf32, "4*B,49,16">, tensor<16x8xf32>) -> tensor<?x49x8xf32, "4*B,49,8">
  return %y : tensor<?x49x8xf32, "4*B,49,8">
}
