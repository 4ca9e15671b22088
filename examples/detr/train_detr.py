"""Trains the digits DETR of this example: it finds handwritten digits in pictures composed of them.

    python examples/detr/train_detr.py

Writes digits_detr.safetensors (f32 weights, transformers' names) beside this file and reads the
test split once. A picture has digits of one split alone; the splits are those of the vit example.
Needs scipy and what examples/vit/train_digits.py needs. The committed weights serve the example;
nothing else runs this.
"""

import copy
import math
import pathlib
import sys
import time

import numpy as np
import safetensors.torch
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import nn

FOLDER = pathlib.Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent / "vit"))
sys.path.insert(0, str(FOLDER.parents[1] / "tests" / "golden"))
import formula  # noqa: E402
import train_digits  # noqa: E402
import training  # noqa: E402

SIDE, MOST, CANDIDATES = 64, 4, 16  # of a picture; its most digits; places tried for them
LEAST_INK = 0.25                    # of rows and columns within a digit's box
CLASSES, QUERIES, DEPTH, FEATURES, HEADS, HIDDEN, GRID = 10, 16, 2, 64, 4, 128, 8


# Pictures: scenes.h beside this file is the same

def place(uniform):
    """Where digits stand. uniform: [pictures, 1 + 4 CANDIDATES] in [0, 1). Gives sides, lefts, tops
    [pictures, MOST], which digit as a fraction, and how many there are. A candidate is taken if it
    covers at most a tenth of the smaller one of itself and each taken before."""
    count = 1 + np.floor(uniform[:, 0] * MOST).astype(int)
    candidates = uniform[:, 1:].reshape(-1, CANDIDATES, 4)
    taken, found = np.zeros((len(uniform), MOST, 4)), np.zeros(len(uniform), int)
    for n in range(CANDIDATES):
        side = 14 + 14 * candidates[:, n, 0]
        left, top = candidates[:, n, 1] * (SIDE - side), candidates[:, n, 2] * (SIDE - side)
        others = taken[..., 0]
        across = np.minimum((left + side)[:, None], taken[..., 1] + others) - np.maximum(left[:, None], taken[..., 1])
        down = np.minimum((top + side)[:, None], taken[..., 2] + others) - np.maximum(top[:, None], taken[..., 2])
        shared = np.maximum(across, 0) * np.maximum(down, 0)
        free = np.all(shared <= 0.1 * np.minimum(side[:, None], others) ** 2, axis=1) & (found < count)
        rows = np.flatnonzero(free)
        taken[rows, found[rows]] = np.stack([side, left, top, candidates[:, n, 3]], 1)[rows]
        found[rows] += 1
    return taken, found


def draw(digits, taken, found):
    """digits: [pictures, MOST, 8, 8], ink from 0 to 1. Gives the pictures, [pictures, 1, SIDE, SIDE]
    from -1 to 1, and the boxes of the ink, [pictures, MOST, 4]: centre and size as shares of SIDE."""
    side, left, top = (torch.from_numpy(taken[..., n]).float() for n in range(3))
    there = torch.arange(MOST) < torch.from_numpy(found)[:, None]
    pixel, cell = torch.arange(SIDE) + 0.5, torch.arange(8)

    def weights(begin):  # [pictures, MOST, SIDE, 8]: bilinear, nothing outside of the digit
        at = (pixel - begin[..., None]) / side.clamp(min=1)[..., None] * 8 - 0.5
        return (1 - (at[..., None] - cell).abs()).clamp(min=0)

    ink = weights(top) @ digits @ weights(left).transpose(-1, -2) * there[..., None, None]

    def extent(dark, begin):  # dark: [pictures, MOST, 8] along an axis
        first = dark.float().argmax(-1)
        last = 7 - dark.flip(-1).float().argmax(-1)
        return begin + first * side / 8, begin + (last + 1) * side / 8

    x0, x1 = extent(digits.amax(-2) >= LEAST_INK, left)
    y0, y1 = extent(digits.amax(-1) >= LEAST_INK, top)
    boxes = torch.stack([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], -1) / SIDE
    return ink.amax(1, keepdim=True) * 2 - 1, boxes


def scenes(name, count, images, labels):
    """Pictures that everybody can compose anew: NAME.0, NAME.1, …, of images [N, 1, 8, 8]."""
    uniform = np.stack([(formula.unit_values(f"{name}.{n}", 1 + 4 * CANDIDATES) + 1) / 2 for n in range(count)])
    taken, found = place(uniform)
    which = torch.from_numpy(np.floor(taken[..., 3] * len(images)).astype(int))
    pictures, boxes = draw((images[which, 0] + 1) / 2, taken, found)
    return pictures, boxes, labels[which], found


# The network: nn::detr with the stem of detr.cpp

class Stem(nn.Module):
    def __init__(self):
        super().__init__()
        for n, (inputs, outputs, stride) in enumerate(((1, 16, 2), (16, 32, 2), (32, 64, 2), (64, 64, 1))):
            self.add_module(str(n), nn.ModuleDict({
                "conv": nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), "bn": nn.BatchNorm2d(outputs)}))
        self.places = nn.Parameter(torch.zeros(64, GRID, GRID))

    def forward(self, x):
        for n in range(4):
            layer = getattr(self, str(n))
            x = F.relu(layer["bn"](layer["conv"](x)))
        return x + self.places


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(FEATURES, FEATURES) for _ in range(4))

    def forward(self, query, key, value):
        def heads(x):
            return x.unflatten(-1, (HEADS, -1)).transpose(1, 2)
        mixed = F.scaled_dot_product_attention(
            heads(self.q_proj(query)), heads(self.k_proj(key)), heads(self.v_proj(value)))
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Of the encoder, or with `crossed` of the decoder."""

    def __init__(self, crossed):
        super().__init__()
        self.self_attn, self.self_attn_layer_norm = Attention(), nn.LayerNorm(FEATURES)
        if crossed:
            self.encoder_attn, self.encoder_attn_layer_norm = Attention(), nn.LayerNorm(FEATURES)
        self.fc1, self.fc2 = nn.Linear(FEATURES, HIDDEN), nn.Linear(HIDDEN, FEATURES)
        self.final_layer_norm = nn.LayerNorm(FEATURES)

    def forward(self, x, positions, memory=None, keys=None):
        x = self.self_attn_layer_norm(x + self.self_attn(x + positions, x + positions, x))
        if memory is not None:
            x = self.encoder_attn_layer_norm(x + self.encoder_attn(x + positions, keys, memory))
        return self.final_layer_norm(x + self.fc2(F.relu(self.fc1(x))))


def sines(at):
    """Positions [..., FEATURES] of places [..., 2], y and x from 0 to 1."""
    angles = at[..., None] * 2 * math.pi / 10000.0 ** (torch.arange(0, FEATURES // 2, 2) / (FEATURES // 2))
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(-3)


class Detr(nn.Module):
    def __init__(self):
        super().__init__()
        model = nn.Module()
        model.backbone = nn.ModuleDict({"conv_encoder": nn.ModuleDict({"model": Stem()})})
        model.input_projection = nn.Conv2d(64, FEATURES, 1)
        model.encoder = nn.ModuleDict({"layers": nn.ModuleList([Layer(False) for _ in range(DEPTH)])})
        model.decoder = nn.ModuleDict({
            "layers": nn.ModuleList([Layer(True) for _ in range(DEPTH)]), "layernorm": nn.LayerNorm(FEATURES)})
        model.query_position_embeddings = nn.Embedding(QUERIES, FEATURES)
        self.model = model
        self.class_labels_classifier = nn.Linear(FEATURES, CLASSES + 1)
        self.bbox_predictor = nn.ModuleDict({"layers": nn.ModuleList(
            [nn.Linear(FEATURES, FEATURES), nn.Linear(FEATURES, FEATURES), nn.Linear(FEATURES, 4)])})
        cells = torch.stack(torch.meshgrid(*[(torch.arange(GRID) + 1.0) / GRID] * 2, indexing="ij"), -1)
        self.positions = sines(cells).flatten(0, 1)  # no part of the checkpoint
        self.reference_points = nn.Embedding(QUERIES, 4)  # boxes before the sigmoid
        self.prepare()

    def prepare(self):
        """Queries begin at places spread over the picture and look at what is near: what differs
        most between places, the first sines of both axes, counts most in the scores."""
        side = int(QUERIES ** 0.5)
        at = (torch.arange(side) + 0.5) / side
        places = torch.stack(torch.meshgrid(at, at, indexing="ij"), -1).flatten(0, 1)
        counts = torch.full((2, FEATURES // 2), 0.5)
        counts[:, :8] = 3
        with torch.no_grad():
            self.model.query_position_embeddings.weight.copy_(sines(places + 0.5 / GRID))
            self.reference_points.weight.copy_(torch.cat([places.flip(-1), torch.full_like(places, 0.3)], -1).logit())
            stem = self.model.backbone["conv_encoder"]["model"]
            stem.places.copy_(self.positions.T.unflatten(1, (GRID, GRID)))
            for layer in self.model.decoder["layers"]:
                attention = layer.encoder_attn
                nn.init.orthogonal_(attention.q_proj.weight)
                attention.q_proj.weight.mul_(counts.flatten())
                attention.k_proj.weight.copy_(attention.q_proj.weight)
            last = self.bbox_predictor["layers"][2]
            last.weight.mul_(0.1)
            last.bias.zero_()

    def forward(self, image):
        """Scores and boxes of every decoder layer, the last one's at the end."""
        model = self.model
        x = model.input_projection(model.backbone["conv_encoder"]["model"](image)).flatten(2).transpose(1, 2)
        for layer in model.encoder["layers"]:
            x = layer(x, self.positions)
        queries = model.query_position_embeddings.weight.expand(len(image), -1, -1)
        y, found = torch.zeros_like(queries), []
        for layer in model.decoder["layers"]:
            y = layer(y, queries, x, x + self.positions)
            found.append(model.decoder["layernorm"](y))
        found = torch.stack(found)
        first, second, third = self.bbox_predictor["layers"]
        moved = third(F.relu(second(F.relu(first(found)))))
        return self.class_labels_classifier(found), (self.reference_points.weight + moved).sigmoid()


# The set loss

def corners(boxes):
    return torch.cat([boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2], -1)


def overlap(a, b):
    """(IoU, GIoU) of centred boxes that broadcast."""
    a, b = corners(a), corners(b)

    def area(low, high):
        return (high - low).clamp(min=0).prod(-1)
    shared = area(torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:]))
    around = area(torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:]))
    either = area(a[..., :2], a[..., 2:]) + area(b[..., :2], b[..., 2:]) - shared
    return shared / either, shared / either - (around - either) / around


def set_loss(logits, boxes, labels, objects, count, no_object=0.1):
    """As heed::set_loss with its default weights; logits [pictures, QUERIES, CLASSES + 1]."""
    with torch.no_grad():
        wanted = labels[:, None].expand(-1, QUERIES, -1)
        cost = (-logits.softmax(-1).gather(2, wanted) - 2 * overlap(boxes[:, :, None], objects[:, None])[1]
                + 5 * (boxes[:, :, None] - objects[:, None]).abs().sum(-1)).numpy()
        pairs = [linear_sum_assignment(cost[n, :, :count[n]]) for n in range(len(cost))]
    picture = torch.from_numpy(np.repeat(np.arange(len(pairs)), count))
    query = torch.from_numpy(np.concatenate([p[0] for p in pairs]))
    which = torch.from_numpy(np.concatenate([p[1] for p in pairs]))
    target = torch.full(logits.shape[:2], CLASSES)
    target[picture, query] = labels[picture, which]
    weight = torch.ones(CLASSES + 1)
    weight[CLASSES] = no_object
    found, there = boxes[picture, query], objects[picture, which]
    l1 = (found - there).abs().sum() / len(picture)
    giou = (1 - overlap(found, there)[1]).sum() / len(picture)
    return F.cross_entropy(logits.flatten(0, 1), target.flatten(), weight) + 5 * l1 + 2 * giou


def average_precision(model, pictures, objects, labels, count):
    """mAP at IoU 0.5 as heed::average_precision computes it."""
    model.eval()
    with torch.no_grad():
        logits, boxes = (x[-1] for x in model(pictures))
    scores, classes = logits.softmax(-1)[..., :CLASSES].max(-1)
    ious = overlap(boxes[:, :, None], objects[:, None])[0]
    there = torch.arange(MOST) < torch.from_numpy(count)[:, None]
    precisions = []
    for category in range(CLASSES):
        wanted = there & (labels == category)
        hits, free = [], wanted.clone()
        chosen = (classes == category).nonzero()
        for n, q in chosen[torch.argsort(-scores[tuple(chosen.T)], stable=True)]:
            candidates = torch.where(free[n], ious[n, q], -1)
            best = candidates.argmax()
            hits.append(bool(candidates[best] >= 0.5))
            if hits[-1]:
                free[n, best] = False
        right = np.cumsum(hits)
        precision = np.maximum.accumulate((right / np.arange(1, len(hits) + 1))[::-1])[::-1]
        at = np.searchsorted(right / int(wanted.sum()), np.linspace(0, 1, 101))
        precisions.append(np.append(precision, 0)[at].mean())
    return float(np.mean(precisions))


def train(images, labels, validation, steps, seed, batch=32, peak_rate=1e-3):
    torch.manual_seed(seed)
    generator, noise = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    model = Detr()
    average = copy.deepcopy(model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=peak_rate, weight_decay=1e-3, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(
        (step + 1) / 200, 0.5 * (1 + math.cos(math.pi * step / steps))))
    begin = time.process_time()
    for step in range(steps):
        model.train()
        taken, found = place(noise.random((batch, 1 + 4 * CANDIDATES)))
        which = torch.from_numpy(np.floor(taken[..., 3] * len(images)).astype(int))
        moved = train_digits.augment(images[which.flatten()], generator)
        digits = ((moved + 1) / 2).clamp(0, 1).unflatten(0, which.shape)[:, :, 0]
        pictures, objects = draw(digits, taken, found)
        pictures = pictures + 0.05 * torch.randn(pictures.shape, generator=generator)
        loss = sum(set_loss(*layer, labels[which], objects, found) for layer in zip(*model(pictures)))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            share = max(0.01, 1 / (step + 1))
            torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), share)
            for mine, its in zip(average.buffers(), model.buffers()):
                mine.copy_(its)
        if (step + 1) % 500 == 0 or step + 1 == steps:
            print(f"step {step + 1}: loss {loss.item():.3f}, "
                  f"validation mAP {average_precision(average, *validation):.4f}, "
                  f"{time.process_time() - begin:.0f} s", flush=True)
    return average


def main():
    arguments = training.settings(__doc__.split("\n")[0], FOLDER, steps=4000)

    data = safetensors.torch.load_file(FOLDER.parent / "vit" / "digits.safetensors")

    def part(which):
        chosen = data["split"] == which
        return train_digits.normalise(data["images"][chosen].numpy()), data["labels"][chosen].long()

    model = train(*part(train_digits.TRAIN), scenes("validation", 200, *part(train_digits.VALIDATION)),
                  arguments.steps, arguments.seed)
    training.finish(arguments, model, "digits_detr.safetensors",
                    lambda model: average_precision(model, *scenes("test", 200, *part(train_digits.TEST))))


if __name__ == "__main__":
    main()
