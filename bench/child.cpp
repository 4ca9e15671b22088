#include "child.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iostream>

#include "heed/runtime/error.h"
#include "heed/runtime/session.h"

namespace heed::bench {
namespace {

// Of the system's monotonic clock, which processes share.
double now_ms() {
  return std::chrono::duration<double, std::milli>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Starts this program again and reads the number that it prints.
double number_from_child(const std::string& what, const Case& c, const Options& options) {
  std::string words[] = {"heed_bench", "--child", what, "--filter", c.name, "--target",
                         options.target, "--threads", std::to_string(options.threads),
                         "--cache", options.cache};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  int ends[2];
  if (pipe(ends) != 0) throw Error("bench: no pipe: ", system_message(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  pid_t child = 0;
  const int failed =
      posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (failed) throw Error("bench: cannot start a process: ", system_message(failed));

  std::string text;
  char piece[64];
  for (ssize_t got; (got = read(ends[0], piece, sizeof piece)) > 0;)
    text.append(piece, std::size_t(got));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0) throw Error("bench: ", c.name, ": the process for '", what, "' failed");
  return std::stod(text);
}

double resident_peak_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (double kilobytes = 0; word == "VmHWM:" && status >> kilobytes) return kilobytes / 1024;
  throw Error("bench: the system does not tell VmHWM");
}

}  // namespace

double start_ms(const Case& c, const Options& options) {
  const double begin = now_ms();
  return number_from_child("compile", c, options) - begin;
}

double peak_mb(const Case& c, const Options& options) {
  return number_from_child("run", c, options);
}

void run_child(const std::string& what, const Case& c, const Options& options) {
  std::cout.precision(15);
  const Program program = c.load(options);
  if (what == "compile") {
    std::cout << now_ms() << std::endl;
    return;
  }
  Session session = program.bind(formula_checkpoint(program.parameters()));
  const std::vector<Tensor> inputs = c.inputs(0);
  std::vector<const Tensor*> pointers;
  for (const Tensor& input : inputs) pointers.push_back(&input);
  session.run(pointers);
  std::cout << resident_peak_mb() << std::endl;
}

}  // namespace heed::bench
