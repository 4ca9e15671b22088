// What a program must satisfy before anything runs from it: every index inside its table, every
// symbol defined by an input, prepare steps apart from sessions.
#pragma once
#include "heed/runtime/abi/program.h"

namespace heed::abi {

// Throws heed::Error naming the first thing that is wrong. read_program calls it.
void check_program(const Program& program);

}  // namespace heed::abi
