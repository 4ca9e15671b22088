// The one header that a model includes.
#pragma once
#include "heed/dsl/graph_of.h"
#include "heed/dsl/module.h"
#include "heed/dsl/ops/activation.h"
#include "heed/dsl/ops/arithmetic.h"
#include "heed/dsl/ops/conv.h"
#include "heed/dsl/ops/gather.h"
#include "heed/dsl/ops/layout.h"
#include "heed/dsl/ops/logic.h"
#include "heed/dsl/ops/matmul.h"
#include "heed/dsl/ops/pool.h"
#include "heed/dsl/ops/probe.h"
#include "heed/dsl/ops/reduce.h"
