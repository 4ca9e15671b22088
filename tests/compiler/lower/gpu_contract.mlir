// gelu(x wᵀ + bias) for GPUs: operands pass through workgroup memory, read four at a time; while a piece is multiplied the next
// is on its way, and each step's operands are read while those before are multiplied. An invocation has 8 by 8 sums; where
// those take fewer invocations than there are, teams share out the steps along k and their sums meet at the end. With many
// compute units to keep busy tiles are smaller, their pieces deeper. Where a CPU plays the device there is neither barrier
// nor panel, and each invocation reads its own rows and columns.
// RUN: heed-opt %s --heed-lower-kernels=target=vulkan --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,STAGED,LEAST
// RUN: heed-opt %s --heed-lower-kernels=target=vulkan:invocations=1024,shared=32768 --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,STAGED,LARGE
// RUN: heed-opt %s --heed-lower-kernels=target=vulkan:invocations=1024,shared=49152,units=10000 --canonicalize --cse | FileCheck %s --check-prefix=MANY
// RUN: heed-opt %s --heed-lower-kernels=target=vulkan:kind=cpu --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,OWN

// CHECK: gpu.func @k0(%[[X:.*]]: memref<?xvector<4xf32>>{{.*}}, %[[W:.*]]: memref<?xvector<4xf32>>{{.*}}, %[[BIAS:.*]]: memref<?xf32> {{.*}}, %{{.*}}: memref<?xf32> {{.*}}, %
// LEAST-SAME: workgroup_size = [128, 1, 1]
// LARGE-SAME: workgroup_size = [256, 1, 1]
// OWN-SAME: workgroup_size = [32, 1, 1]
// LEAST: memref.alloc() : memref<544xvector<4xf32>, 3>
// LARGE: memref.alloc() : memref<1056xvector<4xf32>, 3>
// MANY: memref.alloc() : memref<1152xvector<4xf32>, 3>
// OWN: memref.alloc() : memref<{{.*}}, 3>
// STAGED-COUNT-4: memref.load %[[X]]
// STAGED-COUNT-4: memref.load %[[W]]
// CHECK: scf.for
// STAGED: gpu.barrier
// STAGED-COUNT-8: memref.store {{.*}}xvector<4xf32>, 3>
// STAGED: gpu.barrier
// STAGED-COUNT-4: memref.load %[[X]]
// STAGED-COUNT-4: memref.load %[[W]]
// STAGED-COUNT-4: memref.load {{.*}}xvector<4xf32>, 3>
// STAGED: scf.for
// STAGED-COUNT-4: memref.load {{.*}}xvector<4xf32>, 3>
// STAGED-COUNT-256: math.fma
// STAGED: scf.for
// STAGED: gpu.barrier
// LEAST-COUNT-2: memref.load {{.*}}xf32, 3>
// OWN-NOT: gpu.barrier
// OWN-COUNT-8: memref.load %[[W]]
// OWN-COUNT-8: memref.load %[[X]]
// OWN-COUNT-256: math.fma
// OWN-NOT: gpu.barrier
// CHECK: memref.load %[[BIAS]]
func.func @linear(%x: tensor<2000x64xf32>, %w: tensor<1900x64xf32>, %bias: tensor<1900xf32>) -> tensor<2000x1900xf32> {
  %0 = heed.contract(%x, %w, %bias) {domain = ["m0:2000", "n0:1900", "k0:64"], symbols = [],
      maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (n)>],
      stores = [affine_map<(m, n, k) -> (m, n)>]}
  prologue {
  ^bb0(%a: f32, %u: f32):
    heed.yield %a : f32
  } epilogue {
  ^bb0(%s: f32, %u: f32):
    %t = heed.add %s, %u : (f32, f32) -> f32
    %g = heed.gelu %t : (f32) -> f32
    heed.yield %g : f32
  } : (tensor<2000x64xf32>, tensor<1900x64xf32>, tensor<1900xf32>) -> tensor<2000x1900xf32>
  return %0 : tensor<2000x1900xf32>
}
