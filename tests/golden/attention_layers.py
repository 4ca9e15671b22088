"""The attention layers of the examples on their real inputs, by torch and numpy in float64."""

import pathlib

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import load_file

import formula
from golden import Golden

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
SENTENCE = "The animal didn't cross the street because it was too tired to go on"
FEATURES, HEADS = 192, 6


def digits(split):
    """(images [N, 64], 0 to 16, labels) of one split: 0 trains, 2 tests."""
    data = load_file(EXAMPLES / "vit" / "digits.safetensors")
    chosen = data["split"] == split
    return data["images"][chosen].reshape(-1, 64).astype(np.float64), data["labels"][chosen]


def sentence():
    words = [formula.input_array(f"word.{word}", (FEATURES,)) for word in SENTENCE.split()]
    return torch.from_numpy(np.stack(words)[None]).double()


def sinusoids(tokens, features):
    angles = np.arange(tokens)[:, None] / 10000.0 ** (np.arange(0, features, 2) / features)
    return np.stack([np.sin(angles), np.cos(angles)], 2).reshape(tokens, features)


def sines_2d(height, width, features):
    """DETR's PositionEmbeddingSine with normalisation, [height, width, features]."""
    half = features // 2

    def along(side):
        at = (np.arange(side) + 1) / (side + 1e-6) * 2 * np.pi
        angles = at[:, None] / 10000.0 ** (np.arange(0, half, 2) / half)
        return np.stack([np.sin(angles), np.cos(angles)], 2).reshape(side, half)

    rows, columns = np.broadcast_arrays(along(height)[:, None], along(width)[None])
    return np.concatenate([rows, columns], 2)


def general_attention(golden):
    def directions(images):
        return torch.from_numpy((images * 20 / np.linalg.norm(images, axis=1, keepdims=True))
                                .astype(np.float32)).double()
    (known, labels), (asked, _) = digits(0), digits(2)
    scores = directions(asked[:24]) @ directions(known).T / 8
    weights = scores.softmax(1)
    golden.add("general.scores", scores, 7)
    golden.add("general.weights", weights, 7)
    golden.add("general.context", weights @ torch.eye(10).double()[labels])


def self_attention(golden):
    weights = {name: torch.from_numpy(value).double() for name, value
               in load_file(EXAMPLES / "vit" / "digits_vit.safetensors").items()}
    images = torch.from_numpy((digits(2)[0][:8] / 16 - 0.5) / 0.5).reshape(-1, 1, 8, 8)
    x = torch.nn.functional.conv2d(images, weights["patch_embed.proj.weight"],
                                   weights["patch_embed.proj.bias"], stride=2)
    x = torch.nn.functional.layer_norm(x.flatten(2).transpose(1, 2), (64,),
                                       weights["blocks.0.norm1.weight"],
                                       weights["blocks.0.norm1.bias"], 1e-6)
    attention = torch.nn.MultiheadAttention(64, 4, batch_first=True).double()
    attention.load_state_dict({
        "in_proj_weight": weights["blocks.0.attn.qkv.weight"],
        "in_proj_bias": weights["blocks.0.attn.qkv.bias"],
        "out_proj.weight": weights["blocks.0.attn.proj.weight"],
        "out_proj.bias": weights["blocks.0.attn.proj.bias"]})
    golden.add("self.output", attention(x, x, x)[0])


def sentence_attention(golden):
    layer = formula.fill_module(torch.nn.MultiheadAttention(FEATURES, HEADS, batch_first=True))
    layer = layer.double().eval()
    x = sentence()
    later = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
    ordered = x + torch.from_numpy(sinusoids(x.shape[1], FEATURES))
    for name, tokens, mask in (("multi_head", x, None), ("masked", x, later),
                               ("ordered", ordered, None)):
        output, weights = layer(tokens, tokens, tokens, attn_mask=mask, average_attn_weights=False)
        golden.add(f"{name}.output", output)
        golden.add(f"{name}.weights", weights)
        golden.add_attention(name, weights)


def positions(golden):
    golden.add("positions.sentence", torch.from_numpy(sinusoids(64, FEATURES)), 5)
    golden.add("positions.grid", torch.from_numpy(sines_2d(26, 40, FEATURES)), 31)


class FeatureMapAttention(torch.nn.Module):
    """1 x 1 convolutions around attention over the positions of a map, and the map added."""

    def __init__(self, channels, inner):
        super().__init__()
        self.query = torch.nn.Conv2d(channels, inner, 1)
        self.key = torch.nn.Conv2d(channels, inner, 1)
        self.value = torch.nn.Conv2d(channels, inner, 1)
        self.out = torch.nn.Conv2d(inner, channels, 1)

    def forward(self, x):
        query, key, value = (f(x).flatten(2).transpose(1, 2)
                             for f in (self.query, self.key, self.value))
        weights = (query @ key.transpose(1, 2) / query.shape[-1] ** 0.5).softmax(-1)
        seen = (weights @ value).transpose(1, 2)
        return x + self.out(seen.reshape(*seen.shape[:2], *x.shape[2:])), weights


def cnn_self_attention(golden):
    picture = Image.open(EXAMPLES / "data" / "china.jpg").convert("RGB")
    shorter = 248  # floor(224 / 0.9)
    picture = picture.resize((shorter * picture.width // picture.height, shorter), Image.BICUBIC)
    left, top = round((picture.width - 224) / 2), round((shorter - 224) / 2)
    pixels = np.asarray(picture.crop((left, top, left + 224, top + 224)), np.float64)
    image = torch.from_numpy((pixels / 255 - 0.5) / 0.5).permute(2, 0, 1)[None]
    model = torch.nn.ModuleDict({"stem": torch.nn.Conv2d(3, 64, 8, 8),
                                 "attention": FeatureMapAttention(64, 32)})
    formula.fill_module(model).double()
    output, weights = model["attention"](model["stem"](image).relu())
    golden.add("cnn.output", output, 13)
    golden.add("cnn.weights", weights, 1009)


def attention_layers():
    golden = Golden()
    for layer in (general_attention, self_attention, sentence_attention, positions,
                  cnn_self_attention):
        layer(golden)
    return golden


MODELS = (attention_layers,)
