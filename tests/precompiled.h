// What the tests of networks begin with.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "heed/dsl/dsl.h"
#include "heed/dsl/load.h"
#include "heed/runtime/session.h"
