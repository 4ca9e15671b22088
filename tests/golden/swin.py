"""Swin: timm's SwinTransformer, and transformers' for sizes that are padded.

timm shifts before it pads, the authors' detection backbone and transformers pad before they shift; where nothing is
padded all of them agree, which is checked here.
"""

import timm
import torch
import transformers

import formula
from golden import Golden

HF_NAMES = {
    "patch_embed.proj": "swin.embeddings.patch_embeddings.projection",
    "patch_embed.norm": "swin.embeddings.norm",
    "norm": "swin.layernorm",
    "head.fc": "classifier",
}
HF_BLOCK_NAMES = {
    "norm1": "layernorm_before", "norm2": "layernorm_after", "mlp.fc1": "mlp.fc1", "mlp.fc2": "mlp.fc2",
    "attn.proj": "attention.o_proj",
}


def record(golden, model, blocks, embed, run, image, stride):
    """The embedded patches, every block's output, the logits; how the f32 run differs."""
    golden.metadata["input"] = str(list(image.shape))
    golden.metadata["stride"] = str(stride)
    f32_logits = run(image)
    model.double()
    embed.register_forward_hook(lambda _, inputs, output: golden.add("embed", first(output), stride))
    for name, block in blocks.items():
        block.register_forward_hook(
            lambda _, inputs, output, name=name: golden.add(name, first(output), stride))
    logits = run(image.double())
    golden.add("logits", logits)
    golden.add_f32_error("logits", f32_logits, logits)
    return golden


def first(output):
    return output[0] if isinstance(output, tuple) else output


def timm_swin(model, batch, stride=1):
    golden = Golden()
    model = formula.fill_module(model.eval())
    image = torch.from_numpy(formula.input_array("input", (batch, 3, *model.patch_embed.img_size)))
    blocks = {f"layers.{i}.blocks.{j}": block
              for i, layer in enumerate(model.layers) for j, block in enumerate(layer.blocks)}
    heard = []
    for name, block in blocks.items():
        block.attn.fused_attn = False  # so that the weights pass through attn_drop
        heard.append(block.attn.attn_drop.register_forward_pre_hook(
            lambda _, inputs, name=f"{name}.attn": golden.add_attention(name, inputs[0][:64])))
    model(image[:1])
    for hook in heard:
        hook.remove()
    return record(golden, model, blocks, model.patch_embed, model, image, stride)


def swin_t():
    model = timm.create_model("swin_tiny_patch4_window7_224", pretrained=False)
    return timm_swin(model, batch=3, stride=211)


def swin_b():
    model = timm.create_model("swin_base_patch4_window7_224", pretrained=False)
    return timm_swin(model, batch=1, stride=211)


def swin_56():
    model = timm.models.SwinTransformer(
        img_size=56, depths=(2, 1), num_heads=(3, 6), embed_dim=96, num_classes=10)
    return timm_swin(model, batch=2, stride=7)


def hf_state(state):
    """timm's names and its joined projection in those of transformers."""
    result = {}
    for name, value in state.items():
        module, leaf = name.rsplit(".", 1)
        if module in HF_NAMES:
            result[f"{HF_NAMES[module]}.{leaf}"] = value
            continue
        _, layer, rest = module.split(".", 2)
        if rest.startswith("downsample"):  # a stage of transformers ends where one of timm begins
            result[f"swin.encoder.layers.{int(layer) - 1}.{rest}.{leaf}"] = value
            continue
        _, block, rest = rest.split(".", 2)
        prefix = f"swin.encoder.layers.{layer}.blocks.{block}."
        if leaf == "relative_position_bias_table":
            result[f"{prefix}attention.relative_position_bias.{leaf}"] = value
        elif rest == "attn.qkv":
            for part, piece in zip("qkv", value.chunk(3)):
                result[f"{prefix}attention.{part}_proj.{leaf}"] = piece
        else:
            result[f"{prefix}{HF_BLOCK_NAMES[rest]}.{leaf}"] = value
    return result


def hf_swin(timm_model, image_size, classes):
    depths = [len(layer.blocks) for layer in timm_model.layers]
    heads = [layer.blocks[0].attn.num_heads for layer in timm_model.layers]
    model = transformers.SwinForImageClassification(transformers.SwinConfig(
        image_size=image_size, embed_dim=timm_model.embed_dim, depths=depths, num_heads=heads,
        num_labels=classes)).eval()
    missing, unexpected = model.load_state_dict(hf_state(timm_model.state_dict()), strict=False)
    if unexpected or any("relative_position_index" not in name for name in missing):
        raise SystemExit(f"names differ: {missing}, {unexpected}")
    return model


def swin_230x310():
    depths, classes = (2, 2, 2, 2), 10
    peer = formula.fill_module(timm.models.SwinTransformer(depths=depths, num_classes=classes).eval())
    square = torch.from_numpy(formula.input_array("square", (1, 3, 224, 224)))
    expected, found = peer(square), hf_swin(peer, 224, classes)(square).logits
    if (expected - found).norm() > 1e-5 * expected.norm():
        raise SystemExit("timm and transformers differ where nothing is padded")

    model = hf_swin(peer, (230, 310), classes)
    blocks = {f"layers.{i}.blocks.{j}": block
              for i, layer in enumerate(model.swin.encoder.layers) for j, block in enumerate(layer.blocks)}
    image = torch.from_numpy(formula.input_array("input", (2, 3, 230, 310)))
    return record(Golden(), model, blocks, model.swin.embeddings.norm, lambda x: model(x).logits, image,
                  stride=211)


MODELS = (swin_t, swin_b, swin_56, swin_230x310)
