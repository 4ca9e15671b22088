// torch.nn.RNN, GRU and LSTM, batch first: stacked layers, in one direction or both. Called with x
// [batch, time, In], then the initial states [layers * directions, batch, Hidden], one for each
// state of the cell (zeros where there are none), then how many steps each row has, [batch], i32 or
// i64 (all where that is not given; see `lengths`). Returns the last layer's outputs [batch, time,
// directions * Hidden], then the last states.
#pragma once
#include "heed/dsl/nn/recurrent_cell.h"

namespace heed::nn {

namespace detail {

template <int Layer, bool Reverse>
struct LayerSuffix {
  static constexpr void print(heed::detail::CharBuffer& b) {
    b("_l");
    print_number(Layer, b);
    if (Reverse) b("_reverse");
  }
};
template <int Layer, bool Reverse>
inline constexpr auto layer_suffix = heed::detail::printed<LayerSuffix<Layer, Reverse>>();

struct no_lengths {};

// Cell: cell::of<In, Suffix>, cell::states.
template <class Cell, std::int64_t In, std::int64_t Hidden, int Layers, bool Bidirectional>
struct recurrent {
  static constexpr int directions = Bidirectional ? 2 : 1, state_count = Cell::states;

  static constexpr graph::Problem check(const TensorType& x) {
    if (x.shape.rank != 3) return graph::problem(message::rank_differs, Dim(x.shape.rank), Dim(3));
    if (!(x.shape[-1] == Dim(In)))
      return graph::problem(message::weight_columns_differ, Dim(In), x.shape[-1]);
    return graph::no_problem;
  }
  template <class... More>
  static constexpr graph::Problem check(const TensorType& x, const More&... more) {
    graph::Problem p = check(x);
    for (const TensorType* t : {&more...})
      if (!p && t->shape.rank == 3 &&
          !(t->shape[0] == Dim(Layers * directions) && t->shape[1] == x.shape[0] &&
            t->shape[2] == Dim(Hidden)))
        p = graph::problem(message::state_columns_differ, Dim(Hidden), t->shape[-1]);
    return p;
  }

  template <expression X, expression... More>
  constexpr auto operator()(X x, More... more) const {
    constexpr dim batch = size<0>(x);
    if constexpr (!starts_with_states(More{}...)) {
      auto zeros = cast<dtype_of(x)>(broadcast_to<Layers * directions, batch, Hidden>(scalar<0>));
      if constexpr (state_count == 1) return (*this)(x, zeros, more...);
      else return (*this)(x, zeros, zeros, more...);
    } else if constexpr (sizeof...(More) == state_count) {
      return layer<0>(x, parts<>{}, no_lengths{}, more...);
    } else {
      return bounded(x, std::make_index_sequence<state_count>{}, parts<More...>{});
    }
  }

 private:
  static constexpr bool starts_with_states() { return false; }
  template <class First, class... More>
  static constexpr bool starts_with_states(First first, More...) { return rank(first) != 1; }

  template <class X, class All, std::size_t... S>
  static constexpr auto bounded(X x, std::index_sequence<S...>, All) {
    constexpr All all;
    return layer<0>(x, parts<>{}, all.template get<state_count>(), all.template get<S>()...);
  }

  // done: the last states of the layers so far, [batch, Hidden], cell state by cell state
  template <int Layer, class X, class... Done, class N, class... Initial>
  static constexpr auto layer(X x, parts<Done...> done, N n, Initial... initial) {
    if constexpr (Layer == Layers) return finish(x, done, std::make_index_sequence<state_count>{});
    else if constexpr (!Bidirectional) {
      auto forward = one<Layer, false>(x, n, initial...);
      return next<Layer>(forward.template get<state_count>(), joined(done, forward), n, initial...);
    } else {
      auto forward = one<Layer, false>(x, n, initial...);
      auto backward = one<Layer, true>(x, n, initial...);
      auto y =
          concat<-1>(forward.template get<state_count>(), backward.template get<state_count>());
      return next<Layer>(y, joined(joined(done, forward), backward), n, initial...);
    }
  }
  template <int Layer, class Y, class Done, class N, class... Initial>
  static constexpr auto next(Y y, Done done, N n, Initial... initial) {
    return layer<Layer + 1>(y, done, n, initial...);
  }
  template <int Layer, bool Reverse, class X, class N, class... Initial>
  static constexpr auto one(X x, N n, Initial...) {
    constexpr std::int64_t in = size<-1>(x).constant;
    constexpr int index = Layer * directions + (Reverse ? 1 : 0);
    scan<"", typename Cell::template of<in, layer_suffix<Layer, Reverse>>, 1, Reverse> run;
    auto initial = states(select<0, index>(Initial{})...);
    if constexpr (std::is_same_v<N, no_lengths>) return run(initial, steps(x));
    else return run(initial, steps(x), lengths(n));
  }
  template <class... Done, class Result>
  static constexpr auto joined(parts<Done...>, Result) {
    constexpr Result result;
    if constexpr (state_count == 1) return parts<Done..., decltype(result.template get<0>())>{};
    else
      return parts<Done..., decltype(result.template get<0>()),
                   decltype(result.template get<1>())>{};
  }
  template <class Y, class Done, std::size_t... S>
  static constexpr auto finish(Y y, Done, std::index_sequence<S...>) {
    return parts{
        y, stacked<S>(Done{}, std::make_index_sequence<std::size_t(Layers) * directions>{})...};
  }
  // State S of every layer and direction, [layers * directions, batch, Hidden].
  template <std::size_t S, class Done, std::size_t... I>
  static constexpr auto stacked(Done, std::index_sequence<I...>) {
    constexpr Done done;
    return concat<0>(alone(done.template get<I * state_count + S>())...);
  }
  template <expression H>
  static constexpr auto alone(H h) {
    constexpr dim batch = size<0>(h);
    return reshape<1, batch, Hidden>(h);
  }
};

template <std::int64_t Hidden, class Nonlinearity>
struct rnn_kind {
  template <std::int64_t In, text Suffix>
  using of = rnn_cell<In, Hidden, Nonlinearity, Suffix>;
  static constexpr int states = 1;
};
template <std::int64_t Hidden>
struct gru_kind {
  template <std::int64_t In, text Suffix>
  using of = gru_cell<In, Hidden, Suffix>;
  static constexpr int states = 1;
};
template <std::int64_t Hidden>
struct lstm_kind {
  template <std::int64_t In, text Suffix>
  using of = lstm_cell<In, Hidden, Suffix>;
  static constexpr int states = 2;
};

}  // namespace detail

template <std::int64_t In, std::int64_t Hidden, int Layers = 1, bool Bidirectional = false,
          class Nonlinearity = tanh_of>
struct rnn
    : detail::recurrent<detail::rnn_kind<Hidden, Nonlinearity>, In, Hidden, Layers, Bidirectional> {
};
template <std::int64_t In, std::int64_t Hidden, int Layers = 1, bool Bidirectional = false>
struct gru : detail::recurrent<detail::gru_kind<Hidden>, In, Hidden, Layers, Bidirectional> {};
template <std::int64_t In, std::int64_t Hidden, int Layers = 1, bool Bidirectional = false>
struct lstm : detail::recurrent<detail::lstm_kind<Hidden>, In, Hidden, Layers, Bidirectional> {};

}  // namespace heed::nn
