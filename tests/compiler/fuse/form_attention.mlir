// The scale may stand on q, on kᵀ, on the score or split between them: the kernel is the same.
// RUN: heed-opt %s --heed-form-attention --heed-form-kernels | FileCheck %s

// CHECK-COUNT-1: heed.attention
// CHECK-SAME: domain = ["b0:2", "b1:4", "i:T", "j:S", "e:16", "d:16"]
// CHECK-SAME: scale = 2.500000e-01
// CHECK-NOT: heed.{{contract|rows|map|mul}}
func.func @main(%q: tensor<2x4x?x16xf32, "2,4,T,16">, %k: tensor<2x4x?x16xf32, "2,4,S,16">,
                %v: tensor<2x4x?x16xf32, "2,4,S,16">) -> tensor<2x4x?x16xf32, "2,4,T,16"> {
  %c = heed.constant {value = 0.5 : f64} : () -> tensor<f32>
  %qs = heed.mul %q, %c : (tensor<2x4x?x16xf32, "2,4,T,16">, tensor<f32>) -> tensor<2x4x?x16xf32, "2,4,T,16">
  %kt = heed.permute %k {permutation = array<i64: 0, 1, 3, 2>} : (tensor<2x4x?x16xf32, "2,4,S,16">) -> tensor<2x4x16x?xf32, "2,4,16,S">
  %s = heed.matmul %qs, %kt : (tensor<2x4x?x16xf32, "2,4,T,16">, tensor<2x4x16x?xf32, "2,4,16,S">) -> tensor<2x4x?x?xf32, "2,4,T,S">
  %ss = heed.mul %s, %c : (tensor<2x4x?x?xf32, "2,4,T,S">, tensor<f32>) -> tensor<2x4x?x?xf32, "2,4,T,S">
  %p = heed.softmax %ss {axis = 3 : i64} : (tensor<2x4x?x?xf32, "2,4,T,S">) -> tensor<2x4x?x?xf32, "2,4,T,S">
  %o = heed.matmul %p, %v : (tensor<2x4x?x?xf32, "2,4,T,S">, tensor<2x4x?x16xf32, "2,4,S,16">) -> tensor<2x4x?x16xf32, "2,4,T,16">
  return %o : tensor<2x4x?x16xf32, "2,4,T,16">
}
