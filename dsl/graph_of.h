// The only way out of the DSL. graph_of<Model, Inputs...> is the network as constant tables,
// manifest<Model, Inputs...> its parameters, both complete at compile time: a checkpoint's layout
// can be static_assert'ed.
#pragma once
#include "heed/dsl/names.h"

namespace heed {

// Never completed, like shape_error, for what is wrong with a network as a whole.
template <text Sentence, text About>
struct network_error;

// The parameters in order of first use, with their full names.
template <int Size, int Chars>
struct manifest_type {
  struct Entry {
    int name = 0, length = 0;
    const TensorType* type = nullptr;
  };
  static constexpr int size = Size;
  std::int64_t elements = 0;  // of all parameters
  Entry entries[Size + 1]{};
  char names[Chars + 1]{};

  constexpr std::string_view name(int i) const {
    return {names + entries[i].name, std::size_t(entries[i].length)};
  }
  constexpr const TensorType& type(int i) const { return *entries[i].type; }
  // nullptr where there is no such parameter
  constexpr const TensorType* find(std::string_view wanted) const {
    for (int i = 0; i < Size; ++i)
      if (name(i) == wanted) return entries[i].type;
    return nullptr;
  }
};

namespace detail {

template <class Function>
struct Inspected {
  static constexpr auto inspection =
      inspect<count_parameters(Function::function)>(Function::function);
  static constexpr const Fault& fault = inspection.fault;
};
template <class Function>
struct FaultSentence {
  static constexpr void print(CharBuffer& b) { b(Inspected<Function>::fault.sentence); }
};
template <class Function>
struct FaultFound {
  static constexpr void print(CharBuffer& b) {
    detail::print(Inspected<Function>::fault, Function::function, b);
  }
};

// What a network is: its function, or an error that is declared and never defined.
template <class Error>
struct Failed {
  static constexpr bool ok = false;
  using error = Error;
  static const Error value;
};
template <class Function>
struct Succeeded {
  static constexpr bool ok = true;
  static constexpr const graph::Function& value = Function::function;
  using function = Function;
};
template <class T>
struct InputCheck {
  static constexpr graph::Inferred inferred{{}, graph::check_shape(type_of<T>.shape)};
};
template <class T>
consteval auto check_input() {
  if constexpr (!InputCheck<T>::inferred.problem)
    return std::type_identity<expr<ops::input<0>, T>>{};
  else return std::type_identity<error<text("input"), InputCheck<T>, shape_text<T>>>{};
}
template <class T>
using checked_input = typename decltype(check_input<T>())::type;

template <class Model, class... T, std::size_t... I>
consteval auto network(std::index_sequence<I...>) {
  using Called = called<text(""), Model, false, expr<ops::input<int(I)>, T>...>;
  if constexpr (!(fine<checked_input<T>> && ...))
    return std::type_identity<
        Failed<typename decltype(first_error<checked_input<T>...>())::type>>{};
  else if constexpr (!expression<Called> && !is_parts<Called>)
    return std::type_identity<Failed<Called>>{};
  else {
    using Function = FunctionOf<Model, T...>;
    if constexpr (Inspected<Function>::fault.found)
      return std::type_identity<Failed<
          network_error<printed<FaultSentence<Function>>(), printed<FaultFound<Function>>()>>>{};
    else return std::type_identity<Succeeded<Function>>{};
  }
}
template <class Model, class... T>
using Network = typename decltype(network<Model, T...>(std::index_sequence_for<T...>{}))::type;

template <class Function>
struct Manifest {
  static constexpr auto& names = Inspected<Function>::inspection.names;
  static constexpr int characters = [] {
    int n = 0;
    for (int i = 0; i < names.size; ++i) n += names.entries[i].name.length;
    return n;
  }();
  static constexpr auto value = [] {
    manifest_type<names.size, characters> m;
    char text[longest_name]{};
    int count = 0, at = 0;
    auto visit = [&](const Name& prefix, const graph::Node& node, bool, bool) {
      if (node.op != OpCode::parameter || count == names.size) return;
      Name name = prefix;
      name.add(node.name);
      if (name.hash != names.entries[count].name.hash) return;  // seen before
      m.entries[count++] = {at, name.length, node.results};
      m.elements += element_count(node.results->shape).constant;
      for (int i = 0; i < name.length; ++i) m.names[at++] = text[i];
    };
    Name root;
    root.text = text;
    walk(Function::function, root, false, true, visit);
    return m;
  }();
};
template <class Net>
struct ManifestOf {
  static constexpr const auto& value = Net::value;  // the error
};
template <class Net>
  requires Net::ok
struct ManifestOf<Net> {
  static constexpr const auto& value = Manifest<typename Net::function>::value;
};

}  // namespace detail

template <class Model, class... Inputs>
inline constexpr const auto& graph_of = detail::Network<Model, Inputs...>::value;

template <class Model, class... Inputs>
inline constexpr const auto& manifest =
    detail::ManifestOf<detail::Network<Model, Inputs...>>::value;

}  // namespace heed
