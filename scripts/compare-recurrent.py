#!/usr/bin/env python3
"""Writes test/fixtures/recurrent.json: PyTorch's LSTM and GRU in float64 on small padded batches.

The tests run std/recurrent.weft on the same numbers. `--check` compares with the file there instead of writing it.
Usage: python3 scripts/compare-recurrent.py [--check]
"""
import json
import sys
from pathlib import Path

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

FIXTURE = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "recurrent.json"
INPUTS, HIDDEN, STEPS = 3, 4, 5
LENGTHS = [5, 3]


def short(tensor, digits=3):
    """The tensor rounded to few digits, so that the file stays readable and both sides start from the same numbers."""
    return torch.round(tensor * 10**digits) / 10**digits


def listed(tensor):
    return {"shape": list(tensor.shape), "data": tensor.detach().reshape(-1).tolist()}


def case(kind, layers, directions):
    torch.manual_seed(1000 * layers + 100 * directions + (kind == "GRU"))
    network = getattr(torch.nn, kind)(
        INPUTS, HIDDEN, num_layers=layers, bidirectional=directions == 2, batch_first=True
    ).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(short(2 * parameter))
    x = short(torch.randn(len(LENGTHS), STEPS, INPUTS, dtype=torch.float64))
    packed = pack_padded_sequence(x, torch.tensor(LENGTHS), batch_first=True)
    outputs, states = network(packed)
    y, _ = pad_packed_sequence(outputs, batch_first=True, total_length=STEPS)
    last = states if isinstance(states, tuple) else (states,)
    return {
        "kind": kind,
        "layers": layers,
        "directions": directions,
        "lengths": LENGTHS,
        "x": listed(x),
        "parameters": {name: listed(value) for name, value in network.named_parameters()},
        "y": listed(y),
        # PyTorch has [layer and direction, batch, hidden].
        "last": [listed(state.transpose(0, 1).contiguous()) for state in last],
    }


cases = [case(kind, layers, directions) for kind in ("LSTM", "GRU") for layers in (1, 2) for directions in (1, 2)]
text = "[\n" + ",\n".join(json.dumps(each) for each in cases) + "\n]\n"
if "--check" in sys.argv:
    same = json.loads(FIXTURE.read_text()) == json.loads(text)
    print("the fixture is what this PyTorch computes" if same else "the fixture differs from what this PyTorch computes")
    sys.exit(0 if same else 1)
FIXTURE.parent.mkdir(exist_ok=True)
FIXTURE.write_text(text)
print(f"{FIXTURE.name}: {len(cases)} cases, {len(text)} bytes, PyTorch {torch.__version__}")
