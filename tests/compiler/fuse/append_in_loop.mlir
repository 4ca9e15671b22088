// RUN: heed-opt %s --heed-inline-calls --heed-form-kernels --heed-hoist-prepare | FileCheck %s

// A loop that stops: its turns are counted by a last state, what they append goes into the argument's place, and what they
// stack is 0 behind the last of them. Another loop from the same cache has a copy.
// CHECK-LABEL: func.func @main
// CHECK: %[[COPY:.*]] = heed.map(%arg0)
// CHECK-NOT: append
// CHECK: heed.loop(%[[COPY]],
// CHECK: heed.map({{.*}}) {append = "1"
// CHECK: heed.yield
// CHECK: heed.loop(%arg0, %arg2, %{{.*}}) {axis = 1 : i64, reverse = false, steps = "C", stops, symbol = "t_0"} body {
// CHECK-NEXT: ^bb0(%[[CACHE:.*]]: tensor<1x?x?x8xf32, "1,B,C,8">, %[[AT:.*]]: tensor<?xi64, "B">, %[[TURNS:.*]]: tensor<i64>):
// CHECK-NEXT: %[[NEXT:.*]] = heed.map(%[[CACHE]], %[[AT]], %arg1) {append = "1"
// CHECK: heed.yield %[[NEXT]], %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<1x?x?x8xf32, "1,B,C,8">, tensor<?xi64, "B">, tensor<i64>, tensor<?xi64, "B">, tensor<?xi1, "B">
func.func private @turn(%cache: tensor<1x?x?x8xf32, "1,B,C,8">, %at: tensor<?xi64, "B">, %rows: tensor<?x1x8xf32, "B,1,8">)
    -> (tensor<1x?x?x8xf32, "1,B,C,8">, tensor<?xi64, "B">, tensor<?xi64, "B">, tensor<?xi1, "B">) {
  %0 = heed.append %cache, %rows, %at {layer = 0 : i64}
      : (tensor<1x?x?x8xf32, "1,B,C,8">, tensor<?x1x8xf32, "B,1,8">, tensor<?xi64, "B">) -> tensor<1x?x?x8xf32, "1,B,C,8">
  %one = heed.constant {value = 1.0} : () -> tensor<i64>
  %five = heed.constant {value = 5.0} : () -> tensor<i64>
  %1 = heed.add %at, %one : (tensor<?xi64, "B">, tensor<i64>) -> tensor<?xi64, "B">
  %2 = heed.lt %1, %five : (tensor<?xi64, "B">, tensor<i64>) -> tensor<?xi1, "B">
  return %0, %1, %1, %2 : tensor<1x?x?x8xf32, "1,B,C,8">, tensor<?xi64, "B">, tensor<?xi64, "B">, tensor<?xi1, "B">
}
func.func @main(%cache: tensor<1x?x?x8xf32, "1,B,C,8">, %rows: tensor<?x1x8xf32, "B,1,8">, %at: tensor<?xi64, "B">)
    -> (tensor<?xi64, "B">, tensor<1x?x?x8xf32, "1,B,C,8">, tensor<?x?xi64, "B,C">) {
  %0:4 = heed.scan %cache, %at, %rows {callee = @turn, name = "", states = 2 : i64, scanned = 0 : i64, axis = 1 : i64, reverse = false, steps = "C", stops}
      : (tensor<1x?x?x8xf32, "1,B,C,8">, tensor<?xi64, "B">, tensor<?x1x8xf32, "B,1,8">) -> (tensor<1x?x?x8xf32, "1,B,C,8">, tensor<?xi64, "B">, tensor<?x?xi64, "B,C">, tensor<i64>)
  %1:4 = heed.scan %cache, %at, %rows {callee = @turn, name = "", states = 2 : i64, scanned = 0 : i64, axis = 1 : i64, reverse = false, steps = "C", stops}
      : (tensor<1x?x?x8xf32, "1,B,C,8">, tensor<?xi64, "B">, tensor<?x1x8xf32, "B,1,8">) -> (tensor<1x?x?x8xf32, "1,B,C,8">, tensor<?xi64, "B">, tensor<?x?xi64, "B,C">, tensor<i64>)
  return %0#1, %1#0, %1#2 : tensor<?xi64, "B">, tensor<1x?x?x8xf32, "1,B,C,8">, tensor<?x?xi64, "B,C">
}
