"""MViTv2: timm's MultiScaleVit."""

import timm
import torch
from timm.models.mvitv2 import MultiScaleVit, MultiScaleVitCfg

import formula
from golden import Golden
from swin import record


def timm_mvit_v2(model, batch, image_size, stride=1):
    golden = Golden()
    model = formula.fill_module(model.eval())
    image = torch.from_numpy(formula.input_array("input", (batch, 3, image_size, image_size)))
    blocks = {f"stages.{i}.blocks.{j}": block
              for i, stage in enumerate(model.stages) for j, block in enumerate(stage.blocks)}
    softmax = torch.Tensor.softmax
    names = iter(blocks)

    def heard(scores, dim):  # one call a block
        weights = softmax(scores, dim)
        golden.add_attention(f"{next(names)}.attn", weights[:1, :1, ::7])
        return weights

    torch.Tensor.softmax = heard
    model(image[:1])
    torch.Tensor.softmax = softmax
    return record(golden, model, blocks, model.patch_embed, model, image, stride)


def mvitv2_tiny():
    return timm_mvit_v2(timm.create_model("mvitv2_tiny", pretrained=False), batch=3, image_size=224, stride=211)


def mvit_v2_64():
    model = MultiScaleVit(MultiScaleVitCfg(depths=(1, 2, 1, 1)), img_size=(64, 64), num_classes=10)
    return timm_mvit_v2(model, batch=2, image_size=64, stride=7)


MODELS = (mvitv2_tiny, mvit_v2_64)
