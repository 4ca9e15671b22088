// A dimension as text, and read back.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "heed/dsl/graph/dim.h"

namespace heed {

// Canonical text, the notation of messages and of the IR: "64*B", "T/4", "H*W+1",
// "floor((2*H+3)/4)". Sink: callable with char; constexpr so that the DSL prints into template
// arguments.
template <class Sink>
constexpr void print_number(std::int64_t v, Sink&& put) {
  if (v < 0) put('-');
  std::uint64_t rest = v < 0 ? 0 - std::uint64_t(v) : std::uint64_t(v);
  char digits[20]{};
  int n = 0;
  do digits[n++] = char('0' + rest % 10);
  while (rest /= 10);
  while (n) put(digits[--n]);
}
template <class Sink>
constexpr void print_symbol(std::uint64_t key, Sink&& put) {
  for (; key; key >>= 8) put(char(key & 255));
}
template <class Sink>
constexpr void print(const Dim& d, Sink&& put) {
  bool first = true;
  for (const Term& t : d.terms) {
    if (!t.used()) continue;
    if (!first && t.num > 0) put('+');
    first = false;
    if (t.num == -1) put('-');
    else if (t.num != 1) {
      print_number(t.num, put);
      put('*');
    }
    bool first_factor = true;
    for (const Atom& f : t.factors) {
      if (!f.symbol) continue;
      if (!first_factor) put('*');
      first_factor = false;
      if (f.plain()) {
        print_symbol(f.symbol, put);
        continue;
      }
      for (char c : std::string_view("floor((")) put(c);
      if (f.scale != 1) {
        print_number(f.scale, put);
        put('*');
      }
      print_symbol(f.symbol, put);
      if (f.offset) {
        put('+');
        print_number(f.offset, put);
      }
      for (char c : std::string_view(")/")) put(c);
      print_number(f.divisor, put);
      put(')');
    }
    if (t.den != 1) {
      put('/');
      print_number(t.den, put);
    }
  }
  if (d.constant || first) {
    if (!first && d.constant > 0) put('+');
    print_number(d.constant, put);
  }
}
inline std::string text_of(const Dim& d) {
  std::string s;
  print(d, [&](char c) { s += c; });
  return s;
}

namespace detail {
struct DimReader {
  std::string_view s;
  bool ok = true;
  bool take(std::string_view t) {
    if (!s.starts_with(t)) return false;
    s.remove_prefix(t.size());
    return true;
  }
  void need(std::string_view t) { ok &= take(t); }
  std::int64_t number() {
    std::int64_t v = 0;
    int n = 0;
    for (; !s.empty() && s[0] >= '0' && s[0] <= '9' && n < 18; ++n, s.remove_prefix(1))
      v = v * 10 + (s[0] - '0');
    ok &= n > 0;
    return v;
  }
  std::uint64_t name() {
    std::uint64_t key = 0;
    int n = 0;
    auto word = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    for (; !s.empty() && word(s[0]); ++n, s.remove_prefix(1))
      if (n < 8) key |= std::uint64_t(static_cast<unsigned char>(s[0])) << (8 * n);
    ok &= n > 0 && n <= 8;
    return key;
  }
  Dim atom() {
    if (!take("floor((")) return Dim::symbol(name());
    std::int64_t scale = 1, offset = 0;
    if (!s.empty() && s[0] >= '0' && s[0] <= '9') {
      scale = number();
      need("*");
    }
    Dim inner = Dim(scale) * Dim::symbol(name());
    if (take("+")) offset = number();
    need(")/");
    std::int64_t k = number();
    need(")");
    return floor_div(inner + Dim(offset), k);
  }
  Dim term() {
    Dim r(1);
    if (take("-")) r = Dim(-1);
    for (;;) {
      if (!s.empty() && s[0] >= '0' && s[0] <= '9') r = r * Dim(number());
      else r = r * atom();
      if (!ok || !take("*")) break;
    }
    if (take("/")) r = r / number();
    return r;
  }
};
}  // namespace detail

// Inverse of text_of; nullopt on anything else.
inline std::optional<Dim> parse_dim(std::string_view text) {
  detail::DimReader in{text};
  Dim sum = in.term();
  while (in.ok && !in.s.empty()) {
    if (in.s[0] != '-') in.need("+");
    sum = sum + in.term();
  }
  if (!in.ok || sum.invalid) return {};
  return sum;
}

}  // namespace heed
