#!/usr/bin/env python3
"""Writes the small ONNX models of test/import with PyTorch's exporter.

    python3 scripts/export-torch-models.py test/fixtures/onnx

Needs torch (1.13 or later); the exporter that is used needs no other package. The models are tiny and their weights are drawn from a fixed
seed, so that running the script again changes nothing but what another version of PyTorch exports differently.
"""

import os
import sys
import warnings

import torch
from torch import nn


class Perceptron(nn.Module):
    """Two layers and a normalisation."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 16)
        self.norm = nn.BatchNorm1d(16)
        self.second = nn.Linear(16, 4)

    def forward(self, x):
        return torch.log_softmax(self.second(torch.relu(self.norm(self.first(x)))), dim=-1)


class Convolutional(nn.Module):
    """Convolutions, poolings, a transposed convolution and a resize."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=4)
        self.up = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.norm = nn.GroupNorm(2, 4)
        self.head = nn.Linear(4, 5)

    def forward(self, image):
        x = nn.functional.max_pool2d(torch.relu(self.bn1(self.conv1(image))), 2)
        x = nn.functional.silu(self.up(nn.functional.hardswish(self.conv2(x))))
        x = nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        x = nn.functional.leaky_relu(self.norm(nn.functional.avg_pool2d(x, 2)), 0.2)
        return self.head(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))


class Sequence(nn.Module):
    """An embedding, recurrent layers both ways, and another kind of them."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.lstm = nn.LSTM(6, 8, 2, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(16, 5, batch_first=True)
        self.out = nn.Linear(5, 3)

    def forward(self, tokens):
        states, (last, _) = self.lstm(self.embedding(tokens))
        return self.out(self.gru(states)[0]), last


class Attention(nn.Module):
    """Attention as language models write it: shapes are taken from the input, and a mask hides what comes later."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 16)
        self.position = nn.Embedding(32, 16)
        self.norm = nn.LayerNorm(16)
        self.projection = nn.Linear(16, 48)
        self.out = nn.Linear(16, 16)
        self.up = nn.Linear(16, 32)
        self.down = nn.Linear(32, 16)
        self.register_buffer("mask", torch.tril(torch.ones(32, 32)).bool())

    def forward(self, tokens):
        batch, length = tokens.shape
        x = self.embedding(tokens) + self.position(torch.arange(length, device=tokens.device))
        query, key, value = self.projection(self.norm(x)).chunk(3, dim=-1)
        heads = lambda t: t.view(batch, length, 4, 4).transpose(1, 2)
        scores = heads(query) @ heads(key).transpose(-2, -1) / 2
        scores = scores.masked_fill(~self.mask[:length, :length], float("-inf"))
        attended = (torch.softmax(scores, dim=-1) @ heads(value)).transpose(1, 2).reshape(batch, length, 16)
        x = x + self.out(attended)
        return x + self.down(nn.functional.gelu(self.up(x)))


def randomise(model):
    """Statistics and scales that are not those of a fresh model."""
    for name, tensor in model.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2)
        elif name.endswith("running_mean") or (tensor.dim() == 1 and tensor.dtype == torch.float32):
            tensor.uniform_(-0.5, 1)


def main(folder):
    os.makedirs(folder, exist_ok=True)
    warnings.simplefilter("ignore")
    tokens = torch.zeros(2, 5, dtype=torch.long)
    models = [
        ("perceptron", Perceptron(), torch.zeros(3, 6), ["x"], ["scores"], {"x": {0: "B"}}, 13),
        ("convolutional", Convolutional(), torch.zeros(2, 3, 12, 12), ["image"], ["scores"], {"image": {0: "B"}}, 16),
        ("encoder-layer", nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), torch.zeros(2, 5, 16), ["x"], ["y"], {}, 14),
        ("attention", Attention(), tokens, ["tokens"], ["y"], {"tokens": {0: "B", 1: "L"}}, 17),
        ("sequence", Sequence(), tokens, ["tokens"], ["y", "last"], {"tokens": {0: "B", 1: "T"}}, 12),
    ]
    for name, model, example, inputs, outputs, axes, opset in models:
        torch.manual_seed(len(name))
        for parameter in model.parameters():
            nn.init.uniform_(parameter, -0.4, 0.4)
        randomise(model)
        model.eval()
        path = os.path.join(folder, f"{name}.onnx")
        torch.onnx.export(
            model, example, path, input_names=inputs, output_names=outputs, dynamic_axes=axes, opset_version=opset
        )
        print(f"{path}: {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
