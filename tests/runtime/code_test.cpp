// The object loader, on what the host's compiler made of kernels.cpp.
#include "heed/runtime/code.h"

#include <elf.h>

#include <array>
#include <cmath>
#include <cstring>

#include "must_throw.h"
#include "random.h"
#include "sample_program.h"

using heed::Code;
using heed::testing::check_error;

namespace {

template <class Function>
Function* function(const Code& code, const char* name) {
  return reinterpret_cast<Function*>(code.address(name));
}

}  // namespace

TEST_CASE("code: data, pointers, calls out and jump tables are linked") {
  const Code code(heed::testing::kernel_object());
  CHECK(function<float(float)>(code, "linked")(1.0f) == std::exp(1.0f) + 3.5f + 7.0f);
  *function<float*()>(code, "counter_address")() = 8;
  CHECK(function<float(float)>(code, "linked")(0.0f) == 12.5f);
  std::array<char, 300> bytes;
  bytes.fill(1);
  function<void(void*, std::size_t)>(code, "clear_bytes")(bytes.data(), 299);
  CHECK(bytes[298] == 0);
  CHECK(bytes[299] == 1);
  auto* switched = function<double(int)>(code, "switched");
  CHECK(switched(0) == std::sin(1.0));
  CHECK(switched(2) == std::sqrt(2.0));
  CHECK(switched(5) == 99);
  CHECK(switched(6) == 0);
}

TEST_CASE("code: two objects do not share data, a moved one stays") {
  const Code first(heed::testing::kernel_object());
  Code second(heed::testing::kernel_object());
  *function<float*()>(first, "counter_address")() = 100;
  const Code moved = std::move(second);
  CHECK(function<float(float)>(moved, "linked")(0.0f) == 11.5f);
}

TEST_CASE("code: what one object lacks is found in others") {
  auto object = heed::testing::kernel_object();
  const std::vector<Code> others{Code(object)};
  const std::string_view text(reinterpret_cast<const char*>(object.data()), object.size());
  const std::size_t at = text.rfind("\0expf\0", text.npos, 6);
  REQUIRE(at != text.npos);
  std::memcpy(object.data() + at + 1, "half", 4);  // linked() calls expf
  check_error([&] { Code{object}; }, {"'half'", "cannot call"});
  const Code code(object, others);
  CHECK(function<float(float)>(code, "linked")(3.0f) == 1.5f + 3.5f + 7.0f);
}

TEST_CASE("code: symbols") {
  const Code code(heed::testing::kernel_object());
  bool found = false;
  for (const Code::Symbol& symbol : code.symbols())
    found |= symbol.name == "linear" && symbol.size > 0;
  CHECK(found);
  check_error([&] { code.address("nothing"); }, {"'nothing'", "compile"});
  check_error([&] { code.address("counter"); }, {"'counter'"});  // data is not called
  CHECK(heed::external_function("expf"));
  CHECK(heed::external_function("__truncsfhf2"));
  CHECK(!heed::external_function("system"));
}

TEST_CASE("code: foreign and damaged objects") {
  auto load = [](std::vector<std::byte> object) { Code code(object); };
  check_error([&] { load({}); }, {"malformed object", "header"});
  check_error([&] { load(std::vector<std::byte>(1000)); }, {"no relocatable x86-64 ELF"});
  auto object = heed::testing::kernel_object();
  object.resize(object.size() / 2);
  check_error([&] { load(object); }, {"past the end"});

  // An undefined function that is not among those allowed.
  object = heed::testing::kernel_object();
  const std::string_view text(reinterpret_cast<const char*>(object.data()), object.size());
  const std::size_t at = text.rfind("\0expf\0", text.npos, 6);
  REQUIRE(at != text.npos);
  std::memcpy(object.data() + at + 1, "exec", 4);
  check_error([&] { load(object); }, {"'exec'", "cannot call"});

  const auto good = heed::testing::kernel_object();
  heed::testing::Random random(3);
  for (int i = 0; i < 3000; ++i) {
    const auto bad = heed::testing::damaged(good, random);
    heed::testing::error_of([&] { load(bad); });
  }
  // Damage to the tables in particular.
  Elf64_Ehdr header;
  std::memcpy(&header, good.data(), sizeof header);
  for (int i = 0; i < 3000; ++i) {
    const auto bad = heed::testing::damaged(good, random, header.e_shoff);
    heed::testing::error_of([&] { load(bad); });
  }
}

// gdb's list of code made at run time, by its names and layout.
extern "C" {
struct JitEntry {
  JitEntry *next, *previous;
  const std::byte* file;
  std::uint64_t size;
};
struct JitDescriptor {
  std::uint32_t version, action;
  JitEntry *relevant, *first;
};
extern JitDescriptor __jit_debug_descriptor;
}

namespace {

// Where the debugger believes that a function is, in each object that it knows.
std::vector<std::uintptr_t> places_for_debugger(std::string_view name) {
  std::vector<std::uintptr_t> found;
  for (const JitEntry* entry = __jit_debug_descriptor.first; entry; entry = entry->next) {
    auto at = [&](std::uint64_t offset) { return entry->file + offset; };
    const auto* header = reinterpret_cast<const Elf64_Ehdr*>(at(0));
    const auto* sections = reinterpret_cast<const Elf64_Shdr*>(at(header->e_shoff));
    for (int s = 0; s < header->e_shnum; ++s) {
      if (sections[s].sh_type != SHT_SYMTAB) continue;
      const auto* symbols = reinterpret_cast<const Elf64_Sym*>(at(sections[s].sh_offset));
      const auto* names =
          reinterpret_cast<const char*>(at(sections[sections[s].sh_link].sh_offset));
      for (std::size_t i = 1; i < sections[s].sh_size / sizeof(Elf64_Sym); ++i)
        if (names + symbols[i].st_name == name)
          found.push_back(sections[symbols[i].st_shndx].sh_addr + symbols[i].st_value);
    }
  }
  return found;
}

}  // namespace

TEST_CASE("code: debuggers know its functions where they are, as long as it is there") {
  const std::size_t before = places_for_debugger("linear").size();
  {
    const Code first(heed::testing::kernel_object());
    const Code second(heed::testing::kernel_object()), copy = second;
    const auto places = places_for_debugger("linear");
    REQUIRE(places.size() == before + 2);
    CHECK(places[0] == reinterpret_cast<std::uintptr_t>(second.address("linear")));
    CHECK(places[1] == reinterpret_cast<std::uintptr_t>(first.address("linear")));
  }
  CHECK(places_for_debugger("linear").size() == before);
}
