"""What detection must give: python tests/runtime/data/generate_detection.py

Optimal costs of scipy, GIoU of torchvision, the set loss of transformers' DETR and the average
precision of pycocotools, all in float64. Inputs are formula inputs, or stand in the file. Needs
scipy, torch, torchvision, transformers and pycocotools.
"""

import contextlib
import io
import json
import pathlib
import sys

import numpy as np
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy.optimize import linear_sum_assignment
from torchvision.ops import box_iou, generalized_box_iou
from transformers.loss.loss_for_object_detection import HungarianMatcher, ImageLoss

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here.parents[1] / "golden"))
import formula  # noqa: E402


def assignments():
    cases = []
    for rows, columns in ((1, 1), (5, 5), (7, 31), (31, 7), (40, 40), (100, 23), (64, 200), (200, 200)):
        for levels in (0, 4):  # 4: whole numbers from 0 to 3, so that many assignments cost the same
            name = f"assign.{rows}x{columns}"
            costs = formula.input_array(name, (rows, columns), 1.0).astype(np.float64)
            if levels:
                costs = np.floor((costs + 1) / 2 * levels)
            chosen = linear_sum_assignment(costs)
            cases.append({"name": name, "rows": rows, "columns": columns, "levels": levels,
                          "cost": costs[chosen].sum()})
    return cases


def boxes_from(name, count):
    """Centred, inside of the image or a little outside."""
    values = formula.input_array(name, (count, 4), 1.0).astype(np.float64)
    return np.concatenate([0.5 + 0.4 * values[:, :2], 0.3 + 0.25 * values[:, 2:]], 1).astype(np.float32).astype(float)


def corners(boxes):
    centre, half = boxes[:, :2], boxes[:, 2:] / 2
    return np.concatenate([centre - half, centre + half], 1)


def overlaps():
    a, b = (torch.from_numpy(corners(boxes_from(f"boxes.{side}", 6))) for side in "ab")
    return {"iou": box_iou(a, b).tolist(), "giou": generalized_box_iou(a, b).tolist()}


def set_loss():
    batch, queries, classes = 3, 12, 5
    logits = torch.from_numpy(formula.input_array("set.logits", (batch, queries, classes + 1))).double()
    boxes = torch.from_numpy(boxes_from("set.boxes", batch * queries).reshape(batch, queries, 4))
    labels = [[1, 4, 4, 0], [], [2, 0, 3, 3, 1, 1, 2]]
    targets = [{"class_labels": torch.tensor(image, dtype=torch.long),
                "boxes": torch.from_numpy(boxes_from(f"set.objects.{n}", len(image)).reshape(-1, 4))}
               for n, image in enumerate(labels)]
    matcher = HungarianMatcher(class_cost=1, bbox_cost=5, giou_cost=2)
    criterion = ImageLoss(matcher, classes, 0.1, ["labels", "boxes"]).double()
    criterion.empty_weight[-1] = 0.1  # as it is in float64
    outputs = {"logits": logits, "pred_boxes": boxes}
    losses = criterion(outputs, targets)
    return {
        "labels": labels,
        "matches": [[[int(q), int(o)] for q, o in zip(*image)] for image in matcher(outputs, targets)],
        "classification": losses["loss_ce"].item(), "l1": losses["loss_bbox"].item(),
        "giou": losses["loss_giou"].item()}


def average_precision():
    noise = np.random.default_rng(3)
    labelled, detections = [], []
    for image in range(12):
        for _ in range(noise.integers(0, 9)):
            left, top = noise.uniform(0, 400, 2)
            width, height = noise.uniform(8, 160, 2)
            category, crowd = int(noise.integers(1, 5)), bool(noise.random() < 0.1)
            labelled.append({"image": image, "category": category, "crowd": crowd,
                             "box": [left, top, left + width, top + height]})
            for _ in range(noise.integers(0, 4)):  # found once, twice, three times or never, more or less well
                moved = np.array([left, top, left + width, top + height]) + noise.normal(0, 0.1, 4) * [width, height, width, height]
                guess = category if noise.random() < 0.8 else int(noise.integers(1, 6))
                detections.append({"image": image, "category": guess, "score": round(noise.random(), 2),
                                   "box": moved.tolist()})

    def xywh(box):
        return [box[0], box[1], box[2] - box[0], box[3] - box[1]]

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "info": {}, "images": [{"id": i} for i in range(12)],
            "categories": [{"id": c} for c in range(1, 6)],
            "annotations": [{"id": n + 1, "image_id": l["image"], "category_id": l["category"],
                             "iscrowd": int(l["crowd"]), "bbox": xywh(l["box"]),
                             "area": np.prod(xywh(l["box"])[2:])} for n, l in enumerate(labelled)]}
        truth.createIndex()
        found = truth.loadRes([{"image_id": d["image"], "category_id": d["category"], "score": d["score"],
                                "bbox": xywh(d["box"])} for d in detections])
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"]  # [threshold, recall, category, area, most detections]

    def mean(values):
        return values[values > -1].mean()

    return {
        "labelled": labelled, "detections": detections,
        "coco": mean(precision[:, :, :, 0, 2]), "at_50": mean(precision[0, :, :, 0, 2]),
        "at_75": mean(precision[5, :, :, 0, 2]),
        "small": mean(precision[:, :, :, 1, 2]), "medium": mean(precision[:, :, :, 2, 2]),
        "one_detection": mean(precision[:, :, :, 0, 0]),
        "of_category": {c + 1: mean(precision[:, :, c, 0, 2]) for c in range(5)
                        if (precision[:, :, c, 0, 2] > -1).any()}}


expected = {"assignment": assignments(), "overlaps": overlaps(), "set_loss": set_loss(),
            "average_precision": average_precision()}
(here / "detection.json").write_text(json.dumps(expected) + "\n")
