// In a loop, too, scores and masks look tables up: neither a gather nor a tensor of queries times keys is left, in front of
// the loop or in it, though nothing that the gathers read changes from step to step.
// RUN: heed-opt %s --heed-inline-calls --heed-hoist-steps --heed-form-attention --heed-assign-layouts --heed-form-kernels --heed-hoist-prepare | FileCheck %s

// CHECK: func.func @prepare() -> tensor<6x9xf32>
// CHECK: func.func @main
// CHECK-NOT: heed.map
// CHECK: heed.loop
// CHECK-NEXT: ^bb0
// CHECK-NOT: heed.map
// CHECK: heed.attention
// CHECK: ^bb0(%[[S:.*]]: f32, %[[TABLE:.*]]: f32, %{{.*}}: i32):
// CHECK: heed.lookup %[[TABLE]], %{{.*}} {axis = 1 : i64} : (f32, i64) -> f32
// CHECK: } mask {
// CHECK: ^bb0(%{{.*}}: f32, %[[IDS:.*]]: i32):
// CHECK: %[[MINE:.*]] = heed.lookup %[[IDS]], %{{.*}} {axis = 0 : i64} : (i32, i64) -> i32
// CHECK: %[[ITS:.*]] = heed.lookup %[[IDS]], %{{.*}} {axis = 0 : i64} : (i32, i64) -> i32
// CHECK: heed.eq %[[MINE]], %[[ITS]]
// CHECK-NOT: heed.map
// CHECK: return
func.func private @cell(%q: tensor<6x?x16xf32, "6,T,16">, %k: tensor<6x?x16xf32, "6,T,16">, %ids: tensor<?xi32, "T">) -> tensor<6x?x16xf32, "6,T,16"> {
  %table = heed.parameter {name = "table"} : () -> tensor<9x6xf32>
  %least = heed.constant {value = -4.0 : f64} : () -> tensor<i64>
  %most = heed.constant {value = 4.0 : f64} : () -> tensor<i64>
  %i = heed.position {axis = 0 : i64} : () -> tensor<?x1xi64, "T,1">
  %j = heed.position {axis = 1 : i64} : () -> tensor<1x?xi64, "1,T">
  %d = heed.sub %j, %i : (tensor<1x?xi64, "1,T">, tensor<?x1xi64, "T,1">) -> tensor<?x?xi64, "T,T">
  %m = heed.maximum %d, %least : (tensor<?x?xi64, "T,T">, tensor<i64>) -> tensor<?x?xi64, "T,T">
  %n = heed.minimum %m, %most : (tensor<?x?xi64, "T,T">, tensor<i64>) -> tensor<?x?xi64, "T,T">
  %row = heed.add %n, %most : (tensor<?x?xi64, "T,T">, tensor<i64>) -> tensor<?x?xi64, "T,T">
  %g = heed.gather %table, %row : (tensor<9x6xf32>, tensor<?x?xi64, "T,T">) -> tensor<?x?x6xf32, "T,T,6">
  %b = heed.permute %g {permutation = array<i64: 2, 0, 1>} : (tensor<?x?x6xf32, "T,T,6">) -> tensor<6x?x?xf32, "6,T,T">
  %mine = heed.gather %ids, %i : (tensor<?xi32, "T">, tensor<?x1xi64, "T,1">) -> tensor<?x1xi32, "T,1">
  %its = heed.gather %ids, %j : (tensor<?xi32, "T">, tensor<1x?xi64, "1,T">) -> tensor<1x?xi32, "1,T">
  %seen = heed.eq %mine, %its : (tensor<?x1xi32, "T,1">, tensor<1x?xi32, "1,T">) -> tensor<?x?xi1, "T,T">
  %never = heed.constant {value = 0xFFF0000000000000 : f64} : () -> tensor<f32>
  %kt = heed.permute %k {permutation = array<i64: 0, 2, 1>} : (tensor<6x?x16xf32, "6,T,16">) -> tensor<6x16x?xf32, "6,16,T">
  %s = heed.matmul %q, %kt : (tensor<6x?x16xf32, "6,T,16">, tensor<6x16x?xf32, "6,16,T">) -> tensor<6x?x?xf32, "6,T,T">
  %sb = heed.add %s, %b : (tensor<6x?x?xf32, "6,T,T">, tensor<6x?x?xf32, "6,T,T">) -> tensor<6x?x?xf32, "6,T,T">
  %sm = heed.where %seen, %sb, %never : (tensor<?x?xi1, "T,T">, tensor<6x?x?xf32, "6,T,T">, tensor<f32>) -> tensor<6x?x?xf32, "6,T,T">
  %p = heed.softmax %sm {axis = 2 : i64} : (tensor<6x?x?xf32, "6,T,T">) -> tensor<6x?x?xf32, "6,T,T">
  %o = heed.matmul %p, %k : (tensor<6x?x?xf32, "6,T,T">, tensor<6x?x16xf32, "6,T,16">) -> tensor<6x?x16xf32, "6,T,16">
  return %o : tensor<6x?x16xf32, "6,T,16">
}
func.func @main(%q: tensor<6x?x16xf32, "6,T,16">, %k: tensor<?x6x?x16xf32, "N,6,T,16">, %ids: tensor<?xi32, "T">) -> tensor<6x?x16xf32, "6,T,16"> {
  %0 = heed.scan %q, %k, %ids {callee = @cell, name = "each", states = 1 : i64, scanned = 1 : i64, axis = 0 : i64, reverse = false, steps = "N"} : (tensor<6x?x16xf32, "6,T,16">, tensor<?x6x?x16xf32, "N,6,T,16">, tensor<?xi32, "T">) -> tensor<6x?x16xf32, "6,T,16">
  return %0 : tensor<6x?x16xf32, "6,T,16">
}
