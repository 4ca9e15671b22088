// A whole block of Swin, shifted, with windows of 4 × 4, for images of 7 × 10 cells, which must be padded to 8 × 12: nothing is
// padded, rolled, cut into windows, transposed or copied by a kernel of its own, and no other op is left.
// RUN: heed-opt %s --heed-inline-calls --heed-select-probes --heed-simplify-graph --heed-form-attention --heed-move-layouts --heed-form-kernels --heed-hoist-prepare | sed -n '/@main/,/return/p' | FileCheck %s --implicit-check-not='heed.{{map|roll|pad|slice|permute|reshape|concat|matmul|softmax|normalize}}'
// RUN: heed-opt %s --heed-inline-calls --heed-select-probes --heed-simplify-graph --heed-form-attention --heed-form-kernels --heed-hoist-prepare | FileCheck %s --check-prefix=STAY
// RUN: heed-opt %s --heed-inline-calls --heed-select-probes --heed-form-kernels=fusion=none | FileCheck %s --check-prefix=NONE

// CHECK-LABEL: func.func @main
// CHECK: heed.rows(
// CHECK: heed.contract({{.*}} {domain = ["m0:B", "m1:8", "m2:12", "n:48", "k:16"]
// CHECK-COUNT-1: heed.attention(
// CHECK: heed.contract({{.*}} {domain = ["m0:B", "m1:7", "m2:10", "n:16", "k:16"]
// CHECK: heed.rows(
// CHECK: heed.contract(
// CHECK: heed.contract(
// CHECK: return
// Where layouts stay with the projections, their windows are put together again and added by kernels of their own.
// STAY-LABEL: func.func @main
// STAY: heed.attention(
// STAY: heed.contract({{.*}} {domain = ["m0:6*B", "m1:16", "n:16", "k:16"]
// STAY-COUNT-2: heed.map(
// Without fusion they are kernels, so the above is no vacuous truth.
// NONE-COUNT-8: heed.map
module attributes {heed.name = "swin_block"} {
  func.func private @layer_norm_0(%arg0: tensor<?x7x10x16xf32, "B,7,10,16">) -> tensor<?x7x10x16xf32, "B,7,10,16"> {
    %0 = heed.parameter {name = "weight"} : () -> tensor<16xf32>
    %1 = heed.parameter {name = "bias"} : () -> tensor<16xf32>
    %2 = heed.normalize %arg0, %0, %1 {eps = 1.000000e-05 : f64} : (tensor<?x7x10x16xf32, "B,7,10,16">, tensor<16xf32>, tensor<16xf32>) -> tensor<?x7x10x16xf32, "B,7,10,16">
    return %2 : tensor<?x7x10x16xf32, "B,7,10,16">
  }
  func.func private @linear_1(%arg0: tensor<?x16x16xf32, "6*B,16,16">) -> tensor<?x16x48xf32, "6*B,16,48"> {
    %0 = heed.parameter {name = "weight"} : () -> tensor<48x16xf32>
    %1 = heed.permute %0 {permutation = array<i64: 1, 0>} : (tensor<48x16xf32>) -> tensor<16x48xf32>
    %2 = heed.matmul %arg0, %1 : (tensor<?x16x16xf32, "6*B,16,16">, tensor<16x48xf32>) -> tensor<?x16x48xf32, "6*B,16,48">
    %3 = heed.parameter {name = "bias"} : () -> tensor<48xf32>
    %4 = heed.add %2, %3 : (tensor<?x16x48xf32, "6*B,16,48">, tensor<48xf32>) -> tensor<?x16x48xf32, "6*B,16,48">
    return %4 : tensor<?x16x48xf32, "6*B,16,48">
  }
  func.func private @linear_2(%arg0: tensor<?x16x16xf32, "6*B,16,16">) -> tensor<?x16x16xf32, "6*B,16,16"> {
    %0 = heed.parameter {name = "weight"} : () -> tensor<16x16xf32>
    %1 = heed.permute %0 {permutation = array<i64: 1, 0>} : (tensor<16x16xf32>) -> tensor<16x16xf32>
    %2 = heed.matmul %arg0, %1 : (tensor<?x16x16xf32, "6*B,16,16">, tensor<16x16xf32>) -> tensor<?x16x16xf32, "6*B,16,16">
    %3 = heed.parameter {name = "bias"} : () -> tensor<16xf32>
    %4 = heed.add %2, %3 : (tensor<?x16x16xf32, "6*B,16,16">, tensor<16xf32>) -> tensor<?x16x16xf32, "6*B,16,16">
    return %4 : tensor<?x16x16xf32, "6*B,16,16">
  }
  func.func private @window_attention_3(%arg0: tensor<?x16x16xf32, "6*B,16,16">) -> tensor<?x16x16xf32, "6*B,16,16"> {
    %0 = heed.position {axis = 1 : i64} : () -> tensor<1x2x1x1x1x1x1x1xi64>
    %1 = heed.constant {value = 4.000000e+00 : f64} : () -> tensor<i64>
    %2 = heed.mul %0, %1 : (tensor<1x2x1x1x1x1x1x1xi64>, tensor<i64>) -> tensor<1x2x1x1x1x1x1x1xi64>
    %3 = heed.position {axis = 4 : i64} : () -> tensor<1x1x1x1x4x1x1x1xi64>
    %4 = heed.add %2, %3 : (tensor<1x2x1x1x1x1x1x1xi64>, tensor<1x1x1x1x4x1x1x1xi64>) -> tensor<1x2x1x1x4x1x1x1xi64>
    %5 = heed.extent {dim = "8"} : () -> tensor<i64>
    %6 = heed.sub %5, %1 : (tensor<i64>, tensor<i64>) -> tensor<i64>
    %7 = heed.ge %4, %6 : (tensor<1x2x1x1x4x1x1x1xi64>, tensor<i64>) -> tensor<1x2x1x1x4x1x1x1xi1>
    %8 = heed.cast %7 : (tensor<1x2x1x1x4x1x1x1xi1>) -> tensor<1x2x1x1x4x1x1x1xi64>
    %9 = heed.constant {value = 2.000000e+00 : f64} : () -> tensor<i64>
    %10 = heed.sub %5, %9 : (tensor<i64>, tensor<i64>) -> tensor<i64>
    %11 = heed.ge %4, %10 : (tensor<1x2x1x1x4x1x1x1xi64>, tensor<i64>) -> tensor<1x2x1x1x4x1x1x1xi1>
    %12 = heed.cast %11 : (tensor<1x2x1x1x4x1x1x1xi1>) -> tensor<1x2x1x1x4x1x1x1xi64>
    %13 = heed.add %8, %12 : (tensor<1x2x1x1x4x1x1x1xi64>, tensor<1x2x1x1x4x1x1x1xi64>) -> tensor<1x2x1x1x4x1x1x1xi64>
    %14 = heed.position {axis = 6 : i64} : () -> tensor<1x1x1x1x1x1x4x1xi64>
    %15 = heed.add %2, %14 : (tensor<1x2x1x1x1x1x1x1xi64>, tensor<1x1x1x1x1x1x4x1xi64>) -> tensor<1x2x1x1x1x1x4x1xi64>
    %16 = heed.ge %15, %6 : (tensor<1x2x1x1x1x1x4x1xi64>, tensor<i64>) -> tensor<1x2x1x1x1x1x4x1xi1>
    %17 = heed.cast %16 : (tensor<1x2x1x1x1x1x4x1xi1>) -> tensor<1x2x1x1x1x1x4x1xi64>
    %18 = heed.ge %15, %10 : (tensor<1x2x1x1x1x1x4x1xi64>, tensor<i64>) -> tensor<1x2x1x1x1x1x4x1xi1>
    %19 = heed.cast %18 : (tensor<1x2x1x1x1x1x4x1xi1>) -> tensor<1x2x1x1x1x1x4x1xi64>
    %20 = heed.add %17, %19 : (tensor<1x2x1x1x1x1x4x1xi64>, tensor<1x2x1x1x1x1x4x1xi64>) -> tensor<1x2x1x1x1x1x4x1xi64>
    %21 = heed.eq %13, %20 : (tensor<1x2x1x1x4x1x1x1xi64>, tensor<1x2x1x1x1x1x4x1xi64>) -> tensor<1x2x1x1x4x1x4x1xi1>
    %22 = heed.position {axis = 2 : i64} : () -> tensor<1x1x3x1x1x1x1x1xi64>
    %23 = heed.mul %22, %1 : (tensor<1x1x3x1x1x1x1x1xi64>, tensor<i64>) -> tensor<1x1x3x1x1x1x1x1xi64>
    %24 = heed.position {axis = 5 : i64} : () -> tensor<1x1x1x1x1x4x1x1xi64>
    %25 = heed.add %23, %24 : (tensor<1x1x3x1x1x1x1x1xi64>, tensor<1x1x1x1x1x4x1x1xi64>) -> tensor<1x1x3x1x1x4x1x1xi64>
    %26 = heed.extent {dim = "12"} : () -> tensor<i64>
    %27 = heed.sub %26, %1 : (tensor<i64>, tensor<i64>) -> tensor<i64>
    %28 = heed.ge %25, %27 : (tensor<1x1x3x1x1x4x1x1xi64>, tensor<i64>) -> tensor<1x1x3x1x1x4x1x1xi1>
    %29 = heed.cast %28 : (tensor<1x1x3x1x1x4x1x1xi1>) -> tensor<1x1x3x1x1x4x1x1xi64>
    %30 = heed.sub %26, %9 : (tensor<i64>, tensor<i64>) -> tensor<i64>
    %31 = heed.ge %25, %30 : (tensor<1x1x3x1x1x4x1x1xi64>, tensor<i64>) -> tensor<1x1x3x1x1x4x1x1xi1>
    %32 = heed.cast %31 : (tensor<1x1x3x1x1x4x1x1xi1>) -> tensor<1x1x3x1x1x4x1x1xi64>
    %33 = heed.add %29, %32 : (tensor<1x1x3x1x1x4x1x1xi64>, tensor<1x1x3x1x1x4x1x1xi64>) -> tensor<1x1x3x1x1x4x1x1xi64>
    %34 = heed.position {axis = 7 : i64} : () -> tensor<1x1x1x1x1x1x1x4xi64>
    %35 = heed.add %23, %34 : (tensor<1x1x3x1x1x1x1x1xi64>, tensor<1x1x1x1x1x1x1x4xi64>) -> tensor<1x1x3x1x1x1x1x4xi64>
    %36 = heed.ge %35, %27 : (tensor<1x1x3x1x1x1x1x4xi64>, tensor<i64>) -> tensor<1x1x3x1x1x1x1x4xi1>
    %37 = heed.cast %36 : (tensor<1x1x3x1x1x1x1x4xi1>) -> tensor<1x1x3x1x1x1x1x4xi64>
    %38 = heed.ge %35, %30 : (tensor<1x1x3x1x1x1x1x4xi64>, tensor<i64>) -> tensor<1x1x3x1x1x1x1x4xi1>
    %39 = heed.cast %38 : (tensor<1x1x3x1x1x1x1x4xi1>) -> tensor<1x1x3x1x1x1x1x4xi64>
    %40 = heed.add %37, %39 : (tensor<1x1x3x1x1x1x1x4xi64>, tensor<1x1x3x1x1x1x1x4xi64>) -> tensor<1x1x3x1x1x1x1x4xi64>
    %41 = heed.eq %33, %40 : (tensor<1x1x3x1x1x4x1x1xi64>, tensor<1x1x3x1x1x1x1x4xi64>) -> tensor<1x1x3x1x1x4x1x4xi1>
    %42 = heed.logical_and %21, %41 : (tensor<1x2x1x1x4x1x4x1xi1>, tensor<1x1x3x1x1x4x1x4xi1>) -> tensor<1x2x3x1x4x4x4x4xi1>
    %43 = heed.call %arg0 {callee = @linear_1, name = "qkv"} : (tensor<?x16x16xf32, "6*B,16,16">) -> tensor<?x16x48xf32, "6*B,16,48">
    %44 = heed.slice %43 {axis = 2 : i64, begin = "0", end = "16"} : (tensor<?x16x48xf32, "6*B,16,48">) -> tensor<?x16x16xf32, "6*B,16,16">
    %45 = heed.reshape %44 : (tensor<?x16x16xf32, "6*B,16,16">) -> tensor<?x16x2x8xf32, "6*B,16,2,8">
    %46 = heed.permute %45 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x16x2x8xf32, "6*B,16,2,8">) -> tensor<?x2x16x8xf32, "6*B,2,16,8">
    %47 = heed.slice %43 {axis = 2 : i64, begin = "16", end = "32"} : (tensor<?x16x48xf32, "6*B,16,48">) -> tensor<?x16x16xf32, "6*B,16,16">
    %48 = heed.reshape %47 : (tensor<?x16x16xf32, "6*B,16,16">) -> tensor<?x16x2x8xf32, "6*B,16,2,8">
    %49 = heed.permute %48 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x16x2x8xf32, "6*B,16,2,8">) -> tensor<?x2x16x8xf32, "6*B,2,16,8">
    %50 = heed.permute %49 {permutation = array<i64: 0, 1, 3, 2>} : (tensor<?x2x16x8xf32, "6*B,2,16,8">) -> tensor<?x2x8x16xf32, "6*B,2,8,16">
    %51 = heed.matmul %46, %50 : (tensor<?x2x16x8xf32, "6*B,2,16,8">, tensor<?x2x8x16xf32, "6*B,2,8,16">) -> tensor<?x2x16x16xf32, "6*B,2,16,16">
    %52 = heed.constant {value = 0.35355339059327379 : f64} : () -> tensor<f32>
    %53 = heed.mul %51, %52 : (tensor<?x2x16x16xf32, "6*B,2,16,16">, tensor<f32>) -> tensor<?x2x16x16xf32, "6*B,2,16,16">
    %54 = heed.parameter {name = "relative_position_bias_table"} : () -> tensor<49x2xf32>
    %55 = heed.buffer {name = "relative_position_index", value = dense<3> : tensor<16x16xi64>} : () -> tensor<16x16xi64>
    %56 = heed.gather %54, %55 : (tensor<49x2xf32>, tensor<16x16xi64>) -> tensor<16x16x2xf32>
    %57 = heed.permute %56 {permutation = array<i64: 2, 0, 1>} : (tensor<16x16x2xf32>) -> tensor<2x16x16xf32>
    %58 = heed.add %53, %57 : (tensor<?x2x16x16xf32, "6*B,2,16,16">, tensor<2x16x16xf32>) -> tensor<?x2x16x16xf32, "6*B,2,16,16">
    %59 = heed.reshape %58 : (tensor<?x2x16x16xf32, "6*B,2,16,16">) -> tensor<?x2x3x2x4x4x4x4xf32, "B,2,3,2,4,4,4,4">
    %60 = heed.constant {value = 0xFFF0000000000000 : f64} : () -> tensor<f32>
    %61 = heed.where %42, %59, %60 : (tensor<1x2x3x1x4x4x4x4xi1>, tensor<?x2x3x2x4x4x4x4xf32, "B,2,3,2,4,4,4,4">, tensor<f32>) -> tensor<?x2x3x2x4x4x4x4xf32, "B,2,3,2,4,4,4,4">
    %62 = heed.reshape %61 : (tensor<?x2x3x2x4x4x4x4xf32, "B,2,3,2,4,4,4,4">) -> tensor<?x2x16x16xf32, "6*B,2,16,16">
    %63 = heed.softmax %62 {axis = 3 : i64} : (tensor<?x2x16x16xf32, "6*B,2,16,16">) -> tensor<?x2x16x16xf32, "6*B,2,16,16">
    %64 = heed.probe %63 {name = "attention"} : (tensor<?x2x16x16xf32, "6*B,2,16,16">) -> tensor<?x2x16x16xf32, "6*B,2,16,16">
    %65 = heed.slice %43 {axis = 2 : i64, begin = "32", end = "48"} : (tensor<?x16x48xf32, "6*B,16,48">) -> tensor<?x16x16xf32, "6*B,16,16">
    %66 = heed.reshape %65 : (tensor<?x16x16xf32, "6*B,16,16">) -> tensor<?x16x2x8xf32, "6*B,16,2,8">
    %67 = heed.permute %66 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x16x2x8xf32, "6*B,16,2,8">) -> tensor<?x2x16x8xf32, "6*B,2,16,8">
    %68 = heed.matmul %64, %67 : (tensor<?x2x16x16xf32, "6*B,2,16,16">, tensor<?x2x16x8xf32, "6*B,2,16,8">) -> tensor<?x2x16x8xf32, "6*B,2,16,8">
    %69 = heed.permute %68 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x2x16x8xf32, "6*B,2,16,8">) -> tensor<?x16x2x8xf32, "6*B,16,2,8">
    %70 = heed.reshape %69 : (tensor<?x16x2x8xf32, "6*B,16,2,8">) -> tensor<?x16x16xf32, "6*B,16,16">
    %71 = heed.call %70 {callee = @linear_2, name = "proj"} : (tensor<?x16x16xf32, "6*B,16,16">) -> tensor<?x16x16xf32, "6*B,16,16">
    return %71 : tensor<?x16x16xf32, "6*B,16,16">
  }
  func.func private @linear_4(%arg0: tensor<?x7x10x16xf32, "B,7,10,16">) -> tensor<?x7x10x64xf32, "B,7,10,64"> {
    %0 = heed.parameter {name = "weight"} : () -> tensor<64x16xf32>
    %1 = heed.permute %0 {permutation = array<i64: 1, 0>} : (tensor<64x16xf32>) -> tensor<16x64xf32>
    %2 = heed.matmul %arg0, %1 : (tensor<?x7x10x16xf32, "B,7,10,16">, tensor<16x64xf32>) -> tensor<?x7x10x64xf32, "B,7,10,64">
    %3 = heed.parameter {name = "bias"} : () -> tensor<64xf32>
    %4 = heed.add %2, %3 : (tensor<?x7x10x64xf32, "B,7,10,64">, tensor<64xf32>) -> tensor<?x7x10x64xf32, "B,7,10,64">
    return %4 : tensor<?x7x10x64xf32, "B,7,10,64">
  }
  func.func private @linear_5(%arg0: tensor<?x7x10x64xf32, "B,7,10,64">) -> tensor<?x7x10x16xf32, "B,7,10,16"> {
    %0 = heed.parameter {name = "weight"} : () -> tensor<16x64xf32>
    %1 = heed.permute %0 {permutation = array<i64: 1, 0>} : (tensor<16x64xf32>) -> tensor<64x16xf32>
    %2 = heed.matmul %arg0, %1 : (tensor<?x7x10x64xf32, "B,7,10,64">, tensor<64x16xf32>) -> tensor<?x7x10x16xf32, "B,7,10,16">
    %3 = heed.parameter {name = "bias"} : () -> tensor<16xf32>
    %4 = heed.add %2, %3 : (tensor<?x7x10x16xf32, "B,7,10,16">, tensor<16xf32>) -> tensor<?x7x10x16xf32, "B,7,10,16">
    return %4 : tensor<?x7x10x16xf32, "B,7,10,16">
  }
  func.func private @mlp_6(%arg0: tensor<?x7x10x16xf32, "B,7,10,16">) -> tensor<?x7x10x16xf32, "B,7,10,16"> {
    %0 = heed.call %arg0 {callee = @linear_4, name = "fc1"} : (tensor<?x7x10x16xf32, "B,7,10,16">) -> tensor<?x7x10x64xf32, "B,7,10,64">
    %1 = heed.gelu %0 : (tensor<?x7x10x64xf32, "B,7,10,64">) -> tensor<?x7x10x64xf32, "B,7,10,64">
    %2 = heed.call %1 {callee = @linear_5, name = "fc2"} : (tensor<?x7x10x64xf32, "B,7,10,64">) -> tensor<?x7x10x16xf32, "B,7,10,16">
    return %2 : tensor<?x7x10x16xf32, "B,7,10,16">
  }
  func.func @main(%arg0: tensor<?x7x10x16xf32, "B,7,10,16">) -> tensor<?x7x10x16xf32, "B,7,10,16"> {
    %0 = heed.call %arg0 {callee = @layer_norm_0, name = "norm1"} : (tensor<?x7x10x16xf32, "B,7,10,16">) -> tensor<?x7x10x16xf32, "B,7,10,16">
    %1 = heed.pad %0 {after = "1", axis = 1 : i64, before = "0", value = 0.000000e+00 : f64} : (tensor<?x7x10x16xf32, "B,7,10,16">) -> tensor<?x8x10x16xf32, "B,8,10,16">
    %2 = heed.pad %1 {after = "2", axis = 2 : i64, before = "0", value = 0.000000e+00 : f64} : (tensor<?x8x10x16xf32, "B,8,10,16">) -> tensor<?x8x12x16xf32, "B,8,12,16">
    %3 = heed.roll %2 {axis = 1 : i64, shift = -2 : i64} : (tensor<?x8x12x16xf32, "B,8,12,16">) -> tensor<?x8x12x16xf32, "B,8,12,16">
    %4 = heed.roll %3 {axis = 2 : i64, shift = -2 : i64} : (tensor<?x8x12x16xf32, "B,8,12,16">) -> tensor<?x8x12x16xf32, "B,8,12,16">
    %5 = heed.reshape %4 : (tensor<?x8x12x16xf32, "B,8,12,16">) -> tensor<?x2x4x3x4x16xf32, "B,2,4,3,4,16">
    %6 = heed.permute %5 {permutation = array<i64: 0, 1, 3, 2, 4, 5>} : (tensor<?x2x4x3x4x16xf32, "B,2,4,3,4,16">) -> tensor<?x2x3x4x4x16xf32, "B,2,3,4,4,16">
    %7 = heed.reshape %6 : (tensor<?x2x3x4x4x16xf32, "B,2,3,4,4,16">) -> tensor<?x16x16xf32, "6*B,16,16">
    %8 = heed.call %7 {callee = @window_attention_3, name = "attn"} : (tensor<?x16x16xf32, "6*B,16,16">) -> tensor<?x16x16xf32, "6*B,16,16">
    %9 = heed.reshape %8 : (tensor<?x16x16xf32, "6*B,16,16">) -> tensor<?x2x3x4x4x16xf32, "B,2,3,4,4,16">
    %10 = heed.permute %9 {permutation = array<i64: 0, 1, 3, 2, 4, 5>} : (tensor<?x2x3x4x4x16xf32, "B,2,3,4,4,16">) -> tensor<?x2x4x3x4x16xf32, "B,2,4,3,4,16">
    %11 = heed.reshape %10 : (tensor<?x2x4x3x4x16xf32, "B,2,4,3,4,16">) -> tensor<?x8x12x16xf32, "B,8,12,16">
    %12 = heed.roll %11 {axis = 1 : i64, shift = 2 : i64} : (tensor<?x8x12x16xf32, "B,8,12,16">) -> tensor<?x8x12x16xf32, "B,8,12,16">
    %13 = heed.roll %12 {axis = 2 : i64, shift = 2 : i64} : (tensor<?x8x12x16xf32, "B,8,12,16">) -> tensor<?x8x12x16xf32, "B,8,12,16">
    %14 = heed.slice %13 {axis = 1 : i64, begin = "0", end = "7"} : (tensor<?x8x12x16xf32, "B,8,12,16">) -> tensor<?x7x12x16xf32, "B,7,12,16">
    %15 = heed.slice %14 {axis = 2 : i64, begin = "0", end = "10"} : (tensor<?x7x12x16xf32, "B,7,12,16">) -> tensor<?x7x10x16xf32, "B,7,10,16">
    %16 = heed.add %arg0, %15 : (tensor<?x7x10x16xf32, "B,7,10,16">, tensor<?x7x10x16xf32, "B,7,10,16">) -> tensor<?x7x10x16xf32, "B,7,10,16">
    %17 = heed.call %16 {callee = @layer_norm_0, name = "norm2"} : (tensor<?x7x10x16xf32, "B,7,10,16">) -> tensor<?x7x10x16xf32, "B,7,10,16">
    %18 = heed.call %17 {callee = @mlp_6, name = "mlp"} : (tensor<?x7x10x16xf32, "B,7,10,16">) -> tensor<?x7x10x16xf32, "B,7,10,16">
    %19 = heed.add %16, %18 : (tensor<?x7x10x16xf32, "B,7,10,16">, tensor<?x7x10x16xf32, "B,7,10,16">) -> tensor<?x7x10x16xf32, "B,7,10,16">
    %20 = heed.probe %19 {name = "tokens"} : (tensor<?x7x10x16xf32, "B,7,10,16">) -> tensor<?x7x10x16xf32, "B,7,10,16">
    return %20 : tensor<?x7x10x16xf32, "B,7,10,16">
  }
}
