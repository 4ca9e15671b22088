// RUN: heed-opt %s --heed-form-kernels --heed-hoist-prepare | FileCheck %s

// A parameter is nobody's to write: every run updates a copy, which therefore stays with it.
// CHECK-LABEL: func.func @main
// CHECK: %[[PARAMETER:.*]] = heed.parameter
// CHECK: %[[COPY:.*]] = heed.map(%[[PARAMETER]]) {domain
// CHECK: heed.map(%[[COPY]], %arg1, %arg0) {append = "1"
func.func @main(%rows: tensor<3x1x8xf32>, %at: tensor<3xi64>) -> tensor<2x3x5x8xf32> {
  %cache = heed.parameter {name = "cache"} : () -> tensor<2x3x5x8xf32>
  %0 = heed.append %cache, %rows, %at {layer = 1 : i64}
      : (tensor<2x3x5x8xf32>, tensor<3x1x8xf32>, tensor<3xi64>) -> tensor<2x3x5x8xf32>
  return %0 : tensor<2x3x5x8xf32>
}
