// Which build a shared library is, read from its file without loading it.
#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace heed {

// The library's build ID, then those of the libraries it needs whose names begin with one of
// `prefixes`, looked for where its runpath says: a copy of a build is the same build. A library
// without a build ID counts by its size and time. Empty where the file is no ELF file of this
// machine.
std::string build_identity(const std::filesystem::path& library,
                           std::span<const std::string_view> prefixes = {});

}  // namespace heed
