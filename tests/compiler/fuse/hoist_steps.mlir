// RUN: heed-opt %s --heed-inline-calls --heed-hoist-steps | FileCheck %s

// The projection of the input is made for all steps at once and sliced; that of the state stays.
// CHECK-LABEL: func.func @main
// CHECK-NOT: heed.loop
// CHECK: %[[ALL:.*]] = heed.matmul{{.*}}"B,T,16">, tensor<16x32xf32>) -> tensor<?x?x32xf32, "B,T,32">
// CHECK: heed.loop(%arg1) {axis = 1 : i64, reverse = false, steps = "T", symbol = "t_0"} body {
// CHECK-NEXT: ^bb0(%[[H:.*]]: tensor<?x32xf32, "B,32">):
// CHECK: %[[SLICE:.*]] = heed.slice %[[ALL]] {axis = 1 : i64, begin = "t_0-1", end = "t_0"}
// CHECK: %[[X:.*]] = heed.reshape %[[SLICE]]
// CHECK: %[[U:.*]] = heed.matmul %[[H]],
// CHECK: heed.add %[[X]], %[[U]]
// CHECK-NOT: heed.matmul
// CHECK: heed.yield
func.func private @cell(%h: tensor<?x32xf32, "B,32">, %x: tensor<?x16xf32, "B,16">) -> tensor<?x32xf32, "B,32"> {
  %w = heed.parameter {name = "w"} : () -> tensor<16x32xf32>
  %u = heed.parameter {name = "u"} : () -> tensor<32x32xf32>
  %0 = heed.matmul %x, %w : (tensor<?x16xf32, "B,16">, tensor<16x32xf32>) -> tensor<?x32xf32, "B,32">
  %1 = heed.matmul %h, %u : (tensor<?x32xf32, "B,32">, tensor<32x32xf32>) -> tensor<?x32xf32, "B,32">
  %2 = heed.add %0, %1 : (tensor<?x32xf32, "B,32">, tensor<?x32xf32, "B,32">) -> tensor<?x32xf32, "B,32">
  return %2 : tensor<?x32xf32, "B,32">
}
func.func @main(%x: tensor<?x?x16xf32, "B,T,16">, %h: tensor<?x32xf32, "B,32">) -> tensor<?x32xf32, "B,32"> {
  %0 = heed.scan %h, %x {callee = @cell, name = "rnn", states = 1 : i64, scanned = 1 : i64, axis = 1 : i64, reverse = false, steps = "T"} : (tensor<?x32xf32, "B,32">, tensor<?x?x16xf32, "B,T,16">) -> tensor<?x32xf32, "B,32">
  return %0 : tensor<?x32xf32, "B,32">
}
