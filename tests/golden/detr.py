"""DETR: transformers' DetrForObjectDetection and DetrForSegmentation."""

import re

import torch
import transformers

import formula
from golden import Golden


def name_in_checkpoints(name):
    """Of a parameter of DETR: the library renames what it loads."""
    name = re.sub(r"\bmodel\.backbone\.", "model.backbone.conv_encoder.", name)
    name = re.sub(r"\.mlp\.(fc[12])\.", r".\1.", name.replace(".o_proj.", ".out_proj."))
    name = re.sub(r"^bbox_attention\.([qk])_proj", r"bbox_attention.\1_linear", name)
    name = re.sub(r"^mask_head\.fpn_stages\.(\d)\.fpn_adapter", lambda m: f"mask_head.adapter{int(m[1]) + 1}", name)
    name = re.sub(r"^mask_head\.fpn_stages\.(\d)\.refine", lambda m: f"mask_head.conv{int(m[1]) + 3}", name)
    name = re.sub(r"^mask_head\.conv(\d)\.conv", r"mask_head.lay\1", name)
    name = re.sub(r"^mask_head\.conv(\d)\.norm", r"mask_head.gn\1", name)
    return name.replace("mask_head.output_conv", "mask_head.out_lay")


def fill_detr(model):
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.from_numpy(formula.parameter(name_in_checkpoints(name), tuple(tensor.shape))))
    return model.eval()


def detector():
    return fill_detr(transformers.DetrForObjectDetection(transformers.DetrConfig(use_pretrained_backbone=False, num_labels=91)))


def detection_transformer(height, width, stride=1):
    """transformers' DetrForObjectDetection: what enters and leaves the encoder, what the decoder
    gives, and both heads."""
    golden = Golden()
    model = detector()
    image = torch.from_numpy(formula.input_array("input", (1, 3, height, width)))
    golden.metadata["input"] = str([1, 3, height, width])
    golden.metadata["stride"] = str(stride)

    model = model.double()
    model.model.encoder.layers[0].register_forward_pre_hook(
        lambda _, inputs: golden.add("cells", inputs[0], stride))
    outputs = model(pixel_values=image.double())
    golden.add("memory", outputs.encoder_last_hidden_state, stride)
    golden.add("found", outputs.last_hidden_state, stride)
    golden.add("logits", outputs.logits)
    golden.add("boxes", outputs.pred_boxes)
    return golden


def detr_64x96():
    return detection_transformer(64, 96)


def detr_333x517():
    return detection_transformer(333, 517, stride=17)


def detr_480x640():
    return detection_transformer(480, 640, stride=17)


def detr_800x1066():
    return detection_transformer(800, 1066, stride=37)


def detr_panoptic_64x96():
    """transformers' DetrForSegmentation: where the queries look, scores, boxes, and the masks with stride 7."""
    golden = Golden()
    config = transformers.DetrConfig(use_pretrained_backbone=False, num_labels=250)
    model = fill_detr(transformers.DetrForSegmentation(config))
    image = torch.from_numpy(formula.input_array("input", (1, 3, 64, 96)))
    golden.metadata["input"] = str([1, 3, 64, 96])
    golden.metadata["stride"] = "7"
    f32_masks = model(pixel_values=image).pred_masks

    def record(_, inputs, attention):  # [batch, queries, heads, height, width]
        golden.add_attention("bbox_attention", attention.flatten(2))
        golden.add("bbox_attention", attention, 7)

    model = model.double()
    model.bbox_attention.register_forward_hook(record)
    outputs = model(pixel_values=image.double())
    golden.add("logits", outputs.logits, 7)
    golden.add("boxes", outputs.pred_boxes)
    golden.add("masks", outputs.pred_masks, 7)
    golden.add_f32_error("masks", f32_masks, outputs.pred_masks)
    return golden


MODELS = (detr_64x96, detr_333x517, detr_480x640, detr_800x1066, detr_panoptic_64x96)
