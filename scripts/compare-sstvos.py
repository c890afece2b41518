"""Writes what PyTorch computes for SSTVOS and CFBI at the tiny preset: a transcription by hand of the published descriptions.

    python3 scripts/compare-sstvos.py test/fixtures/sstvos/torch.safetensors

Weights, frames and labels need no file: they follow from `hashed`, which test/models/sstvos-case.ts has too. PyTorch computes in
float64. The file has the results of each case, `CASE|output|NAME`; its metadata says which entry and settings a case has.
"""
import argparse
import importlib.util
import json
import re
import subprocess
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

_spec = importlib.util.spec_from_file_location("language", Path(__file__).with_name("compare-language.py"))
language = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(language)
f32 = language.f32

TINY = dict(layers=2, channels=16, heads=2, blocks=(1, 1, 1), reach=2, step=1, groups=4, embedding_groups=5, narrow_groups=4,
            local_radius=2, radius=2, frame_radius=2, frame_stride=1, stride=3)


def hashed(tensor, count):
    """Numbers in [0, 1) by tensor number and place, from 32-bit integers alone."""
    mask = np.uint64(0xFFFFFFFF)
    h = (np.arange(count, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(tensor) * np.uint64(668265263) + np.uint64(374761393)) & mask
    for shift, factor in ((15, 2246822519), (13, 3266489917), (16, 1)):
        h ^= h >> np.uint64(shift)
        h = (h * np.uint64(factor)) & mask
    return h.astype(np.float64) / 2**32


def drawn_weight(number, path, shape):
    u = hashed(number, int(np.prod(shape)))
    name = path.split(".")[-1]
    if name == "running_var":
        value = 0.5 + u
    elif name == "alpha" or (len(shape) == 1 and name in ("weight", "gamma")):
        value = 0.8 + 0.4 * u
    elif name == "theta":
        value = -1 + 1.2 * u
    elif len(shape) == 1 or name in ("gamma", "beta", "bg_bias", "fg_bias") or name.endswith("_embeddings"):
        value = 0.6 * (u - 0.5)
    else:
        value = np.sqrt(6 / np.prod(shape[1:])) * (2 * u - 1)
    return torch.tensor(value.astype(np.float32).astype(np.float64)).reshape(shape)


def weights_of(listing):
    """Weights by path; `listing` has path and shape of each, numbered in the order of the paths."""
    return {path: drawn_weight(number, path, shape) for number, (path, shape) in enumerate(sorted(listing))}


# ── DeepLabV3+ ─────────────────────────────────────────────────────────────────────────────────────────────────────

class Network:
    def __init__(self, weights, settings):
        self.w, self.s = weights, {**TINY, **settings}

    def conv(self, x, path, stride=1, dilation=1, bias=False, groups=1):
        weight = self.w[f"{path}.weight"]
        padding = dilation * (weight.shape[-1] // 2)
        return F.conv2d(x, weight, self.w[f"{path}.bias"] if bias else None, stride, padding, dilation, groups)

    def frozen(self, x, path):
        mean, var, weight, bias = (self.w[f"{path}.{name}"][None, :, None, None] for name in ("running_mean", "running_var", "weight", "bias"))
        return (x - mean) / torch.sqrt(var + f32(1e-5)) * weight + bias

    def group(self, x, path, groups):
        return F.group_norm(x, groups, self.w[f"{path}.weight"], self.w[f"{path}.bias"], f32(1e-5))

    def bottleneck(self, x, path, stride, dilation):
        y = F.relu(self.frozen(self.conv(x, f"{path}.conv1"), f"{path}.bn1"))
        y = F.relu(self.frozen(self.conv(y, f"{path}.conv2", stride, dilation), f"{path}.bn2"))
        y = self.frozen(self.conv(y, f"{path}.conv3"), f"{path}.bn3")
        if f"{path}.downsample.0.weight" in self.w:
            x = self.frozen(self.conv(x, f"{path}.downsample.0", stride), f"{path}.downsample.1")
        return F.relu(x + y)

    def features(self, frames):
        at = "feature_extracter.backbone."
        x = F.relu(self.frozen(self.conv(frames, f"{at}conv1", 2), f"{at}bn1"))
        x = F.max_pool2d(x, 3, 2, 1)
        for stage, stride in ((1, 1), (2, 2), (3, 2)):
            for block in range(self.s["blocks"][stage - 1]):
                x = self.bottleneck(x, f"{at}layer{stage}.{block}", stride if block == 0 else 1, 1)
            low = x if stage == 1 else low
        for block, dilation in enumerate((2, 4, 8)):
            x = self.bottleneck(x, f"{at}layer4.{block}", 1, dilation)
        at = "feature_extracter.aspp."
        branches = [F.relu(self.frozen(self.conv(x, f"{at}aspp{k}.atrous_conv", 1, dilation), f"{at}aspp{k}.bn"))
                    for k, dilation in ((1, 1), (2, 6), (3, 12), (4, 18))]
        whole = F.relu(self.frozen(self.conv(x.mean((2, 3), keepdim=True), f"{at}global_avg_pool.1"), f"{at}global_avg_pool.2"))
        x = torch.cat([*branches, whole.expand(-1, -1, *x.shape[2:])], 1)
        x = F.relu(self.frozen(self.conv(x, f"{at}conv1"), f"{at}bn1"))
        at = "feature_extracter.decoder."
        detail = F.relu(self.frozen(self.conv(low, f"{at}conv1"), f"{at}bn1"))
        x = torch.cat([resized(x, low.shape[2:]), detail], 1)
        for conv, norm in ((0, 1), (4, 5)):
            x = F.relu(self.frozen(self.conv(x, f"{at}last_conv.{conv}"), f"{at}last_conv.{norm}"))
        return x, low

    # ── CFBI ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def embed(self, x):
        y = F.relu(self.group(self.conv(x, "seperate_conv", bias=True, groups=x.shape[1]), "bn1", self.s["groups"]))
        return F.relu(self.group(self.conv(y, "embedding_conv", bias=True), "bn2", self.s["embedding_groups"]))

    def maps(self, e, e_R, labels_R, e_P, labels_P, objects):
        C, h, w = e.shape
        bias = torch.stack([self.w["bg_bias" if o == 0 else "fg_bias"].reshape(()) for o in range(objects)])
        squash = lambda d, o: 2 * (torch.sigmoid(d + bias[o]) - 0.5)
        known = (labels_R >= 0) & (labels_R < objects)
        references, label = e_R.permute(0, 2, 3, 1)[known], labels_R[known]
        G = []
        for o in range(objects):
            if len(label) == 0:
                G.append(torch.ones(h, w))
                continue
            d = torch.cdist(e.reshape(C, -1).T, references, compute_mode="donot_use_mm_for_euclid_dist") ** 2
            G.append(squash((d + 5e4 * (label != o)).min(1).values, o).reshape(h, w))
        G = torch.stack(G)
        h2, w2 = h // 2 + 1, w // 2 + 1
        small, small_P = resized(e[None], (h2, w2))[0], resized(e_P[None], (h2, w2))[0]
        label = nearest(labels_P, h2, w2)
        R, step = self.s["reach"], self.s["step"]
        radii = [R, *range(step, R, step)]
        L = torch.empty(objects, len(radii), h2, w2)
        for o in range(objects):
            for y in range(h2):
                for x in range(w2):
                    for k, r in enumerate(radii):
                        best = 5e4
                        for j in range(max(y - r, 0), min(y + r, h2 - 1) + 1):
                            for i in range(max(x - r, 0), min(x + r, w2 - 1) + 1):
                                if label[j, i] == o:
                                    best = min(best, float(((small[:, y, x] - small_P[:, j, i]) ** 2).sum()))
                        L[o, k, y, x] = squash(torch.tensor(best), o)
        L = resized(L, (h, w))
        M = torch.stack([(labels_P == o).double() for o in range(objects)])
        return torch.cat([G[:, None], L, M[:, None], others(L, torch.amin), others(G, torch.amin)[:, None]], 1), M

    def instance(self, e_R, labels_R, e_P, M_P, objects):
        def mean(e, M):
            return (e * M[:, None]).sum((0, 2, 3)) / (M.sum() + f32(1e-5))
        rows = []
        for o in range(objects):
            M_R, M = (labels_R == o).double(), M_P[o][None]
            rows.append(torch.cat([mean(e_R, M_R), mean(e_R, 1 - M_R), mean(e_P[None], M), mean(e_P[None], 1 - M)]))
        return torch.stack(rows)

    def gct(self, x, path):
        alpha, gamma, beta = (self.w[f"{path}.{name}"] for name in ("alpha", "gamma", "beta"))
        s = alpha * (x.pow(2).sum((2, 3), keepdim=True) + f32(1e-5)).sqrt()
        return x * (1 + torch.tanh(s * gamma / (s.pow(2).mean(1, keepdim=True) + f32(1e-5)).sqrt() + beta))

    def block(self, x, path, stride, dilation):
        groups = self.s["groups"]
        y = F.relu(self.group(self.conv(self.gct(x, f"{path}.GCT1"), f"{path}.conv1"), f"{path}.bn1", groups))
        y = F.relu(self.group(self.conv(y, f"{path}.conv2", stride, dilation), f"{path}.bn2", groups))
        y = self.group(self.conv(y, f"{path}.conv3"), f"{path}.bn3", groups)
        if f"{path}.downsample.0.weight" in self.w:
            x = self.group(self.conv(x, f"{path}.downsample.0", stride), f"{path}.downsample.1", groups)
        return F.relu(x + y)

    def ensemble(self, x, v, low, size):
        groups, at = self.s["groups"], "dynamic_seghead."
        linear = lambda path: v @ self.w[f"{at}{path}.weight"].T + self.w[f"{at}{path}.bias"]
        gate = lambda x, k: x * (1 + torch.tanh(linear(f"IA{k}.IA")))[:, :, None, None]
        objects, (h, w) = len(x), x.shape[2:]
        for k, (stride, dilation) in enumerate(((1, 1), (1, 2), (2, 1), (1, 2), (1, 4), (2, 1), (1, 2), (1, 4)), 1):
            x = self.block(gate(x, k), f"{at}layer{k}", stride, dilation)
            skip = x if k == 2 else skip if k > 2 else None
        x = gate(x, 9)
        branches = []
        for k, dilation in ((1, 1), (2, 6), (3, 12), (4, 18)):
            y = self.conv(self.gct(x, f"{at}ASPP.aspp{k}.GCT"), f"{at}ASPP.aspp{k}.atrous_conv", 1, dilation)
            branches.append(F.relu(self.group(y, f"{at}ASPP.aspp{k}.bn", groups)))
        whole = F.relu(self.conv(x.mean((2, 3), keepdim=True), f"{at}ASPP.global_avg_pool.1"))
        y = self.gct(torch.cat([*branches, whole.expand(-1, -1, *x.shape[2:])], 1), f"{at}ASPP.GCT")
        y = F.relu(self.group(self.conv(y, f"{at}ASPP.conv1"), f"{at}ASPP.bn1", groups))
        y = F.interpolate(y, (h, w), mode="bicubic", align_corners=True)
        skip = torch.cat([low[None].expand(objects, -1, -1, -1), skip], 1)
        skip = self.conv(self.gct(skip, f"{at}GCT_sc"), f"{at}conv_sc")
        y = torch.cat([y, F.relu(self.group(skip, f"{at}bn_sc", self.s["narrow_groups"]))], 1)
        y = F.relu(self.group(self.conv(gate(y, 10), f"{at}conv1"), f"{at}bn1", groups))
        y = F.relu(self.group(self.conv(gate(y, 11), f"{at}conv2"), f"{at}bn2", groups))
        score = lambda p: torch.einsum("oc,ochw->ohw", p[:, :-1], y) + p[:, -1, None, None]
        fg, bg = score(linear("IA_final_fg")), score(linear("IA_final_bg"))
        if objects > 1:
            fg = torch.cat([fg[:1] + bg[1:].amin(0, keepdim=True), fg[1:]])
        return resized(fg[None], size)[0]

    # ── The Transformer ────────────────────────────────────────────────────────────────────────────────────────────

    def response(self, x, path):
        gamma, beta, theta = (self.w[f"{path}.{name}"][None, :, None, None] for name in ("gamma", "beta", "theta"))
        return torch.maximum(gamma * x / (x.pow(2).mean((2, 3), keepdim=True) + f32(1e-6)).sqrt() + beta, theta)

    def norm(self, x, path):
        if not self.s.get("layer_norm"):
            return self.response(x, path)
        return F.layer_norm(x.movedim(1, -1), x.shape[1:2], self.w[f"{path}.weight"], self.w[f"{path}.bias"], f32(1e-5)).movedim(-1, 1)

    def allowed(self, head, T, H, W):
        """Which pairs of cells attend to each other, as one matrix."""
        k, j, i = (axis.reshape(-1) for axis in torch.meshgrid(torch.arange(T), torch.arange(H), torch.arange(W), indexing="ij"))
        t, y, x = ((axis[:, None] - axis[None]).abs() for axis in (k, j, i))
        s = self.s
        if s.get("local"):
            return (y <= s["local_radius"]) & (x <= s["local_radius"])
        if not s.get("strided"):
            return (t == 0).int() + (y == 0).int() + (x == 0).int() >= 2
        if head < s["heads"] // 2:
            return (t <= s["frame_radius"]) & (y <= s["radius"]) & (x <= s["radius"])
        return (t % s["frame_stride"] == 0) & (y % s["stride"] == 0) & (x % s["stride"] == 0)

    def attention(self, x, path, valid, when):
        T, C, H, W = x.shape
        heads = self.s["heads"]
        d = C // heads
        project = lambda x, name: F.conv3d(x.transpose(0, 1)[None], self.w[f"{path}.{name}.weight"], self.w[f"{path}.{name}.bias"])[0]
        Q, K, V = (project(x, name).reshape(heads, d, -1).transpose(1, 2)
                   for name in ("attnweight.query_conv", "attnweight.key_conv", "attnmap.value_conv"))
        scores = Q @ K.transpose(1, 2)
        if self.s.get("relative"):
            k, j, i = (axis.reshape(-1) for axis in torch.meshgrid(when, torch.arange(H), torch.arange(W), indexing="ij"))
            for axis, name in ((i, "x"), (j, "y"), (k, "t")):
                table = self.w[f"{path}.attnweight.{name}_embeddings"]
                offset = axis[None] - axis[:, None] + table.shape[0] // 2
                scores = scores + torch.einsum("hpc,pqc->hpq", Q, table[offset])
        if self.s.get("scaled"):
            scores = scores / d**0.5
        if self.s.get("distance"):
            scores = -(Q[:, :, None] - K[:, None]).pow(2).sum(-1)
        seen = valid.repeat_interleave(H * W)
        for head in range(heads):
            scores[head][~(self.allowed(head, T, H, W) & seen[None])] = -torch.inf
        A = torch.nan_to_num(scores.softmax(-1))
        O = (A @ V).transpose(1, 2).reshape(C, T, H, W).transpose(0, 1)
        return project(O, "outconv").transpose(0, 1), A[:, -H * W:]

    def space_time(self, x, valid, when, labels, objects):
        X = F.conv2d(x, self.w["sst.in_proj.weight"], self.w["sst.in_proj.bias"])
        T, C, H, W = X.shape
        if self.s.get("sinusoidal", True):
            X = X + positions(when, C, H, W)
        Av = []
        for l in range(self.s["layers"]):
            at = f"sst.layers.{l}"
            U, A = self.attention(X, f"{at}.attn", valid, when)
            for head in range(self.s["heads"]):
                of = [labels.reshape(-1) == o for o in range(objects)]
                history = A[head][:, : (T - 1) * H * W]
                Av.append(torch.stack([
                    (history * m).amax(1).clamp(min=0) for m in of
                ]).reshape(objects, H, W))
            Y = self.norm(X + U, f"{at}.norm1")
            Z = self.conv(Y, f"{at}.ffn.w1", bias=True)
            Z = F.relu(Z) if self.s.get("layer_norm") else self.response(Z, f"{at}.ffn.act")
            X = self.norm(Y + self.conv(Z, f"{at}.ffn.w2", bias=True), f"{at}.norm2")
        return self.conv(X[-1:], "sst.out_proj", bias=True), torch.stack(Av, 1)

    def segment(self, frames, labels, valid=None, when=None):
        """SSTVOS, or CFBI with all frames but two as references when the weights have no Transformer."""
        objects, size = self.s["objects"], labels.shape[1:]
        x, low = self.features(frames)
        h, w = x.shape[2:]
        small = torch.stack([nearest(each, h, w) for each in labels])
        e = self.embed(x)
        has_transformer = "sst.in_proj.weight" in self.w
        references = 1 if has_transformer else len(frames) - 2
        e_R, labels_R = e[:references], small[:references]
        maps, M_P = self.maps(e[-1], e_R, labels_R, e[-2], small[-1], objects)
        shown = torch.cat([e[-1].expand(objects, -1, -1, -1), e[-2] * M_P[:, None], e[-2] * (1 - M_P[:, None])], 1)
        whole = []
        if has_transformer:
            H, W = h // 2 + 1, w // 2 + 1
            grid_labels = torch.stack([nearest(each, H, W) for each in small])
            F_t, Av = self.space_time(resized(x, (H, W)), valid, when, grid_labels, objects)
            Av_bg = others(Av, torch.amax)
            maps = torch.cat([maps, resized(Av, (h, w)), resized(Av_bg, (h, w))], 1)
            whole = [resized(F_t, (h, w)).expand(objects, -1, -1, -1)]
        head = F.relu(self.group(self.conv(maps, "dynamic_prehead.conv", bias=True), "dynamic_prehead.bn", self.s["narrow_groups"]))
        v = self.instance(e_R, labels_R, e[-2], M_P, objects)
        return self.ensemble(torch.cat([shown, head, *whole], 1), v, low[-1], size)


def resized(x, size):
    return F.interpolate(x, tuple(size), mode="bilinear", align_corners=True)


def nearest(labels, h, w):
    H, W = labels.shape
    return labels[torch.arange(h) * H // h][:, torch.arange(w) * W // w]


def others(x, extreme):
    """Of each object the extreme over all other objects."""
    if len(x) == 1:
        return x
    return torch.stack([extreme(torch.cat([x[:o], x[o + 1:]]), 0) for o in range(len(x))])


def positions(when, C, H, W):
    def code(s, d):
        angle = s[:, None].double() / 100 ** (2 * torch.arange(d // 2) / d)
        return torch.stack([angle.sin(), angle.cos()], -1).reshape(len(s), d)
    time, rows, columns = code(when, C // 4), code(torch.arange(H), 3 * C // 8), code(torch.arange(W), 3 * C // 8)
    T = len(when)
    return torch.cat([
        time.T[:, :, None, None].expand(-1, T, H, W), rows.T[:, None, :, None].expand(-1, T, H, W),
        columns.T[:, None, None, :].expand(-1, T, H, W),
    ]).transpose(0, 1)


def hardest(logits, target, step, total):
    losses = F.cross_entropy(logits[None], target[None], reduction="none", ignore_index=255).reshape(-1)
    r = min(1.0, step / (total / 2))
    return losses.topk(int((0.15 * r + (1 - r)) * losses.numel())).values.mean()


# ── Cases ──────────────────────────────────────────────────────────────────────────────────────────────────────────

def listing_of(path, settings):
    """Path and shape of every parameter and buffer, as the program tells them: the weights must have a place to go."""
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={str(value).lower()}")]
    command = ["npx", "tsx", "src/cli/main.ts", "params", path, "--preset", "tiny", *words, "--json"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return [(each["path"], tuple(each["shape"])) for each in found["parameters"]]


def segment_case(name, path, n, settings, size=(33, 49), picture=(30, 44), invalid=(), loss=None):
    H, W = size
    objects = settings["objects"]
    network = Network(weights_of(listing_of(path, settings)), settings)
    frames = torch.tensor((4 * hashed(9001, n * 3 * H * W) - 2).astype(np.float32).astype(np.float64)).reshape(n, 3, H, W)
    labels = torch.tensor(np.floor(hashed(9002, (n - 1) * 6) * objects)).long().reshape(n - 1, 2, 3)
    labels = labels.repeat_interleave(picture[0] // 2, 1).repeat_interleave(-(-picture[1] // 3), 2)[:, :, : picture[1]]
    when = torch.arange(n) * 2
    valid = torch.tensor([k not in invalid for k in range(n)])
    given = (valid, when) if "sst" in path else ()
    logits = network.segment(frames, labels, *given)
    record = dict(name=name, path=path, entry="segment", settings=settings, frames=[n, *size], picture=picture, invalid=list(invalid))
    if loss is None:
        outputs = {"logits": logits}
    else:
        target = torch.tensor(np.floor(hashed(9003, picture[0] * picture[1]) * (objects + 1))).long().reshape(picture)
        target[target == objects] = 255
        record.update(entry="loss", loss=list(loss))
        outputs = {"loss": hardest(logits, target, *loss)}
    for key, value in outputs.items():
        language.tensors[f"{name}|output|{key}"] = np.asarray(value.detach().numpy(), dtype=np.float32), False
    language.cases.append(record)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("file")
    options = arguments.parse_args()
    sst, cfbi = "models/sstvos/sstvos.weft", "models/cfbi/cfbi.weft"
    segment_case("grid", sst, 3, dict(objects=3))
    segment_case("grid, padded", sst, 4, dict(objects=2), invalid=(1,))
    segment_case("background alone", sst, 2, dict(objects=1))
    segment_case("strided, relative, scaled", sst, 3, dict(objects=3, strided=True, relative=True, scaled=True), invalid=(0,))
    segment_case("local, distance, layer norm", sst, 3, dict(objects=3, local=True, distance=True, layer_norm=True, sinusoidal=False))
    segment_case("loss", sst, 3, dict(objects=3), loss=(100, 1000))
    segment_case("CFBI", cfbi, 4, dict(objects=3))
    language.write(options.file)
