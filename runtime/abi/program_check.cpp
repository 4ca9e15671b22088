#include "heed/runtime/abi/program_check.h"

#include <algorithm>
#include <string>

#include "heed/runtime/error.h"

namespace heed::abi {
namespace {

class Checker {
 public:
  explicit Checker(const Program& program) : p(program) {}

  void check() {
    define_symbols();
    for (const TensorSpec& input : p.inputs) known(input, "input");
    for (const TensorSpec& output : p.outputs) known(output, "output");
    for (const TensorSpec& parameter : p.parameters) fixed(parameter);
    if (p.result_count < 0 || std::size_t(p.result_count) > p.outputs.size())
      wrong("it counts ", p.result_count, " results among ", p.outputs.size(), " outputs");
    for (const Guard& guard : p.guards) known(guard.value, "a guard");
    for (const Slot& slot : p.prepared)
      for (const Dim& bytes : slot.bytes) fixed(bytes, "a prepared slot");
    for (const Slot& slot : p.arena)
      for (const Dim& bytes : slot.bytes) known(bytes, "an arena slot");
    for (const KernelEntry& kernel : p.kernels)
      if (kernel.object < 0 || std::size_t(kernel.object) >= p.code.size())
        wrong("kernel '", kernel.symbol, "' lies in object ", kernel.object, " of ", p.code.size());
    for (const Step& step : p.prepare) check(step, true);
    for (const Step& step : p.steps) check(step, false);
  }

 private:
  template <class... Parts>
  [[noreturn]] void wrong(const Parts&... parts) const {
    throw Error("program '", p.name, "' is malformed: ", parts..., "; compile it again");
  }

  // An axis that is a plain symbol defines it.
  void define_symbols() {
    for (const TensorSpec& input : p.inputs)
      for (int axis = 0; axis < input.type.shape.rank; ++axis) {
        const Dim& d = input.type.shape[axis];
        if (d == Dim::symbol(d.terms[0].factors[0].symbol))
          symbols.push_back(d.terms[0].factors[0].symbol);
      }
    std::ranges::sort(symbols);
  }

  void known(const Dim& d, const std::string& where) const {
    for (const Term& term : d.terms)
      for (const Atom& factor : term.factors)
        if (factor.symbol && !std::ranges::binary_search(symbols, factor.symbol))
          wrong("no input has an axis that defines '", text_of(Dim::symbol(factor.symbol)), "' of ",
                where);
  }
  void known(const TensorSpec& spec, const char* what) const {
    for (int axis = 0; axis < spec.type.shape.rank; ++axis)
      known(spec.type.shape[axis], std::string(what) + " '" + spec.name + "'");
  }
  void fixed(const Dim& d, const std::string& where) const {
    if (!d.is_static() || d.constant < 0)
      wrong(where, " has the size ", text_of(d), ", a number is needed");
  }
  void fixed(const TensorSpec& spec) const {
    for (int axis = 0; axis < spec.type.shape.rank; ++axis)
      fixed(spec.type.shape[axis], "parameter '" + spec.name + "'");
  }

  void check(const Step& step, bool prepare) const {
    const std::string where = "step '" + step.label + "'";
    if (step.kernel < 0 || std::size_t(step.kernel) >= p.kernels.size())
      wrong(where, " calls kernel ", step.kernel, " of ", p.kernels.size());
    if (step.grain < 1) wrong(where, " has the grain ", step.grain);
    for (const BufferRef& ref : step.buffers) check(ref, where, prepare);
    auto dim = [&](const Dim& d) { prepare ? fixed(d, where) : known(d, where); };
    for (const Dim& d : step.dims) known(d, where);
    if (prepare)
      for (const Dim& d : step.dims)
        if (!d.is_static()) wrong(where, " of prepare depends on ", text_of(d));
    dim(step.work);
    dim(step.scratch_bytes);
    known(step.flops, where);
    known(step.bytes, where);
  }

  void check(const BufferRef& ref, const std::string& where, bool prepare) const {
    std::size_t count = 0;
    switch (ref.place) {
      case Place::input: count = p.inputs.size(); break;
      case Place::output: count = p.outputs.size(); break;
      case Place::parameter: count = p.parameters.size(); break;
      case Place::constant: count = p.constants.size(); break;
      case Place::prepared: count = p.prepared.size(); break;
      case Place::arena: count = p.arena.size(); break;
    }
    if (ref.index < 0 || std::size_t(ref.index) >= count)
      wrong(where, " uses ", int(ref.place), ':', ref.index, ", its table has ", count);
    if (ref.place == Place::constant && ref.index % 64)
      wrong(where, " uses a constant off its alignment");
    const bool shared = ref.place == Place::parameter || ref.place == Place::constant ||
                        ref.place == Place::prepared;
    if (prepare && !shared) wrong(where, " of prepare uses what only a session has");
  }

  const Program& p;
  std::vector<std::uint64_t> symbols;
};

}  // namespace

void check_program(const Program& program) { Checker(program).check(); }

}  // namespace heed::abi
