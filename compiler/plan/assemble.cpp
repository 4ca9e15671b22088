#include "heed/compiler/plan/assemble.h"

#include "heed/compiler/plan/generate_code.h"
#include "heed/dsl/graph/check.h"
#include "heed/dsl/graph/text.h"
#include "llvm/Config/llvm-config.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace heed {

namespace {

std::string labelOf(Operation* op) {
  auto name = dyn_cast<NameLoc>(op->getLoc());
  std::string path = name ? name.getName().str() : std::string();
  std::string kind = op->getName().stripDialect().str();
  return path.empty() ? kind : path;
}

class Assembler {
 public:
  Assembler(ModuleOp module, const graph::Module& graph, const CompileOptions& options)
      : module_(module), graph_(graph), options_(options) {}

  FailureOr<abi::Program> run() {
    describeInterface();
    auto prepare = module_.lookupSymbol<func::FuncOp>("prepare"),
         main = module_.lookupSymbol<func::FuncOp>("main");
    const bool writesOver = !options_.target.vulkan;
    plan::Surroundings once{parameters_, {}, {}, abi::Place::prepared, writesOver};
    plan::MemoryPlan oncePlan(prepare, once, program_.constants, program_.prepared);
    plan::Surroundings each{parameters_, {}, {}, abi::Place::arena, writesOver};
    for (size_t n = 0; n < program_.inputs.size(); ++n)
      each.arguments.push_back({abi::Place::input, int64_t(n)});
    for (Value v : prepare.front().getTerminator()->getOperands())
      each.arguments.push_back(oncePlan.of(v).buffer);
    for (size_t n = 0; n < program_.outputs.size(); ++n)
      each.results.push_back({abi::Place::output, int64_t(n)});
    plan::MemoryPlan eachPlan(main, each, program_.constants, program_.arena);
    if (failed(steps(prepare.front(), oncePlan, program_.prepare)) ||
        failed(steps(main.front(), eachPlan, program_.steps)))
      return failure();
    program_.updates = eachPlan.updates();
    guards();
    for (const abi::Slot& slot : program_.arena)
      if (llvm::any_of(slot.bytes, [](const Dim& d) { return d.invalid; }))
        return module_.emitError("a tensor's size is a product of too many symbolic dimensions");
    if (failed(generateCode())) return failure();
    return std::move(program_);
  }

 private:
  ModuleOp module_;
  const graph::Module& graph_;
  const CompileOptions& options_;
  abi::Program program_;
  llvm::StringMap<int64_t> parameters_;
  plan::KernelLibrary library_;
  llvm::StringMap<int32_t> kernelIndex_;  // function → index in program_.kernels

  void describeInterface() {
    const graph::OwnedFunction& root = graph_.functions.back();
    program_.name = root.name;
    program_.target = options_.target.name;
    program_.features = options_.target.features;
    program_.format = options_.target.vulkan ? abi::CodeFormat::spirv : abi::CodeFormat::elf;
    program_.compiler = "heed " HEED_VERSION ", LLVM " LLVM_VERSION_STRING;
    program_.fusion = options_.fusion == Fusion::all      ? "all"
                      : options_.fusion == Fusion::layout ? "layout"
                                                          : "none";
    for (auto [n, type] : llvm::enumerate(root.arguments)) {
      bool named = n < graph_.input_names.size() && !graph_.input_names[n].empty();
      program_.inputs.push_back(
          {named ? graph_.input_names[n] : "input" + std::to_string(n), type});
    }
    auto main = module_.lookupSymbol<func::FuncOp>("main");
    program_.result_count = static_cast<int32_t>(root.results.size());
    for (auto [n, type] : llvm::enumerate(main.getResultTypes())) {
      size_t probe = n - root.results.size();
      std::string name =
          n < root.results.size() ? "output" + std::to_string(n) : options_.probes[probe];
      program_.outputs.push_back({name, {ir::dtypeOf(type), ir::shapeOf(type)}});
    }
    for (const graph::Parameter& p : graph::manifest(graph_)) {
      parameters_[p.name] = static_cast<int64_t>(program_.parameters.size());
      program_.parameters.push_back({p.name, p.type});
    }
  }

  LogicalResult steps(Block& block, plan::MemoryPlan& plan, std::vector<abi::Step>& out) {
    for (Operation& op : block) {
      if (auto loop = dyn_cast<ir::LoopOp>(op); loop && failed(loopOf(loop, plan, out)))
        return failure();
      if (!ir::isKernelOp(&op)) continue;
      auto shared = library_.kernelOf(&op, plan);
      if (failed(shared)) return failure();
      if ((*shared)->lowered.launches.empty() && failed(lower(**shared, &op))) return failure();
      for (const tile::Launch& launch : (*shared)->lowered.launches) {
        out.push_back(stepOf(launch, op, **shared, plan));
        if (out.back().work.invalid || out.back().scratch_bytes.invalid)
          return op.emitError(
              "the work of this kernel is a product of too many symbolic dimensions");
      }
    }
    return success();
  }

  LogicalResult loopOf(ir::LoopOp op, plan::MemoryPlan& plan, std::vector<abi::Step>& out) {
    size_t number = program_.loops.size();
    program_.loops.emplace_back();  // outer loops come first
    for (abi::Carried carried : plan.carriedBy(op)) {
      carried.loop = int32_t(number);
      program_.carried.push_back(carried);
    }
    abi::Loop loop{parse_dim(op.getSymbol())->terms[0].factors[0].symbol,
                   *parse_dim(op.getSteps()),
                   op.getReverse(),
                   int32_t(out.size()),
                   0,
                   {},
                   Dim(0)};
    if (op.getStops()) {
      Value going = op.block().getTerminator()->getOperands().back();
      loop.going = plan.of(going).buffer;
      loop.going_count = element_count(ir::shapeOf(going));
    }
    if (failed(steps(op.block(), plan, out))) return failure();
    loop.end = int32_t(out.size());
    program_.loops[number] = loop;
    return success();
  }

  LogicalResult lower(plan::SharedKernel& shared, Operation* op) {
    OpBuilder b(module_.getContext());
    shared.code = ModuleOp::create(b.getUnknownLoc());
    PhaseTimer timer(options_.times, "lower: " + op->getName().getStringRef().str());
    auto lowered = lowerFor(options_.target, shared.kernel, *shared.code);
    if (failed(lowered)) return op->emitError("cannot be lowered for ") << options_.target.name;
    shared.lowered = std::move(*lowered);
    for (const tile::Launch& launch : shared.lowered.launches)
      if (kernelIndex_.try_emplace(launch.function, program_.kernels.size()).second)
        program_.kernels.push_back({launch.function,
                                    op->hasAttr("append") ? graph::append_kind : launch.kind, 0,
                                    launch.group});
    return success();
  }

  abi::Step stepOf(const tile::Launch& launch, Operation& op, const plan::SharedKernel& shared,
                   plan::MemoryPlan& plan) {
    abi::Step step;
    step.kernel = kernelIndex_.lookup(launch.function);
    int ins = op.getNumOperands(), tensors = ins + op.getNumResults();
    for (int n : launch.buffers) {
      if (n < ins) step.buffers.push_back(plan.of(op.getOperand(n)).buffer);
      else if (n < tensors) step.buffers.push_back(plan.of(op.getResult(n - ins)).buffer);
      else
        step.buffers.push_back(
            plan.temporary(n - tensors, shared.lowered.temporaries[n - tensors]));
    }
    step.dims = launch.dims;
    step.work = launch.work;
    step.grain = launch.grain;
    step.scratch_bytes = launch.scratchBytes;
    step.counts_tiles = launch.countsTiles;
    step.packs_once = launch.packsOnce;
    // for profiles only: 0 where nobody can say
    step.flops = launch.flops.invalid ? Dim(0) : launch.flops;
    step.bytes = launch.bytes.invalid ? Dim(0) : launch.bytes;
    step.label = labelOf(&op);
    return step;
  }

  // Whether a dimension is at least that for all symbols of at least 1.
  static bool isAtLeast(const Dim& d, int64_t least) {
    return llvm::all_of(d.terms, [](const Term& t) { return t.num >= 0; }) &&
           lower_bound(d) >= least;
  }

  // Symbols are at least 1, exact divisions come out, sizes are positive, slices lie inside.
  void guards() {
    llvm::StringMap<bool> seen;
    auto add = [&](const Dim& value, const std::string& sentence, int64_t least = 1) {
      if (seen.try_emplace(text_of(value) + (least ? "" : " ≥ 0"), true).second)
        program_.guards.push_back({value, least, sentence});
    };
    auto checkShape = [&](const Shape& shape) {
      for (int axis = 0; axis < shape.rank; ++axis)
        for (const Term& t : shape.dims[axis].terms) {
          if (!t.used()) continue;
          for (const Atom& f : t.factors)
            if (f.symbol)
              add(Dim::symbol(f.symbol),
                  "dimension " + text_of(Dim::symbol(f.symbol)) + " must be at least 1");
          if (t.den != 1)
            add(shape.dims[axis],
                "dimension " + text_of(shape.dims[axis]) + " must be a whole number");
          if (!isAtLeast(shape.dims[axis], 1))
            add(shape.dims[axis], "dimension " + text_of(shape.dims[axis]) + " must be at least 1");
        }
    };
    auto notNegative = [&](const Dim& d, const std::string& sentence) {
      if (!isAtLeast(d, 0)) add(d, sentence, 0);
    };
    for (const graph::OwnedFunction& f : graph_.functions)
      for (const graph::OwnedNode& n : f.nodes) {
        if (n.op == OpCode::slice) {
          const graph::Value& x = n.inputs[0];
          const Dim& size = f.nodes[x.node].results[x.result].shape[int(n.ints[0])];
          std::string slice = "the slice [" + text_of(n.dims[0]) + ", " + text_of(n.dims[1]) +
                              ") of an axis of " + text_of(size) + " must lie inside";
          notNegative(n.dims[0], slice);
          notNegative(size - n.dims[1], slice);
        }
        if (n.op == OpCode::pad)
          for (const Dim& d : n.dims)
            notNegative(d, "a padding of " + text_of(d) + " must not be negative");
        for (const TensorType& type : n.results) checkShape(type.shape);
      }
    auto check = [&](Type type) { checkShape(ir::shapeOf(type)); };
    module_.walk([&](func::FuncOp f) {
      for (Type t : f.getArgumentTypes()) check(t);
      f.walk([&](Operation* op) { llvm::for_each(op->getResultTypes(), check); });
    });
  }

  LogicalResult generateCode() {
    std::vector<plan::SharedKernel*> kernels = library_.all();
    if (options_.print && llvm::is_contained(options_.print_after, "kernels"))
      for (plan::SharedKernel* k : kernels) {
        std::string text;
        llvm::raw_string_ostream stream(text);
        k->code->print(stream);
        options_.print("kernels", text);
      }
    auto objects = plan::generateCode(kernels, options_);
    if (failed(objects)) return failure();
    for (abi::KernelEntry& kernel : program_.kernels)
      kernel.object = objects->of.lookup(kernel.symbol);
    program_.code = std::move(objects->code);
    return success();
  }
};

}  // namespace

FailureOr<abi::Program> assembleProgram(ModuleOp module, const graph::Module& graph,
                                        const CompileOptions& options) {
  return Assembler(module, graph, options).run();
}

}  // namespace heed
