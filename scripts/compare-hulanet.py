"""Writes what PyTorch computes for the tiny HULANet network: maps, losses and gradients.

    python3 scripts/compare-hulanet.py test/fixtures/hulanet.json

test/models/hulanet.test.ts reads the file. The network is written down here by hand, one sample after the other, in float64.
"""
import argparse

import torch
import torch.nn.functional as F

from hashed_weights import Cases, Weights, gradients, hashed

torch.set_default_dtype(torch.float64)
VOCABULARY, WORD, H_STATE, HIDDEN, N, M, SIDE, SHRINK, FILTERS = 25, 16, 16, 32, 6, 6, 32, 2, 16
E = 2 * H_STATE


class Network(Weights):
    def __init__(self, l2=False, side=SIDE, filters=FILTERS):
        super().__init__()
        self.l2, self.side, self.filters = l2, side, filters

    def encode(self, part, ids):
        """Without the padding, step by step."""
        words = self.at("embed.weight", VOCABULARY, WORD)[[word for word in ids if word != 0]]
        path = f"enc_{part}.lstm"
        for suffix in ("", "_reverse"):
            self.lstm_step(torch.zeros(WORD), torch.zeros(H_STATE), torch.zeros(H_STATE), path, suffix)
        if len(words) == 0:
            return torch.zeros(E)
        states = []
        for suffix, order in (("", range(len(words))), ("_reverse", reversed(range(len(words))))):
            h = c = torch.zeros(H_STATE)
            found = [None] * len(words)
            for t in order:
                h, c = self.lstm_step(words[t], h, c, path, suffix)
                found[t] = h
            states.append(torch.stack(found).mean(0))
        return torch.cat(states)

    def attention(self, path, e, count):
        return torch.sigmoid(self.linear(F.relu(self.linear(e, path + ".f.0", HIDDEN)), path + ".f.2", count))

    def scaled(self, path, z):
        return torch.sigmoid(self.at(path + ".a", 1) * z + self.at(path + ".b", 1))

    def channel_map(self, path, e, channels):
        mean = channels.mean((1, 2), keepdim=True)
        variance = channels.var((1, 2), unbiased=False, keepdim=True)
        normalised = (channels - mean) / torch.sqrt(variance + 1e-5)
        return self.scaled(path, torch.einsum("c,cyx->yx", self.attention(path, e, len(channels)), normalised))

    def relation_map(self, p_s, e):
        small = F.avg_pool2d(p_s[None, None], SHRINK)
        x = torch.cat([small, e[None, :, None, None].expand(-1, -1, *small.shape[2:])], 1)
        for n, out in ((1, self.filters), (2, 1)):
            path = f"rel.conv{n}"
            x = F.conv2d(x, self.at(path + ".weight", out, x.shape[1], 7, 7), self.at(path + ".bias", out), padding=6, dilation=2)
            x = F.relu(x) if n == 1 else x
        return self.scaled("rel", F.interpolate(x, (self.side, self.side), mode="bilinear", align_corners=False)[0, 0])

    def sample(self, C, Catt, cat, att, rel, sup):
        e_cat, e_att, e_rel, e_sup = (self.encode(*each) for each in (("cat", cat), ("att", att), ("rel", rel), ("cat", sup)))
        has_att, has_rel = any(att), any(rel)
        p_c = self.channel_map("cat", e_cat, C)
        p_a = self.channel_map("att", e_att, Catt) * has_att
        p_s = self.channel_map("cat", e_sup, C)
        p_r = self.relation_map(p_s, e_rel) * has_rel
        u = self.linear(torch.cat([e_cat, e_att, e_rel]), "mix", 10)
        w = u / u.norm() if self.l2 else torch.softmax(u, 0)
        maps = [p_c, p_a, p_r]
        for i in range(3):
            maps += [maps[i] * maps[j] for j in range(i, 3)]
        o = torch.einsum("t,tyx->yx", w, torch.stack([*maps, torch.ones_like(p_c)]))
        if self.l2:
            o = torch.sigmoid(self.at("mix.gamma", 1) * o + self.at("mix.delta", 1))
        r = p_c * (p_a if has_att else 1) * (p_r if has_rel else 1)
        return dict(O=o, P_c=p_c, P_a=p_a, P_r=p_r, P_s=p_s, w=w, A_cat=self.attention("cat", e_cat, N), A_att=self.attention("att", e_att, M)), r

    def batch(self, C, Catt, ids):
        """Named results and R of all samples."""
        samples = [self.sample(C[b], Catt[b], *(part[b] for part in ids)) for b in range(len(C))]
        return {name: torch.stack([each[0][name] for each in samples]) for name in samples[0][0]}, torch.stack([each[1] for each in samples])


def loss_of(p, g):
    return F.binary_cross_entropy(p.clamp(1e-6, 1 - 1e-6), g)


def network_cases(cases, name, settings, side, filters):
    C, Catt, G = hashed("C", 3, N, side, side), hashed("Catt", 3, M, side, side), hashed("G", 3, side, side).abs()
    # Without attributes; with everything; with one attribute, and neither relation nor support.
    ids = [[[7], [12], [24]], [[0, 0], [18, 14], [15, 0]], [[22, 0], [20, 6], [0, 0]], [[8], [11], [0]]]
    given = dict(C=Cases.hashed("C", 3, N, side, side), Catt=Cases.hashed("Catt", 3, M, side, side))
    given |= {f"{part}_ids": Cases.values(torch.tensor(words)) for part, words in zip(("cat", "att", "rel", "sup"), ids)}
    w = Network(side=side, filters=filters)
    outputs, R = w.batch(C, Catt, ids)
    if side == SIDE:
        cases.add(f"{name}: segment", "segment", given, dict(O=outputs["O"]), settings)
        assert w.count() == 43_613, w.count()
        return
    cases.add(f"{name}: explain", "explain", given, outputs, settings)
    squared = Network(l2=True, side=side, filters=filters)
    cases.add(f"{name}: length 1", "segment", given, dict(O=squared.batch(C, Catt, ids)[0]["O"]), settings | dict(l2=True))
    # Of six categories the detector found three at most; the third image leaves one place empty.
    present, found = torch.tensor([[5, 0, 3], [0, 1, 3], [4, 2, 0]]), F.relu(hashed("found", 3, 3, side, side))
    found[2, 2] = 0
    all_channels = torch.zeros_like(C)
    for b in range(3):
        all_channels[b, present[b]] = found[b]
    few = given | dict(C=Cases.values(found), present=Cases.values(present))
    O = w.batch(all_channels, Catt, ids)[0]["O"]
    cases.add(f"{name}: channels by number", "segment_present", few, dict(O=O), settings)

    truth = given | dict(G=Cases.values(G))
    paths = ["embed.weight", "enc_rel.lstm.weight_hh_l0_reverse", "cat.a", "cat.f.0.bias", "att.f.2.weight", "rel.conv1.bias", "rel.conv2.weight"]
    mixing = ["mix.weight", "mix.bias"]
    for entry, value, by in (("loss", loss_of(outputs["O"], G), paths + mixing), ("module_loss", loss_of(R, G), paths), ("mixing_loss", loss_of(outputs["O"], G), mixing)):
        listed = {entry: value} | gradients(value, w, by)
        cases.add(f"{name}: {entry}", entry, truth, listed, settings, training=True)


def other_cases(cases):
    sizes = dict(feature=12, feature_hidden=8)
    w = Weights()
    r, t, weight = hashed("r", 5, 12), (hashed("t", 5, M) > 0).double(), 1 + hashed("positive", M).abs()
    z = w.linear(F.relu(w.linear(r, "attcls.0", 8)), "attcls.2", M)
    given = dict(r=Cases.values(r))
    cases.add("attributes", "attribute_scores", given, dict(s=torch.sigmoid(z)), sizes)
    loss = F.binary_cross_entropy_with_logits(z, t, pos_weight=weight)
    truth = given | dict(t=Cases.values(t.to(torch.int32)), weight=Cases.values(weight))
    cases.add("loss of attributes", "attribute_loss", truth, dict(attribute_loss=loss) | gradients(loss, w, ["attcls.0.weight"]), sizes)
    small = dict(height=6, width=10)
    O = hashed("O", 2, 6, 10)
    enlarged = F.interpolate(O[:, None], (24, 40), mode="bilinear", align_corners=False)[:, 0]
    cases.add("enlarged", "enlarged", dict(O=Cases.values(O)), dict(enlarged=enlarged), small)
    masks = (hashed("masks", 2, 24, 40) > 0).double()
    targets = F.avg_pool2d(masks[:, None], 4)[:, 0]
    cases.add("targets", "targets", dict(masks=Cases.values(masks.to(torch.int32))), dict(targets=targets), small)


def all_cases():
    cases = Cases()
    network_cases(cases, "tiny", {}, SIDE, FILTERS)
    network_cases(cases, "smaller", dict(height=8, width=8, filters=3), 8, 3)
    other_cases(cases)
    return cases


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("file")
    all_cases().write(arguments.parse_args().file)
