// JPEG by libjpeg. Its errors leave by longjmp, so what they jump over holds nothing to destroy:
// the function with setjmp owns no C++ object, and messages become an Error only after it has
// returned.
#include <cstdio>
// libjpeg's header wants FILE declared.
#include <jerror.h>
#include <jpeglib.h>

#include <csetjmp>
#include <string>

#include "heed/runtime/error.h"
#include "heed/runtime/image/codecs.h"

namespace heed::detail {
namespace {

constexpr int most_scans = 500;  // a progressive file may ask for the same pixels again and again

struct Decoder {
  jpeg_decompress_struct info;
  jpeg_error_mgr errors;
  jpeg_progress_mgr progress;
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
};

Decoder* decoder_of(j_common_ptr info) { return static_cast<Decoder*>(info->client_data); }

[[noreturn]] void fail(j_common_ptr info) {
  Decoder* decoder = decoder_of(info);
  info->err->format_message(info, decoder->message);
  std::longjmp(decoder->escape, 1);
}
// A negative level is a warning: libjpeg goes on with grey pixels, which is right for damage to a
// few of them but not for a file that ends early.
void on_message(j_common_ptr info, int level) {
  if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF) fail(info);
}
void on_progress(j_common_ptr info) {
  if (decoder_of(info)->info.input_scan_number <= most_scans) return;
  std::snprintf(decoder_of(info)->message, JMSG_LENGTH_MAX, "more than %d scans", most_scans);
  std::longjmp(decoder_of(info)->escape, 1);
}

// Reads the header; false with a message on failure.
bool begin(Decoder& d, std::span<const std::byte> file) {
  d.info.err = jpeg_std_error(&d.errors);
  d.errors.error_exit = fail;
  d.errors.emit_message = on_message;
  d.info.client_data = &d;
  if (setjmp(d.escape)) return false;
  jpeg_create_decompress(&d.info);
  d.info.client_data = &d;
  d.progress.progress_monitor = on_progress;
  d.info.progress = &d.progress;
  jpeg_mem_src(&d.info, reinterpret_cast<const unsigned char*>(file.data()),
               static_cast<unsigned long>(file.size()));
  jpeg_read_header(&d.info, TRUE);
  if (d.info.num_components == 4) {
    std::snprintf(d.message, sizeof d.message, "CMYK colours are not supported, convert it to RGB");
    return false;
  }
  d.info.out_color_space = JCS_RGB;
  return true;
}

bool read_pixels(Decoder& d, unsigned char* pixels, std::size_t row_bytes) {
  if (setjmp(d.escape)) return false;
  jpeg_start_decompress(&d.info);
  while (d.info.output_scanline < d.info.output_height) {
    JSAMPROW row = pixels + d.info.output_scanline * row_bytes;
    jpeg_read_scanlines(&d.info, &row, 1);
  }
  jpeg_finish_decompress(&d.info);
  return true;
}

struct Destroy {
  Decoder& decoder;
  ~Destroy() { jpeg_destroy_decompress(&decoder.info); }
};

}  // namespace

Image decode_jpeg(std::span<const std::byte> file) {
  Decoder d{};
  const Destroy destroy{d};
  if (!begin(d, file)) throw Error("image: JPEG: ", static_cast<const char*>(d.message));
  check_size(d.info.image_width, d.info.image_height);
  Image image(static_cast<int>(d.info.image_width), static_cast<int>(d.info.image_height));
  if (!read_pixels(d, image.pixels.data(), std::size_t(image.width) * 3))
    throw Error("image: JPEG: ", static_cast<const char*>(d.message));
  return image;
}

}  // namespace heed::detail
