// The cells of torch.nn.RNN, GRU and LSTM, with torch's parameters; Suffix is what torch appends to
// their names, "_l0" in a layer, nothing in RNNCell. x: [batch, In], states: [batch, Hidden]. A
// cell returns its states, then its output.
#pragma once
#include "heed/dsl/dsl.h"

namespace heed::nn {

namespace detail {
template <text A, text B>
struct Joined {
  static constexpr void print(heed::detail::CharBuffer& b) {
    b(A);
    b(B);
  }
};
template <text A, text B>
inline constexpr auto joined = heed::detail::printed<Joined<A, B>>();

// Both projections of a cell with `Gates` of Hidden features each: of the input and of the state.
template <std::int64_t In, std::int64_t Hidden, std::int64_t Gates, text Suffix>
struct gates {
  static constexpr auto of_input(expression auto x) {
    constexpr DType e = dtype_of(x);
    return matmul(x, transpose(param<joined<"weight_ih", Suffix>, tensor<e, Gates * Hidden, In>>)) +
           param<joined<"bias_ih", Suffix>, tensor<e, Gates * Hidden>>;
  }
  static constexpr auto of_state(expression auto h) {
    constexpr DType e = dtype_of(h);
    return matmul(h, transpose(
                         param<joined<"weight_hh", Suffix>, tensor<e, Gates * Hidden, Hidden>>)) +
           param<joined<"bias_hh", Suffix>, tensor<e, Gates * Hidden>>;
  }
  static constexpr graph::Problem check(const TensorType& h, const TensorType& x) {
    for (const TensorType& t : {h, x})
      if (t.shape.rank != 2)
        return graph::problem(message::rank_differs, Dim(t.shape.rank), Dim(2));
    if (!(x.shape[-1] == Dim(In)))
      return graph::problem(message::weight_columns_differ, Dim(In), x.shape[-1]);
    if (!(h.shape[-1] == Dim(Hidden)))
      return graph::problem(message::state_columns_differ, Dim(Hidden), h.shape[-1]);
    return graph::no_problem;
  }
};
}  // namespace detail

struct tanh_of {
  static constexpr auto apply(expression auto x) { return tanh(x); }
};
struct relu_of {
  static constexpr auto apply(expression auto x) { return relu(x); }
};

// h' = tanh(W x + b + U h + c)
template <std::int64_t In, std::int64_t Hidden, class Nonlinearity = tanh_of, text Suffix = "">
struct rnn_cell {
  using both = detail::gates<In, Hidden, 1, Suffix>;
  static constexpr int states = 1;
  static constexpr graph::Problem check(const TensorType& h, const TensorType& x) {
    return both::check(h, x);
  }
  constexpr auto operator()(expression auto h, expression auto x) const {
    auto next = Nonlinearity::apply(both::of_input(x) + both::of_state(h));
    return parts{next, next};
  }
};

// Cho et al. 2014, in the form of torch: the reset gate acts on the projected state.
template <std::int64_t In, std::int64_t Hidden, text Suffix = "">
struct gru_cell {
  using both = detail::gates<In, Hidden, 3, Suffix>;
  static constexpr int states = 1;
  static constexpr graph::Problem check(const TensorType& h, const TensorType& x) {
    return both::check(h, x);
  }
  constexpr auto operator()(expression auto h, expression auto x) const {
    auto [xr, xz, xn] = split<3, -1>(both::of_input(x));
    auto [hr, hz, hn] = split<3, -1>(both::of_state(h));
    auto proposal = tanh(xn + sigmoid(xr + hr) * hn);
    auto next = proposal + sigmoid(xz + hz) * (h - proposal);
    return parts{next, next};
  }
};

// Hochreiter and Schmidhuber 1997, with a forget gate; states are h, then c.
template <std::int64_t In, std::int64_t Hidden, text Suffix = "">
struct lstm_cell {
  using both = detail::gates<In, Hidden, 4, Suffix>;
  static constexpr int states = 2;
  static constexpr graph::Problem check(const TensorType& h, const TensorType& c,
                                        const TensorType& x) {
    graph::Problem p = both::check(h, x);
    return p ? p : both::check(c, x);
  }
  constexpr auto operator()(expression auto h, expression auto c, expression auto x) const {
    auto [input, forget, cell, output] = split<4, -1>(both::of_input(x) + both::of_state(h));
    auto next = sigmoid(forget) * c + sigmoid(input) * tanh(cell);
    auto hidden = sigmoid(output) * tanh(next);
    return parts{hidden, next, hidden};
  }
};

}  // namespace heed::nn
