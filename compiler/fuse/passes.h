// The passes between import and lowering, in the order in which pipeline.cpp runs them. Each is one
// file of its name.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "heed/compiler/target.h"
#include "mlir/Pass/Pass.h"

namespace heed {

// none: one kernel a DSL op. layout: layout ops become index maps. all: elementwise work is
// absorbed and attention formed. The emitters are the same at every level.
enum class Fusion { none, layout, all };

// Calls and repeats become their bodies, scans loops; parameters get their full names, ops their
// module path as location.
std::unique_ptr<mlir::Pass> createInlineCalls();

// Probes that were asked for become results of @main, in this order; the others vanish.
std::unique_ptr<mlir::Pass> createSelectProbes(std::vector<std::string> names = {});

// Work of a loop that no state enters moves in front of it, for all steps at once.
std::unique_ptr<mlir::Pass> createHoistSteps();

// Identities are dropped, slices move in front of row-wise ops, elementwise work moves into
// concatenations.
std::unique_ptr<mlir::Pass> createSimplifyGraph();

// Marks softmax(score(q kᵀ)) v chains, once; constant factors of q, k and the score become one
// factor at the score. Chains that are cheaper as kernels of their own on this target are left
// alone.
std::unique_ptr<mlir::Pass> createFormAttention(Target target = {});

// Layouts of rows move through row-wise ops to the attention that they are made for.
std::unique_ptr<mlir::Pass> createMoveLayouts();

// A convolution times something that depends on parameters alone: its weights take the factor.
std::unique_ptr<mlir::Pass> createFoldScales();

// What convolutions give, and what follows elementwise or by pooling, lies channels last.
std::unique_ptr<mlir::Pass> createAssignLayouts();

// Graph ops become kernel ops with index maps and regions. parts: see Target.
std::unique_ptr<mlir::Pass> createFormKernels(Fusion fusion = Fusion::all, bool parts = true);

// Contractions whose b depends on parameters alone read it packed for the target.
std::unique_ptr<mlir::Pass> createPackWeights(Target target = {});

// Kernels that depend on parameters alone move from @main to @prepare; what they hand over becomes
// arguments of @main.
std::unique_ptr<mlir::Pass> createHoistPrepare();

}  // namespace heed
