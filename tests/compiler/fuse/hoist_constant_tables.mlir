// What @prepare needs moves there even where it reads no parameter; what is returned is written by every run.
// RUN: heed-opt %s --heed-form-kernels=fusion=none --heed-hoist-prepare | FileCheck %s

// CHECK: func.func @prepare
// CHECK: heed.lt
// CHECK: heed.where
// CHECK: func.func @main
// CHECK-NOT: heed.where
// CHECK: heed.abs
func.func @main(%x: tensor<?x4xf32, "B,4">) -> tensor<4xf32> {
  %p = heed.parameter {name = "p"} : () -> tensor<4xf32>
  %i = heed.position {axis = 0 : i64} : () -> tensor<4xi64>
  %two = heed.constant {value = 2.0 : f64} : () -> tensor<i64>
  %m = heed.lt %i, %two : (tensor<4xi64>, tensor<i64>) -> tensor<4xi1>
  %n = heed.neg %p : (tensor<4xf32>) -> tensor<4xf32>
  %w = heed.where %m, %p, %n : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %r = heed.abs %w : (tensor<4xf32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}
