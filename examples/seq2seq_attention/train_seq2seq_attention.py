"""Trains the networks of seq2seq_attention and, with --rnn, of seq2seq_rnn: dates to ISO 8601.

    python examples/seq2seq_attention/train_seq2seq_attention.py [--rnn]

The weights lie beside the examples; nothing else runs this. Needs torch and safetensors.
"""

import pathlib
import sys

import torch

EXAMPLES = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(EXAMPLES / "shared"))
import dates  # noqa: E402

LETTERS, WIDTH, ENCODER, STATE, ATTENTION = 32, 32, 64, 128, 64
MEMORY = 2 * ENCODER


class Seq2Seq(torch.nn.Module):
    """A GRU reads in both directions, another writes. What it sees of the text at each step: with
    attention a new mean of all that was read, without it always the last states."""

    def __init__(self, attention):
        super().__init__()
        self.encoder = torch.nn.ModuleDict({
            "embedding": torch.nn.Embedding(len(dates.SOURCE), LETTERS),
            "rnn": torch.nn.GRU(LETTERS, ENCODER, batch_first=True, bidirectional=True),
            "initial": torch.nn.Linear(MEMORY, STATE)})
        self.decoder = torch.nn.ModuleDict({
            "embedding": torch.nn.Embedding(len(dates.TARGET), WIDTH),
            "rnn": torch.nn.GRUCell(WIDTH + MEMORY, STATE),
            "output": torch.nn.Linear(STATE + MEMORY, len(dates.TARGET))})
        if attention:
            self.decoder["attention"] = torch.nn.ModuleDict({
                "query": torch.nn.Linear(STATE, ATTENTION, bias=False),
                "key": torch.nn.Linear(MEMORY, ATTENTION, bias=False),
                "score": torch.nn.Linear(ATTENTION, 1, bias=False)})

    def forward(self, source, lengths, given):
        """source [B, S], its lengths, the target up to here [B, T]: logits [B, T, letters]."""
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            self.encoder["embedding"](source), lengths, batch_first=True, enforce_sorted=False)
        memory, last = self.encoder["rnn"](packed)
        memory, _ = torch.nn.utils.rnn.pad_packed_sequence(memory, batch_first=True)
        summary = torch.cat([last[0], last[1]], -1)
        state = self.encoder["initial"](summary).tanh()
        inputs = self.decoder["embedding"](given)
        attention = self.decoder["attention"] if "attention" in self.decoder else None
        if attention is not None:
            keys = attention["key"](memory)
            unseen = torch.arange(memory.shape[1]) >= lengths[:, None]
        contexts, states = [], []
        for step in range(given.shape[1]):
            context = summary
            if attention is not None:
                scores = attention["score"]((keys + attention["query"](state)[:, None]).tanh())[..., 0]
                weights = scores.masked_fill(unseen, -torch.inf).softmax(-1)
                context = torch.bmm(weights[:, None], memory)[:, 0]
            state = self.decoder["rnn"](torch.cat([inputs[:, step], context], -1), state)
            states.append(state)
            contexts.append(context)
        return self.decoder["output"](torch.cat([torch.stack(states, 1), torch.stack(contexts, 1)], -1))


def main():
    attention = "--rnn" not in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--rnn"]
    name = "seq2seq_attention" if attention else "seq2seq_rnn"
    dates.run(lambda: Seq2Seq(attention), "dates_attention.safetensors" if attention else "dates_rnn.safetensors",
              EXAMPLES / name, __doc__.split("\n")[0], steps=2400)


if __name__ == "__main__":
    main()
