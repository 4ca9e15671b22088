#include "heed/runtime/abi/program_check.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "heed/runtime/abi/gpu_kernel.h"
#include "heed/runtime/abi/kernel.h"
#include "heed/runtime/error.h"

namespace heed::abi {
namespace {

constexpr std::size_t most_nested = 64;

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
    check_updates();
    for (const Guard& guard : p.guards) known(guard.value, "a guard");
    for (const Slot& slot : p.prepared)
      for (const Dim& bytes : slot.bytes) fixed(bytes, "a prepared slot");
    for (const Slot& slot : p.arena)
      for (const Dim& bytes : slot.bytes) known(bytes, "an arena slot");
    for (const KernelEntry& kernel : p.kernels) check(kernel);
    if (p.format == CodeFormat::spirv) check_modules();
    for (const Step& step : p.prepare) check(step, true);
    check_loops();
    for (std::size_t s = 0; s < p.steps.size(); ++s) {
      enclosing = loops_around(std::int32_t(s), std::int32_t(s) + 1);
      check(p.steps[s], false);
    }
  }

 private:
  template <class... Parts>
  [[noreturn]] void wrong(const Parts&... parts) const {
    throw Error("program '", p.name, "' is malformed: ", parts..., "; compile it again");
  }

  void define_symbols() {
    for (const TensorSpec& input : p.inputs)
      for (int axis = 0; axis < input.type.shape.rank; ++axis)
        if (const SymbolOfAxis said = symbol_of_axis(input.type.shape[axis]); said.symbol)
          symbols.push_back(said.symbol);
    std::ranges::sort(symbols);
  }

  bool is_turn(std::uint64_t symbol) const {
    return std::ranges::any_of(
        enclosing, [&](std::int32_t l) { return p.loops[std::size_t(l)].symbol == symbol; });
  }
  void known(const Dim& d, const std::string& where) const {
    for (const Term& term : d.terms)
      for (const Atom& factor : term.factors)
        if (factor.symbol && !std::ranges::binary_search(symbols, factor.symbol) &&
            !is_turn(factor.symbol))
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

  // Of equal types; one result an input, one input a result.
  void check_updates() const {
    for (std::size_t u = 0; u < p.updates.size(); ++u) {
      const auto [input, output] = p.updates[u];
      if (input < 0 || std::size_t(input) >= p.inputs.size() || output < 0 ||
          std::size_t(output) >= p.outputs.size())
        wrong("result ", output, " of ", p.outputs.size(), " is to take the place of input ", input,
              " of ", p.inputs.size());
      const TensorType &from = p.inputs[std::size_t(input)].type,
                       &to = p.outputs[std::size_t(output)].type;
      if (from.dtype != to.dtype || !(from.shape == to.shape))
        wrong("result ", output, " is to take the place of input ", input,
              ", which is of another type");
      for (std::size_t v = 0; v < u; ++v)
        if (p.updates[v].input == input || p.updates[v].output == output)
          wrong("input ", input, " or result ", output, " is updated twice");
    }
  }

  // Those that run [first, end), outer first.
  std::vector<std::int32_t> loops_around(std::int32_t first, std::int32_t end) const {
    std::vector<std::int32_t> around;
    for (std::size_t l = 0; l < p.loops.size(); ++l)
      if (p.loops[l].first <= first && end <= p.loops[l].end) around.push_back(std::int32_t(l));
    return around;
  }

  void check_loops() {
    for (std::size_t l = 0; l < p.loops.size(); ++l) {
      const Loop& loop = p.loops[l];
      const std::string where = "loop " + std::to_string(l);
      if (loop.first < 0 || loop.first >= loop.end || std::size_t(loop.end) > p.steps.size())
        wrong(where, " runs steps ", loop.first, " to ", loop.end, " of ", p.steps.size());
      if (std::ranges::binary_search(symbols, loop.symbol))
        wrong(where, " counts by '", text_of(Dim::symbol(loop.symbol)), "', which is of an input");
      known(loop.count, where);
      if (loops_around(loop.first, loop.end).size() > most_nested)
        wrong(where, " is nested in more than ", most_nested, " others");
      for (std::size_t o = 0; o < l; ++o) {
        const Loop& other = p.loops[o];
        if (loop.first < other.first || (loop.first < other.end && loop.end > other.end))
          wrong(where, " is neither inside nor behind loop ", o);
        if (loop.first < other.end && loop.symbol == other.symbol)
          wrong(where, " counts by the symbol of loop ", o, ", which is around it");
      }
    }
    for (std::size_t c = 0; c < p.carried.size(); ++c) {
      const Carried& carried = p.carried[c];
      const std::string where = "carried value " + std::to_string(c);
      if (carried.loop < 0 || std::size_t(carried.loop) >= p.loops.size())
        wrong(where, " is of loop ", carried.loop, " of ", p.loops.size());
      const Loop& loop = p.loops[std::size_t(carried.loop)];
      enclosing = loops_around(loop.first, loop.end);
      std::erase_if(enclosing, [&](std::int32_t l) { return l >= carried.loop; });
      for (const BufferRef& ref : {carried.initial, carried.last, carried.other})
        check(ref, where, false);
      known(carried.bytes, where);
      for (const BufferRef& ref : {carried.last, carried.other})
        if (ref.place != Place::arena && ref.place != Place::output && ref.place != Place::next)
          wrong(where, " is written to ", int(ref.place), ':', ref.index,
                ", which is not for writing");
    }
    for (const Loop& loop : p.loops) {
      if (loop.going_count == Dim(0)) continue;
      const std::string where = "what stops loop " + std::to_string(&loop - p.loops.data());
      enclosing = loops_around(loop.first, loop.end);
      known(loop.going_count, where);
      check(loop.going, where, false);
    }
    enclosing.clear();
  }

  void check(const KernelEntry& kernel) const {
    if (kernel.object < 0 || std::size_t(kernel.object) >= p.code.size())
      wrong("kernel '", kernel.symbol, "' lies in object ", kernel.object, " of ", p.code.size());
    if (kernel.group < 1 || (kernel.group != 1 && p.format == CodeFormat::elf))
      wrong("kernel '", kernel.symbol, "' computes ", kernel.group, " items at once");
  }

  void check_modules() const {
    for (std::size_t c = 0; c < p.code.size(); ++c) {
      const std::vector<std::byte>& code = p.code[c];
      std::uint32_t first = 0;
      if (code.size() >= std::size_t(spirv_header_bytes))
        std::memcpy(&first, code.data(), sizeof first);
      if (first != spirv_magic || code.size() % 4)
        wrong("the ", code.size(), " bytes of object ", c, " are no SPIR-V module");
    }
  }

  // A turn's dims are found by adding.
  void linear(const Dim& d, const std::string& where) const {
    for (const Term& term : d.terms) {
      int turns = 0;
      for (const Atom& factor : term.factors)
        if (is_turn(factor.symbol)) turns += factor.plain() && term.den == 1 ? 1 : 2;
      if (turns > 1)
        wrong(where, " depends on a turn by ", text_of(d), ", which is not linear in it");
    }
  }
  void same_every_turn(const Dim& d, const std::string& where) const {
    for (const Term& term : d.terms)
      for (const Atom& factor : term.factors)
        if (is_turn(factor.symbol))
          wrong(where, " needs ", text_of(d), ", which changes with the turn");
  }

  void check(const Step& step, bool prepare) const {
    const std::string where = "step '" + step.label + "'";
    if (step.kernel < 0 || std::size_t(step.kernel) >= p.kernels.size())
      wrong(where, " calls kernel ", step.kernel, " of ", p.kernels.size());
    if (step.grain < 1) wrong(where, " has the grain ", step.grain);
    for (const BufferRef& ref : step.buffers) check(ref, where, prepare);
    auto dim = [&](const Dim& d) { prepare ? fixed(d, where) : known(d, where); };
    for (const Dim& d : step.dims) {
      known(d, where);
      linear(d, where);
    }
    same_every_turn(step.work, where);
    same_every_turn(step.scratch_bytes, where);
    if (prepare)
      for (const Dim& d : step.dims)
        if (!d.is_static()) wrong(where, " of prepare depends on ", text_of(d));
    dim(step.work);
    dim(step.scratch_bytes);
    if (p.format == CodeFormat::spirv && !(step.scratch_bytes == Dim(0)))
      wrong(where, " needs scratch memory, which a GPU has not");
    const auto needs = [&](bool does, const char* what, std::int64_t numbers) {
      const std::int64_t bytes = numbers * std::int64_t(sizeof(std::int64_t));
      if (does && lower_bound(step.scratch_bytes) < bytes)
        wrong(where, " ", what, " in ", text_of(step.scratch_bytes), " bytes of scratch memory, ",
              bytes, " are needed");
    };
    needs(step.counts_tiles, "counts tiles", tile_counters);
    needs(step.packs_once, "keeps what is packed", attention_state);
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
      case Place::carried:
      case Place::next: count = p.carried.size(); break;
    }
    if (ref.index < 0 || std::size_t(ref.index) >= count)
      wrong(where, " uses ", int(ref.place), ':', ref.index, ", its table has ", count);
    if (ref.place == Place::constant && ref.index % 64)
      wrong(where, " uses a constant off its alignment");
    if (ref.place == Place::carried || ref.place == Place::next)
      if (std::ranges::find(enclosing, p.carried[std::size_t(ref.index)].loop) == enclosing.end())
        wrong(where, " uses carried value ", ref.index, " outside of its loop");
    const bool shared = ref.place == Place::parameter || ref.place == Place::constant ||
                        ref.place == Place::prepared;
    if (prepare && !shared) wrong(where, " of prepare uses what only a session has");
  }

  const Program& p;
  std::vector<std::uint64_t> symbols;
  std::vector<std::int32_t> enclosing;  // loops around what is being checked
};

}  // namespace

void check_program(const Program& program) { Checker(program).check(); }

}  // namespace heed::abi
