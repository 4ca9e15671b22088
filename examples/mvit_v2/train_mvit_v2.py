"""Trains the digits MViTv2 of this example, on the digits and by the recipe of the vit example.

    python examples/mvit_v2/train_mvit_v2.py

Writes digits_mvit_v2.safetensors (f32 weights, timm names) beside this file. The same seed gives
the same split as there. Needs what examples/vit/train_digits.py needs.
"""

import pathlib
import sys

from timm.models.mvitv2 import MultiScaleVit, MultiScaleVitCfg

FOLDER = pathlib.Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent / "vit"))
import train_digits  # noqa: E402


def make_model(drop_path=0.0):
    config = MultiScaleVitCfg(
        depths=(2, 2), embed_dim=32, stride_q=((1, 1), (2, 2)), stride_kv_adaptive=(2, 2),
        patch_kernel=(3, 3), patch_stride=(1, 1), patch_padding=(1, 1))
    return MultiScaleVit(config, img_size=(8, 8), in_chans=1, num_classes=10,
                         drop_path_rate=drop_path)


if __name__ == "__main__":
    train_digits.run(make_model, "digits_mvit_v2.safetensors", FOLDER, __doc__.split("\n")[0], epochs=24)
