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
    for (ValueRange values : {ValueRange(op->getOperands()), ValueRange(op->getResults())})
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
