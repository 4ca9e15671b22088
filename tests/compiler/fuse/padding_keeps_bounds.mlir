// Padding of a slice is not read from what the slice left out: what is read has the padded bounds, being a view of the
// part or, where axes that lie apart are joined, a copy.
// RUN: heed-opt %s --heed-form-kernels | FileCheck %s

// CHECK: %[[S:.*]] = heed.slice %arg0 {axis = 1 : i64, begin = "2", end = "5"}
// CHECK: heed.map(%[[S]]) {domain = ["i0:B", "i1:5"], fill = [5.000000e-01]
// CHECK: %[[J:.*]] = heed.map(%arg1) {domain = ["i0:B", "i1:2", "i2:3"], maps
// CHECK: %[[R:.*]] = heed.reshape %[[J]]
// CHECK: heed.map(%[[R]]) {domain = ["i0:B", "i1:8"], fill = [5.000000e-01]
func.func @main(%x: tensor<?x8xf32, "B,8">, %y: tensor<?x2x8xf32, "B,2,8">)
    -> (tensor<?x5xf32, "B,5">, tensor<?x8xf32, "B,8">) {
  %s = heed.slice %x {axis = 1 : i64, begin = "2", end = "5"} : (tensor<?x8xf32, "B,8">) -> tensor<?x3xf32, "B,3">
  %p = heed.pad %s {axis = 1 : i64, before = "1", after = "1", value = 0.5 : f64} : (tensor<?x3xf32, "B,3">) -> tensor<?x5xf32, "B,5">
  %t = heed.slice %y {axis = 2 : i64, begin = "2", end = "5"} : (tensor<?x2x8xf32, "B,2,8">) -> tensor<?x2x3xf32, "B,2,3">
  %j = heed.reshape %t : (tensor<?x2x3xf32, "B,2,3">) -> tensor<?x6xf32, "B,6">
  %q = heed.pad %j {axis = 1 : i64, before = "1", after = "1", value = 0.5 : f64} : (tensor<?x6xf32, "B,6">) -> tensor<?x8xf32, "B,8">
  return %p, %q : tensor<?x5xf32, "B,5">, tensor<?x8xf32, "B,8">
}
