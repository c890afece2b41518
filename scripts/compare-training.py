"""Trains the models of test/fixtures/training/models.weft with PyTorch and writes what came of it.

    python3 scripts/compare-training.py test/fixtures/training/torch.safetensors

Weights and data are rounded to f32; PyTorch computes in float64, so that its own rounding does not count. The file holds `CASE|data|NAME` (all
examples), `CASE|start|PATH` and `CASE|end|PATH` (parameters and buffers), `CASE|losses` (one for each step), and the cases in its metadata.
Batches take the examples in their order, starting again after the last.
"""
import json
import math
import struct
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
cases, tensors = [], {}


def rounded(value):
    return value.float().double() if value.is_floating_point() else value


def store(name, value):
    tensors[name] = value.detach().numpy().astype(np.float32 if value.is_floating_point() else np.int32)


class Transformer(nn.Module):
    def __init__(self, vocab=12, positions=10, d=16, heads=2, hidden=32):
        super().__init__()
        self.embedding = nn.ModuleDict({"wte": nn.Embedding(vocab, d), "wpe": nn.Embedding(positions, d)})
        self.layer = nn.TransformerEncoderLayer(d, heads, hidden, 0.0, "gelu", batch_first=True, norm_first=True)
        self.norm = nn.LayerNorm(d)
        self.head = nn.Linear(d, vocab)

    def loss(self, tokens, targets):
        length = tokens.shape[1]
        x = self.embedding["wte"](tokens) + self.embedding["wpe"](torch.arange(length))
        later = torch.triu(torch.ones(length, length, dtype=torch.bool), 1)
        return F.cross_entropy(self.head(self.norm(self.layer(x, later))).transpose(1, 2), targets)


class Images(nn.Module):
    def __init__(self, classes=4):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4 * 16, classes)

    def loss(self, images, targets):
        z = F.max_pool2d(F.relu(self.norm(self.conv(images))), 2, 2)
        return F.cross_entropy(self.head(z.flatten(1)), targets)


class Line(nn.Module):
    def __init__(self, n=3, hidden=5, out=2):
        super().__init__()
        self.first = nn.Linear(n, hidden)
        self.second = nn.Linear(hidden, out)

    def loss(self, x, y):
        return F.mse_loss(self.second(torch.tanh(self.first(x))), y)


def case(name, model, data, optimiser, steps, batch, rates=None, clip=None, accumulate=1, spec=None):
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(rounded(value))
    for key, value in model.state_dict().items():
        if value.is_floating_point():
            store(f"{name}|start|{key}", value)
    for key, value in data.items():
        store(f"{name}|data|{key}", value)
    count = next(iter(data.values())).shape[0]
    losses = []
    for step in range(steps):
        optimiser.zero_grad()
        total = 0.0
        for part in range(accumulate):
            first = (step * accumulate + part) * batch
            chosen = [(first + k) % count for k in range(batch)]
            loss = model.loss(**{key: value[chosen] for key, value in data.items()}) / accumulate
            loss.backward()
            total += loss.item()
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        if rates is not None:
            for group in optimiser.param_groups:
                group["lr"] = rates(step)
        optimiser.step()
        losses.append(total)
    for key, value in model.state_dict().items():
        if value.is_floating_point():
            store(f"{name}|end|{key}", value)
    store(f"{name}|losses", torch.tensor(losses))
    record = dict(name=name, model=type(model).__name__, batch=batch, steps=steps, accumulate=accumulate, clip=clip, **spec)
    cases.append({key: value for key, value in record.items() if value is not None})


def transformer():
    """Cosine with warm-up, clipping, AdamW: what transformers are trained with."""
    model, steps = Transformer(), 200
    # A rule with some chance in it: mostly the next token is 3 further on.
    tokens = torch.zeros(32, 11, dtype=torch.long)
    tokens[:, 0] = torch.randint(12, (32,))
    for t in range(1, 11):
        jump = torch.where(torch.rand(32) < 0.8, torch.tensor(3), torch.randint(12, (32,)))
        tokens[:, t] = (tokens[:, t - 1] + jump) % 12
    data = dict(tokens=tokens[:, :-1], targets=tokens[:, 1:])
    peak, warmup = 3e-3, 20

    def rates(step):
        if step < warmup:
            return peak * (step + 1) / warmup
        return peak * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2

    case("transformer", model, data, torch.optim.AdamW(model.parameters(), lr=peak, weight_decay=0.05), steps, 8, rates, 0.5,
         spec=dict(optimiser=dict(name="adamw", settings={}, weightDecay=0.05),
                   schedule=dict(kind="cosine", rate=peak, warmup=warmup)))


def images():
    model = Images()
    targets = torch.randint(4, (64,))
    pictures = torch.randn(64, 1, 8, 8) * 0.5
    for k in range(64):  # the class is the corner that is bright
        row, column = 4 * (targets[k] // 2), 4 * (targets[k] % 2)
        pictures[k, 0, row:row + 4, column:column + 4] += 1
    data = dict(images=rounded(pictures), targets=targets)
    case("images", model, data, torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-3), 200, 16,
         lambda step: 0.02 * 0.5 ** (step // 60),
         spec=dict(optimiser=dict(name="momentum", settings={}, weightDecay=1e-3),
                   schedule=dict(kind="step", rate=0.02, every=60, factor=0.5)))
    # Two batches make a step: the running statistics move with each of them.
    model = Images()
    case("running statistics", model, data, torch.optim.SGD(model.parameters(), lr=0.05), 3, 16, accumulate=2,
         spec=dict(optimiser=dict(name="sgd", settings={}), schedule=dict(kind="constant", rate=0.05)))


def optimisers():
    rate = 0.05
    choices = {
        "sgd": (lambda p: torch.optim.SGD(p, rate), dict(name="sgd", settings={})),
        "sgd with decay": (lambda p: torch.optim.SGD(p, rate, weight_decay=0.1), dict(name="sgd", settings={}, weightDecay=0.1)),
        "momentum": (lambda p: torch.optim.SGD(p, rate, momentum=0.8), dict(name="momentum", settings=dict(momentum=0.8))),
        "nesterov": (lambda p: torch.optim.SGD(p, rate, momentum=0.9, nesterov=True), dict(name="nesterov", settings={})),
        "adam": (lambda p: torch.optim.Adam(p, rate, betas=(0.8, 0.99), eps=1e-6),
                 dict(name="adam", settings=dict(beta1=0.8, beta2=0.99, eps=1e-6))),
        "adam with decay": (lambda p: torch.optim.Adam(p, rate, weight_decay=0.1), dict(name="adam", settings={}, weightDecay=0.1)),
        "adamw": (lambda p: torch.optim.AdamW(p, rate), dict(name="adamw", settings={})),
        "rmsprop": (lambda p: torch.optim.RMSprop(p, rate, alpha=0.95), dict(name="rmsprop", settings=dict(alpha=0.95))),
    }
    for key, (make, spec) in choices.items():
        model = Line()
        data = dict(x=rounded(torch.randn(12, 3)), y=rounded(torch.randn(12, 2)))
        case(key, model, data, make(model.parameters()), 12, 4, clip=0.3 if "decay" in key else None,
             accumulate=3 if key in ("sgd", "adam") else 1,
             spec=dict(optimiser=spec, schedule=dict(kind="constant", rate=rate)))


def write(path):
    header, blobs, position = {"__metadata__": {"cases": json.dumps(cases)}}, [], 0
    for name, array in tensors.items():
        blob = np.ascontiguousarray(array).tobytes()
        kind = {"float32": "F32", "int32": "I32"}[str(array.dtype)]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [position, position + len(blob)]}
        blobs.append(blob)
        position += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    print(f"{path}: {len(cases)} cases, {8 + len(text) + position} bytes, torch {torch.__version__}")


if __name__ == "__main__":
    transformer()
    images()
    optimisers()
    write(sys.argv[1])
