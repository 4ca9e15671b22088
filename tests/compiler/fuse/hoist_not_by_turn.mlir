// A slice that the number of the turn places stays in its loop, with what is made of it; what no turn changes leaves.
// RUN: heed-opt %s --heed-hoist-prepare | FileCheck %s

#all = affine_map<(d0, d1) -> (d0, d1)>
#one = affine_map<(d0) -> (d0, 0)>
#first = affine_map<(d0, d1) -> (d0, 0)>

// CHECK: func.func @main
// CHECK: heed.slice {{.*}} end = "1"
// CHECK-NOT: heed.slice
// CHECK: heed.loop
// CHECK: heed.slice {{.*}} begin = "t_0-1"
// CHECK: heed.rows
func.func @main(%x: tensor<?x?xf32, "B,T">) -> tensor<?x?x1xf32, "B,T,1"> {
  %y = heed.loop() {axis = 1 : i64, reverse = false, steps = "T", symbol = "t_0"} body {
    %a = heed.slice %x {axis = 1 : i64, begin = "t_0-1", end = "t_0"} : (tensor<?x?xf32, "B,T">) -> tensor<?x1xf32, "B,1">
    %b = heed.slice %x {axis = 1 : i64, begin = "0", end = "1"} : (tensor<?x?xf32, "B,T">) -> tensor<?x1xf32, "B,1">
    %s = heed.rows(%a) {domain = ["i:B", "k:1"], maps = [#all], reduction = "sum", stores = [#first], symbols = []} prologue {
    ^bb0(%u: f32):
      heed.yield %u : f32
    } epilogue {
    ^bb0(%u: f32):
      heed.yield %u : f32
    } : (tensor<?x1xf32, "B,1">) -> tensor<?x1xf32, "B,1">
    %r = heed.map(%s, %b) {domain = ["i:B"], maps = [#one, #one], stores = [#one], symbols = []} body {
    ^bb0(%u: f32, %v: f32):
      %w = heed.add %u, %v : (f32, f32) -> f32
      heed.yield %w : f32
    } : (tensor<?x1xf32, "B,1">, tensor<?x1xf32, "B,1">) -> tensor<?x1xf32, "B,1">
    heed.yield %r : tensor<?x1xf32, "B,1">
  } : () -> tensor<?x?x1xf32, "B,T,1">
  return %y : tensor<?x?x1xf32, "B,T,1">
}
