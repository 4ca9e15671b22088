// A compiler for compile_test.cpp: the "graph" says what to answer.
#include <cstring>
#include <string>

#include "heed/runtime/abi/compiler_entry.h"
#include "heed/runtime/abi/program.h"
#include "sample_program.h"

extern "C" void heed_compile(const heed::abi::CompileRequest* request,
                             heed::abi::CompileResult* result) {
  const std::string order(reinterpret_cast<const char*>(request->graph), request->graph_size);
  std::string text = "version " + std::to_string(request->version) + " target " + request->target +
                     " threads " + std::to_string(request->threads) + " fusion " + request->fusion +
                     " tuning " + request->tuning + " probes";
  for (std::size_t i = 0; i < request->probe_count; ++i)
    text += std::string(" ") + request->probes[i];
  text += std::string(" after ") + request->print_after;
  std::vector<std::byte> answer;
  if (order == "program") {
    request->print(request->print_context, text.data(), text.size());
    answer = heed::abi::write_program(heed::testing::sample_program());
  } else if (order != "nothing") {
    const std::string sentence = "the network 'X' is no network";
    answer.resize(sentence.size());
    std::memcpy(answer.data(), sentence.data(), sentence.size());
  }
  result->ok = order == "program" || order == "nonsense";
  result->bytes = answer.empty() ? nullptr : new std::byte[answer.size()];
  result->size = answer.size();
  result->release = [](std::byte* bytes) { delete[] bytes; };
  if (!answer.empty()) std::memcpy(result->bytes, answer.data(), answer.size());
}
