// Random networks (random_graph.h): every target of this CPU at every fusion level against the
// reference target with one kernel an op.
//   random_graphs FIRST COUNT [TARGET]
// Seeds from FIRST on; a failing one is cut down to the first node that differs and printed.
// TARGET: that one alone.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "heed/dsl/graph/bytes.h"
#include "heed/runtime/compile.h"
#include "heed/runtime/error.h"
#include "heed/runtime/formula.h"
#include "heed/runtime/half.h"
#include "heed/runtime/session.h"
#include "random_graph.h"

using namespace heed;
using namespace heed::test;

namespace {

struct Setting {
  std::string target, fusion;
};

// A network and what is expected of each of its outputs.
struct Case {
  graph::Module module;
  Bindings bindings;
  std::vector<std::string> probes;
  std::vector<double> errors;  // of the results, then the probes
};

Tensor input(const TensorType& type, const std::string& name, const Binding& binding) {
  std::vector<std::int64_t> extents;
  for (int i = 0; i < type.shape.rank; ++i)
    extents.push_back(*value_of(type.shape.dims[i], binding));
  Tensor t(type.dtype, Sizes(extents));
  for (std::int64_t i = 0; i < t.count(); ++i) {
    const float value = formula_value(name, std::uint64_t(i));
    const int whole = int((value + 1) * 3.5f);  // 0 … 6
    switch (type.dtype) {
      case DType::f32: t.as<float>()[i] = 2 * value; break;
      case DType::f16: t.as<std::uint16_t>()[i] = float_to_half(2 * value); break;
      case DType::bf16: t.as<std::uint16_t>()[i] = float_to_bfloat(2 * value); break;
      case DType::i8: t.as<std::int8_t>()[i] = std::int8_t(whole); break;
      case DType::i32: t.as<std::int32_t>()[i] = whole; break;
      case DType::i64: t.as<std::int64_t>()[i] = whole; break;
      case DType::boolean: t.as<bool>()[i] = value < 0.2f; break;
    }
  }
  return t;
}

double element(const Tensor& t, std::size_t i) {
  switch (t.dtype()) {
    case DType::f32: return t.as<float>()[i];
    case DType::f16: return half_to_float(t.as<std::uint16_t>()[i]);
    case DType::bf16: return bfloat_to_float(t.as<std::uint16_t>()[i]);
    case DType::i8: return t.as<std::int8_t>()[i];
    case DType::i32: return t.as<std::int32_t>()[i];
    case DType::i64: return double(t.as<std::int64_t>()[i]);
    case DType::boolean: return t.as<bool>()[i];
  }
  return 0;
}

// Outputs of both bindings one after another.
std::vector<Tensor> run(const Case& c, const Setting& setting) {
  Options options;
  options.target = setting.target;
  options.fusion = setting.fusion;
  options.probes = c.probes;
  Program program = load_graph(graph::encode(c.module), options);
  Session session = program.bind(formula_checkpoint(program.parameters()));
  std::vector<Tensor> outputs;
  for (const Binding& binding : c.bindings) {
    std::vector<Tensor> inputs;
    std::vector<const Tensor*> pointers;
    const graph::OwnedFunction& network = c.module.functions.back();
    for (std::size_t i = 0; i < network.arguments.size(); ++i)
      inputs.push_back(input(network.arguments[i], c.module.input_names[i], binding));
    for (const Tensor& t : inputs) pointers.push_back(&t);
    Results results = session.run(pointers);
    for (std::size_t i = 0; i < results.size(); ++i) outputs.push_back(results[i].copy());
    for (const std::string& name : c.probes) outputs.push_back(results.probe(name).copy());
  }
  return outputs;
}

// Empty where all elements agree within the bound, for both sides of it.
std::string difference(const Case& c, const std::vector<Tensor>& found,
                       const std::vector<Tensor>& expected) {
  for (std::size_t n = 0; n < expected.size(); ++n) {
    const std::size_t output = n % c.errors.size();
    const double tolerance = 2 * c.errors[output];
    if (!(found[n].sizes() == expected[n].sizes())) return "sizes differ";
    for (std::size_t i = 0; i < std::size_t(expected[n].count()); ++i) {
      const double x = element(found[n], i), y = element(expected[n], i);
      if (x == y || std::abs(x - y) <= tolerance) continue;
      return "output " + std::to_string(output) + " " + text_of(found[n].sizes()) +
             " with binding " + std::to_string(n / c.errors.size()) + ": element " +
             std::to_string(i) + " is " + std::to_string(x) + ", expected " + std::to_string(y) +
             " within " + std::to_string(tolerance);
    }
  }
  return {};
}

// Networks run in child processes, which may crash; this is what they leave behind.
struct Progress {
  unsigned seed;
  std::size_t nodes;
  bool seen[std::size(op_table)];  // ops
  char target[32], fusion[16], wrong[1024];
  char only[32];  // the target to be checked; empty: all of this CPU

  void enter(const Setting& setting) {
    std::snprintf(target, sizeof target, "%s", setting.target.c_str());
    std::snprintf(fusion, sizeof fusion, "%s", setting.fusion.c_str());
    std::snprintf(wrong, sizeof wrong, "crashed");
  }
  void leave(const std::string& sentence) {
    std::snprintf(wrong, sizeof wrong, "%s", sentence.c_str());
  }
};
Progress& progress() {
  static void* shared = mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return *static_cast<Progress*>(shared);
}

// Whether the work was done and left nothing wrong.
template <class Work>
bool in_child(Work work) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    work();
    _exit(progress().wrong[0] ? 1 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0;
}

// Leaves what is wrong with a setting's outputs.
void check(const Case& c, const Setting& setting, const std::vector<Tensor>& expected) {
  progress().enter(setting);
  try {
    progress().leave(difference(c, run(c, setting), expected));
  } catch (const Error& error) {
    progress().leave(error.what());
  }
}

const Setting oracle{"reference", "none"};

bool passes(const Case& c, const Setting& setting) {
  return in_child([&] {
    progress().enter(oracle);
    try {
      check(c, setting, run(c, oracle));
    } catch (const Error& error) {
      progress().leave(error.what());
    }
  });
}

Case whole(const RandomGraph& graph) {
  Case c{graph.module, graph.bindings, graph.probes, {}};
  const graph::OwnedFunction& network = graph.module.functions.back();
  for (const graph::Value& v : network.results) c.errors.push_back(graph.error_of(v));
  for (const std::string& name : graph.probes)
    for (std::size_t i = 0; i < network.nodes.size(); ++i)
      if (network.nodes[i].op == OpCode::probe && network.nodes[i].name == name)
        c.errors.push_back(graph.facts[i].error);
  return c;
}

// The network with the given results and only the nodes that these need.
Case cut(const RandomGraph& graph, const std::vector<graph::Value>& results) {
  Case c{graph.module, graph.bindings, {}, {}};
  graph::OwnedFunction& network = c.module.functions.back();
  std::vector<bool> needed(network.nodes.size());
  for (const graph::Value& v : results) {
    needed[std::size_t(v.node)] = true;
    c.errors.push_back(graph.error_of(v));
  }
  for (std::size_t i = needed.size(); i-- > 0;)
    if (needed[i])
      for (const graph::Value& v : network.nodes[i].inputs) needed[std::size_t(v.node)] = true;
  std::vector<std::int32_t> place(needed.size());
  std::vector<graph::OwnedNode> kept;
  for (std::size_t i = 0; i < needed.size(); ++i) {
    if (!needed[i]) continue;
    place[i] = std::int32_t(kept.size());
    kept.push_back(network.nodes[i]);
    for (graph::Value& v : kept.back().inputs) v.node = place[std::size_t(v.node)];
  }
  network.nodes = std::move(kept);
  network.results = results;
  for (graph::Value& v : network.results) v.node = place[std::size_t(v.node)];
  return c;
}

// The first node that differs as the only result, else the fewest of the results that do.
Case smallest_failing(const RandomGraph& graph, const Setting& setting) {
  const graph::OwnedFunction& network = graph.module.functions.back();
  for (std::int32_t i = 0; i < std::int32_t(network.nodes.size()); ++i)
    if (Case c = cut(graph, {{i, 0}}); !passes(c, setting)) return c;
  std::vector<graph::Value> results = network.results;
  for (std::size_t n = results.size(); n-- > 0;) {
    std::vector<graph::Value> fewer = results;
    fewer.erase(fewer.begin() + std::ptrdiff_t(n));
    if (!fewer.empty() && !passes(cut(graph, fewer), setting)) results = fewer;
  }
  Case c = cut(graph, results);
  return passes(c, setting) ? whole(graph) : c;
}

void report() {
  const RandomGraph graph(progress().seed);
  const Setting setting{progress().target, progress().fusion};
  const std::string wrong = progress().wrong;
  const Case c = smallest_failing(graph, setting);
  if (passes(c, setting)) progress().leave(wrong + " (not when run alone)");
  std::printf("seed %u, target %s, fusion %s, B = %d and %d, T = %d and %d: %s\n%s\n",
              progress().seed, progress().target, progress().fusion, int(c.bindings[0].batch),
              int(c.bindings[1].batch), int(c.bindings[0].length), int(c.bindings[1].length),
              progress().wrong, graph::text_of(c.module).c_str());
}

// The weaker targets take turns at the levels: their kernels differ, the fusion does not.
std::vector<Setting> settings(unsigned seed) {
  const char* levels[] = {"none", "layout", "all"};
  std::vector<Setting> all;
  if (progress().only[0]) {
    for (const char* level : levels) all.push_back({progress().only, level});
    return all;
  }
  static const std::vector<std::string> others = [] {
    std::vector<std::string> names;
    for (const char* name : {"x86-64-avx2", "x86-64"})
      try {
        RandomGraph graph(0);
        (void)run(whole(graph), {name, "all"});
        names.push_back(name);
      } catch (const Error&) {  // not this CPU's, or host's
      }
    return names;
  }();
  for (const char* level : levels) {
    all.push_back({"host", level});
    if (level != levels[0]) all.push_back({"reference", level});
  }
  for (std::size_t i = 0; i < others.size(); ++i)
    all.push_back({others[i], levels[(seed + i) % 3]});
  return all;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3 && count != 4) {
    std::fprintf(stderr, "usage: random_graphs FIRST COUNT [TARGET]\n");
    return 2;
  }
  const unsigned first = unsigned(std::atoi(arguments[1]));
  const unsigned seeds = unsigned(std::atoi(arguments[2]));
  int failures = 0;
  progress().seed = first;
  if (count == 4) std::snprintf(progress().only, sizeof progress().only, "%s", arguments[3]);
  auto check_seed = [] {
    const RandomGraph graph(progress().seed);
    for (const graph::OwnedFunction& function : graph.module.functions)
      for (const graph::OwnedNode& node : function.nodes) {
        ++progress().nodes;
        progress().seen[info_of(node.op) - op_table] = true;
      }
    const Case c = whole(graph);
    progress().enter(oracle);
    try {
      const std::vector<Tensor> expected = run(c, oracle);
      for (const Setting& setting : settings(progress().seed)) {
        check(c, setting, expected);
        if (progress().wrong[0]) return false;
      }
    } catch (const Error& error) {
      progress().leave(error.what());
      return false;
    }
    return true;
  };
  for (; progress().seed < first + seeds; ++progress().seed) {
    const bool good = in_child([&] {
      for (; progress().seed < first + seeds && check_seed(); ++progress().seed) {}
    });
    if (good) break;
    ++failures;
    report();
  }
  for (std::size_t i = 0; i < std::size(op_table) && seeds >= 1000; ++i)
    if (!progress().seen[i]) {
      std::printf("no graph has the op '%s'\n", op_table[i].name.data());
      ++failures;
    }
  std::printf("%u graphs, %zu nodes, %d failures\n", seeds, progress().nodes, failures);
  return failures ? 1 : 0;
}
