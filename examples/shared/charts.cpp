#include "charts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "heed/runtime/atomic_file.h"
#include "heed/runtime/error.h"
#include "heed/runtime/image/heat_map.h"
#include "report.h"

namespace heed::examples {
namespace {

constexpr const char* colours[] = {"#2b6cb0", "#c05621", "#2f855a", "#6b46c1"};

class Svg {
 public:
  Svg(const std::filesystem::path& file, int width, int height) : file_(file) {
    out_ << "<svg xmlns='http://www.w3.org/2000/svg' width='" << width << "' height='" << height
         << "' font-family='sans-serif' font-size='12'>\n<rect width='100%' height='100%' "
            "fill='white'/>\n";
  }
  void text(double x, double y, const std::string& words, const char* anchor,
            const char* colour = "black", double turned = 0) {
    out_ << "<text x='" << x << "' y='" << y << "' text-anchor='" << anchor << "' fill='" << colour
         << "'";
    if (turned != 0) out_ << " transform='rotate(" << turned << ' ' << x << ' ' << y << ")'";
    out_ << '>';
    for (const char c : words) {
      if (c == '<') out_ << "&lt;";
      else if (c == '&') out_ << "&amp;";
      else out_ << c;
    }
    out_ << "</text>\n";
  }
  void line(double x1, double y1, double x2, double y2, const char* colour, double width) {
    out_ << "<line x1='" << x1 << "' y1='" << y1 << "' x2='" << x2 << "' y2='" << y2 << "' stroke='"
         << colour << "' stroke-width='" << width << "'/>\n";
  }
  void cell(double x, double y, double side, const std::string& colour) {
    out_ << "<rect x='" << x << "' y='" << y << "' width='" << side << "' height='" << side
         << "' fill='" << colour << "'/>\n";
  }
  void finish() {
    out_ << "</svg>\n";
    write_file(file_, std::as_bytes(std::span(out_.view())));
  }

 private:
  std::filesystem::path file_;
  std::ostringstream out_;
};

// One axis: values to places along it, and where its marks are.
struct Scale {
  double least, most, begin, end;
  bool logarithmic;
  double base;

  double at(double value) const {
    if (!logarithmic) return begin + (value - least) / (most - least) * (end - begin);
    return begin + std::log(value / least) / std::log(most / least) * (end - begin);
  }
  std::vector<double> marks() const {
    std::vector<double> all;
    if (logarithmic) {
      for (double v = std::pow(base, std::ceil(std::log(least) / std::log(base) - 1e-9));
           v <= most * 1.0001; v *= base)
        all.push_back(v);
      return all;
    }
    double step = std::pow(10, std::floor(std::log10(most - least)));
    if ((most - least) / step < 3) step /= 5;
    else if ((most - least) / step < 6) step /= 2;
    for (double v = std::ceil(least / step) * step; v <= most * 1.0001; v += step) all.push_back(v);
    return all;
  }
};

std::string mark_text(double value) {
  return value >= 1 ? format("%.0f", value) : value == 0 ? "0" : format("%g", value);
}

}  // namespace

void write_curves(const std::filesystem::path& file, const Axes& axes,
                  std::span<const Curve> curves) {
  constexpr int left = 70, right = 470, top = 20, bottom = 320, width = 680, height = 370;
  double low = std::numeric_limits<double>::max(), high = -low, least = axes.logarithmic ? low : 0,
         most = -low;
  for (const Curve& curve : curves)
    for (const auto& [x, y] : curve.points) {
      low = std::min(low, x);
      high = std::max(high, x);
      least = std::min(least, y);
      most = std::max(most, y);
    }
  if (!(high > low))
    throw Error("examples: '", file.string(), "' cannot be drawn: curves have two points or more");
  if (!(most > least)) most = least + 1;
  const Scale xs{low, high, left, right, axes.logarithmic, 2},
      ys{least, most, bottom, top, axes.logarithmic, 10};
  Svg svg(file, width, height);
  for (const double mark : xs.marks()) {
    svg.line(xs.at(mark), top, xs.at(mark), bottom, "#e2e8f0", 1);
    svg.text(xs.at(mark), bottom + 16, mark_text(mark), "middle");
  }
  for (const double mark : ys.marks()) {
    svg.line(left, ys.at(mark), right, ys.at(mark), "#e2e8f0", 1);
    svg.text(left - 6, ys.at(mark) + 4, mark_text(mark), "end");
  }
  svg.text((left + right) / 2.0, height - 14, axes.x, "middle");
  svg.text(16, (top + bottom) / 2.0, axes.y, "middle", "black", -90);
  for (std::size_t c = 0; c < curves.size(); ++c) {
    const char* colour = colours[c % std::size(colours)];
    const auto& points = curves[c].points;
    for (std::size_t i = 1; i < points.size(); ++i)
      svg.line(xs.at(points[i - 1].first), ys.at(points[i - 1].second), xs.at(points[i].first),
               ys.at(points[i].second), colour, 2);
    for (const auto& [x, y] : points) svg.cell(xs.at(x) - 2.5, ys.at(y) - 2.5, 5, colour);
    svg.text(right + 14, top + 12 + 20 * double(c), curves[c].name, "start", colour);
  }
  svg.finish();
}

void write_matrix(const std::filesystem::path& file, std::span<const float> values,
                  std::span<const std::string> rows, std::span<const std::string> columns) {
  constexpr int cell = 14;
  std::size_t row_letters = 1, column_letters = 1;
  for (const std::string& name : rows) row_letters = std::max(row_letters, name.size());
  for (const std::string& name : columns) column_letters = std::max(column_letters, name.size());
  const int left = 14 + 8 * int(row_letters), top = 14 + 8 * int(column_letters);
  Svg svg(file, left + cell * int(columns.size()) + 10, top + cell * int(rows.size()) + 10);
  for (std::size_t c = 0; c < columns.size(); ++c)
    svg.text(left + cell * (double(c) + 0.5), top - 5, columns[c],
             column_letters > 1 ? "start" : "middle", "black", column_letters > 1 ? -90 : 0);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    svg.text(left - 5, top + cell * double(r) + 11, rows[r], "end");
    for (std::size_t c = 0; c < columns.size(); ++c) {
      std::uint8_t rgb[3];
      heat_colour(std::clamp(values[r * columns.size() + c], 0.0f, 1.0f), rgb);
      svg.cell(left + cell * double(c), top + cell * double(r), cell,
               format("#%02x%02x%02x", rgb[0], rgb[1], rgb[2]));
    }
  }
  svg.finish();
}

}  // namespace heed::examples
