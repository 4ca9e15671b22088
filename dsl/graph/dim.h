// A dimension: a polynomial over named symbols, kept canonical so that equal dimensions are equal values.
// Serves the DSL (as a template argument), contract 1 and 2 (as data) and the compiler alike.
#pragma once
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>

namespace heed {

// floor((scale * symbol + offset) / divisor); a plain symbol is {s, 1, 0, 1}.
// Floor and ceil divisions of strided layers on symbolic sizes are such atoms; nested ones are folded into one.
struct Atom {
  std::uint64_t symbol = 0;  // up to 8 characters, first in the low byte; 0 = unused
  std::int32_t scale = 0, offset = 0, divisor = 0;
  constexpr bool operator==(const Atom&) const = default;
  constexpr bool plain() const { return scale == 1 && offset == 0 && divisor == 1; }
};

constexpr bool operator<(const Atom& a, const Atom& b) {
  if (a.symbol != b.symbol) return a.symbol < b.symbol;
  if (a.divisor != b.divisor) return a.divisor < b.divisor;
  if (a.scale != b.scale) return a.scale < b.scale;
  return a.offset < b.offset;
}

inline constexpr int max_factors = 3, max_terms = 3;

// (num / den) * product of the factors; factors sorted, unused ones last and zero. den > 1 means that the
// division must come out exactly at run time (a guard checks it).
struct Term {
  std::int64_t num = 0, den = 0;
  Atom factors[max_factors]{};
  constexpr bool operator==(const Term&) const = default;
  constexpr bool used() const { return den != 0; }
};

struct Dim {
  std::int64_t constant = 0;
  Term terms[max_terms]{};
  bool invalid = false;  // the exact result has too many terms, factors or nested divisions to be represented

  constexpr Dim() = default;
  constexpr Dim(std::int64_t value) : constant(value) {}
  constexpr Dim(int value) : constant(value) {}
  // A symbol: dim B{"B"}; names have 1 to 8 characters.
  template <std::size_t N>
    requires(N >= 2 && N <= 9)
  explicit constexpr Dim(const char (&name)[N]) {
    std::uint64_t key = 0;
    for (std::size_t i = 0; i + 1 < N; ++i) key |= std::uint64_t(static_cast<unsigned char>(name[i])) << (8 * i);
    terms[0] = Term{1, 1, {Atom{key, 1, 0, 1}}};
  }
  static constexpr Dim symbol(std::uint64_t key) {
    Dim d;
    d.terms[0] = Term{1, 1, {Atom{key, 1, 0, 1}}};
    return d;
  }

  constexpr bool operator==(const Dim&) const = default;
  constexpr bool is_static() const { return !terms[0].used(); }
  constexpr int term_count() const {
    int n = 0;
    while (n < max_terms && terms[n].used()) ++n;
    return n;
  }
};

namespace detail {
constexpr bool same_factors(const Term& a, const Term& b) {
  for (int i = 0; i < max_factors; ++i)
    if (!(a.factors[i] == b.factors[i])) return false;
  return true;
}
constexpr bool factors_before(const Term& a, const Term& b) {
  for (int i = 0; i < max_factors; ++i)
    if (!(a.factors[i] == b.factors[i])) {
      if (!a.factors[i].symbol || !b.factors[i].symbol) return !b.factors[i].symbol;  // longer products first
      return a.factors[i] < b.factors[i];
    }
  return false;
}
constexpr Term reduced(Term t) {
  std::int64_t g = std::gcd(t.num, t.den);
  t.num /= g;
  t.den /= g;
  return t;
}
constexpr void add_term(Dim& d, const Term& t) {
  if (!t.used() || t.num == 0) return;
  int n = d.term_count(), at = 0;
  for (; at < n; ++at)
    if (same_factors(d.terms[at], t)) {
      Term sum = t;
      sum.num = d.terms[at].num * t.den + t.num * d.terms[at].den;
      sum.den = d.terms[at].den * t.den;
      if (sum.num != 0) {
        d.terms[at] = reduced(sum);
        return;
      }
      for (int i = at; i + 1 < max_terms; ++i) d.terms[i] = d.terms[i + 1];
      d.terms[max_terms - 1] = Term{};
      return;
    }
  if (n == max_terms) {
    d.invalid = true;
    return;
  }
  for (at = 0; at < n && factors_before(d.terms[at], t); ++at) {}
  for (int i = n; i > at; --i) d.terms[i] = d.terms[i - 1];
  d.terms[at] = t;
}
constexpr Term product(const Term& a, const Term& b, bool& overflow) {
  Term r;
  r.num = a.num * b.num;
  r.den = a.den * b.den;
  Atom all[2 * max_factors]{};
  int n = 0;
  for (const Atom& f : a.factors)
    if (f.symbol) all[n++] = f;
  for (const Atom& f : b.factors)
    if (f.symbol) all[n++] = f;
  if (n > max_factors) {
    overflow = true;
    return Term{};
  }
  for (int i = 0; i < n; ++i)
    for (int j = i + 1; j < n; ++j)
      if (all[j] < all[i]) {
        Atom t = all[i];
        all[i] = all[j];
        all[j] = t;
      }
  for (int i = 0; i < n; ++i) r.factors[i] = all[i];
  return reduced(r);
}
constexpr std::int64_t floor_of(std::int64_t a, std::int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }
}  // namespace detail

constexpr Dim operator+(Dim a, const Dim& b) {
  a.invalid |= b.invalid;
  a.constant += b.constant;
  for (const Term& t : b.terms) detail::add_term(a, t);
  return a;
}
constexpr Dim operator*(const Dim& a, const Dim& b) {
  Dim r(a.constant * b.constant);
  r.invalid = a.invalid || b.invalid;
  for (const Term& x : a.terms)
    if (x.used()) {
      if (b.constant) detail::add_term(r, detail::product(x, Term{b.constant, 1, {}}, r.invalid));
      for (const Term& y : b.terms)
        if (y.used()) detail::add_term(r, detail::product(x, y, r.invalid));
    }
  if (a.constant)
    for (const Term& y : b.terms)
      if (y.used()) detail::add_term(r, detail::product(Term{a.constant, 1, {}}, y, r.invalid));
  return r;
}
constexpr Dim operator-(const Dim& a, const Dim& b) { return a + b * Dim(-1); }

// Exact division; where it cannot be proved, the quotient keeps a denominator and a run-time guard checks it.
constexpr Dim operator/(Dim a, std::int64_t k) {
  if (k <= 0 || a.constant % k != 0) {
    a.invalid = true;
    return a;
  }
  a.constant /= k;
  for (Term& t : a.terms)
    if (t.used()) {
      t.den *= k;
      t = detail::reduced(t);
    }
  return a;
}
constexpr Dim operator/(const Dim& a, int k) { return a / std::int64_t(k); }

// floor(a / k) as a canonical atom.
constexpr Dim floor_div(const Dim& a, std::int64_t k) {
  Dim quotient, rest(a.constant);
  quotient.invalid = a.invalid || k <= 0;
  if (quotient.invalid) return quotient;
  for (const Term& t : a.terms)
    if (t.used()) {
      if (t.num % (t.den * k) == 0) detail::add_term(quotient, Term{t.num / (t.den * k), 1, {t.factors[0], t.factors[1], t.factors[2]}});
      else detail::add_term(rest, t);
    }
  quotient.constant += detail::floor_of(rest.constant, k);
  std::int64_t offset = rest.constant - detail::floor_of(rest.constant, k) * k;
  if (rest.is_static()) return quotient;
  const Term& t = rest.terms[0];
  const Atom& f = t.factors[0];
  if (rest.terms[1].used() || t.den != 1 || t.factors[1].symbol || !(f.plain() || t.num == 1)) {
    quotient.invalid = true;
    return quotient;
  }
  Atom atom = f.plain() ? Atom{f.symbol, std::int32_t(t.num), std::int32_t(offset), std::int32_t(k)}
                        : Atom{f.symbol, f.scale, std::int32_t(f.offset + offset * f.divisor), std::int32_t(f.divisor * k)};
  std::int32_t g = std::gcd(atom.scale, atom.divisor);
  atom.scale /= g;
  atom.divisor /= g;
  atom.offset = std::int32_t(detail::floor_of(atom.offset, g));
  quotient.constant += detail::floor_of(atom.offset, atom.divisor);
  atom.offset -= std::int32_t(detail::floor_of(atom.offset, atom.divisor) * atom.divisor);
  Term one{1, 1, {atom}};
  if (atom.divisor == 1) one = Term{atom.scale, 1, {Atom{atom.symbol, 1, 0, 1}}};
  detail::add_term(quotient, one);
  return quotient;
}
constexpr Dim ceil_div(const Dim& a, std::int64_t k) { return floor_div(a + Dim(k - 1), k); }

// a / b where b is a monomial that divides every term of a structurally; nullopt where that is not provable.
constexpr std::optional<Dim> divide_exact(const Dim& a, const Dim& b) {
  if (b.is_static()) {
    if (b.constant == 0 || a.constant % b.constant) return {};
    Dim r(a.constant / b.constant);
    for (const Term& t : a.terms)
      if (t.used()) {
        if (t.num % b.constant) return {};
        Term q = t;
        q.num /= b.constant;
        detail::add_term(r, q);
      }
    return r;
  }
  if (b.constant != 0 || b.terms[1].used() || a.constant != 0) return {};
  const Term& m = b.terms[0];
  Dim r;
  for (const Term& t : a.terms) {
    if (!t.used()) continue;
    Term q;
    q.num = t.num * m.den;
    q.den = t.den * m.num;
    q = detail::reduced(q);
    if (q.den != 1) return {};
    int n = 0;
    Term left = t;
    for (const Atom& f : m.factors) {
      if (!f.symbol) continue;
      bool found = false;
      for (Atom& x : left.factors)
        if (!found && x == f) {
          x = Atom{};
          found = true;
        }
      if (!found) return {};
    }
    for (const Atom& x : left.factors)
      if (x.symbol) q.factors[n++] = x;
    if (n == 0) r.constant += q.num;
    else detail::add_term(r, q);
  }
  return r;
}

// Value for given symbol values; nullopt where an exact division fails (the guard's failure) or on an unknown symbol.
// lookup: uint64_t key -> optional<int64_t>.
template <class Lookup>
constexpr std::optional<std::int64_t> evaluate(const Dim& d, Lookup&& lookup) {
  if (d.invalid) return {};
  std::int64_t sum = d.constant;
  for (const Term& t : d.terms) {
    if (!t.used()) continue;
    std::int64_t value = t.num;
    for (const Atom& f : t.factors) {
      if (!f.symbol) continue;
      std::optional<std::int64_t> s = lookup(f.symbol);
      if (!s) return {};
      value *= detail::floor_of(f.scale * *s + f.offset, f.divisor);
    }
    if (value % t.den) return {};
    sum += value / t.den;
  }
  return sum;
}

// Least value when every symbol is at least 1; exact for the monotone dims that shapes consist of.
constexpr std::int64_t lower_bound(const Dim& d) {
  std::int64_t sum = d.constant;
  for (const Term& t : d.terms)
    if (t.used() && t.num > 0) {
      std::int64_t v = t.num;
      for (const Atom& f : t.factors)
        if (f.symbol) v *= detail::floor_of(f.scale + f.offset, f.divisor);
      sum += (v + t.den - 1) / t.den;
    } else if (t.used()) {
      return d.constant < 0 ? 0 : 1;
    }
  return sum;
}

// Canonical text, the notation of messages and of the IR: "B*64", "T/4", "H*W+1", "floor((2*H+3)/4)".
// Sink: callable with char; constexpr so that the DSL prints into template arguments.
template <class Sink>
constexpr void print_number(std::int64_t v, Sink&& put) {
  if (v < 0) {
    put('-');
    v = -v;
  }
  char digits[20]{};
  int n = 0;
  do digits[n++] = char('0' + v % 10);
  while (v /= 10);
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
    for (; !s.empty() && s[0] >= '0' && s[0] <= '9' && n < 18; ++n, s.remove_prefix(1)) v = v * 10 + (s[0] - '0');
    ok &= n > 0;
    return v;
  }
  std::uint64_t name() {
    std::uint64_t key = 0;
    int n = 0;
    auto word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; };
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
