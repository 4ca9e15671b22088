// Every kernel op is printed as it is read.
// RUN: heed-opt %s | heed-opt | FileCheck %s

// CHECK-LABEL: func.func @contract
// CHECK: heed.contract(%{{.*}}, %{{.*}}, %{{.*}}) {domain = ["m0:B", "n0:6", "k0:5"]
// CHECK-SAME: packed = 4 : i64
// CHECK: prologue {
// CHECK: heed.yield %{{.*}} : f32
// CHECK: } epilogue {
// CHECK: } : (tensor<?x5xf32, "B,5">, tensor<1x2x5x4xf32>, tensor<6xf32>) -> tensor<?x6xf32, "B,6">
func.func @contract(%a: tensor<?x5xf32, "B,5">, %b: tensor<6x5xf32>, %c: tensor<6xf32>) -> tensor<?x6xf32, "B,6"> {
  %p = heed.pack(%b) {domain = ["n0:6", "k0:5"], symbols = [], width = 4 : i64, maps = [affine_map<(n, k) -> (n, k)>],
      stores = [affine_map<(n, k) -> (0, n floordiv 4, k, n mod 4)>]} : (tensor<6x5xf32>) -> tensor<1x2x5x4xf32>
  %0 = heed.contract(%a, %p, %c) {
    domain = ["m0:B", "n0:6", "k0:5"], symbols = [], packed = 4 : i64,
    maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (0, n floordiv 4, k, n mod 4)>, affine_map<(m, n, k) -> (n)>],
    stores = [affine_map<(m, n, k) -> (m, n)>]}
  prologue {
  ^bb0(%x: f32, %u: f32):
    heed.yield %x : f32
  } epilogue {
  ^bb0(%x: f32, %u: f32):
    %y = heed.add %x, %u : (f32, f32) -> f32
    heed.yield %y : f32
  } : (tensor<?x5xf32, "B,5">, tensor<1x2x5x4xf32>, tensor<6xf32>) -> tensor<?x6xf32, "B,6">
  return %0 : tensor<?x6xf32, "B,6">
}

// CHECK-LABEL: func.func @attention
// CHECK: heed.attention(%{{.*}}, %{{.*}}, %{{.*}}) {domain = ["i0:T", "j0:T", "e0:4", "d0:4"]
// CHECK: score {
// CHECK: } mask {
// CHECK: heed.coordinate #{{.*}} : i64
// CHECK: heed.yield %{{.*}} : i1
// CHECK: } epilogue {
// CHECK: -> (tensor<?x4xf32, "T,4">, tensor<?x?xf32, "T,T">)
func.func @attention(%q: tensor<?x4xf32, "T,4">, %k: tensor<?x4xf32, "T,4">, %v: tensor<?x4xf32, "T,4">)
    -> (tensor<?x4xf32, "T,4">, tensor<?x?xf32, "T,T">) {
  %0, %1 = heed.attention(%q, %k, %v) {
    domain = ["i0:T", "j0:T", "e0:4", "d0:4"], symbols = [], scale = 0.5 : f64,
    maps = [affine_map<(i, j, e, d) -> (i, e)>, affine_map<(i, j, e, d) -> (j, e)>, affine_map<(i, j, e, d) -> (j, d)>],
    stores = [affine_map<(i, j, e, d) -> (i, d)>, affine_map<(i, j, e, d) -> (i, j)>]}
  score {
  ^bb0(%s: f32):
    heed.yield %s : f32
  } mask {
  ^bb0:
    %i = heed.coordinate affine_map<(i, j, e, d) -> (i)> : i64
    %j = heed.coordinate affine_map<(i, j, e, d) -> (j)> : i64
    %m = heed.le %j, %i : (i64, i64) -> i1
    heed.yield %m : i1
  } epilogue {
  ^bb0(%x: f32):
    heed.yield %x : f32
  } : (tensor<?x4xf32, "T,4">, tensor<?x4xf32, "T,4">, tensor<?x4xf32, "T,4">) -> (tensor<?x4xf32, "T,4">, tensor<?x?xf32, "T,T">)
  return %0, %1 : tensor<?x4xf32, "T,4">, tensor<?x?xf32, "T,T">
}

// CHECK-LABEL: func.func @no_mask
// CHECK: mask {
// CHECK-NEXT: } epilogue {
func.func @no_mask(%q: tensor<3x4xf32>, %k: tensor<5x4xf32>, %v: tensor<5x4xf32>) -> tensor<3x4xf32> {
  %0 = heed.attention(%q, %k, %v) {
    domain = ["i0:3", "j0:5", "e0:4", "d0:4"], symbols = [], scale = 0.5 : f64,
    maps = [affine_map<(i, j, e, d) -> (i, e)>, affine_map<(i, j, e, d) -> (j, e)>, affine_map<(i, j, e, d) -> (j, d)>],
    stores = [affine_map<(i, j, e, d) -> (i, d)>]}
  score {
  ^bb0(%s: f32):
    heed.yield %s : f32
  } mask {
  } epilogue {
  ^bb0(%x: f32):
    heed.yield %x : f32
  } : (tensor<3x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// CHECK-LABEL: func.func @rows_and_map
// CHECK: heed.rows(%{{.*}}) {domain = ["i0:T", "k0:8"], eps = 1.000000e-05 : f64
// CHECK-SAME: reduction = "normalize"
// CHECK: heed.map(%{{.*}}) {domain = ["i0:T", "i1:10"], fill = [0.000000e+00 : f32]
// CHECK-SAME: symbols = ["T"]
// CHECK: body {
func.func @rows_and_map(%x: tensor<?x8xf32, "T,8">) -> tensor<?x10xf32, "T,10"> {
  %0 = heed.rows(%x) {domain = ["i0:T", "k0:8"], symbols = [], reduction = "normalize", eps = 1.0e-5 : f64,
      maps = [affine_map<(i, k) -> (i, k)>], stores = [affine_map<(i, k) -> (i, k)>]}
  prologue {
  ^bb0(%p: f32):
    heed.yield %p : f32
  } epilogue {
  ^bb0(%q: f32):
    heed.yield %q : f32
  } : (tensor<?x8xf32, "T,8">) -> tensor<?x8xf32, "T,8">
  %1 = heed.map(%0) {domain = ["i0:T", "i1:10"], symbols = ["T"], fill = [0.0 : f32],
      maps = [affine_map<(i, j)[t] -> ((i + 1) mod t, j - 1)>], stores = [affine_map<(i, j)[t] -> (i, j)>]}
  body {
  ^bb0(%u: f32):
    %t = heed.extent {dim = "T"} : () -> i64
    %f = heed.cast %t : (i64) -> f32
    %y = heed.div %u, %f : (f32, f32) -> f32
    heed.yield %y : f32
  } : (tensor<?x8xf32, "T,8">) -> tensor<?x10xf32, "T,10">
  return %1 : tensor<?x10xf32, "T,10">
}
