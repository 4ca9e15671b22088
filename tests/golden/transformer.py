"""torch.nn.Transformer, of which the examples' and benchmarks' encoder-decoder takes its names."""

import torch

import formula
from golden import Golden


def run(golden, model, prefix, batch, source_length, target_length, lengths=None, stride=1,
        layers=True):
    """Adds the outputs of both stacks as PREFIX.encoder and PREFIX.decoder, and of every layer."""
    width = model.d_model
    source = torch.from_numpy(formula.input_array(f"{prefix}.source", (batch, source_length, width)))
    target = torch.from_numpy(formula.input_array(f"{prefix}.target", (batch, target_length, width)))
    padding = None
    if lengths:
        padding = torch.arange(source_length)[None] >= torch.tensor(lengths)[:, None]
    later = torch.ones(target_length, target_length, dtype=torch.bool).triu(1)

    def forward():
        memory = model.encoder(source, src_key_padding_mask=padding)
        return model.decoder(target, memory, tgt_mask=later, memory_key_padding_mask=padding)

    f32_output = forward()
    source, target, model = source.double(), target.double(), model.double()
    kept = torch.arange(source_length)[None] < torch.tensor(lengths or [source_length] * batch)[:, None]
    hooks = []
    for part, name in ((model.encoder, "encoder"), (model.decoder, "decoder")):
        modules = [(f"{name}.layers.{n}", layer) for n, layer in enumerate(part.layers) if layers]
        for layer_name, layer in modules + [(name, part)]:
            def keep(_, inputs, output, layer_name=layer_name, encoder=name == "encoder"):
                rows = output * kept[:, :, None] if encoder else output  # padding's rows mean nothing
                golden.add(f"{prefix}.{layer_name}", rows, stride)
            hooks.append(layer.register_forward_hook(keep))
    for name, layer in model.named_modules():
        if isinstance(layer, torch.nn.MultiheadAttention):
            layer.register_forward_pre_hook(
                lambda _, inputs, keywords: (inputs, keywords | {"need_weights": True,
                                                                 "average_attn_weights": False}),
                with_kwargs=True)
            hooks.append(layer.register_forward_hook(
                lambda _, inputs, output, name=name: golden.add_attention(
                    f"{prefix}.{name}", output[1])))
    golden.add_f32_error(prefix, f32_output, forward())
    for hook in hooks:
        hook.remove()


def transformer():
    """`base` at full size, of odd lengths; `speed`, the benchmark's; `padded`: one layer of each,
    rows of unlike length."""
    golden = Golden()

    def model(depth):
        net = torch.nn.Transformer(num_encoder_layers=depth, num_decoder_layers=depth, dropout=0.0,
                                   batch_first=True)
        # Not eval(): torch's fast path for inference gives no weights out.
        return formula.fill_module(net)

    golden.metadata["stride"] = "29"
    run(golden, model(6), "base", 2, 37, 23, stride=29)
    run(golden, model(6), "speed", 1, 128, 128, stride=29, layers=False)  # bench/sequence_cases.cpp
    run(golden, model(1), "padded", 3, 33, 7, lengths=[33, 5, 18], stride=29)
    return golden


MODELS = (transformer,)
