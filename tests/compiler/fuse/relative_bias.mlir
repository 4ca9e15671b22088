// A gather that scores alone read is a lookup of their region: nothing else is left, and a table of parameters lies with
// its rows last.
// RUN: heed-opt %s --heed-form-attention --heed-assign-layouts --heed-form-kernels --heed-hoist-prepare | FileCheck %s

// CHECK: func.func @prepare() -> tensor<6x9xf32>
// CHECK: heed.map
// CHECK: func.func @main
// CHECK-NOT: heed.map
// CHECK: heed.attention
// CHECK: ^bb0(%[[S:.*]]: f32, %[[TABLE:.*]]: f32):
// CHECK: %[[INDEX:.*]] = heed.minimum
// CHECK: heed.lookup %[[TABLE]], %[[INDEX]] {axis = 1 : i64} : (f32, i64) -> f32
// CHECK-NOT: heed.map
func.func @main(%q: tensor<6x?x16xf32, "6,T,16">, %k: tensor<6x?x16xf32, "6,S,16">) -> tensor<6x?x16xf32, "6,T,16"> {
  %table = heed.parameter {name = "table"} : () -> tensor<9x6xf32>
  %zero = heed.constant {value = 0.0 : f64} : () -> tensor<i64>
  %last = heed.constant {value = 8.0 : f64} : () -> tensor<i64>
  %i = heed.position {axis = 0 : i64} : () -> tensor<?x1xi64, "T,1">
  %j = heed.position {axis = 1 : i64} : () -> tensor<1x?xi64, "1,S">
  %d = heed.sub %j, %i : (tensor<1x?xi64, "1,S">, tensor<?x1xi64, "T,1">) -> tensor<?x?xi64, "T,S">
  %m = heed.maximum %d, %zero : (tensor<?x?xi64, "T,S">, tensor<i64>) -> tensor<?x?xi64, "T,S">
  %row = heed.minimum %m, %last : (tensor<?x?xi64, "T,S">, tensor<i64>) -> tensor<?x?xi64, "T,S">
  %g = heed.gather %table, %row : (tensor<9x6xf32>, tensor<?x?xi64, "T,S">) -> tensor<?x?x6xf32, "T,S,6">
  %b = heed.permute %g {permutation = array<i64: 2, 0, 1>} : (tensor<?x?x6xf32, "T,S,6">) -> tensor<6x?x?xf32, "6,T,S">
  %kt = heed.permute %k {permutation = array<i64: 0, 2, 1>} : (tensor<6x?x16xf32, "6,S,16">) -> tensor<6x16x?xf32, "6,16,S">
  %s = heed.matmul %q, %kt : (tensor<6x?x16xf32, "6,T,16">, tensor<6x16x?xf32, "6,16,S">) -> tensor<6x?x?xf32, "6,T,S">
  %sb = heed.add %s, %b : (tensor<6x?x?xf32, "6,T,S">, tensor<6x?x?xf32, "6,T,S">) -> tensor<6x?x?xf32, "6,T,S">
  %p = heed.softmax %sb {axis = 2 : i64} : (tensor<6x?x?xf32, "6,T,S">) -> tensor<6x?x?xf32, "6,T,S">
  %o = heed.matmul %p, %k : (tensor<6x?x?xf32, "6,T,S">, tensor<6x?x16xf32, "6,S,16">) -> tensor<6x?x16xf32, "6,T,16">
  return %o : tensor<6x?x16xf32, "6,T,16">
}
