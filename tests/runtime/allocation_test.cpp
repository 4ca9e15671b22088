// A run with the sizes of the run before asks for no memory. A program of its own, since it
// replaces operator new for everything in it, libheed included.
#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "heed/runtime/session.h"
#include "sample_program.h"

using heed::Tensor;

namespace {

std::atomic<long> count{0};

void* allocate(std::size_t size, std::size_t alignment) noexcept {
  ++count;
  void* block = nullptr;
  return posix_memalign(&block, alignment < sizeof(void*) ? sizeof(void*) : alignment,
                        size ? size : 1)
             ? nullptr
             : block;
}
void* allocate_or_throw(std::size_t size, std::size_t alignment) {
  if (void* block = allocate(size, alignment)) return block;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return allocate_or_throw(size, 16); }
void* operator new[](std::size_t size) { return allocate_or_throw(size, 16); }
void* operator new(std::size_t size, std::align_val_t a) {
  return allocate_or_throw(size, std::size_t(a));
}
void* operator new[](std::size_t size, std::align_val_t a) {
  return allocate_or_throw(size, std::size_t(a));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size, 16); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size, 16);
}
void* operator new(std::size_t size, std::align_val_t a, const std::nothrow_t&) noexcept {
  return allocate(size, std::size_t(a));
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete[](void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { std::free(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(block);
}

TEST_CASE("session: no allocation while sizes stay, results stay where they are") {
  heed::Session session =
      heed::Program(heed::testing::sample_program(), 2).bind(heed::testing::sample_checkpoint());
  const Tensor x(heed::DType::f32, {2, 8, 3}), longer(heed::DType::f32, {3, 10, 3});
  const long at_first = count;
  session.run(longer);
  CHECK(count > at_first);  // it does count
  const void* before = session.run(x)[0].data();
  bool moved = false;
  long before_runs = count;
  for (int i = 0; i < 100; ++i) moved |= session.run(x)[0].data() != before;
  const long in_runs = count - before_runs;
  CHECK(in_runs == 0);
  CHECK(!moved);

  Tensor y(heed::DType::f32, {2, 8, 4}), pre(heed::DType::f32, {2, 8, 4});
  const Tensor* inputs[] = {&x};
  Tensor* outputs[] = {&y, &pre};
  before_runs = count;
  for (int i = 0; i < 100; ++i) session.run_into(inputs, outputs);
  const long in_runs_into = count - before_runs;
  CHECK(in_runs_into == 0);
}
