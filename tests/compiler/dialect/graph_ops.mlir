// Every graph op is printed as it is read.
// RUN: heed-opt %s | heed-opt | FileCheck %s

// CHECK-LABEL: func.func private @twice
func.func private @twice(%x: tensor<?x4xf32, "B,4">) -> tensor<?x4xf32, "B,4"> {
  // CHECK: heed.add %{{.*}}, %{{.*}} : (tensor<?x4xf32, "B,4">, tensor<?x4xf32, "B,4">) -> tensor<?x4xf32, "B,4">
  %0 = heed.add %x, %x : (tensor<?x4xf32, "B,4">, tensor<?x4xf32, "B,4">) -> tensor<?x4xf32, "B,4">
  return %0 : tensor<?x4xf32, "B,4">
}

// CHECK-LABEL: func.func @leaves
func.func @leaves() -> tensor<2x3xf32> {
  // CHECK: heed.parameter {name = "w"} : () -> tensor<2x3xf32>
  %w = heed.parameter {name = "w"} : () -> tensor<2x3xf32>
  // CHECK: heed.buffer {name = "m", value = dense<[1, 2, 3]> : tensor<3xi64>} : () -> tensor<3xi64>
  %m = heed.buffer {name = "m", value = dense<[1, 2, 3]> : tensor<3xi64>} : () -> tensor<3xi64>
  // CHECK: heed.constant {value = 5.000000e-01 : f64} : () -> tensor<f32>
  %c = heed.constant {value = 0.5 : f64} : () -> tensor<f32>
  // CHECK: heed.position {axis = 1 : i64} : () -> tensor<1x3xi64>
  %p = heed.position {axis = 1 : i64} : () -> tensor<1x3xi64>
  // CHECK: heed.extent {dim = "2*T+1"} : () -> tensor<i64>
  %e = heed.extent {dim = "2*T+1"} : () -> tensor<i64>
  %0 = heed.mul %w, %c : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @scalar_ops
func.func @scalar_ops(%x: tensor<2x3xf32>, %y: tensor<3xf32>, %b: tensor<2x1xi1>, %s: tensor<3xi64>,
                      %t: tensor<2x1xi64>, %u: tensor<i64>) -> tensor<2x3xf32> {
  // CHECK: heed.sub
  %0 = heed.sub %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: heed.div
  %1 = heed.div %0, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: heed.maximum
  %2 = heed.maximum %1, %x : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: heed.minimum
  %3 = heed.minimum %2, %x : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: heed.pow
  %4 = heed.pow %3, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: heed.eq {{.*}} -> tensor<2x3xi1>
  %5 = heed.eq %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  // CHECK: heed.ne
  %6 = heed.ne %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  // CHECK: heed.lt
  %7 = heed.lt %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  // CHECK: heed.le
  %8 = heed.le %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  // CHECK: heed.gt
  %9 = heed.gt %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  // CHECK: heed.ge
  %10 = heed.ge %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  // CHECK: heed.logical_and
  %11 = heed.logical_and %5, %b : (tensor<2x3xi1>, tensor<2x1xi1>) -> tensor<2x3xi1>
  // CHECK: heed.logical_or
  %12 = heed.logical_or %11, %6 : (tensor<2x3xi1>, tensor<2x3xi1>) -> tensor<2x3xi1>
  // CHECK: heed.logical_not
  %13 = heed.logical_not %12 : (tensor<2x3xi1>) -> tensor<2x3xi1>
  // CHECK: heed.where
  %14 = heed.where %13, %x, %y : (tensor<2x3xi1>, tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: heed.cast {{.*}} -> tensor<2x3xbf16>
  %15 = heed.cast %14 : (tensor<2x3xf32>) -> tensor<2x3xbf16>
  // CHECK: heed.random {{.*}} : (tensor<3xi64>, tensor<2x1xi64>, tensor<i64>) -> tensor<2x3xf32>
  %r = heed.random %s, %t, %u : (tensor<3xi64>, tensor<2x1xi64>, tensor<i64>) -> tensor<2x3xf32>
  // CHECK: heed.neg
  %16 = heed.neg %14 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: heed.abs
  %17 = heed.abs %16 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: heed.exp
  %18 = heed.exp %17 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: heed.log
  %19 = heed.log %18 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: heed.sqrt
  %20 = heed.sqrt %19 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: heed.rsqrt
  %21 = heed.rsqrt %20 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: heed.tanh
  %22 = heed.tanh %21 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: heed.sigmoid
  %23 = heed.sigmoid %22 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: heed.erf
  %24 = heed.erf %23 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: heed.sin
  %25 = heed.sin %24 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: heed.cos
  %26 = heed.cos %25 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: heed.relu
  %27 = heed.relu %26 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: heed.gelu
  %28 = heed.gelu %27 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: heed.silu
  %29 = heed.silu %28 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %29 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @layout_ops
func.func @layout_ops(%x: tensor<?x6xf32, "T,6">) -> tensor<?x6xf32, "T+2,6"> {
  // CHECK: heed.reshape {{.*}} -> tensor<?x2x3xf32, "T,2,3">
  %0 = heed.reshape %x : (tensor<?x6xf32, "T,6">) -> tensor<?x2x3xf32, "T,2,3">
  // CHECK: heed.permute {{.*}} {permutation = array<i64: 1, 2, 0>}
  %1 = heed.permute %0 {permutation = array<i64: 1, 2, 0>} : (tensor<?x2x3xf32, "T,2,3">) -> tensor<2x3x?xf32, "2,3,T">
  // CHECK: heed.slice {{.*}} {axis = 0 : i64, begin = "1", end = "2"}
  %2 = heed.slice %1 {axis = 0 : i64, begin = "1", end = "2"} : (tensor<2x3x?xf32, "2,3,T">) -> tensor<1x3x?xf32, "1,3,T">
  // CHECK: heed.broadcast
  %3 = heed.broadcast %2 : (tensor<1x3x?xf32, "1,3,T">) -> tensor<2x3x?xf32, "2,3,T">
  // CHECK: heed.roll {{.*}} {axis = 1 : i64, shift = -1 : i64}
  %4 = heed.roll %3 {axis = 1 : i64, shift = -1 : i64} : (tensor<2x3x?xf32, "2,3,T">) -> tensor<2x3x?xf32, "2,3,T">
  // CHECK: heed.concat {{.*}} {axis = 1 : i64}
  %5 = heed.concat %4, %1 {axis = 1 : i64} : (tensor<2x3x?xf32, "2,3,T">, tensor<2x3x?xf32, "2,3,T">) -> tensor<2x6x?xf32, "2,6,T">
  // CHECK: heed.pad {{.*}} {after = "2", axis = 0 : i64, before = "0", value = -1.000000e+00 : f64}
  %6 = heed.pad %x {axis = 0 : i64, before = "0", after = "2", value = -1.0 : f64} : (tensor<?x6xf32, "T,6">) -> tensor<?x6xf32, "T+2,6">
  return %6 : tensor<?x6xf32, "T+2,6">
}

// CHECK-LABEL: func.func @caches
func.func @caches(%cache: tensor<2x?x5x8xf32, "2,B,5,8">, %rows: tensor<?x3x8xf32, "B,3,8">, %at: tensor<?xi32, "B">) -> tensor<2x?x5x8xf32, "2,B,5,8"> {
  // CHECK: heed.append %{{.*}}, %{{.*}}, %{{.*}} {layer = 1 : i64}
  %0 = heed.append %cache, %rows, %at {layer = 1 : i64} : (tensor<2x?x5x8xf32, "2,B,5,8">, tensor<?x3x8xf32, "B,3,8">, tensor<?xi32, "B">) -> tensor<2x?x5x8xf32, "2,B,5,8">
  return %0 : tensor<2x?x5x8xf32, "2,B,5,8">
}

// CHECK-LABEL: func.func @contractions_and_rows
func.func @contractions_and_rows(%x: tensor<?x3x8x8xf32, "B,3,8,8">, %w: tensor<4x3x3x3xf32>, %n: tensor<8xf32>, %at: tensor<5xi64>)
    -> tensor<?x4x4x4xf32, "B,4,4,4"> {
  // CHECK: heed.conv2d {{.*}} {dilation = 1 : i64, groups = 1 : i64, padding = 1 : i64, stride = 2 : i64}
  %0 = heed.conv2d %x, %w {stride = 2 : i64, padding = 1 : i64, dilation = 1 : i64, groups = 1 : i64}
      : (tensor<?x3x8x8xf32, "B,3,8,8">, tensor<4x3x3x3xf32>) -> tensor<?x4x4x4xf32, "B,4,4,4">
  // CHECK: heed.matmul
  %1 = heed.matmul %0, %0 : (tensor<?x4x4x4xf32, "B,4,4,4">, tensor<?x4x4x4xf32, "B,4,4,4">) -> tensor<?x4x4x4xf32, "B,4,4,4">
  // CHECK: heed.softmax {{.*}} {axis = 3 : i64}
  %2 = heed.softmax %1 {axis = 3 : i64} : (tensor<?x4x4x4xf32, "B,4,4,4">) -> tensor<?x4x4x4xf32, "B,4,4,4">
  // CHECK: heed.normalize %{{.*}}, %{{.*}}, %{{.*}} {eps = 1.000000e-05 : f64}
  %3 = heed.normalize %x, %n, %n {eps = 1.0e-5 : f64} : (tensor<?x3x8x8xf32, "B,3,8,8">, tensor<8xf32>, tensor<8xf32>) -> tensor<?x3x8x8xf32, "B,3,8,8">
  // CHECK: heed.sum {{.*}} {axis = 1 : i64, keep = true}
  %4 = heed.sum %3 {axis = 1 : i64, keep = true} : (tensor<?x3x8x8xf32, "B,3,8,8">) -> tensor<?x1x8x8xf32, "B,1,8,8">
  // CHECK: heed.mean {{.*}} {axis = 1 : i64, keep = false}
  %5 = heed.mean %4 {axis = 1 : i64, keep = false} : (tensor<?x1x8x8xf32, "B,1,8,8">) -> tensor<?x8x8xf32, "B,8,8">
  // CHECK: heed.max
  %6 = heed.max %5 {axis = 2 : i64, keep = false} : (tensor<?x8x8xf32, "B,8,8">) -> tensor<?x8xf32, "B,8">
  // CHECK: heed.min
  %7 = heed.min %6 {axis = 1 : i64, keep = false} : (tensor<?x8xf32, "B,8">) -> tensor<?xf32, "B">
  // CHECK: heed.gather {{.*}} -> tensor<5xf32>
  %8 = heed.gather %n, %at : (tensor<8xf32>, tensor<5xi64>) -> tensor<5xf32>
  // CHECK: heed.probe {{.*}} {name = "weights"}
  %9 = heed.probe %2 {name = "weights"} : (tensor<?x4x4x4xf32, "B,4,4,4">) -> tensor<?x4x4x4xf32, "B,4,4,4">
  return %9 : tensor<?x4x4x4xf32, "B,4,4,4">
}

// CHECK-LABEL: func.func @calls
func.func @calls(%x: tensor<?x4xf32, "B,4">) -> tensor<?x4xf32, "B,4"> {
  // CHECK: heed.call %{{.*}} {callee = @twice, name = "first"}
  %0 = heed.call %x {callee = @twice, name = "first"} : (tensor<?x4xf32, "B,4">) -> tensor<?x4xf32, "B,4">
  // CHECK: heed.repeat %{{.*}} {callee = @twice, name = "layers", times = 12 : i64}
  %1 = heed.repeat %0 {callee = @twice, name = "layers", times = 12 : i64} : (tensor<?x4xf32, "B,4">) -> tensor<?x4xf32, "B,4">
  return %1 : tensor<?x4xf32, "B,4">
}

// CHECK-LABEL: func.func @windows_and_clips
func.func @windows_and_clips(%x: tensor<?x3x4x8x8xf32, "B,3,4,8,8">, %w: tensor<4x3x3x3x3xf32>) -> tensor<?x4x4x4x4x3xf32, "B,4,4,4,4,3"> {
  // CHECK: heed.conv3d {{.*}} {dilation = array<i64: 1, 1, 1>, groups = 1 : i64, padding = array<i64: 1, 1, 1>, stride = array<i64: 1, 2, 2>}
  %0 = heed.conv3d %x, %w {stride = array<i64: 1, 2, 2>, padding = array<i64: 1, 1, 1>, dilation = array<i64: 1, 1, 1>, groups = 1 : i64}
      : (tensor<?x3x4x8x8xf32, "B,3,4,8,8">, tensor<4x3x3x3x3xf32>) -> tensor<?x4x4x4x4xf32, "B,4,4,4,4">
  // CHECK: heed.window {{.*}} {after = 1 : i64, axis = 4 : i64, before = 1 : i64, dilation = 1 : i64, size = 3 : i64, stride = 1 : i64, value = 5.000000e-01 : f64}
  %1 = heed.window %0 {axis = 4 : i64, size = 3 : i64, stride = 1 : i64, dilation = 1 : i64, before = 1 : i64, after = 1 : i64, value = 0.5 : f64}
      : (tensor<?x4x4x4x4xf32, "B,4,4,4,4">) -> tensor<?x4x4x4x4x3xf32, "B,4,4,4,4,3">
  return %1 : tensor<?x4x4x4x4x3xf32, "B,4,4,4,4,3">
}
