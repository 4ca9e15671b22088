// A kernel op as its lowerings see it: digits with roles, and every operand's address as a linear
// form over the digits. Shared by all targets; below it cpu, gpu and reference part.
#pragma once
#include <optional>
#include <string>

#include "heed/compiler/dialect/heed.h"
#include <vector>

namespace heed::tile {

struct Digit {
  char role;         // see the dialect: b m n k | b i j e d | i k | i
  std::string name;  // "b0"
  Dim extent;
};

// How a tensor lies in its buffer, in elements. Dense row-major unless the memory plan made it a
// slice of another.
struct Layout {
  Dim offset;
  std::vector<Dim> strides;  // one an axis
};
Layout denseLayout(const Shape& shape);

// A rolled group of digits: + stride * ((Σ weights[d]·digit_d + shift) mod modulus). Lowerings turn
// it into a table.
struct Rolled {
  std::vector<Dim> weights;  // one a digit
  Dim shift, modulus, stride;
};

// address = offset + Σ strides[d]·digit_d + Σ rolled; `axes` are the coordinates it came from, for
// bounds checks.
struct Access {
  DType dtype = DType::f32;
  Dim offset;
  std::vector<Dim> strides;  // one a digit of the domain
  std::vector<Rolled> rolled;
  mlir::AffineMap map;             // tensor coordinates
  Shape shape;                     // of the tensor
  Layout layout;
  std::optional<double> fill;      // value outside the bounds; absent: never outside
  bool linear() const { return rolled.empty() && !fill; }
};

struct Kernel {
  mlir::Operation* op = nullptr;
  std::string name;                  // symbol stem, "k3_contract"
  std::vector<Digit> digits;
  std::vector<std::string> symbols;  // affine symbols, in order
  std::vector<Access> ins, outs;

  std::vector<int> withRole(char role) const;  // digit numbers, major to minor
  Dim extentOf(char role) const;                     // product
};

// Where the operands begin that regions capture: after q, k and v; after a and b.
inline constexpr int attention_captured = 3, contract_captured = 2;

// layouts: one an in, then one an out.
mlir::FailureOr<Kernel> describe(mlir::Operation* op, llvm::StringRef name,
                                 llvm::ArrayRef<Layout> layouts);

// One call of a function of contract 2. `buffers` indexes the kernel's ins, then outs, then
// temporaries.
struct Launch {
  std::string function;
  std::vector<int> buffers;
  std::vector<Dim> dims;  // become the function's index arguments, in order
  Dim work{1}, scratchBytes{0};
  std::int64_t grain = 1;
  std::int64_t group = 1;  // items of a workgroup
  std::string kind;
  bool countsTiles = false, packsOnce = false;  // as of abi::Step
  Dim flops{0}, bytes{0};
};

// What a lowering makes of one kernel op. Each launch names a func.func in the module, with
// arguments
//   (one memref<1073741824xT> a buffer, one index a dim, index begin, index end,
//   memref<1073741824xi8> scratch) -> i32
// marked {heed.kernel}; helpers are private functions. Bools are i8. Temporaries are arena buffers,
// in bytes. On a GPU it is a gpu.func in a gpu.module of the same name (lower/gpu/simt.h).
struct Lowered {
  std::vector<Launch> launches;
  std::vector<Dim> temporaries;
};

}  // namespace heed::tile
