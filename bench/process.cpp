#include "process.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "heed/runtime/error.h"

namespace heed::bench {

double number_from_child(const std::string& what, std::vector<std::string> arguments) {
  std::vector<char*> words;
  arguments.insert(arguments.begin(), "child");
  for (std::string& word : arguments) words.push_back(word.data());
  words.push_back(nullptr);

  int ends[2];
  if (pipe(ends) != 0) throw Error(what, ": no pipe: ", system_message(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  pid_t child = 0;
  const int failed =
      posix_spawn(&child, "/proc/self/exe", &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string text;
  char piece[64];
  for (ssize_t got; !failed && (got = read(ends[0], piece, sizeof piece)) > 0;)
    text.append(piece, std::size_t(got));
  close(ends[0]);
  if (failed) throw Error(what, ": cannot start a process: ", system_message(failed));

  int status = 0;
  waitpid(child, &status, 0);
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (status != 0 || end == text.c_str()) throw Error(what, ": its process failed");
  return number;
}

double resident_peak_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (double kilobytes = 0; word == "VmHWM:" && status >> kilobytes) return kilobytes / 1024;
  throw Error("the system does not tell VmHWM");
}

}  // namespace heed::bench
