"""Trains the digits ViT of this example on scikit-learn's 8 x 8 handwritten digits.

    python examples/vit/train_digits.py

Writes, beside this file: digits_vit.safetensors (f32 weights, timm names), digits.safetensors (the
data and its split) and digit_*.png (digits of the test split). The same seed gives the same split
and, with the same torch on the same machine, the same weights. Needs torch, timm, scikit-learn,
safetensors and pillow. The committed weights serve the example; nothing else runs this.
"""

import copy
import math
import pathlib
import sys

import numpy as np
import safetensors.numpy
import timm
import torch
import torch.nn.functional as F
from PIL import Image
from sklearn.datasets import load_digits

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "shared"))
import training  # noqa: E402

TRAIN, VALIDATION, TEST = 0, 1, 2
TEST_IMAGES, VALIDATION_IMAGES = 360, 144


def make_model(drop_path=0.0):
    return timm.models.VisionTransformer(
        img_size=8, patch_size=2, in_chans=1, num_classes=10, embed_dim=64, depth=4, num_heads=4,
        mlp_ratio=2, drop_path_rate=drop_path)


def make_split(count, seed):
    split = np.full(count, TRAIN, np.int8)
    order = np.random.RandomState(seed).permutation(count)
    split[order[:TEST_IMAGES]] = TEST
    split[order[TEST_IMAGES:TEST_IMAGES + VALIDATION_IMAGES]] = VALIDATION
    return split


def normalise(images):
    """u8 0..16, [N, 8, 8] to [-1, 1], [N, 1, 8, 8]."""
    return (torch.from_numpy(images).float().unsqueeze(1) / 16 - 0.5) / 0.5


def augment(images, generator):
    """Moves seven images in ten a little (the data are centred and fill the frame): 10 degrees,
    0.4 pixels, scale 8 %, shear 15 % at most. Adds noise to all."""
    moved = (torch.rand(len(images), generator=generator) < 0.7).float()

    def uniform(limit):
        return (torch.rand(len(images), generator=generator) * 2 - 1) * limit * moved

    angle, scale, shear = uniform(math.radians(10)), 1 + uniform(0.08), uniform(0.15)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    theta = torch.stack([
        torch.stack([cos, -sin + shear, uniform(0.1)], 1),  # a pixel is 2 / 8 of the grid
        torch.stack([sin, cos, uniform(0.1)], 1)], 1)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    # Outside is black, -1; the bicubic filter keeps strokes sharp.
    drawn = F.grid_sample(images + 1, grid, mode="bicubic", align_corners=False) - 1
    return drawn + 0.05 * torch.randn(images.shape, generator=generator)


def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad():
        return (model(images).argmax(1) == labels).double().mean().item()


def train(make_model, images, labels, validation, epochs, seed, batch=64, peak_rate=2e-3, decay=0.1):
    """AdamW, warm-up and cosine, label smoothing; returns the moving average of the weights."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = make_model(drop_path=0.1)
    average = copy.deepcopy(model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=peak_rate, weight_decay=decay,
                                  fused=True)
    steps_per_epoch = len(images) // batch
    steps = epochs * steps_per_epoch
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(
        (step + 1) / (0.05 * steps), 0.5 * (1 + math.cos(math.pi * step / steps))))

    for epoch in range(epochs):
        model.train()
        order = torch.randperm(len(images), generator=generator)
        for at in range(0, steps_per_epoch * batch, batch):
            chosen = order[at:at + batch]
            logits = model(augment(images[chosen], generator))
            loss = F.cross_entropy(logits, labels[chosen], label_smoothing=0.1)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            with torch.no_grad():
                torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 0.005)
        if (epoch + 1) % 20 == 0 or epoch + 1 == epochs:
            print(f"epoch {epoch + 1}: loss {loss.item():.3f}, "
                  f"validation {accuracy(average, *validation):.4f}", flush=True)
    return average


def write_png(path, image):
    pixels = np.round(image.astype(np.float64) * 255 / 16).astype(np.uint8)
    Image.fromarray(pixels.repeat(16, 0).repeat(16, 1)).save(path, optimize=True)


def run(make_model, weights_name, folder, description, epochs):
    """Trains, writes the weights and reads the test split once, as the command line says. Returns
    where the files are written, the digits and their split; nothing where there is no test."""
    arguments = training.settings(description, folder, epochs=epochs)
    torch.use_deterministic_algorithms(True)

    data = load_digits()
    images, labels = data.images.astype(np.int8), data.target.astype(np.int8)
    split = make_split(len(images), arguments.seed)

    def part(which):
        return normalise(images[split == which]), torch.from_numpy(labels[split == which]).long()

    model = train(make_model, *part(TRAIN), part(VALIDATION), arguments.epochs, arguments.seed)
    tested = training.finish(arguments, model, weights_name, lambda model: accuracy(model, *part(TEST)))
    return (arguments.output, images, labels, split) if tested else None


def main():
    written = run(make_model, "digits_vit.safetensors", pathlib.Path(__file__).parent,
                  __doc__.split("\n")[0], epochs=200)
    if not written:
        return
    output, images, labels, split = written
    safetensors.numpy.save_file({"images": images, "labels": labels, "split": split},
                                output / "digits.safetensors")
    for digit in (3, 7):
        index = np.flatnonzero((split == TEST) & (labels == digit))[0]
        write_png(output / f"digit_{digit}.png", images[index])


if __name__ == "__main__":
    main()
