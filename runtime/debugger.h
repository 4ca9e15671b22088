// Compiled code as gdb sees it: by name, and with breakpoints.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

namespace heed {

// Registers an ELF object whose sections carry their final addresses, by gdb's interface for code
// that is made at run time; the registration ends with the last copy of what is returned.
std::shared_ptr<const void> register_with_debugger(std::vector<std::byte> symbol_file);

}  // namespace heed
