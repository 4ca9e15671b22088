// Kernel ops say what they miss.
// RUN: heed-opt %s --split-input-file --verify-diagnostics

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected a digit as 'name:extent', found "i0"}}
  %0 = heed.rows(%x) {domain = ["i0", "k0:3"], symbols = [], reduction = "sum", maps = [affine_map<(i, k) -> (i, k)>], stores = [affine_map<(i, k) -> (i)>]}
  prologue {
  ^bb0(%p: f32):
    heed.yield %p : f32
  } epilogue {
  ^bb0(%q: f32):
    heed.yield %q : f32
  } : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected a digit's role to be one of 'ik', found "m0:3"}}
  %0 = heed.rows(%x) {domain = ["i0:2", "m0:3"], symbols = [], reduction = "sum", maps = [affine_map<(i, k) -> (i, k)>], stores = [affine_map<(i, k) -> (i)>]}
  prologue {
  ^bb0(%p: f32):
    heed.yield %p : f32
  } epilogue {
  ^bb0(%q: f32):
    heed.yield %q : f32
  } : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected a dimension as symbol, found "2*"}}
  %0 = heed.rows(%x) {domain = ["i0:2", "k0:3"], symbols = ["2*"], reduction = "sum", maps = [affine_map<(i, k)[t] -> (i, k)>], stores = [affine_map<(i, k)[t] -> (i)>]}
  prologue {
  ^bb0(%p: f32):
    heed.yield %p : f32
  } epilogue {
  ^bb0(%q: f32):
    heed.yield %q : f32
  } : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{maps: expected 1 maps, found 0}}
  %0 = heed.rows(%x) {domain = ["i0:2", "k0:3"], symbols = [], reduction = "sum", maps = [], stores = [affine_map<(i, k) -> (i)>]}
  prologue {
  ^bb0(%p: f32):
    heed.yield %p : f32
  } epilogue {
  ^bb0(%q: f32):
    heed.yield %q : f32
  } : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{maps[0]: expected a dimension for each of 2 digits, found 1}}
  %0 = heed.rows(%x) {domain = ["i0:2", "k0:3"], symbols = [], reduction = "sum", maps = [affine_map<(i) -> (i, 0)>], stores = [affine_map<(i, k) -> (i)>]}
  prologue {
  ^bb0(%p: f32):
    heed.yield %p : f32
  } epilogue {
  ^bb0(%q: f32):
    heed.yield %q : f32
  } : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{maps[0]: expected 0 symbols, found 1}}
  %0 = heed.rows(%x) {domain = ["i0:2", "k0:3"], symbols = [], reduction = "sum", maps = [affine_map<(i, k)[t] -> (i, k)>], stores = [affine_map<(i, k) -> (i)>]}
  prologue {
  ^bb0(%p: f32):
    heed.yield %p : f32
  } epilogue {
  ^bb0(%q: f32):
    heed.yield %q : f32
  } : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{maps[0]: expected a coordinate for each of 2 axes, found 1}}
  %0 = heed.rows(%x) {domain = ["i0:2", "k0:3"], symbols = [], reduction = "sum", maps = [affine_map<(i, k) -> (i)>], stores = [affine_map<(i, k) -> (i)>]}
  prologue {
  ^bb0(%p: f32):
    heed.yield %p : f32
  } epilogue {
  ^bb0(%q: f32):
    heed.yield %q : f32
  } : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{stores[0]: expected movement along digit 'i0:2'}}
  %0 = heed.rows(%x) {domain = ["i0:2", "k0:3"], symbols = [], reduction = "sum", maps = [affine_map<(i, k) -> (i, k)>], stores = [affine_map<(i, k) -> (k)>]}
  prologue {
  ^bb0(%p: f32):
    heed.yield %p : f32
  } epilogue {
  ^bb0(%q: f32):
    heed.yield %q : f32
  } : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{stores[0]: expected no movement along digit 'k0:3'}}
  %0 = heed.rows(%x) {domain = ["i0:2", "k0:3"], symbols = [], reduction = "sum", maps = [affine_map<(i, k) -> (i, k)>], stores = [affine_map<(i, k) -> (i + k)>]}
  prologue {
  ^bb0(%p: f32):
    heed.yield %p : f32
  } epilogue {
  ^bb0(%q: f32):
    heed.yield %q : f32
  } : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected a fill for each of 1 operands, found 2}}
  %0 = heed.rows(%x) {domain = ["i0:2", "k0:3"], symbols = [], reduction = "sum", fill = [0.0, 1.0], maps = [affine_map<(i, k) -> (i, k)>], stores = [affine_map<(i, k) -> (i)>]}
  prologue {
  ^bb0(%p: f32):
    heed.yield %p : f32
  } epilogue {
  ^bb0(%q: f32):
    heed.yield %q : f32
  } : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected a reduction, found 'product'}}
  %0 = heed.rows(%x) {domain = ["i0:2", "k0:3"], symbols = [], reduction = "product", maps = [affine_map<(i, k) -> (i, k)>], stores = [affine_map<(i, k) -> (i)>]}
  prologue {
  ^bb0(%p: f32):
    heed.yield %p : f32
  } epilogue {
  ^bb0(%q: f32):
    heed.yield %q : f32
  } : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected eps}}
  %0 = heed.rows(%x) {domain = ["i0:2", "k0:3"], symbols = [], reduction = "normalize", maps = [affine_map<(i, k) -> (i, k)>], stores = [affine_map<(i, k) -> (i, k)>]}
  prologue {
  ^bb0(%p: f32):
    heed.yield %p : f32
  } epilogue {
  ^bb0(%q: f32):
    heed.yield %q : f32
  } : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{prologue: expected 1 arguments, found 2}}
  %0 = heed.rows(%x) {domain = ["i0:2", "k0:3"], symbols = [], reduction = "sum", maps = [affine_map<(i, k) -> (i, k)>], stores = [affine_map<(i, k) -> (i)>]}
  prologue {
  ^bb0(%p: f32, %u: f32):
    heed.yield %p : f32
  } epilogue {
  ^bb0(%q: f32):
    heed.yield %q : f32
  } : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{epilogue: expected to yield 'f32' for result 0, found 'i1'}}
  %0 = heed.rows(%x) {domain = ["i0:2", "k0:3"], symbols = [], reduction = "sum", maps = [affine_map<(i, k) -> (i, k)>], stores = [affine_map<(i, k) -> (i)>]}
  prologue {
  ^bb0(%p: f32):
    heed.yield %p : f32
  } epilogue {
  ^bb0(%q: f32):
    %b = heed.eq %q, %q : (f32, f32) -> i1
    heed.yield %b : i1
  } : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{prologue: expected to yield one number}}
  %0 = heed.rows(%x) {domain = ["i0:2", "k0:3"], symbols = [], reduction = "sum", maps = [affine_map<(i, k) -> (i, k)>], stores = [affine_map<(i, k) -> (i)>]}
  prologue {
  ^bb0(%p: f32):
    heed.yield %p, %p : f32, f32
  } epilogue {
  ^bb0(%q: f32):
    heed.yield %q : f32
  } : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----
func.func @f(%x: tensor<2xf32>, %c: f32) {
  %0 = heed.map(%x) {domain = ["i0:2"], symbols = [], maps = [affine_map<(i) -> (i)>], stores = [affine_map<(i) -> (i)>]}
  body {
  ^bb0(%u: f32):
    // expected-error @+1 {{expected captured values as arguments of the body}}
    %s = heed.add %u, %c : (f32, f32) -> f32
    heed.yield %s : f32
  } : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----
func.func @f(%x: tensor<2xf32>) {
  %0 = heed.map(%x) {domain = ["i0:2"], symbols = [], maps = [affine_map<(i) -> (i)>], stores = [affine_map<(i) -> (i)>]}
  body {
  ^bb0(%u: f32):
    // expected-error @+1 {{expected a scalar op in a kernel's region}}
    %s = arith.addf %u, %u : f32
    heed.yield %s : f32
  } : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----
func.func @f(%x: tensor<2xf32>) {
  %0 = heed.map(%x) {domain = ["i0:2"], symbols = [], maps = [affine_map<(i) -> (i)>], stores = [affine_map<(i) -> (i)>]}
  body {
  ^bb0(%u: f32):
    // expected-error @+1 {{expected one result over the kernel's 1 digits}}
    %i = heed.coordinate affine_map<(i, j) -> (j)> : i64
    heed.yield %u : f32
  } : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----
func.func @f(%x: tensor<4x3xf32>, %at: tensor<2xf32>) {
  // expected-error @+1 {{expected operand 1 to hold i32 or i64 indices, found 'f32'}}
  %0 = heed.map(%x, %at) {domain = ["i0:2", "i1:3"], symbols = [], gather,
      maps = [affine_map<(i, j) -> (0, j)>, affine_map<(i, j) -> (i)>], stores = [affine_map<(i, j) -> (i, j)>]}
  body {
  ^bb0(%u: f32, %n: f32):
    heed.yield %u : f32
  } : (tensor<4x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----
func.func @f(%x: tensor<2x4x3xf32>, %at: tensor<4xi64>, %rows: tensor<4x3xf32>) {
  // expected-error @+1 {{expected to append to [layers, batch, rows, features], found 'tensor<2x4x3xf32>' and 'tensor<2x4x3xf32>'}}
  %0 = heed.map(%x, %at, %rows) {domain = ["i0:4", "i1:3"], symbols = [], append = "1",
      maps = [affine_map<(i, j) -> (0, i, j)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>],
      stores = [affine_map<(i, j) -> (0, i, j)>]}
  body {
  ^bb0(%u: f32, %n: i64, %row: f32):
    heed.yield %row : f32
  } : (tensor<2x4x3xf32>, tensor<4xi64>, tensor<4x3xf32>) -> tensor<2x4x3xf32>
  return
}

// -----
func.func @f(%b: tensor<6x5xf32>) {
  // expected-error @+1 {{expected result to be [batch, panels, k, 8], found [1, 2, 5, 4]}}
  %p = heed.pack(%b) {domain = ["n0:6", "k0:5"], symbols = [], width = 8 : i64, maps = [affine_map<(n, k) -> (n, k)>],
      stores = [affine_map<(n, k) -> (0, n floordiv 4, k, n mod 4)>]} : (tensor<6x5xf32>) -> tensor<1x2x5x4xf32>
  return
}

// -----
func.func @f(%q: tensor<3x4xf32>) {
  // expected-error @+1 {{mask: expected to yield one i1}}
  %0 = heed.attention(%q, %q, %q) {
    domain = ["i0:3", "j0:3", "e0:4", "d0:4"], symbols = [], scale = 0.5 : f64,
    maps = [affine_map<(i, j, e, d) -> (i, e)>, affine_map<(i, j, e, d) -> (j, e)>, affine_map<(i, j, e, d) -> (j, d)>],
    stores = [affine_map<(i, j, e, d) -> (i, d)>]}
  score {
  ^bb0(%s: f32):
    heed.yield %s : f32
  } mask {
  ^bb0:
    %j = heed.coordinate affine_map<(i, j, e, d) -> (j)> : i64
    heed.yield %j : i64
  } epilogue {
  ^bb0(%x: f32):
    heed.yield %x : f32
  } : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----
func.func @f(%q: tensor<3x4xf32>, %t: tensor<5xf32>) {
  %0 = heed.attention(%q, %q, %q, %t) {
    domain = ["i0:3", "j0:3", "e0:4", "d0:4"], symbols = [], scale = 0.5 : f64,
    maps = [affine_map<(i, j, e, d) -> (i, e)>, affine_map<(i, j, e, d) -> (j, e)>, affine_map<(i, j, e, d) -> (j, d)>,
            affine_map<(i, j, e, d) -> (j)>],
    stores = [affine_map<(i, j, e, d) -> (i, d)>]}
  score {
  ^bb0(%s: f32, %x: f32):
    %j = heed.coordinate affine_map<(i, j, e, d) -> (j)> : i64
    // expected-error @+1 {{expected the table's map to be 0 along axis 0, the place of the index}}
    %y = heed.lookup %x, %j {axis = 0 : i64} : (f32, i64) -> f32
    heed.yield %y : f32
  } mask {
  } epilogue {
  ^bb0(%x: f32, %u: f32):
    heed.yield %x : f32
  } : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>, tensor<5xf32>) -> tensor<3x4xf32>
  return
}

// -----
func.func @f(%a: tensor<2x3xf32>, %b: tensor<3x8xf32>) {
  // expected-error @+1 {{epilogue: expected 2 arguments, found 1}}
  %0 = heed.contract(%a, %b) {domain = ["p:2", "m:2", "n:4", "k:3"], symbols = [],
      maps = [affine_map<(p, m, n, k) -> (m, k)>, affine_map<(p, m, n, k) -> (k, p * 4 + n)>], stores = [affine_map<(p, m, n, k) -> (m, n)>]}
  prologue {
  ^bb0(%x: f32):
    heed.yield %x : f32
  } epilogue {
  ^bb0(%s: f32):
    heed.yield %s : f32
  } : (tensor<2x3xf32>, tensor<3x8xf32>) -> tensor<2x4xf32>
  return
}
