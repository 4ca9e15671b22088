// Errors are part of the interface: a test names the words that its sentence must hold.
#pragma once
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "heed/runtime/error.h"

namespace heed::testing {

// The sentence of the Error that `action` throws; empty when it throws none.
template <class Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

template <class Action>
void check_error(Action&& action, std::initializer_list<std::string_view> words) {
  const std::string sentence = error_of(action);
  CAPTURE(sentence);
  CHECK(!sentence.empty());
  for (std::string_view word : words) {
    CAPTURE(word);
    CHECK(sentence.find(word) != sentence.npos);
  }
}

}  // namespace heed::testing
