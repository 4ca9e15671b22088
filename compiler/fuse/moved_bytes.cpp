#include "heed/compiler/fuse/moved_bytes.h"

#include "heed/compiler/dialect/heed.h"

using namespace mlir;

namespace heed::fuse {

static Dim bytesOf(Value v) {
  auto type = cast<RankedTensorType>(v.getType());
  return element_count(ir::shapeOf(type)) * Dim(int64_t(size_of(ir::dtypeOf(type))));
}

std::string movedBytes(func::FuncOp function) {
  std::string text;
  Dim sum;
  auto flush = [&] { text += (text.empty() ? "" : " + ") + text_of(sum); };
  function.walk([&](ir::MapOp op) {
    auto [read, written] = std::pair(ValueRange(op->getOperands()), ValueRange(op->getResults()));
    if (ir::isAppend(op)) read = read.drop_front(), written = read.drop_front();  // only the rows
    for (ValueRange values : {read, written})
      for (Value v : values) {
        Dim more = sum + bytesOf(v);
        if (more.invalid) flush();  // more terms than a dimension can have
        sum = more.invalid ? bytesOf(v) : more;
      }
  });
  flush();
  return text;
}

}  // namespace heed::fuse
