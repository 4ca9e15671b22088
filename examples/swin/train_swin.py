"""Trains the digits Swin of this example, on the digits and by the recipe of the vit example.

    python examples/swin/train_swin.py

Writes digits_swin.safetensors (f32 weights, timm names) beside this file. The same seed gives the
same split as there. Needs what examples/vit/train_digits.py needs.
"""

import pathlib
import sys

import timm

FOLDER = pathlib.Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent / "vit"))
import train_digits  # noqa: E402


def make_model(drop_path=0.0):
    return timm.models.SwinTransformer(
        img_size=8, patch_size=1, in_chans=1, num_classes=10, embed_dim=32, depths=(2, 2),
        num_heads=(2, 4), window_size=4, drop_path_rate=drop_path)


if __name__ == "__main__":
    train_digits.run(make_model, "digits_swin.safetensors", FOLDER, __doc__.split("\n")[0], epochs=200)
