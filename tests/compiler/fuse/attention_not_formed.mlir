// Chains that look like attention and are not say why.
// RUN: heed-opt %s --heed-form-attention --heed-form-kernels --verify-diagnostics -o /dev/null
func.func @main(%q: tensor<9x16xf32>, %k: tensor<16x9xf32>, %v: tensor<9x16xf32>) -> (tensor<9x16xf32>, tensor<9x9xf32>) {
  %s = heed.matmul %q, %k : (tensor<9x16xf32>, tensor<16x9xf32>) -> tensor<9x9xf32>
  // expected-remark @+1 {{not fused as attention: expected the scores to have no other user}}
  %p = heed.softmax %s {axis = 1 : i64} : (tensor<9x9xf32>) -> tensor<9x9xf32>
  %o = heed.matmul %p, %v : (tensor<9x9xf32>, tensor<9x16xf32>) -> tensor<9x16xf32>
  // expected-remark @+1 {{not fused as attention: expected the softmax along the keys}}
  %r = heed.softmax %s {axis = 0 : i64} : (tensor<9x9xf32>) -> tensor<9x9xf32>
  %u = heed.matmul %r, %v : (tensor<9x9xf32>, tensor<9x16xf32>) -> tensor<9x16xf32>
  %w = heed.add %o, %u : (tensor<9x16xf32>, tensor<9x16xf32>) -> tensor<9x16xf32>
  return %w, %s : tensor<9x16xf32>, tensor<9x9xf32>
}
