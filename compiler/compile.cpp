// The compiler library's C entry point. Inside, diagnostics and LogicalResult; outside, one
// message.
#include <cstring>
#include <sstream>
#include <thread>

#include "heed/compiler/jit/context.h"
#include "heed/compiler/pipeline.h"
#include "heed/dsl/graph/bytes.h"
#include "heed/runtime/abi/compiler_entry.h"
#include "mlir/IR/Diagnostics.h"

namespace heed {

namespace {

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  std::istringstream stream{std::string(text)};
  for (std::string part; std::getline(stream, part, ',');)
    if (!part.empty()) parts.push_back(part);
  return parts;
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& n : names) text += (text.empty() ? "" : ", ") + n;
  return text;
}

// Empty, or what is wrong with the request.
std::string readOptions(const abi::CompileRequest& request, CompileOptions& options) {
  if (request.version != abi::compiler_entry_version)
    return "the compiler library is of another version than libheed; install both from one build";
  options.target = target_by_name(request.target);
  if (options.target.name.empty())
    return "unknown target '" + std::string(request.target) +
           "'; targets here: " + listed(known_targets());
  if (std::string wrong = override_tuning(options.target.tuning, request.tuning); !wrong.empty())
    return wrong;
  std::string_view fusion = request.fusion;
  if (fusion != "none" && fusion != "layout" && fusion != "all")
    return "unknown fusion level '" + std::string(fusion) + "'; levels: none, layout, all";
  options.fusion = fusion == "none"     ? Fusion::none
                   : fusion == "layout" ? Fusion::layout
                                        : Fusion::all;
  for (std::size_t n = 0; n < request.probe_count; ++n) options.probes.push_back(request.probes[n]);
  options.print_after = split(request.print_after);
  const std::vector<std::string> phases{"graph", "dialect", "fused", "kernels",
                                        "llvm",  "asm",     "times"};
  for (const std::string& phase : options.print_after)
    if (std::find(phases.begin(), phases.end(), phase) == phases.end())
      return "unknown phase '" + phase + "'; phases: " + listed(phases);
  if (request.print)
    options.print = [&request](std::string_view phase, std::string_view text) {
      std::string out = "// ---- " + std::string(phase) + "\n" + std::string(text) + "\n";
      request.print(request.print_context, out.data(), out.size());
    };
  options.threads =
      request.threads > 0 ? request.threads : std::max(1u, std::thread::hardware_concurrency());
  return {};
}

void answer(abi::CompileResult& result, bool ok, const void* data, std::size_t size) {
  result.ok = ok;
  result.size = size;
  result.bytes = new std::byte[size];
  std::memcpy(result.bytes, data, size);
  result.release = [](std::byte* p) { delete[] p; };
}

void compileRequest(const abi::CompileRequest& request, abi::CompileResult& result) {
  CompileOptions options;
  std::string message = readOptions(request, options);
  if (message.empty()) {
    graph::Decoded decoded = graph::decode({request.graph, request.graph_size});
    if (decoded.module) {
      PhaseTimes times;
      if (options.print && llvm::is_contained(options.print_after, "times")) options.times = &times;
      std::unique_ptr<mlir::MLIRContext> context;
      {
        PhaseTimer timer(options.times, "dialects");
        context = jit::newContext();
      }
      std::vector<std::string> remarks;
      mlir::ScopedDiagnosticHandler collect(context.get(), [&](mlir::Diagnostic& d) {
        std::string sentence = d.str();
        if (auto name = mlir::dyn_cast<mlir::NameLoc>(d.getLocation()))
          sentence = name.getName().str() + ": " + sentence;
        if (d.getSeverity() == mlir::DiagnosticSeverity::Error)
          message += (message.empty() ? "" : "\n") + sentence;
        else remarks.push_back(sentence);
        return mlir::success();
      });
      mlir::FailureOr<abi::Program> program = compile(context.get(), *decoded.module, options);
      if (options.times) options.print("times", times.text());
      if (succeeded(program)) {
        program->remarks = std::move(remarks);
        std::vector<std::byte> bytes = abi::write_program(*program);
        return answer(result, true, bytes.data(), bytes.size());
      }
      if (message.empty()) message = "the compiler failed without a diagnostic";
    } else {
      message = decoded.error;
    }
  }
  answer(result, false, message.data(), message.size());
}

}  // namespace

}  // namespace heed

extern "C" __attribute__((visibility("default"))) void heed_compile(
    const heed::abi::CompileRequest* request, heed::abi::CompileResult* result) {
  heed::compileRequest(*request, *result);
}
