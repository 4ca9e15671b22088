// The memory around a decoder's step program, which reads one token a row: what it returns as
// states is what it reads next, a cache it updates in its place. Made once; a step allocates
// nothing and compiles nothing.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "heed/runtime/decoding.h"
#include "heed/runtime/session.h"
#include "heed/runtime/tensor.h"

namespace heed {

// The program's inputs, in order:
//   tokens    i64 [rows]
//   position  i64 [rows], where there are caches: how many tokens came before
//   states    [rows, …]
//   caches    [layers, rows, capacity, features]; what stands from `position` on means nothing
//   held      the same in every step: the encoder's memory, its lengths
// Its results: the next states, the caches, made by `append` at `position`, and logits f32
// [rows, vocabulary]; more may follow.
class StepProgram {
 public:
  struct Memory {
    std::vector<Tensor> states, caches, held;
  };
  // Takes the memory over. Throws Error where the program's inputs or results are not as many as
  // that, or a cache is not updated.
  StepProgram(Session session, Memory memory, std::int64_t rows);
  StepProgram(const StepProgram&) = delete;  // others point into it

  // Reads a token of every row and gives all results, views that are valid until the next step.
  // Throws Error when a cache is full.
  Results step(std::span<const std::int64_t> tokens);
  // Row r goes on with the memory of row from[r].
  void reorder(std::span<const std::int64_t> from);
  std::int64_t position() const { return position_; }  // tokens read

  NextToken next_token();  // for the searches of decoding.h; lives as long as this

 private:
  // Rows of `row_bytes`, of each of which the first `used_bytes` count.
  void gather(Tensor& tensor, std::span<const std::int64_t> from, std::size_t row_bytes,
              std::size_t used_bytes);

  Session session_;
  Memory memory_;
  Tensor tokens_, positions_;
  std::vector<Tensor*> inputs_;
  std::vector<std::byte> spare_;  // room for one tensor while its rows change places
  std::int64_t rows_, position_ = 0;
};

// Each row of a tensor `times` times, side by side: what a beam search holds. Rows are axis `axis`.
Tensor repeated_rows(const Tensor& tensor, std::int64_t times, int axis = 0);

}  // namespace heed
