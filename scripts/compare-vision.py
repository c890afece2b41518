"""Writes what PyTorch and torchvision compute for the vision half of the library: inputs, weights and results in one file.

    python3 scripts/compare-vision.py test/fixtures/vision/torch.safetensors
    python3 scripts/compare-vision.py all.safetensors --all

The form of the file, and how it is run through Weft, are those of compare-language.py: weights and inputs are rounded to f32, PyTorch
computes in float64. With --all come more sizes, and whole networks of full width.
"""
import argparse
import importlib.util
import math
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F
from torchvision import ops
from torchvision.models import resnet
from torchvision.models.detection import _utils as detection
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.segmentation.deeplabv3 import ASPP

_spec = importlib.util.spec_from_file_location("language", Path(__file__).with_name("compare-language.py"))
language = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(language)
case, draw, f32 = language.case, language.draw, language.f32

CASES = "test/std/vision.weft"


def weights_of(module, rename=lambda key: key):
    """Draws weights and statistics of a module anew, rounded to f32, and returns them by path."""
    named = [*module.named_parameters(), *module.named_buffers()]
    found = {}
    with torch.no_grad():
        for key, value in named:
            if key.endswith("num_batches_tracked"):
                continue
            if value.dim() > 1:
                fan_in = value[0].numel()
                value.copy_(draw(*value.shape, scale=1 / math.sqrt(fan_in)))
            elif key.endswith("running_var"):
                value.copy_((0.5 + torch.rand(value.shape)).float().double())
            else:
                is_gain = key.endswith("weight")
                value.copy_((is_gain + draw(*value.shape, scale=0.2)).float().double())
            found[rename(key)] = value
    return found


def module_case(name, model, module, inputs, settings, entry="run", outputs=None, tolerance=1e-5, training=None, path=CASES,
                rename=lambda key: key):
    parameters = weights_of(module, rename)
    module.train(bool(training))
    with torch.no_grad():
        result = module(*inputs.values()) if outputs is None else outputs(module)
    named = result if isinstance(result, dict) else {entry: result}
    case(name, path, entry, inputs, named, parameters, model=model, settings=settings, tolerance=tolerance)
    if training:
        language.cases[-1]["training"] = True


def function_case(name, file, entry, inputs, result, settings=None, tolerance=1e-5):
    named = result if isinstance(result, dict) else {entry: result}
    case(name, file, entry, inputs, named, settings=settings, tolerance=tolerance)


# ── Convolutions ───────────────────────────────────────────────────────────────────────────────────────────────────

def convolutions(everything):
    plain = dict(c=4, o=6, kernel=3, stride=1, padding=1, dilation=1, groups=1, biased=True)
    variants = [
        plain,
        dict(plain, kernel=1, padding=0),
        dict(plain, stride=2),
        dict(plain, dilation=2, padding=2, biased=False),
        dict(plain, groups=2),
        dict(plain, groups=4, o=4),
        dict(plain, kernel=7, stride=2, padding=3, c=3),
        dict(plain, kernel=2, stride=2, padding=0),
    ]
    sizes = [(7, 9), (1, 1)] if not everything else [(1, 1), (3, 7), (17, 33), (65, 129)]
    for variant in variants:
        for height, width in sizes:
            reach = variant["dilation"] * (variant["kernel"] - 1) + 1
            if min(height, width) + 2 * variant["padding"] < reach:
                continue
            label = " ".join(f"{key} {value}" for key, value in variant.items() if plain[key] != value) or "plain"
            convolution(2, variant, (height, width), label)
    for dimensions, shape in ((1, (9,)), (3, (3, 5, 4))):
        for variant in (plain, dict(plain, stride=2, groups=2, biased=False), dict(plain, dilation=2, padding=2)):
            label = " ".join(f"{key} {value}" for key, value in variant.items() if plain[key] != value) or "plain"
            convolution(dimensions, variant, shape, label)
    convolution(2, plain, (5, 6), "batch", batch=(2, 3))
    for kernel, stride, padding, extra, groups in (
        (2, 2, 0, 0, 1), (3, 2, 1, 1, 1), (3, 2, 1, 0, 2), (4, 2, 1, 0, 1), (3, 1, 1, 0, 1), (5, 3, 2, 1, 1), (1, 2, 0, 0, 1),
    ):
        settings = dict(c=4, o=6, kernel=kernel, stride=stride, padding=padding, extra=extra, groups=groups)
        module = nn.ConvTranspose2d(4, 6, kernel, stride, padding, extra, groups)
        name = f"transposed k{kernel} s{stride} p{padding}+{extra} g{groups}"
        for height, width in ((4, 3),) if not everything else ((1, 1), (4, 3), (17, 33)):
            x = draw(4, height, width)
            module_case(f"{name} {height}x{width}", "Transposed2d", module, {"x": x}, settings, outputs=lambda m: m(x[None])[0])


def convolution(dimensions, v, shape, label, batch=()):
    kinds = {1: (nn.Conv1d, "Convolution1d"), 2: (nn.Conv2d, "Convolution2d"), 3: (nn.Conv3d, "Convolution3d")}
    kind, model = kinds[dimensions]
    module = kind(v["c"], v["o"], v["kernel"], v["stride"], v["padding"], v["dilation"], v["groups"], v["biased"])
    x = draw(*batch, v["c"], *shape)
    name = f"convolution {dimensions}d {'x'.join(map(str, shape))} {label}"

    def run(module):
        flat = module(x.reshape(-1, v["c"], *shape))
        return flat.reshape(*batch, *flat.shape[1:])

    module_case(name, model, module, {"x": x}, v, outputs=run)


# ── Normalisation, pooling, resizing ───────────────────────────────────────────────────────────────────────────────

class RootMeanSquare(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d))

    def forward(self, x):
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + f32(1e-6)) * self.weight


def normalisations(everything):
    for height, width in ((3, 5),) if not everything else ((3, 5), (1, 7), (17, 33), (65, 65)):
        at = f"{height}x{width}"
        x = draw(2, 6, height, width) * 2 + 0.5
        x = x.float().double()
        batch = nn.BatchNorm2d(6, eps=f32(1e-5), momentum=f32(0.1))
        module_case(f"batch norm {at}", "BatchNormalised", batch, {"x": x}, dict(c=6))
        module_case(f"batch norm {at}, training", "BatchNormalised", batch, {"x": x}, dict(c=6), training=True)
        statistics_case(f"batch norm {at}, running values", "BatchNormalised", nn.BatchNorm2d(6, momentum=f32(0.1)), x)
        frozen = ops.FrozenBatchNorm2d(6, eps=f32(1e-5))
        module_case(f"frozen batch norm {at}", "Frozen", frozen, {"x": x}, dict(c=6))
        module_case(f"group norm {at}", "GroupNormalised", nn.GroupNorm(3, 6, eps=f32(1e-5)), {"x": x}, dict(groups=3, c=6))
        instance = nn.InstanceNorm2d(6, eps=f32(1e-5), affine=True)
        module_case(f"instance norm {at}", "InstanceNormalised", instance, {"x": x}, dict(c=6))
        layer = nn.LayerNorm([6, height, width], eps=f32(1e-5))
        module_case(f"layer norm {at}", "LayerNormalised", layer, {"x": x}, dict(c=6, height=height, width=width))
    rows = draw(5, 7)
    batch = nn.BatchNorm1d(7, eps=f32(1e-5), momentum=f32(0.1))
    module_case("batch norm of vectors", "BatchNormalised1d", batch, {"x": rows}, dict(c=7))
    module_case("batch norm of vectors, training", "BatchNormalised1d", batch, {"x": rows}, dict(c=7), training=True)
    statistics_case("batch norm of vectors, running values", "BatchNormalised1d", nn.BatchNorm1d(7, momentum=f32(0.1)), rows)
    module_case("root mean square norm", "RootMeanSquare", RootMeanSquare(7), {"x": rows}, dict(d=7))


def statistics_case(name, model, module, x):
    parameters = {key: value.clone() for key, value in weights_of(module).items() if "running" in key}
    module.train()
    with torch.no_grad():
        module(x)
    outputs = {"running_mean": module.running_mean, "running_var": module.running_var}
    case(name, CASES, "updated", {"x": x}, outputs, parameters, model=model, settings=dict(c=x.shape[1]))
    language.cases[-1]["training"] = True


def pools_and_resizes(everything):
    pool, resize = "std/pool.weft", "std/resize.weft"
    for height, width in ((7, 10),) if not everything else ((3, 7), (17, 33), (65, 129)):
        x = draw(3, height, width)
        for kernel, stride, padding in ((3, 2, 1), (2, 2, 0), (3, 1, 1)):
            name = f"{height}x{width} k{kernel} s{stride} p{padding}"
            settings = dict(kernel=kernel, stride=stride, padding=padding)
            maximum = F.max_pool2d(x, kernel, stride, padding)
            function_case(f"max pool {name}", pool, "max_pool2d", {"x": x}, maximum, settings)
            mean = F.avg_pool2d(x, kernel, stride, padding)
            function_case(f"average pool {name}", pool, "average_pool2d", {"x": x}, mean, settings)
        function_case(f"global average pool {height}x{width}", pool, "global_average_pool", {"x": x}, x.mean((1, 2)))
    targets = [(7, 3), (1, 9)] if not everything else [(h, w) for h in (1, 3, 7, 17, 33) for w in (1, 5, 65, 129)]
    for height, width in ((7, 5), (1, 3)) if not everything else ((1, 1), (1, 3), (7, 5), (17, 17), (33, 65)):
        x = draw(2, height, width)
        for target in targets:
            settings = dict(height=target[0], width=target[1])
            name = f"{height}x{width} to {target[0]}x{target[1]}"

            def as_torch(mode, **options):
                return F.interpolate(x[None], target, mode=mode, **options)[0]

            for entry, result in (
                ("adaptive_average_pool2d", F.adaptive_avg_pool2d(x, target)),
                ("resize_nearest", as_torch("nearest")),
                ("resize_nearest_exact", as_torch("nearest-exact")),
                ("resize_bilinear", as_torch("bilinear", align_corners=False)),
                ("resize_bilinear_corners", as_torch("bilinear", align_corners=True)),
                ("resize_bicubic", as_torch("bicubic", align_corners=False)),
                ("resize_bicubic_corners", as_torch("bicubic", align_corners=True)),
            ):
                file = pool if entry.startswith("adaptive") else resize
                function_case(f"{entry} {name}", file, entry, {"x": x}, result, settings)


# ── Boxes and regions ──────────────────────────────────────────────────────────────────────────────────────────────

def draw_boxes(count, height, width):
    first = torch.rand(count, 2) * torch.tensor([width, height]) * 0.8
    size = 1 + torch.rand(count, 2) * torch.tensor([width, height]) * 0.5
    return torch.cat([first, first + size], 1).float().double()


def boxes():
    file = "std/boxes.weft"
    a, b = draw_boxes(7, 40, 60), draw_boxes(5, 40, 60)
    overlap = {"all_overlaps_0": ops.box_iou(a, b), "all_overlaps_1": ops.generalized_box_iou(a, b)}
    function_case("overlaps", CASES, "all_overlaps", {"a": a, "b": b}, overlap)
    function_case("areas", file, "box_area", {"box": a}, ops.box_area(a))
    function_case("centres", file, "corners_to_centre", {"box": a}, ops.box_convert(a, "xyxy", "cxcywh"))
    centres = ops.box_convert(a, "xyxy", "cxcywh").float().double()
    function_case("corners", file, "centre_to_corners", {"c": centres}, ops.box_convert(centres, "cxcywh", "xyxy"))
    limits = {"height": torch.tensor(30.0), "width": torch.tensor(45.0)}
    function_case("clipping", file, "clip_box", {"box": a, **limits}, ops.clip_boxes_to_image(a, (30, 45)))
    for weights in ((1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)):
        coder = detection.BoxCoder(weights)
        anchors, targets = draw_boxes(6, 40, 60), draw_boxes(6, 40, 60)
        w = torch.tensor(weights)
        inputs = {"box": targets, "anchor": anchors, "weights": w}
        function_case(f"encode {weights[0]}", file, "encode_box", inputs, coder.encode_single(targets, anchors))
        offsets = draw(6, 4)
        offsets[0, 3] = 40.0
        inputs = {"offsets": offsets, "anchor": anchors, "weights": w}
        function_case(f"decode {weights[0]}", file, "decode_box", inputs, coder.decode_single(offsets, anchors))
    ratios = torch.tensor([0.5, 1.0, 2.0])
    generator = AnchorGenerator(((32,),), ((0.5, 1.0, 2.0),))
    image = torch.zeros(1, 3, 48, 80)
    made = generator(ImageList(image, [(48, 80)]), [torch.zeros(1, 1, 3, 5)])[0]
    inputs = {"length": torch.tensor(32.0), "ratios": ratios, "stride_y": torch.tensor(16.0), "stride_x": torch.tensor(16.0)}
    function_case("anchors", CASES, "anchors", inputs, made, dict(height=3, width=5))
    squares = torch.tensor([10, 56, 111.9, 112, 223.9, 224, 447.9, 448, 1000]).float().double()
    square_boxes = torch.stack([torch.zeros(9), torch.zeros(9), squares, squares], 1)
    levels = torch.tensor([2, 2, 2, 3, 3, 4, 4, 5, 5])
    case("pyramid levels", file, "pyramid_level", {"box": square_boxes}, {"pyramid_level": levels.double()})


def regions():
    features = draw(3, 9, 11)
    chosen = torch.cat([draw_boxes(4, 36, 44), torch.tensor([[-6.0, -6, 10, 6], [38, 30, 60, 50], [5, 5, 5.5, 5.5]])])
    numbered = torch.cat([torch.zeros(len(chosen), 1), chosen], 1)
    for height, width, samples, aligned in ((2, 3, 2, False), (3, 2, 2, True), (1, 1, 1, False), (2, 2, 3, True)):
        result = ops.roi_align(features[None], numbered, (height, width), 0.25, samples, aligned)
        settings = dict(height=height, width=width, scale=0.25, samples=samples, aligned=aligned)
        name = f"RoIAlign {height}x{width} s{samples} {'aligned' if aligned else 'legacy'}"
        inputs = {"features": features, "boxes": chosen}
        case(name, CASES, "run", inputs, {"run": result}, model="Region", settings=settings)
    result = ops.roi_align(features[None], numbered, (2, 3), 0.5, 0, False)
    settings = dict(height=2, width=3, scale=0.5, most=16)
    inputs = {"features": features, "boxes": chosen}
    case("RoIAlign adaptive", CASES, "run", inputs, {"run": result}, model="AdaptiveRegion", settings=settings)


# ── Networks ───────────────────────────────────────────────────────────────────────────────────────────────────────

class NarrowResNet(resnet.ResNet):
    """torchvision's ResNet with another first width, and without classifier where `classes` is 0."""

    def __init__(self, block, counts, width, classes=0, norm=nn.BatchNorm2d, dilations=None):
        nn.Module.__init__(self)
        self._norm_layer, self.inplanes, self.dilation, self.groups, self.base_width = norm, width, 1, 1, 64
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = norm(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = self._make_layer(block, width, counts[0])
        self.layer2 = self._make_layer(block, 2 * width, counts[1], stride=2)
        self.layer3 = self._make_layer(block, 4 * width, counts[2], stride=2)
        self.layer4 = self._make_layer(block, 8 * width, counts[3], stride=1 if dilations else 2)
        for bottleneck, dilation in zip(self.layer4, dilations or ()):
            bottleneck.conv2.dilation = bottleneck.conv2.padding = (dilation, dilation)
        if classes > 0:
            self.avgpool = nn.AdaptiveAvgPool2d(1)
            self.fc = nn.Linear(8 * width * block.expansion, classes)

    def stages(self, x):
        c1 = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        c2 = self.layer1(c1)
        c3 = self.layer2(c2)
        c4 = self.layer3(c3)
        return {"c2": c2, "c3": c3, "c4": c4, "c5": self.layer4(c4)}


def frozen(channels):
    return ops.FrozenBatchNorm2d(channels, eps=f32(1e-5))


def trained(channels):
    return nn.BatchNorm2d(channels, eps=f32(1e-5))


def networks(everything):
    stack = 1e-4
    images = draw(2, 3, *((129, 65) if everything else (17, 25)))
    counts = dict(n1=2, n2=1, n3=1, n4=1)
    narrow = NarrowResNet(resnet.BasicBlock, [2, 1, 1, 1], 2, 5, trained)
    settings = dict(counts, width=2, classes=5)
    module_case("ResNet, basic blocks", "Basic", narrow, {"images": images}, settings, tolerance=stack)
    narrow = NarrowResNet(resnet.BasicBlock, [2, 1, 1, 1], 1, 5, trained)
    settings = dict(counts, width=1, classes=5)
    module_case("ResNet, basic blocks, training", "Basic", narrow, {"images": images}, settings, tolerance=stack, training=True)
    if everything:
        narrow = NarrowResNet(resnet.Bottleneck, [2, 1, 1, 1], 4, norm=frozen)
        module_case("ResNet, bottlenecks", "Bottlenecks", narrow, {"images": images[:1]}, dict(counts, width=4),
                    outputs=lambda m: m.stages(images[:1]), tolerance=stack)
    dilated = NarrowResNet(resnet.Bottleneck, [1, 1, 1, 3], 1, norm=frozen, dilations=(2, 4, 8))

    def low_and_high(module):
        maps = module.stages(images[:1])
        return {"low": maps["c2"], "high": maps["c5"]}

    module_case("ResNet, dilated", "Dilated", dilated, {"images": images[:1]}, dict(n1=1, n2=1, n3=1, width=1),
                outputs=low_and_high, tolerance=stack)

    pyramid = ops.FeaturePyramidNetwork([2, 3, 4, 5], 4, extra_blocks=ops.feature_pyramid_network.LastLevelMaxPool())
    maps = {f"c{k + 2}": draw(c, h, w) for k, (c, h, w) in enumerate([(2, 17, 13), (3, 9, 7), (4, 5, 4), (5, 3, 2)])}

    def levels(module):
        out = module({key: value[None] for key, value in maps.items()})
        return {f"p{k + 2}": value[0] for k, value in enumerate(out.values())}

    module_case("feature pyramid", "Pyramid", pyramid, maps, dict(in2=2, in3=3, in4=4, in5=5, channels=4), outputs=levels)

    atrous = ASPP(6, [2, 3, 5], 4)
    for layer in atrous.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = f32(1e-5)
    module_case("atrous pyramid", "AtrousPooled", atrous, {"x": draw(2, 6, 9, 7)},
                dict(c=6, o=4, dilation2=2, dilation3=3, dilation4=5), rename=checkpoint_name)
    if everything:
        full = NarrowResNet(resnet.BasicBlock, [3, 4, 6, 3], 64, 1000, trained)
        case_of_full("ResNet-34", "ResNet34", full)
        full = NarrowResNet(resnet.Bottleneck, [3, 4, 6, 3], 64, 1000, trained)
        case_of_full("ResNet-50", "ResNet50", full)


def case_of_full(name, model, module):
    images = draw(1, 3, 65, 97)
    module_case(name, model, module, {"images": images}, None, entry="logits", tolerance=1e-4, path="models/resnet/resnet.weft")


def checkpoint_name(key):
    """From torchvision's names of ASPP to those of the DeepLabV3+ checkpoints."""
    parts = key.split(".")
    if parts[0] == "project":
        return f"{'conv1' if parts[1] == '0' else 'bn1'}.{parts[2]}"
    branch, layer, rest = int(parts[1]), parts[2], parts[3]
    if branch == 4:
        return f"global_avg_pool.{layer}.{rest}"
    return f"aspp{branch + 1}.{'atrous_conv' if layer == '0' else 'bn'}.{rest}"


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("file")
    arguments.add_argument("--all", action="store_true")
    options = arguments.parse_args()
    torch.manual_seed(0)
    convolutions(options.all)
    normalisations(options.all)
    pools_and_resizes(options.all)
    boxes()
    regions()
    networks(options.all)
    language.write(options.file)
