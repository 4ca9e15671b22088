"""The trained networks of the examples that write, on their tests, by torch in float64."""

import pathlib
import sys

import torch
from safetensors.torch import load_file

from golden import Golden

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES / "seq2seq_attention"))
for folder in ("transformer_translation", "image_captioning_rnn", "image_captioning_transformer", "shared"):
    sys.path.insert(0, str(EXAMPLES / folder))
import captions as pictured  # noqa: E402
import dates  # noqa: E402
import train_image_captioning_rnn  # noqa: E402
import train_image_captioning_transformer  # noqa: E402
from train_seq2seq_attention import Seq2Seq  # noqa: E402
from train_transformer_translation import Translation  # noqa: E402

TEXTS, STRIDE = 24, 3


def seq2seq():
    """Logits of what follows each letter of the right translation, up to its stop; zeros behind."""
    golden = Golden()
    golden.metadata["stride"] = str(STRIDE)
    source, lengths, target = dates.tensors(dates.compose(TEXTS, dates.TEST, 2))
    for name, model, file in (("rnn", Seq2Seq(False), "seq2seq_rnn/dates_rnn"),
                              ("attention", Seq2Seq(True), "seq2seq_attention/dates_attention"),
                              ("transformer", Translation(), "transformer_translation/dates_transformer")):
        model.load_state_dict(load_file(EXAMPLES / f"{file}.safetensors"))
        f32 = model(source, lengths, target[:, :-1])
        logits = model.double()(source, lengths, target[:, :-1])
        known = dates.known_part(target)[:, :, None]
        golden.add(f"{name}.logits", logits * known, STRIDE)
        golden.add_f32_error(f"{name}.logits", f32 * known, logits * known)
    return golden


def captions():
    """Logits of what follows each word of the right caption, up to its stop; zeros behind."""
    golden = Golden()
    golden.metadata["stride"] = str(STRIDE)
    pictures, words = (tensor[:TEXTS] for tensor in pictured.test_set())
    for name, example in (("rnn", train_image_captioning_rnn), ("transformer", train_image_captioning_transformer)):
        model = example.Captioning()
        model.load_state_dict(load_file(example.FOLDER / f"captions_{name}.safetensors"))
        shown = pictured.normalised(pictures)
        f32 = model(shown, words[:, :-1])
        logits = model.double()(shown.double(), words[:, :-1])
        known = dates.known_part(words)[:, :, None]
        golden.add(f"{name}.logits", logits * known, STRIDE)
        golden.add_f32_error(f"{name}.logits", f32 * known, logits * known)
    return golden


MODELS = (seq2seq, captions)
