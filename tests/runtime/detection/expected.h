// What trusted implementations give in double: data/generate_detection.py writes it.
#pragma once
#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "heed/runtime/detection/boxes.h"
#include "heed/runtime/formula.h"

namespace heed::testing {

inline nlohmann::json expected(const char* what) {
  return nlohmann::json::parse(std::ifstream(HEED_TEST_DATA "/detection.json")).at(what);
}

// boxes_from of the generator: f32 [batch, count, 4], centred.
inline Tensor formula_boxes(const std::string& name, std::int64_t batch, std::int64_t count) {
  Tensor boxes(DType::f32, {batch, count, 4});
  const auto values = boxes.as<float>();
  formula_input(name, values, 1.0f);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = float(i % 4 < 2 ? 0.5 + 0.4 * double(values[i]) : 0.3 + 0.25 * double(values[i]));
  return boxes;
}
inline Centred box_at(const Tensor& boxes, std::size_t index) {
  const auto v = boxes.as<float>().subspan(index * 4, 4);
  return {double(v[0]), double(v[1]), double(v[2]), double(v[3])};
}

}  // namespace heed::testing
