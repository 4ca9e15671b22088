// RUN: heed-opt %s --heed-inline-calls --heed-hoist-steps --canonicalize --heed-form-kernels | FileCheck %s

// A constant that only a loop inside another begins with is written to a buffer, once, before both.
// CHECK-LABEL: func.func @main
// CHECK: %[[ZERO:.*]] = heed.map()
// CHECK: heed.loop
// CHECK: heed.loop(%{{.*}}, %[[ZERO]]) {{.*}} stops
func.func private @turn(%n: tensor<?xi64, "B">) -> (tensor<?xi64, "B">, tensor<?xi1, "B">) {
  %two = heed.constant {value = 2.0} : () -> tensor<i64>
  %0 = heed.div %n, %two : (tensor<?xi64, "B">, tensor<i64>) -> tensor<?xi64, "B">
  %1 = heed.ne %0, %two : (tensor<?xi64, "B">, tensor<i64>) -> tensor<?xi1, "B">
  return %0, %1 : tensor<?xi64, "B">, tensor<?xi1, "B">
}
func.func private @step(%sum: tensor<i64>, %n: tensor<?xi64, "B">) -> tensor<i64> {
  %0:2 = heed.scan %n {callee = @turn, name = "", states = 1 : i64, scanned = 0 : i64, axis = 0 : i64, reverse = false, steps = "9", stops}
      : (tensor<?xi64, "B">) -> (tensor<?xi64, "B">, tensor<i64>)
  %1 = heed.add %sum, %0#1 : (tensor<i64>, tensor<i64>) -> tensor<i64>
  return %1 : tensor<i64>
}
func.func @main(%sum: tensor<i64>, %numbers: tensor<?x?xi64, "B,S">) -> tensor<i64> {
  %0 = heed.scan %sum, %numbers {callee = @step, name = "", states = 1 : i64, scanned = 1 : i64, axis = 1 : i64, reverse = false, steps = "S"}
      : (tensor<i64>, tensor<?x?xi64, "B,S">) -> tensor<i64>
  return %0 : tensor<i64>
}
