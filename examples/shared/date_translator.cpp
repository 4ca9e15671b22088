#include "date_translator.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "report.h"

namespace heed::examples {

StepProgram DateTranslator::after_reading(std::span<const std::string> texts) {
  const TextBatch batch = batch_of(texts);
  return StepProgram(writer_.sibling(writer_.threads()),
                     memory_(reader_.run(batch.letters, batch.lengths), batch.lengths),
                     std::int64_t(texts.size()));
}

std::vector<std::string> DateTranslator::operator()(std::span<const std::string> texts) {
  std::vector<std::string> translations;
  for (std::size_t at = 0; at < texts.size(); at += 100) {
    const auto some = texts.subspan(at, std::min<std::size_t>(100, texts.size() - at));
    StepProgram writer = after_reading(some);
    for (const Sequence& written :
         greedy(writer.next_token(), std::int64_t(some.size()), date_limits))
      translations.push_back(translation_of(written));
  }
  return translations;
}

StepProgram::Memory all_that_was_read(const Results& read, const Tensor& lengths) {
  StepProgram::Memory memory;
  memory.states.push_back(read[2].copy());
  memory.held.push_back(read[0].copy());
  memory.held.push_back(lengths.copy());
  return memory;
}

StepProgram::Memory last_states_alone(const Results& read, const Tensor&) {
  StepProgram::Memory memory;
  memory.states.push_back(read[2].copy());
  memory.held.push_back(read[1].copy());
  return memory;
}

Curve say_exact_match(const std::string& name, DateTranslator& translate,
                      std::span<const DatedText> test) {
  std::vector<std::string> texts;
  for (const DatedText& dated : test) texts.push_back(dated.text);
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<std::string> found = translate(texts);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::map<std::size_t, std::pair<int, int>> by_length;  // right, all
  int right = 0;
  for (std::size_t i = 0; i < test.size(); ++i) {
    const bool exact = found[i] == test[i].translation;
    auto& [exact_here, here] = by_length[test[i].text.size() / 10];
    exact_here += exact;
    ++here;
    right += exact;
  }
  say("exact", format("%.1f %% of %zu texts %s, in %.2f s", 100.0 * right / double(test.size()),
                      test.size(), name.c_str(), seconds));
  Curve curve{name, {}};
  for (const auto& [tens, counts] : by_length)
    if (counts.second >= 10)  // fewer say nothing
      curve.points.emplace_back(10.0 * double(tens) + 5, 100.0 * counts.first / counts.second);
  return curve;
}

}  // namespace heed::examples
