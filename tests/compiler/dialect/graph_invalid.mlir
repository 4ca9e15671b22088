// Graph ops are checked by the shape rules, in their words.
// RUN: heed-opt %s --split-input-file --verify-diagnostics

func.func @matmul(%a: tensor<2x768xf32>, %b: tensor<512x3xf32>) {
  // expected-error @+1 {{inner dimensions differ: 768 vs 512}}
  %0 = heed.matmul %a, %b : (tensor<2x768xf32>, tensor<512x3xf32>) -> tensor<2x3xf32>
  return
}

// -----
func.func @dtypes(%a: tensor<2xf32>, %b: tensor<2xi64>) {
  // expected-error @+1 {{dtypes differ: f32 vs i64}}
  %0 = heed.add %a, %b : (tensor<2xf32>, tensor<2xi64>) -> tensor<2xf32>
  return
}

// -----
func.func @symbols(%a: tensor<?x3xf32, "B,3">, %b: tensor<?x3xf32, "T,3">) {
  // expected-error @+1 {{cannot broadcast: B vs T}}
  %0 = heed.add %a, %b : (tensor<?x3xf32, "B,3">, tensor<?x3xf32, "T,3">) -> tensor<?x3xf32, "B,3">
  return
}

// -----
func.func @result(%a: tensor<?x3xf32, "B,3">) {
  // expected-error @+1 {{expected the result to be f32 [3, B], found f32 [3, 2*B]}}
  %0 = heed.permute %a {permutation = array<i64: 1, 0>} : (tensor<?x3xf32, "B,3">) -> tensor<3x?xf32, "3,2*B">
  return
}

// -----
func.func @axis(%a: tensor<2x3xf32>) {
  // expected-error @+1 {{axis is out of range: 2 vs 2}}
  %0 = heed.softmax %a {axis = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----
func.func @slice(%a: tensor<2x3xf32>) {
  // expected-error @+1 {{begin: expected a dimension, found "1+"}}
  %0 = heed.slice %a {axis = 1 : i64, begin = "1+", end = "2"} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  return
}

// -----
func.func @call(%a: tensor<2xf32>) {
  // expected-error @+1 {{expected a function named @nowhere}}
  %0 = heed.call %a {callee = @nowhere, name = "x"} : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----
func.func private @f(%a: tensor<3xf32>) -> tensor<3xf32> { return %a : tensor<3xf32> }
func.func @types(%a: tensor<2xf32>) {
  // expected-error @+1 {{expected the types of @f}}
  %0 = heed.call %a {callee = @f, name = "x"} : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----
func.func private @f(%a: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) { return %a, %a : tensor<2xf32>, tensor<2xf32> }
func.func @condition(%a: tensor<2xf32>) {
  // expected-error @+1 {{expected bools that say whether to go on, found 'tensor<2xf32>'}}
  %0:2 = heed.scan %a {callee = @f, name = "x", states = 1 : i64, scanned = 0 : i64, axis = 0 : i64, reverse = false, steps = "4", stops} : (tensor<2xf32>) -> (tensor<2xf32>, tensor<i64>)
  return
}

// -----
func.func private @f(%a: tensor<2xf32>) -> (tensor<2xf32>, tensor<i1>) {
  %0 = heed.constant {value = 1.0} : () -> tensor<i1>
  return %a, %0 : tensor<2xf32>, tensor<i1>
}
func.func @turns(%a: tensor<2xf32>) {
  // expected-error @+1 {{expected an i64 last, the number of steps, found 'tensor<i32>'}}
  %0:2 = heed.scan %a {callee = @f, name = "x", states = 1 : i64, scanned = 0 : i64, axis = 0 : i64, reverse = false, steps = "4", stops} : (tensor<2xf32>) -> (tensor<2xf32>, tensor<i32>)
  return
}

// -----
func.func @counter(%a: tensor<2xf32>) {
  // expected-error @+1 {{expected a last state that counts steps, and bools that say whether to go on}}
  %0 = heed.loop(%a) {axis = 0 : i64, reverse = false, steps = "4", stops, symbol = "t_0"} body {
  ^bb0(%x: tensor<2xf32>):
    %1 = heed.constant {value = 1.0} : () -> tensor<i1>
    heed.yield %x, %1 : tensor<2xf32>, tensor<i1>
  } : (tensor<2xf32>) -> tensor<2xf32>
  return
}
