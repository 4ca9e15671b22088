// Kernel ops on a target beside the same ones on the reference target.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "heed/tests/compiler/kernel_runner.h"

namespace heed::test {

// The first place where they differ by more than tolerance · max(1, |expected|), or where one is a
// NaN alone; the worst one is printed. Empty where all is well.
std::string difference(const std::vector<double>& actual, const std::vector<double>& expected,
                       double tolerance);

// Runs `text` on a target and on "reference": same numbers within the tolerance, and the same bits
// for every cut of the work range and for results that are slices. Says what is wrong, or nothing.
std::string compare_with_reference(std::string_view text, const std::string& target,
                                   const Symbols& symbols, double tolerance,
                                   const std::vector<Array>& inputs = {});
// How `text` ends on a target.
Outcome outcome_of(std::string_view text, const std::string& target, const Symbols& symbols,
                   const std::vector<Array>& inputs);
// Targets that emit vector code and run on this CPU, or the one that HEED_KERNEL_TARGET names.
std::vector<std::string> vector_targets();

}  // namespace heed::test
