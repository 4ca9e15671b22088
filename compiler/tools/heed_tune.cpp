// heed-tune TIMES… > costs: fits the costs of attention's plans (tuning.h) to what `heed_bench
// --sweep --json` measured. 1: least squares of the errors of predicted differences between a
// shape's plans, in parts of its time, no cost below 0. 2: costs are changed as long as the plans
// that they choose get faster, which is what counts. Prints "name=value" lines, which
// Options::tuning takes, and to standard error how well they choose, and where not.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <span>
#include <vector>

#include "heed/compiler/plan/attention_plan.h"
#include "heed/runtime/error.h"

namespace {

using heed::AttentionCosts;
using Work = std::array<double, AttentionCosts::count>;

struct Plan {
  std::string name;
  Work work;
  double ns;
};
struct Shape {
  std::string name;
  std::vector<Plan> plans;  // those that the compiler may choose between
  bool predictable;         // lengths that are data make it faster than anybody can know
  double unfused = INFINITY;  // ns of three kernels, no plan but a rival
  double best() const { return std::min(unfused, std::ranges::min(plans, {}, &Plan::ns).ns); }
};

double predicted(const Work& work, const AttentionCosts& costs) {
  double ns = 0;
  for (std::size_t c = 0; c < work.size(); ++c) ns += work[c] * costs.ns[c];
  return ns;
}

const Plan& choice(const Shape& shape, const AttentionCosts& costs) {
  return *std::ranges::min_element(shape.plans, {},
                                   [&](const Plan& plan) { return predicted(plan.work, costs); });
}

double loss(const Shape& shape, const AttentionCosts& costs) {
  return choice(shape, costs).ns / shape.best();
}

Shape read_shape(const nlohmann::json& row, const heed::Target& machine) {
  const auto number = [&](const char* name) { return row.at(name).get<std::int64_t>(); };
  const std::string mask = row.at("mask");
  heed::AttentionShape shape{.batch = number("batch") * number("heads"),
                             .queries = number("queries"),
                             .keys = number("keys"),
                             .features = number("features"),
                             .values = number("features")};
  if (mask == "causal" || mask == "window") shape.seen.last = 0;
  if (mask == "window") shape.seen.first = 1 - number("window");
  Shape read{mask, {}, mask != "lengths"};
  for (const char* size : {"batch", "heads", "queries", "keys", "features"})
    read.name += (read.name == mask ? " " : "×") + std::to_string(number(size));
  for (const auto& [way, ms] : row.at("ms").items()) {
    heed::Target target = machine;
    if (const std::string wrong = heed::override_tuning(target.tuning, way); !wrong.empty())
      throw heed::Error("tune: ", wrong);
    const double ns = ms.get<double>() * 1e6;
    if (target.tuning.attention.fuse == false) {
      read.unfused = ns;
      continue;
    }
    const heed::AttentionPlan plan = heed::best_attention_plan(shape, target);
    read.plans.push_back({way, heed::attention_work(shape, plan, target), ns});
  }
  return read;
}

// work · costs = how much longer than the mean of a shape's plans one takes, in parts of the mean;
// work, too, is more or less than the mean's.
struct Equation {
  Work work;
  double value;
};

std::vector<Equation> equations_of(const Shape& shape) {
  if (!shape.predictable) return {};
  const double plans = double(shape.plans.size());
  Equation mean{{}, 0};
  for (const Plan& plan : shape.plans) {
    for (std::size_t c = 0; c < plan.work.size(); ++c) mean.work[c] += plan.work[c] / plans;
    mean.value += plan.ns / plans;
  }
  std::vector<Equation> equations;
  for (const Plan& plan : shape.plans) {
    Equation equation{{}, plan.ns / mean.value - 1};
    for (std::size_t c = 0; c < plan.work.size(); ++c)
      equation.work[c] = (plan.work[c] - mean.work[c]) / mean.value;
    equations.push_back(equation);
  }
  return equations;
}

void fit_predictions(const std::vector<Shape>& shapes, AttentionCosts& costs) {
  std::vector<Equation> equations;
  for (const Shape& shape : shapes)
    for (const Equation& equation : equations_of(shape)) equations.push_back(equation);
  for (int turn = 0; turn < 3000; ++turn)
    for (std::size_t c = 0; c < costs.ns.size(); ++c) {
      double slope = 0, curvature = 0;
      for (const Equation& equation : equations) {
        slope += equation.work[c] * (equation.value - predicted(equation.work, costs));
        curvature += equation.work[c] * equation.work[c];
      }
      if (curvature > 0) costs.ns[c] = std::max(0.0, costs.ns[c] + slope / curvature);
    }
}

// What choices lose, of which less than 1 % cannot be measured; and, so that they hold for other
// shapes too, a little of how wrong predictions are.
double objective(const std::vector<Shape>& shapes, const AttentionCosts& costs) {
  constexpr double weight_of_errors = 10;  // a few per cent between plans decide
  double sum = 0;
  for (const Shape& shape : shapes) {
    sum += std::log(std::max(loss(shape, costs), 1.01));
    for (const Equation& equation : equations_of(shape))
      sum += weight_of_errors * std::pow(equation.value - predicted(equation.work, costs), 2) /
             double(shape.plans.size());
  }
  return sum;
}

// Some costs at a time change by random factors; what was 0 may become what 1 % of a typical time
// needs.
void fit_choices(const std::vector<Shape>& shapes, AttentionCosts& costs) {
  constexpr int steps = 30'000;
  std::mt19937 random(1);
  std::normal_distribution<double> exponent(0, 0.5);
  AttentionCosts least_costs;
  for (std::size_t c = 0; c < costs.ns.size(); ++c) {
    std::vector<double> shares;
    for (const Shape& shape : shapes)
      for (const Plan& plan : shape.plans)
        if (plan.work[c] > 0) shares.push_back(plan.ns / plan.work[c]);
    std::ranges::sort(shares);
    if (!shares.empty()) least_costs.ns[c] = 0.01 * shares[shares.size() / 2];
  }
  double least = objective(shapes, costs);
  for (int step = 0; step < steps; ++step) {
    AttentionCosts changed = costs;
    for (auto changes = 1 + random() % 3; changes; --changes) {
      const std::size_t c = random() % costs.ns.size();
      changed.ns[c] = random() % 16
                          ? std::max(changed.ns[c], least_costs.ns[c]) * std::exp(exponent(random))
                          : 0;
    }
    if (const double now = objective(shapes, changed); now < least) {
      least = now;
      costs = changed;
    }
  }
}

AttentionCosts fitted(const std::vector<Shape>& shapes) {
  AttentionCosts costs;
  fit_predictions(shapes, costs);
  fit_choices(shapes, costs);
  return costs;
}

constexpr double worth_mentioning = 1.03;

struct Loss {
  double loss;
  std::string what;  // shape and choice
};
Loss loss_of(const Shape& shape, const AttentionCosts& costs) {
  return {loss(shape, costs), shape.name + " by " + choice(shape, costs).name};
}

void report(const char* what, std::vector<Loss> losses) {
  std::ranges::sort(losses, std::greater(), &Loss::loss);
  const auto lost =
      std::ranges::count_if(losses, [](const Loss& one) { return one.loss > worth_mentioning; });
  std::fprintf(stderr, "%s: %td of %zu shapes lose more than 3 %%, %.1f %% at most\n", what, lost,
               losses.size(), 100 * (losses.front().loss - 1));
  for (const Loss& one : std::span(losses).first(std::size_t(lost)))
    std::fprintf(stderr, "%6.1f %% %s\n", 100 * (one.loss - 1), one.what.c_str());
}

// Costs fitted to all shapes but every fifth one choose for those.
std::vector<Loss> losses_of_unseen(const std::vector<Shape>& shapes) {
  constexpr std::size_t parts = 5;
  std::vector<Loss> losses;
  for (std::size_t part = 0; part < parts; ++part) {
    std::vector<Shape> seen;
    for (std::size_t n = 0; n < shapes.size(); ++n)
      if (n % parts != part) seen.push_back(shapes[n]);
    const AttentionCosts costs = fitted(seen);
    for (std::size_t n = part; n < shapes.size(); n += parts)
      losses.push_back(loss_of(shapes[n], costs));
  }
  return losses;
}

void run(const std::vector<std::string>& files) {
  std::vector<Shape> shapes;
  for (const std::string& file : files) {
    std::ifstream stream(file);
    if (!stream) throw heed::Error("tune: '", file, "' cannot be read");
    try {
      const auto json = nlohmann::json::parse(stream);
      const heed::Target target = heed::target_by_name(json.at("target"));
      for (const auto& row : json.at("shapes")) shapes.push_back(read_shape(row, target));
    } catch (const nlohmann::json::exception& error) {
      throw heed::Error("tune: '", file,
                        "' is not what heed_bench --sweep --json writes: ", error.what());
    }
  }
  if (shapes.empty())
    throw heed::Error(
        "tune: the files hold no shape; ./bench/run --sweep --json FILE measures some");
  const AttentionCosts costs = fitted(shapes);
  std::vector<Loss> losses;
  for (const Shape& shape : shapes) losses.push_back(loss_of(shape, costs));
  report("of the shapes fitted to", losses);
  report("of shapes held back, a fifth at a time", losses_of_unseen(shapes));
  for (std::size_t c = 0; c < costs.ns.size(); ++c)
    std::printf("%s=%.4g\n", AttentionCosts::names[c], costs.ns[c]);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 2)
      throw heed::Error("usage: heed-tune TIMES…, files that heed_bench --sweep --json wrote");
    run({argv + 1, argv + argc});
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
