"""Trains the network of this example: captions of pictures with handwritten digits.

    python examples/image_captioning_transformer/train_image_captioning_transformer.py

Writes captions_transformer.safetensors beside this file; nothing else runs this. Needs torch and
safetensors.
"""

import pathlib
import sys

import torch

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "shared"))
import captions  # noqa: E402

FEATURES, HEADS, HIDDEN, DECODERS = 64, 4, 128, 2


def sinusoids():
    angles = torch.arange(captions.LONGEST)[:, None] / 10000.0 ** (torch.arange(0, FEATURES, 2) / FEATURES).double()
    return torch.stack([angles.sin(), angles.cos()], 2).reshape(captions.LONGEST, FEATURES)


class Captioning(torch.nn.Module):
    """A convolution network makes a grid, a Transformer's decoder attends to it."""

    def __init__(self):
        super().__init__()
        self.grid = captions.Grid(FEATURES)
        self.target_embedding = torch.nn.Embedding(len(captions.WORDS), FEATURES)
        torch.nn.init.normal_(self.target_embedding.weight, std=FEATURES ** -0.5)
        self.decoder = torch.nn.TransformerDecoder(
            torch.nn.TransformerDecoderLayer(FEATURES, HEADS, HIDDEN, dropout=0.0, batch_first=True), DECODERS,
            torch.nn.LayerNorm(FEATURES))
        self.output = torch.nn.Linear(FEATURES, len(captions.WORDS))
        self.register_buffer("table", sinusoids(), persistent=False)

    def forward(self, pictures, given):
        """pictures [B, 1, 24, 24], the caption up to here [B, T]: logits [B, T, words]."""
        words = self.target_embedding(given) * FEATURES ** 0.5
        words = words + self.table[:given.shape[1]].to(words.dtype)
        later = torch.ones(given.shape[1], given.shape[1], dtype=torch.bool).triu(1)
        return self.output(self.decoder(words, self.grid(pictures), tgt_mask=later))


if __name__ == "__main__":
    captions.run(Captioning, "captions_transformer.safetensors", FOLDER, __doc__.split("\n")[0], steps=4000,
                 peak_rate=2e-3)
