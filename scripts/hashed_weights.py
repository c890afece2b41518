"""Weights and inputs that need no file: numbers from a hash of their names, for the comparisons with PyTorch.

test/models/hashed-weights.ts computes the same numbers.
"""
import json
import math

import numpy as np
import torch


def hashed(name, *shape):
    """float64 in [-1, 1), rounded to float32: FNV-1a of the name, then the finaliser of MurmurHash3 for each element."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 & 0xFFFFFFFF
    h = (seed + np.arange(math.prod(shape), dtype=np.uint64) * 0x9E3779B9) & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = (h ^ (h >> shift)) * factor & 0xFFFFFFFF
    h ^= h >> 16
    return torch.tensor((h / 2**31 - 1).astype(np.float32).astype(np.float64)).reshape(shape)


def weight(path, *shape):
    """A sum over a row of a matrix or a filter has a spread of about 1; factors of norms and scalars `a` stand about 1."""
    v = hashed(path, *shape)
    if len(shape) > 1:
        return math.sqrt(3 / math.prod(shape[1:])) * v
    if path.endswith("running_var"):
        return 1 + 0.5 * v.abs()
    return (1 if path.endswith("weight") or path.endswith(".a") else 0) + 0.2 * v


class Weights(dict):
    """Parameters and buffers by path, made when they are first asked for."""

    def at(self, path, *shape):
        if path not in self:
            self[path] = weight(path, *shape).float().double().requires_grad_("running_" not in path)
        assert self[path].shape == shape, path
        return self[path]

    def linear(self, x, path, out):
        return x @ self.at(path + ".weight", out, x.shape[-1]).T + self.at(path + ".bias", out)

    def lstm_step(self, x, h, c, path, suffix=""):
        """One step; gates i, f, g, o."""
        n = h.shape[-1]
        z = x @ self.at(f"{path}.weight_ih_l0{suffix}", 4 * n, x.shape[-1]).T + self.at(f"{path}.bias_ih_l0{suffix}", 4 * n)
        z = z + h @ self.at(f"{path}.weight_hh_l0{suffix}", 4 * n, n).T + self.at(f"{path}.bias_hh_l0{suffix}", 4 * n)
        i, f, g, o = z.chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def count(self):
        return sum(value.numel() for value in self.values() if value.requires_grad)


def gradients(loss, weights, paths):
    """Gradients of a loss under the names that Weft gives them."""
    found = torch.autograd.grad(loss, [weights[path] for path in paths], retain_graph=True)
    return {f"gradient({path})": value for path, value in zip(paths, found)}


class Cases:
    """What is written: for each case an entry, its settings, small inputs as numbers, others by the name they are hashed from, outputs."""

    def __init__(self):
        self.cases = []

    def add(self, name, entry, inputs, outputs, settings=None, training=False):
        listed = {key: self.values(value) for key, value in outputs.items()}
        self.cases.append(dict(name=name, entry=entry, settings=settings or {}, training=training, inputs=inputs, outputs=listed))

    @staticmethod
    def values(tensor):
        numbers = tensor.detach().reshape(-1).tolist()
        if tensor.is_floating_point():
            numbers = [float(f"{number:.7g}") for number in numbers]
        return dict(shape=list(tensor.shape), data=numbers)

    @staticmethod
    def hashed(name, *shape):
        return dict(hashed=name, shape=list(shape))

    def write(self, path):
        text = json.dumps(self.cases, separators=(",", ":"))
        with open(path, "w") as file:
            file.write(text + "\n")
        print(f"{path}: {len(self.cases)} cases, {len(text)} bytes, torch {torch.__version__}")
