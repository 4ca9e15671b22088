"""Trains the Transformer of this example: dates to ISO 8601, as in seq2seq_attention.

    python examples/transformer_translation/train_transformer_translation.py

Writes dates_transformer.safetensors beside this file; nothing else runs this. Needs torch and
safetensors.
"""

import pathlib
import sys

import torch

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "shared"))
import dates  # noqa: E402

FEATURES, HEADS, HIDDEN, ENCODERS, DECODERS, LONGEST = 64, 4, 128, 2, 2, 128


def sinusoids():
    angles = torch.arange(LONGEST)[:, None] / 10000.0 ** (torch.arange(0, FEATURES, 2) / FEATURES).double()
    return torch.stack([angles.sin(), angles.cos()], 2).reshape(LONGEST, FEATURES)


class Translation(torch.nn.Module):
    """dsl/nn/translation.h, with its names."""

    def __init__(self):
        super().__init__()
        self.source_embedding = torch.nn.Embedding(len(dates.SOURCE), FEATURES)
        self.target_embedding = torch.nn.Embedding(len(dates.TARGET), FEATURES)
        for embedding in (self.source_embedding, self.target_embedding):
            torch.nn.init.normal_(embedding.weight, std=FEATURES ** -0.5)
        net = torch.nn.Transformer(FEATURES, HEADS, ENCODERS, DECODERS, HIDDEN, dropout=0.0, batch_first=True)
        self.encoder, self.decoder = net.encoder, net.decoder
        self.encoder.enable_nested_tensor = False
        self.output = torch.nn.Linear(FEATURES, len(dates.TARGET))
        self.register_buffer("table", sinusoids(), persistent=False)

    def place(self, embedding, tokens):
        table = self.table[:tokens.shape[1]].to(embedding.weight.dtype)
        return embedding(tokens) * FEATURES ** 0.5 + table

    def forward(self, source, lengths, given):
        """source [B, S], its lengths, the target up to here [B, T]: logits [B, T, letters]."""
        unseen = torch.arange(source.shape[1]) >= lengths[:, None]
        memory = self.encoder(self.place(self.source_embedding, source), src_key_padding_mask=unseen)
        later = torch.ones(given.shape[1], given.shape[1], dtype=torch.bool).triu(1)
        y = self.decoder(self.place(self.target_embedding, given), memory, tgt_mask=later,
                         memory_key_padding_mask=unseen)
        return self.output(y)


if __name__ == "__main__":
    dates.run(Translation, "dates_transformer.safetensors", FOLDER, __doc__.split("\n")[0], steps=4000,
              peak_rate=2e-3)
