"""Deterministic weights and inputs from names alone: runtime/formula.h in Python, bit for bit.

The definition and the table of roles stand in runtime/formula.h.
"""

import numpy as np

GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)

BRANCH_ENDS = ("attn.proj.weight", "mlp.fc2.weight", "linear2.weight", "out_proj.weight")
QUERIES_OR_KEYS = ("q_proj.weight", "k_proj.weight", "q_proj_weight", "k_proj_weight", "q_linear.weight",
                   "k_linear.weight")
PACKED_PROJECTIONS = ("qkv.weight", "in_proj_weight")
POOLED_KEY_NORMS = ("pool_k.norm_act.0.weight",)
BRANCH_GAIN = 0.2
SCORE_GAIN = 1.25
POOLED_KEY_SCALE = 1.75


def fnv1a(text):
    state = 0xCBF29CE484222325
    for byte in text.encode():
        state = ((state ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return state


def unit_values(name, count):
    """v(name, 0 .. count - 1), float64 holding multiples of 2^-23 in [-1, 1)."""
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a(name)) + np.arange(count, dtype=np.uint64) * GOLDEN_GAMMA
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) * 2.0**-23 - 1.0


def has_suffix(name, suffixes):
    return any(name == s or name.endswith("." + s) for s in suffixes)


def parameter(name, shape):
    """The float32 array that formula_fill writes."""
    count = int(np.prod(shape, dtype=np.int64))
    values = unit_values(name, count)
    leaf = name.rsplit(".", 1)[-1]

    def filled(offset, amplitude):
        exact = offset + np.float64(np.float32(amplitude)) * values
        return exact.astype(np.float32).reshape(shape)

    if leaf == "running_var":
        return filled(1.0, 0.5)
    if leaf == "running_mean":
        return filled(0.0, 0.1)
    if leaf.startswith("bias") or leaf.endswith("bias"):
        return filled(0.0, 0.1)
    if leaf == "weight" and len(shape) == 1:
        return filled(POOLED_KEY_SCALE if has_suffix(name, POOLED_KEY_NORMS) else 1.0, 0.1)
    if leaf.startswith("rel_pos"):
        return filled(0.0, 0.1)
    if "weight" not in leaf or len(shape) < 2:
        return filled(0.0, 0.5)

    fan_in = int(np.prod(shape[1:], dtype=np.int64))
    gain = BRANCH_GAIN if has_suffix(name, BRANCH_ENDS) else 1.0
    amplitude = np.full(count, np.float32(gain * np.sqrt(3.0 / fan_in)), np.float64)
    score_rows_end = 0
    if has_suffix(name, PACKED_PROJECTIONS):
        score_rows_end = count // 3 * 2
    if has_suffix(name, QUERIES_OR_KEYS):
        score_rows_end = count
    amplitude[:score_rows_end] = np.float32(SCORE_GAIN * np.sqrt(3.0 / fan_in))
    return (amplitude * values).astype(np.float32).reshape(shape)


def input_array(name, shape, amplitude=2.0):
    """The float32 array that formula_input writes."""
    values = unit_values(name, int(np.prod(shape, dtype=np.int64)))
    return (np.float64(np.float32(amplitude)) * values).astype(np.float32).reshape(shape)


def fill_module(module):
    """Sets every parameter and floating-point buffer of a torch module; returns the module."""
    import torch

    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.from_numpy(parameter(name, tuple(tensor.shape))))
    return module
