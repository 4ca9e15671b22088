// heed.pack: weights in panels, once for each binding. outs[0] = [batch, panel, k, width]; an item is a panel.
#include "heed/compiler/lower/cpu/kinds.h"
#include "heed/compiler/lower/cpu/panels.h"

using namespace mlir;

namespace heed::cpu {

Lowering lowerPack(const tile::Kernel& kernel, const Target& target, ModuleOp module) {
  Emit e(kernel, target, module);
  Dim n = kernel.extentOf('n'), k = kernel.extentOf('k'), batch = kernel.extentOf('b');
  if (!n.is_static()) return kernel.op->emitOpError("expected a static number of columns");
  int64_t width = kernel.op->getAttrOfType<IntegerAttr>("width").getInt();
  if (width % target.lanes) return kernel.op->emitOpError("expected a panel width of whole vectors");
  int64_t panels = (n.constant + width - 1) / width;

  auto arguments = e.beginKernel(kernel.name, {e.bufferType(kernel.ins[0]), e.bufferType(kernel.outs[0])});
  e.loop(arguments.begin, arguments.end, 1, [&](Value item) {
    Value index = e.divide(item, panels), panel = e.remainder(item, e.constant(panels));
    const tile::Layout& layout = kernel.outs[0].layout;
    Value at = e.add(e.mul(index, e.dim(layout.strides[0])), e.mul(panel, e.dim(layout.strides[1])));
    packPanel(e, {0, 'n', 'k'}, arguments.buffers, index, e.mul(panel, width), width, arguments.buffers[1],
              e.add(at, e.dim(layout.offset)), e.dim(layout.strides[2]));
  });
  e.finishKernel();

  tile::Launch launch;
  launch.function = kernel.name;
  launch.buffers = {0, 1};
  launch.dims = e.dims();
  launch.work = batch * Dim(panels);
  launch.kind = "pack";
  launch.bytes = Dim(int64_t(sizeof(float))) * batch * k * Dim(n.constant + panels * width);
  return tile::Lowered{{launch}, {}};
}

}  // namespace heed::cpu
