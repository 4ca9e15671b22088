#include "reach.h"

#include <algorithm>
#include <cmath>

#include "heed/runtime/error.h"

namespace heed::examples {
namespace {

using graph::Function;
using graph::Node;

std::string joined(const std::string& path, const std::string& name) {
  return path.empty() || name.empty() ? path + name : path + "." + name;
}
// Paths of the modules that a node calls one after another.
std::vector<std::string> called(const Node& node, const std::string& path) {
  if (!node.callee) return {};
  if (node.op != OpCode::repeat) return {joined(path, node.name)};
  std::vector<std::string> paths;
  for (std::int64_t n = 0; n < node.times; ++n)
    paths.push_back(joined(joined(path, node.name), std::to_string(n)));
  return paths;
}

void collect_probes(const Function& f, const std::string& path, const std::string& name,
                    std::vector<std::string>& found) {
  for (int n = 0; n < f.node_count; ++n) {
    const Node& node = f.nodes[n];
    if (node.op == OpCode::probe && name == node.name) found.push_back(joined(path, name));
    for (const std::string& inner : called(node, path))
      collect_probes(*node.callee, inner, name, found);
  }
}

// Pixels that a cell sees, and by how many its neighbour is moved.
struct Field {
  std::int64_t pixels = 1, step = 1;
  void slide(std::int64_t size, std::int64_t stride, std::int64_t dilation) {
    pixels += (size - 1) * dilation * step;
    step *= stride;
  }
};

Field collect_fields(const Function& f, const std::string& path,
                     const std::vector<Field>& arguments, std::vector<ReceptiveField>& found) {
  std::vector<Field> fields;
  for (int n = 0; n < f.node_count; ++n) {
    const Node& node = f.nodes[n];
    Field field;
    std::vector<Field> operands;
    for (int i = 0; i < node.input_count; ++i) {
      operands.push_back(fields[std::size_t(node.inputs[i].node)]);
      field.pixels = std::max(field.pixels, operands.back().pixels);
      field.step = std::max(field.step, operands.back().step);
    }
    constexpr int height = 2;  // among an image's axes
    if (node.op == OpCode::input) field = arguments[std::size_t(node.ints[0])];
    if (node.op == OpCode::conv2d)
      field.slide(
          f.nodes[node.inputs[1].node].results[node.inputs[1].result].shape[height].constant,
          node.ints[0], node.ints[2]);
    if (node.op == OpCode::window && node.ints[0] == height)
      field.slide(node.ints[1], node.ints[2], node.ints[3]);
    for (const std::string& inner : called(node, path)) {
      operands.at(0) = field = collect_fields(*node.callee, inner, operands, found);
      found.push_back({inner, field.pixels});
    }
    fields.push_back(field);
  }
  return fields[std::size_t(f.results[0].node)];
}

// A square grid of `tokens` cells, with a class token before them where that makes it one.
struct Grid {
  explicit Grid(std::int64_t tokens) {
    while ((side + 1) * (side + 1) <= tokens) ++side;
    first = tokens - side * side;
    if (first > 1)
      throw Error("attention distance: ", tokens, " tokens are no square grid of cells");
  }
  std::int64_t side = 0, first = 0;
};

}  // namespace

std::vector<std::string> probes_named(const Function& network, const std::string& name) {
  std::vector<std::string> found;
  collect_probes(network, "", name, found);
  return found;
}

double mean_attention_distance(const Tensor& attention, double side) {
  const Sizes& sizes = attention.sizes();
  const Grid windows(sizes[0]), queries(sizes[2]), keys(sizes[3]);
  const double width = side / double(windows.side), query_cell = width / double(queries.side),
               key_cell = width / double(keys.side);
  if (windows.first) throw Error("attention distance: ", sizes[0], " windows cover no square");
  const auto centre = [](std::int64_t at, double cell) { return (double(at) + 0.5) * cell; };
  const float* row = attention.as<float>().data();
  double sum = 0;
  for (std::int64_t pair = 0; pair < sizes[0] * sizes[1]; ++pair)
    for (std::int64_t query = -queries.first; query < queries.side * queries.side;
         ++query, row += sizes[3]) {
      if (query < 0) continue;
      double weight = 0, distance = 0;
      for (std::int64_t key = 0; key < keys.side * keys.side; ++key) {
        const double w = row[keys.first + key];
        weight += w;
        distance +=
            w * std::hypot(
                    centre(query / queries.side, query_cell) - centre(key / keys.side, key_cell),
                    centre(query % queries.side, query_cell) - centre(key % keys.side, key_cell));
      }
      sum += distance / weight;
    }
  return sum / double(sizes[0] * sizes[1] * queries.side * queries.side);
}

std::vector<ReceptiveField> receptive_fields(const Function& network) {
  std::vector<ReceptiveField> found;
  collect_fields(network, "", {{}}, found);
  return found;
}

}  // namespace heed::examples
