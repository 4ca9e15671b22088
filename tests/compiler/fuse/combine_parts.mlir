// The equal parts of a product's columns, and what is made of them elementwise, are one kernel.
// RUN: heed-opt %s --split-input-file --heed-form-kernels | FileCheck %s
// RUN: heed-opt %s --split-input-file --heed-form-kernels=parts=false | FileCheck %s --check-prefix APART

// SwiGLU: the two halves of one product.
// CHECK-LABEL: func.func @main
// CHECK-NOT: heed.map
// CHECK: heed.contract(%arg0, %{{.*}}, %[[C:.*]], %[[C]]) {domain = ["p:2", "m:B", "n:32", "k:16"]
// CHECK: } epilogue {
// CHECK-NEXT: ^bb0(%[[GATE:.*]]: f32, %[[UP:.*]]: f32, %[[C0:.*]]: f32, %[[C1:.*]]: f32):
// CHECK: heed.silu
// CHECK: heed.yield %{{.*}} : f32
// CHECK-NOT: heed.map
// CHECK: return
// APART-LABEL: func.func @main
// APART: heed.contract(%{{.*}}) {domain = ["m:B", "n:64", "k:16"]
// APART: heed.map
func.func @main(%x: tensor<?x16xf32, "B,16">) -> tensor<?x32xf32, "B,32"> {
  %w = heed.parameter {name = "w"} : () -> tensor<64x16xf32>
  %t = heed.permute %w {permutation = array<i64: 1, 0>} : (tensor<64x16xf32>) -> tensor<16x64xf32>
  %c = heed.parameter {name = "c"} : () -> tensor<64xf32>
  %p = heed.matmul %x, %t : (tensor<?x16xf32, "B,16">, tensor<16x64xf32>) -> tensor<?x64xf32, "B,64">
  %y = heed.add %p, %c : (tensor<?x64xf32, "B,64">, tensor<64xf32>) -> tensor<?x64xf32, "B,64">
  %a = heed.slice %y {axis = 1 : i64, begin = "0", end = "32"} : (tensor<?x64xf32, "B,64">) -> tensor<?x32xf32, "B,32">
  %b = heed.slice %y {axis = 1 : i64, begin = "32", end = "64"} : (tensor<?x64xf32, "B,64">) -> tensor<?x32xf32, "B,32">
  %s = heed.silu %a : (tensor<?x32xf32, "B,32">) -> tensor<?x32xf32, "B,32">
  %g = heed.mul %s, %b : (tensor<?x32xf32, "B,32">, tensor<?x32xf32, "B,32">) -> tensor<?x32xf32, "B,32">
  return %g : tensor<?x32xf32, "B,32">
}

// -----
// A cell with two states: one kernel a step writes both, and what is stacked.
// CHECK-LABEL: func.func @main
// CHECK: heed.loop
// CHECK-NEXT: ^bb0(%[[H:.*]]: tensor<?x16xf32, "B,16">, %[[M:.*]]: tensor<?x16xf32, "B,16">):
// CHECK: %[[NEXT:.*]]:3 = heed.contract(%[[H]], %{{.*}}, %{{.*}}) {domain = ["p:2", "m:B", "n:16", "k:16"]
// CHECK: heed.yield %{{.*}}, %[[A:.*]], %[[A]] : f32, f32, f32
// CHECK-NEXT: }
// CHECK-NEXT: heed.yield %[[NEXT]]#1, %[[NEXT]]#0, %[[NEXT]]#2
func.func @main(%x: tensor<?x?x16xf32, "B,T,16">, %h: tensor<?x16xf32, "B,16">, %m: tensor<?x16xf32, "B,16">) -> (tensor<?x16xf32, "B,16">, tensor<?x?x16xf32, "B,T,16">) {
  %r:3 = heed.loop(%h, %m) {axis = 1 : i64, reverse = false, steps = "T", symbol = "t_0"} body {
  ^bb0(%state: tensor<?x16xf32, "B,16">, %memory: tensor<?x16xf32, "B,16">):
    %w = heed.parameter {name = "w"} : () -> tensor<16x32xf32>
    %p = heed.matmul %state, %w : (tensor<?x16xf32, "B,16">, tensor<16x32xf32>) -> tensor<?x32xf32, "B,32">
    %a = heed.slice %p {axis = 1 : i64, begin = "0", end = "16"} : (tensor<?x32xf32, "B,32">) -> tensor<?x16xf32, "B,16">
    %b = heed.slice %p {axis = 1 : i64, begin = "16", end = "32"} : (tensor<?x32xf32, "B,32">) -> tensor<?x16xf32, "B,16">
    %n = heed.mul %a, %memory : (tensor<?x16xf32, "B,16">, tensor<?x16xf32, "B,16">) -> tensor<?x16xf32, "B,16">
    %t = heed.tanh %n : (tensor<?x16xf32, "B,16">) -> tensor<?x16xf32, "B,16">
    %o = heed.mul %t, %b : (tensor<?x16xf32, "B,16">, tensor<?x16xf32, "B,16">) -> tensor<?x16xf32, "B,16">
    heed.yield %o, %n, %o : tensor<?x16xf32, "B,16">, tensor<?x16xf32, "B,16">, tensor<?x16xf32, "B,16">
  } : (tensor<?x16xf32, "B,16">, tensor<?x16xf32, "B,16">) -> (tensor<?x16xf32, "B,16">, tensor<?x16xf32, "B,16">, tensor<?x?x16xf32, "B,T,16">)
  return %r#0, %r#2 : tensor<?x16xf32, "B,16">, tensor<?x?x16xf32, "B,T,16">
}

// -----
// Not where a part is read otherwise, where one is not read, nor where parts are too narrow.
// CHECK-LABEL: func.func @main
// CHECK-COUNT-3: heed.contract({{.*}}) {domain = ["m:B"
func.func @main(%x: tensor<?x16xf32, "B,16">) -> (tensor<?x16xf32, "B,16">, tensor<?xf32, "B">, tensor<?x16xf32, "B,16">, tensor<?x4xf32, "B,4">) {
  %w = heed.parameter {name = "w"} : () -> tensor<16x32xf32>
  %p = heed.matmul %x, %w : (tensor<?x16xf32, "B,16">, tensor<16x32xf32>) -> tensor<?x32xf32, "B,32">
  %a = heed.slice %p {axis = 1 : i64, begin = "0", end = "16"} : (tensor<?x32xf32, "B,32">) -> tensor<?x16xf32, "B,16">
  %b = heed.slice %p {axis = 1 : i64, begin = "16", end = "32"} : (tensor<?x32xf32, "B,32">) -> tensor<?x16xf32, "B,16">
  %g = heed.mul %a, %b : (tensor<?x16xf32, "B,16">, tensor<?x16xf32, "B,16">) -> tensor<?x16xf32, "B,16">
  %sum = heed.sum %b {axis = 1 : i64, keep = false} : (tensor<?x16xf32, "B,16">) -> tensor<?xf32, "B">
  %w2 = heed.parameter {name = "w2"} : () -> tensor<16x32xf32>
  %p2 = heed.matmul %x, %w2 : (tensor<?x16xf32, "B,16">, tensor<16x32xf32>) -> tensor<?x32xf32, "B,32">
  %a2 = heed.slice %p2 {axis = 1 : i64, begin = "0", end = "16"} : (tensor<?x32xf32, "B,32">) -> tensor<?x16xf32, "B,16">
  %g2 = heed.tanh %a2 : (tensor<?x16xf32, "B,16">) -> tensor<?x16xf32, "B,16">
  %w3 = heed.parameter {name = "w3"} : () -> tensor<16x8xf32>
  %p3 = heed.matmul %x, %w3 : (tensor<?x16xf32, "B,16">, tensor<16x8xf32>) -> tensor<?x8xf32, "B,8">
  %a3 = heed.slice %p3 {axis = 1 : i64, begin = "0", end = "4"} : (tensor<?x8xf32, "B,8">) -> tensor<?x4xf32, "B,4">
  %b3 = heed.slice %p3 {axis = 1 : i64, begin = "4", end = "8"} : (tensor<?x8xf32, "B,8">) -> tensor<?x4xf32, "B,4">
  %g3 = heed.mul %a3, %b3 : (tensor<?x4xf32, "B,4">, tensor<?x4xf32, "B,4">) -> tensor<?x4xf32, "B,4">
  return %g, %sum, %g2, %g3 : tensor<?x16xf32, "B,16">, tensor<?xf32, "B">, tensor<?x16xf32, "B,16">, tensor<?x4xf32, "B,4">
}
