// What this CPU can execute, by LLVM's names.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace heed {

// Whether the CPU has a feature and the system saves its registers; nullopt for a name unknown
// here.
std::optional<bool> cpu_has(std::string_view feature);

// All features it has, separated by spaces, always in the same order.
std::string cpu_features();

// Throws Error naming those of `features` that are missing; a leading '+' is ignored.
void require_cpu(std::span<const std::string> features, std::string_view program);

}  // namespace heed
