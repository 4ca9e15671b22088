"""Writes the golden tensors: a trusted implementation with formula weights, run in float64.

    python tests/golden/generate.py            every model
    python tests/golden/generate.py vit_tiny   the named ones

README.md beside this file describes the files. Needs torch, timm, transformers and safetensors.
"""

import argparse
import pathlib

import timm
import torch
from safetensors.numpy import save_file

import attention_layers
import detr
import formula
import mvit
import recurrent
import seq2seq
import swin
import transformer
from golden import Golden

def vision_transformer(model, batch, image_size, stride=1):
    """The tokens that enter block 0, every block's output, and the logits."""
    golden = Golden()
    model = formula.fill_module(model.eval())
    image = torch.from_numpy(formula.input_array("input", (batch, 3, image_size, image_size)))
    golden.metadata["input"] = str([batch, 3, image_size, image_size])
    golden.metadata["stride"] = str(stride)
    f32_logits = model(image)

    model = model.double()
    model.blocks[0].register_forward_pre_hook(
        lambda _, inputs: golden.add("embed", inputs[0], stride))
    for index, block in enumerate(model.blocks):
        block.register_forward_hook(
            lambda _, inputs, output, name=f"blocks.{index}": golden.add(name, output, stride))
        block.attn.fused_attn = False  # so that the weights pass through attn_drop
        block.attn.attn_drop.register_forward_pre_hook(
            lambda _, inputs, name=f"blocks.{index}.attn": golden.add_attention(name, inputs[0]))
    logits = model(image.double())
    golden.add("logits", logits)
    golden.add_f32_error("logits", f32_logits, logits)
    return golden


def vit_b_16():
    model = timm.create_model("vit_base_patch16_224", pretrained=False, num_classes=1000)
    return vision_transformer(model, batch=2, image_size=224, stride=61)


def vit_b_16_80():
    model = timm.models.VisionTransformer(img_size=80, depth=1)
    return vision_transformer(model, batch=2, image_size=80, stride=7)


def vit_l_16():
    model = timm.create_model("vit_large_patch16_224", pretrained=False, num_classes=1000)
    return vision_transformer(model, batch=1, image_size=224, stride=211)


def vit_s_16_80():
    model = timm.models.VisionTransformer(img_size=80, embed_dim=384, num_heads=6, depth=1)
    return vision_transformer(model, batch=2, image_size=80, stride=7)


def vit_l_16_80():
    model = timm.models.VisionTransformer(img_size=80, embed_dim=1024, num_heads=16, depth=1)
    return vision_transformer(model, batch=2, image_size=80, stride=7)


def vit_b_32_160():
    model = timm.models.VisionTransformer(img_size=160, patch_size=32, depth=1)
    return vision_transformer(model, batch=2, image_size=160, stride=7)


def vit_tiny():
    model = timm.models.VisionTransformer(
        img_size=48, patch_size=16, embed_dim=96, depth=2, num_heads=3, num_classes=10)
    return vision_transformer(model, batch=3, image_size=48)


def residual_network(batch, height, width, stride):
    """timm's resnet50: the stem, every stage, the logits."""
    golden = Golden()
    model = formula.fill_module(timm.create_model("resnet50", pretrained=False).eval())
    image = torch.from_numpy(formula.input_array("input", (batch, 3, height, width)))
    golden.metadata["input"] = str([batch, 3, height, width])
    golden.metadata["stride"] = str(stride)
    f32_logits = model(image)

    model = model.double()
    for name in ("maxpool", "layer1", "layer2", "layer3", "layer4"):
        getattr(model, name).register_forward_hook(
            lambda _, inputs, output, name=name: golden.add(name, output, stride))
    logits = model(image.double())
    golden.add("logits", logits)
    golden.add_f32_error("logits", f32_logits, logits)
    return golden


def resnet50():
    return residual_network(batch=3, height=224, width=224, stride=499)


def resnet50_33x47():
    return residual_network(batch=2, height=33, width=47, stride=29)


def mha():
    """torch.nn.MultiheadAttention, width 96, 3 heads, batch 3: README.md lists the cases."""
    golden = Golden()
    batch, width, heads = 3, 96, 3
    layer = formula.fill_module(torch.nn.MultiheadAttention(width, heads, batch_first=True).eval())

    def case(name, queries, keys=None, causal=False, additive=False, key_mask=False):
        query = torch.from_numpy(formula.input_array(f"{name}.query", (batch, queries, width)))
        key = query
        if keys is not None:
            key = torch.from_numpy(formula.input_array(f"{name}.key", (batch, keys, width)))
        keys = key.shape[1]

        attn_mask = padding = None
        if causal:
            attn_mask = torch.ones(queries, keys, dtype=torch.bool).triu(1)
        if additive:
            attn_mask = torch.from_numpy(formula.input_array(f"{name}.mask", (queries, keys)))
        if key_mask:
            padding = torch.from_numpy(formula.input_array(f"{name}.mask", (batch, keys)) < 0)
            padding[:, 0] = False

        def run(dtype):
            mask = attn_mask.to(dtype) if additive else attn_mask
            return layer.to(dtype)(query.to(dtype), key.to(dtype), key.to(dtype), attn_mask=mask,
                                   key_padding_mask=padding, average_attn_weights=False)

        f32_output, _ = run(torch.float32)
        output, weights = run(torch.float64)
        layer.float()
        golden.add(f"{name}.output", output)
        golden.add_f32_error(f"{name}.output", f32_output, output)
        if keys > 1:
            golden.add_attention(name, weights)
        if name == "cross_7_33":
            golden.add(f"{name}.weights", weights)

    for length in (1, 7, 33, 197):
        case(f"self_{length}", length)
    case("cross_7_33", 7, keys=33)
    case("cross_33_7", 33, keys=7)
    case("causal_33", 33, causal=True)
    case("additive_33", 33, additive=True)
    case("key_mask_33", 33, key_mask=True)
    return golden


MODELS = {f.__name__: f for f in (
    vit_b_16, vit_b_16_80, vit_l_16, vit_s_16_80, vit_l_16_80, vit_b_32_160, vit_tiny, mha, resnet50, resnet50_33x47,
    *detr.MODELS, *swin.MODELS, *mvit.MODELS, *recurrent.MODELS, *seq2seq.MODELS,
    *attention_layers.MODELS, *transformer.MODELS)}


def main():
    parser = argparse.ArgumentParser(description="Writes the golden tensors beside this file.")
    parser.add_argument("models", nargs="*", metavar="model", help=", ".join(MODELS))
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    arguments = parser.parse_args()
    unknown = set(arguments.models) - set(MODELS)
    if unknown:
        parser.error(f"unknown model: {', '.join(sorted(unknown))}")

    torch.set_num_threads(1)
    for name in arguments.models or MODELS:
        with torch.no_grad():
            golden = MODELS[name]()
        path = arguments.output / f"{name}.safetensors"
        save_file(golden.tensors, path, metadata=golden.metadata)
        print(f"{path.name}: {path.stat().st_size} bytes")
        for key, value in golden.metadata.items():
            print(f"  {key} = {value}")


if __name__ == "__main__":
    main()
