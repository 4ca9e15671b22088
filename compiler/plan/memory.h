// Where every tensor of a function of kernels lies: inputs, outputs, parameters, constants, and
// slots of one arena that tensors with disjoint lifetimes share. Reshapes, the pieces of
// concatenations and what a loop stacks are places in another tensor's buffer; a loop's states
// alternate between two buffers, or are updated in place where that is proved; what rows are
// appended to keeps its place, turn by turn, be it an input's. A kernel's result lies where an
// operand did that it reads element by element.
#pragma once
#include <cassert>
#include <string>
#include <vector>

#include "heed/compiler/lower/tile/kernel.h"
#include "heed/runtime/abi/program.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace heed::plan {

struct Placement {
  abi::BufferRef buffer;
  tile::Layout layout;
};

// What exists outside the function: fixed before any function is planned.
struct Surroundings {
  llvm::StringMap<std::int64_t> parameters;        // name → index
  std::vector<abi::BufferRef> arguments, results;  // of the function
  abi::Place slots = abi::Place::arena;            // where its own tensors go
  bool writesOver = true;  // a kernel may get one buffer to read and to write, element by element
};

class MemoryPlan {
 public:
  // Appends constant tables to `constants` and slots to `slots`.
  MemoryPlan(mlir::func::FuncOp function, const Surroundings& around,
             std::vector<std::byte>& constants, std::vector<abi::Slot>& slots);

  const Placement& of(mlir::Value v) const {
    assert(placements_.contains(v) && "some kernel writes every buffer");
    return placements_.find(v)->second;
  }

  // The states of the loop, as contract 2 has them but for `loop`; the first of them is number
  // firstCarried(loop).
  std::vector<abi::Carried> carriedBy(ir::LoopOp loop) const;
  std::int64_t firstCarried(ir::LoopOp loop) const { return carried_.lookup(loop); }

  // Results that take the place of inputs.
  const std::vector<abi::Update>& updates() const { return updates_; }

  // A slot for memory that lives within one step: the index-th temporaries of all steps share one.
  abi::BufferRef temporary(std::size_t index, const Dim& bytes);

 private:
  struct Storage {
    Dim bytes;
    std::int64_t first, last;  // positions of the first writer and the last reader
    llvm::SmallVector<mlir::Value> values;
    mlir::Value other = {};  // the final state whose second buffer it is
  };
  struct SlotUse {
    std::int64_t slot;
    std::int64_t last;
  };

  void place(mlir::Value v, Placement placement);
  mlir::Value rootOf(mlir::Value v) const;  // null where v needs no storage of its own
  void setRoot(mlir::Value v, mlir::Value root);
  void number(mlir::Block& block);
  std::int64_t lastRead(mlir::Value v) const;
  void placeLeaves();
  void placeResults(mlir::Block& block);
  void placeStacked(ir::LoopOp loop);
  void placeUpdated(mlir::Value x, mlir::Value updated);
  void gatherStorages(mlir::Block& block);
  void gatherStorage(mlir::Value v, mlir::Operation* op);
  mlir::Value storageFor(mlir::Value v, mlir::Operation* op) const;
  void assignSlots();
  std::int64_t slotFor(const Dim& bytes, std::int64_t first, std::int64_t last);

  mlir::func::FuncOp function_;
  const Surroundings& around_;
  std::vector<std::byte>& constants_;
  std::vector<abi::Slot>& slots_;
  llvm::DenseMap<mlir::Value, Placement> placements_;
  llvm::DenseMap<mlir::Value, mlir::Value> storageRoot_;  // of values in arena slots
  // end_: of loops, behind their bodies
  llvm::DenseMap<mlir::Operation*, std::int64_t> position_, end_;
  std::int64_t positions_ = 0;
  llvm::DenseMap<mlir::Value, size_t> storageOf_;              // by root
  llvm::DenseMap<mlir::Operation*, std::int64_t> carried_;     // loop → number of its first state
  std::int64_t carriedCount_ = 0;
  // final state → slot of its second buffer
  llvm::DenseMap<mlir::Value, std::int64_t> otherSlot_;
  std::vector<Storage> storages_;
  std::vector<SlotUse> uses_;
  std::vector<std::int64_t> temporaries_;
  std::vector<abi::Update> updates_;
};

}  // namespace heed::plan
