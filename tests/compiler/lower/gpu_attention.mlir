// Causal attention with a soft cap: the loop over keys ends at the queries' diagonal, a block of keys that all exist
// and that the mask leaves alone is not asked about either, and the cap is the region's own code.
// RUN: heed-opt %s --heed-lower-kernels=target=vulkan --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,STAGED
// RUN: heed-opt %s --heed-lower-kernels=target=vulkan:shared=9000 --canonicalize --cse | FileCheck %s --check-prefix=SMALL
// RUN: heed-opt %s --heed-lower-kernels=target=vulkan:invocations=1024,shared=49152 --canonicalize --cse | FileCheck %s --check-prefix=WHOLE
// RUN: heed-opt %s --heed-lower-kernels=target=vulkan:kind=cpu --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,OWN

// CHECK: gpu.func @k0(%[[Q:.*]]: memref<?xvector<4xf32>>{{.*}}, %[[K:.*]]: memref<?xvector<4xf32>>{{.*}}, %[[V:.*]]: memref<?xvector<4xf32>>
// Half as many queries and keys where the device has less memory: scores beside pieces of the operands, totals, a
// row's factor, results on their way out. Where it has more, the queries stay there, and the next keys are on their way while a
// block is done: the loop carries 16 of their features besides 16 sums, the largest and the total.
// SMALL: memref.alloc() : memref<352xvector<4xf32>, 3>
// SMALL: memref.alloc() : memref<16xf32, 3>
// SMALL: memref.alloc() : memref<16xf32, 3>
// SMALL: memref.alloc() : memref<65xf32, 3>
// SMALL: scf.for {{.*}} step %c16 iter_args
// WHOLE: memref.alloc() : memref<2208xvector<4xf32>, 3>
// WHOLE: :50 = scf.for {{.*}} step %c64 iter_args
// WHOLE-NOT: memref.load %arg0
// CHECK: %[[DIAGONAL:.*]] = arith.addi %{{.*}}, %c1
// CHECK-NEXT: %[[KEYS:.*]] = arith.minsi %[[DIAGONAL]], %c200
// CHECK: %[[END:.*]] = arith.minsi %[[KEYS]], %c200
// CHECK: scf.for %[[KEY:.*]] = %c0 to %[[END]]
// STAGED: gpu.barrier
// OWN-NOT: gpu.barrier
// CHECK-DAG: memref.load %[[Q]]
// CHECK-DAG: memref.load %[[K]]
// CHECK: %[[FULL:.*]] = arith.cmpi
// CHECK: scf.if
// CHECK-NOT: arith.cmpi
// CHECK: math.fma
// CHECK: } else {
// CHECK: arith.cmpi slt, {{.*}}, %c200
// CHECK: arith.cmpi sle
// CHECK: memref.load %[[V]]
func.func @causal(%q: tensor<3x200x64xf32>, %k: tensor<3x200x64xf32>, %v: tensor<3x200x64xf32>) -> tensor<3x200x64xf32> {
  %0 = heed.attention(%q, %k, %v) {domain = ["b0:3", "i0:200", "j0:200", "e0:64", "d0:64"], symbols = [], scale = 0.125 : f64,
      maps = [affine_map<(b, i, j, e, d) -> (b, i, e)>, affine_map<(b, i, j, e, d) -> (b, j, e)>,
              affine_map<(b, i, j, e, d) -> (b, j, d)>],
      stores = [affine_map<(b, i, j, e, d) -> (b, i, d)>]}
  score {
  ^bb0(%s: f32):
    %t = heed.tanh %s : (f32) -> f32
    heed.yield %t : f32
  } mask {
    %i = heed.coordinate affine_map<(b, i, j, e, d) -> (i)> : i64
    %j = heed.coordinate affine_map<(b, i, j, e, d) -> (j)> : i64
    %c = heed.le %j, %i : (i64, i64) -> i1
    heed.yield %c : i1
  } epilogue {
  ^bb0(%x: f32):
    heed.yield %x : f32
  } : (tensor<3x200x64xf32>, tensor<3x200x64xf32>, tensor<3x200x64xf32>) -> tensor<3x200x64xf32>
  return %0 : tensor<3x200x64xf32>
}
