"""Writes what torchvision computes for the tiny Mask R-CNN: proposals, detections, masks, losses and gradients in one safetensors file, and
the names and shapes of the whole network's state in a text file beside it.

    python3 scripts/compare-mask-rcnn.py test/fixtures/mask-rcnn

test/models/mask-rcnn.test.ts reads both. The network is put together from torchvision's own classes and computes in float64. Weights and
pictures are not in the file: they are hashes of their names and places (`hashed`), which the test computes again, as are the random
keys that decide which anchors and regions are asked. The script stops when a decision is so close that rounding could turn it.
"""
import argparse
import json
import math
import struct
from pathlib import Path

import numpy as np
import torch
from torchvision.models import resnet
from torchvision.models.detection import MaskRCNN, _utils, roi_heads, rpn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN, _resnet_fpn_extractor
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import FrozenBatchNorm2d, MultiScaleRoIAlign, box_iou
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

torch.set_default_dtype(torch.float64)

CLASSES, AFTER_TRAINING = 4, 100
HEIGHT, WIDTH = 96, 160
# The second picture is smaller, so that clipping has something to do.
SIZES = [(96, 144), (84, 126)]
tensors, cases = {}, []


def hashed(name, count):
    """Numbers in [-1, 1): FNV-1a of the name, then the finaliser of MurmurHash3 for each element."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 & 0xFFFFFFFF
    h = (seed + np.arange(count, dtype=np.uint64) * 0x9E3779B9) & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = (h ^ (h >> np.uint64(shift))) * factor & 0xFFFFFFFF
    h ^= h >> np.uint64(16)
    return h / 2**31 - 1


def weight(name, shape):
    """He's variance for what has a fan-in; gains near 1, statistics near those of the standard normal.
    The last layers speak softly, so that no probability is 0 or 1."""
    values = hashed(name, math.prod(shape))
    if name.endswith("running_var"):
        values = 1 + 0.5 * values
    elif len(shape) == 1:
        is_gain = ("bn" in name or "downsample.1" in name) and name.endswith("weight")
        values = is_gain + 0.2 * values
    else:
        fan_in = shape[0] if "conv5_mask" in name else math.prod(shape[1:])
        values = values * math.sqrt(6 / fan_in) * louder(name)
    return torch.tensor(values.astype(np.float32).astype(np.float64)).reshape(shape)


def louder(name):
    if "rpn.head.bbox_pred" in name:
        return 0.05
    if "cls_score" in name:
        return 0.1
    if any(part in name for part in ("cls_logits", "box_predictor.bbox_pred", "mask_fcn_logits")):
        return 0.1
    return 1.0


def pictures():
    """Squares of 8 × 8 pixels in different colours, and zeros where the pictures end."""
    batch = torch.zeros(len(SIZES), 3, HEIGHT, WIDTH)
    for b, (height, width) in enumerate(SIZES):
        cells = torch.tensor(hashed(f"picture {b}", 3 * 12 * 20).astype(np.float32)).double().reshape(3, 12, 20)
        whole = 2 * cells.repeat_interleave(8, 1).repeat_interleave(8, 2)
        batch[b, :, :height, :width] = whole[:, :height, :width]
    return batch


def network(norm=torch.nn.BatchNorm2d):
    body = resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1], norm_layer=norm)
    body.inplanes = 8
    body.conv1 = torch.nn.Conv2d(3, 8, 7, 2, 3, bias=False)
    body.bn1 = norm(8)
    for level, width in enumerate((8, 16, 32, 64)):
        setattr(body, f"layer{level + 1}", body._make_layer(resnet.BasicBlock, width, 1, stride=1 if level == 0 else 2))
    layers = {f"layer{level + 1}": str(level) for level in range(4)}
    backbone = BackboneWithFPN(body, layers, [8, 16, 32, 64], 16, LastLevelMaxPool())
    levels = ["0", "1", "2", "3"]
    model = MaskRCNN(
        backbone,
        min_size=96,
        max_size=144,
        rpn_anchor_generator=AnchorGenerator(tuple((8 << k,) for k in range(5)), ((0.5, 1.0, 2.0),) * 5),
        rpn_pre_nms_top_n_train=200, rpn_pre_nms_top_n_test=100, rpn_post_nms_top_n_train=AFTER_TRAINING, rpn_post_nms_top_n_test=50,
        rpn_batch_size_per_image=64,
        box_roi_pool=MultiScaleRoIAlign(levels, 7, 2, canonical_scale=48),
        box_head=TwoMLPHead(16 * 49, 64),
        box_predictor=FastRCNNPredictor(64, CLASSES),
        box_detections_per_img=16,
        box_batch_size_per_image=64,
        mask_roi_pool=MultiScaleRoIAlign(levels, 14, 2, canonical_scale=48),
        mask_head=MaskRCNNHeads(16, (16,) * 4, 1),
        mask_predictor=MaskRCNNPredictor(16, 16, CLASSES),
    )
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if value.dtype.is_floating_point:
                value.copy_(weight(name, tuple(value.shape)))
    return model.eval()


class KeyedSampler:
    """torchvision's sampler where random numbers are given: of each kind those with the greatest keys are taken."""

    def __init__(self, keys, asked, share):
        self.keys, self.asked, self.share = keys, asked, share

    def __call__(self, matched):
        chosen = [[], []]
        for labels, keys in zip(matched, self.keys(matched)):
            positive, negative = (torch.where(kind)[0] for kind in (labels >= 1, labels == 0))
            count = min(len(positive), int(self.asked * self.share))
            for list_, places, most in ((chosen[0], positive, count), (chosen[1], negative, self.asked - count)):
                taken = places[torch.argsort(keys[places], descending=True)[:most]]
                mask = torch.zeros_like(labels, dtype=torch.uint8)
                mask[taken] = 1
                list_.append(mask)
        return tuple(chosen)


def keys_of(name, *shape):
    """Numbers in (0, 1)."""
    return torch.tensor(((hashed(name, math.prod(shape)) + 1) / 2).astype(np.float32)).double().reshape(shape)


def objects():
    """Boxes, classes and masks (ellipses) of two and of one object; class 0 fills up."""
    boxes = torch.zeros(2, 3, 4)
    boxes[0, 0] = torch.tensor([20.25, 30.5, 61.0, 72.75])
    boxes[0, 1] = torch.tensor([90.0, 8.0, 118.5, 40.0])
    boxes[1, 0] = torch.tensor([60.5, 33.0, 126.0, 84.0])
    labels = torch.tensor([[1, 3, 0], [2, 0, 0]])
    masks = torch.zeros(2, 3, HEIGHT, WIDTH)
    y, x = torch.meshgrid(torch.arange(HEIGHT) + 0.5, torch.arange(WIDTH) + 0.5, indexing="ij")
    for b in range(2):
        for g in range(3):
            if labels[b, g] > 0:
                x1, y1, x2, y2 = boxes[b, g]
                inside = ((2 * x - x1 - x2) / (x2 - x1)) ** 2 + ((2 * y - y1 - y2) / (y2 - y1)) ** 2 <= 1
                height, width = SIZES[b]
                masks[b, g, :height, :width] = inside[:height, :width].double()
    return boxes, labels, masks


# ── Decisions that must be clear ───────────────────────────────────────────────────────────────────────────────────

def clear(what, values, limit, margin):
    values = torch.as_tensor(values).detach().flatten()
    values = values[~values.isnan()]  # overlaps of empty boxes
    distance = float((values - limit).abs().min()) if values.numel() else math.inf
    assert distance > margin, f"{what}: {distance:.1e} from {limit}, choose other weights"


def clear_order(what, values, margin=2e-5):
    ordered = torch.sort(values.detach()).values
    gap = float((ordered[1:] - ordered[:-1]).min())
    assert gap > margin, f"{what}: two are {gap:.1e} apart, choose other weights"


def record(name, entry, outputs, **more):
    named = {}
    for key, value in outputs.items():
        value = value.detach()
        tensors[f"{name}|{key}"] = value.numpy().astype(np.float32 if value.is_floating_point() else np.int32)
        named[key] = f"{name}|{key}"
    cases.append(dict(name=name, entry=entry, outputs=named, **more))


def padded(rows, count):
    out = torch.zeros(len(rows), count, *rows[0].shape[1:], dtype=rows[0].dtype)
    for b, row in enumerate(rows):
        out[b, : len(row)] = row
    return out


def detection_cases():
    model = network()
    images = ImageList(pictures(), SIZES)
    seen = []
    original = rpn.RegionProposalNetwork.filter_proposals

    def watched(self, proposals, objectness, shapes, counts):
        seen.append((proposals, objectness.reshape(len(SIZES), -1), counts))
        return original(self, proposals, objectness, shapes, counts)

    rpn.RegionProposalNetwork.filter_proposals = watched
    with torch.no_grad():
        features = model.backbone(images.tensors)
        proposals, _ = model.rpn(images, features)
        detections, _ = model.roi_heads(features, proposals, images.image_sizes)
        logits, offsets = model.roi_heads.box_predictor(model.roi_heads.box_head(model.roi_heads.box_roi_pool(features, proposals, SIZES)))
        vectors = model.roi_heads.box_head(model.roi_heads.box_roi_pool(features, [d["boxes"] for d in detections], SIZES))
    rpn.RegionProposalNetwork.filter_proposals = original
    boxes, scores, counts = seen[0]
    for b, (height, width) in enumerate(SIZES):
        start = 0
        for count in counts:
            level = scores[b, start : start + count]
            best = torch.topk(level, min(100, count))
            if count > 100:
                assert best.values[-1] - torch.topk(level, 101).values[-1] > 1e-5, "the last anchor is not clear"
            chosen = boxes[b, start : start + count][best.indices].clone()
            chosen[:, 0::2], chosen[:, 1::2] = chosen[:, 0::2].clamp(0, width), chosen[:, 1::2].clamp(0, height)
            clear("overlaps of anchors", box_iou(chosen, chosen), 0.7, 1e-6)
            start += count
    probabilities = torch.softmax(logits, 1)[:, 1:]
    clear("scores at the limit", probabilities, 0.05, 1e-5)
    print("detections", [len(d["boxes"]) for d in detections], [d["labels"].tolist() for d in detections])
    for d in detections:
        clear_order("scores of detections", d["scores"], 2e-5)
    count = torch.tensor([len(p) for p in proposals])
    record("proposals", "propose", {"boxes": padded(proposals, 50), "count": count})
    found = {key: padded([d[key] for d in detections], 16) for key in ("boxes", "labels", "scores", "masks")}
    count = torch.tensor([len(d["boxes"]) for d in detections])
    masks = found["masks"][:, :, 0]
    record("detections", "detect", {**{key: found[key] for key in ("boxes", "labels", "scores")}, "masks": masks[:, :6], "count": count})
    vectors = padded(list(vectors.split([len(d["boxes"]) for d in detections])), 16)
    record("vectors", "describe", {"vectors": vectors[:, :6]})


GRADIENTS = (
    "backbone.body.conv1.weight", "backbone.body.layer3.0.conv1.weight", "backbone.fpn.inner_blocks.1.0.weight",
    "backbone.fpn.layer_blocks.0.0.bias", "rpn.head.conv.0.0.weight", "rpn.head.bbox_pred.weight", "roi_heads.box_head.fc6.bias",
    "roi_heads.box_predictor.bbox_pred.weight", "roi_heads.mask_head.0.0.weight", "roi_heads.mask_predictor.conv5_mask.weight",
    "roi_heads.mask_predictor.mask_fcn_logits.weight",
)


def loss_case(name, training):
    model = network()
    model.rpn.train()
    model.roi_heads.train()
    model.backbone.train(training)
    boxes, labels, masks = objects()
    anchors = 3843
    anchor_keys, region_keys = keys_of("anchor keys", 2, anchors), keys_of("region keys", 2, AFTER_TRAINING + 3)

    def keys_of_regions(matched):
        found = []
        for b, each in enumerate(matched):
            own = int((labels[b] > 0).sum())
            proposed = len(each) - own
            found.append(torch.cat([region_keys[b, :proposed], region_keys[b, AFTER_TRAINING : AFTER_TRAINING + own]]))
        return found

    model.rpn.fg_bg_sampler = KeyedSampler(lambda matched: anchor_keys, 64, 0.5)
    model.roi_heads.fg_bg_sampler = KeyedSampler(keys_of_regions, 64, 0.25)
    images = ImageList(pictures(), SIZES)
    targets = []
    for b, (height, width) in enumerate(SIZES):
        there = labels[b] > 0
        targets.append(dict(boxes=boxes[b][there], labels=labels[b][there], masks=masks[b][there][:, :height, :width].to(torch.uint8)))
    features = model.backbone(images.tensors)
    proposals, rpn_losses = model.rpn(images, features, targets)
    all_anchors = model.rpn.anchor_generator(images, list(features.values()))[0]
    for b in range(2):
        own = targets[b]["boxes"]
        for limit in (0.3, 0.7):
            clear("anchors and objects", box_iou(own, all_anchors), limit, 1e-6)
        clear("regions and objects", box_iou(own, proposals[b]), 0.5, 1e-5)
    # roi_align of torchvision wants the masks in the type of the boxes.
    original = roi_heads.project_masks_on_boxes
    roi_heads.project_masks_on_boxes = lambda masks, boxes, matches, size: roi_heads.roi_align(
        masks[:, None].to(boxes), torch.cat([matches[:, None].to(boxes), boxes], 1), (size, size), 1.0)[:, 0]
    _, head_losses = model.roi_heads(features, proposals, SIZES, targets)
    roi_heads.project_masks_on_boxes = original
    losses = dict(
        objectness=rpn_losses["loss_objectness"], rpn_box=rpn_losses["loss_rpn_box_reg"], **{"class": head_losses["loss_classifier"]},
        box=head_losses["loss_box_reg"], mask=head_losses["loss_mask"],
    )
    sum(losses.values()).backward()
    parameters = dict(model.named_parameters())
    gradients = {f"gradient({key})": parameters[key].grad for key in GRADIENTS if training}
    print(name, {key: round(float(value), 4) for key, value in losses.items()}, [len(p) for p in proposals])
    record(name, "losses", {"total": sum(losses.values()), **losses, **gradients}, training=training)


def preprocessing_case():
    """What the transformation makes of a picture of 30 × 45 pixels, at sizes of 96 and 144."""
    pixels = torch.tensor(np.floor((hashed("small picture", 3 * 30 * 45) + 1) * 128) / 255).reshape(3, 30, 45)
    transform = GeneralizedRCNNTransform(70, 100, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    images, _ = transform([pixels])
    height, width = images.image_sizes[0]
    record("preprocessing", "", {"image": images.tensors[0, :, ::3, ::3], "size": torch.tensor([height, width, *images.tensors.shape[2:]])})
    mask = torch.tensor((hashed("mask", 28 * 28) + 1) / 2).reshape(1, 1, 28, 28).float().double()
    for k, box in enumerate(([3.2, 4.7, 40.9, 23.3], [-4.0, -2.5, 7.5, 9.0], [30.0, 20.0, 60.0, 31.0], [12.0, 9.0, 12.4, 9.3])):
        pasted = roi_heads.paste_masks_in_image(mask, torch.tensor([box]), (30, 45))
        record(f"pasted {k}", "", {"mask": pasted[0, 0]}, box=box)


def names_of_state(path):
    backbone = _resnet_fpn_extractor(resnet.resnet50(norm_layer=FrozenBatchNorm2d), 5)
    state = MaskRCNN(backbone, 91).state_dict()
    count = sum(value.numel() for value in state.values())
    assert (len(state), count) == (307, 44_401_393 + 106_240), (len(state), count)
    path.write_text("".join(f"{name} [{','.join(map(str, value.shape))}]\n" for name, value in state.items()))


def write(path):
    header, blobs, position = {"__metadata__": {"cases": json.dumps(cases, ensure_ascii=False)}}, [], 0
    for name, array in tensors.items():
        blob = np.ascontiguousarray(array).tobytes()
        kind = {"float32": "F32", "int32": "I32"}[str(array.dtype)]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [position, position + len(blob)]}
        blobs.append(blob)
        position += len(blob)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    print(f"{path}: {len(cases)} cases, {8 + len(text) + position} bytes, torch {torch.__version__}")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    folder = arguments.parse_args().folder
    detection_cases()
    loss_case("losses", False)
    loss_case("losses while training", True)
    preprocessing_case()
    write(folder / "torch.safetensors")
    names_of_state(folder / "state.txt")
