"""Trains the network of this example: captions of pictures with handwritten digits.

    python examples/image_captioning_rnn/train_image_captioning_rnn.py

Writes captions_rnn.safetensors beside this file; nothing else runs this. Needs torch and safetensors.
"""

import pathlib
import sys

import torch

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "shared"))
import captions  # noqa: E402

FEATURES, WIDTH, STATE, ATTENTION = 64, 32, 128, 64


class Captioning(torch.nn.Module):
    """A convolution network makes a grid, a GRU attends to it for every word."""

    def __init__(self):
        super().__init__()
        self.grid = captions.Grid(FEATURES)
        self.initial = torch.nn.Linear(FEATURES, STATE)
        self.decoder = torch.nn.ModuleDict({
            "embedding": torch.nn.Embedding(len(captions.WORDS), WIDTH),
            "attention": torch.nn.ModuleDict({
                "query": torch.nn.Linear(STATE, ATTENTION, bias=False),
                "key": torch.nn.Linear(FEATURES, ATTENTION, bias=False),
                "score": torch.nn.Linear(ATTENTION, 1, bias=False)}),
            "rnn": torch.nn.GRUCell(WIDTH + FEATURES, STATE),
            "output": torch.nn.Linear(STATE + FEATURES, len(captions.WORDS))})

    def forward(self, pictures, given):
        """pictures [B, 1, 24, 24], the caption up to here [B, T]: logits [B, T, words]."""
        grid = self.grid(pictures)
        state = self.initial(grid.mean(1)).tanh()
        attention = self.decoder["attention"]
        keys, words = attention["key"](grid), self.decoder["embedding"](given)
        logits = []
        for step in range(given.shape[1]):
            scores = attention["score"]((keys + attention["query"](state)[:, None]).tanh())[..., 0]
            context = torch.bmm(scores.softmax(-1)[:, None], grid)[:, 0]
            state = self.decoder["rnn"](torch.cat([words[:, step], context], -1), state)
            logits.append(self.decoder["output"](torch.cat([state, context], -1)))
        return torch.stack(logits, 1)


if __name__ == "__main__":
    captions.run(Captioning, "captions_rnn.safetensors", FOLDER, __doc__.split("\n")[0], steps=4000,
                 peak_rate=3e-3)
