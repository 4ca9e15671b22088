// What a sequence costs by its length: a recurrent network takes one step after another, time and
// memory grow with the length; attention takes all at once, and time grows with its square. Its
// memory does so too where every score is written down, and not where the kernel is fused.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "../shared/charts.h"
#include "../shared/command_line.h"
#include "../shared/files.h"
#include "../shared/report.h"
#include "heed/dsl/load.h"
#include "heed/dsl/nn/attention.h"
#include "heed/dsl/nn/recurrent.h"
#include "heed/runtime/error.h"
#include "heed/runtime/formula.h"

using namespace heed;
using namespace heed::examples;

namespace {

constexpr std::int64_t features = 64;
using sequence = tensor<f32, 1, dim("T"), features>;
using attention_layer = nn::multi_head_attention<features, 1>;
struct recurrent_layer {
  sub<"", nn::gru<features, features>> layer;
  constexpr auto operator()(expression auto x) const {
    auto [outputs, last] = layer(x);
    return outputs;
  }
};

struct Arguments : CommonOptions {
  std::string longest = "16384", time_chart, memory_chart;
};

struct Cost {
  double ms = 0, mb = 0;
};
// The fastest of a few runs, and the memory of what stands between the layers' steps.
Cost measure(Session& session, std::int64_t length) {
  Tensor x(DType::f32, {1, length, features});
  formula_input("sequence", x.as<float>());
  Cost cost{INFINITY, 0};
  double spent = 0;
  for (int run = 0; run < 15 && (run < 2 || spent < 300); ++run) {
    const auto begin = std::chrono::steady_clock::now();
    session.run(x);
    const double ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    if (run > 0) cost.ms = std::min(cost.ms, ms);  // the first makes room
    spent += ms;
  }
  cost.mb = double(session.arena_bytes()) / 1e6;
  return cost;
}

std::int64_t length_of(const std::string& text) {
  std::int64_t length = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || length > 65536)
      throw Error("complexity: --longest is '", text, "', a number from 128 to 65536 is needed");
    length = length * 10 + (c - '0');
  }
  if (length < 128 || length > 65536)
    throw Error("complexity: --longest is '", text, "', a number from 128 to 65536 is needed");
  return length;
}

void run(const Arguments& arguments) {
  const std::int64_t longest = length_of(arguments.longest);
  const auto bound = [](const Program& program) {
    return program.bind(formula_checkpoint(program.parameters()));
  };
  Options unfused_options = arguments.program, fused_options = arguments.program;
  unfused_options.fusion = "none";
  fused_options.fusion = "all";
  const Program recurrent = heed::load<recurrent_layer, sequence>(fused_options);
  say_compiled(recurrent);
  std::array<Session, 3> sessions{bound(recurrent),
                                  bound(heed::load<attention_layer, sequence>(unfused_options)),
                                  bound(heed::load<attention_layer, sequence>(fused_options))};
  const std::array<std::string, 3> names{"recurrent (GRU)", "attention, unfused",
                                         "attention, fused"};
  std::array<Curve, 3> times, memories;
  say("layer",
      format("%ld features, one sequence, %d threads; milliseconds and MB of intermediates",
             long(features), sessions[0].threads()));
  for (std::int64_t length = 64; length <= longest; length *= 2) {
    std::string line;
    for (std::size_t i = 0; i < 3; ++i) {
      times[i].name = memories[i].name = names[i];
      const Cost cost = measure(sessions[i], length);
      times[i].points.emplace_back(double(length), cost.ms);
      memories[i].points.emplace_back(double(length), cost.mb);
      line += format("%s%s %.3g ms %.3g MB", i ? "; " : "", names[i].c_str(), cost.ms, cost.mb);
    }
    say(std::to_string(length), line);
  }
  const auto growth = [](const Curve& curve) {  // of the last doubling
    return curve.points.back().second / curve.points[curve.points.size() - 2].second;
  };
  for (std::size_t i = 0; i < 3; ++i)
    say("twice", format("as long: %s takes %.1f times the time and %.1f times the memory",
                        names[i].c_str(), growth(times[i]), growth(memories[i])));
  const auto time_file = output_file("complexity_time.svg", arguments.time_chart),
             memory_file = output_file("complexity_memory.svg", arguments.memory_chart);
  write_curves(time_file, {"length of the sequence", "milliseconds", true}, times);
  write_curves(memory_file, {"length of the sequence", "MB of intermediates", true}, memories);
  say("charts", shown(time_file) + ", " + shown(memory_file));
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CommandLine command_line(
      "Time and memory of recurrence and attention against the length of the sequence.", arguments,
      {"--weights", "--image", "--fusion", "--profile", "--attention-map"});
  command_line.add_text("--longest", arguments.longest,
                        "lengths go from 64 to this, each twice the one before");
  command_line.add_text("--time-chart", arguments.time_chart, "where times are drawn, SVG");
  command_line.add_text("--memory-chart", arguments.memory_chart, "where memory is drawn, SVG");
  return command_line.run(argc, argv, [&] { run(arguments); });
}
