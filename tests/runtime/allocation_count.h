// How often this program has asked operator new for memory.
#pragma once

namespace heed::testing {
long allocation_count();
}
