#include "heed/runtime/cpu.h"

#include <cpuid.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "heed/runtime/error.h"

namespace heed {
namespace {

enum Register { eax, ebx, ecx, edx };
// Register state that the system must save, bits of XCR0.
constexpr std::uint64_t plain = 0, avx = 0x6, avx512 = 0xE6, amx = 0x60000;

struct Feature {
  std::string_view name;
  std::uint32_t leaf, subleaf;
  Register where;
  int bit;
  std::uint64_t state;
};

// clang-format off
constexpr Feature features[] = {
    {"cx8", 1, 0, edx, 8, plain}, {"cmov", 1, 0, edx, 15, plain}, {"mmx", 1, 0, edx, 23, plain},
    {"fxsr", 1, 0, edx, 24, plain}, {"sse", 1, 0, edx, 25, plain}, {"sse2", 1, 0, edx, 26, plain},
    {"sse3", 1, 0, ecx, 0, plain}, {"pclmul", 1, 0, ecx, 1, plain}, {"ssse3", 1, 0, ecx, 9, plain},
    {"fma", 1, 0, ecx, 12, avx}, {"cx16", 1, 0, ecx, 13, plain}, {"sse4.1", 1, 0, ecx, 19, plain},
    {"sse4.2", 1, 0, ecx, 20, plain}, {"crc32", 1, 0, ecx, 20, plain},
    {"movbe", 1, 0, ecx, 22, plain}, {"popcnt", 1, 0, ecx, 23, plain},
    {"aes", 1, 0, ecx, 25, plain}, {"xsave", 1, 0, ecx, 26, plain}, {"avx", 1, 0, ecx, 28, avx},
    {"f16c", 1, 0, ecx, 29, avx}, {"rdrnd", 1, 0, ecx, 30, plain},
    {"fsgsbase", 7, 0, ebx, 0, plain}, {"bmi", 7, 0, ebx, 3, plain}, {"avx2", 7, 0, ebx, 5, avx},
    {"bmi2", 7, 0, ebx, 8, plain}, {"invpcid", 7, 0, ebx, 10, plain},
    {"avx512f", 7, 0, ebx, 16, avx512}, {"avx512dq", 7, 0, ebx, 17, avx512},
    {"rdseed", 7, 0, ebx, 18, plain}, {"adx", 7, 0, ebx, 19, plain},
    {"avx512ifma", 7, 0, ebx, 21, avx512}, {"clflushopt", 7, 0, ebx, 23, plain},
    {"clwb", 7, 0, ebx, 24, plain}, {"avx512cd", 7, 0, ebx, 28, avx512},
    {"sha", 7, 0, ebx, 29, plain}, {"avx512bw", 7, 0, ebx, 30, avx512},
    {"avx512vl", 7, 0, ebx, 31, avx512}, {"avx512vbmi", 7, 0, ecx, 1, avx512},
    {"avx512vbmi2", 7, 0, ecx, 6, avx512}, {"gfni", 7, 0, ecx, 8, plain},
    {"vaes", 7, 0, ecx, 9, avx}, {"vpclmulqdq", 7, 0, ecx, 10, avx},
    {"avx512vnni", 7, 0, ecx, 11, avx512}, {"avx512bitalg", 7, 0, ecx, 12, avx512},
    {"avx512vpopcntdq", 7, 0, ecx, 14, avx512}, {"rdpid", 7, 0, ecx, 22, plain},
    {"fsrm", 7, 0, edx, 4, plain}, {"amx-bf16", 7, 0, edx, 22, amx},
    {"avx512fp16", 7, 0, edx, 23, avx512}, {"amx-tile", 7, 0, edx, 24, amx},
    {"amx-int8", 7, 0, edx, 25, amx}, {"avxvnni", 7, 1, eax, 4, avx},
    {"avx512bf16", 7, 1, eax, 5, avx512}, {"xsaveopt", 13, 1, eax, 0, plain},
    {"xsavec", 13, 1, eax, 1, plain}, {"xsaves", 13, 1, eax, 3, plain},
    {"sahf", 0x80000001, 0, ecx, 0, plain}, {"lzcnt", 0x80000001, 0, ecx, 5, plain},
    {"sse4a", 0x80000001, 0, ecx, 6, plain}, {"prfchw", 0x80000001, 0, ecx, 8, plain},
    {"64bit", 0x80000001, 0, edx, 29, plain},
};
// clang-format on

std::uint64_t saved_state() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) return 0;
  std::uint32_t low = 0, high = 0;
  asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t(high) << 32 | low;
}

}  // namespace

std::optional<bool> cpu_has(std::string_view feature) {
  const auto* row = std::ranges::find(features, feature, &Feature::name);
  if (row == std::end(features)) return {};
  unsigned registers[4] = {};
  if (!__get_cpuid_count(row->leaf, row->subleaf, &registers[eax], &registers[ebx], &registers[ecx],
                         &registers[edx]))
    return false;
  return (registers[row->where] >> row->bit & 1) && (saved_state() & row->state) == row->state;
}

std::string cpu_features() {
  std::string names;
  for (const Feature& feature : features)
    if (cpu_has(feature.name).value_or(false)) names += std::string(feature.name) + ' ';
  return names;
}

void require_cpu(std::span<const std::string> features, std::string_view program) {
  std::string missing;
  for (std::string_view feature : features) {
    if (feature.starts_with('+')) feature.remove_prefix(1);
    if (!cpu_has(feature).value_or(false))
      missing += (missing.empty() ? "" : ", ") + std::string(feature);
  }
  if (!missing.empty())
    throw Error("program '", program, "' was compiled for a CPU with ", missing,
                ", which this one lacks; compile it for this machine (target \"host\")");
}

}  // namespace heed
