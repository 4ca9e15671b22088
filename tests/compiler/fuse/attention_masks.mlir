// where(condition, scores, -inf) becomes the mask region, additions stay in the score region.
// RUN: heed-opt %s --heed-form-attention --heed-form-kernels | FileCheck %s

// CHECK: heed.attention(%arg0, %arg1, %arg2, %arg3)
// CHECK-SAME: domain = ["b:2", "i:9", "j:9", "e:16", "d:16"]
// CHECK: ^bb0(%[[S:.*]]: f32, %[[BIAS:.*]]: f32):
// CHECK: heed.tanh %[[S]]
// CHECK: heed.add
// CHECK: } mask {
// CHECK: heed.coordinate #{{.*}} : i64
// CHECK: heed.coordinate #{{.*}} : i64
// CHECK: heed.le
// CHECK: } epilogue {
// CHECK-NOT: heed.{{contract|rows|map}}
func.func @main(%q: tensor<2x9x16xf32>, %k: tensor<2x9x16xf32>, %v: tensor<2x9x16xf32>, %bias: tensor<9x9xf32>) -> tensor<2x9x16xf32> {
  %c = heed.constant {value = 0.25 : f64} : () -> tensor<f32>
  %ninf = heed.constant {value = 0xFFF0000000000000 : f64} : () -> tensor<f32>
  %kt = heed.permute %k {permutation = array<i64: 0, 2, 1>} : (tensor<2x9x16xf32>) -> tensor<2x16x9xf32>
  %s = heed.matmul %q, %kt : (tensor<2x9x16xf32>, tensor<2x16x9xf32>) -> tensor<2x9x9xf32>
  %t = heed.tanh %s : (tensor<2x9x9xf32>) -> tensor<2x9x9xf32>
  %ss = heed.mul %t, %c : (tensor<2x9x9xf32>, tensor<f32>) -> tensor<2x9x9xf32>
  %sb = heed.add %ss, %bias : (tensor<2x9x9xf32>, tensor<9x9xf32>) -> tensor<2x9x9xf32>
  %i = heed.position {axis = 0 : i64} : () -> tensor<9x1xi64>
  %j = heed.position {axis = 1 : i64} : () -> tensor<1x9xi64>
  %m = heed.le %j, %i : (tensor<1x9xi64>, tensor<9x1xi64>) -> tensor<9x9xi1>
  %sm = heed.where %m, %sb, %ninf : (tensor<9x9xi1>, tensor<2x9x9xf32>, tensor<f32>) -> tensor<2x9x9xf32>
  %p = heed.softmax %sm {axis = 2 : i64} : (tensor<2x9x9xf32>) -> tensor<2x9x9xf32>
  %o = heed.matmul %p, %v : (tensor<2x9x9xf32>, tensor<2x9x16xf32>) -> tensor<2x9x16xf32>
  return %o : tensor<2x9x16xf32>
}
