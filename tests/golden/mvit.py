"""MViTv2: timm's MultiScaleVit; MViT for clips: torchvision's."""

import unittest.mock

import numpy as np
import timm
import torch
import torchvision.models.video.mvit as video
from timm.models.mvitv2 import MultiScaleVit, MultiScaleVitCfg

import formula
from golden import Golden
from swin import record


def hear_attention(golden, names, run, sample):
    """Records `sample` of what goes through Tensor.softmax while `run` runs, one call for each of `names`."""
    softmax = torch.Tensor.softmax
    names = iter(names)

    def heard(scores, dim):
        weights = softmax(scores, dim)
        golden.add_attention(f"{next(names)}.attn", weights[sample])
        return weights

    torch.Tensor.softmax = heard
    run()
    torch.Tensor.softmax = softmax


def timm_mvit_v2(model, batch, image_size, stride=1):
    golden = Golden()
    model = formula.fill_module(model.eval())
    image = torch.from_numpy(formula.input_array("input", (batch, 3, image_size, image_size)))
    blocks = {f"stages.{i}.blocks.{j}": block
              for i, stage in enumerate(model.stages) for j, block in enumerate(stage.blocks)}
    hear_attention(golden, blocks, lambda: model(image[:1]), np.s_[:1, :1, ::7])
    return record(golden, model, blocks, model.patch_embed, model, image, stride)


def mvitv2_tiny():
    return timm_mvit_v2(timm.create_model("mvitv2_tiny", pretrained=False), batch=3, image_size=224, stride=211)


def mvit_v2_64():
    model = MultiScaleVit(MultiScaleVitCfg(depths=(1, 2, 1, 1)), img_size=(64, 64), num_classes=10)
    return timm_mvit_v2(model, batch=2, image_size=64, stride=7)


def torchvision_mvit(model, batch, frames, image_size, stride, heard=np.s_[:]):
    """`heard`: the attention weights [batch, head, query, key] that count for the metadata."""
    golden = Golden()
    model = formula.fill_module(model.eval())
    clip = torch.from_numpy(formula.input_array("input", (batch, 3, frames, image_size, image_size)))
    blocks = {f"blocks.{i}": block for i, block in enumerate(model.blocks)}
    hear_attention(golden, blocks, lambda: model(clip), heard)
    return record(golden, model, blocks, model.pos_encoding, model, clip, stride)


def reduced(model, kept):
    """The blocks `kept` of a model's configuration, as torchvision makes it, for clips of 4 x 64 x 64."""
    captured = {}
    with unittest.mock.patch.object(video, "MViT", lambda **settings: captured.update(settings)):
        model()
    captured["block_setting"] = [captured["block_setting"][i] for i in kept]
    return video.MViT(**captured | {"spatial_size": (64, 64), "temporal_size": 4, "num_classes": 10})


def mvit_v1_64():
    return torchvision_mvit(reduced(video.mvit_v1_b, (0, 1, 2, 3, 13, 14)), batch=2, frames=4, image_size=64, stride=7)


def mvit_v2_clip_64():
    return torchvision_mvit(reduced(video.mvit_v2_s, (0, 1, 2, 3, 14)), batch=2, frames=4, image_size=64, stride=7)


def full_size(model):
    return torchvision_mvit(model(), batch=1, frames=16, image_size=224, stride=1999, heard=np.s_[:1, :1, ::37])


def mvit_v1_b():
    return full_size(video.mvit_v1_b)


def mvit_v2_s():
    return full_size(video.mvit_v2_s)


MODELS = (mvitv2_tiny, mvit_v2_64, mvit_v1_64, mvit_v2_clip_64, mvit_v1_b, mvit_v2_s)
