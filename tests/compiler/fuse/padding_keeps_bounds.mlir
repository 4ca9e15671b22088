// Padding of a slice is not read from what the slice left out: only a load whose axis has the padded bounds can tell
// inside from outside, all else gets a buffer first.
// RUN: heed-opt %s --heed-form-kernels | FileCheck %s

// CHECK: %[[S:.*]] = heed.map(%arg0) {domain = ["i0:B", "i1:3"], maps
// CHECK: heed.map(%[[S]]) {domain = ["i0:B", "i1:5"], fill = [5.000000e-01]
func.func @main(%x: tensor<?x8xf32, "B,8">) -> tensor<?x5xf32, "B,5"> {
  %s = heed.slice %x {axis = 1 : i64, begin = "2", end = "5"} : (tensor<?x8xf32, "B,8">) -> tensor<?x3xf32, "B,3">
  %p = heed.pad %s {axis = 1 : i64, before = "1", after = "1", value = 0.5 : f64} : (tensor<?x3xf32, "B,3">) -> tensor<?x5xf32, "B,5">
  return %p : tensor<?x5xf32, "B,5">
}
