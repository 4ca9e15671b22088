// PNG by libpng. As in jpeg.cpp, functions with setjmp own no C++ object.
#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>

#include "heed/runtime/error.h"
#include "heed/runtime/image/codecs.h"

namespace heed {
namespace {

struct Coder {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::span<const std::byte> in;
  std::vector<std::byte>* out = nullptr;
  bool out_of_memory = false;
  char message[128] = "out of memory";
};

void on_error(png_structp png, png_const_charp text) {
  auto* coder = static_cast<Coder*>(png_get_error_ptr(png));
  std::snprintf(coder->message, sizeof coder->message, "%s", text);
  png_longjmp(png, 1);
}
void on_warning(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep to, std::size_t size) {
  auto* coder = static_cast<Coder*>(png_get_io_ptr(png));
  if (size > coder->in.size()) png_error(png, "the file is truncated");
  std::memcpy(to, coder->in.data(), size);
  coder->in = coder->in.subspan(size);
}
void write_bytes(png_structp png, png_bytep from, std::size_t size) {
  auto* coder = static_cast<Coder*>(png_get_io_ptr(png));
  try {
    const auto* first = reinterpret_cast<const std::byte*>(from);
    coder->out->insert(coder->out->end(), first, first + size);
  } catch (...) {
    coder->out_of_memory = true;
  }
  if (coder->out_of_memory) png_error(png, "out of memory");  // outside the handler: it jumps
}
void flush(png_structp) {}

bool begin_read(Coder& c) {
  c.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &c, on_error, on_warning);
  if (!c.png || !(c.info = png_create_info_struct(c.png))) return false;
  if (setjmp(png_jmpbuf(c.png))) return false;
  png_set_user_limits(c.png, 1 << 20, 1 << 20);
  png_set_chunk_malloc_max(c.png, 8 << 20);
  png_set_chunk_cache_max(c.png, 128);
  png_set_read_fn(c.png, &c, read_bytes);
  png_read_info(c.png, c.info);
  png_set_strip_16(c.png);
  png_set_palette_to_rgb(c.png);
  png_set_expand_gray_1_2_4_to_8(c.png);
  png_set_gray_to_rgb(c.png);
  png_set_strip_alpha(c.png);
  return true;
}

// rows: `passes` times over, for interlaced files
bool read_rows(Coder& c, png_bytep pixels, std::size_t row_bytes, int height) {
  if (setjmp(png_jmpbuf(c.png))) return false;
  const int passes = png_set_interlace_handling(c.png);
  png_read_update_info(c.png, c.info);
  if (png_get_rowbytes(c.png, c.info) != row_bytes) png_error(c.png, "unexpected layout of pixels");
  for (int pass = 0; pass < passes; ++pass)
    for (int y = 0; y < height; ++y)
      png_read_row(c.png, pixels + std::size_t(y) * row_bytes, nullptr);
  png_read_end(c.png, nullptr);
  return true;
}

bool write_rows(Coder& c, const Image& image) {
  c.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &c, on_error, on_warning);
  if (!c.png || !(c.info = png_create_info_struct(c.png))) return false;
  if (setjmp(png_jmpbuf(c.png))) return false;
  png_set_write_fn(c.png, &c, write_bytes, flush);
  png_set_IHDR(c.png, c.info, static_cast<png_uint_32>(image.width),
               static_cast<png_uint_32>(image.height), 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(c.png, c.info);
  for (int y = 0; y < image.height; ++y) png_write_row(c.png, image.row(y));
  png_write_end(c.png, nullptr);
  return true;
}

struct DestroyRead {
  Coder& c;
  ~DestroyRead() { png_destroy_read_struct(&c.png, &c.info, nullptr); }
};
struct DestroyWrite {
  Coder& c;
  ~DestroyWrite() { png_destroy_write_struct(&c.png, &c.info); }
};

[[noreturn]] void fail(const Coder& c) {
  throw Error("image: PNG: ", static_cast<const char*>(c.message));
}

}  // namespace

Image detail::decode_png(std::span<const std::byte> file) {
  Coder c;
  c.in = file;
  const DestroyRead destroy{c};
  if (!begin_read(c)) fail(c);
  const auto width = png_get_image_width(c.png, c.info),
             height = png_get_image_height(c.png, c.info);
  check_size(width, height);
  Image image(static_cast<int>(width), static_cast<int>(height));
  if (!read_rows(c, image.pixels.data(), std::size_t(width) * 3, image.height)) fail(c);
  return image;
}

std::vector<std::byte> encode_png(const Image& image) {
  detail::check_size(image.width, image.height);
  std::vector<std::byte> file;
  Coder c;
  c.out = &file;
  const DestroyWrite destroy{c};
  if (!write_rows(c, image)) fail(c);
  return file;
}

}  // namespace heed
