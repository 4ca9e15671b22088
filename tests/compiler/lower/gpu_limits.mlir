// What a device allows is asked before a kernel is made for it.
// RUN: heed-opt %s --heed-lower-kernels=target=vulkan:shared=4000,range=20000 --split-input-file --verify-diagnostics

func.func @shared(%x: tensor<64x16xf32>, %w: tensor<64x16xf32>) -> tensor<64x64xf32> {
  // expected-error @+1 {{needs 6720 bytes of workgroup memory, the device allows 4000; choose another device or target}}
  %0 = heed.contract(%x, %w) {domain = ["m0:64", "n0:64", "k0:16"], symbols = [],
      maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>], stores = [affine_map<(m, n, k) -> (m, n)>]}
  prologue {
  ^bb0(%a: f32):
    heed.yield %a : f32
  } epilogue {
  ^bb0(%s: f32):
    heed.yield %s : f32
  } : (tensor<64x16xf32>, tensor<64x16xf32>) -> tensor<64x64xf32>
  return %0 : tensor<64x64xf32>
}

// -----

func.func @range(%x: tensor<5001xf32>) -> tensor<5001xf32> {
  // expected-error @+1 {{needs 20004 bytes in one buffer, the device allows 20000}}
  %0 = heed.map(%x) {domain = ["i0:5001"], symbols = [], maps = [affine_map<(i) -> (i)>], stores = [affine_map<(i) -> (i)>]}
  body {
  ^bb0(%a: f32):
    %t = heed.add %a, %a : (f32, f32) -> f32
    heed.yield %t : f32
  } : (tensor<5001xf32>) -> tensor<5001xf32>
  return %0 : tensor<5001xf32>
}
