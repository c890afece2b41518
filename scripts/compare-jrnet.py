"""Writes what PyTorch computes for the tiny JRNet network: masks, losses and gradients.

    python3 scripts/compare-jrnet.py test/fixtures/jrnet.json

test/models/jrnet.test.ts reads the file. The network is written down here by hand from the paper and the published code, in float64.
"""
import argparse
import math

import torch
import torch.nn.functional as F

from hashed_weights import Cases, Weights, gradients, hashed

torch.set_default_dtype(torch.float64)
T, WORD, VOCABULARY = 12, 32, 25
TINY = dict(side=64, width=16, c2=32, c3=48, c4=64, grid=8, C=32, heads=4, hidden=64, output=32)
# Small enough for the reference evaluator.
SMALLER = dict(side=32, width=4, c2=8, c3=12, c4=16, grid=4, C=8, heads=2, hidden=12, output=20)


class Network(Weights):
    def __init__(self, sizes, literal=False, self_gate=False, training=False):
        super().__init__()
        self.size = sizes
        self.literal, self.self_gate, self.training = literal, self_gate, training

    def conv(self, x, path, out, kernel, bias=False, **options):
        b = self.at(path + ".bias", out) if bias else None
        return F.conv2d(x, self.at(path + ".weight", out, x.shape[1], kernel, kernel), b, **options)

    def batch_norm(self, x, path):
        n = x.shape[1]
        gamma, beta = self.at(path + ".weight", n), self.at(path + ".bias", n)
        μ, variance = self.at(path + ".running_mean", n), self.at(path + ".running_var", n)
        if self.training:
            return F.batch_norm(x, None, None, gamma, beta, True)
        return F.batch_norm(x, μ, variance, gamma, beta)

    def block(self, x, path, out):
        y = F.relu(self.batch_norm(self.conv(x, path + ".conv1", out, 3, stride=2, padding=1), path + ".bn1"))
        y = self.batch_norm(self.conv(y, path + ".conv2", out, 3, padding=1), path + ".bn2")
        around = self.batch_norm(self.conv(x, path + ".downsample.0", out, 1, stride=2), path + ".downsample.1")
        return F.relu(y + around)

    def levels(self, images):
        x = F.relu(self.batch_norm(self.conv(images, "backbone.conv1", self.size["width"], 3, stride=2, padding=1), "backbone.bn1"))
        levels = []
        for stage, out in ((n, self.size[f"c{n}"]) for n in (2, 3, 4)):
            x = self.block(x, f"backbone.layer{stage}", out)
            p = F.adaptive_max_pool2d(x, 2 * self.size["grid"])
            path = f"conv_3x3.layer{stage}."
            levels.append(F.leaky_relu(self.batch_norm(self.conv(p, path + "0", self.size["C"], 3, True, stride=2, padding=1), path + "1")))
        return levels

    def text(self, x):
        h = c = torch.zeros(len(x), self.size["C"])
        states = []
        for t in range(x.shape[1]):
            h, c = self.lstm_step(x[:, t], h, c, "text_encoder.lstm")
            states.append(h)
        return torch.stack(states, 1)

    def norm(self, x, path):
        return F.layer_norm(x, (self.size["C"],), self.at(path + ".weight", self.size["C"]), self.at(path + ".bias", self.size["C"]))

    def attention(self, q, k, v, seen, path):
        w, b = self.at(path + ".in_proj_weight", 3 * self.size["C"], self.size["C"]), self.at(path + ".in_proj_bias", 3 * self.size["C"])
        split = lambda x, r: (x @ w[r * self.size["C"]:(r + 1) * self.size["C"]].T + b[r * self.size["C"]:(r + 1) * self.size["C"]]).unflatten(-1, (self.size["heads"], -1)).transpose(1, 2)
        scores = split(q, 0) @ split(k, 1).transpose(-1, -2) / math.sqrt(self.size["C"] // self.size["heads"])
        scores = scores.masked_fill(~seen[:, None, None], -math.inf)
        o = (torch.softmax(scores, -1) @ split(v, 2)).transpose(1, 2).flatten(2)
        return self.linear(o, path + ".out_proj", self.size["C"])

    def reasoning(self, x, p, seen):
        mlp = lambda y, path: self.linear(F.relu(self.linear(y, path + ".linear1", self.size["hidden"])), path + ".linear2", self.size["C"])
        if self.literal:
            m = x + p
            z = self.attention(m, m, m, seen, "sfm.layers.0.self_attn")
            return mlp(self.norm(z, "sfm.layers.0.norm2"), "sfm.layers.0")
        for layer in range(2):
            path = f"sfm.layers.{layer}"
            y = self.norm(x, path + ".norm1")
            x = x + self.attention(y + p, y + p, y, seen, path + ".self_attn")
            x = x + mlp(self.norm(x, path + ".norm2"), path)
        return self.norm(x, "sfm.norm")

    def fusion(self, f, l):
        g = []
        for i in range(3):
            total = f[i]
            for j in range(3):
                if i == j:
                    continue
                joined = torch.cat([f[i], l[j][..., None, None].expand_as(f[i])], 1)
                path = f"hcam.conv_{i + 1}."
                gate = torch.sigmoid(self.batch_norm(self.conv(joined, path + "0", self.size["C"], 3, True, padding=1), path + "1"))
                total = total + gate * (f[i] if self.self_gate else f[j])
            g.append(total)
        kernel, bias = self.at("hcam.conv_3d.0.weight", self.size["C"], self.size["C"], 3, 3, 3), self.at("hcam.conv_3d.0.bias", self.size["C"])
        fused = F.conv3d(torch.stack(g, 2), kernel, bias, padding=(0, 1, 1)).squeeze(2)
        return F.leaky_relu(self.batch_norm(fused, "hcam.conv_3d.1"))

    def cbr(self, x, path, kernel, dilation=1, names=("0", "1")):
        y = self.conv(x, f"{path}.{names[0]}", self.size["C"], kernel, padding=dilation * (kernel // 2), dilation=dilation)
        return F.relu(self.batch_norm(y, f"{path}.{names[1]}"))

    def decoder(self, x):
        branches = [self.cbr(x, "aspp_decoder.convs.0", 1)]
        branches += [self.cbr(x, f"aspp_decoder.convs.{d}", 3, d) for d in (1, 2, 3)]
        whole = self.cbr(F.adaptive_avg_pool2d(x, 1), "aspp_decoder.convs.4", 1, names=("1", "2"))
        branches.append(F.interpolate(whole, (self.size["grid"], self.size["grid"]), mode="bilinear", align_corners=False))
        x = self.cbr(torch.cat(branches, 1), "aspp_decoder.project", 1)
        for n in (1, 2):
            x = F.interpolate(self.cbr(x, f"mask_decoder.deconv{n}", 3), scale_factor=2, mode="bilinear", align_corners=True)
        y = F.relu(self.batch_norm(self.conv(x, "mask_decoder.mask_deconv.0", self.size["C"] // 2, 3, padding=1), "mask_decoder.mask_deconv.1"))
        y = self.conv(y, "mask_decoder.mask_deconv.3", 1, 3, True, padding=1)
        return F.interpolate(y, (self.size["output"], self.size["output"]), mode="bilinear", align_corners=True)[:, 0]

    def logits(self, images, words, is_word):
        levels, L = self.levels(images), self.text(words)
        p = torch.cat([positions_of_image(self.size["C"], self.size["grid"]).flatten(1).T, positions_of_words(self.size["C"])])
        seen = torch.cat([torch.ones(len(images), self.size["grid"] * self.size["grid"], dtype=torch.bool), is_word], 1)
        tokens = [self.reasoning(torch.cat([v.flatten(2).transpose(1, 2), L], 1), p, seen) for v in levels]
        f = [x[:, :self.size["grid"] * self.size["grid"]].transpose(1, 2).unflatten(2, (self.size["grid"], self.size["grid"])) for x in tokens]
        m = is_word.double()[..., None]
        l = [(x[:, self.size["grid"] * self.size["grid"]:] * m).sum(1) / m.sum(1) for x in tokens]
        return self.decoder(self.fusion(f, l))

    def from_ids(self, images, ids):
        return self.logits(images, self.at("embedding.weight", VOCABULARY, WORD)[ids], ids != 0)


def positions_of_words(C):
    table = torch.zeros(T, C)
    for t in range(T):
        for r in range(C // 2):
            w = 10000 ** (-2 * r / C)
            table[t, 2 * r], table[t, 2 * r + 1] = math.sin(t * w), math.cos(t * w)
    return table


def positions_of_image(C, H):
    h = C // 2
    table = torch.zeros(C, H, H)
    for r in range(h // 2):
        u = 10000 ** (-2 * r / h)
        for y in range(H):
            for x in range(H):
                table[2 * r, y, x], table[2 * r + 1, y, x] = math.sin(x * u), math.cos(x * u)
                table[h + 2 * r, y, x], table[h + 2 * r + 1, y, x] = math.sin(y * u), math.cos(y * u)
    return table


def network_cases(cases, name, sizes, settings):
    """Masks and losses of both kinds of words; gradients where there are settings."""
    side, output = sizes["side"], sizes["output"]
    images, words = hashed("images", 2, 3, side, side), hashed("x", 2, T, WORD)
    is_word = torch.arange(T) < torch.tensor([[5], [12]])
    ids = torch.tensor([[2, 8, 21, 5, 14, 8, 3, 0, 0, 0, 0, 0], [24, 13, 9, 7, 17, 18, 6, 11, 12, 1, 4, 10]])
    target = (hashed("target", 2, output, output) > 0).double()
    given_images = Cases.hashed("images", 2, 3, side, side)
    vectors = dict(images=given_images, x=Cases.hashed("x", 2, T, WORD), is_word=Cases.values(is_word))
    numbers = dict(images=given_images, ids=Cases.values(ids))
    truth = dict(target=Cases.values(target.to(torch.int32)), seed=dict(shape=[], data=[7]))
    loss = F.binary_cross_entropy_with_logits

    w = Network(sizes)
    cases.add(f"{name}: vectors", "segment", vectors, dict(S=torch.sigmoid(w.logits(images, words, is_word))), settings)
    if not settings:
        w.from_ids(images, ids)
        assert w.count() == 329_377, w.count()
        return
    cases.add(f"{name}: numbers", "segment_ids", numbers, dict(S=torch.sigmoid(w.from_ids(images, ids))), settings)
    cases.add(f"{name}: loss of vectors", "loss", vectors | truth, dict(loss=loss(w.logits(images, words, is_word), target)), settings)
    flags = dict(literal=True, self_gate=True)
    slides = torch.sigmoid(Network(sizes, **flags).logits(images, words, is_word))
    cases.add(f"{name}: as the slides print it", "segment", vectors, dict(S=slides), settings | flags)

    step = Network(sizes, training=True)
    value = loss(step.from_ids(images, ids), target)
    paths = ["embedding.weight", "backbone.conv1.weight", "backbone.layer2.bn1.weight", "text_encoder.lstm.bias_hh_l0",
             "conv_3x3.layer3.0.weight", "sfm.layers.0.self_attn.in_proj_weight", "sfm.layers.1.linear2.weight",
             "hcam.conv_2.1.weight", "hcam.conv_3d.1.bias", "aspp_decoder.convs.4.1.weight", "mask_decoder.mask_deconv.3.weight"]
    outputs = dict(loss_ids=value) | gradients(value, step, paths)
    cases.add(f"{name}: a training step", "loss_ids", numbers | truth, outputs, settings, training=True)


def target_cases(cases):
    masks = (hashed("masks", 2, 64, 64) > 0.4).double()
    given = dict(masks=Cases.values(masks[:, :40, :50].to(torch.int32)))
    resized = F.interpolate(masks[:, None, :40, :50], (32, 32), mode="bilinear", align_corners=True)[:, 0]
    cases.add("targets", "targets", given, dict(targets=(resized > 0).to(torch.int32)))
    covered = F.avg_pool2d(masks[:, None], 2)[:, 0]
    given = dict(masks=Cases.values(masks.to(torch.int32)))
    cases.add("half targets", "half_targets", given, dict(half_targets=(covered > 0.5).to(torch.int32)))


def all_cases():
    cases = Cases()
    network_cases(cases, "tiny", TINY, {})
    network_cases(cases, "smaller", SMALLER, SMALLER)
    target_cases(cases)
    return cases


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("file")
    all_cases().write(arguments.parse_args().file)
