// One kernel an op without fusion; layout ops vanish first, elementwise work next.
// RUN: heed-opt %s --heed-form-kernels=fusion=none | FileCheck %s --check-prefix=NONE
// RUN: heed-opt %s --heed-form-kernels=fusion=layout | FileCheck %s --check-prefix=LAYOUT
// RUN: heed-opt %s --heed-form-kernels=fusion=all | FileCheck %s --check-prefix=ALL

// NONE-COUNT-1: heed.map
// NONE: heed.contract
// NONE: heed.map
// NONE: heed.map
// NONE: heed.map
// LAYOUT-NOT: heed.map
// LAYOUT: heed.contract
// LAYOUT: heed.map
// LAYOUT: heed.map
// LAYOUT: heed.map
// LAYOUT-NOT: heed.map
// ALL: heed.contract
// ALL: heed.add
// ALL: heed.gelu
// ALL: heed.add
// ALL-NOT: heed.map
func.func @main(%x: tensor<5x16xf32>, %w: tensor<16x16xf32>, %b: tensor<16xf32>) -> tensor<5x16xf32> {
  %t = heed.permute %w {permutation = array<i64: 1, 0>} : (tensor<16x16xf32>) -> tensor<16x16xf32>
  %y = heed.matmul %x, %t : (tensor<5x16xf32>, tensor<16x16xf32>) -> tensor<5x16xf32>
  %z = heed.add %y, %b : (tensor<5x16xf32>, tensor<16xf32>) -> tensor<5x16xf32>
  %g = heed.gelu %z : (tensor<5x16xf32>) -> tensor<5x16xf32>
  %r = heed.add %x, %g : (tensor<5x16xf32>, tensor<5x16xf32>) -> tensor<5x16xf32>
  return %r : tensor<5x16xf32>
}
