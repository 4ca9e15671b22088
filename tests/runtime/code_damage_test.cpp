// Every sentence of the object loader, each from one wrong entry in a table of a good object.
#include <elf.h>

#include <cstring>

#include "heed/runtime/code.h"
#include "must_throw.h"
#include "sample_program.h"

using heed::testing::check_error;

namespace {

// The tables of an object, written back into its bytes when it is loaded.
struct Object {
  std::vector<std::byte> bytes = heed::testing::kernel_object();
  Elf64_Ehdr header;
  std::vector<Elf64_Shdr> sections;

  Object() {
    std::memcpy(&header, bytes.data(), sizeof header);
    sections.resize(header.e_shnum);
    std::memcpy(sections.data(), bytes.data() + header.e_shoff,
                sections.size() * sizeof sections[0]);
  }
  // The first section of a type with all these flags.
  Elf64_Shdr& section(std::uint32_t type, std::uint64_t flags = 0) {
    for (Elf64_Shdr& s : sections)
      if (s.sh_type == type && (s.sh_flags & flags) == flags && s.sh_size) return s;
    throw "no such section";
  }
  // Relocations of code that is loaded.
  Elf64_Shdr& relocations() {
    for (Elf64_Shdr& s : sections)
      if (s.sh_type == SHT_RELA && (sections[s.sh_info].sh_flags & SHF_EXECINSTR)) return s;
    throw "no relocations";
  }
  template <class Entry>
  Entry& entry(const Elf64_Shdr& table, std::size_t n) {
    return reinterpret_cast<Entry*>(bytes.data() + table.sh_offset)[n];
  }
  // The first function that the object defines.
  Elf64_Sym& function() {
    const Elf64_Shdr& table = section(SHT_SYMTAB);
    for (std::size_t n = 0; n < table.sh_size / sizeof(Elf64_Sym); ++n)
      if (auto& s = entry<Elf64_Sym>(table, n);
          ELF64_ST_TYPE(s.st_info) == STT_FUNC && s.st_shndx)
        return s;
    throw "no function";
  }
};

template <class Change>
void check_damage(Change change, std::initializer_list<std::string_view> words) {
  Object object;
  change(object);
  std::memcpy(object.bytes.data(), &object.header, sizeof object.header);
  std::memcpy(object.bytes.data() + object.header.e_shoff, object.sections.data(),
              object.sections.size() * sizeof object.sections[0]);
  check_error([&] { heed::Code code(object.bytes); }, words);
}

}  // namespace

TEST_CASE("code: wrong tables") {
  check_damage([](Object& o) { o.header.e_shstrndx = 999; }, {"section names are missing"});
  check_damage([](Object& o) { o.section(SHT_SYMTAB).sh_link = 999; }, {"ambiguous"});
  check_damage([](Object& o) { --o.section(SHT_SYMTAB).sh_size; },
                {"symbol table", "whole entries"});
  check_damage([](Object& o) { o.section(SHT_PROGBITS, SHF_EXECINSTR).sh_name = 1 << 30; },
                {"a name lies outside"});
}

TEST_CASE("code: sections that cannot be loaded") {
  auto code = [](Object& o) -> Elf64_Shdr& {
    return o.section(SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR);
  };
  check_damage([&](Object& o) { code(o).sh_flags |= SHF_TLS; }, {"thread-local", ".text"});
  check_damage([&](Object& o) { code(o).sh_type = SHT_INIT_ARRAY; },
                {"the type 14", "not supported"});
  check_damage([&](Object& o) { code(o).sh_flags |= SHF_WRITE; }, {"writable code"});
  check_damage([&](Object& o) { code(o).sh_addralign = 3; }, {"an alignment of 3"});
  check_damage([&](Object& o) { code(o).sh_offset = 1 << 30; }, {"a section at", "past the end"});
  auto zeros = [](Object& o) -> Elf64_Shdr& { return o.section(SHT_NOBITS, SHF_ALLOC); };
  check_damage([&](Object& o) { zeros(o).sh_size = std::uint64_t(1) << 40; },
                {"a section of 1099511627776 bytes"});
  check_damage([&](Object& o) { zeros(o).sh_size = std::uint64_t(1) << 30; },
                {"needs more than 1073741824 bytes"});
}

TEST_CASE("code: symbols and relocations that lead nowhere") {
  check_damage([](Object& o) { o.function().st_value = 1 << 30; }, {"lies outside its section"});
  check_damage([](Object& o) { o.function().st_shndx = 9999; }, {"lies in section 9999"});
  auto first = [](Object& o) -> Elf64_Rela& { return o.entry<Elf64_Rela>(o.relocations(), 0); };
  auto change_type = [&](Object& o, std::uint32_t type) {
    first(o).r_info = ELF64_R_INFO(ELF64_R_SYM(first(o).r_info), type);
  };
  check_damage([&](Object& o) { change_type(o, 200); }, {"relocation type 200"});
  check_damage([&](Object& o) { first(o).r_info = ELF64_R_INFO(99999, R_X86_64_PC32); },
                {"a relocation of symbol 99999"});
  check_damage([&](Object& o) { first(o).r_offset = 1 << 30; },
                {"a relocation outside its section"});
  check_damage([&](Object& o) { change_type(o, R_X86_64_32); },
                {"does not reach", "position-independent"});
  check_damage([](Object& o) { o.relocations().sh_type = SHT_REL; }, {"without addends"});
  check_damage([](Object& o) { o.relocations().sh_info = 999; }, {"relocations of section 999"});
}
