#include "heed/runtime/formula.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>

namespace heed {
namespace {

constexpr std::uint64_t golden_gamma = 0x9E3779B97F4A7C15;

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return hash;
}

inline std::uint64_t finalise(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

inline float unit_value(std::uint64_t hash, std::uint64_t index) {
  auto bits = static_cast<std::int32_t>(finalise(hash + index * golden_gamma) >> 40);
  return static_cast<float>(bits) * 0x1p-23f - 1.0f;
}

// 24-bit factors make the product exact in double, and the sum too for the offsets in use: one
// rounding, with or without contraction.
void fill(std::uint64_t hash, std::size_t begin, std::span<float> out, double offset,
          float amplitude) {
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<float>(offset + static_cast<double>(amplitude) *
                                             static_cast<double>(unit_value(hash, begin + i)));
}

bool has_suffix(std::string_view name, std::string_view suffix) {
  return name.ends_with(suffix) && (name.size() == suffix.size() ||
                                    name[name.size() - suffix.size() - 1] == '.');
}

template <std::size_t N>
bool has_suffix_among(std::string_view name, const std::string_view (&suffixes)[N]) {
  return std::ranges::any_of(suffixes, [&](std::string_view s) { return has_suffix(name, s); });
}

constexpr std::string_view branch_ends[] = {"attn.proj.weight", "mlp.fc2.weight", "linear2.weight",
                                            "out_proj.weight"};
constexpr std::string_view queries_or_keys[] = {"q_proj.weight",   "k_proj.weight",
                                                "q_proj_weight",   "k_proj_weight",
                                                "q_linear.weight", "k_linear.weight"};
constexpr std::string_view packed_projections[] = {"qkv.weight", "in_proj_weight"};
constexpr std::string_view pooled_key_norm = "pool_k.norm_act.0.weight";

constexpr double branch_gain = 0.2;
constexpr double score_gain = 1.25;
constexpr double pooled_key_scale = 1.75;

}  // namespace

float formula_value(std::string_view name, std::uint64_t index) {
  return unit_value(fnv1a(name), index);
}

void formula_fill(std::string_view name, std::span<const std::int64_t> shape,
                  std::span<float> out) {
  std::int64_t fan_in = 1;
  for (std::size_t axis = 1; axis < shape.size(); ++axis) fan_in *= shape[axis];
  assert(out.size() == static_cast<std::size_t>(shape.empty() ? 1 : shape[0] * fan_in));

  const std::uint64_t hash = fnv1a(name);
  const std::string_view leaf = name.substr(name.rfind('.') + 1);
  if (leaf == "running_var") return fill(hash, 0, out, 1.0, 0.5f);
  if (leaf == "running_mean") return fill(hash, 0, out, 0.0, 0.1f);
  if (leaf.starts_with("bias") || leaf.ends_with("bias")) return fill(hash, 0, out, 0.0, 0.1f);
  if (has_suffix(name, pooled_key_norm)) return fill(hash, 0, out, pooled_key_scale, 0.1f);
  if (leaf == "weight" && shape.size() == 1) return fill(hash, 0, out, 1.0, 0.1f);
  if (leaf.starts_with("rel_pos")) return fill(hash, 0, out, 0.0, 0.1f);
  if (leaf.find("weight") == leaf.npos || shape.size() < 2) return fill(hash, 0, out, 0.0, 0.5f);

  auto scaled = [&](double gain) {
    return static_cast<float>(gain * std::sqrt(3.0 / static_cast<double>(fan_in)));
  };
  std::size_t score_rows_end = 0;  // elements of `out` that belong to queries and keys
  if (has_suffix_among(name, packed_projections)) score_rows_end = out.size() / 3 * 2;
  if (has_suffix_among(name, queries_or_keys)) score_rows_end = out.size();
  const double gain = has_suffix_among(name, branch_ends) ? branch_gain : 1.0;
  fill(hash, 0, out.first(score_rows_end), 0.0, scaled(score_gain));
  fill(hash, score_rows_end, out.subspan(score_rows_end), 0.0, scaled(gain));
}

void formula_input(std::string_view name, std::span<float> out, float amplitude) {
  fill(fnv1a(name), 0, out, 0.0, amplitude);
}

}  // namespace heed
