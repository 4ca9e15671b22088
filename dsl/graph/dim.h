// A dimension: a polynomial over named symbols, kept canonical so that equal dimensions are equal
// values. Serves the DSL (as a template argument), contract 1 and 2 (as data) and the compiler
// alike. Arithmetic never overflows: what cannot be represented exactly is marked invalid.
#pragma once
#include <cstdint>
#include <numeric>
#include <optional>

namespace heed {

// floor((scale * symbol + offset) / divisor); a plain symbol is {s, 1, 0, 1}.
// Floor and ceil divisions of strided layers on symbolic sizes are such atoms; nested ones are
// folded into one.
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

// (num / den) * product of the factors; factors sorted, unused ones last and zero. den > 1 means
// that the division must come out exactly at run time (a guard checks it).
struct Term {
  std::int64_t num = 0, den = 0;
  Atom factors[max_factors]{};
  constexpr bool operator==(const Term&) const = default;
  constexpr bool used() const { return den != 0; }
};

struct Dim {
  std::int64_t constant = 0;
  Term terms[max_terms]{};
  // The exact result has too many terms, factors or nested divisions to be represented.
  bool invalid = false;

  constexpr Dim() = default;
  constexpr Dim(std::int64_t value) : constant(value) {}
  constexpr Dim(int value) : constant(value) {}
  // A symbol: dim B{"B"}; names have 1 to 8 characters.
  template <std::size_t N>
    requires(N >= 2 && N <= 9)
  explicit constexpr Dim(const char (&name)[N]) {
    std::uint64_t key = 0;
    for (std::size_t i = 0; i + 1 < N; ++i)
      key |= std::uint64_t(static_cast<unsigned char>(name[i])) << (8 * i);
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
inline constexpr std::int64_t largest = std::int64_t(1) << 62;
constexpr std::int64_t plus(std::int64_t a, std::int64_t b, bool& bad) {
  std::int64_t r = 0;
  bad |= __builtin_add_overflow(a, b, &r) || r > largest || r < -largest;
  return bad ? 0 : r;
}
constexpr std::int64_t times(std::int64_t a, std::int64_t b, bool& bad) {
  std::int64_t r = 0;
  bad |= __builtin_mul_overflow(a, b, &r) || r > largest || r < -largest;
  return bad ? 0 : r;
}
constexpr bool same_factors(const Term& a, const Term& b) {
  for (int i = 0; i < max_factors; ++i)
    if (!(a.factors[i] == b.factors[i])) return false;
  return true;
}
constexpr bool factors_before(const Term& a, const Term& b) {
  for (int i = 0; i < max_factors; ++i)
    if (!(a.factors[i] == b.factors[i])) {
      // longer products first
      if (!a.factors[i].symbol || !b.factors[i].symbol) return !b.factors[i].symbol;
      return a.factors[i] < b.factors[i];
    }
  return false;
}
constexpr Term reduced(Term t) {
  std::int64_t g = std::gcd(t.num, t.den);
  if (g == 0) return Term{};
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
      const Term& old = d.terms[at];
      sum.num = plus(times(old.num, t.den, d.invalid), times(t.num, old.den, d.invalid), d.invalid);
      sum.den = times(old.den, t.den, d.invalid);
      if (d.invalid) return;
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
constexpr Term product(const Term& a, const Term& b, bool& bad) {
  Term r;
  r.num = times(a.num, b.num, bad);
  r.den = times(a.den, b.den, bad);
  Atom all[2 * max_factors]{};
  int n = 0;
  for (const Atom& f : a.factors)
    if (f.symbol) all[n++] = f;
  for (const Atom& f : b.factors)
    if (f.symbol) all[n++] = f;
  bad |= n > max_factors;
  if (bad) return Term{};
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
constexpr std::int64_t floor_of(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}
}  // namespace detail

constexpr Dim operator+(Dim a, const Dim& b) {
  a.invalid |= b.invalid;
  a.constant = detail::plus(a.constant, b.constant, a.invalid);
  for (const Term& t : b.terms) detail::add_term(a, t);
  return a;
}
constexpr Dim operator*(const Dim& a, const Dim& b) {
  Dim r;
  r.invalid = a.invalid || b.invalid;
  r.constant = detail::times(a.constant, b.constant, r.invalid);
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

// An axis of times · S elements says what the symbol S is, when its extent is known.
struct SymbolOfAxis {
  std::uint64_t symbol = 0;  // 0: none
  std::int64_t times = 1;
};
constexpr SymbolOfAxis symbol_of_axis(const Dim& axis) {
  const SymbolOfAxis found{axis.terms[0].factors[0].symbol, axis.terms[0].num};
  const bool says = axis.terms[0].used() && found.times > 0 &&
                    axis == Dim(found.times) * Dim::symbol(found.symbol);
  return says ? found : SymbolOfAxis{};
}
constexpr Dim operator-(const Dim& a, const Dim& b) { return a + b * Dim(-1); }

// Exact division; where it cannot be proved, the quotient keeps a denominator and a run-time guard
// checks it.
constexpr Dim operator/(Dim a, std::int64_t k) {
  if (k <= 0 || a.constant % k != 0) {
    a.invalid = true;
    return a;
  }
  a.constant /= k;
  for (Term& t : a.terms)
    if (t.used()) {
      t = detail::reduced(t);
      std::int64_t g = std::gcd(t.num, k);
      t.num /= g;
      t.den = detail::times(t.den, k / g, a.invalid);
      if (a.invalid) return a;
    }
  return a;
}
constexpr Dim operator/(const Dim& a, int k) { return a / std::int64_t(k); }

namespace detail {
// floor((scale * symbol + offset) / divisor) in lowest form; what is whole in it leaves the atom.
constexpr Dim floor_atom(std::uint64_t symbol, std::int64_t scale, std::int64_t offset,
                         std::int64_t divisor) {
  Dim result;
  std::int64_t g = std::gcd(scale, divisor);
  scale /= g;
  divisor /= g;
  offset = floor_of(offset, g);
  result.constant = floor_of(offset, divisor);
  offset -= result.constant * divisor;
  constexpr std::int64_t most = std::int64_t(1) << 30;
  result.invalid = scale < 1 || scale > most || divisor > most;
  if (result.invalid) return result;
  if (divisor == 1) add_term(result, Term{scale, 1, {Atom{symbol, 1, 0, 1}}});
  else add_term(result, Term{1, 1, {Atom{symbol, std::int32_t(scale), std::int32_t(offset),
                                         std::int32_t(divisor)}}});
  return result;
}
}  // namespace detail

// floor(a / k) as a canonical atom.
constexpr Dim floor_div(const Dim& a, std::int64_t k) {
  Dim quotient, rest;
  quotient.invalid = a.invalid || k <= 0;
  if (quotient.invalid) return quotient;
  quotient.constant = detail::floor_of(a.constant, k);
  rest.constant = a.constant - quotient.constant * k;
  for (const Term& t : a.terms) {
    if (!t.used()) continue;
    if (t.den == 1 && t.num % k == 0)
      detail::add_term(quotient, Term{t.num / k, 1, {t.factors[0], t.factors[1], t.factors[2]}});
    else detail::add_term(rest, t);
  }
  if (rest.is_static()) return quotient;
  // One term is left, (num * f) / den + constant, with f = symbol or floor((scale * symbol +
  // offset) / divisor).
  const Term& t = rest.terms[0];
  const Atom& f = t.factors[0];
  bool bad = rest.terms[1].used() || t.factors[1].symbol || !(f.plain() || t.num == 1);
  std::int64_t divisor = detail::times(detail::times(t.den, f.divisor, bad), k, bad);
  std::int64_t scale = detail::times(t.num, f.scale, bad);
  std::int64_t offset = detail::times(detail::times(rest.constant, t.den, bad), f.divisor, bad);
  offset = detail::plus(offset, f.offset, bad);
  if (bad) {
    quotient.invalid = true;
    return quotient;
  }
  return quotient + detail::floor_atom(f.symbol, scale, offset, divisor);
}
constexpr Dim ceil_div(const Dim& a, std::int64_t k) { return floor_div(a + Dim(k - 1), k); }

// a / b where b is a monomial that divides every term of a structurally; nullopt where that is not
// provable.
constexpr std::optional<Dim> divide_exact(const Dim& a, const Dim& b) {
  if (a.invalid || b.invalid) return {};
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
    bool bad = false;
    q.num = detail::times(t.num, m.den, bad);
    q.den = detail::times(t.den, m.num, bad);
    if (bad) return {};
    q = detail::reduced(q);
    if (q.den == -1) q = Term{-q.num, 1, {}};
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

// Value for given symbol values; nullopt where an exact division fails (the guard's failure), on an
// unknown symbol and on overflow.
// lookup: uint64_t key -> optional<int64_t>.
template <class Lookup>
constexpr std::optional<std::int64_t> evaluate(const Dim& d, Lookup&& lookup) {
  if (d.invalid) return {};
  std::int64_t sum = d.constant;
  for (const Term& t : d.terms) {
    if (!t.used()) continue;
    std::int64_t value = t.num;
    bool bad = false;
    for (const Atom& f : t.factors) {
      if (!f.symbol) continue;
      std::optional<std::int64_t> s = lookup(f.symbol);
      if (!s) return {};
      std::int64_t inner = detail::plus(detail::times(f.scale, *s, bad), f.offset, bad);
      value = detail::times(value, detail::floor_of(inner, f.divisor), bad);
    }
    if (bad || value % t.den) return {};
    sum = detail::plus(sum, value / t.den, bad);
    if (bad) return {};
  }
  return sum;
}

// Least value when every symbol is at least 1; exact for the monotone dims that shapes consist of.
constexpr std::int64_t lower_bound(const Dim& d) {
  std::int64_t sum = d.constant;
  for (const Term& t : d.terms) {
    if (!t.used()) continue;
    if (t.num < 0) return d.constant < 0 ? 0 : 1;
    std::int64_t value = t.num;
    bool bad = false;
    for (const Atom& f : t.factors)
      if (f.symbol)
        value = detail::times(value, detail::floor_of(std::int64_t(f.scale) + f.offset, f.divisor),
                              bad);
    sum = detail::plus(sum, value / t.den + (value % t.den != 0), bad);
    if (bad) return detail::largest;
  }
  return sum;
}

}  // namespace heed
