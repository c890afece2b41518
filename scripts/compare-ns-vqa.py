"""Writes what PyTorch computes for the tiny networks of NS-VQA and for the published preparation of pictures.

    python3 scripts/compare-ns-vqa.py test/fixtures/ns-vqa.json

test/models/ns-vqa-torch.test.ts reads the file. The networks are written down here by hand from the paper and the published code, in
float64; torch.lstm runs the question parser's recurrences on packed sequences.
"""
import argparse
import json

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from hashed_weights import Cases, Weights, gradients, hashed

torch.set_default_dtype(torch.float64)
WORDS, FUNCTIONS, WIDTH, HIDDEN, STEPS = 75, 44, 64, 64, 27


class AttributeNetwork(Weights):
    """A stem of 5 x 5 and four residual blocks that halve the map."""

    def norm(self, x, path, training, statistics):
        n = x.shape[1]
        factor, shift = self.at(path + ".weight", n), self.at(path + ".bias", n)
        mean, variance = (self.at(f"{path}.running_{name}", n).clone() for name in ("mean", "var"))
        y = F.batch_norm(x, mean, variance, factor, shift, training, momentum=0.1, eps=1e-5)
        statistics += [mean, variance]
        return y

    def conv(self, x, path, out, kernel, stride=1):
        return F.conv2d(x, self.at(path + ".weight", out, x.shape[1], kernel, kernel), None, stride, kernel // 2)

    def forward(self, x, training=False):
        """Scores, and mean and variance of each normalisation after the batch."""
        statistics = []
        norm = lambda y, path: self.norm(y, path, training, statistics)
        x = F.relu(norm(self.conv(x, "main.0", 16, 5, 2), "main.1"))
        for stage, out in enumerate((16, 32, 64, 128), 4):
            path = f"main.{stage}.0"
            y = F.relu(norm(self.conv(x, path + ".conv1", out, 3, 2), path + ".bn1"))
            y = norm(self.conv(y, path + ".conv2", out, 3), path + ".bn2")
            x = F.relu(y + norm(self.conv(x, path + ".downsample.0", out, 1, 2), path + ".downsample.1"))
        return self.linear(x.mean((2, 3)), "final_layer", 18), statistics


class QuestionParser(Weights):
    def lstm(self, path, x, state, hidden, bidirectional):
        """Outputs and last states of a padded array, or of a packed one."""
        data = x.data if isinstance(x, PackedSequence) else x
        names = torch.nn.LSTM(data.shape[-1], hidden, 2, bidirectional=bidirectional).named_parameters()
        weights = [self.at(f"{path}.{name}", *each.shape) for name, each in names]
        if data is x:
            return torch.lstm(x, state, weights, True, 2, 0.0, False, bidirectional, True)
        y, h, c = torch.lstm(data, x.batch_sizes, state, weights, True, 2, 0.0, False, bidirectional)
        return PackedSequence(y, x.batch_sizes, x.sorted_indices, x.unsorted_indices), h, c

    def encode(self, questions):
        lengths = (questions != 0).sum(1)
        x = F.embedding(questions, self.at("encoder.embedding.weight", WORDS, WIDTH))
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        zero = torch.zeros(4, len(questions), HIDDEN)
        e, h, c = self.lstm("encoder.rnn", packed, (zero, zero), HIDDEN, True)
        e, _ = pad_packed_sequence(e, batch_first=True, total_length=questions.shape[1])
        h, c = h[:, packed.unsorted_indices], c[:, packed.unsorted_indices]
        joined = [torch.stack([torch.cat([s[0], s[1]], -1), torch.cat([s[2], s[3]], -1)]) for s in (h, c)]
        return e, questions != 0, tuple(joined)

    def decode(self, previous, e, valid, state):
        x = F.embedding(previous, self.at("decoder.embedding.weight", FUNCTIONS, WIDTH))
        q, h, c = self.lstm("decoder.rnn", x, state, 2 * HIDDEN, False)
        score = (q @ e.transpose(1, 2)).masked_fill(~valid[:, None], -torch.inf)
        context = torch.softmax(score, -1) @ e
        a = torch.tanh(self.linear(torch.cat([context, q], -1), "decoder.attention.linear_out", 2 * HIDDEN))
        return torch.log_softmax(self.linear(a, "decoder.out_linear", FUNCTIONS), -1), (h, c)

    def log_probability(self, questions, previous):
        return self.decode(previous, *self.encode(questions))[0]

    def parse(self, questions):
        e, valid, state = self.encode(questions)
        y = torch.ones(len(questions), 1, dtype=torch.long)
        written, margin = [], float("inf")
        for _ in range(STEPS):
            log_p, state = self.decode(y, e, valid, state)
            best = log_p[:, 0].topk(2).values
            margin = min(margin, (best[:, 0] - best[:, 1]).min().item())
            y = log_p.argmax(-1)
            written.append(y)
        assert margin > 1e-4, "two functions are too close for float32"
        return torch.cat(written, 1)


def attribute_cases(cases):
    net = AttributeNetwork()
    objects = hashed("objects", 3, 6, 32, 48)
    given = dict(objects=Cases.hashed("objects", 3, 6, 32, 48))
    cases.add("scores", "AttributeNetwork.scores", given, dict(scores=net.forward(objects)[0]))
    targets = hashed("targets", 3, 18)
    scores, statistics = net.forward(objects, training=True)
    loss = ((scores - targets) ** 2).mean()
    norms = ["main.1"] + [f"main.{stage}.0.{norm}" for stage in (4, 5, 6, 7) for norm in ("bn1", "bn2", "downsample.1")]
    names = [f"written({norm}.running_{kind})" for norm in norms for kind in ("mean", "var")]
    outputs = dict(loss=loss) | dict(zip(names, statistics))
    wanted = ["main.1.weight", "main.4.0.bn2.bias", "main.7.0.downsample.1.weight", "final_layer.bias"]
    given = dict(given, targets=Cases.hashed("targets", 3, 18))
    cases.add("attributes", "AttributeNetwork.loss", given, outputs | gradients(loss, net, wanted), training=True)
    assert net.count() == 312_114


def parser_cases(cases):
    net = QuestionParser()
    questions = torch.tensor([[1, 9, 33, 60, 12, 74, 2, 0], [1, 40, 5, 2, 0, 0, 0, 0], [1, 7, 8, 21, 66, 30, 19, 2]])
    programs = torch.tensor([[1, 4, 11, 41, 2, 0], [1, 10, 41, 2, 0, 0], [1, 29, 43, 21, 41, 2]])
    q, p = Cases.values(questions), Cases.values(programs)
    cases.add("parse", "QuestionParser.parse", dict(questions=q), dict(programs=net.parse(questions)))
    log_p = net.log_probability(questions, programs[:, :-1])
    previous = Cases.values(programs[:, :-1])
    cases.add("log_probability", "QuestionParser.log_probability", dict(questions=q, previous=previous), dict(log_probability=log_p))
    chosen = log_p.gather(-1, programs[:, 1:, None])[..., 0]
    wanted = ["encoder.rnn.bias_hh_l0_reverse", "encoder.rnn.bias_ih_l1", "decoder.rnn.bias_hh_l0", "decoder.out_linear.bias"]
    outputs = dict(loss=-chosen.mean()) | gradients(-chosen.mean(), net, wanted)
    cases.add("loss", "QuestionParser.loss", dict(questions=q, programs=p), outputs)
    # Samples have no <START>; sums end with <END>, which is counted.
    samples, advantage = programs[:, 1:], torch.tensor([0.5, -1.25, 0.75])
    before = torch.cat([torch.zeros(3, 1, dtype=torch.long), (samples == 2).long().cumsum(1)[:, :-1]], 1) == 0
    reinforce = -(advantage[:, None] * before * chosen).sum()
    outputs = dict(reinforce=reinforce) | gradients(reinforce, net, wanted)
    given = dict(questions=q, samples=Cases.values(samples), advantage=Cases.values(advantage))
    cases.add("reinforce", "QuestionParser.reinforce", given, outputs)
    assert net.count() == 443_500


def preparation():
    """One object in a picture of 60 x 40, some places of the six planes."""
    width, height = 60, 40
    resized = lambda pixels, *size: torch.tensor(np.array(Image.fromarray(pixels.numpy()).resize(size, Image.BILINEAR)))
    rgb = ((hashed("picture", height, width, 3) + 1) * 127.5).floor().to(torch.uint8)
    mask = torch.zeros(height, width, 1, dtype=torch.uint8)
    mask[8:30, 20:45] = 1
    bgr = rgb.flip(-1)
    planes = []
    for picture in (bgr * mask, bgr):
        small = resized(picture, 224, 149).double() / 255
        small = (small - torch.tensor((0.485, 0.456, 0.406))) / torch.tensor((0.229, 0.224, 0.225))
        planes.append(F.pad(small.permute(2, 0, 1), (0, 0, 38, 224 - 38 - 149)))
    values = torch.cat(planes).reshape(-1)
    places = list(range(0, len(values), 997))
    shrunk = resized(rgb, 17, 11)
    return dict(width=width, height=height, places=places, values=[float(f"{v:.7g}") for v in values[places].tolist()],
                shrunk=dict(width=17, height=11, rgb=shrunk.reshape(-1).tolist()))


parser = argparse.ArgumentParser()
parser.add_argument("output")
cases = Cases()
attribute_cases(cases)
parser_cases(cases)
with open(parser.parse_args().output, "w") as file:
    file.write(json.dumps(dict(cases=cases.cases, preparation=preparation()), separators=(",", ":")) + "\n")
