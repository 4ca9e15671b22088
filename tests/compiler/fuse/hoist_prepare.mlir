// What depends on a buffer and on positions is computed once, and so are the positions.
// RUN: heed-opt %s --heed-form-kernels=fusion=none --heed-hoist-prepare | FileCheck %s

// CHECK: func.func @prepare() -> tensor<2x4x4xf32>
// CHECK-COUNT-3: heed.map
// CHECK: func.func @main
// CHECK-COUNT-1: heed.map
// CHECK-NOT: heed.map
func.func @main(%x: tensor<2x4x4xf32>) -> tensor<2x4x4xf32> {
  %slopes = heed.buffer {name = "slopes", value = dense<[[[0.5]], [[0.25]]]> : tensor<2x1x1xf32>} : () -> tensor<2x1x1xf32>
  %i = heed.position {axis = 0 : i64} : () -> tensor<4x1xi64>
  %j = heed.position {axis = 1 : i64} : () -> tensor<1x4xi64>
  %d = heed.sub %i, %j : (tensor<4x1xi64>, tensor<1x4xi64>) -> tensor<4x4xi64>
  %f = heed.cast %d : (tensor<4x4xi64>) -> tensor<4x4xf32>
  %b = heed.mul %f, %slopes : (tensor<4x4xf32>, tensor<2x1x1xf32>) -> tensor<2x4x4xf32>
  %y = heed.add %x, %b : (tensor<2x4x4xf32>, tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  return %y : tensor<2x4x4xf32>
}
