// The heed dialect. Two levels of one language: graph ops on tensors as the DSL wrote them, and kernel ops, each of
// which becomes machine code. Scalar ops serve both: on tensors (numpy broadcasting) and inside kernels' regions.
#ifndef HEED_TD
#define HEED_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Heed_Dialect : Dialect {
  let name = "heed";
  let cppNamespace = "::heed::ir";
  let description = [{
    Tensors with symbolic dimensions carry them as canonical text in the encoding:
    tensor<?x197x768xf32, "B,197,768">. Static tensors have no encoding.
  }];
}

class Heed_Op<string mnemonic, list<Trait> traits = []> : Op<Heed_Dialect, mnemonic, traits> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

// ---- graph level ------------------------------------------------------------------------------------------------------

// Verified by the shape rules of contract 1 (dsl/graph/rules.h).
class Heed_GraphOp<string mnemonic, list<Trait> traits = []> : Heed_Op<mnemonic, traits> {
  let results = (outs AnyType:$result);
  let hasVerifier = 1;
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::verify() { return ::heed::ir::verifyByShapeRules(getOperation()); }
  }];
}

def Heed_ParameterOp : Heed_Op<"parameter", [Pure]> {
  let summary = "a trained tensor, by its name in the checkpoint";
  let arguments = (ins StrAttr:$name);
  let results = (outs AnyRankedTensor:$result);
}
def Heed_BufferOp : Heed_Op<"buffer", [Pure]> {
  let summary = "a tensor that is known when compiling: masks, index tables";
  let arguments = (ins StrAttr:$name, ElementsAttr:$value);
  let results = (outs AnyRankedTensor:$result);
}
def Heed_ConstantOp : Heed_Op<"constant", [Pure, ConstantLike]> {
  let arguments = (ins F64Attr:$value);
  let results = (outs AnyType:$result);
  let hasFolder = 1;
}
def Heed_PositionOp : Heed_GraphOp<"position", [Pure]> {
  let summary = "every element is its own index along an axis";
  let arguments = (ins I64Attr:$axis);
}
def Heed_ExtentOp : Heed_Op<"extent", [Pure]> {
  let summary = "the value of a dimension";
  let arguments = (ins StrAttr:$dim);
  let results = (outs AnyType:$result);
}

// Scalar ops: elementwise on tensors, plain on scalars in regions.
class Heed_Unary<string mnemonic> : Heed_GraphOp<mnemonic, [Pure, Elementwise]> { let arguments = (ins AnyType:$x); }
class Heed_Binary<string mnemonic, list<Trait> traits = []> : Heed_GraphOp<mnemonic, !listconcat([Pure], traits)> {
  let arguments = (ins AnyType:$x, AnyType:$y);
}
def Heed_AddOp : Heed_Binary<"add", [Commutative]>;
def Heed_SubOp : Heed_Binary<"sub"> { let hasFolder = 1; }
def Heed_MulOp : Heed_Binary<"mul", [Commutative]> { let hasFolder = 1; }
def Heed_DivOp : Heed_Binary<"div"> { let hasFolder = 1; }
def Heed_MaximumOp : Heed_Binary<"maximum", [Commutative]>;
def Heed_MinimumOp : Heed_Binary<"minimum", [Commutative]>;
def Heed_PowOp : Heed_Binary<"pow"> { let hasFolder = 1; }
def Heed_EqOp : Heed_Binary<"eq">;
def Heed_NeOp : Heed_Binary<"ne">;
def Heed_LtOp : Heed_Binary<"lt">;
def Heed_LeOp : Heed_Binary<"le">;
def Heed_GtOp : Heed_Binary<"gt">;
def Heed_GeOp : Heed_Binary<"ge">;
def Heed_LogicalAndOp : Heed_Binary<"logical_and", [Commutative]>;
def Heed_LogicalOrOp : Heed_Binary<"logical_or", [Commutative]>;
def Heed_LogicalNotOp : Heed_Unary<"logical_not"> { let hasFolder = 1; }
def Heed_WhereOp : Heed_GraphOp<"where", [Pure]> {
  let arguments = (ins AnyType:$condition, AnyType:$then_value, AnyType:$else_value);
  let hasFolder = 1;
}
def Heed_RandomOp : Heed_GraphOp<"random", [Pure]> {
  let summary = "Philox2x32-10's first word: i32, or f32 in (0, 1) of its upper 23 bits n, (n + 1/2) / 2^23";
  let arguments = (ins AnyType:$seed, AnyType:$counter0, AnyType:$counter1);
}
def Heed_CastOp : Heed_Unary<"cast"> { let hasFolder = 1; }
def Heed_NegOp : Heed_Unary<"neg"> { let hasFolder = 1; }
def Heed_AbsOp : Heed_Unary<"abs"> { let hasFolder = 1; }
def Heed_ExpOp : Heed_Unary<"exp">;
def Heed_LogOp : Heed_Unary<"log">;
def Heed_SqrtOp : Heed_Unary<"sqrt">;
def Heed_RsqrtOp : Heed_Unary<"rsqrt">;
def Heed_TanhOp : Heed_Unary<"tanh">;
def Heed_SigmoidOp : Heed_Unary<"sigmoid">;
def Heed_ErfOp : Heed_Unary<"erf">;
def Heed_SinOp : Heed_Unary<"sin">;
def Heed_CosOp : Heed_Unary<"cos">;
def Heed_ReluOp : Heed_Unary<"relu"> { let hasFolder = 1; }
def Heed_GeluOp : Heed_Unary<"gelu"> { let summary = "x/2 (1 + erf(x/√2))"; }
def Heed_SiluOp : Heed_Unary<"silu">;

// Layout ops: elements keep their values and change their places. The result type says the target shape.
class Heed_LayoutOp<string mnemonic> : Heed_GraphOp<mnemonic, [Pure]> { let hasFolder = 1; }
def Heed_ReshapeOp : Heed_LayoutOp<"reshape"> { let arguments = (ins AnyRankedTensor:$x); }
def Heed_PermuteOp : Heed_LayoutOp<"permute"> {
  let arguments = (ins AnyRankedTensor:$x, DenseI64ArrayAttr:$permutation);
}
def Heed_SliceOp : Heed_LayoutOp<"slice"> {
  let arguments = (ins AnyRankedTensor:$x, I64Attr:$axis, StrAttr:$begin, StrAttr:$end);
}
def Heed_PadOp : Heed_LayoutOp<"pad"> {
  let arguments = (ins AnyRankedTensor:$x, I64Attr:$axis, StrAttr:$before, StrAttr:$after, F64Attr:$value);
}
def Heed_BroadcastOp : Heed_LayoutOp<"broadcast"> { let arguments = (ins AnyRankedTensor:$x); }
def Heed_RollOp : Heed_LayoutOp<"roll"> {
  let summary = "result[i] = x[(i - shift) mod n] along the axis";
  let arguments = (ins AnyRankedTensor:$x, I64Attr:$axis, I64Attr:$shift);
}
def Heed_ConcatOp : Heed_LayoutOp<"concat"> {
  let arguments = (ins Variadic<AnyRankedTensor>:$xs, I64Attr:$axis);
}

def Heed_WindowOp : Heed_LayoutOp<"window"> {
  let summary = "[.. n ..] to [.. m .., size]: result[.. i .., j] = x[i stride + j dilation - before], value outside";
  let arguments = (ins AnyRankedTensor:$x, I64Attr:$axis, I64Attr:$size, I64Attr:$stride, I64Attr:$dilation,
                       I64Attr:$before, I64Attr:$after, F64Attr:$value);
}

def Heed_MatmulOp : Heed_GraphOp<"matmul", [Pure]> { let arguments = (ins AnyRankedTensor:$a, AnyRankedTensor:$b); }
def Heed_Conv2dOp : Heed_GraphOp<"conv2d", [Pure]> {
  let summary = "x [b, c, h, w], w [o, c/groups, kh, kw] -> [b, o, h', w']";
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$w, I64Attr:$stride, I64Attr:$padding, I64Attr:$dilation,
                       I64Attr:$groups);
}
def Heed_Three : ConfinedAttr<DenseI64ArrayAttr, [DenseArrayCount<3>]>;
def Heed_Conv3dOp : Heed_GraphOp<"conv3d", [Pure]> {
  let summary = "x [b, c, t, h, w], w [o, c/groups, kt, kh, kw] -> [b, o, t', h', w']";
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$w, Heed_Three:$stride, Heed_Three:$padding, Heed_Three:$dilation,
                       I64Attr:$groups);
}
def Heed_SoftmaxOp : Heed_GraphOp<"softmax", [Pure]> {
  let summary = "along an axis; a slice that is all -inf gives zeros";
  let arguments = (ins AnyRankedTensor:$x, I64Attr:$axis);
}
def Heed_NormalizeOp : Heed_GraphOp<"normalize", [Pure]> {
  let summary = "(x - mean) / sqrt(var + eps) over the last axis, then times weight plus bias where given";
  let arguments = (ins AnyRankedTensor:$x, Variadic<AnyRankedTensor>:$affine, F64Attr:$eps);
}
class Heed_Reduce<string mnemonic> : Heed_GraphOp<mnemonic, [Pure]> {
  let arguments = (ins AnyRankedTensor:$x, I64Attr:$axis, BoolAttr:$keep);
}
def Heed_SumOp : Heed_Reduce<"sum">;
def Heed_MeanOp : Heed_Reduce<"mean">;
def Heed_MaxOp : Heed_Reduce<"max">;
def Heed_MinOp : Heed_Reduce<"min">;
def Heed_GatherOp : Heed_GraphOp<"gather", [Pure]> {
  let summary = "table [n, r...], indices [s...] -> [s..., r...]";
  let arguments = (ins AnyRankedTensor:$table, AnyRankedTensor:$indices);
}
def Heed_AppendOp : Heed_GraphOp<"append", [Pure]> {
  let summary = "cache [layers, batch, capacity, f] with rows [batch, n, f] at [layer, b, at[b] ...], at [batch]";
  let arguments = (ins AnyRankedTensor:$cache, AnyRankedTensor:$rows, AnyRankedTensor:$at, I64Attr:$layer);
}

def Heed_CallOp : Heed_Op<"call", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a submodule; `name` prefixes its parameters";
  let arguments = (ins FlatSymbolRefAttr:$callee, StrAttr:$name, Variadic<AnyRankedTensor>:$xs);
  let results = (outs Variadic<AnyRankedTensor>:$results);
}
def Heed_RepeatOp : Heed_Op<"repeat", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a submodule applied `times` times to its first operand; parameters are prefixed `name.i`";
  let arguments = (ins FlatSymbolRefAttr:$callee, StrAttr:$name, I64Attr:$times, Variadic<AnyRankedTensor>:$xs);
  let results = (outs Variadic<AnyRankedTensor>:$results);
}
def Heed_ScanOp : Heed_Op<"scan", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a submodule run step by step";
  let description = [{
    xs = initial states, tensors that are scanned along `axis`, tensors that every step sees whole; results = the last
    states, then the outputs of all steps, stacked along `axis`. With `stops` the callee gives a bool tensor more: the step
    in which none of it is true is the last one, the outputs of further steps are 0, and a last result says how many there
    were.
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, StrAttr:$name, I64Attr:$states, I64Attr:$scanned, I64Attr:$axis,
      BoolAttr:$reverse, StrAttr:$steps, UnitAttr:$stops, Variadic<AnyRankedTensor>:$xs);
  let results = (outs Variadic<AnyRankedTensor>:$results);
}
def Heed_LoopOp : Op<Heed_Dialect, "loop", [RecursiveMemoryEffects]> {
  let summary = "a scan with its calls inlined";
  let description = [{
    The body takes the states and yields the next ones, then the outputs of the step. `symbol` is the step's number, 1 to
    `steps`, or downwards with `reverse`: what is scanned is sliced at [symbol - 1, symbol). Whatever stands in front of
    the loop can be read in it. With `stops` it yields a bool tensor more, and the step in which none of it is true is the
    last one: the last state, an i64, counts the steps, and outputs of further steps are not written. Serves both levels.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$initial, StrAttr:$symbol, StrAttr:$steps, I64Attr:$axis,
      BoolAttr:$reverse, UnitAttr:$stops);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasVerifier = 1;
  let assemblyFormat = "`(` $initial `)` attr-dict `body` $body `:` functional-type($initial, $results)";
  let extraClassDeclaration = [{
    ::mlir::Block& block() { return getBody().front(); }
  }];
}
def Heed_ProbeOp : Heed_GraphOp<"probe"> {
  let summary = "identity; a value that can be asked for by name";
  let arguments = (ins AnyRankedTensor:$x, StrAttr:$name);
}

// ---- kernel level -----------------------------------------------------------------------------------------------------
//
// A kernel runs over a domain of digits, "role name:extent", the first letter of the name being its role:
//   b batch | m row, n column, p part, k reduction (contract) | i query, j key, e and d head features (attention) | i row, k
//   reduction (rows) | i (map)
// maps[x] gives the coordinates at which ins[x] is read, one expression a tensor axis, in terms of the digits (affine
// dims, in domain order) and `symbols` (affine symbols). `mod` and `floordiv` come from rolls only: lowerings turn them
// into tables. stores[r] does the same for outs[r]. fill[x], where given as a float, is what ins[x] reads outside its bounds.
// Regions get the value they transform, then one scalar for each captured operand, and read digits by heed.coordinate.

class Heed_KernelOp<string mnemonic> : Op<Heed_Dialect, mnemonic, [Pure]> {
  let results = (outs Variadic<AnyRankedTensor>:$outs);
  let hasVerifier = 1;
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::verify() { return ::heed::ir::verifyKernel(getOperation()); }
  }];
}

def Heed_ContractOp : Heed_KernelOp<"contract"> {
  let summary = "outs[b,m,n] = epilogue(sum over k of prologue(a) * b, one for each part p)";
  let description = [{
    ins = a, b, captured...; parts are columns of one product that the epilogue meets together, as the gates of a GRU's
    unit: it starts with so many scalars, one without a digit p. `packed` = panel width w: b is the result of heed.pack,
    [batch, panels, k, w], and its map is (batch, (n floordiv w) * parts + p, k, n mod w) over the linearised digits of
    each role.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$ins, StrArrayAttr:$domain, StrArrayAttr:$symbols,
      AffineMapArrayAttr:$maps, AffineMapArrayAttr:$stores, OptionalAttr<ArrayAttr>:$fill, OptionalAttr<I64Attr>:$packed);
  let regions = (region SizedRegion<1>:$prologue, SizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    `(` $ins `)` attr-dict `prologue` $prologue `epilogue` $epilogue `:` functional-type($ins, $outs)
  }];
}

def Heed_AttentionOp : Heed_KernelOp<"attention"> {
  let summary = "outs[0][b,i,d] = epilogue(sum over j of softmax_j(score(scale * sum over e of q k) where mask) v)";
  let description = [{
    ins = q, k, v, captured...; the mask region is empty where every key is live. A query without a live key gives zeros.
    outs[1], where present, are the softmax weights [b, i, j].
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$ins, StrArrayAttr:$domain, StrArrayAttr:$symbols,
      AffineMapArrayAttr:$maps, AffineMapArrayAttr:$stores, OptionalAttr<ArrayAttr>:$fill, F64Attr:$scale);
  let regions = (region SizedRegion<1>:$score, AnyRegion:$mask, SizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    `(` $ins `)` attr-dict `score` $score `mask` $mask `epilogue` $epilogue `:` functional-type($ins, $outs)
  }];
}

def Heed_RowsOp : Heed_KernelOp<"rows"> {
  let summary = "a reduction along k, or a normalisation by it";
  let description = [{
    ins = x, captured...; `reduction`: softmax and normalize keep k and give epilogue(y); sum, mean, max, min drop it.
    Normalize uses `eps`.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$ins, StrArrayAttr:$domain, StrArrayAttr:$symbols,
      AffineMapArrayAttr:$maps, AffineMapArrayAttr:$stores, OptionalAttr<ArrayAttr>:$fill, StrAttr:$reduction,
      OptionalAttr<F64Attr>:$eps);
  let regions = (region SizedRegion<1>:$prologue, SizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    `(` $ins `)` attr-dict `prologue` $prologue `epilogue` $epilogue `:` functional-type($ins, $outs)
  }];
}

def Heed_MapOp : Heed_KernelOp<"map"> {
  let summary = "elementwise work or a copy that found no other kernel";
  let description = [{
    ins = captured...; with `gather`, the coordinate of ins[0] along its first axis is the value of ins[1] (that axis' map
    expression is 0), an index outside is an error of the run. With `append`, a number of rows, outs[0] is ins[0], in its
    place, but for what is stored: ins[1] is added to the coordinate along its third axis; an error of the run where the
    rows do not fit.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$ins, StrArrayAttr:$domain, StrArrayAttr:$symbols,
      AffineMapArrayAttr:$maps, AffineMapArrayAttr:$stores, OptionalAttr<ArrayAttr>:$fill, UnitAttr:$gather,
      OptionalAttr<StrAttr>:$append);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "`(` $ins `)` attr-dict `body` $body `:` functional-type($ins, $outs)";
}

def Heed_PackOp : Heed_KernelOp<"pack"> {
  let summary = "a contraction's b, laid out in panels of `width` columns: outs[0] = [batch, panels, k, width], zero-padded";
  let description = [{
    ins = b; domain and map are the contraction's b, n, p and k digits; the parts of a panel's columns follow each other.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$ins, StrArrayAttr:$domain, StrArrayAttr:$symbols,
      AffineMapArrayAttr:$maps, AffineMapArrayAttr:$stores, OptionalAttr<ArrayAttr>:$fill, I64Attr:$width);
  let assemblyFormat = "`(` $ins `)` attr-dict `:` functional-type($ins, $outs)";
}

def Heed_CoordinateOp : Heed_Op<"coordinate", [Pure]> {
  let summary = "a combination of the kernel's digits, in its regions";
  let arguments = (ins AffineMapAttr:$map);
  let results = (outs AnyType:$result);
  let assemblyFormat = "$map attr-dict `:` type($result)";
}
def Heed_LookupOp : Heed_Op<"lookup", [Pure]> {
  let summary = "the element of a captured operand at a computed index, in attention's score and mask regions";
  let description = [{
    `table` is the argument that stands for the operand; `index` is its coordinate along `axis`, where its map says 0. An
    index outside is an error of the run where the key is alive; of keys that the mask hides, a score looks up nothing,
    and the mask itself what it is evaluated for.
  }];
  let arguments = (ins AnyType:$table, AnyType:$index, I64Attr:$axis);
  let results = (outs AnyType:$result);
}
def Heed_YieldOp : Heed_Op<"yield", [Pure, Terminator]> {
  let arguments = (ins Variadic<AnyType>:$xs);
  let assemblyFormat = "operands attr-dict `:` type(operands)";
}

#endif
