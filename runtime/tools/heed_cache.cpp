// heed-cache list | verify | clear: the programs kept on disk. Exit status: 0; 1 where programs are
// damaged or standard output took not everything; 2 where the command line is wrong.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <iostream>

#include "heed/runtime/code.h"
#include "heed/runtime/error.h"
#include "heed/runtime/program_cache.h"

namespace {

using heed::ProgramCache;

std::string age_of(const ProgramCache::Entry& entry) {
  const auto age = std::filesystem::file_time_type::clock::now() - entry.used;
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(age).count();
  if (minutes < 120) return std::to_string(minutes) + " min";
  return minutes < 48 * 60 ? std::to_string(minutes / 60) + " h"
                           : std::to_string(minutes / 60 / 24) + " d";
}

void list(const ProgramCache& cache) {
  std::uintmax_t total = 0;
  std::printf("%-32s %9s %8s  %s\n", "program", "KB", "used", "network");
  for (const ProgramCache::Entry& entry : cache.entries()) {
    total += entry.bytes;
    std::string text = entry.partial ? "being written" : "";
    if (!entry.partial) try {
        const auto program = ProgramCache::open(entry.path);
        if (!program) continue;
        text = program->name + ", " + program->target + ", fusion " + program->fusion + ", by " +
               program->compiler;
      } catch (const heed::Error& problem) {
        text = problem.what();
      }
    std::printf("%-32s %9ju %8s  %s\n", entry.path.stem().c_str(), (entry.bytes + 1023) / 1024,
                age_of(entry).c_str(), text.c_str());
  }
  std::printf("%ju KB in '%s'\n", (total + 1023) / 1024, cache.directory().c_str());
}

// Whether every program can be read and linked. A CPU it was not made for is no damage.
bool verify(const ProgramCache& cache) {
  std::size_t good = 0, bad = 0;
  for (const ProgramCache::Entry& entry : cache.entries()) {
    if (entry.partial) continue;
    try {
      const auto program = ProgramCache::open(entry.path);
      if (program && program->format == heed::abi::CodeFormat::elf)
        heed::link_objects(program->code);
      ++good;
    } catch (const heed::Error& problem) {
      ++bad;
      std::printf("'%s': %s\n", entry.path.c_str(), problem.what());
    }
  }
  std::printf("%zu good, %zu damaged%s\n", good, bad,
              bad ? "; these are compiled again when they are needed" : "");
  return bad == 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Programs that Heed keeps on disk, so that a network is compiled once a machine.");
  std::string directory;
  app.add_option("--directory", directory, "where they are; HEED_CACHE's or ~/.cache/heed")
      ->type_name("DIRECTORY");
  app.require_subcommand(1);
  const auto* list_them = app.add_subcommand("list", "names, sizes and networks, used last first");
  const auto* verify_them =
      app.add_subcommand("verify", "reads and links each; 1: some are damaged");
  app.add_subcommand("clear", "removes them all");
  const auto refuse = [](const std::string& sentence) {
    std::cerr << "heed-cache: " << sentence << '\n';
    return 2;
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return refuse(error.what() + std::string("; --help lists the options"));
  }

  const ProgramCache cache(directory.empty() ? ProgramCache::directory_of_user()
                                             : std::filesystem::path(directory));
  if (!cache.keeps())
    return refuse("HEED_CACHE says that nothing is kept; --directory names a place");
  std::error_code ignored;
  const std::filesystem::file_status place = std::filesystem::status(cache.directory(), ignored);
  if (std::filesystem::exists(place) && !std::filesystem::is_directory(place))
    return refuse("'" + cache.directory().string() + "' is no directory, a cache is one");
  bool good = true;
  if (list_them->parsed())
    list(cache);
  else if (verify_them->parsed())
    good = verify(cache);
  else
    std::printf("%zu files removed\n", cache.clear());
  if (std::fflush(stdout) != 0 || std::ferror(stdout)) {
    std::cerr << "heed-cache: standard output did not take everything: is its disk full?\n";
    return 1;
  }
  return good ? 0 : 1;
}
