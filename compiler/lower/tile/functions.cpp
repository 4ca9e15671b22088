#include "heed/compiler/lower/tile/functions.h"

#include <array>
#include <cmath>

using namespace mlir;

namespace heed::tile {

namespace {

using arith::CmpFPredicate;
using arith::CmpIPredicate;

constexpr double log2_e = 1.4426950408889634;
constexpr int mantissa_bits = 23, exponent_bias = 127;

// Coefficients from the highest power down.
Value polynomial(Emitter& e, Value x, ArrayRef<double> coefficients) {
  Value sum = e.constantLike(x, coefficients[0]);
  for (double c : coefficients.drop_front()) sum = e.fma(sum, x, e.constantLike(x, c));
  return sum;
}

Type integersLike(Emitter& e, Value x) {
  auto type = dyn_cast<VectorType>(x.getType());
  return type ? Type(type.clone(e.i32)) : Type(e.i32);
}
Value bits(Emitter& e, Value x) {
  return arith::BitcastOp::create(e.b, e.loc, integersLike(e, x), x);
}
Value fromBits(Emitter& e, Value bits, Type type) {
  return arith::BitcastOp::create(e.b, e.loc, type, bits);
}
Value shiftLeft(Emitter& e, Value x, int n) {
  return arith::ShLIOp::create(e.b, e.loc, x, e.constantLike(x, n));
}
Value toInteger(Emitter& e, Value x) {
  return arith::FPToSIOp::create(e.b, e.loc, integersLike(e, x), x);
}

// With the machine's own instruction; null where it has none for such values.
Value scaleAny(Emitter& e, Value p, Value n) {
  return e.instructions.scale ? e.instructions.scale(e, p, n) : Value();
}

// p · 2^n for p in [0.7, 1.5], -126 ≤ n ≤ 128; what would be denormal is 0.
Value scale(Emitter& e, Value p, Value n) {
  if (Value scaled = scaleAny(e, p, n)) return scaled;
  Value exponent = e.add(toInteger(e, n), e.constantLike(bits(e, n), exponent_bias - 1));
  // 2^(n-1), which exists for n = 128
  Value half = fromBits(e, shiftLeft(e, exponent, mantissa_bits), p.getType());
  return e.mul(e.mul(p, half), e.constantLike(p, 2));
}

// ln(m), n: x = m · 2^n with m in [√½, √2); x > 0 and not denormal.
std::pair<Value, Value> logParts(Emitter& e, Value x) {
  Value raw = bits(e, x), sqrt_half = e.constantLike(raw, 0x3f3504f3);
  Value n =
      arith::ShRSIOp::create(e.b, e.loc, e.sub(raw, sqrt_half), e.constantLike(raw, mantissa_bits));
  Value m = fromBits(e, e.sub(raw, shiftLeft(e, n, mantissa_bits)), x.getType());
  Value f = e.sub(m, e.constantLike(m, 1)), z = e.mul(f, f);
  Value p = polynomial(
      e, f,
      {7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
       -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1});
  Value log = e.fma(e.mul(f, z), p, e.fma(z, e.constantLike(z, -0.5), f));
  return {log, arith::SIToFPOp::create(e.b, e.loc, x.getType(), n)};
}

// log's values outside (0, ∞).
Value logSpecial(Emitter& e, Value x, Value log) {
  Value zero = e.constantLike(x, 0), infinity = e.constantLike(x, INFINITY);
  log = e.select(e.compare(CmpFPredicate::OLT, x, infinity), log, x);
  log = e.select(e.compare(CmpFPredicate::OEQ, x, zero), e.neg(infinity), log);
  return e.select(e.compare(CmpFPredicate::OLT, x, zero), e.constantLike(x, NAN), log);
}

Value log(Emitter& e, Value x) {
  auto [fraction, n] = logParts(e, x);
  Value low = e.fma(n, e.constantLike(n, -2.12194440e-4), fraction);  // ln 2 in two parts
  return logSpecial(e, x, e.fma(n, e.constantLike(n, 0.693359375), low));
}

Value tanh(Emitter& e, Value x) {
  Value limit = e.constantLike(x, 7.99881172180175781);
  x = e.min(limit, e.max(e.neg(limit), x));
  Value z = e.mul(x, x);
  Value p = polynomial(
      e, z,
      {-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08,
       1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03});
  Value q = polynomial(
      e, z,
      {1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03});
  return e.div(e.mul(x, p), q);
}

Value erf(Emitter& e, Value x) {
  Value limit = e.constantLike(x, 3.832506856900711);  // erf is 1 from here
  x = e.min(limit, e.max(e.neg(limit), x));
  Value z = e.mul(x, x);
  Value p = polynomial(e, z,
                       {0.00022905065861350646, 0.0034082910107109506, 0.050955695062380861,
                        0.18520832239976145, 1.128379143519084});
  Value q = polynomial(e, z,
                       {-1.1791602954361697e-7, 0.000023547966471313185, 0.0010179625278914885,
                        0.014070470171167667, 0.11098505178285362, 0.49746925110067538, 1.0});
  return e.div(e.mul(x, p), q);
}

// sin(x + quarters · π/2)
Value sine(Emitter& e, Value x, int quarters) {
  Value n = e.roundEven(e.mul(x, e.constantLike(x, 2 / M_PI)));
  Value r = x;  // x - n π/2, π/2 in three parts
  for (double part : {1.5703125, 4.837512969970703125e-4, 7.54978995489188e-8})
    r = e.fma(n, e.constantLike(n, -part), r);
  Value z = e.mul(r, r);
  Value sin = polynomial(e, z, {-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1});
  sin = e.fma(e.mul(sin, z), r, r);
  Value cos = polynomial(e, z, {2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2});
  cos = e.fma(e.mul(cos, z), z, e.fma(z, e.constantLike(z, -0.5), e.constantLike(z, 1)));
  Value quadrant = toInteger(e, n);
  quadrant = e.add(quadrant, e.constantLike(quadrant, quarters));
  auto bit = [&](int value) {
    Value masked = arith::AndIOp::create(e.b, e.loc, quadrant, e.constantLike(quadrant, value));
    return e.compare(CmpIPredicate::ne, masked, e.constantLike(masked, 0));
  };
  Value result = e.select(bit(1), cos, sin);
  return e.select(bit(2), e.neg(result), result);
}

// |x|^y = 2^(y n) 2^(y log2 m), with the whole part of the exponent kept apart; negative x only for
// whole y.
Value pow(Emitter& e, Value x, Value y) {
  Value one = e.constantLike(x, 1), zero = e.constantLike(x, 0);
  auto [fraction, n] = logParts(e, e.abs(x));
  Value high = e.mul(y, n), low = e.mul(y, e.mul(fraction, e.constantLike(x, log2_e)));
  Value limit = e.constantLike(x, 150);
  Value whole = e.roundEven(e.min(limit, e.max(e.neg(limit), e.add(high, low))));
  Value rest = e.mul(e.add(e.sub(high, whole), low), e.constantLike(x, M_LN2));
  rest = e.min(one, e.max(e.neg(one), rest));
  Value half = e.roundEven(e.mul(whole, e.constantLike(x, 0.5)));
  Value result = scale(e, scale(e, exp(e, rest), half), e.sub(whole, half));
  Value half_y = e.mul(y, e.constantLike(y, 0.5));
  Value odd = e.compare(CmpFPredicate::UNE, e.roundEven(half_y), half_y);
  Value integral = e.compare(CmpFPredicate::OEQ, e.roundEven(y), y);
  Value negative = e.select(integral, e.select(odd, e.neg(result), result), e.constantLike(x, NAN));
  result = e.select(e.compare(CmpFPredicate::OLT, x, zero), negative, result);
  Value at_zero =
      e.select(e.compare(CmpFPredicate::OLT, y, zero), e.constantLike(x, INFINITY), zero);
  result = e.select(e.compare(CmpFPredicate::OEQ, x, zero), at_zero, result);
  return e.select(e.compare(CmpFPredicate::OEQ, y, zero), one, result);
}

// Philox2x32-10's first word (Salmon et al., SC'11).
Value random(Emitter& e, Value key, Value c0, Value c1) {
  constexpr uint32_t multiplier = 0xd256d193, weyl = 0x9e3779b9;
  auto number = [&](uint32_t bits) { return e.constantLike(key, int32_t(bits)); };
  auto exclusiveOr = [&](Value x, Value y) -> Value {
    return arith::XOrIOp::create(e.b, e.loc, x, y);
  };
  for (int round = 0; round < 10; ++round) {
    auto product = arith::MulUIExtendedOp::create(e.b, e.loc, number(multiplier), c0);
    c0 = exclusiveOr(exclusiveOr(product.getHigh(), key), c1);
    c1 = product.getLow();
    key = e.add(key, number(weyl));
  }
  return c0;
}

}  // namespace

// e^x = 2^n e^r with r = x - n ln 2 in two parts (Cody and Waite).
Value exp(Emitter& e, Value x) {
  constexpr double largest = 88.8, least = -87.4;  // beyond the finite, below the normal
  Value high = e.constantLike(x, largest), low = e.constantLike(x, least), given = x;
  x = e.min(high, e.max(low, x));
  Value n = e.roundEven(e.mul(x, e.constantLike(x, log2_e)));
  Value r = e.fma(n, e.constantLike(n, -0.693359375), x);
  r = e.fma(n, e.constantLike(n, 2.12194440e-4), r);
  Value p = polynomial(e, r,
                       {1.98569e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2,
                        1.6666665459e-1, 5.0000001201e-1, 1.0, 1.0});
  Value result = scale(e, p, n);
  result =
      e.select(e.compare(CmpFPredicate::OGE, given, high), e.constantLike(x, INFINITY), result);
  return e.select(e.compare(CmpFPredicate::OLE, given, low), e.constantLike(x, 0), result);
}

namespace {

// Of 2^f, 0 ≤ f < 1.
constexpr std::array<double, 6> fraction_power = {1.867130213e-03, 9.017030019e-03, 5.579991332e-02,
                                                  2.401644501e-01, 6.931513118e-01, 1.0};

// p · 2^⌊t⌋. Denormal weights, such as a mask of -100 leaves, would slow the products with the
// values down tenfold: they are 0, here and below. NaN stays.
Value scaleNormal(Emitter& e, Value p, Value t) {
  Value normal = e.compare(CmpFPredicate::UGE, t, e.constantLike(t, 1 - exponent_bias));
  return e.select(normal, e.instructions.scale(e, p, t), e.constantLike(t, 0));
}

}  // namespace

// The constant term is 1 exactly, so that a clamped t gives 0 exactly.
Value exp2Softmax(Emitter& e, Value t) {
  if (Value fraction = e.instructions.fraction ? e.instructions.fraction(e, t) : Value())
    return scaleNormal(e, polynomial(e, fraction, fraction_power), t);
  constexpr std::array<double, 6> coefficients = {1.326472731e-03, 9.671512991e-03, 5.550733581e-02,
                                                  2.402224243e-01, 6.931470037e-01, 1.0};
  if (e.instructions.scale) {
    Value n = e.roundEven(t);
    if (Value scaled = scaleAny(e, polynomial(e, e.sub(t, n), coefficients), n)) {
      Value denormal = e.compare(CmpFPredicate::OLT, n, e.constantLike(n, 2 - exponent_bias));
      return e.select(denormal, e.constantLike(t, 0), scaled);
    }
  }
  constexpr float rounding_magic = 12582912.0f;  // the sum's low bits are the whole part
  t = e.max(e.constantLike(t, -exponent_bias), t);
  Value magic = e.constantLike(t, rounding_magic), shifted = e.add(t, magic);
  Value p = polynomial(e, e.sub(t, e.sub(shifted, magic)), coefficients);
  Value sum = e.add(bits(e, p), shiftLeft(e, bits(e, shifted), mantissa_bits));
  return fromBits(e, sum, t.getType());
}

// The polynomial's leading coefficient becomes 1: an instruction less.
Value exp2Weight(Emitter& e, Value t) {
  Value fraction = e.instructions.fraction ? e.instructions.fraction(e, t) : Value();
  if (!fraction) return exp2Softmax(e, t);
  Value p = e.add(fraction, e.constantLike(t, fraction_power[1] / fraction_power[0]));
  for (double c : ArrayRef<double>(fraction_power).drop_front(2))
    p = e.fma(p, fraction, e.constantLike(t, c / fraction_power[0]));
  return scaleNormal(e, p, t);
}

Value sigmoid(Emitter& e, Value x) {
  Value one = e.constantLike(x, 1);
  return e.div(one, e.add(exp(e, e.neg(x)), one));
}

Value gelu(Emitter& e, Value x) {
  Value half = e.mul(x, e.constantLike(x, 0.5));
  return e.fma(half, erf(e, e.mul(x, e.constantLike(x, M_SQRT1_2))), half);
}

Value rsqrt(Emitter& e, Value x) {
  return e.div(e.constantLike(x, 1), math::SqrtOp::create(e.b, e.loc, x));
}

Value function(Emitter& e, Function f, ValueRange x) {
  switch (f) {
    case Function::exp: return exp(e, x[0]);
    case Function::log: return log(e, x[0]);
    case Function::sqrt: return math::SqrtOp::create(e.b, e.loc, x[0]);
    case Function::rsqrt: return rsqrt(e, x[0]);
    case Function::tanh: return tanh(e, x[0]);
    case Function::sigmoid: return sigmoid(e, x[0]);
    case Function::erf: return erf(e, x[0]);
    case Function::sin: return sine(e, x[0], 0);
    case Function::cos: return sine(e, x[0], 1);
    case Function::gelu: return gelu(e, x[0]);
    case Function::silu: return e.mul(x[0], sigmoid(e, x[0]));
    case Function::pow: return pow(e, x[0], x[1]);
    case Function::random: return random(e, x[0], x[1], x[2]);
  }
  return {};
}

}  // namespace heed::tile
