// Windows of a rolled image, on the way to attention and back: projections read and write rows as they lie, the
// attention does the rest.
// RUN: heed-opt %s --heed-form-attention --heed-move-layouts --heed-form-kernels | FileCheck %s

// CHECK-DAG: affine_map<(d0, d1, d2, d3, d4, d5, d6, d7, d8) -> (d0, (d3 + d1 * 7 + 3) mod 14, (d4 + d2 * 7 + 3) mod 14, d7)>
// CHECK: heed.contract(%arg0, %arg1)
// CHECK-SAME: domain = ["m0:B", "m1:14", "m2:14", "n:16", "k:16"]
// CHECK: heed.attention
// CHECK-SAME: domain = ["b0:B", "b1:2", "b2:2", "i0:7", "i1:7", "j0:7", "j1:7", "e:16", "d:16"]
// CHECK: heed.contract
// CHECK-SAME: domain = ["m0:B", "m1:14", "m2:14", "n:16", "k:16"]
// CHECK-NOT: heed.{{map|rows}}
func.func @main(%x: tensor<?x14x14x16xf32, "B,14,14,16">, %w: tensor<16x16xf32>) -> tensor<?x14x14x16xf32, "B,14,14,16"> {
  %r = heed.roll %x {axis = 1 : i64, shift = -3 : i64} : (tensor<?x14x14x16xf32, "B,14,14,16">) -> tensor<?x14x14x16xf32, "B,14,14,16">
  %s = heed.roll %r {axis = 2 : i64, shift = -3 : i64} : (tensor<?x14x14x16xf32, "B,14,14,16">) -> tensor<?x14x14x16xf32, "B,14,14,16">
  %a = heed.reshape %s : (tensor<?x14x14x16xf32, "B,14,14,16">) -> tensor<?x2x7x2x7x16xf32, "B,2,7,2,7,16">
  %p = heed.permute %a {permutation = array<i64: 0, 1, 3, 2, 4, 5>} : (tensor<?x2x7x2x7x16xf32, "B,2,7,2,7,16">) -> tensor<?x2x2x7x7x16xf32, "B,2,2,7,7,16">
  %f = heed.reshape %p : (tensor<?x2x2x7x7x16xf32, "B,2,2,7,7,16">) -> tensor<?x49x16xf32, "4*B,49,16">
  %y = heed.matmul %f, %w : (tensor<?x49x16xf32, "4*B,49,16">, tensor<16x16xf32>) -> tensor<?x49x16xf32, "4*B,49,16">
  %t = heed.permute %y {permutation = array<i64: 0, 2, 1>} : (tensor<?x49x16xf32, "4*B,49,16">) -> tensor<?x16x49xf32, "4*B,16,49">
  %c = heed.matmul %y, %t : (tensor<?x49x16xf32, "4*B,49,16">, tensor<?x16x49xf32, "4*B,16,49">) -> tensor<?x49x49xf32, "4*B,49,49">
  %m = heed.softmax %c {axis = 2 : i64} : (tensor<?x49x49xf32, "4*B,49,49">) -> tensor<?x49x49xf32, "4*B,49,49">
  %v = heed.matmul %m, %y : (tensor<?x49x49xf32, "4*B,49,49">, tensor<?x49x16xf32, "4*B,49,16">) -> tensor<?x49x16xf32, "4*B,49,16">
  %o = heed.matmul %v, %w : (tensor<?x49x16xf32, "4*B,49,16">, tensor<16x16xf32>) -> tensor<?x49x16xf32, "4*B,49,16">
  %g = heed.reshape %o : (tensor<?x49x16xf32, "4*B,49,16">) -> tensor<?x2x2x7x7x16xf32, "B,2,2,7,7,16">
  %h = heed.permute %g {permutation = array<i64: 0, 1, 3, 2, 4, 5>} : (tensor<?x2x2x7x7x16xf32, "B,2,2,7,7,16">) -> tensor<?x2x7x2x7x16xf32, "B,2,7,2,7,16">
  %i = heed.reshape %h : (tensor<?x2x7x2x7x16xf32, "B,2,7,2,7,16">) -> tensor<?x14x14x16xf32, "B,14,14,16">
  %j = heed.roll %i {axis = 1 : i64, shift = 3 : i64} : (tensor<?x14x14x16xf32, "B,14,14,16">) -> tensor<?x14x14x16xf32, "B,14,14,16">
  %k = heed.roll %j {axis = 2 : i64, shift = 3 : i64} : (tensor<?x14x14x16xf32, "B,14,14,16">) -> tensor<?x14x14x16xf32, "B,14,14,16">
  %z = heed.add %x, %k : (tensor<?x14x14x16xf32, "B,14,14,16">, tensor<?x14x14x16xf32, "B,14,14,16">) -> tensor<?x14x14x16xf32, "B,14,14,16">
  return %z : tensor<?x14x14x16xf32, "B,14,14,16">
}
