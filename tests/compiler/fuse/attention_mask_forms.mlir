// -inf on the way to the scores is a mask however it is written: added, or as the value of the other branch. What is
// left of the score is its identity.
// RUN: heed-opt %s --heed-form-attention --heed-form-kernels | FileCheck %s

// CHECK: heed.attention(%arg0, %arg1, %arg2)
// CHECK: ^bb0(%[[S:.*]]: f32):
// CHECK-NEXT: heed.yield %[[S]]
// CHECK: } mask {
// CHECK: heed.ge
// CHECK: heed.logical_not
// CHECK: heed.le
// CHECK: heed.logical_and
// CHECK: } epilogue {
// CHECK-NOT: heed.{{contract|rows|map}}
func.func @main(%q: tensor<2x9x16xf32>, %k: tensor<2x9x16xf32>, %v: tensor<2x9x16xf32>) -> tensor<2x9x16xf32> {
  %zero = heed.constant {value = 0.0 : f64} : () -> tensor<f32>
  %five = heed.constant {value = 5.0 : f64} : () -> tensor<i64>
  %ninf = heed.constant {value = 0xFFF0000000000000 : f64} : () -> tensor<f32>
  %kt = heed.permute %k {permutation = array<i64: 0, 2, 1>} : (tensor<2x9x16xf32>) -> tensor<2x16x9xf32>
  %s = heed.matmul %q, %kt : (tensor<2x9x16xf32>, tensor<2x16x9xf32>) -> tensor<2x9x9xf32>
  %i = heed.position {axis = 0 : i64} : () -> tensor<9x1xi64>
  %j = heed.position {axis = 1 : i64} : () -> tensor<1x9xi64>
  %m = heed.le %j, %i : (tensor<1x9xi64>, tensor<9x1xi64>) -> tensor<9x9xi1>
  %a = heed.where %m, %zero, %ninf : (tensor<9x9xi1>, tensor<f32>, tensor<f32>) -> tensor<9x9xf32>
  %sa = heed.add %s, %a : (tensor<2x9x9xf32>, tensor<9x9xf32>) -> tensor<2x9x9xf32>
  %x = heed.ge %j, %five : (tensor<1x9xi64>, tensor<i64>) -> tensor<1x9xi1>
  %sx = heed.where %x, %ninf, %sa : (tensor<1x9xi1>, tensor<f32>, tensor<2x9x9xf32>) -> tensor<2x9x9xf32>
  %p = heed.softmax %sx {axis = 2 : i64} : (tensor<2x9x9xf32>) -> tensor<2x9x9xf32>
  %o = heed.matmul %p, %v : (tensor<2x9x9xf32>, tensor<2x9x16xf32>) -> tensor<2x9x16xf32>
  return %o : tensor<2x9x16xf32>
}
