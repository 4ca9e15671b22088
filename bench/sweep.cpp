#include "sweep.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>

#include "heed/dsl/graph/encode.h"
#include "heed/dsl/load.h"
#include "heed/dsl/nn/attention.h"
#include "heed/runtime/atomic_file.h"
#include "heed/runtime/error.h"
#include "references.h"
#include "runner.h"
#include "temporary.h"
#include "timing.h"

namespace heed::bench {
namespace {

constexpr double worth_mentioning = 1.03;
constexpr int repetitions = 7, repetitions_again = 21;

// ---- shapes -------------------------------------------------------------------------------------

enum class Mask { none, causal, window, lengths };
constexpr const char* mask_names[] = {"none", "causal", "window", "lengths"};
constexpr std::int64_t window = 256;

struct Attention {
  AttentionSizes sizes;
  Mask mask;

  std::string name() const {
    std::string text = mask_names[int(mask)];
    for (std::int64_t n : {sizes.batch, sizes.heads, sizes.queries, sizes.keys, sizes.features})
      text += (text.back() >= '0' && text.back() <= '9' ? "x" : " ") + std::to_string(n);
    return text;
  }
  std::int64_t length(std::int64_t b) const { return 1 + (b * 2654435761 + 17) % sizes.keys; }
  bool seen(const ScoreAt& at) const {
    switch (mask) {
      case Mask::none:
        return true;
      case Mask::causal:
        return at.j <= at.i;
      case Mask::window:
        return at.j <= at.i && at.j > at.i - window;
      case Mask::lengths:
        return at.j < length(at.b);
    }
    return true;
  }
};

// Lengths and heads evenly spread over orders of magnitude; small enough to be timed often.
Attention shape_of(std::uint32_t seed, int number) {
  std::mt19937 random(seed * 1'000'003u + std::uint32_t(number));
  const auto spread = [&](double most) {
    return std::int64_t(std::exp2(std::log2(most + 1) * double(random()) / 4294967296.0));
  };
  constexpr std::int64_t features[] = {16, 24, 32,  40,  48,  64,  64, 72,
                                       80, 96, 112, 128, 160, 192, 256};
  for (;;) {
    Attention a;
    a.mask = Mask(random() % 4);
    const std::int64_t heads = spread(32), queries = spread(4096), keys = spread(4096);
    a.sizes = {spread(4), heads, heads, queries, keys, features[random() % std::size(features)]};
    if (a.mask == Mask::window) a.sizes.keys = a.sizes.queries = std::max(queries, keys);
    const double scores = double(a.sizes.batch * heads * a.sizes.queries) * double(a.sizes.keys);
    const double elements =
        double(a.sizes.batch * heads * a.sizes.features * (a.sizes.queries + a.sizes.keys));
    if (scores < 3e7 && 4 * scores * double(a.sizes.features) < 3e9 && elements < 2e7) return a;
  }
}

// ---- programs -----------------------------------------------------------------------------------

// The network is written once, with symbols; a shape puts numbers in their places.
constexpr dim B{"B"}, H{"H"}, Q{"Q"}, K{"K"}, D{"D"};

template <Mask Kind>
struct model {
  static constexpr auto scores(expression auto q, expression auto k) {
    return matmul(q, transpose(k)) * rsqrt_of<64>;
  }
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    auto s = scores(q, k);
    if constexpr (Kind == Mask::none)
      return matmul(softmax<-1>(s), v);
    else if constexpr (Kind == Mask::causal)
      return matmul(softmax<-1>(nn::causal::apply(s)), v);
    else
      return matmul(softmax<-1>(nn::window<window>::apply(s)), v);
  }
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto length) const {
    return matmul(softmax<-1>(where(position<-1>() < length, scores(q, k), minus_infinity)), v);
  }
};

graph::Module symbolic(Mask mask) {
  using q = tensor<f32, B, H, Q, D>;
  using k = tensor<f32, B, H, K, D>;
  const graph::Function* function = nullptr;
  switch (mask) {
    case Mask::none:
      function = &graph_of<model<Mask::none>, q, k, k>;
      break;
    case Mask::causal:
      function = &graph_of<model<Mask::causal>, q, k, k>;
      break;
    case Mask::window:
      function = &graph_of<model<Mask::window>, q, k, k>;
      break;
    case Mask::lengths:
      function = &graph_of<model<Mask::lengths>, q, k, k, tensor<i64, B, 1, 1, 1>>;
  }
  return graph::module_of(*function, {});
}

graph::Module network(const Attention& a) {
  graph::Module module = symbolic(a.mask);
  const std::pair<Dim, std::int64_t> values[] = {{B, a.sizes.batch},
                                                 {H, a.sizes.heads},
                                                 {Q, a.sizes.queries},
                                                 {K, a.sizes.keys},
                                                 {D, a.sizes.features}};
  const auto fix = [&](Dim& d) {
    const auto value = evaluate(d, [&](std::uint64_t symbol) -> std::optional<std::int64_t> {
      for (const auto& [name, number] : values)
        if (name == Dim::symbol(symbol)) return number;
      return {};
    });
    if (value) d = Dim(*value);
  };
  const auto fix_type = [&](TensorType& type) {
    for (int axis = 0; axis < type.shape.rank; ++axis) fix(type.shape.dims[axis]);
  };
  for (graph::OwnedFunction& function : module.functions) {
    for (TensorType& type : function.arguments) fix_type(type);
    for (graph::OwnedNode& node : function.nodes) {
      for (TensorType& type : node.results) fix_type(type);
      for (Dim& d : node.dims) fix(d);
    }
  }
  return module;
}

Case case_of(const Attention& a) {
  const AttentionSizes& n = a.sizes;
  Case c{"attention", a.name(), 0, {}, {}, {}};
  c.load = [bytes = graph::encode(network(a))](const Options& options) {
    return load_graph(bytes, options);
  };
  c.inputs = [a, n](int i) {
    std::vector<Tensor> all;
    for (const auto& [what, length] : {std::pair{"q", n.queries}, {"k", n.keys}, {"v", n.keys}}) {
      all.emplace_back(DType::f32, Sizes{n.batch, n.heads, length, n.features});
      formula_input(what + std::to_string(i), all.back().as<float>());
    }
    if (a.mask == Mask::lengths) {
      all.emplace_back(DType::i64, Sizes{n.batch, 1, 1, 1});
      for (std::int64_t b = 0; b < n.batch; ++b)
        all.back().as<std::int64_t>()[std::size_t(b)] = a.length(b);
    }
    return all;
  };
  c.check = [a, n](const std::vector<Tensor>& inputs, const Tensor& result) {
    const double scale = std::sqrt(double(n.features)) / 8;  // the network divides by 8 for any D
    check_edited_attention(
        inputs, n, [&](double s, const ScoreAt& at) { return a.seen(at) ? s * scale : -INFINITY; },
        result, a.name());
  };
  return c;
}

// ---- alternatives -------------------------------------------------------------------------------

struct Way {
  const char* name;
  const char* tuning;
};
constexpr Way ways[] = {
    {"chosen", ""},
    {"unfused", "fuse=no"},
    {"128 keys", "key_block=128,band_key_block=128"},
    {"256 keys", "key_block=256,band_key_block=256"},
    {"512 keys", "key_block=512,band_key_block=512"},
    {"packed first", "inside_from=1048576"},
    {"packed inside", "inside_from=1,inside_share_of_l2=1e6"},
    {"8 tiles", "block_tiles=8"},
};

struct Contestant {
  const char* way;
  Runner runner;
};
struct Verdict {
  std::vector<double> ms;  // of each contestant; the first one is the compiler's choice
  std::size_t best = 0;
  double loss() const { return ms[0] / ms[best]; }
};

// The bytes of a program file.
std::vector<std::byte> file_of(const Program& program, const TemporaryFolder& folder) {
  const std::filesystem::path path = std::filesystem::path(folder.path) / "program.heed";
  program.save(path);
  return read_file(path).bytes;
}

Verdict judge(std::vector<Contestant>& contestants, int turns) {
  std::vector<Contender> contenders;
  for (Contestant& one : contestants)
    contenders.push_back({one.way, [&one] { one.runner.run_next(); }});
  Verdict verdict;
  for (const Times& times : take_turns(contenders, turns)) verdict.ms.push_back(times.least_ms);
  verdict.best = std::size_t(std::ranges::min_element(verdict.ms) - verdict.ms.begin());
  return verdict;
}

// The different programs that the ways lead to; each one's result is right.
std::vector<Contestant> contestants_of(const Attention& a, const SweepOptions& sweep) {
  const Case c = case_of(a);
  const TemporaryFolder folder;
  std::vector<std::vector<std::byte>> files;
  std::vector<Contestant> contestants;
  for (const Way& way : ways) {
    Options options;
    options.target = sweep.target;
    options.threads = sweep.threads;
    options.cache = "off";
    options.tuning = way.tuning;
    const Program program = c.load(options);
    files.push_back(file_of(program, folder));
    if (std::ranges::count(files, files.back()) > 1) continue;
    contestants.push_back({way.name, {c, program.bind(formula_checkpoint(program.parameters()))}});
    Runner& runner = contestants.back().runner;
    c.check(runner.first_inputs(), runner.run(0));
  }
  return contestants;
}

Verdict judge(std::vector<Contestant>& contestants) {
  Verdict verdict = judge(contestants, repetitions);
  if (verdict.loss() > worth_mentioning) {
    const Verdict again = judge(contestants, repetitions_again);
    if (again.loss() < verdict.loss()) verdict = again;
  }
  return verdict;
}

}  // namespace

void sweep_attention(const SweepOptions& sweep) {
  int lost = 0;
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  std::cout << "| mask batch×heads×queries×keys×features | chosen ms | better | ms | loss "
               "|\n|---|--:|---|--:|--:|\n";
  for (int number = sweep.first; number < sweep.first + sweep.count; ++number) {
    const Attention a = shape_of(sweep.seed, number);
    std::cerr << '\r' << number - sweep.first + 1 << " of " << sweep.count << ": " << a.name()
              << "\033[K" << std::flush;
    std::vector<Contestant> contestants = contestants_of(a, sweep);
    const Verdict verdict = judge(contestants);
    nlohmann::ordered_json times;
    for (std::size_t c = 0; c < contestants.size(); ++c) times[contestants[c].way] = verdict.ms[c];
    all.push_back({{"shape", a.name()}, {"ms", times}});
    if (verdict.loss() <= worth_mentioning) continue;
    ++lost;
    char figures[96];
    std::snprintf(figures, sizeof figures, "| %.4g | %s | %.4g | %.0f %% |\n", verdict.ms[0],
                  contestants[verdict.best].way, verdict.ms[verdict.best],
                  100 * (verdict.loss() - 1));
    std::cout << "| " << a.name() << ' ' << figures << std::flush;
  }
  std::cerr << "\r\033[K";
  std::cout << lost << " of " << sweep.count << " lose more than 3 % to another way, "
            << 100.0 * lost / sweep.count << " %\n";
  if (sweep.json.empty()) return;
  const std::string text = all.dump(1) + "\n";
  write_file(sweep.json, std::as_bytes(std::span(text)));
}

}  // namespace heed::bench
