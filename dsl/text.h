// Strings as template arguments, and constant strings built from values: names of parameters, words
// of messages.
#pragma once
#include <cstddef>
#include <string_view>

namespace heed {

template <std::size_t N>
struct text {
  char chars[N]{};
  constexpr text() = default;
  constexpr text(const char (&s)[N]) {
    for (std::size_t i = 0; i < N; ++i) chars[i] = s[i];
  }
  constexpr operator std::string_view() const { return {chars, N - 1}; }
};

// The text as an object with linkage, so that constant tables may point to it.
template <text S>
inline constexpr text literal = S;

namespace detail {

struct CharBuffer {
  char chars[160]{};
  std::size_t size = 0;
  constexpr void operator()(char c) {
    if (size + 1 < sizeof chars) chars[size++] = c;
  }
  constexpr void operator()(std::string_view s) {
    for (char c : s) (*this)(c);
  }
};

// The text that Print::print(CharBuffer&) writes.
template <class Print>
consteval auto printed() {
  constexpr CharBuffer buffer = [] {
    CharBuffer b;
    Print::print(b);
    return b;
  }();
  text<buffer.size + 1> s;
  for (std::size_t i = 0; i < buffer.size; ++i) s.chars[i] = buffer.chars[i];
  s.chars[buffer.size] = 0;  // said explicitly: clang prints some lengths as numbers otherwise
  return s;
}

// Name of a class without namespaces and template arguments, "linear".
template <class M>
constexpr std::string_view class_name() {
  std::string_view s = __PRETTY_FUNCTION__;
  s.remove_prefix(s.find("M = ") + 4);
  s = s.substr(0, s.find_first_of("<;]"));
  std::size_t colons = s.rfind("::");
  return colons == s.npos ? s : s.substr(colons + 2);
}
template <class M>
struct ClassName {
  static constexpr void print(CharBuffer& b) { b(class_name<M>()); }
};

}  // namespace detail

template <class M>
inline constexpr auto name_of_class = detail::printed<detail::ClassName<M>>();

}  // namespace heed
