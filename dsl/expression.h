// Expressions: empty types that say how a value is computed. Within one module body the same type
// is the same value. An op is a class with a code and attributes; `applied` is the type of its
// result, or of the error.
#pragma once
#include "heed/dsl/graph/rules.h"
#include "heed/dsl/tensor.h"

namespace heed {

// Never completed: its arguments are the message, printed where a call would need it.
template <text Op, text Sentence, text... Found>
struct shape_error;

// `tree` counts the nodes of the unshared tree, which is what debug information spells out, however
// much is shared; `depth` is how far compilers recurse. Both are bounded for a body: what is larger
// belongs into named modules.
template <class Op, class T, class... Operands>
struct expr {
  using type = T;
  static constexpr long tree = (1 + ... + Operands::tree);
  static constexpr int depth = [] {
    int deepest = 0;
    ((deepest = Operands::depth > deepest ? Operands::depth : deepest), ...);
    return deepest + 1;
  }();
};

namespace detail {
// By specialisation, not by inheritance: errors are asked too, and they are incomplete.
template <class E>
inline constexpr bool is_expression = false;
template <class Op, class T, class... Operands>
inline constexpr bool is_expression<expr<Op, T, Operands...>> = true;
template <class E>
inline constexpr bool is_error = false;
template <text Op, text Sentence, text... Found>
inline constexpr bool is_error<shape_error<Op, Sentence, Found...>> = true;
}  // namespace detail

template <class E>
concept expression = detail::is_expression<E>;
// What a function of the language may return; the alternative is an error.
template <class R>
concept fine = !detail::is_error<R>;
// The return type of the overload that is only declared: calling it is the error. Spelt so that g++
// prints the type itself and not the alias that led to it.
template <class R>
using refused = typename decltype(std::type_identity<R>{})::type;

inline constexpr long largest_tree = 20000;
inline constexpr int largest_depth = 400;
template <expression... E>
inline constexpr bool fits_a_body =
    (0 + ... + E::tree) < largest_tree && (true && ... && (E::depth < largest_depth));

// What an op class derives from and overrides.
template <OpCode Code>
struct op {
  static constexpr OpCode code = Code;
  static constexpr graph::Attributes with{};
  static constexpr TensorType declared{};
};

namespace detail {

template <class Op, class... T>
struct Inference {
  static constexpr graph::Inferred inferred = [] {
    constexpr const TensorType* types[sizeof...(T) + 1] = {&type_of<T>..., nullptr};
    return graph::infer(Op::code, {types, int(sizeof...(T))}, Op::with, Op::declared);
  }();
  static constexpr bool ok = !inferred.problem;
  static constexpr const TensorType& type = inferred.type;
};

// A problem found outside of the rules.
template <const char* Sentence>
struct Refusal {
  static constexpr graph::Inferred inferred{{}, graph::problem(Sentence)};
};

// Words of an error. Clang cuts a string of a diagnostic after 36 characters, so that values get a
// string of their own where they would not fit behind the sentence.
template <class Why>
struct ErrorText {
  static constexpr const graph::Problem& problem = Why::inferred.problem;
  static constexpr CharBuffer values = [] {
    CharBuffer b;
    graph::print_values(problem, b);
    return b;
  }();
  static constexpr std::size_t length = std::string_view(problem.sentence).size() + 1 + values.size;
  static constexpr bool split = values.size > 0 && length > 36;
};
template <class Why>
struct Sentence {
  static constexpr void print(CharBuffer& b) {
    using words = ErrorText<Why>;
    b(words::problem.sentence);
    if (words::values.size == 0 || words::split) return;
    b(' ');
    b(std::string_view(words::values.chars, words::values.size));
  }
};
template <class Why>
struct Values {
  static constexpr void print(CharBuffer& b) {
    b(std::string_view(ErrorText<Why>::values.chars, ErrorText<Why>::values.size));
  }
};

template <class Op>
struct OpName {
  static constexpr void print(CharBuffer& b) { b(info_of(Op::code)->name); }
};

template <bool Split, text Who, class Why, text... Found>
struct Error {
  using type = shape_error<Who, printed<Sentence<Why>>(), Found...>;
};
template <text Who, class Why, text... Found>
struct Error<true, Who, Why, Found...> {
  using type = shape_error<Who, printed<Sentence<Why>>(), printed<Values<Why>>(), Found...>;
};
template <text Who, class Why, text... Found>
using error = typename Error<ErrorText<Why>::split, Who, Why, Found...>::type;

template <bool Ok, bool Small, class Op, class... A>
struct Application {
  using type = error<printed<OpName<Op>>(), Inference<Op, typename A::type...>,
                     shape_text<typename A::type>...>;
};
template <class Op, class... A>
struct Application<true, true, Op, A...> {
  using type = expr<Op, tensor_from<Inference<Op, typename A::type...>>, A...>;
};
template <class Op, class... A>
struct Application<true, false, Op, A...> {
  using type = error<printed<OpName<Op>>(), Refusal<message::split_this_body>>;
};

}  // namespace detail

template <class Op, expression... A>
using applied = typename detail::Application<detail::Inference<Op, typename A::type...>::ok,
                                             fits_a_body<A...>, Op, A...>::type;

// Sizes and dtypes of a value, for shapes computed inside a body: `constexpr dim t = size<1>(x);`
template <int Axis, expression X>
constexpr Dim size(X) {
  constexpr const Shape& shape = type_of<typename X::type>.shape;
  static_assert(Axis < shape.rank && Axis >= -shape.rank, "size: axis is out of range");
  return shape[Axis];
}
template <expression X>
constexpr int rank(X) { return type_of<typename X::type>.shape.rank; }
template <expression X>
constexpr DType dtype_of(X) { return type_of<typename X::type>.dtype; }

}  // namespace heed
