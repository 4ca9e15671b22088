// What can only be measured in a process of its own: a cold start, and its peak of memory.
#pragma once
#include <string>

#include "cases.h"

namespace heed::bench {

// Milliseconds from starting a process to the compiled program in it; where options.cache holds
// the program, nothing is compiled.
double start_ms(const Case& c, const Options& options);

// Megabytes (2^20) of a process that compiles, binds formula weights and runs once: its VmHWM.
double peak_mb(const Case& c, const Options& options);

// What such a process does. The words are those after --child: "compile" and "run" print the one
// number that is asked for above, "samples" the milliseconds of one checked run after the other for
// so many seconds, a line each: peers.py puts them beside those of others.
void run_child(const std::string& what, const Case& c, const Options& options, double seconds);

}  // namespace heed::bench
