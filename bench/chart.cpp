// The bar chart of report.h: two bars a row, as long as its % of peak.
#include <cmath>
#include <fstream>

#include "heed/runtime/error.h"
#include "report.h"

namespace heed::bench {
namespace {

constexpr int label_width = 220, bar_width = 460, row_height = 40, top = 44;
constexpr const char* fused_colour = "#2b6cb0";
constexpr const char* unfused_colour = "#cbd5e0";

void text(std::ostream& out, double x, double y, const std::string& words,
          const std::string& anchor = "start") {
  out << "<text x='" << x << "' y='" << y << "' text-anchor='" << anchor << "'>" << words
      << "</text>\n";
}

void bar(std::ostream& out, double y, double percent, const char* colour) {
  const double width = bar_width * std::min(percent, 100.0) / 100;
  out << "<rect x='" << label_width << "' y='" << y << "' width='" << width
      << "' height='13' fill='" << colour << "'/>\n";
  text(out, label_width + width + 5, y + 11, std::to_string(std::lround(percent)) + " %");
}

}  // namespace

void write_chart(const std::vector<Row>& rows, const std::filesystem::path& file) {
  const int width = label_width + bar_width + 60;
  const int bottom = top + row_height * int(rows.size());
  std::ofstream out(file);
  out << "<svg xmlns='http://www.w3.org/2000/svg' width='" << width << "' height='" << bottom + 24
      << "' font-family='sans-serif' font-size='12'>\n"
      << "<rect width='100%' height='100%' fill='white'/>\n"
      << "<rect x='" << label_width << "' y='12' width='12' height='12' fill='" << fused_colour
      << "'/>\n<rect x='" << label_width + 80 << "' y='12' width='12' height='12' fill='"
      << unfused_colour << "'/>\n";
  text(out, label_width + 18, 22, "fused");
  text(out, label_width + 98, 22, "unfused, the same kernels; % of peak");
  for (int percent = 0; percent <= 100; percent += 25) {
    const double x = label_width + bar_width * percent / 100.0;
    out << "<line x1='" << x << "' y1='" << top - 8 << "' x2='" << x << "' y2='" << bottom
        << "' stroke='#e2e8f0'/>\n";
    text(out, x, bottom + 16, std::to_string(percent), "middle");
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double y = top + row_height * double(i);
    const std::string threads = rows[i].threads == 1 ? "" : ", " + std::to_string(rows[i].threads) +
                                                                " threads";
    text(out, label_width - 8, y + 18, rows[i].name + threads, "end");
    bar(out, y, rows[i].peak_pct, fused_colour);
    bar(out, y + 15, rows[i].unfused_pct, unfused_colour);
  }
  out << "</svg>\n";
  if (!out.flush()) throw Error("bench: cannot write '", file.string(), "'");
}

}  // namespace heed::bench
