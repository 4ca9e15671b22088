// Machine code of kernels: a relocatable x86-64 ELF object, linked in memory without a linker.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace heed {

// An object as LLVM emits it for the small code model, position independent, self-contained but for
// memcpy, memmove, memset, memcmp and libm's functions (code_externals.cpp lists them). One region
// of memory, never writable and executable at the same time. Unwind tables are left out: nothing is
// thrown through a kernel.
class Code {
 public:
  struct Symbol {
    std::string name;
    std::uintptr_t address = 0;
    std::size_t size = 0;  // bytes; 0 where the object does not say
  };

  Code() = default;  // nothing loaded
  // What the object leaves undefined is looked for in `others`, which must live as long. Throws
  // Error on a malformed object, on a relocation or section this loader does not know, and on an
  // undefined symbol.
  explicit Code(std::span<const std::byte> object, std::span<const Code> others = {});

  // Address of a function that the object defines; throws Error when there is none of that name.
  void* address(std::string_view symbol) const;
  // The same; 0 when there is none.
  std::uintptr_t find(std::string_view symbol) const;
  // The functions defined, for profilers and debuggers.
  std::span<const Symbol> symbols() const { return symbols_; }

 private:
  std::shared_ptr<std::byte> region_;
  std::shared_ptr<const void> registration_;  // with debuggers
  std::vector<Symbol> symbols_;               // sorted by name
};

// A program's objects in order: each may call the functions of those before it. Errors as above.
std::vector<Code> link_objects(std::span<const std::vector<std::byte>> objects);

// Address of a C function that compiled code may call; nullptr for a name that is none of them.
void* external_function(std::string_view name);

}  // namespace heed
