// Pictures in and out: 8-bit RGB.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace heed {

struct Image {
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;  // [height, width, 3], red first

  Image() = default;
  Image(int w, int h) : width(w), height(h), pixels(std::size_t(w) * std::size_t(h) * 3) {}
  std::uint8_t* row(int y) { return pixels.data() + std::size_t(y) * std::size_t(width) * 3; }
  const std::uint8_t* row(int y) const {
    return pixels.data() + std::size_t(y) * std::size_t(width) * 3;
  }
};

inline constexpr std::int64_t most_pixels = std::int64_t(1) << 26;  // 67 million

// A JPEG, PNG, PGM or PPM file, recognised by its content. Grey becomes RGB, transparency is
// ignored, 16 bits a channel are cut to 8, EXIF rotation is not applied. Throws Error on anything
// malformed, truncated or with more than most_pixels.
Image read_image(const std::filesystem::path& path);
Image decode_image(std::span<const std::byte> file);

// Throws Error where it cannot be written; the file appears whole or not at all.
void write_png(const std::filesystem::path& path, const Image& image);
std::vector<std::byte> encode_png(const Image& image);

}  // namespace heed
