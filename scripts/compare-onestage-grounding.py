"""Writes what PyTorch computes for YOLOv3 and for the one-stage grounding network at their tiny sizes: results only, as JSON.

    python3 scripts/compare-onestage-grounding.py test/fixtures/onestage-grounding.json

The networks are written down by hand from the papers and the published configuration, on dictionaries of tensors, in float64. Weights and
inputs need no file: element k of tensor t (by name, in alphabetical order) comes from a hash of both, see `drawn`. The tests make the same.
"""
import json
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def drawn(t, count):
    """`count` numbers in -1 .. 1, the same everywhere: multiplications and shifts of 32 bits (C. Wellons, "lowbias32")."""
    h = (np.arange(1, count + 1, dtype=np.uint64) * 0x9E3779B1 + np.uint64(t) * np.uint64(0x85EBCA6B)) & 0xFFFFFFFF
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        h = h ^ (h >> np.uint64(shift))
        h = (h * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    h = h ^ (h >> np.uint64(16))
    return h.astype(np.float64) / 2**31 - 1


def weights(shapes):
    """Tensors by name, rounded to f32: gains around 1, variances above 0, matrices scaled to keep lengths."""
    made = {}
    for t, name in enumerate(sorted(shapes)):
        shape = shapes[name]
        u = drawn(t, math.prod(shape))
        if name.endswith("running_var"):
            u = 1 + 0.5 * np.abs(u)
        elif len(shape) > 1 and "embeddings" not in name:
            u = u * math.sqrt(4 / math.prod(shape[1:]))
        elif len(shape) == 1 and name.endswith("weight"):
            u = 1 + 0.2 * u
        else:
            u = 0.2 * u
        made[name] = torch.from_numpy(u.astype(np.float32).astype(np.float64)).reshape(shape)
    return made


# ── Normalised convolutions ────────────────────────────────────────────────────────────────────────────────────────

def norm_shapes(prefix, channels):
    return {f"{prefix}.{part}": [channels] for part in ("weight", "bias", "running_mean", "running_var")}


def norm(p, prefix, x, training):
    mean, var = p[f"{prefix}.running_mean"], p[f"{prefix}.running_var"]
    eps = float(np.float32(1e-5))
    return F.batch_norm(x, mean.detach().clone(), var.detach().clone(), p[f"{prefix}.weight"], p[f"{prefix}.bias"], training, 0.1, eps)


# ── YOLOv3, one residual unit a stage, one pair of convolutions a scale ────────────────────────────────────────────

class Yolo:
    def __init__(self, prefix, outputs):
        """`outputs`: channels of the three heads, or None without heads."""
        self.prefix, self.outputs, self.shapes = prefix, outputs, {}
        self.p, self.training, self.declares = None, False, True
        self(None)
        self.declares = False

    def cbl(self, layer, x, into, out, kernel, stride=1):
        name = f"{self.prefix}module_list.{layer}"
        if self.declares:
            self.shapes[f"{name}.conv_{layer}.weight"] = [out, into, kernel, kernel]
            self.shapes.update(norm_shapes(f"{name}.batch_norm_{layer}", out))
            return None
        y = F.conv2d(x, self.p[f"{name}.conv_{layer}.weight"], None, stride, (kernel - 1) // 2)
        return F.leaky_relu(norm(self.p, f"{name}.batch_norm_{layer}", y, self.training), float(np.float32(0.1)))

    def residual(self, layer, x, channels):
        y = self.cbl(layer + 1, self.cbl(layer, x, channels, channels // 2, 1), channels // 2, channels, 3)
        return None if self.declares else x + y

    def head(self, layer, x, channels):
        if self.outputs is None:
            return None
        y = self.cbl(layer, x, channels // 2, channels, 3)
        name = f"{self.prefix}module_list.{layer + 1}.conv_{layer + 1}"
        if self.declares:
            self.shapes[f"{name}.weight"], self.shapes[f"{name}.bias"] = [self.outputs, channels, 1, 1], [self.outputs]
            return None
        return F.conv2d(y, self.p[f"{name}.weight"], self.p[f"{name}.bias"])

    def join(self, x, skip):
        return None if self.declares else torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), skip], 1)

    def __call__(self, x):
        # Layers: 0 stem; 1, 5, 9, 13, 17 halve, each with one residual unit after it; 21 on: the scales.
        x = self.cbl(0, x, 3, 8, 3)
        skips, channels = [], 8
        for layer, out in ((1, 16), (5, 32), (9, 64), (13, 64), (17, 64)):
            x = self.residual(layer + 1, self.cbl(layer, x, channels, out, 3, 2), out)
            skips.append(x)
            channels = out
        taps, heads = [], []
        for level, base in enumerate((21, 33, 45)):
            x = self.cbl(base + 1, self.cbl(base, x, 64 if level == 0 else 96, 32, 1), 32, 64, 3)
            taps.append(x)
            if level < 2 or self.outputs is not None:
                x = self.cbl(base + 4, x, 64, 32, 1)
            heads.append(self.head(base + 5, x, 64))
            if level < 2:
                x = self.join(self.cbl(base + 9, x, 32, 32, 1), skips[3 - level])
        return taps, heads


# ── BERT, two layers ───────────────────────────────────────────────────────────────────────────────────────────────

def bert_shapes(prefix, vocab=25, positions=12, d=64, hidden=256, layers=2):
    shapes = {}

    def linear(name, into, out):
        shapes[f"{prefix}{name}.weight"], shapes[f"{prefix}{name}.bias"] = [out, into], [out]

    def gains(name):
        shapes[f"{prefix}{name}.weight"], shapes[f"{prefix}{name}.bias"] = [d], [d]

    for name, rows in (("word", vocab), ("position", positions), ("token_type", 2)):
        shapes[f"{prefix}embeddings.{name}_embeddings.weight"] = [rows, d]
    gains("embeddings.LayerNorm")
    for layer in range(layers):
        at = f"encoder.layer.{layer}"
        for role in ("query", "key", "value"):
            linear(f"{at}.attention.self.{role}", d, d)
        linear(f"{at}.attention.output.dense", d, d)
        gains(f"{at}.attention.output.LayerNorm")
        linear(f"{at}.intermediate.dense", d, hidden)
        linear(f"{at}.output.dense", hidden, d)
        gains(f"{at}.output.LayerNorm")
    linear("pooler.dense", d, d)
    return shapes


def bert_sentence(p, prefix, ids, mask, heads=4, layers=2):
    """Mean over the layers of the vector at [CLS]."""
    def linear(name, x):
        return F.linear(x, p[f"{prefix}{name}.weight"], p[f"{prefix}{name}.bias"])

    def layer_norm(name, x):
        return F.layer_norm(x, x.shape[-1:], p[f"{prefix}{name}.weight"], p[f"{prefix}{name}.bias"], 1e-12)

    length = ids.shape[1]
    tables = [p[f"{prefix}embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type")]
    x = layer_norm("embeddings.LayerNorm", tables[0][ids] + tables[1][:length] + tables[2][0])
    B, L, d = x.shape
    penalty = (1 - mask.double())[:, None, None, :] * -10000
    firsts = []
    for layer in range(layers):
        at = f"encoder.layer.{layer}"
        q, k, v = (linear(f"{at}.attention.self.{role}", x).reshape(B, L, heads, -1).transpose(1, 2)
                   for role in ("query", "key", "value"))
        a = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(d // heads) + penalty, -1)
        y = (a @ v).transpose(1, 2).reshape(B, L, d)
        u = layer_norm(f"{at}.attention.output.LayerNorm", linear(f"{at}.attention.output.dense", y) + x)
        z = linear(f"{at}.output.dense", F.gelu(linear(f"{at}.intermediate.dense", u)))
        x = layer_norm(f"{at}.output.LayerNorm", z + u)
        firsts.append(x[:, 0])
    return torch.stack(firsts).mean(0)


# ── Grounding ──────────────────────────────────────────────────────────────────────────────────────────────────────

E = 32
GRIDS = (2, 4, 8)
ANCHORS = ((24, 24), (20, 20), (19, 19), (17, 17), (16, 14), (13, 13), (12, 12), (11, 10), (9, 8))


def lstm_shapes(prefix, vocab=25, d=64):
    h = d // 2
    shapes = {f"{prefix}.embedding.weight": [vocab, h], f"{prefix}.mlp.0.weight": [h, h], f"{prefix}.mlp.0.bias": [h]}
    for way in ("", "_reverse"):
        for side in ("ih", "hh"):
            shapes[f"{prefix}.rnn.weight_{side}_l0{way}"] = [4 * h, h]
            shapes[f"{prefix}.rnn.bias_{side}_l0{way}"] = [4 * h]
    return shapes


def lstm_sentence(p, prefix, ids, mask, d=64):
    """What PyTorch's packed LSTM gives at the last word of each phrase."""
    h = d // 2
    rnn = torch.nn.LSTM(h, h, 1, batch_first=True, bidirectional=True)
    rnn.load_state_dict({name.removeprefix(f"{prefix}.rnn."): v.detach() for name, v in p.items() if ".rnn." in name})
    x = F.relu(F.linear(p[f"{prefix}.embedding.weight"][ids], p[f"{prefix}.mlp.0.weight"], p[f"{prefix}.mlp.0.bias"]))
    lengths = mask.sum(1)
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    y, _ = torch.nn.utils.rnn.pad_packed_sequence(rnn(packed)[0], batch_first=True)
    return torch.stack([y[b, n - 1] for b, n in enumerate(lengths.tolist())])


def grounding_shapes(yolo, light, lstm=False):
    shapes = {**yolo.shapes, **(lstm_shapes("textmodel") if lstm else bert_shapes("textmodel."))}
    for level in range(3):
        def cbr(name, into, out, kernel):
            shapes[f"{name}.conv.weight"] = [out, into, kernel, kernel]
            shapes.update(norm_shapes(f"{name}.bn", out))

        cbr(f"mapping_visu.{level}", 64, E, 1)
        cbr(f"fcn_emb.{level}.0", 2 * E + 8, E, 1)
        last = f"fcn_out.{level}.0" if light else f"fcn_out.{level}.1"
        if not light:
            cbr(f"fcn_emb.{level}.1", E, E, 3)
            cbr(f"fcn_emb.{level}.2", E, E, 1)
            cbr(f"fcn_out.{level}.0", E, E // 2, 1)
        shapes[f"{last}.weight"], shapes[f"{last}.bias"] = [15, E if light else E // 2, 1, 1], [15]
    for place, into in ((0, 64), (4, E)):
        shapes[f"mapping_lang.{place}.weight"], shapes[f"mapping_lang.{place}.bias"] = [E, into], [E]
        shapes.update(norm_shapes(f"mapping_lang.{place + 1}", E))
    return shapes


def spatial(G, as_in_code):
    P = np.zeros((8, G, G))
    for row in range(G):
        for column in range(G):
            if as_in_code:
                P[:, row, column] = [2 * row / G - 1, 2 * column / G - 1, 2 * (row + 1) / G - 1, 2 * (column + 1) / G - 1,
                                     (2 * row + 1) / G - 1, (2 * column + 1) / G - 1, 1 / G, 1 / G]
            else:
                P[:, row, column] = [column / G, row / G, (column + 0.5) / G, (row + 0.5) / G,
                                     (column + 1) / G, (row + 1) / G, 1 / G, 1 / G]
    return torch.from_numpy(P)


def grounding(p, yolo, image, ids, mask, training=False, light=False, as_in_code=False):
    def cbr(name, x):
        weight = p[f"{name}.conv.weight"]
        return F.relu(norm(p, f"{name}.bn", F.conv2d(x, weight, None, 1, weight.shape[-1] // 2), training))

    yolo.p, yolo.training = p, training
    taps, _ = yolo(image)
    T = (lstm_sentence(p, "textmodel", ids, mask) if "textmodel.embedding.weight" in p
         else bert_sentence(p, "textmodel.", ids, mask))
    for place in (0, 4):
        T = F.linear(T, p[f"mapping_lang.{place}.weight"], p[f"mapping_lang.{place}.bias"])
        T = F.relu(norm(p, f"mapping_lang.{place + 1}", T, training))
    T = F.normalize(T, dim=1, eps=1e-12)
    outs = []
    for level, (x, G) in enumerate(zip(taps, GRIDS)):
        V = F.normalize(cbr(f"mapping_visu.{level}", x), dim=1, eps=1e-12)
        B = len(V)
        Z = torch.cat([V, T[:, :, None, None].expand(B, E, G, G), spatial(G, as_in_code).expand(B, 8, G, G)], 1)
        for place in range(1 if light else 3):
            Z = cbr(f"fcn_emb.{level}.{place}", Z)
        last = f"fcn_out.{level}.0" if light else f"fcn_out.{level}.1"
        if not light:
            Z = cbr(f"fcn_out.{level}.0", Z)
        outs.append(F.conv2d(Z, p[f"{last}.weight"], p[f"{last}.bias"]))
    return outs


def assign(box):
    """Level, anchor, row and column that stand for a box, and what is to be predicted there."""
    x1, y1, x2, y2 = (min(max(v, 0), 63) for v in box)
    x, y, w, h = (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1
    overlaps = [min(w, aw) * min(h, ah) / (w * h + aw * ah - min(w, aw) * min(h, ah)) for aw, ah in ANCHORS]
    best = int(np.argmax(overlaps))
    level, n = best // 3, best % 3
    stride = 64 / GRIDS[level]
    i, j = math.floor(x / stride), math.floor(y / stride)
    aw, ah = ANCHORS[best]
    return level, n, j, i, [x / stride - i, y / stride - j, math.log(w / aw + 1e-16), math.log(h / ah + 1e-16)]


def losses(outs, boxes):
    regression, classification = 0, 0
    for b, box in enumerate(boxes):
        scores = torch.cat([out[b].reshape(3, 5, -1)[:, 4].reshape(-1) for out in outs])
        level, n, j, i, want = assign(box)
        said = outs[level][b].reshape(3, 5, GRIDS[level], GRIDS[level])[n, :, j, i]
        got = torch.stack([torch.sigmoid(said[0]), torch.sigmoid(said[1]), said[2], said[3]])
        regression = regression + ((got - torch.tensor(want)) ** 2).sum() / len(boxes)
        classification = classification + (torch.logsumexp(scores, 0) - said[4]) / len(boxes)
    return regression, classification


def best_boxes(outs):
    found = []
    for b in range(len(outs[0])):
        best = None
        for level, out in enumerate(outs):
            G, stride = GRIDS[level], 64 / GRIDS[level]
            z = out[b].reshape(3, 5, G, G)
            for n in range(3):
                for j in range(G):
                    for i in range(G):
                        tx, ty, tw, th, confidence = z[n, :, j, i].tolist()
                        if best is None or confidence > best[0]:
                            aw, ah = ANCHORS[3 * level + n]
                            x, y = (1 / (1 + math.exp(-tx)) + i) * stride, (1 / (1 + math.exp(-ty)) + j) * stride
                            w, h = aw * math.exp(tw), ah * math.exp(th)
                            best = confidence, [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
        found.append(best[1])
    return found


def image_of(seed, batch):
    u = 2 * drawn(seed, batch * 3 * 64 * 64)
    return torch.from_numpy(u.astype(np.float32).astype(np.float64)).reshape(batch, 3, 64, 64)


def rounded(x):
    """Nine digits are more than f32 has."""
    return [float(f"{v:.9g}") for v in torch.as_tensor(x).reshape(-1).tolist()]


def main(path):
    result = {}
    yolo = Yolo("", 24)
    yolo.p = weights(yolo.shapes)
    taps, heads = yolo(image_of(1000, 1))
    result["yolo"] = {"heads": [rounded(x) for x in heads], "taps": [float(x.abs().sum()) for x in taps],
                      "parameters": sorted(yolo.shapes)}

    yolo = Yolo("visumodel.", None)
    image = image_of(1001, 3)
    ids = torch.tensor([[2, 8, 21, 5, 14, 8, 3, 0, 0, 0, 0, 0], [2, 18, 15, 9, 3, 0, 0, 0, 0, 0, 0, 0],
                        [2, 13, 7, 19, 6, 5, 17, 8, 3, 0, 0, 0]])
    boxes = [[22, 4, 39, 21], [36, 44, 52, 57], [50, -3, 80, 30]]
    p = weights(grounding_shapes(yolo, False))
    for value in p.values():
        value.requires_grad_(True)
    outs = grounding(p, yolo, image, ids, ids > 0)
    eval_losses = losses(outs, boxes)
    trained = losses(grounding(p, yolo, image, ids, ids > 0, training=True), boxes)
    (5 * trained[0] + trained[1]).backward()
    slopes = {name: rounded(p[name].grad.abs().sum()) for name in sorted(p) if "running" not in name and p[name].grad is not None}
    in_code = grounding(p, yolo, image, ids, ids > 0, as_in_code=True)
    light = grounding(weights(grounding_shapes(yolo, True)), yolo, image, ids, ids > 0, light=True)
    lstm = grounding(weights(grounding_shapes(yolo, False, lstm=True)), yolo, image, ids, ids > 0)
    result["grounding"] = {
        "ids": ids.tolist(), "boxes": boxes, "outs": [rounded(x) for x in outs], "box": best_boxes(outs),
        "losses": [float(x) for x in eval_losses], "trainingLosses": [float(x) for x in trained],
        "slopes": {name: value[0] for name, value in slopes.items()},
        "inCode": [rounded(x) for x in in_code[:1]], "light": [rounded(x) for x in light[:1]],
        "lstm": [rounded(x) for x in lstm[:1]],
        "parameters": sorted(p), "targets": [assign(box)[:4] + (rounded(assign(box)[4]),) for box in boxes],
    }
    with open(path, "w") as file:
        json.dump(result, file, separators=(",", ":"))
    print(f"{path}: torch {torch.__version__}")


if __name__ == "__main__":
    main(sys.argv[1])
