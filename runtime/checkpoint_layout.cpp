// Checkpoint::require: a checkpoint against what a network needs, all differences in one sentence.
#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "heed/runtime/checkpoint.h"
#include "heed/runtime/convert.h"
#include "heed/runtime/error.h"

namespace heed {
namespace {

constexpr std::size_t most_listed = 12;  // of each sort of difference
constexpr std::size_t most_compared = 20'000;

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t(0));
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] != b[j])});
      diagonal = above;
    }
  }
  return row.back();
}

// Of the names nobody needs, the one likeliest meant by `name`; empty where all are far off.
std::string_view nearest(std::string_view name, std::span<const StoredTensor* const> candidates) {
  std::string_view best;
  std::size_t least = name.size() / 2 + 2;
  for (const StoredTensor* candidate :
       candidates.first(std::min(candidates.size(), most_compared))) {
    const std::size_t length = candidate->name.size();
    const std::size_t difference =
        length > name.size() ? length - name.size() : name.size() - length;
    if (difference >= least || length > 1024) continue;
    const std::size_t distance = edit_distance(name, candidate->name);
    if (distance < least) {
      least = distance;
      best = candidate->name;
    }
  }
  return best;
}

class Report {
 public:
  void add(const char* sort, std::size_t count, const std::vector<std::string>& listed) {
    if (count == 0) return;
    text += (text.empty() ? "" : "; ") + std::to_string(count) + " " + sort + ": ";
    for (std::size_t i = 0; i < listed.size(); ++i) text += (i ? ", " : "") + listed[i];
    if (listed.size() < count) text += ", …";
  }
  std::string text;
};

bool same(const Sizes& sizes, const Shape& shape) {
  if (sizes.rank() != shape.rank) return false;
  for (int axis = 0; axis < shape.rank; ++axis)
    if (!(shape[axis] == Dim(sizes[axis]))) return false;
  return true;
}

}  // namespace

void Checkpoint::require(std::span<const abi::TensorSpec> parameters,
                         std::string_view network) const {
  std::vector<std::string_view> needed;
  for (const abi::TensorSpec& parameter : parameters) needed.push_back(parameter.name);
  std::ranges::sort(needed);
  std::vector<const StoredTensor*> spare;
  for (const StoredTensor& tensor : tensors_)
    if (!std::ranges::binary_search(needed, std::string_view(tensor.name)))
      spare.push_back(&tensor);

  std::size_t missing = 0, wrong = 0;
  std::vector<std::string> missing_listed, wrong_listed, spare_listed;
  for (const abi::TensorSpec& parameter : parameters) {
    const StoredTensor* tensor = find(parameter.name);
    if (!tensor && ++missing <= most_listed) {
      const std::string_view near = nearest(parameter.name, spare);
      missing_listed.push_back("'" + parameter.name + "'" +
                               (near.empty() ? "" : " (nearest: '" + std::string(near) + "')"));
    }
    if (!tensor) continue;
    const bool fits =
        same(tensor->sizes, parameter.type.shape) && converts(tensor->type, parameter.type.dtype);
    if (!fits && ++wrong <= most_listed)
      wrong_listed.push_back("'" + parameter.name + "' is " + std::string(name_of(tensor->type)) +
                             " " + text_of(tensor->sizes) + ", the network needs " +
                             std::string(name_of(parameter.type.dtype)) + " " +
                             text_of(parameter.type.shape));
  }
  for (const StoredTensor* tensor : std::span(spare).first(std::min(spare.size(), most_listed)))
    spare_listed.push_back("'" + tensor->name + "'");

  Report report;
  report.add("of another shape or type", wrong, wrong_listed);
  report.add("missing", missing, missing_listed);
  report.add("unexpected", spare.size(), spare_listed);
  if (!report.text.empty())
    throw Error(
        "checkpoint '", origin_, "' does not fit the network '", network, "': ", report.text,
        missing || !spare.empty() ? ". Checkpoint::rename maps names and leaves tensors out" : "");
}

}  // namespace heed
