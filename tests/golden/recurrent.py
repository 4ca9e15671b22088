"""torch.nn.RNN, GRU and LSTM for generate.py: README.md lists the cases."""

import torch

import formula
from golden import Golden

INPUT, HIDDEN, BATCH = 24, 40, 3
KINDS = {
    "rnn": lambda **shape: torch.nn.RNN(INPUT, HIDDEN, batch_first=True, **shape),
    "relu": lambda **shape: torch.nn.RNN(INPUT, HIDDEN, batch_first=True, nonlinearity="relu", **shape),
    "gru": lambda **shape: torch.nn.GRU(INPUT, HIDDEN, batch_first=True, **shape),
    "lstm": lambda **shape: torch.nn.LSTM(INPUT, HIDDEN, batch_first=True, **shape),
}
SHAPES = {"plain": dict(num_layers=1), "deep": dict(num_layers=2, bidirectional=True)}


def run(layer, x, initial, lengths):
    given = initial if isinstance(layer, torch.nn.LSTM) else (initial[0] if initial else None)
    if lengths is None:
        output, last = layer(x, given)
    else:
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        output, last = layer(packed, given)
        output, _ = torch.nn.utils.rnn.pad_packed_sequence(output, batch_first=True, total_length=x.shape[1])
    return output, last if isinstance(last, tuple) else (last,)


def recurrent():
    golden = Golden()
    for kind, make in KINDS.items():
        for shape_name, shape in SHAPES.items():
            layer = formula.fill_module(make(**shape).eval())
            rows = shape["num_layers"] * (2 if shape.get("bidirectional") else 1)

            def case(name, steps, given=False, lengths=None):
                name = f"{kind}_{shape_name}_{name}"
                x = torch.from_numpy(formula.input_array(f"{name}.x", (BATCH, steps, INPUT)))
                count = 2 if kind == "lstm" else 1
                initial = tuple(torch.from_numpy(formula.input_array(f"{name}.{state}", (rows, BATCH, HIDDEN), 1.0))
                                for state in "hc"[:count]) if given else None
                lengths = torch.tensor(lengths) if lengths else None
                f32, _ = run(layer.float(), x, initial, lengths)
                output, last = run(layer.double(), x.double(), initial and tuple(s.double() for s in initial), lengths)
                golden.add(f"{name}.output", output)
                for state, tensor in zip("hc", last):
                    golden.add(f"{name}.{state}", tensor)
                golden.add_f32_error(f"{name}.output", f32, output)

            case("1", 1)
            case("13", 13, given=True)
            case("ragged", 9, lengths=[4, 9, 1])
    return golden


class AttentionDecoder(torch.nn.Module):
    """A GRU cell that reads the context of additive attention over the memory beside its input."""

    def __init__(self, memory=48, hidden=32):
        super().__init__()
        self.attention = torch.nn.ModuleDict(dict(
            query=torch.nn.Linear(HIDDEN, hidden, bias=False), key=torch.nn.Linear(memory, hidden, bias=False),
            score=torch.nn.Linear(hidden, 1, bias=False)))
        self.rnn = torch.nn.GRUCell(INPUT + memory, HIDDEN)

    def forward(self, state, x, memory, lengths):
        outputs, alignment = [], []
        hidden_keys = self.attention["key"](memory)
        unseen = torch.arange(memory.shape[1])[None] >= lengths[:, None]
        for step in range(x.shape[1]):
            hidden = torch.tanh(hidden_keys + self.attention["query"](state)[:, None])
            scores = self.attention["score"](hidden)[..., 0]
            weights = scores.masked_fill(unseen, -torch.inf).softmax(-1)
            context = torch.einsum("bs,bsk->bk", weights, memory)
            state = self.rnn(torch.cat([x[:, step], context], -1), state)
            outputs.append(state)
            alignment.append(weights)
        return torch.stack(outputs, 1), torch.stack(alignment, 1)


def bahdanau():
    golden = Golden()
    model = torch.nn.ModuleDict(dict(decoder=AttentionDecoder()))
    decoder = formula.fill_module(model.eval())["decoder"]
    for steps, source in ((7, 11), (12, 5)):
        name = f"{steps}_{source}"
        inputs = [torch.from_numpy(formula.input_array(f"{name}.{what}", shape)) for what, shape in (
            ("state", (BATCH, HIDDEN)), ("x", (BATCH, steps, INPUT)), ("memory", (BATCH, source, 48)))]
        lengths = torch.tensor([source, 1, source - 2])
        f32, _ = decoder.float()(*inputs, lengths)
        output, weights = decoder.double()(*(x.double() for x in inputs), lengths)
        golden.add(f"{name}.output", output)
        golden.add(f"{name}.weights", weights)
        golden.add_f32_error(f"{name}.output", f32, output)
    return golden


MODELS = (recurrent, bahdanau)
