"""Writes the gradients that PyTorch computes for attention at sizes whose scores kernels do not store.

    python3 scripts/compare-attention-gradients.py test/fixtures/gradients/attention.json

The loss is sum(T · attention(Q, K, V)²). Inputs are drawn as test/codegen/on-device.ts draws them, so that the file needs only results: of
each gradient every 61st element and the largest. PyTorch computes in float64.
"""
import json
import math
import sys

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
EVERY = 61


def draw(seed, *shape, boolean=False):
    state, values = (seed * 2654435761 + 12345) % 2**32, []
    for _ in range(math.prod(shape)):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append(state / 2**32)
    x = torch.tensor(values).reshape(shape)
    return x >= 1 / 3 if boolean else (2 * x - 1).float().double()


def gradients(form, H, L, S, d):
    Q, K, V, T = draw(1, H, L, d), draw(2, H, S, d), draw(3, H, S, d), draw(4, H, L, d)
    for x in (Q, K, V):
        x.requires_grad_(True)
    scores = Q @ K.transpose(1, 2) / math.sqrt(d)
    if form == "causal":
        scores = scores.masked_fill(torch.triu(torch.ones(L, S, dtype=torch.bool), 1), -math.inf)
    if form == "masked":
        scores = scores.masked_fill(~draw(5, S, boolean=True), -math.inf)
    loss = (T * (F.softmax(scores, 2) @ V) ** 2).sum()
    loss.backward()
    results = {"loss": loss.detach(), **{f"gradient({name})": x.grad for name, x in (("Q", Q), ("K", K), ("V", V))}}
    return {
        name: dict(largest=value.abs().max().item(), elements=value.flatten()[::EVERY].tolist())
        for name, value in results.items()
    }


cases = [("dense", 4, 128, 128, 8), ("causal", 4, 131, 131, 8), ("masked", 4, 131, 129, 9)]
with open(sys.argv[1], "w") as file:
    records = [dict(form=form, L=L, every=EVERY, outputs=gradients(form, H, L, S, d)) for form, H, L, S, d in cases]
    file.write(json.dumps(records) + "\n")
