// RUN: heed-opt %s --heed-form-kernels --heed-hoist-prepare | FileCheck %s

// The argument is updated layer after layer, in its place; what stands in it is read between.
// CHECK-LABEL: func.func @main
// CHECK: %[[ONE:.*]] = heed.map(%arg0, %arg2, %arg1) {append = "1", domain = ["i0:B", "i1:8"]
// CHECK-SAME: stores = [#[[LAYER0:.*]]]
// CHECK: heed.rows(%[[ONE]])
// CHECK: %[[TWO:.*]] = heed.map(%[[ONE]], %arg2, %arg1) {append = "1"
// CHECK: return %{{.*}}, %[[TWO]]
func.func @main(%cache: tensor<2x?x?x8xf32, "2,B,C,8">, %rows: tensor<?x1x8xf32, "B,1,8">, %at: tensor<?xi64, "B">)
    -> (tensor<?x?xf32, "B,C">, tensor<2x?x?x8xf32, "2,B,C,8">) {
  %0 = heed.append %cache, %rows, %at {layer = 0 : i64}
      : (tensor<2x?x?x8xf32, "2,B,C,8">, tensor<?x1x8xf32, "B,1,8">, tensor<?xi64, "B">) -> tensor<2x?x?x8xf32, "2,B,C,8">
  %1 = heed.slice %0 {axis = 0 : i64, begin = "0", end = "1"} : (tensor<2x?x?x8xf32, "2,B,C,8">) -> tensor<1x?x?x8xf32, "1,B,C,8">
  %2 = heed.reshape %1 : (tensor<1x?x?x8xf32, "1,B,C,8">) -> tensor<?x?x8xf32, "B,C,8">
  %3 = heed.sum %2 {axis = 2 : i64, keep = false} : (tensor<?x?x8xf32, "B,C,8">) -> tensor<?x?xf32, "B,C">
  %4 = heed.append %0, %rows, %at {layer = 1 : i64}
      : (tensor<2x?x?x8xf32, "2,B,C,8">, tensor<?x1x8xf32, "B,1,8">, tensor<?xi64, "B">) -> tensor<2x?x?x8xf32, "2,B,C,8">
  return %3, %4 : tensor<?x?xf32, "B,C">, tensor<2x?x?x8xf32, "2,B,C,8">
}
