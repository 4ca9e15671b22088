// What can only be measured in a process of its own.
#pragma once
#include <string>
#include <vector>

namespace heed::bench {

// Starts this program again with these arguments and gives the number that it prints. Throws Error,
// which begins with `what`, where it ends otherwise.
double number_from_child(const std::string& what, std::vector<std::string> arguments);

// VmHWM of this process, in megabytes (2^20).
double resident_peak_mb();

}  // namespace heed::bench
