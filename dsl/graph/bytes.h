// Everything that carries contract 1 out of a process and back: encode, decode, and a look at what
// is carried.
#pragma once
#include "heed/dsl/graph/decode.h"
#include "heed/dsl/graph/encode.h"
#include "heed/dsl/graph/text.h"
