#include <cstdio>
#include "heed/dsl/load.h"
#include "heed/dsl/nn/attention.h"
#include "heed/runtime/error.h"
#include "heed/runtime/session.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};
int main(int argc, char** argv) try {  // save FILE, or run FILE
  const std::string what = argc > 2 ? argv[1] : "", file = argc > 2 ? argv[2] : "";
  if (what == "save") load<nn::multi_head_attention<96, 3>, tensor<f32, B, T, 96>>().save(file);
  const Program program = Program::open(file);
  Session session = program.bind(formula_checkpoint(program.parameters()));
  std::puts(text_of(Tensor(session.run(Tensor(DType::f32, {2, 50, 96}))).sizes()).c_str());
} catch (const Error& error) { std::puts(error.what()), std::exit(1); }
