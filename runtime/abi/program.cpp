// The program file. Little endian:
//   "HEEDPROG", u32 version, u32 0, u64 payload bytes, u64 checksum of the payload, payload
// In the payload a count is a u32 and goes before its elements; text is counted bytes. One `fields`
// overload a struct serves writing and reading, so that the two cannot part.
#include "heed/runtime/abi/program.h"

#include <bit>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "heed/runtime/abi/checksum.h"
#include "heed/runtime/abi/program_check.h"
#include "heed/runtime/error.h"

namespace heed::abi {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view magic = "HEEDPROG";
constexpr std::size_t header_size = 32;

// Written as its bytes.
template <class T>
concept Plain = std::is_arithmetic_v<T> || std::is_enum_v<T>;

struct Writer {
  static constexpr bool reading = false;
  std::vector<std::byte> out;

  void raw(const void* data, std::size_t size) {
    const auto* first = static_cast<const std::byte*>(data);
    out.insert(out.end(), first, first + size);
  }
  template <Plain T>
  void value(const T& v) {
    raw(&v, sizeof v);
  }
  void count(std::size_t n) {
    if (n > 0xFFFFFFFF)
      throw Error("program: ", n, " elements are more than the file format can count");
    value(static_cast<std::uint32_t>(n));
  }
  void bytes(const auto& v) {
    count(v.size());
    raw(v.data(), v.size());
  }
};

struct Reader {
  static constexpr bool reading = true;
  std::span<const std::byte> in;
  std::size_t at = 0;

  [[noreturn]] void wrong(std::string_view what) const {
    throw Error("program: malformed bytes, ", what, " at offset ", header_size + at,
                "; delete the file and compile again");
  }
  const std::byte* take(std::size_t size) {
    if (size > in.size() - at) wrong("the end of the bytes was reached inside a field");
    at += size;
    return in.data() + at - size;
  }
  template <Plain T>
  void value(T& v) {
    std::memcpy(&v, take(sizeof v), sizeof v);
  }
  // A count of elements that take at least one byte each.
  std::uint32_t count() {
    std::uint32_t n = 0;
    value(n);
    if (n > in.size() - at) wrong("a count that the bytes left cannot hold");
    return n;
  }
  template <class Bytes>
  void bytes(Bytes& v) {
    const std::uint32_t n = count();
    const auto* first = reinterpret_cast<const typename Bytes::value_type*>(take(n));
    v.assign(first, first + n);
  }
};

void fields(Writer& io, const Dim& d) {
  io.value(d.constant);
  io.value(static_cast<std::uint8_t>(d.invalid ? 255 : d.term_count()));
  for (int i = 0; i < d.term_count() && !d.invalid; ++i) {
    const Term& term = d.terms[i];
    std::uint8_t factors = 0;
    while (factors < max_factors && term.factors[factors].symbol) ++factors;
    io.value(term.num);
    io.value(term.den);
    io.value(factors);
    for (int f = 0; f < factors; ++f) {
      io.value(term.factors[f].symbol);
      io.value(term.factors[f].scale);
      io.value(term.factors[f].offset);
      io.value(term.factors[f].divisor);
    }
  }
}

// Letters, digits and underscores, no gap inside.
bool is_name(std::uint64_t key) {
  for (; key; key >>= 8) {
    const char c = static_cast<char>(key & 255);
    const bool word =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!word) return false;
  }
  return true;
}

void fields(Reader& io, Dim& d) {
  io.value(d.constant);
  std::uint8_t terms = 0, factors = 0;
  io.value(terms);
  if (terms > max_terms) io.wrong("a dimension with too many terms");
  auto bounded = [](std::int64_t v) { return v >= -detail::largest && v <= detail::largest; };
  for (int i = 0; i < terms; ++i) {
    Term& term = d.terms[i];
    io.value(term.num);
    io.value(term.den);
    io.value(factors);
    if (!bounded(term.num) || !bounded(term.den) || term.num == 0 || term.den < 1 || factors < 1 ||
        factors > max_factors)
      io.wrong("an impossible term of a dimension");
    for (int f = 0; f < factors; ++f) {
      Atom& atom = term.factors[f];
      io.value(atom.symbol);
      io.value(atom.scale);
      io.value(atom.offset);
      io.value(atom.divisor);
      if (!atom.symbol || !is_name(atom.symbol) || atom.scale < 1 || atom.offset < 0 ||
          atom.divisor < 1)
        io.wrong("an impossible factor of a dimension");
    }
  }
  // Equal dimensions are equal values only in canonical form: rebuilt from its pieces it must be
  // the same.
  Dim rebuilt;
  for (int i = 0; i < terms; ++i) {
    Term product{d.terms[i].num, d.terms[i].den, {}};
    bool bad = false;
    for (const Atom& atom : d.terms[i].factors)
      if (atom.symbol) product = detail::product(product, Term{1, 1, {atom}}, bad);
    detail::add_term(rebuilt, product);
    rebuilt.invalid |= bad;
  }
  rebuilt.constant = d.constant;
  if (!bounded(d.constant) || !(rebuilt == d)) io.wrong("a dimension that is not canonical");
}

// Const when written.
template <class Io, class T>
using Field = std::conditional_t<Io::reading, T, const T>;

void fields(auto& io, Field<std::remove_reference_t<decltype(io)>, std::string>& text) {
  io.bytes(text);
}

void fields(auto& io, Field<std::remove_reference_t<decltype(io)>, std::vector<std::byte>>& data) {
  io.bytes(data);
}

void fields(auto& io, Field<std::remove_reference_t<decltype(io)>, TensorSpec>& spec) {
  fields(io, spec.name);
  io.value(spec.type.dtype);
  io.value(spec.type.shape.rank);
  if constexpr (std::remove_reference_t<decltype(io)>::reading) {
    if (int(spec.type.dtype) >= dtype_count) io.wrong("an unknown element type");
    if (spec.type.shape.rank < 0 || spec.type.shape.rank > max_rank) io.wrong("an impossible rank");
  }
  for (int axis = 0; axis < spec.type.shape.rank; ++axis) fields(io, spec.type.shape.dims[axis]);
}

template <class T>
void each(Writer& io, const std::vector<T>& list);
template <class T>
void each(Reader& io, std::vector<T>& list);

void fields(auto& io, Field<std::remove_reference_t<decltype(io)>, BufferRef>& ref) {
  io.value(ref.place);
  io.value(ref.index);
  if constexpr (std::remove_reference_t<decltype(io)>::reading)
    if (ref.place > Place::next) io.wrong("an unknown place");
}

// A bool whose byte must be 0 or 1.
void flag(auto& io, Field<std::remove_reference_t<decltype(io)>, bool>& value,
          std::string_view wrong) {
  std::uint8_t byte = value;
  io.value(byte);
  if constexpr (std::remove_reference_t<decltype(io)>::reading) {
    if (byte > 1) io.wrong(wrong);
    value = byte;
  }
}

void fields(auto& io, Field<std::remove_reference_t<decltype(io)>, Slot>& slot) {
  each(io, slot.bytes);
}

void fields(auto& io, Field<std::remove_reference_t<decltype(io)>, KernelEntry>& kernel) {
  fields(io, kernel.symbol);
  fields(io, kernel.kind);
  io.value(kernel.object);
  io.value(kernel.group);
}

void fields(auto& io, Field<std::remove_reference_t<decltype(io)>, Step>& step) {
  io.value(step.kernel);
  each(io, step.buffers);
  each(io, step.dims);
  fields(io, step.work);
  io.value(step.grain);
  fields(io, step.scratch_bytes);
  std::uint8_t state = std::uint8_t(step.counts_tiles | step.packs_once << 1);
  io.value(state);
  if constexpr (std::remove_reference_t<decltype(io)>::reading) {
    if (state > 3) io.wrong("a step whose scratch memory begins with state of an unknown kind");
    step.counts_tiles = state & 1;
    step.packs_once = state & 2;
  }
  fields(io, step.label);
  fields(io, step.flops);
  fields(io, step.bytes);
}

void fields(auto& io, Field<std::remove_reference_t<decltype(io)>, Guard>& guard) {
  fields(io, guard.value);
  io.value(guard.least);
  fields(io, guard.sentence);
}

void fields(auto& io, Field<std::remove_reference_t<decltype(io)>, Update>& update) {
  io.value(update.input);
  io.value(update.output);
}

void fields(auto& io, Field<std::remove_reference_t<decltype(io)>, Loop>& loop) {
  io.value(loop.symbol);
  fields(io, loop.count);
  flag(io, loop.reverse, "a direction that is neither 0 nor 1");
  if constexpr (std::remove_reference_t<decltype(io)>::reading)
    if (!loop.symbol || !is_name(loop.symbol)) io.wrong("an impossible name of a loop's turn");
  io.value(loop.first);
  io.value(loop.end);
  fields(io, loop.going);
  fields(io, loop.going_count);
}

void fields(auto& io, Field<std::remove_reference_t<decltype(io)>, Carried>& carried) {
  io.value(carried.loop);
  fields(io, carried.initial);
  fields(io, carried.last);
  fields(io, carried.other);
  fields(io, carried.bytes);
}

void fields(auto& io, Field<std::remove_reference_t<decltype(io)>, Program>& program) {
  fields(io, program.name);
  fields(io, program.target);
  each(io, program.features);
  fields(io, program.fusion);
  fields(io, program.compiler);
  fields(io, program.key);
  each(io, program.remarks);
  each(io, program.inputs);
  each(io, program.outputs);
  io.value(program.result_count);
  each(io, program.updates);
  each(io, program.parameters);
  each(io, program.guards);
  io.bytes(program.constants);
  each(io, program.prepared);
  each(io, program.arena);
  each(io, program.kernels);
  each(io, program.prepare);
  each(io, program.steps);
  each(io, program.loops);
  each(io, program.carried);
  io.value(program.format);
  if constexpr (std::remove_reference_t<decltype(io)>::reading)
    if (program.format > CodeFormat::spirv) io.wrong("an unknown format of code");
  each(io, program.code);
}

template <class T>
void each(Writer& io, const std::vector<T>& list) {
  io.count(list.size());
  for (const T& element : list) fields(io, element);
}
template <class T>
void each(Reader& io, std::vector<T>& list) {
  const std::uint32_t n = io.count();
  for (std::uint32_t i = 0; i < n; ++i) fields(io, list.emplace_back());
}

}  // namespace

std::vector<std::byte> write_program(const Program& program) {
  Writer io;
  io.out.resize(header_size);
  fields(io, program);
  const std::span payload = std::span(io.out).subspan(header_size);
  const std::uint64_t size = payload.size(), sum = checksum(payload);
  std::memcpy(io.out.data(), magic.data(), magic.size());
  std::memcpy(io.out.data() + 8, &program_version, 4);
  std::memcpy(io.out.data() + 16, &size, 8);
  std::memcpy(io.out.data() + 24, &sum, 8);
  return std::move(io.out);
}

Program read_program(std::span<const std::byte> bytes) {
  if (bytes.size() < header_size || std::memcmp(bytes.data(), magic.data(), magic.size()) != 0)
    throw Error("program: these ", bytes.size(),
                " bytes are no program, the first eight should read ", magic);
  std::uint32_t version = 0, zero = 0;
  std::uint64_t size = 0, sum = 0;
  std::memcpy(&version, bytes.data() + 8, 4);
  std::memcpy(&zero, bytes.data() + 12, 4);
  std::memcpy(&size, bytes.data() + 16, 8);
  std::memcpy(&sum, bytes.data() + 24, 8);
  if (version != program_version)
    throw Error("program: format version ", version, ", this runtime reads version ",
                program_version, "; compile the network again");
  const std::span payload = bytes.subspan(header_size);
  if (zero != 0 || size != payload.size())
    throw Error("program: ", payload.size(), " bytes follow the header, which announces ", size,
                "; the file is truncated or damaged, delete it and compile again");
  if (checksum(payload) != sum)
    throw Error(
        "program: the checksum does not match; the file is damaged, delete it and compile again");
  Reader io{payload};
  Program program;
  fields(io, program);
  if (io.at != payload.size()) io.wrong("unused bytes");
  check_program(program);
  return program;
}

}  // namespace heed::abi
