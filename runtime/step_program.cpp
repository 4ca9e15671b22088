#include "heed/runtime/step_program.h"

#include <algorithm>
#include <cstring>

#include "heed/runtime/error.h"

namespace heed {
namespace {

std::byte* bytes(Tensor& t) { return static_cast<std::byte*>(t.data()); }
const std::byte* bytes(const Tensor& t) { return static_cast<const std::byte*>(t.data()); }

// Elements behind axis `axis` of one index of it, in bytes.
std::size_t stride_bytes(const Tensor& t, int axis) {
  std::size_t stride = size_of(t.dtype());
  for (int a = axis + 1; a < t.rank(); ++a) stride *= std::size_t(t.sizes()[a]);
  return stride;
}

}  // namespace

StepProgram::StepProgram(Session session, Memory memory, std::int64_t rows)
    : session_(std::move(session)),
      memory_(std::move(memory)),
      tokens_(DType::i64, {rows}),
      positions_(DType::i64, {rows}),
      rows_(rows) {
  const bool cached = !memory_.caches.empty();
  const Program& program = session_.program();
  const std::size_t given =
      1 + std::size_t(cached) + memory_.states.size() + memory_.caches.size() + memory_.held.size();
  if (program.inputs().size() != given)
    throw Error("step program: '", program.name(), "' reads ", program.inputs().size(),
                " tensors; tokens", cached ? ", position" : "",
                ", states, caches and held tensors are ", given);
  const std::size_t returned = memory_.states.size() + memory_.caches.size() + 1;
  if (std::size_t(program.data().result_count) < returned)
    throw Error("step program: '", program.name(), "' returns ", program.data().result_count,
                " tensors; states, caches and logits are ", returned);
  const std::size_t states = memory_.states.size();
  for (std::size_t c = 0; c < memory_.caches.size(); ++c)
    if (std::ranges::none_of(program.data().updates, [&](const abi::Update& u) {
          return std::size_t(u.input) == 2 + states + c && std::size_t(u.output) == states + c;
        }))
      throw Error("step program: result ", states + c, " of '", program.name(), "' is not cache ",
                  c, " in its place; make it by append<layer>(cache, rows, position)");
  inputs_.push_back(&tokens_);
  if (cached) inputs_.push_back(&positions_);
  std::size_t largest = 0;
  for (auto* list : {&memory_.states, &memory_.caches, &memory_.held})
    for (Tensor& tensor : *list) {
      inputs_.push_back(&tensor);
      if (list != &memory_.held) largest = std::max(largest, tensor.size_bytes());
    }
  for (const Tensor& cache : memory_.caches)
    if (cache.rank() != 4 || cache.sizes()[1] != rows)
      throw Error("step program: a cache of '", program.name(), "' is ", text_of(cache.sizes()),
                  ", it must be [layers, ", rows, ", capacity, features]");
  spare_.resize(largest);
}

Results StepProgram::step(std::span<const std::int64_t> tokens) {
  if (std::int64_t(tokens.size()) != rows_)
    throw Error("step program: ", tokens.size(), " tokens were given for ", rows_, " rows");
  for (const Tensor& cache : memory_.caches)
    if (position_ >= cache.sizes()[2])
      throw Error("step program: the cache holds ", cache.sizes()[2],
                  " tokens and is full; give it a larger capacity");
  std::ranges::copy(tokens, tokens_.as<std::int64_t>().begin());
  std::ranges::fill(positions_.as<std::int64_t>(), position_);
  const Results results = session_.run_in_place(inputs_);
  std::size_t next = 0;
  for (Tensor& state : memory_.states) {
    const Tensor& to = results[next++];
    if (to.dtype() != state.dtype() || !(to.sizes() == state.sizes()))
      throw Error("step program: '", session_.program().name(), "' turns a state ",
                  text_of(state.sizes()), " into ", text_of(to.sizes()),
                  "; a state keeps its type");
    std::memcpy(state.data(), to.data(), state.size_bytes());
  }
  ++position_;
  return results;
}

void StepProgram::gather(Tensor& tensor, std::span<const std::int64_t> from, std::size_t row_bytes,
                         std::size_t used_bytes) {
  const std::size_t plane = row_bytes * from.size(),
                    planes = plane ? tensor.size_bytes() / plane : 0;
  for (std::size_t p = 0; p < planes; ++p) {
    std::byte* rows = bytes(tensor) + p * plane;
    for (std::size_t r = 0; r < from.size(); ++r)
      std::memcpy(spare_.data() + r * row_bytes, rows + std::size_t(from[r]) * row_bytes,
                  used_bytes);
    for (std::size_t r = 0; r < from.size(); ++r)
      std::memcpy(rows + r * row_bytes, spare_.data() + r * row_bytes, used_bytes);
  }
}

void StepProgram::reorder(std::span<const std::int64_t> from) {
  if (std::int64_t(from.size()) != rows_)
    throw Error("step program: ", from.size(), " rows were given to reorder ", rows_);
  bool same = true;
  for (std::size_t r = 0; r < from.size(); ++r) {
    if (from[r] < 0 || from[r] >= rows_)
      throw Error("step program: row ", r, " is to go on from row ", from[r], " of ", rows_);
    same = same && from[r] == std::int64_t(r);
  }
  if (same) return;
  for (Tensor& state : memory_.states)
    gather(state, from, stride_bytes(state, 0), stride_bytes(state, 0));
  for (Tensor& cache : memory_.caches)
    gather(cache, from, stride_bytes(cache, 1), stride_bytes(cache, 2) * std::size_t(position_));
}

NextToken StepProgram::next_token() {
  const std::size_t logits = memory_.states.size() + memory_.caches.size();
  return {[this, logits](std::span<const std::int64_t> tokens) {
            return step(tokens)[logits].as<float>();
          },
          [this](std::span<const std::int64_t> from) { reorder(from); }};
}

Tensor repeated_rows(const Tensor& tensor, std::int64_t times, int axis) {
  std::vector<std::int64_t> extents(tensor.sizes().begin(), tensor.sizes().end());
  const std::int64_t rows = extents[std::size_t(axis)];
  extents[std::size_t(axis)] *= times;
  Tensor result(tensor.dtype(), Sizes(std::span<const std::int64_t>(extents)));
  const std::size_t row = stride_bytes(tensor, axis),
                    planes = row && rows ? tensor.size_bytes() / (row * std::size_t(rows)) : 0;
  std::byte* out = bytes(result);
  for (std::size_t r = 0; r < planes * std::size_t(rows); ++r)
    for (std::int64_t t = 0; t < times; ++t, out += row)
      std::memcpy(out, bytes(tensor) + r * row, row);
  return result;
}

}  // namespace heed
