#include "heed/compiler/lower/cpu/stream.h"

#include <limits>

using namespace mlir;

namespace heed::cpu {
namespace {

// Cost of lanes along a digit, relative to a plain vector load.
constexpr double gather_cost = 8, scatter_cost = 12, masked_cost = 1.5;

double costAlong(const tile::Access& access, int digit, double scattered) {
  if (tile::rolls(access, digit)) return scattered;
  const Dim& stride = access.strides[digit];
  if (!(stride == Dim(0)) && !(stride == Dim(1))) return scattered;
  return access.fill ? masked_cost : 1;
}

}  // namespace

int chooseLanes(const tile::Kernel& kernel, const Target& target, char reduced) {
  int best = -1;
  double least = std::numeric_limits<double>::infinity();
  for (auto [n, digit] : llvm::enumerate(kernel.digits)) {
    if (digit.extent == Dim(1)) continue;
    double cost = 0, lanes = target.lanes;
    for (const tile::Access& access : kernel.ins) cost += costAlong(access, int(n), gather_cost);
    for (const tile::Access& access : kernel.outs) cost += costAlong(access, int(n), scatter_cost);
    double extent = digit.extent.is_static() ? double(digit.extent.constant) : 64;
    double vectors = double((int64_t(extent) + target.lanes - 1) / target.lanes);
    cost *= vectors * lanes / extent;                       // idle lanes
    if (digit.role == reduced) cost *= 1 + lanes / extent;  // across lanes, once a row
    if (cost <= least) least = cost, best = int(n);         // minor digits win a tie
  }
  return best;
}

std::vector<int> loopOrder(const tile::Kernel& kernel, char role, int last) {
  std::vector<int> order;
  for (int digit : kernel.withRole(role))
    if (digit != last && !(kernel.digits[digit].extent == Dim(1))) order.push_back(digit);
  if (last >= 0 && kernel.digits[last].role == role) order.push_back(last);
  return order;
}

void forEachRun(Emit& e, const Cursor& cursor, ArrayRef<int> digits, Value begin, Value end,
                llvm::function_ref<void(const Cursor&, Value, Value)> run) {
  if (digits.size() <= 1) return run(cursor, begin, end);
  Value inner = e.constant(1);  // elements of the digits below the first
  for (int digit : digits.drop_front()) inner = e.mul(inner, e.dim(e.kernel.digits[digit].extent));
  e.loop(e.divide(begin, inner), e.ceilDivide(end, inner), 1, [&](Value value) {
    Cursor deeper = cursor;
    deeper.set(digits[0], value);
    Value before = e.mul(value, inner);
    Value low = e.max(e.sub(begin, before), e.constant(0)), high = e.min(e.sub(end, before), inner);
    forEachRun(e, deeper, digits.drop_front(), low, high, run);
  });
}

void forLanes(Emit& e, const Cursor& cursor, int digit, Value low, Value high,
              llvm::function_ref<void(Cursor&, Value)> body) {
  auto lanes = [&](Value at, Value mask) {
    Cursor inner = cursor;
    inner.setLanes(digit, at, mask);
    body(inner, at);
  };
  Value full = e.add(low, e.roundDown(e.sub(high, low), e.lanes()));
  e.loop(low, full, e.lanes(), [&](Value at) { lanes(at, {}); });
  Value rest = e.sub(high, full);
  if (constantOf(rest) == 0) return;
  if (e.target.masks) {
    e.when(e.below(full, high), [&] { lanes(full, e.lanesBelow(rest)); });
    return;
  }
  e.loop(full, high, 1, [&](Value at) {
    Cursor inner = cursor;
    inner.set(digit, at);
    body(inner, at);
  });
}

}  // namespace heed::cpu
