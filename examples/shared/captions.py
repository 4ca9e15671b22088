"""Pictures composed of real handwritten digits, and what they show: "seven upper left and two middle right".

A picture of 24 x 24 pixels has one to three digits in its nine fields, each moved by a pixel at most.
Its caption names them in reading order. WORDS are indices; captions.h has the same. Digits of the
test are those that no training saw (vit/digits.safetensors and its split).
"""

import pathlib
import random
import time

import numpy as np
import safetensors.numpy
import torch
import torch.nn.functional as F

import training
from dates import known_part

EXAMPLES = pathlib.Path(__file__).resolve().parents[1]
SIDE, FIELDS, DIGIT = 24, 3, 8
NUMBERS = "zero one two three four five six seven eight nine".split()
ROWS, COLUMNS = "upper middle lower".split(), "left centre right".split()
WORDS = ["[STOP]", "[START]", "and", *NUMBERS, *ROWS, *COLUMNS]
STOP, START = 0, 1
LONGEST = 12  # three digits, two "and", [STOP]
TRAIN, VALIDATION, TEST = 0, 1, 2


def digits(split):
    """(ink 0 to 16 [N, 8, 8], labels) of one split."""
    data = safetensors.numpy.load_file(EXAMPLES / "vit" / "digits.safetensors")
    chosen = data["split"] == split
    return data["images"][chosen].astype(np.float32), data["labels"][chosen]


def varied(ink, generator):
    """Every digit turned, sheared and scaled a little."""
    def uniform(limit):
        return (torch.rand(len(ink), generator=generator) * 2 - 1) * limit

    angle, scale = uniform(0.17), 1 + uniform(0.08)
    cos, sin, none = torch.cos(angle) * scale, torch.sin(angle) * scale, torch.zeros(len(ink))
    theta = torch.stack([torch.stack([cos, -sin + uniform(0.15), none], 1), torch.stack([sin, cos, none], 1)], 1)
    grid = F.affine_grid(theta, [len(ink), 1, DIGIT, DIGIT], align_corners=False)
    drawn = F.grid_sample(torch.from_numpy(ink)[:, None], grid, mode="bicubic", align_corners=False)
    return drawn[:, 0].clamp(0, 16).numpy()


def compose(ink, labels, count, rng):
    """Pictures [count, 24, 24], ink 0 to 16, and captions [count, 13] from START on, STOP behind."""
    pictures = np.zeros((count, SIDE, SIDE), np.float32)
    captions = np.full((count, LONGEST + 1), STOP, np.int64)
    for picture, caption in zip(pictures, captions):
        words = [START]
        for field in sorted(rng.sample(range(FIELDS * FIELDS), rng.randint(1, 3))):
            row, column = divmod(field, FIELDS)
            which = rng.randrange(len(ink))
            y, x = (min(max(at * DIGIT + rng.randint(-1, 1), 0), SIDE - DIGIT) for at in (row, column))
            part = picture[y:y + DIGIT, x:x + DIGIT]
            np.maximum(part, ink[which], out=part)
            if len(words) > 1:
                words.append(WORDS.index("and"))
            words += [WORDS.index(NUMBERS[labels[which]]), WORDS.index(ROWS[row]), WORDS.index(COLUMNS[column])]
        caption[:len(words)] = words
    return torch.from_numpy(pictures), torch.from_numpy(captions)


def normalised(pictures):
    """[N, 24, 24], 0 to 16, to [N, 1, 24, 24], -1 to 1."""
    return (pictures.unsqueeze(1) / 16 - 0.5) / 0.5


class Grid(torch.nn.Module):
    """A picture as 6 x 6 vectors, with learned places: [N, 36, features]."""

    def __init__(self, features):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 24, 3, padding=1)
        self.conv2 = torch.nn.Conv2d(24, 48, 3, padding=1)
        self.conv3 = torch.nn.Conv2d(48, features, 3, padding=1)
        self.place = torch.nn.Parameter(torch.randn(36, features) * 0.3)

    def forward(self, pictures):
        x = F.max_pool2d(self.conv1(pictures).relu(), 2)
        x = F.max_pool2d(self.conv2(x).relu(), 2)
        return self.conv3(x).relu().flatten(2).transpose(1, 2) + self.place


def exact_match(model, pictures, captions):
    """The share of captions that greedy decoding writes without a mistake: those of which, given the
    right beginning, every word is the likeliest."""
    model.eval()
    with torch.no_grad():
        found = model(normalised(pictures), captions[:, :-1]).argmax(-1)
    return ((found == captions[:, 1:]) | ~known_part(captions)).all(1).double().mean().item()


def train(model, steps, seed, peak_rate, size=32):
    """AdamW, warm-up and cosine, teacher forcing."""
    rng, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    ink, labels = digits(TRAIN)
    validation = compose(*digits(VALIDATION), 300, random.Random(1))
    optimiser = torch.optim.AdamW(model.parameters(), lr=peak_rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, peak_rate, steps, pct_start=0.1)
    began, drawn = time.process_time(), ink
    for step in range(1, steps + 1):
        if step % 40 == 1:
            drawn = varied(ink, generator)
        pictures, captions = compose(drawn, labels, size, rng)
        model.train()
        noisy = normalised(pictures)
        logits = model(noisy + 0.05 * torch.randn(noisy.shape, generator=generator), captions[:, :-1])
        known = known_part(captions)
        loss = F.cross_entropy(logits[known], captions[:, 1:][known], label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 250 == 0 or step == steps:
            print(f"step {step}: loss {loss.item():.4f}, validation {exact_match(model, *validation):.3f}, "
                  f"{time.process_time() - began:.0f} s of CPU", flush=True)


def test_set():
    return compose(*digits(TEST), 400, random.Random(2))


def run(make_model, weights_name, folder, description, steps, peak_rate):
    """Trains, writes the weights and reads the test split once, as the command line says."""
    arguments = training.settings(description, folder, steps=steps)
    model = make_model()
    print(f"{sum(p.numel() for p in model.parameters())} parameters")
    train(model, arguments.steps, arguments.seed, peak_rate)
    training.finish(arguments, model, weights_name, lambda model: exact_match(model, *test_set()))


if __name__ == "__main__":
    # The pictures that the examples are tested on; captions are padded with STOP.
    test_pictures, test_captions = test_set()
    safetensors.numpy.save_file(
        {"pictures": test_pictures.numpy().astype(np.int8), "captions": test_captions.numpy().astype(np.int8)},
        pathlib.Path(__file__).parent / "captions.safetensors")
