// What examples print: a word, then what there is to say about it; and how they measure.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "heed/runtime/session.h"
#include "command_line.h"

namespace heed::examples {

// A line "word     text", aligned while words have at most 8 letters.
void say(std::string_view word, const std::string& text);

// As printf writes it.
[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...);

// Compiles a network; heed::load behind a function, so that it can be compiled in two ways.
using Load = std::function<Program(const Options&)>;

// Says how a program was compiled.
void say_compiled(const Program& program);

// The weights of `program` in the file that the user gave, whose other tensors do not matter, or
// weights by a formula; says which. Throws Error where a file is given and there are no parameters.
Checkpoint weights_or_formula(const Program& program, const std::string& file);
// The tensors that `program` has as parameters.
Checkpoint only_parameters(const Checkpoint& checkpoint, const Program& program);

// The network compiled once more to give out values inside of it.
Session with_probes(const Load& load, Options options, const Checkpoint& weights,
                    std::vector<std::string> probes);

using Inputs = std::vector<const Tensor*>;

// Median milliseconds of runs of two sessions turn by turn, and by how much their first results
// differ.
struct Turns {
  double ms = 0, other_ms = 0;
  std::size_t runs = 0;
  double difference = 0;
};
Turns take_turns(Session& session, Session& other, const Inputs& inputs);

// Says how long runs of `session` take, and runs of the same network at the other end of fusion on
// the same input, turn by turn, and by how much the results differ.
void say_times(Session& session, const Load& load, const Checkpoint& checkpoint,
               const Options& options, const Inputs& inputs);

// Profiles a few runs where --profile asks for it: the table is printed, the trace written.
void write_profile(Session& session, const CommonOptions& options, const Inputs& inputs);

double largest_difference(std::span<const float> a, std::span<const float> b);

// Sets `classes` to softmax(logits) and gives the `count` likeliest indices, likeliest first.
std::vector<int> likeliest(std::span<const float> logits, int count, std::vector<float>& classes);

}  // namespace heed::examples
