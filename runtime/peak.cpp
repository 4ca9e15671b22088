#include "heed/runtime/peak.h"

#include <algorithm>
#include <chrono>

#include "heed/runtime/parallel.h"

namespace heed {
namespace {

// In assembly, so that no compiler flag and no optimiser has a say. Twelve chains hide the latency
// of two units; operands are ordinary numbers, their sums stay finite.

constexpr float factors[2] = {0.5f, 0.25f};

void avx512(std::int64_t rounds) {
  asm volatile(
      "vbroadcastss (%1), %%zmm14\n"
      "vbroadcastss 4(%1), %%zmm15\n"
      ".irp r,0,1,2,3,4,5,6,7,8,9,10,11\n"
      "vmovaps %%zmm14, %%zmm\\r\n"
      ".endr\n"
      "0:\n"
      ".irp r,0,1,2,3,4,5,6,7,8,9,10,11\n"
      "vfmadd231ps %%zmm14, %%zmm15, %%zmm\\r\n"
      ".endr\n"
      "dec %0\n"
      "jnz 0b\n"
      "vzeroupper\n"
      : "+r"(rounds)
      : "r"(factors)
      : "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
        "xmm9", "xmm10", "xmm11", "xmm14", "xmm15");
}

void avx2(std::int64_t rounds) {
  asm volatile(
      "vbroadcastss (%1), %%ymm14\n"
      "vbroadcastss 4(%1), %%ymm15\n"
      ".irp r,0,1,2,3,4,5,6,7,8,9,10,11\n"
      "vmovaps %%ymm14, %%ymm\\r\n"
      ".endr\n"
      "0:\n"
      ".irp r,0,1,2,3,4,5,6,7,8,9,10,11\n"
      "vfmadd231ps %%ymm14, %%ymm15, %%ymm\\r\n"
      ".endr\n"
      "dec %0\n"
      "jnz 0b\n"
      "vzeroupper\n"
      : "+r"(rounds)
      : "r"(factors)
      : "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
        "xmm9", "xmm10", "xmm11", "xmm14", "xmm15");
}

// Without fused multiply-adds: multiplications (by 1) beside additions.
void sse2(std::int64_t rounds) {
  constexpr float one = 1.0f;
  asm volatile(
      "movss (%1), %%xmm14\n"
      "shufps $0, %%xmm14, %%xmm14\n"
      "movss (%2), %%xmm15\n"
      "shufps $0, %%xmm15, %%xmm15\n"
      ".irp r,0,1,2,3,4,5,6,7,8,9,10,11\n"
      "movaps %%xmm14, %%xmm\\r\n"
      ".endr\n"
      "0:\n"
      ".irp r,0,1,2,3,4,5\n"
      "mulps %%xmm15, %%xmm\\r\n"
      ".endr\n"
      ".irp r,6,7,8,9,10,11\n"
      "addps %%xmm14, %%xmm\\r\n"
      ".endr\n"
      "dec %0\n"
      "jnz 0b\n"
      : "+r"(rounds)
      : "r"(factors), "r"(&one)
      : "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
        "xmm9", "xmm10", "xmm11", "xmm14", "xmm15");
}

}  // namespace

PeakLoop peak_loop(std::string_view target) {
  if (target == "x86-64-avx512") return {avx512, 12 * 16 * 2};
  if (target == "x86-64-avx2") return {avx2, 12 * 8 * 2};
  return {sse2, 12 * 4};
}

double peak_gflops(std::string_view target, int threads) {
  if (target == "vulkan") return 0;
  constexpr std::int64_t rounds = 200'000;  // a millisecond
  const PeakLoop loop = peak_loop(target);
  ThreadPool pool(threads);
  auto body = [&](std::int64_t begin, std::int64_t end, int) -> std::int32_t {
    loop.run(rounds * (end - begin));
    return 0;
  };
  double least = 1e9;
  for (int i = 0; i < 12; ++i) {  // the clock rises in the first ones
    const auto begin = std::chrono::steady_clock::now();
    pool.run(pool.threads(), 1, body);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    least = std::min(least, took.count());
  }
  return 1e-9 * loop.flops_per_round * double(rounds) * pool.threads() / least;
}

}  // namespace heed
