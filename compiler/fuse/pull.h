// `pull`: from an element of a value back to what it is computed from. Walking backwards it
// rewrites coordinates at layout ops and builds a scalar expression at elementwise ops, until it
// meets a value that has a buffer or an anchor (a contraction, reduction, attention, gather).
// Recognition, layout folding and region absorption are this one walk.
#pragma once
#include <functional>
#include <memory>
#include <optional>

#include "heed/compiler/dialect/heed.h"
#include "heed/compiler/fuse/views.h"

namespace heed::fuse {

struct Expression;
using ExpressionPtr = std::shared_ptr<Expression>;

struct Expression {
  enum Kind {
    load,      // value at coordinates, `fill` outside
    anchor,    // the result of op `value.getDefiningOp()` at coordinates
    constant,  // number
    position,  // coordinates[0] as an integer
    extent,    // dim
    lookup,    // value at coordinates, but at operands[0] along axis `number`; op is the gather
    apply      // the scalar op `name` to operands
  } kind = constant;
  mlir::Value value;
  Coordinates coordinates;
  std::optional<double> fill;
  double number = 0;
  std::string dim;
  mlir::Operation* op = nullptr;  // the anchor, the gather
  std::vector<ExpressionPtr> operands;
  mlir::Type type;  // of the scalar
  std::string name;
};

ExpressionPtr constantExpression(double number, mlir::Type type);
ExpressionPtr loadExpression(mlir::Value value, const Coordinates& coordinates);
ExpressionPtr applyExpression(mlir::StringRef name, std::vector<ExpressionPtr> operands,
                              mlir::Type type);

// Visits every node once.
void visit(const ExpressionPtr& root, const std::function<void(Expression&)>& f);
bool sameExpression(const Domain& domain, const ExpressionPtr& a, const ExpressionPtr& b);

class Puller {
 public:
  // hasBuffer: values at which the walk ends in a load. isAnchor: ops at which it ends in an
  // anchor. isLookup: gathers that are done where their result is read.
  Puller(
      Domain& domain, std::function<bool(mlir::Value)> hasBuffer,
      std::function<bool(mlir::Operation*)> isAnchor,
      std::function<bool(mlir::Operation*)> isLookup = [](mlir::Operation*) { return false; })
      : domain_(domain),
        hasBuffer_(std::move(hasBuffer)),
        isAnchor_(std::move(isAnchor)),
        isLookup_(std::move(isLookup)) {}

  // root: look through the value itself even where it has a buffer (it is the one being computed).
  ExpressionPtr pull(mlir::Value value, const Coordinates& coordinates, bool root = false);

  // Values that must get a buffer of their own before this pull can succeed: layouts that do not
  // compose.
  const std::vector<mlir::Value>& conflicts() const { return conflicts_; }
  void conflict(mlir::Value value) { conflicts_.push_back(value); }

 private:
  ExpressionPtr layout(mlir::Operation* op, const Coordinates& coordinates);
  ExpressionPtr padded(ir::PadOp op, const Coordinates& coordinates);
  ExpressionPtr windowed(ir::WindowOp op, const Coordinates& coordinates);
  // x with what a read outside of the extent gives, where that can be said.
  ExpressionPtr filled(mlir::Operation* op, const Coordinates& coordinates,
                       const Coordinates& inner, int64_t axis, double value);
  ExpressionPtr scalar(mlir::Operation* op, const Coordinates& coordinates);
  ExpressionPtr lookup(ir::GatherOp op, const Coordinates& coordinates);
  ExpressionPtr give_up(mlir::Operation* op, const Coordinates& coordinates, mlir::Value culprit);

  Domain& domain_;
  std::function<bool(mlir::Value)> hasBuffer_;
  std::function<bool(mlir::Operation*)> isAnchor_, isLookup_;
  std::vector<mlir::Value> conflicts_;
  struct Memo {
    mlir::Value value;
    Coordinates coordinates;
    ExpressionPtr result;
  };
  std::vector<Memo> memo_;
};

// Coordinates of an operand that is broadcast to a result (numpy rules) at the result's
// coordinates.
Coordinates broadcastCoordinates(const Coordinates& coordinates, const Shape& operand);

// Whether the load has an axis that is addressed by this coordinate alone, so that its bounds are
// the coordinate's: merged with others, rolled or sliced, what lies outside would be something else
// inside.
bool keepsBounds(const Domain& domain, const Expression& load, const Coordinate& coordinate,
                 const Dim& extent);

}  // namespace heed::fuse
