// The class that forms kernels; its parts by what they form: form_kernels.cpp walks,
// form_contract.cpp makes contractions of all kinds, form_rows.cpp what runs along rows,
// form_attention_kernel.cpp attention.
#pragma once
#include "heed/compiler/fuse/choose_buffers.h"
#include "heed/compiler/fuse/kernel_builder.h"
#include "heed/compiler/fuse/passes.h"
#include "heed/compiler/fuse/pull.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace heed::fuse {

inline bool isPlainLoad(const ExpressionPtr& e) { return e->kind == Expression::load; }

class KernelFormer {
 public:
  KernelFormer(mlir::func::FuncOp main, Fusion fusion, bool parts)
      : main_(main), fusion_(fusion), parts_(parts), b_(main.getContext()) {}

  mlir::LogicalResult run() { return formBlock(main_.front(), main_.front().getTerminator()); }

 private:
  using Formed = mlir::FailureOr<mlir::Operation*>;  // null where conflicts need buffers first

  mlir::func::FuncOp main_;
  Fusion fusion_;
  bool parts_;
  mlir::OpBuilder b_;
  llvm::DenseSet<mlir::Value> buffers_;
  llvm::DenseMap<mlir::Value, mlir::Value> formed_;  // graph value → kernel-level value
  llvm::DenseSet<mlir::Value> returned_;
  llvm::DenseMap<mlir::Value, Combined> combined_;  // by each of its values
  // What a contraction wrote once more for a block that returns it several times.
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Value, 1>> again_;

  // What a contraction computes at the coordinates `at`. anchors: its product, or the parts of it.
  struct Computed {
    std::vector<mlir::Value> values;
    Coordinates at;
    std::vector<ExpressionPtr> roots;  // of the values
    std::vector<Expression*> anchors;
  };

  // The graph ops of a block as kernels in front of `end`, whose operands become the kernels'
  // results.
  mlir::LogicalResult formBlock(mlir::Block& block, mlir::Operation* end);

  mlir::LogicalResult formLoop(ir::LoopOp loop);

  // What stands in front of the loop that computes `here` has a buffer.
  static bool isOuter(mlir::Value x, mlir::Value here) {
    return x.getDefiningOp() && x.getParentBlock() != here.getParentBlock() &&
           !isLeafOp(x.getDefiningOp());
  }

  // A kernel writes it where it belongs, be its shape not that of the kernel's own result.
  bool isPiece(mlir::Value v);

  // Only kernels read v, perhaps through views: they can do so among the other pieces of `concat`.
  static bool isReadInPlace(mlir::Value v, mlir::Operation* concat);

  // Kernels write the pieces of a concatenation in place; a piece that is not a kernel's own result
  // is copied there.
  void separatePieces(llvm::ArrayRef<mlir::Operation*> graph, mlir::Operation* end);

  // Appends, and loops of them, update a copy where they may not write over their cache. The last
  // one is judged first.
  void proveAppends(mlir::Block& block);

  mlir::Value bufferOf(mlir::Value v) {
    auto found = formed_.find(v);
    // arguments, parameters and constant tables stand for themselves
    return found == formed_.end() ? v : found->second;
  }

  mlir::LogicalResult materialise(mlir::Value v);

  // What views make of a buffer is read there. What is computed once and for all is rather copied.
  mlir::LogicalResult viewOf(mlir::Value v);

  // A reshape of a buffer is the same buffer; a concatenation's operands are written into it by
  // their own kernels.
  mlir::LogicalResult alias(mlir::Operation* op);

  mlir::Value copyOf(mlir::Value v);

  Coordinates identity(Domain& domain, mlir::Value v);

  // The kernel that computes the values, of one shape; a null op where `conflicts` need buffers
  // first.
  Formed form(std::vector<mlir::Value> values, std::vector<mlir::Value>& conflicts);

  // How many results more a contraction needs so that the block may return v more than once.
  std::size_t timesMore(mlir::Value v);

  KernelBuilder builder(Domain& domain) {
    return KernelBuilder(b_, domain, [this](mlir::Value x) { return bufferOf(x); });
  }

  mlir::Operation* mapKernel(Domain& domain, mlir::Value v, const Coordinates& at,
                             const ExpressionPtr& root);

  // Roles follow from which operand a digit addresses.
  void contractionRoles(KernelBuilder& kernel, Domain& domain, const Coordinates& result,
                        const Coordinates& a, const Coordinates& b, const Coordinates& reduced);

  // The load can tell where a window reaches out of `shape`, which `at` are coordinates of.
  static bool answersOutside(Domain& domain, const ExpressionPtr& load, const Coordinates& at,
                             const Shape& shape);

  // c: where the kernel stands in the product; part: the digit that numbers its parts, if it has
  // any.
  Formed contractKernel(Domain& domain, const Computed& computed, const Coordinates& c,
                        const Coordinate& part, Puller& puller, mlir::Value a,
                        const Coordinates& ca, mlir::Value b, const Coordinates& cb,
                        const Coordinates& k, std::optional<double> fill,
                        std::vector<mlir::Value>& conflicts);

  Formed contract(ir::MatmulOp op, Domain& domain, Computed& computed, Puller& puller,
                  std::vector<mlir::Value>& conflicts);

  // Implicit GEMM: the window is a sum of digits in the coordinate, its padding what a read outside
  // gives.
  Formed convolution(mlir::Operation* op, Domain& domain, const Computed& computed,
                     Puller& puller, std::vector<mlir::Value>& conflicts);

  Formed rows(mlir::Operation* op, Domain& domain, mlir::Value v, const Coordinates& at,
              const ExpressionPtr& root, Expression* anchor, Puller& puller,
              std::vector<mlir::Value>& conflicts);

  // Weight and bias of a normalisation are the first two steps of its epilogue.
  ExpressionPtr withAffine(ir::NormalizeOp op, Expression* anchor, const ExpressionPtr& root,
                           Puller& puller, Expression*& leading);

  Formed gather(ir::GatherOp op, Domain& domain, mlir::Value v, const Coordinates& at,
                const ExpressionPtr& root, Expression* anchor, Puller& puller,
                std::vector<mlir::Value>& conflicts);

  Formed appendKernel(ir::AppendOp op, std::vector<mlir::Value>& conflicts);

  Formed attention(ir::MatmulOp op, Domain& domain, mlir::Value v, const Coordinates& at,
                   const ExpressionPtr& root, Expression* anchor,
                   std::vector<mlir::Value>& conflicts);
};

}  // namespace heed::fuse
