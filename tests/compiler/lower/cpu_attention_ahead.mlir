// Of heads one by one, products fetch what the next head needs: a line a turn of their loops, by a list of rows.
// RUN: heed-opt %s --heed-lower-kernels=target=x86-64-avx512 --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func.func private @scores
// CHECK: scf.for %{{.*}} = %c0 to %c64 step %c2 iter_args
// CHECK: %[[ROW:.*]] = arith.minsi %{{.*}}, %arg11
// CHECK-NEXT: %[[AT:.*]] = memref.load %arg9[%[[ROW]]] : memref<1073741824xindex>
// CHECK: "llvm.intr.prefetch"
// CHECK-NOT: "llvm.intr.prefetch"
// CHECK: scf.yield
// CHECK-LABEL: func.func private @values
// CHECK: scf.for {{.*}} step %c2 iter_args
// CHECK: memref.load %arg9
// CHECK: "llvm.intr.prefetch"
// CHECK-NOT: "llvm.intr.prefetch"
// CHECK: scf.yield

// Keys, values, queries and results, whose addresses are worked out together.
// CHECK-LABEL: func.func private @k0.ahead
// CHECK: scf.for %[[R:.*]] = %c0 to %c197
// CHECK: memref.extract_aligned_pointer_as_index %arg1
// CHECK: memref.store %{{.*}}, %arg4[%[[R]]]
// CHECK: memref.extract_aligned_pointer_as_index %arg2
// CHECK: memref.extract_aligned_pointer_as_index %arg0
// CHECK: memref.extract_aligned_pointer_as_index %arg3
// CHECK-NOT: scf.for
// CHECK: return

// CHECK-LABEL: func.func @k0(
// A thread's next range of the same head finds the list and what is packed.
// CHECK: scf.for %[[HEAD:.*]] = %{{.*}} to
// CHECK: %[[OTHER:.*]] = arith.cmpi ne, %{{.*}}, %[[HEAD]]
// CHECK: scf.if %[[OTHER]]
// CHECK: %[[NEXT:.*]] = arith.addi %[[HEAD]], %c1
// CHECK: %[[THERE:.*]] = arith.minsi %[[NEXT]], %c11
// CHECK: call @k0.ahead({{.*}}, %[[THERE]])
// CHECK: scf.if
// CHECK-NEXT: call @k0.pack
// CHECK: call @scores
// CHECK-NOT: prefetch
// CHECK: call @values
func.func @heads(%q: tensor<12x197x64xf32>, %k: tensor<12x197x64xf32>, %v: tensor<12x197x64xf32>) -> tensor<12x197x64xf32> {
  %0 = heed.attention(%q, %k, %v) {domain = ["b0:12", "i0:197", "j0:197", "e0:64", "d0:64"], symbols = [], scale = 0.125 : f64,
      maps = [affine_map<(b, i, j, e, d) -> (b, i, e)>, affine_map<(b, i, j, e, d) -> (b, j, e)>,
              affine_map<(b, i, j, e, d) -> (b, j, d)>],
      stores = [affine_map<(b, i, j, e, d) -> (b, i, d)>]}
  score {
  ^bb0(%s: f32):
    heed.yield %s : f32
  } mask {
  } epilogue {
  ^bb0(%x: f32):
    heed.yield %x : f32
  } : (tensor<12x197x64xf32>, tensor<12x197x64xf32>, tensor<12x197x64xf32>) -> tensor<12x197x64xf32>
  return %0 : tensor<12x197x64xf32>
}
