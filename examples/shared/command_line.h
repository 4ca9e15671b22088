// The options that all examples have, and how an example ends when something is wrong.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "heed/runtime/compile.h"

namespace heed::examples {

struct CommonOptions {
  std::string weights, image, profile, attention_map;  // files; empty where none is given
  Options program;                                     // target, fusion, threads, print_after
};

class CommandLine {
 public:
  // without: what an example has no use for, "--image"; given nevertheless, it is a wrong option.
  CommandLine(const std::string& description, CommonOptions& common,
              const std::vector<std::string>& without = {});
  ~CommandLine();

  // What one example has besides. The value set before is the default.
  void add_choice(const std::string& name, std::string& value, std::vector<std::string> choices,
                  const std::string& help);
  void add_text(const std::string& name, std::string& value, const std::string& help);
  void add_number(const std::string& name, int& value, int least, int most,
                  const std::string& help);
  void add_flag(const std::string& name, bool& value, const std::string& help);

  // Reads the command line, then runs `body`. The exit status: 0; 1 where an Error was thrown or
  // standard output took not everything, and 2 where an option is wrong, with one sentence on
  // standard error.
  int run(int argc, char** argv, const std::function<void()>& body);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace heed::examples
