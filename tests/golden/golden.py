"""What one golden file holds, and how hard its attentions are."""

import numpy as np
import torch

SCORE_STD_RANGE = (0.5, 3.0)
ENTROPY_RANGE = (0.30, 0.95)
UNSEEN = 1e-30  # weights below are masked keys: some peers add -100 to their scores


class Golden:
    """What one file holds: float32 tensors of the float64 run, and string metadata."""

    def __init__(self):
        self.tensors = {}
        self.metadata = {}

    def add(self, name, tensor, stride=1):
        """The whole tensor, or every stride-th element of it flattened."""
        kept = tensor.flatten()[::stride] if stride > 1 else tensor
        self.tensors[name] = kept.detach().float().contiguous().numpy()

    def add_attention(self, name, weights):
        std, entropy = attention_statistics(weights)
        self.metadata[f"{name}.score_std"] = f"{std:.3f}"
        self.metadata[f"{name}.entropy"] = f"{entropy:.3f}"
        for value, (low, high) in ((std, SCORE_STD_RANGE), (entropy, ENTROPY_RANGE)):
            if not low <= value <= high:
                raise SystemExit(f"{name}: score std {std:.3f} or entropy {entropy:.3f} "
                                 f"outside {SCORE_STD_RANGE}, {ENTROPY_RANGE}")

    def add_f32_error(self, name, f32, f64):
        difference = f32.double() - f64
        self.metadata[f"{name}.f32_error_norm"] = f"{difference.norm() / f64.norm():.2e}"
        self.metadata[f"{name}.f32_error_max"] = f"{difference.abs().max() / f64.abs().max():.2e}"


def attention_statistics(weights):
    """Means over the rows of softmax weights that see two keys or more: the standard deviation of
    a row's scores (its log weights, up to a constant), and its entropy as a fraction of log(keys).
    """
    rows = weights.detach().reshape(-1, weights.shape[-1])
    stds, entropies = [], []
    for row in rows:
        row = row[row > UNSEEN]
        if len(row) < 2:
            continue
        logs = row.log()
        stds.append(logs.std(unbiased=False))
        entropies.append(-(row * logs).sum() / np.log(len(row)))
    return torch.stack(stds).mean().item(), torch.stack(entropies).mean().item()
