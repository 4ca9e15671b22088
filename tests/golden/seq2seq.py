"""The trained networks of the date examples on texts of their test, by torch in float64."""

import pathlib
import sys

import torch
from safetensors.torch import load_file

from golden import Golden

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES / "seq2seq_attention"))
sys.path.insert(0, str(EXAMPLES / "shared"))
import dates  # noqa: E402
from train_seq2seq_attention import Seq2Seq  # noqa: E402

TEXTS, STRIDE = 24, 3


def seq2seq():
    """Logits of what follows each letter of the right translation, up to its stop; zeros behind."""
    golden = Golden()
    golden.metadata["stride"] = str(STRIDE)
    source, lengths, target = dates.tensors(dates.compose(TEXTS, dates.TEST, 2))
    for name, attention, file in (("rnn", False, "seq2seq_rnn/dates_rnn"),
                                  ("attention", True, "seq2seq_attention/dates_attention")):
        model = Seq2Seq(attention)
        model.load_state_dict(load_file(EXAMPLES / f"{file}.safetensors"))
        f32 = model(source, lengths, target[:, :-1])
        logits = model.double()(source, lengths, target[:, :-1])
        known = dates.known_part(target)[:, :, None]
        golden.add(f"{name}.logits", logits * known, STRIDE)
        golden.add_f32_error(f"{name}.logits", f32 * known, logits * known)
    return golden


MODELS = (seq2seq,)
