// A workgroup has at least 128 invocations, as every device must allow.
// RUN: heed-opt %s --heed-lower-kernels=target=vulkan:invocations=127 --verify-diagnostics

func.func @twice(%x: tensor<50xf32>) -> tensor<50xf32> {
  // expected-error @+1 {{needs 128 invocations in a workgroup, the device allows 127; choose another device or target}}
  %0 = heed.map(%x) {domain = ["i0:50"], symbols = [], maps = [affine_map<(i) -> (i)>], stores = [affine_map<(i) -> (i)>]}
  body {
  ^bb0(%a: f32):
    %t = heed.add %a, %a : (f32, f32) -> f32
    heed.yield %t : f32
  } : (tensor<50xf32>) -> tensor<50xf32>
  return %0 : tensor<50xf32>
}
