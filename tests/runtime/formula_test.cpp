// The formula against values computed by tests/golden/formula.py: the golden files rest on them.
#include "heed/runtime/formula.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace {

struct Expected {
  std::string_view name;
  std::vector<std::int64_t> shape;
  std::size_t index;
  float value;
};

std::vector<float> filled(std::string_view name, const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (std::int64_t extent : shape) count *= extent;
  std::vector<float> out(static_cast<std::size_t>(count));
  heed::formula_fill(name, shape, out);
  return out;
}

const Expected table[] = {
    {"blocks.0.attn.qkv.weight", {2304, 768}, 0, 0x1.927c18p-6f},
    {"blocks.0.attn.qkv.weight", {2304, 768}, 1, 0x1.2b1510p-5f},
    {"blocks.0.attn.qkv.weight", {2304, 768}, 1179647, -0x1.ec29a8p-5f},
    {"blocks.0.attn.qkv.weight", {2304, 768}, 1179648, -0x1.df78f0p-6f},
    {"blocks.0.attn.qkv.weight", {2304, 768}, 1769471, 0x1.afd520p-5f},
    {"blocks.11.attn.proj.weight", {768, 768}, 0, 0x1.c80b26p-9f},
    {"blocks.11.attn.proj.weight", {768, 768}, 589823, 0x1.f9299ap-13f},
    {"blocks.3.mlp.fc1.weight", {3072, 768}, 12345, 0x1.a5f924p-5f},
    {"blocks.3.mlp.fc2.weight", {768, 3072}, 12345, 0x1.7c279ap-13f},
    {"patch_embed.proj.weight", {768, 3, 16, 16}, 0, -0x1.154ba8p-5f},
    {"patch_embed.proj.weight", {768, 3, 16, 16}, 589823, -0x1.d904d0p-5f},
    {"patch_embed.proj.bias", {768}, 767, -0x1.983890p-4f},
    {"blocks.0.norm1.weight", {768}, 0, 0x1.e74c18p-1f},
    {"blocks.0.norm1.weight", {768}, 7, 0x1.cd9f6ap-1f},
    {"blocks.0.norm1.bias", {768}, 7, -0x1.dff5a0p-5f},
    {"blocks.3.attn.pool_k.norm_act.0.weight", {96}, 95, 0x1.c52a38p+0f},
    {"cls_token", {1, 1, 768}, 3, 0x1.57e700p-8f},
    {"pos_embed", {1, 197, 768}, 151295, 0x1.ebcdf0p-3f},
    {"in_proj_weight", {288, 96}, 18431, 0x1.1e6866p-5f},
    {"in_proj_weight", {288, 96}, 18432, -0x1.8555e8p-4f},
    {"in_proj_bias", {288}, 100, -0x1.2f64fap-5f},
    {"out_proj.weight", {96, 96}, 5, 0x1.10fb7ep-5f},
    {"encoder.layers.0.multihead_attn.k_proj.weight", {96, 96}, 5, -0x1.8e2322p-3f},
    {"bn1.running_var", {64}, 1, 0x1.246e44p+0f},
    {"bn1.running_mean", {64}, 1, 0x1.801f6ep-5f},
    {"bn1.weight", {64}, 1, 0x1.f1af54p-1f},
    {"gru.weight_ih_l0", {96, 32}, 9, 0x1.1f857cp-4f},
    {"gru.bias_ih_l0", {96}, 9, -0x1.b23e14p-5f},
    {"layers.0.blocks.0.attn.relative_position_bias_table", {169, 3}, 506, -0x1.2722c0p-2f},
    {"stages.0.blocks.0.attn.rel_pos_h", {111, 96}, 5, -0x1.79b02ep-5f},
    {"stages.0.blocks.0.attn.rel_pos_h", {111, 96}, 10655, -0x1.a74d34p-6f},
};

}  // namespace

TEST_CASE("formula: parameters are those of the golden generator, bit for bit") {
  for (const Expected& row : table) {
    CAPTURE(row.name);
    CAPTURE(row.index);
    CHECK(filled(row.name, row.shape)[row.index] == row.value);
  }
}

TEST_CASE("formula: raw values and inputs") {
  CHECK(heed::formula_value("", 0) == 0x1.d4a854p-1f);
  CHECK(heed::formula_value("a", 0) == -0x1.f4fd0cp-1f);
  CHECK(heed::formula_value("a", 1) == -0x1.06b1fp-2f);

  std::vector<float> pixels(3 * 224 * 224);
  heed::formula_input("input", pixels);
  CHECK(pixels.front() == -0x1.f47a1p+0f);
  CHECK(pixels.back() == 0x1.ebc98p-5f);
  auto [low, high] = std::ranges::minmax(pixels);
  CHECK(low >= -2.0f);
  CHECK(low < -1.99f);
  CHECK(high < 2.0f);
  CHECK(high > 1.99f);

  std::vector<float> quarter(8);
  heed::formula_input("input", quarter, 0.5f);
  for (std::size_t i = 0; i < quarter.size(); ++i) CHECK(quarter[i] * 4 == pixels[i]);
}

TEST_CASE("formula: a suffix matches whole components only") {
  // 'warm_out_proj.weight' is no end of a residual branch: its gain is 1, not 0.2.
  const float v = heed::formula_value("warm_out_proj.weight", 0);
  CHECK(filled("warm_out_proj.weight", {4, 3})[0] == v);
}

TEST_CASE("formula: a scalar and an empty parameter") {
  CHECK(filled("temperature", {})[0] == 0.5f * heed::formula_value("temperature", 0));
  CHECK(filled("head.weight", {0, 768}).empty());
}
