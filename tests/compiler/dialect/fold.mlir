// What each folder drops or joins.
// RUN: heed-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @scalars
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>
// CHECK-NEXT: return %[[X]], %[[X]], %[[X]] :
func.func @scalars(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  %zero = heed.constant {value = 0.0 : f64} : () -> tensor<2x3xf32>
  %one = heed.constant {value = 1.0 : f64} : () -> tensor<2x3xf32>
  %a = heed.mul %one, %x : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %b = heed.sub %a, %zero : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %c = heed.div %b, %one : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %d = heed.pow %c, %one : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %e = heed.neg %d : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %f = heed.neg %e : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %g = heed.cast %f : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %a, %d, %g : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
}

// x + 0 is no identity where x is -0, and a broadcast result is none of x.
// CHECK-LABEL: func.func @kept
// CHECK: heed.add
// CHECK: heed.mul
func.func @kept(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<2x3xf32>) {
  %zero = heed.constant {value = 0.0 : f64} : () -> tensor<3xf32>
  %one = heed.constant {value = 1.0 : f64} : () -> tensor<2x3xf32>
  %a = heed.add %x, %zero : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %b = heed.mul %x, %one : (tensor<3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %a, %b : tensor<3xf32>, tensor<2x3xf32>
}

// CHECK-LABEL: func.func @repeated
// CHECK: %[[R:.*]] = heed.relu
// CHECK-NOT: heed.relu
// CHECK: return %[[R]]
func.func @repeated(%x: tensor<3xf32>) -> tensor<3xf32> {
  %a = heed.relu %x : (tensor<3xf32>) -> tensor<3xf32>
  %b = heed.relu %a : (tensor<3xf32>) -> tensor<3xf32>
  return %b : tensor<3xf32>
}

// CHECK-LABEL: func.func @layouts
// CHECK-SAME: (%[[X:.*]]: tensor<2x3x4xf32>
// CHECK: %[[P:.*]] = heed.permute %[[X]] {permutation = array<i64: 2, 0, 1>}
// CHECK: %[[Q:.*]] = heed.roll %[[X]] {axis = 1 : i64, shift = 3 : i64}
// CHECK: %[[R:.*]] = heed.reshape %[[X]] : (tensor<2x3x4xf32>) -> tensor<24xf32>
// CHECK: return %[[X]], %[[P]], %[[Q]], %[[R]] :
func.func @layouts(%x: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<4x2x3xf32>, tensor<2x3x4xf32>, tensor<24xf32>) {
  %a = heed.reshape %x : (tensor<2x3x4xf32>) -> tensor<6x4xf32>
  %b = heed.reshape %a : (tensor<6x4xf32>) -> tensor<2x3x4xf32>
  %c = heed.slice %b {axis = 1 : i64, begin = "0", end = "3"} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %d = heed.pad %c {axis = 0 : i64, before = "0", after = "0", value = 1.0 : f64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %e = heed.concat %d {axis = 0 : i64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %f = heed.permute %e {permutation = array<i64: 1, 0, 2>} : (tensor<2x3x4xf32>) -> tensor<3x2x4xf32>
  %g = heed.permute %f {permutation = array<i64: 2, 1, 0>} : (tensor<3x2x4xf32>) -> tensor<4x2x3xf32>
  %h = heed.roll %e {axis = 1 : i64, shift = 1 : i64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %i = heed.roll %h {axis = 1 : i64, shift = 2 : i64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %j = heed.reshape %a : (tensor<6x4xf32>) -> tensor<24xf32>
  return %e, %g, %i, %j : tensor<2x3x4xf32>, tensor<4x2x3xf32>, tensor<2x3x4xf32>, tensor<24xf32>
}
