// Where the examples' files are.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace heed::examples {

// A file that comes with the examples, "vit/digits.safetensors": in the source tree, or in a folder
// `examples` beside the executable. Throws Error where it is in neither.
std::filesystem::path example_file(const std::string& name);
// The file that the user gave, or that one where `given` is empty.
std::filesystem::path example_file(const std::string& name, const std::string& given);

// The files examples/FOLDER/PREFIX*, by name.
std::vector<std::filesystem::path> example_files(const std::string& folder,
                                                 const std::string& prefix);

// Such as names of classes.
std::vector<std::string> lines_of(const std::filesystem::path& file);

// Where an example writes: the file that the user gave, or `name` beside the executable.
std::filesystem::path output_file(const std::string& name, const std::string& given);

// As seen from the working directory, where that is shorter.
std::string shown(const std::filesystem::path& path);

}  // namespace heed::examples
