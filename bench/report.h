// The rows as a table, as JSON and as a picture.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "measure.h"

namespace heed::bench {

using Line = std::vector<std::string>;

// With so many digits after the point.
std::string text(double value, int digits);
// Three significant digits, or all of them before the point.
std::string milliseconds(double ms);
// A Markdown table, its columns aligned; the first line is its head.
std::string aligned(std::vector<Line> lines);

// Adds what peers.py wrote: of each case and number of threads, every peer's median.
void add_peers(std::vector<Row>& rows, const std::filesystem::path& file);

// Markdown, aligned; below the linear layers their geometric mean.
std::string table(const std::vector<Row>& rows);

void write_json(const std::vector<Row>& rows, const std::filesystem::path& file);

// Bars of fused against unfused, both as % of peak, as SVG.
void write_chart(const std::vector<Row>& rows, const std::filesystem::path& file);

}  // namespace heed::bench
