// Halves on their way through workgroup memory are read eight at a time, 16 bytes, as four words; where they are aligned to
// less, or where a CPU plays the device and reads one by one anyway, four at a time.
// RUN: heed-opt %s --heed-lower-kernels=target=vulkan --canonicalize --cse | FileCheck %s
// RUN: heed-opt %s --heed-lower-kernels=target=vulkan:kind=cpu --canonicalize --cse | FileCheck %s --check-prefix=OWN

// CHECK: gpu.func @k0(%[[X:.*]]: memref<?xvector<4xi32>> {{.*}}, %[[W:.*]]: memref<?xvector<4xi32>> {{.*}}, %{{.*}}: memref<?xf32>
// CHECK: %[[HALVES:.*]] = memref.load %[[X]]
// CHECK: %[[WORD:.*]] = vector.extract %[[HALVES]][0]
// CHECK: spirv.GL.UnpackHalf2x16 %[[WORD]]
// CHECK: %[[HALVES:.*]] = memref.load %[[W]]
// CHECK: %[[WORD:.*]] = vector.extract %[[HALVES]][0]
// CHECK-DAG: arith.shli %[[WORD]], %c16
// CHECK-DAG: arith.andi %[[WORD]], %c-65536
// CHECK-COUNT-16: memref.store {{.*}}xvector<4xf32>, 3>
// CHECK: gpu.func @k1(%{{.*}}: memref<?xvector<4xf16>>
// OWN: gpu.func @k0(%{{.*}}: memref<?xvector<4xf16>> {{.*}}, %{{.*}}: memref<?xvector<4xi16>>
func.func @halves(%x: tensor<200x64xf16>, %w: tensor<192x64xbf16>, %v: tensor<200x60xf16>, %u: tensor<192x60xf32>)
    -> (tensor<200x192xf32>, tensor<200x192xf32>) {
  %0 = heed.contract(%x, %w) {domain = ["m0:200", "n0:192", "k0:64"], symbols = [],
      maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>], stores = [affine_map<(m, n, k) -> (m, n)>]}
  prologue {
  ^bb0(%a: f16):
    heed.yield %a : f16
  } epilogue {
  ^bb0(%s: f32):
    heed.yield %s : f32
  } : (tensor<200x64xf16>, tensor<192x64xbf16>) -> tensor<200x192xf32>
  %1 = heed.contract(%v, %u) {domain = ["m0:200", "n0:192", "k0:60"], symbols = [],
      maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>], stores = [affine_map<(m, n, k) -> (m, n)>]}
  prologue {
  ^bb0(%a: f16):
    heed.yield %a : f16
  } epilogue {
  ^bb0(%s: f32):
    heed.yield %s : f32
  } : (tensor<200x60xf16>, tensor<192x60xf32>) -> tensor<200x192xf32>
  return %0, %1 : tensor<200x192xf32>, tensor<200x192xf32>
}
