// Pictures against PIL's reading, resizing and cropping of them (data/generate.py), bit for bit.
#include "heed/runtime/image/image.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "../must_throw.h"
#include "../random.h"
#include "../temporary.h"
#include "heed/runtime/image/heat_map.h"
#include "heed/runtime/image/preprocess.h"
#include "heed/runtime/image/resize.h"

using heed::Image;
using heed::testing::check_error;

namespace {

const std::filesystem::path data = HEED_TEST_DATA;

Image read(const std::string& name) { return heed::read_image(data / name); }

std::vector<std::byte> bytes_of(const std::string& name) {
  std::ifstream file(data / name, std::ios::binary);
  const std::vector<char> chars{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(chars));
  return {bytes.begin(), bytes.end()};
}

bool same(const Image& a, const Image& b) {
  return a.width == b.width && a.height == b.height && a.pixels == b.pixels;
}

Image transposed(const Image& image) {
  Image result(image.height, image.width);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      for (int c = 0; c < 3; ++c) result.row(x)[y * 3 + c] = image.row(y)[x * 3 + c];
  return result;
}

std::vector<std::byte> ppm(const std::string& header, std::size_t pixels) {
  std::vector<std::byte> file(header.size() + pixels, std::byte(100));
  std::copy(header.begin(), header.end(), reinterpret_cast<char*>(file.data()));
  return file;
}

}  // namespace

TEST_CASE("image: PNG and JPEG of all kinds read as PIL reads them") {
  for (const char* name : {"rgb.png", "grey.png", "bits.png", "palette.png", "rgba.png",
                           "grey_alpha.png", "baseline.jpg", "progressive.jpg", "grey.jpg"}) {
    CAPTURE(name);
    CHECK(same(read(name), read(std::string(name) + ".ppm")));
  }
}

TEST_CASE("image: resized and cropped as PIL and timm do") {
  const Image rgb = read("rgb.png");
  CHECK(same(heed::resize_bicubic(rgb, 8, 5), read("rgb_8x5.ppm")));
  CHECK(same(heed::resize_bicubic(rgb, 31, 7), read("rgb_31x7.ppm")));
  CHECK(same(heed::resize_bicubic(rgb, 19, 24), read("rgb_19x24.ppm")));
  CHECK(same(heed::resize_bicubic(rgb, 19, 13), rgb));
  heed::Preprocess how;
  how.size = 9;
  CHECK(same(heed::center_square(rgb, how), read("rgb_square_9.ppm")));
  how.crop_fraction = 0.8;
  CHECK(same(heed::center_square(transposed(rgb), how), read("transposed_square_9.ppm")));
  check_error([&] { heed::crop(rgb, 1, 1, 19, 5); }, {"19 × 5", "(1, 1)", "19 × 13"});
  check_error([&] { heed::resize_bicubic(rgb, 0, 5); }, {"0 × 5"});
  CHECK(same(heed::whole_picture(rgb, 8, 1333), heed::resize_bicubic(rgb, 11, 8)));
  CHECK(same(heed::whole_picture(transposed(rgb), 18, 20),
             heed::resize_bicubic(transposed(rgb), 13, 20)));
  check_error([&] { heed::whole_picture(rgb, 8, 7); }, {"8", "7"});
  how.size = 0;
  check_error([&] { heed::center_square(rgb, how); }, {"0 pixels"});
}

TEST_CASE("image: as ViT wants it") {
  const heed::Tensor x = heed::imagenet_preprocess(read("rgb.png"));
  CHECK(x.sizes() == heed::Sizes{1, 3, 224, 224});
  const Image square = heed::center_square(read("rgb.png"));
  for (int c = 0; c < 3; ++c)
    CHECK(x.at<float>({0, c, 100, 50}) ==
          (float(square.row(100)[50 * 3 + c]) / 255.0f - 0.5f) / 0.5f);
}

TEST_CASE("image: PPM") {
  CHECK(heed::decode_image(ppm("P6 2 1 255\n", 6)).pixels[5] == 100);
  CHECK(heed::decode_image(ppm("P5\n# a comment\n 2\t# another\n1\n200 ", 2)).pixels[0] == 128);
  check_error([] { heed::decode_image(ppm("P6 2 1 255\n", 5)); }, {"needs 6", "has 5"});
  check_error([] { heed::decode_image(ppm("P6 2 1 65535\n", 12)); }, {"65535"});
  check_error([] { heed::decode_image(ppm("P6 2 x", 12)); }, {"lacks a number"});
  check_error([] { heed::decode_image(ppm("P6 2 1 255", 0)); }, {"does not end"});
  check_error([] { heed::decode_image(ppm("P6 0 1 255\n", 0)); }, {"0 × 1"});
  check_error([] { heed::decode_image(ppm("P6 999999 999999 255\n", 0)); },
              {"999999 × 999999", "possible"});
  check_error([] { heed::decode_image(ppm("P6 99999999999999999999 1 255\n", 0)); }, {"number"});
}

TEST_CASE("image: foreign, truncated and damaged files") {
  check_error([] { read("nothing.png"); }, {"cannot open", "nothing.png", "No such file"});
  check_error([] { heed::read_image(data); }, {"cannot open", "Is a directory"});
  check_error([] { read("generate.py"); }, {"no JPEG, PNG or binary PPM", "generate.py"});
  check_error([] { read("cmyk.jpg"); }, {"CMYK", "convert"});
  for (const char* name :
       {"rgb.png", "palette.png", "baseline.jpg", "progressive.jpg", "rgb_8x5.ppm"}) {
    CAPTURE(name);
    const auto good = bytes_of(name);
    // A PNG's last chunk may be cut without loss, a JPEG's end mark too.
    for (std::size_t size = 0; size + 20 < good.size(); size += 7)
      CHECK(!heed::testing::error_of([&] {
               heed::decode_image(std::span(good).first(size));
             }).empty());
    heed::testing::Random random(5);
    for (int i = 0; i < 400; ++i)
      heed::testing::error_of([&] { heed::decode_image(heed::testing::damaged(good, random, 2)); });
  }
}

TEST_CASE("image: PNG there and back") {
  const heed::testing::TemporaryDirectory directory;
  const Image rgb = read("rgb.png");
  heed::write_png(directory / "copy.png", rgb);
  CHECK(same(heed::read_image(directory / "copy.png"), rgb));
  CHECK(directory.file_count() == 1);
  check_error([&] { heed::write_png(directory / "empty.png", Image()); }, {"0 × 0"});
  check_error([&] { heed::write_png(directory / "no/where.png", rgb); }, {"cannot create"});
}

TEST_CASE("heat map: colours and places") {
  std::uint8_t dark[3], bright[3], middle[3];
  heed::heat_colour(-1, dark);
  heed::heat_colour(2, bright);
  heed::heat_colour(0.5f, middle);
  CHECK(dark[0] == 68);
  CHECK(bright[0] == 253);
  CHECK(middle[1] == 144);
  const float cells[] = {0, 0, 0, 5};  // bottom right
  const Image drawn = heed::draw_heat_map(Image(8, 8), {cells, 2, 2}, 1.0f);
  CHECK(drawn.row(0)[0] == 68);
  CHECK(drawn.row(7)[21] == 253);
  CHECK(drawn.row(7)[0] == 68);
  Image grey(4, 4);
  for (auto& p : grey.pixels) p = 100;
  CHECK(same(heed::draw_heat_map(grey, {cells, 2, 2}, 0.0f), grey));
  const float strange[] = {NAN, INFINITY, 1, 1};
  CHECK(heed::draw_heat_map(grey, {strange, 2, 2}, 1.0f).row(3)[0] == 68);
  check_error([&] { heed::draw_heat_map(grey, {cells, 2, 3}); }, {"4 values", "2 × 3"});
}
