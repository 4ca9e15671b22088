// Convolution, batch norm, activation, pooling, convolution: what lies between is channels last, the factor is in the
// weights, and nothing is transposed or copied.
// RUN: heed-opt %s --heed-fold-scales --heed-assign-layouts --heed-form-kernels | FileCheck %s

// The weights take the factor.
// CHECK: heed.map(%{{.*}}, %{{.*}}) {domain = ["i0:6", "i1:3", "i2:3", "i3:3"]
// CHECK: heed.mul
// The image lies channels first: k is (channel, ky, kx).
// CHECK: %[[A:.*]] = heed.contract(%arg0, {{.*}}) {domain = ["m0:8", "m1:8", "n:6", "k0:3", "k1:3", "k2:3"], fill = [0.000000e+00, unit, unit]
// CHECK: heed.add
// CHECK-NOT: heed.mul
// CHECK: heed.relu
// CHECK: -> tensor<1x8x8x6xf32>
// CHECK: %[[P:.*]] = heed.rows(%[[A]]) {domain = ["i0:4", "i1:4", "i2:6", "k0:3", "k1:3"], fill = [0xFFF0000000000000 : f64]
// CHECK: -> tensor<1x4x4x6xf32>
// From here on k is (ky, kx, channel).
// CHECK: heed.contract(%[[P]], {{.*}}) {domain = ["m0:2", "m1:2", "n:5", "k0:3", "k1:3", "k2:6"]
// CHECK-NOT: heed.map
func.func @main(%x: tensor<1x3x8x8xf32>) -> tensor<1x2x2x5xf32> {
  %w = heed.parameter {name = "conv1.weight"} : () -> tensor<6x3x3x3xf32>
  %s = heed.parameter {name = "bn1.weight"} : () -> tensor<6xf32>
  %b = heed.parameter {name = "bn1.bias"} : () -> tensor<6xf32>
  %v = heed.parameter {name = "conv2.weight"} : () -> tensor<5x6x3x3xf32>
  %0 = heed.conv2d %x, %w {stride = 1 : i64, padding = 1 : i64, dilation = 1 : i64, groups = 1 : i64} : (tensor<1x3x8x8xf32>, tensor<6x3x3x3xf32>) -> tensor<1x6x8x8xf32>
  %1 = heed.reshape %s : (tensor<6xf32>) -> tensor<6x1x1xf32>
  %2 = heed.mul %0, %1 : (tensor<1x6x8x8xf32>, tensor<6x1x1xf32>) -> tensor<1x6x8x8xf32>
  %3 = heed.reshape %b : (tensor<6xf32>) -> tensor<6x1x1xf32>
  %4 = heed.add %2, %3 : (tensor<1x6x8x8xf32>, tensor<6x1x1xf32>) -> tensor<1x6x8x8xf32>
  %5 = heed.relu %4 : (tensor<1x6x8x8xf32>) -> tensor<1x6x8x8xf32>
  %6 = heed.window %5 {axis = 2 : i64, size = 3 : i64, stride = 2 : i64, dilation = 1 : i64, before = 1 : i64, after = 1 : i64, value = 0xFFF0000000000000 : f64} : (tensor<1x6x8x8xf32>) -> tensor<1x6x4x8x3xf32>
  %7 = heed.window %6 {axis = 3 : i64, size = 3 : i64, stride = 2 : i64, dilation = 1 : i64, before = 1 : i64, after = 1 : i64, value = 0xFFF0000000000000 : f64} : (tensor<1x6x4x8x3xf32>) -> tensor<1x6x4x4x3x3xf32>
  %8 = heed.reshape %7 : (tensor<1x6x4x4x3x3xf32>) -> tensor<1x6x4x4x9xf32>
  %9 = heed.max %8 {axis = 4 : i64, keep = false} : (tensor<1x6x4x4x9xf32>) -> tensor<1x6x4x4xf32>
  %10 = heed.conv2d %9, %v {stride = 1 : i64, padding = 0 : i64, dilation = 1 : i64, groups = 1 : i64} : (tensor<1x6x4x4xf32>, tensor<5x6x3x3xf32>) -> tensor<1x5x2x2xf32>
  %11 = heed.permute %10 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x5x2x2xf32>) -> tensor<1x2x2x5xf32>
  return %11 : tensor<1x2x2x5xf32>
}
