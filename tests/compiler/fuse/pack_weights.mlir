// Weights are packed in @prepare; @main reads the panels.
// RUN: heed-opt %s --heed-form-kernels --heed-pack-weights=target=x86-64-avx512 --heed-hoist-prepare | FileCheck %s

// CHECK: func.func @prepare() -> tensor<1x2x16x48xf32>
// CHECK: heed.pack
// CHECK-SAME: width = 48
// CHECK: func.func @main(%arg0: tensor<?x16xf32, "B,16">, %[[W:.*]]: tensor<1x2x16x48xf32>)
// CHECK: heed.contract(%arg0, %[[W]])
// CHECK-SAME: packed = 48
func.func @main(%x: tensor<?x16xf32, "B,16">) -> tensor<?x96xf32, "B,96"> {
  %w = heed.parameter {name = "w"} : () -> tensor<96x16xf32>
  %t = heed.permute %w {permutation = array<i64: 1, 0>} : (tensor<96x16xf32>) -> tensor<16x96xf32>
  %y = heed.matmul %x, %t : (tensor<?x16xf32, "B,16">, tensor<16x96xf32>) -> tensor<?x96xf32, "B,96">
  return %y : tensor<?x96xf32, "B,96">
}
