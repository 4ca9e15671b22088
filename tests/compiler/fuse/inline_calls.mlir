// Bodies take the place of calls; parameters and probes get their full names.
// RUN: heed-opt %s --heed-inline-calls --heed-select-probes=names=layers.1.seen | FileCheck %s

// CHECK: func.func @main
// CHECK-SAME: -> (tensor<4xf32>, tensor<4xf32>)
// CHECK: heed.parameter {{.*}}"layers.0.w"
// CHECK: heed.parameter {{.*}}"layers.1.w"
// CHECK-NOT: heed.call
// CHECK-NOT: heed.repeat
// CHECK-NOT: func.func
func.func private @layer(%x: tensor<4xf32>) -> tensor<4xf32> {
  %w = heed.parameter {name = "w"} : () -> tensor<4xf32>
  %y = heed.mul %x, %w : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %p = heed.probe %y {name = "seen"} : (tensor<4xf32>) -> tensor<4xf32>
  return %p : tensor<4xf32>
}
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = heed.repeat %x {callee = @layer, name = "layers", times = 2 : i64} : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
