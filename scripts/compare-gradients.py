"""Writes the gradients that PyTorch computes for the losses of test/fixtures/gradients/losses.weft.

    python3 scripts/compare-gradients.py test/fixtures/gradients/torch.safetensors

Weights and inputs are rounded to f32; PyTorch computes in float64. The file has the form of compare-language.py: tensors
`CASE|input|NAME`, `CASE|parameter|PATH`, `CASE|output|NAME`, and the cases in its metadata. Outputs are the loss and `gradient(NAME)`.
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
LOSSES = "test/fixtures/gradients/losses.weft"
cases, tensors = [], {}


def draw(*shape, scale=1.0):
    return (torch.randn(*shape) * scale).float().double()


def store(name, role, key, value):
    kind = np.float32 if value.is_floating_point() else np.int32
    tensors[f"{name}|{role}|{key}"] = value.detach().numpy().astype(kind)


def case(name, entry, inputs, loss, output, model=None, settings=None, parameters=None, buffers=None, training=False):
    parameters = parameters or {}
    sources = {**{key: value for key, value in inputs.items() if value.is_floating_point()}, **parameters}
    for value in sources.values():
        value.requires_grad_(True)
    for key, value in (buffers or {}).items():
        store(name, "parameter", key, value)
    result = loss()
    result.backward()
    for role, named in (("input", inputs), ("parameter", parameters)):
        for key, value in named.items():
            store(name, role, key, value)
    store(name, "output", output, result)
    for key, value in sources.items():
        store(name, "output", f"gradient({key})", value.grad)
    record = dict(name=name, path=LOSSES, model=model, entry=entry, settings=settings, tolerance=1e-4)
    if training:
        record["training"] = True
    cases.append({key: value for key, value in record.items() if value is not None})


def weights_of(module, prefix=""):
    with torch.no_grad():
        for key, parameter in module.named_parameters():
            scale = 1 / math.sqrt(parameter[0].numel()) if parameter.dim() > 1 else 0.3
            parameter.copy_((1 if "norm" in key and key.endswith("weight") else 0) + draw(*parameter.shape, scale=scale))
    return {prefix + key: value for key, value in module.named_parameters()}


def attention():
    for name, L, S in (("attention", 5, 7), ("causal_attention", 6, 6)):
        q, k, v, w = draw(L, 8), draw(S, 8), draw(S, 4), draw(L, 4)

        def loss():
            scores = q @ k.T / math.sqrt(8)
            if name == "causal_attention":
                scores = scores.masked_fill(torch.triu(torch.ones(L, S, dtype=torch.bool), 1), -math.inf)
            return (w * (F.softmax(scores, 1) @ v)).sum()

        case(name, name, dict(Q=q, K=k, V=v, W=w), loss, name)


def bert_layer():
    d, heads, hidden, L = 16, 4, 32, 7
    layer = nn.TransformerEncoderLayer(d, heads, hidden, 0.0, "gelu", layer_norm_eps=1e-12)
    x, w = draw(L, d), draw(L, d)
    case("BERT layer", "loss", dict(x=x, W=w), lambda: (w * layer(x.unsqueeze(1)).squeeze(1)).sum(), "loss",
         "BertLayer", dict(d=d, heads=heads, hidden=hidden), weights_of(layer, "layer."))


def recurrent():
    for directions in (1, 2):
        n, hidden, T = 5, 6, 9
        layer = nn.LSTM(n, hidden, bidirectional=directions == 2)
        x, w = draw(T, n), draw(T, directions * hidden)
        case(f"LSTM in {directions} directions", "loss", dict(x=x, W=w), lambda: (w * layer(x)[0]).sum(), "loss",
             "Memory", dict(n=n, hidden=hidden, directions=directions), weights_of(layer, "layer."))
    layer = nn.GRU(5, 6)
    x, w = draw(9, 5), draw(9, 6)
    case("GRU", "loss", dict(x=x, W=w), lambda: (w * layer(x)[0]).sum(), "loss",
         "Gated", dict(n=5, hidden=6), weights_of(layer, "layer."))


class Images(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.norm1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 6, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(6)
        self.head = nn.Linear(6, classes)

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)))
        z = F.max_pool2d(F.relu(self.norm2(self.conv2(y))), 3, 2, padding=1)
        return self.head(z.mean((2, 3)))


def images():
    for training in (False, True):
        model = Images(5).train(training)
        weights = weights_of(model)
        with torch.no_grad():
            for key, value in model.named_buffers():
                if value.is_floating_point():
                    value.copy_(draw(*value.shape).abs() + 0.5 if key.endswith("var") else draw(*value.shape, scale=0.3))
        # Training changes the buffers; what the loss saw is stored before.
        buffers = {key: value.clone() for key, value in model.named_buffers() if value.is_floating_point() and not training}
        x, t = draw(3, 3, 11, 10), torch.randint(5, (3,))
        case(f"convolutions{' while training' if training else ''}", "loss", dict(images=x, targets=t),
             lambda: F.cross_entropy(model(x), t), "loss", "Images", dict(classes=5), weights, buffers, training)


def words():
    vocab, positions, d, classes = 11, 8, 6, 4
    table, place, head = nn.Embedding(vocab, d), nn.Embedding(positions, d), nn.Linear(d, classes)
    tokens, t = torch.randint(vocab, (3, 7)), torch.randint(classes, (3,))
    named = {**weights_of(table, "embedding.wte."), **weights_of(place, "embedding.wpe."), **weights_of(head, "head.")}
    case("words", "loss", dict(tokens=tokens, targets=t),
         lambda: F.cross_entropy(head((table(tokens) + place(torch.arange(7))).mean(1)), t), "loss",
         "Words", dict(vocab=vocab, positions=positions, d=d, classes=classes), named)


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
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    print(f"{path}: {len(cases)} cases, {8 + len(text) + position} bytes, torch {torch.__version__}")


if __name__ == "__main__":
    attention()
    bert_layer()
    recurrent()
    images()
    words()
    write(sys.argv[1])
