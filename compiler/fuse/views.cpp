#include "heed/compiler/fuse/views.h"

#include <algorithm>

namespace heed::fuse {

namespace {
bool isOne(const Dim& d) { return d == Dim(1); }
bool divisibleBy(const Dim& value, const Dim& n) { return divide_exact(value, n).has_value(); }
Dim modulo(const Dim& value, const Dim& n) {
  if (!value.is_static() || !n.is_static()) return value;
  return Dim(((value.constant % n.constant) + n.constant) % n.constant);
}
void append(Coordinate& to, const Coordinate& more) {
  to.insert(to.end(), more.begin(), more.end());
}
}  // namespace

bool operator==(const Piece& a, const Piece& b) {
  return a.kind == b.kind && a.extent == b.extent && a.id == b.id && a.value == b.value &&
         a.parts == b.parts && a.weights == b.weights;
}

Dim extentOf(const Coordinate& coordinate) {
  Dim extent(1);
  for (const Piece& p : coordinate) extent = extent * p.extent;
  return extent;
}

void digitsOf(const Coordinate& coordinate, std::vector<int>& ids) {
  for (const Piece& p : coordinate) {
    if (p.kind == Piece::digit && std::find(ids.begin(), ids.end(), p.id) == ids.end())
      ids.push_back(p.id);
    for (const Coordinate& part : p.parts) digitsOf(part, ids);
  }
}

Coordinate constantAt(const Dim& value, const Dim& extent) {
  return {Piece{Piece::constant, extent, -1, value, {}, {}}};
}

Coordinate sumOf(std::vector<Coordinate> parts, std::vector<Dim> weights, const Dim& value,
                 const Dim& extent) {
  return {Piece{Piece::sum, extent, -1, value, std::move(parts), std::move(weights)}};
}

Coordinate Domain::fresh(const Dim& extent) {
  if (isOne(extent)) return {};
  digits_.push_back({extent, false, {}});
  return {Piece{Piece::digit, extent, static_cast<int>(digits_.size()) - 1, Dim(0), {}, {}}};
}

void Domain::define(int id, Coordinate definition) {
  digits_[id].defined = true;
  digits_[id].definition = std::move(definition);
}

Coordinate Domain::rolled(const Coordinate& c, std::int64_t shift, const Dim& extent) const {
  // roll moves x[i] to i + shift: the element at c came from c - shift.
  Dim value(-shift);
  Coordinate inner = normal(c);
  if (inner.size() == 1 && inner[0].kind == Piece::roll) {
    value = value + inner[0].value;
    inner = Coordinate(inner[0].parts[0]);
  }
  value = modulo(value, extent);
  if (value == Dim(0) || inner.empty()) return inner;
  return {Piece{Piece::roll, extent, -1, value, {inner}, {}}};
}

Coordinate Domain::normal(const Coordinate& coordinate) const {
  Coordinate result;
  for (const Piece& p : coordinate) {
    if (isOne(p.extent) && p.kind != Piece::sum) continue;
    if (p.kind == Piece::digit && digits_[p.id].defined) {
      append(result, normal(digits_[p.id].definition));
    } else if (p.kind == Piece::roll) {
      Coordinate inner = normal(p.parts[0]);
      if (inner.empty()) continue;
      result.push_back(Piece{Piece::roll, p.extent, -1, p.value, {inner}, {}});
    } else if (p.kind == Piece::sum) {
      Piece q = p;
      for (Coordinate& part : q.parts) part = normal(part);
      result.push_back(std::move(q));
    } else {
      result.push_back(p);
    }
  }
  return result;
}

Coordinates Domain::normal(const Coordinates& coordinates) const {
  Coordinates result;
  for (const Coordinate& c : coordinates) result.push_back(normal(c));
  return result;
}

std::optional<std::pair<Coordinate, Coordinate>> Domain::split(const Piece& p, const Dim& n) {
  auto major = divide_exact(p.extent, n);
  if (!major) return {};
  switch (p.kind) {
    case Piece::digit: {
      Coordinate high = fresh(*major), low = fresh(n), both = high;
      append(both, low);
      define(p.id, both);
      return std::pair{high, low};
    }
    case Piece::constant: {
      if (p.value == Dim(0)) return std::pair{constantAt(Dim(0), *major), constantAt(Dim(0), n)};
      if (!n.is_static() || !p.value.is_static()) return {};
      return std::pair{constantAt(Dim(p.value.constant / n.constant), *major),
                       constantAt(Dim(p.value.constant % n.constant), n)};
    }
    case Piece::roll: {
      auto inner_shift = divide_exact(p.value, n);
      if (inner_shift) {
        auto inner = cut(p.parts[0], n);
        if (!inner) return {};
        return std::pair{
            Coordinate{Piece{Piece::roll, *major, -1, *inner_shift, {inner->first}, {}}},
            inner->second};
      }
      // A carry would cross the cut. Turn the digit round instead, i := j - value: this piece
      // becomes j, and every other coordinate gets the roll.
      Coordinate inner = normal(p.parts[0]);
      if (inner.size() != 1 || inner[0].kind != Piece::digit) return {};
      Coordinate turned = fresh(p.extent);
      define(inner[0].id,
             {Piece{Piece::roll, p.extent, -1, modulo(Dim(0) - p.value, p.extent), {turned}, {}}});
      return split(turned[0], n);
    }
    case Piece::sum: {
      if (p.parts.size() != 1 || !isOne(p.weights[0]) || !divisibleBy(p.value, n)) return {};
      auto inner = cut(p.parts[0], n);
      if (!inner) return {};
      return std::pair{sumOf({inner->first}, {Dim(1)}, *divide_exact(p.value, n), *major),
                       inner->second};
    }
  }
  return {};
}

std::optional<std::pair<Coordinate, Coordinate>> Domain::cut(const Coordinate& coordinate,
                                                             const Dim& n) {
  Coordinate high = normal(coordinate), low;
  Dim have(1);
  while (!(have == n)) {
    if (high.empty()) return {};
    auto rest = divide_exact(n, have);
    if (!rest) return {};
    Piece p = high.back();
    high.pop_back();
    if (divisibleBy(*rest, p.extent)) {
      low.insert(low.begin(), p);
      have = have * p.extent;
      continue;
    }
    auto parts = split(p, *rest);
    if (!parts) return {};
    low.insert(low.begin(), parts->second.begin(), parts->second.end());
    append(high, parts->first);
    break;
  }
  return std::pair{normal(high), normal(low)};
}

std::optional<Coordinates> Domain::reshape(const Coordinates& from, const Shape& to) {
  Coordinate flat;
  for (const Coordinate& c : from) append(flat, normal(c));
  Coordinates result(to.rank);
  for (int axis = to.rank; axis-- > 0;) {
    if (isOne(to.dims[axis])) continue;
    auto parts = cut(flat, to.dims[axis]);
    if (!parts) return {};
    flat = parts->first;
    result[axis] = parts->second;
  }
  return result;
}

Coordinate Domain::slice(const Coordinate& c, const Dim& begin, const Dim& extent,
                         const Dim& of) const {
  if (extent == of) return c;
  // An aligned part of a chain of divisions is a constant digit: a split's i-th part, say.
  auto parts = divide_exact(of, extent);
  auto index = divide_exact(begin, extent);
  if (parts && index) {
    Coordinate result = constantAt(*index, *parts);
    append(result, c);
    return result;
  }
  return sumOf({c}, {Dim(1)}, begin, of);
}

}  // namespace heed::fuse
