// heed.pack: weights in panels, once for each binding. outs[0] = [batch, panel, k, width]; an item
// is a panel.
#include "heed/compiler/lower/cpu/kinds.h"
#include "heed/compiler/lower/cpu/panels.h"
#include "heed/compiler/lower/tile/access.h"

using namespace mlir;

namespace heed::cpu {

namespace {

// A packing whose sizes are arguments of its function: weights of one form, whatever their sizes,
// share its code.
struct SharedForm {
  tile::Kernel kernel;
  std::vector<std::pair<Dim, Dim>> sizes;  // symbol, what it stands for
  bool deep;                               // see PanelSource

  Dim valueOf(const Dim& symbol) const {
    return llvm::find_if(sizes, [&](const auto& size) { return size.first == symbol; })->second;
  }
};

// Rows that are contiguous along the depth have one digit of it.
void mergeDepth(tile::Kernel& kernel, const Dim& depth) {
  std::vector<tile::Digit> digits;
  std::vector<Dim> strides;
  for (auto [digit, stride] : llvm::zip_equal(kernel.digits, kernel.ins[0].strides))
    if (digit.role != 'k') {
      digits.push_back(digit);
      strides.push_back(stride);
    }
  digits.push_back({'k', "k0", depth});
  strides.push_back(Dim(1));
  kernel.digits = digits;
  kernel.ins[0].strides = strides;
}

// Its name says what the code depends on: 0 and 1, which simplify it, and which other sizes there
// are.
std::optional<SharedForm> sharedForm(const tile::Kernel& kernel, int64_t width) {
  const tile::Access &source = kernel.ins[0], &panels = kernel.outs[0];
  if (!kernel.symbols.empty() || !source.linear() || kernel.withRole('n').size() != 1) return {};
  SharedForm form{kernel, {}, false};
  Dim depth = kernel.extentOf('k');
  form.deep =
      depth.is_static() && depth.constant >= 4 && tile::strideAlong(kernel, source, 'k') == Dim(1);
  if (form.deep) mergeDepth(form.kernel, depth);
  form.kernel.name = "pack" + std::to_string(width) + "_" + std::to_string(int(source.dtype)) +
                     (form.deep ? "d" : "_");
  bool known = true;
  auto pass = [&](Dim& size) {
    known &= size.is_static();
    bool simple = size == Dim(0) || size == Dim(1);
    form.kernel.name += simple ? std::to_string(size.constant) : "x";
    if (simple) return;
    Dim symbol = *parse_dim("p" + std::to_string(form.sizes.size()));
    form.sizes.push_back({symbol, size});
    size = symbol;
  };
  for (auto [n, digit] : llvm::enumerate(form.kernel.digits)) {
    form.kernel.name += digit.role;
    pass(digit.extent);
    pass(form.kernel.ins[0].strides[n]);
  }
  pass(form.kernel.ins[0].offset);
  pass(form.kernel.outs[0].layout.offset);
  form.kernel.outs[0].offset = form.kernel.outs[0].layout.offset;
  for (size_t axis = 0; axis < 3; ++axis) pass(form.kernel.outs[0].layout.strides[axis]);
  // its strides are in those over the digits
  form.kernel.ins[0].layout = form.kernel.outs[0].layout;
  if (!known || panels.layout.strides.size() != 4) return {};
  return form;
}

void emitPack(const tile::Kernel& kernel, const Target& target, ModuleOp module, int64_t width,
              bool deep, tile::Launch& launch) {
  Emit e(kernel, target, module);
  launch.dims = e.dims();
  if (module.lookupSymbol(kernel.name)) return;  // of another kernel in this module
  auto arguments =
      e.beginKernel(kernel.name, {e.bufferType(kernel.ins[0]), e.bufferType(kernel.outs[0])});
  Value parts = e.dim(kernel.extentOf('p'));
  Value panels = e.mul(e.ceilDivide(e.dim(kernel.extentOf('n')), width), parts);
  e.loop(arguments.begin, arguments.end, 1, [&](Value item) {
    Value index = e.divide(item, panels), panel = e.remainder(item, panels);
    Value part = e.remainder(panel, parts), first = e.mul(e.divide(panel, parts), width);
    const tile::Layout& layout = kernel.outs[0].layout;
    Value at =
        e.add(e.mul(index, e.dim(layout.strides[0])), e.mul(panel, e.dim(layout.strides[1])));
    packPanel(e, {0, 'n', 'k', deep, part}, arguments.buffers, index, first, width,
              arguments.buffers[1], e.add(at, e.dim(layout.offset)), e.dim(layout.strides[2]));
  });
  e.finishKernel();
}

}  // namespace

Lowering lowerPack(const tile::Kernel& kernel, const Target& target, ModuleOp module) {
  Dim n = kernel.extentOf('n'), k = kernel.extentOf('k'), batch = kernel.extentOf('b'),
      parts = kernel.extentOf('p');
  if (!n.is_static()) return kernel.op->emitOpError("expected a static number of columns");
  int64_t width = kernel.op->getAttrOfType<IntegerAttr>("width").getInt();
  if (width % target.lanes)
    return kernel.op->emitOpError("expected a panel width of whole vectors");
  int64_t panels = (n.constant + width - 1) / width;

  tile::Launch launch;
  if (auto form = sharedForm(kernel, width)) {
    launch.function = form->kernel.name;
    emitPack(form->kernel, target, module, width, form->deep, launch);
    for (Dim& dim : launch.dims) dim = form->valueOf(dim);
  } else {
    launch.function = kernel.name;
    emitPack(kernel, target, module, width, false, launch);
  }
  launch.buffers = {0, 1};
  launch.work = batch * parts * Dim(panels);
  launch.kind = "pack";
  launch.bytes = Dim(int64_t(sizeof(float))) * batch * parts * k * Dim(n.constant + panels * width);
  return tile::Lowered{{launch}, {}};
}

}  // namespace heed::cpu
