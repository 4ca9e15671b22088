// What contracts 1 and 2 know of a check: a module's name that begins so, followed by what is
// expected with _ for its spaces. A step of such a module that finds an index out of range is a
// check that does not hold, and the error of the run says so.
#pragma once
#include <string_view>

namespace heed::graph {

inline constexpr std::string_view check_name = "expects_";

// Contract 2's kind of a kernel that appends: there such an index means rows that do not fit.
inline constexpr const char* append_kind = "append";

}  // namespace heed::graph
