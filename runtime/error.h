// The one exception. Its sentence says what went wrong and where, what was expected and found, and
// how to mend it. Thrown at public calls only; compiled code and thread bodies return a status.
#pragma once
#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

namespace heed {

namespace detail {
// One piece of a sentence: text, or a number in decimal.
class ErrorPart {
 public:
  ErrorPart(std::string_view text) : text_(text) {}
  ErrorPart(const char* text) : text_(text) {}
  ErrorPart(const std::string& text) : text_(text) {}
  ErrorPart(char c) : text_(1, c) {}
  ErrorPart(std::integral auto number) : text_(std::to_string(number)) {}
  std::string_view text() const { return text_; }

 private:
  std::string text_;
};
template <class T>
concept SentencePart = std::constructible_from<ErrorPart, const T&>;
}  // namespace detail

// throw Error("tensor: axis ", axis, " of ", sizes, " …");
class Error : public std::exception {
 public:
  template <detail::SentencePart... Parts>
  explicit Error(const Parts&... parts) : sentence_(joined({detail::ErrorPart(parts)...})) {}

  Error(const Error&) noexcept = default;
  Error& operator=(const Error&) noexcept = default;
  ~Error() override;
  const char* what() const noexcept override;

 private:
  static std::shared_ptr<const std::string> joined(std::initializer_list<detail::ErrorPart> parts);

  std::shared_ptr<const std::string> sentence_;  // shared: copying an exception must not throw
};

// What the system says about an errno value.
std::string system_message(int number);

}  // namespace heed
