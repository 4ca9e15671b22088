"""Pictures and what PIL makes of them: pip install pillow numpy; python tests/runtime/data/generate.py"""
import math
import pathlib

import numpy as np
from PIL import Image

here = pathlib.Path(__file__).parent


def save(image, name, **options):
    image.save(here / name, **options)
    if not name.endswith(".ppm"):  # what reading it must give
        Image.open(here / name).convert("RGB").save(here / (name + ".ppm"))


def center_square(image, size, fraction):
    """timm's evaluation transform up to the conversion to floats."""
    shorter = math.floor(size / fraction)
    w, h = image.size
    w, h = (shorter, int(shorter * h / w)) if w <= h else (int(shorter * w / h), shorter)
    resized = image.resize((w, h), Image.BICUBIC)
    left, top = round((w - size) / 2), round((h - size) / 2)
    return resized.crop((left, top, left + size, top + size))


noise = np.random.default_rng(1)
rgb = Image.fromarray(noise.integers(0, 256, (13, 19, 3), dtype=np.uint8))
save(rgb, "rgb.png")
save(rgb.convert("L"), "grey.png")
save(rgb.convert("1"), "bits.png")
save(rgb.convert("P", palette=Image.ADAPTIVE, colors=7), "palette.png")
save(Image.fromarray(noise.integers(0, 256, (5, 7, 4), dtype=np.uint8)), "rgba.png")
save(Image.fromarray(noise.integers(0, 256, (5, 7, 2), dtype=np.uint8), "LA"), "grey_alpha.png")
save(rgb, "baseline.jpg", quality=85)
save(rgb, "progressive.jpg", quality=85, progressive=True)
save(rgb.convert("L"), "grey.jpg", quality=85)
rgb.convert("CMYK").save(here / "cmyk.jpg")

rgb.resize((8, 5), Image.BICUBIC).save(here / "rgb_8x5.ppm")
rgb.resize((31, 7), Image.BICUBIC).save(here / "rgb_31x7.ppm")
rgb.resize((19, 24), Image.BICUBIC).save(here / "rgb_19x24.ppm")
center_square(rgb, 9, 0.9).save(here / "rgb_square_9.ppm")
center_square(rgb.transpose(Image.TRANSPOSE), 9, 0.8).save(here / "transposed_square_9.ppm")
