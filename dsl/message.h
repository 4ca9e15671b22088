// Every sentence a user can be shown about a network, by the DSL at compile time or by the decoder
// of graphs. The values found follow a sentence ("inner dimensions differ: 768 vs 512"); both
// together should stay within 36 characters, since clang cuts longer strings in a diagnostic. Each
// has a case in tests/dsl/must_not_compile.
#pragma once

namespace heed::message {

// dtypes
inline constexpr char dtypes_differ[] = "dtypes differ:";
inline constexpr char needs_float[] = "needs a float dtype, found:";
inline constexpr char needs_number[] = "needs a number, found:";
inline constexpr char needs_integer[] = "needs i32 or i64, found:";
inline constexpr char needs_bool[] = "needs bool, found:";
inline constexpr char needs_whole_number[] = "scalar is not a whole number";

// dimensions in general
inline constexpr char dimension_not_positive[] = "dimension is not positive:";
inline constexpr char dimension_too_complex[] = "dimension is too complex";
inline constexpr char rank_too_small[] = "rank is too small:";
inline constexpr char rank_too_large[] = "rank is too large:";
inline constexpr char rank_differs[] = "rank differs:";
inline constexpr char axis_out_of_range[] = "axis is out of range:";
inline constexpr char cannot_broadcast[] = "cannot broadcast:";
inline constexpr char dimensions_differ[] = "dimensions differ:";

// one op each
inline constexpr char inner_dimensions_differ[] = "inner dimensions differ:";
inline constexpr char batch_dimensions_differ[] = "batch dimensions differ:";
inline constexpr char element_counts_differ[] = "element counts differ:";
inline constexpr char not_a_permutation[] = "not a permutation of the axes";
inline constexpr char slice_out_of_range[] = "slice is out of range:";
inline constexpr char negative_padding[] = "padding is negative:";
inline constexpr char does_not_split[] = "does not split evenly:";
inline constexpr char channels_differ[] = "channels differ:";
inline constexpr char channels_not_static[] = "channels must be static:";
inline constexpr char groups_do_not_divide[] = "groups do not divide:";
inline constexpr char kernel_too_large[] = "kernel exceeds the image:";
inline constexpr char step_not_positive[] = "stride or dilation below 1:";
inline constexpr char epsilon_not_positive[] = "epsilon is not positive";
inline constexpr char must_be_static[] = "must be static:";
inline constexpr char steps_differ[] = "steps differ:";
inline constexpr char random_of_another_type[] = "gives f32 or i32, not:";
inline constexpr char layer_out_of_range[] = "layer is out of range:";

// library modules: the parameter concerned comes first
inline constexpr char weight_columns_differ[] = "weight columns differ:";
inline constexpr char state_columns_differ[] = "state columns differ:";
inline constexpr char weight_length_differs[] = "weight length differs:";
inline constexpr char weight_channels_differ[] = "weight channels differ:";
inline constexpr char qkv_columns_differ[] = "qkv.weight columns differ:";
inline constexpr char in_proj_columns_differ[] = "in_proj_weight columns differ:";
inline constexpr char heads_do_not_divide[] = "heads do not divide:";
inline constexpr char temperature_not_positive[] = "temperature is not positive";
inline constexpr char top_k_negative[] = "top_k is negative";
inline constexpr char top_p_out_of_range[] = "top_p is not above 0 and up to 1";

// the DSL itself
inline constexpr char split_this_body[] = "split this body into named modules";
inline constexpr char number_is_no_tensor[] = "numbers are written scalar<...>";
inline constexpr char operand_has_no_shape[] = "a scalar or position has no shape";
inline constexpr char wrong_input_count[] = "takes another number of inputs";
inline constexpr char returns_no_tensor[] = "module returns no tensor";
inline constexpr char must_keep_its_type[] = "a repeated block must keep its type";
inline constexpr char state_changes_type[] = "a state must keep its type";
inline constexpr char fewer_results_than_states[] = "returns fewer values than states";
inline constexpr char last_is_no_bool[] = "must return a bool last, not:";
inline constexpr char nothing_to_scan[] = "needs a tensor to scan";

// a whole network
inline constexpr char names_collide[] = "two parameters share a name:";
inline constexpr char tied_to_nothing[] = "tied, but declared nowhere:";
inline constexpr char tied_to_another_type[] = "tied to a tensor of another type:";
inline constexpr char dimension_in_no_input[] = "a dimension is in no input:";

}  // namespace heed::message
