#include "heed/runtime/image/image.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>

#include "heed/runtime/atomic_file.h"
#include "heed/runtime/error.h"
#include "heed/runtime/image/codecs.h"

namespace heed {
namespace {

// Numbers of a PPM header: separated by white space, with comments from '#' to the end of the line.
class PpmHeader {
 public:
  explicit PpmHeader(std::span<const std::byte> file) : file_(file) {}

  std::int64_t number() {
    while (at_ < file_.size() && (is_space(peek()) || peek() == '#')) {
      if (peek() == '#') skip_line();
      else ++at_;
    }
    std::int64_t value = 0;
    int digits = 0;
    for (; at_ < file_.size() && peek() >= '0' && peek() <= '9' && digits < 10; ++at_, ++digits)
      value = value * 10 + (peek() - '0');
    if (digits == 0 || digits == 10)
      throw Error("image: the PPM header lacks a number at byte ", at_);
    return value;
  }
  // One character of white space, then the pixels.
  std::span<const std::byte> pixels() {
    if (at_ >= file_.size() || !is_space(peek())) throw Error("image: the PPM header does not end");
    return file_.subspan(at_ + 1);
  }

 private:
  char peek() const { return static_cast<char>(file_[at_]); }
  static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
  void skip_line() {
    while (at_ < file_.size() && peek() != '\n') ++at_;
  }

  std::span<const std::byte> file_;
  std::size_t at_ = 2;
};

bool starts_with(std::span<const std::byte> file, std::string_view magic) {
  return file.size() >= magic.size() && std::memcmp(file.data(), magic.data(), magic.size()) == 0;
}

}  // namespace

Image detail::decode_ppm(std::span<const std::byte> file) {
  PpmHeader header(file);
  const std::int64_t width = header.number(), height = header.number(), most = header.number();
  check_size(width, height);
  if (most < 1 || most > 255)
    throw Error("image: PPM with values up to ", most, ", 1 to 255 are supported");
  const std::span<const std::byte> in = header.pixels();
  const int channels = static_cast<char>(file[1]) == '6' ? 3 : 1;
  Image image(static_cast<int>(width), static_cast<int>(height));
  const std::size_t needed = image.pixels.size() / 3 * std::size_t(channels);
  if (in.size() < needed)
    throw Error("image: PPM of ", width, " × ", height, " needs ", needed, " bytes of pixels, has ",
                in.size());
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    const auto value = std::to_integer<std::int64_t>(in[channels == 3 ? i : i / 3]);
    image.pixels[i] = static_cast<std::uint8_t>((std::min(value, most) * 255 + most / 2) / most);
  }
  return image;
}

void detail::check_size(std::int64_t width, std::int64_t height) {
  constexpr std::int64_t most_side = 1 << 20;
  if (width < 1 || height < 1 || width > most_side || height > most_side ||
      width * height > most_pixels)
    throw Error("image: ", width, " × ", height, " pixels, 1 to ", most_pixels, " are possible");
}

Image decode_image(std::span<const std::byte> file) {
  if (starts_with(file, "\xFF\xD8\xFF")) return detail::decode_jpeg(file);
  if (starts_with(file, "\x89PNG\r\n\x1A\n")) return detail::decode_png(file);
  if (starts_with(file, "P5") || starts_with(file, "P6")) return detail::decode_ppm(file);
  throw Error("image: these ", file.size(), " bytes are no JPEG, PNG or binary PPM");
}

Image read_image(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);  // a pipe, too
  const int problem = file ? 0 : errno;
  std::error_code ignored;
  if (problem || std::filesystem::is_directory(path, ignored))
    throw Error("image: cannot open '", path.string(),
                "': ", system_message(problem ? problem : EISDIR));
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file),
                                std::istreambuf_iterator<char>()};
  try {
    return decode_image(std::as_bytes(std::span(bytes)));
  } catch (const Error& error) {
    throw Error(error.what(), " ('", path.string(), "')");
  }
}

void write_png(const std::filesystem::path& path, const Image& image) {
  write_file(path, encode_png(image));
}

}  // namespace heed
