// Networks that translate dates at work: on the test, and by the lengths of its texts.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "charts.h"
#include "dates.h"
#include "heed/runtime/step_program.h"

namespace heed::examples {

// An encoder of letters and lengths, a step program, and what the step program begins with and
// holds: made of the encoder's results and the texts' lengths.
class DateTranslator {
 public:
  using MemoryOf = std::function<StepProgram::Memory(const Results& read, const Tensor& lengths)>;
  DateTranslator(Session reader, Session writer, MemoryOf memory)
      : reader_(std::move(reader)), writer_(std::move(writer)), memory_(std::move(memory)) {}

  // The step program once the encoder has read the texts.
  StepProgram after_reading(std::span<const std::string> texts);
  // Greedy translations, a hundred texts at a time.
  std::vector<std::string> operator()(std::span<const std::string> texts);

 private:
  Session reader_, writer_;
  MemoryOf memory_;
};

// Of a recurrent reader's results, memory, its summary and the first state: what a writer sees with
// attention, and without.
StepProgram::Memory all_that_was_read(const Results& read, const Tensor& lengths);
StepProgram::Memory last_states_alone(const Results& read, const Tensor& lengths);

// Says how many texts of the test are translated without a mistake, and how fast; the share of
// those by the texts' lengths in steps of ten letters, %.
Curve say_exact_match(const std::string& name, DateTranslator& translate,
                      std::span<const DatedText> test);

}  // namespace heed::examples
