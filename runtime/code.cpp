// Loads an object in four moves: read its tables, give sections a place in one region (code, then
// constants, then data), copy them, apply the relocations; then each part gets its protection.
// The object is foreign input: every offset in it is checked.
#include "heed/runtime/code.h"

#include <elf.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "heed/runtime/debugger.h"
#include "heed/runtime/error.h"

namespace heed {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t most_bytes = std::size_t(1) << 30;  // within reach of 32-bit displacements

template <class... Parts>
[[noreturn]] void wrong(const Parts&... parts) {
  throw Error("code: malformed object, ", parts..., "; compile the program again");
}

constexpr std::size_t rounded(std::size_t size, std::size_t alignment) {
  return (size + alignment - 1) / alignment * alignment;
}

// Parts of the region, in order.
enum Part { code_part, constant_part, data_part, part_count };

class Loader {
 public:
  Loader(std::span<const std::byte> bytes, std::span<const Code> before)
      : object(bytes), others(before) {
    read_tables();
    place_sections();
    count_externals();
  }
  ~Loader() {
    if (region) munmap(region, total);
  }

  void load() {
    void* base = mmap(nullptr, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
      throw Error("code: ", total, " bytes of memory for code are not to be had");
    region = static_cast<std::byte*>(base);
    for (std::size_t s = 0; s < sections.size(); ++s)
      if (placed[s] && sections[s].sh_type != SHT_NOBITS && sections[s].sh_size)
        std::memcpy(region + place[s], content(s).data(), sections[s].sh_size);
    resolve_symbols();
    for (std::size_t s = 0; s < sections.size(); ++s) relocate(s);
    protect();
  }

  // The object with its sections where they are now, for a debugger.
  std::vector<std::byte> symbol_file() const {
    std::vector<std::byte> file(object.begin(), object.end());
    Elf64_Ehdr header;
    std::memcpy(&header, file.data(), sizeof header);
    for (std::size_t s = 0; s < sections.size(); ++s) {
      Elf64_Shdr section = sections[s];
      section.sh_addr = placed[s] ? base() + place[s] : 0;
      std::memcpy(file.data() + header.e_shoff + s * sizeof section, &section, sizeof section);
    }
    return file;
  }

  std::vector<Code::Symbol> functions() const {
    std::vector<Code::Symbol> found;
    for (std::size_t i = 1; i < symbols.size(); ++i) {
      const Elf64_Sym& symbol = symbols[i];
      if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || !address[i]) continue;
      const std::size_t s = symbol.st_shndx;
      if (s >= sections.size() || part_of(s) != code_part || symbol.st_value >= sections[s].sh_size)
        continue;
      found.push_back({std::string(name_of(symbol)), address[i], symbol.st_size});
    }
    std::ranges::sort(found, {}, &Code::Symbol::name);
    return found;
  }

  std::byte* region = nullptr;
  std::size_t total = 0;

 private:
  // ---- reading --------------------------------------------------------------------------------

  std::span<const std::byte> bytes_at(std::uint64_t offset, std::uint64_t size,
                                      const char* what) const {
    if (offset > object.size() || size > object.size() - offset)
      wrong(what, " at ", offset, " with ", size, " bytes reaches past the end at ", object.size());
    return object.subspan(offset, size);
  }
  template <class T>
  std::vector<T> table(std::span<const std::byte> bytes, const char* what) const {
    if (bytes.size() % sizeof(T)) wrong(what, " does not consist of whole entries");
    std::vector<T> entries(bytes.size() / sizeof(T));
    if (!entries.empty()) std::memcpy(entries.data(), bytes.data(), bytes.size());
    return entries;
  }
  std::span<const std::byte> content(std::size_t s) const {
    return bytes_at(sections[s].sh_offset, sections[s].sh_size, "a section");
  }
  static std::string_view text_at(std::span<const std::byte> strings, std::size_t at) {
    const std::string_view all(reinterpret_cast<const char*>(strings.data()), strings.size());
    if (at >= all.size() || all.find('\0', at) == all.npos) wrong("a name lies outside its table");
    return all.substr(at, all.find('\0', at) - at);
  }
  std::string_view name_of(const Elf64_Sym& symbol) const {
    return text_at(strings, symbol.st_name);
  }

  void read_tables() {
    Elf64_Ehdr header;
    std::memcpy(&header, bytes_at(0, sizeof header, "the header").data(), sizeof header);
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
        header.e_type != ET_REL || header.e_machine != EM_X86_64 ||
        header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shnum == 0)
      wrong("it is no relocatable x86-64 ELF file");
    sections = table<Elf64_Shdr>(
        bytes_at(header.e_shoff, std::uint64_t(header.e_shnum) * sizeof(Elf64_Shdr),
                 "the section table"),
        "the section table");
    if (header.e_shstrndx >= sections.size()) wrong("its section names are missing");
    section_names = content(header.e_shstrndx);
    std::size_t tables = 0;
    for (std::size_t s = 0; s < sections.size(); ++s) {
      if (sections[s].sh_type != SHT_SYMTAB) continue;
      if (++tables > 1 || sections[s].sh_link >= sections.size())
        wrong("its symbol table is ambiguous");
      symbols = table<Elf64_Sym>(content(s), "the symbol table");
      strings = content(sections[s].sh_link);
    }
  }

  // ---- placing --------------------------------------------------------------------------------

  void place_sections() {
    placed.assign(sections.size(), false);
    place.assign(sections.size(), 0);
    std::size_t at = 0;
    for (int part = 0; part < part_count; ++part) {
      part_begin[part] = at = rounded(at, page);
      // Checked calls (-fsanitize=function) look for a signature in the bytes before a function.
      if (part == code_part) at += 16;
      for (std::size_t s = 0; s < sections.size(); ++s)
        if (wanted(s) && part_of(s) == part) at = put(s, at);
      if (part == code_part) stub_offset = at = rounded(at, 16);
      if (part == constant_part) slot_offset = at = rounded(at, 16);
      // Room for a stub and a slot for every symbol, should it be needed: 16 and 8 bytes.
      if (part != data_part) at += symbols.size() * (part == code_part ? 16 : 8);
      if (at > most_bytes) wrong("it needs more than ", most_bytes, " bytes");
    }
    total = std::max(rounded(at, page), page);
    part_begin[part_count] = total;
  }

  bool wanted(std::size_t s) const {
    const Elf64_Shdr& section = sections[s];
    if (!(section.sh_flags & SHF_ALLOC)) return false;
    const std::string_view name = text_at(section_names, section.sh_name);
    if (section.sh_type == SHT_NOTE || section.sh_type == SHT_X86_64_UNWIND ||
        name.starts_with(".eh_frame"))
      return false;
    if (section.sh_flags & SHF_TLS)
      wrong("section '", name, "' is thread-local, which is not supported");
    if (section.sh_type != SHT_PROGBITS && section.sh_type != SHT_NOBITS)
      wrong("section '", name, "' has the type ", section.sh_type, ", which is not supported");
    if ((section.sh_flags & SHF_WRITE) && (section.sh_flags & SHF_EXECINSTR))
      wrong("section '", name, "' is writable code");
    return true;
  }
  int part_of(std::size_t s) const {
    if (sections[s].sh_flags & SHF_EXECINSTR) return code_part;
    return sections[s].sh_flags & SHF_WRITE ? data_part : constant_part;
  }
  std::size_t put(std::size_t s, std::size_t at) {
    const Elf64_Shdr& section = sections[s];
    const std::uint64_t alignment = std::max<std::uint64_t>(section.sh_addralign, 1);
    if ((alignment & (alignment - 1)) || alignment > page) wrong("an alignment of ", alignment);
    if (section.sh_type != SHT_NOBITS) content(s);
    if (section.sh_size > most_bytes) wrong("a section of ", section.sh_size, " bytes");
    placed[s] = true;
    place[s] = rounded(at, alignment);
    return place[s] + section.sh_size;
  }

  void count_externals() {
    address.assign(symbols.size(), 0);
    stub_made.assign(symbols.size(), false);
    slot_made.assign(symbols.size(), false);
  }

  // ---- linking --------------------------------------------------------------------------------

  std::uintptr_t base() const { return reinterpret_cast<std::uintptr_t>(region); }

  void resolve_symbols() {
    for (std::size_t i = 1; i < symbols.size(); ++i) {
      const Elf64_Sym& symbol = symbols[i];
      if (symbol.st_shndx == SHN_ABS) {
        address[i] = symbol.st_value;
      } else if (symbol.st_shndx == SHN_UNDEF) {
        const std::string_view name = name_of(symbol);
        address[i] = reinterpret_cast<std::uintptr_t>(external_function(name));
        for (std::size_t n = 0; !address[i] && n < others.size(); ++n)
          address[i] = others[n].find(name);
        if (!address[i] && ELF64_ST_BIND(symbol.st_info) != STB_WEAK &&
            name != "_GLOBAL_OFFSET_TABLE_")
          throw Error("code: the object calls '", name, "', which kernels cannot call here; ",
                      "compile the program again with this version of the compiler");
      } else if (symbol.st_shndx >= sections.size()) {
        wrong("symbol '", name_of(symbol), "' lies in section ", symbol.st_shndx, " of ",
              sections.size());
      } else if (placed[symbol.st_shndx]) {
        const std::uint64_t size = sections[symbol.st_shndx].sh_size;
        if (symbol.st_value > size || symbol.st_size > size - symbol.st_value)
          wrong("symbol '", name_of(symbol), "' lies outside its section");
        address[i] = base() + place[symbol.st_shndx] + symbol.st_value;
      }
    }
  }

  // The symbol's entry in the table of addresses.
  std::uintptr_t slot(std::size_t symbol) {
    std::byte* at = region + slot_offset + symbol * 8;
    if (!slot_made[symbol]) std::memcpy(at, &address[symbol], 8);
    slot_made[symbol] = true;
    return reinterpret_cast<std::uintptr_t>(at);
  }
  // jmp *slot(%rip): what a call of a distant function reaches.
  std::uintptr_t stub(std::size_t symbol) {
    std::byte* at = region + stub_offset + symbol * 16;
    if (!stub_made[symbol]) {
      const auto distance =
          static_cast<std::int32_t>(slot(symbol) - reinterpret_cast<std::uintptr_t>(at) - 6);
      const unsigned char jump[2] = {0xFF, 0x25};
      std::memcpy(at, jump, 2);
      std::memcpy(at + 2, &distance, 4);
    }
    stub_made[symbol] = true;
    return reinterpret_cast<std::uintptr_t>(at);
  }

  void relocate(std::size_t s) {
    const Elf64_Shdr& section = sections[s];
    const bool with_addend = section.sh_type == SHT_RELA;
    if (!with_addend && section.sh_type != SHT_REL) return;
    if (section.sh_info >= sections.size()) wrong("relocations of section ", section.sh_info);
    if (!placed[section.sh_info]) return;  // debug information, unwind tables
    if (!with_addend) wrong("relocations without addends");
    for (const Elf64_Rela& entry : table<Elf64_Rela>(content(s), "a relocation table"))
      apply(section.sh_info, entry);
  }

  void apply(std::size_t target, const Elf64_Rela& entry) {
    const auto type = ELF64_R_TYPE(entry.r_info);
    const std::size_t symbol = ELF64_R_SYM(entry.r_info);
    if (type == R_X86_64_NONE) return;
    const std::size_t width = type == R_X86_64_64 || type == R_X86_64_PC64 ? 8 : 4;
    if (symbol >= symbols.size()) wrong("a relocation of symbol ", symbol, " of ", symbols.size());
    if (sections[target].sh_size < width || entry.r_offset > sections[target].sh_size - width)
      wrong("a relocation outside its section");
    std::byte* at = region + place[target] + entry.r_offset;
    const auto here = reinterpret_cast<std::uintptr_t>(at);
    const bool outside = symbols[symbol].st_shndx == SHN_UNDEF;
    // Unsigned arithmetic wraps as addresses do.
    std::uint64_t value = address[symbol] + static_cast<std::uint64_t>(entry.r_addend);
    bool with_sign = true;
    switch (type) {
      case R_X86_64_64:
        break;
      case R_X86_64_PC64:
        value -= here;
        break;
      case R_X86_64_32:
        with_sign = false;
        break;
      case R_X86_64_32S:
        break;
      case R_X86_64_PC32:
      case R_X86_64_PLT32:
        if (outside) value += stub(symbol) - address[symbol];
        value -= here;
        break;
      case R_X86_64_GOTPCREL:
      case R_X86_64_GOTPCRELX:
      case R_X86_64_REX_GOTPCRELX:
        value = slot(symbol) + static_cast<std::uint64_t>(entry.r_addend) - here;
        break;
      default:
        wrong("relocation type ", type, " is not supported");
    }
    if (width == 8) {
      std::memcpy(at, &value, 8);
      return;
    }
    const auto wide = static_cast<std::int64_t>(value);
    if (with_sign ? wide != static_cast<std::int32_t>(wide) : value > 0xFFFFFFFF)
      wrong("a relocation of type ", type, " does not reach '", name_of(symbols[symbol]),
            "', position-independent code is needed");
    const auto narrow = static_cast<std::uint32_t>(value);
    std::memcpy(at, &narrow, 4);
  }

  void protect() const {
    const int access[part_count] = {PROT_READ | PROT_EXEC, PROT_READ, PROT_READ | PROT_WRITE};
    for (int part = 0; part < part_count; ++part) {
      const std::size_t size = part_begin[part + 1] - part_begin[part];
      if (size && mprotect(region + part_begin[part], size, access[part]) != 0)
        throw Error("code: this system does not let memory become executable");
    }
  }

  std::span<const std::byte> object, strings, section_names;
  std::span<const Code> others;
  std::vector<Elf64_Shdr> sections;
  std::vector<Elf64_Sym> symbols;
  std::vector<bool> placed, stub_made, slot_made;
  std::vector<std::size_t> place;       // of a section in the region
  std::vector<std::uintptr_t> address;  // of a symbol
  std::size_t part_begin[part_count + 1] = {}, stub_offset = 0, slot_offset = 0;
};

}  // namespace

Code::Code(std::span<const std::byte> object, std::span<const Code> others) {
  Loader loader(object, others);
  loader.load();
  symbols_ = loader.functions();
  registration_ = register_with_debugger(loader.symbol_file());
  const std::size_t size = loader.total;
  region_ = {std::exchange(loader.region, nullptr),
             [size](std::byte* region) { munmap(region, size); }};
}

std::vector<Code> link_objects(std::span<const std::vector<std::byte>> objects) {
  std::vector<Code> linked;
  for (const std::vector<std::byte>& object : objects) linked.push_back(Code(object, linked));
  return linked;
}

std::uintptr_t Code::find(std::string_view symbol) const {
  const auto found = std::ranges::lower_bound(symbols_, symbol, {}, &Symbol::name);
  return found == symbols_.end() || found->name != symbol ? 0 : found->address;
}

void* Code::address(std::string_view symbol) const {
  const std::uintptr_t found = find(symbol);
  if (!found)
    throw Error("code: the object does not define '", symbol, "'; compile the program again");
  return reinterpret_cast<void*>(found);
}

}  // namespace heed
