#include "command_line.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "heed/runtime/error.h"

namespace heed::examples {

struct CommandLine::Parser {
  CLI::App app;
};

namespace {

const std::vector<std::string> phases = {"graph", "dialect", "fused", "kernels", "llvm", "asm"};

// Empty, or what is wrong with a list of phases.
std::string check_phases(const std::string& list) {
  std::istringstream stream(list);
  for (std::string phase; std::getline(stream, phase, ',');)
    if (std::ranges::find(phases, phase) == phases.end())
      return "'" + phase + "' is none of " + CLI::detail::join(phases, ", ");
  return {};
}

void say(const char* program, std::string_view sentence) {
  std::cerr << std::filesystem::path(program).filename().string() << ": " << sentence << '\n';
}

}  // namespace

CommandLine::CommandLine(const std::string& description, CommonOptions& common,
                         const std::vector<std::string>& without)
    : parser_(std::make_unique<Parser>()) {
  CLI::App& app = parser_->app;
  app.description(description);
  app.add_option("--weights", common.weights, "weights, a safetensors file")->type_name("FILE");
  app.add_option("--image", common.image, "picture to look at: JPEG, PNG, PGM or PPM")
      ->type_name("FILE");
  add_choice("--fusion", common.program.fusion, {"none", "layout", "all"}, "level of fusion");
  add_choice("--target", common.program.target,
             {"host", "reference", "x86-64", "x86-64-avx2", "x86-64-avx512", "vulkan"},
             "what code is made for; reference: plain checked loops; vulkan: a GPU");
  app.add_option("--threads", common.program.threads, "threads, 0 for one a core")
      ->check(CLI::Range(0, 1024))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--profile", common.profile, "time every step; Chrome trace into FILE")
      ->type_name("FILE");
  app.add_option("--attention-map", common.attention_map, "where the attention map is written, PNG")
      ->type_name("FILE");
  app.add_flag_callback(
      "--remarks",
      [&] { common.program.remark = [](std::string_view s) { std::cerr << s << '\n'; }; },
      "print what the compiler and the cache remark");
  app.add_option("--print-after", common.program.print_after,
                 "phases to print, by commas: " + CLI::detail::join(phases, ", "))
      ->check(check_phases)
      ->type_name("PHASES");
  for (const std::string& name : without) app.remove_option(app.get_option(name));
}
CommandLine::~CommandLine() = default;

void CommandLine::add_choice(const std::string& name, std::string& value,
                             std::vector<std::string> choices, const std::string& help) {
  const std::string all = CLI::detail::join(choices, ", ");
  const std::string short_form = "{" + CLI::detail::join(choices, ",") + "}";
  parser_->app.add_option(name, value, help)
      ->check([choices = std::move(choices), all](const std::string& given) {
        const bool known = std::ranges::find(choices, given) != choices.end();
        return known ? std::string() : "'" + given + "' is none of " + all;
      })
      ->type_name(short_form)
      ->capture_default_str();
}

void CommandLine::add_text(const std::string& name, std::string& value, const std::string& help) {
  parser_->app.add_option(name, value, help)->type_name("TEXT")->capture_default_str();
}

void CommandLine::add_number(const std::string& name, int& value, int least, int most,
                             const std::string& help) {
  parser_->app.add_option(name, value, help)
      ->check(CLI::Range(least, most))
      ->type_name("N")
      ->capture_default_str();
}

void CommandLine::add_flag(const std::string& name, bool& value, const std::string& help) {
  parser_->app.add_flag(name, value, help);
}

int CommandLine::run(int argc, char** argv, const std::function<void()>& body) {
  try {
    parser_->app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return parser_->app.exit(help);
  } catch (const CLI::ParseError& error) {
    say(argv[0], error.what() + std::string("; --help lists the options"));
    return 2;
  }
  try {
    body();
    if (std::fflush(stdout) != 0 || std::ferror(stdout))
      throw Error("standard output did not take everything: is its disk full?");
    return 0;
  } catch (const std::exception& error) {  // heed::Error, or the memory is full
    say(argv[0], error.what());
    return 1;
  }
}

}  // namespace heed::examples
