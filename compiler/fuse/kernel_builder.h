// Turns what `pull` found into a kernel op: digits get roles and numbers, coordinates become affine
// maps, expressions become regions, loads become operands.
#pragma once
#include "heed/compiler/fuse/pull.h"
#include "mlir/IR/Builders.h"

namespace heed::fuse {

class KernelBuilder {
 public:
  KernelBuilder(mlir::OpBuilder& b, const Domain& domain,
                std::function<mlir::Value(mlir::Value)> bufferOf)
      : b_(b), domain_(domain), bufferOf_(std::move(bufferOf)) {}

  // Digits of the coordinate that have no role yet get this one, in order.
  void role(char name, const Coordinate& coordinate);
  void role(char name, const Coordinates& coordinates);
  void role(char name, int digit);
  bool hasRole(int digit) const;

  // An operand that the kernel's kind names (a, b, q, …); the expression is a load.
  void principal(const ExpressionPtr& load);
  // A region: the leading scalars stand for the expressions in `leading`, other loads become
  // captured operands. Without a root the region stays empty.
  void region(const ExpressionPtr& root, std::vector<Expression*> leading,
              std::vector<mlir::Type> leadingTypes);
  // The same with several results.
  void region(std::vector<ExpressionPtr> roots, std::vector<Expression*> leading,
              std::vector<mlir::Type> leadingTypes);
  void result(mlir::Value tensor, const Coordinates& store);

  mlir::Operation* build(mlir::StringRef name, mlir::Location location,
                         mlir::ArrayRef<mlir::NamedAttribute> attributes = {});

 private:
  struct Operand {
    mlir::Value value;
    Coordinates coordinates;
    std::optional<double> fill;
  };
  struct RegionSpec {
    std::vector<ExpressionPtr> roots;
    std::vector<Expression*> leading;
    std::vector<mlir::Type> leadingTypes;
  };
  struct Result {
    mlir::Value tensor;
    Coordinates store;
  };

  int operandFor(const Expression& load);
  void collectCaptured();
  mlir::AffineExpr affine(const Coordinate& coordinate);
  mlir::AffineExpr affine(const Dim& dim);
  mlir::AffineMap map(const Coordinates& coordinates);
  void emit(const RegionSpec& spec, mlir::Region& region);
  mlir::Value emit(const ExpressionPtr& e, const RegionSpec& spec, mlir::Block& block,
                   mlir::OpBuilder& b, llvm::DenseMap<Expression*, mlir::Value>& memo);

  mlir::OpBuilder& b_;
  const Domain& domain_;
  std::function<mlir::Value(mlir::Value)> bufferOf_;
  std::vector<std::pair<char, int>> digits_;  // role, id
  std::vector<std::string> symbols_;
  std::vector<Operand> operands_;
  size_t principals_ = 0;
  std::vector<RegionSpec> regions_;
  std::vector<Result> results_;
};

}  // namespace heed::fuse
