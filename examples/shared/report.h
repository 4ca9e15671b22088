// What examples print: a word, then what there is to say about it; and how they measure.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "heed/runtime/profile.h"
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

// Says how long runs of `session` take, and runs of the same network at the other end of fusion on
// the same input, turn by turn, and by how much the results differ.
void say_times(Session& session, const Load& load, const Checkpoint& checkpoint,
               const Options& options, const Tensor& input);

// Profiles a few runs where --profile asks for it: the table is printed, the trace written.
void write_profile(Session& session, const CommonOptions& options, const Tensor& input);

// Sets `classes` to softmax(logits) and gives the `count` likeliest indices, likeliest first.
std::vector<int> likeliest(std::span<const float> logits, int count, std::vector<float>& classes);

}  // namespace heed::examples
