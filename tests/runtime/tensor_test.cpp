#include "heed/runtime/tensor.h"

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "must_throw.h"

using heed::DType;
using heed::Sizes;
using heed::Tensor;
using heed::testing::check_error;

TEST_CASE("sizes: extents, count, limits") {
  const Sizes sizes{2, 3, 4};
  CHECK(sizes.rank() == 3);
  CHECK(sizes.count() == 24);
  CHECK(heed::text_of(sizes) == "[2, 3, 4]");
  CHECK(Sizes{}.count() == 1);
  CHECK(Sizes{0, 5}.count() == 0);
  CHECK(!(Sizes{2, 3} == sizes));
  check_error([] { Sizes{2, -1}; }, {"[2, -1]", "negative"});
  check_error([] { Sizes{1, 1, 1, 1, 1, 1, 1, 1, 1}; }, {"9 axes", "at most 8"});
  const std::int64_t huge = std::int64_t(1) << 40;
  check_error([&] { Sizes{huge, huge}; }, {"more elements than can be counted"});
  check_error([&] { Sizes{huge, huge, 0}; }, {"more elements than can be counted"});
}

TEST_CASE("tensor: owns aligned zeros") {
  for (std::int64_t count : {1, 63, 1000, 3'000'000}) {
    Tensor tensor(DType::f32, {count});
    CHECK(reinterpret_cast<std::uintptr_t>(tensor.data()) % 64 == 0);
    CHECK(tensor.as<float>().front() == 0);
    CHECK(tensor.as<float>().back() == 0);
    tensor.as<float>().back() = 1;
  }
}

TEST_CASE("tensor: elements by index, checked") {
  const float values[] = {0, 1, 2, 3, 4, 5};
  Tensor tensor = Tensor::of<float>(DType::f32, {2, 3}, values);
  CHECK(tensor.at<float>({1, 2}) == 5);
  tensor.at<float>({1, 0}) = 7;
  CHECK(tensor.as<float>()[3] == 7);
  check_error([&] { tensor.at<float>({2, 0}); }, {"[2, 0]", "[2, 3]"});
  check_error([&] { tensor.at<float>({0, -1}); }, {"[0, -1]"});
  check_error([&] { tensor.at<float>({0}); }, {"[0]", "[2, 3]"});
  check_error([&] { tensor.as<std::int64_t>(); }, {"f32"});
  check_error([&] { Tensor::of<float>(DType::f32, {7}, values); }, {"7 elements", "got 6"});
  check_error([&] { Tensor(DType::f32, {std::int64_t(1) << 55}); }, {"not that much memory"});
}

TEST_CASE("tensor: views share, copies and moves do not") {
  std::vector<std::int32_t> mine = {1, 2, 3, 4};
  Tensor view = Tensor::view(DType::i32, {2, 2}, mine.data());
  view.at<std::int32_t>({1, 1}) = 9;
  CHECK(mine[3] == 9);
  Tensor copy = view.copy();
  copy.at<std::int32_t>({0, 0}) = 5;
  CHECK(mine[0] == 1);
  const void* address = copy.data();
  Tensor moved = std::move(copy);
  CHECK(moved.data() == address);
  CHECK(copy.count() == 0);  // NOLINT: what is left is empty
  moved = Tensor(DType::boolean, {3});
  CHECK(moved.as<bool>()[2] == false);
  check_error([] { Tensor::view(DType::f32, {2}, nullptr); }, {"address"});
  check_error([&] { Tensor::view(DType::f32, {1}, reinterpret_cast<char*>(mine.data()) + 2); },
              {"multiple of 4"});
}
