"""Writes what PyTorch computes for the tiny TAP network: inputs, results, losses and gradients in one safetensors file.

    python3 scripts/compare-tap.py test/fixtures/tap/torch.safetensors

test/models/tap.test.ts reads the file. The network is written down here by hand from the paper and the released code
(microsoft/TAP at 352891f, pythia/models/tap.py), in float64. Weights are not in the file: element k of the parameter at a path is a
hash of both (`weight`), which the test computes again. The file's metadata lists the cases with the names of their tensors.
"""
import argparse
import json
import math
import struct

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)

D, HEADS, HIDDEN, VOCAB, ANSWERS, STEPS = 64, 4, 128, 93, 18, 4
BLOCKS, OBJECTS, TOKENS, REGION, FASTTEXT, PHOC = (12, 8, 8), 6, 6, 64, 32, 604
WORDS = sum(BLOCKS)
CONTEXT = WORDS + OBJECTS + TOKENS


def hashed(path, count):
    """Numbers in [-1, 1): FNV-1a of the path, then the finaliser of MurmurHash3 for each element."""
    seed = 0x811C9DC5
    for byte in path.encode():
        seed = (seed ^ byte) * 0x01000193 & 0xFFFFFFFF
    h = (seed + np.arange(count, dtype=np.uint64) * 0x9E3779B9) & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = (h ^ (h >> shift)) * factor & 0xFFFFFFFF
    h ^= h >> 16
    return h / 2**31 - 1


def weight(path, *shape):
    """Matrices and tables have a spread of about 1/sqrt(columns), vectors 0.2, the factors of norms stand about 1."""
    scale = math.sqrt(3 / shape[-1]) if len(shape) > 1 else 0.2
    offset = 1 if "orm.weight" in path else 0
    values = (offset + scale * hashed(path, math.prod(shape))).astype(np.float32)
    return torch.tensor(values.astype(np.float64)).reshape(shape).requires_grad_()


class Weights(dict):
    """Parameters by path, made when they are first asked for."""

    def at(self, path, *shape):
        if path not in self:
            self[path] = weight(path, *shape)
        assert self[path].shape == shape, path
        return self[path]

    def linear(self, x, path, out):
        return x @ self.at(path + ".weight", out, x.shape[-1]).T + self.at(path + ".bias", out)

    def norm(self, x, path, eps=1e-12):
        n = x.shape[-1]
        return F.layer_norm(x, (n,), self.at(path + ".weight", n), self.at(path + ".bias", n), eps)


def layer(w, x, allowed, at):
    """One post-norm layer of BERT; allowed is [B, 1 or L, L]."""
    def split(y):
        return y.reshape(*y.shape[:2], HEADS, D // HEADS).transpose(1, 2)

    q, k, v = (split(w.linear(x, f"{at}.attention.self.{name}", D)) for name in ("query", "key", "value"))
    scores = q @ k.transpose(-1, -2) / math.sqrt(D // HEADS) + (1 - allowed.double())[:, None] * -10000
    context = (torch.softmax(scores, -1) @ v).transpose(1, 2).reshape(x.shape)
    u = w.norm(x + w.linear(context, f"{at}.attention.output.dense", D), f"{at}.attention.output.LayerNorm")
    hidden = F.gelu(w.linear(u, f"{at}.intermediate.dense", HIDDEN))
    return w.norm(u + w.linear(hidden, f"{at}.output.dense", D), f"{at}.output.LayerNorm")


def unit(x):
    return F.normalize(x, dim=-1, eps=1e-12)


def forward(w, x):
    """The four groups of fused positions and the answer scores."""
    # Words.
    valid_words = x["txt"] != 0
    table = w.at("text_bert.embeddings.word_embeddings.weight", VOCAB, D)
    place = w.at("text_bert.embeddings.position_embeddings.weight", 28, D)
    segment = w.at("text_bert.embeddings.token_type_embeddings.weight", 2, D)
    kinds = (torch.arange(WORDS) >= BLOCKS[0]).long()
    words = w.norm(table[x["txt"]] + place[:WORDS] + segment[kinds], "text_bert.embeddings.LayerNorm")
    words = layer(w, words, valid_words[:, None], "text_bert.encoder.layer.0")

    # Objects and OCR tokens.
    obj = unit(torch.relu(w.linear(x["obj_fc6"], "obj_faster_rcnn_fc7.module.lc", REGION)))
    obj = w.norm(w.linear(obj, "linear_obj_feat_to_mmt_in", D), "obj_feat_layer_norm", 1e-5) + w.norm(
        w.linear(x["obj_box"], "linear_obj_bbox_to_mmt_in", D), "obj_bbox_layer_norm", 1e-5)
    looks = unit(torch.relu(w.linear(x["ocr_fc6"], "ocr_faster_rcnn_fc7.module.lc", REGION)))
    ocr = torch.cat([unit(x["ocr_fasttext"]), unit(x["ocr_phoc"]), looks], -1)
    ocr = w.norm(w.linear(ocr, "linear_ocr_feat_to_mmt_in", D), "ocr_feat_layer_norm", 1e-5) + w.norm(
        w.linear(x["ocr_box"], "linear_ocr_bbox_to_mmt_in", D), "ocr_bbox_layer_norm", 1e-5)
    valid_obj = torch.arange(OBJECTS) < x["obj_num"][:, None]
    valid_ocr = torch.arange(TOKENS) < x["ocr_num"][:, None]

    # Previous answers, from the whole table of both kinds.
    at = "mmt.prev_pred_embeddings."
    chooser = w.at("classifier.module.weight", ANSWERS, D)
    fixed = w.norm(chooser, at + "ans_layer_norm").expand(len(ocr), -1, -1)
    answers = torch.cat([fixed, w.norm(ocr, at + "ocr_layer_norm")], 1)
    rows = torch.gather(answers, 1, x["prev"][..., None].expand(-1, -1, D))
    step = w.at(at + "position_embeddings.weight", STEPS, D)
    kind = w.at(at + "token_type_embeddings.weight", 2, D)
    prev = rows + w.norm(step + kind[(x["prev"] >= ANSWERS).long()], at + "emb_layer_norm")

    # Fusion.
    joint = torch.cat([words, obj, ocr, prev], 1)
    allowed = torch.zeros(len(ocr), CONTEXT + STEPS, CONTEXT + STEPS, dtype=torch.bool)
    allowed[:, :, :CONTEXT] = torch.cat([valid_words, valid_obj, valid_ocr], 1)[:, None]
    allowed[:, CONTEXT:, CONTEXT:] = torch.tril(torch.ones(STEPS, STEPS, dtype=torch.bool))
    for n in range(2):
        joint = layer(w, joint, allowed, f"mmt.encoder.layer.{n}")
    f_w, f_obj, f_ocr, f_p = joint.split([WORDS, OBJECTS, TOKENS, STEPS], 1)

    # Scores.
    query, key = w.linear(f_p, "ocr_ptr_net.query", D), w.linear(f_ocr, "ocr_ptr_net.key", D)
    pointer = query @ key.transpose(1, 2) / math.sqrt(D) + (1 - valid_ocr.double())[:, None] * -10000
    scores = torch.cat([f_p @ chooser.T + w.at("classifier.module.bias", ANSWERS), pointer], -1)
    return f_w, f_obj, f_ocr, f_p, scores


def pretrain(w, x, relations=1):
    f_w, f_obj, f_ocr, f_p, _ = forward(w, x)

    def transform(y, path):
        return w.norm(F.gelu(w.linear(y, path + "dense", 64)), path + "LayerNorm")

    table = w.at("text_bert.embeddings.word_embeddings.weight", VOCAB, D)
    mlm = transform(f_w, "cls.transform.") @ table.T + w.at("cls.bias", VOCAB)
    itm = w.linear(transform(f_p[:, 0], "pollute_cls."), "pollute_cls.decoder", 1)
    sample = torch.arange(len(f_w))
    pair = torch.cat([f_obj[sample, x["rel_obj"]], f_ocr[sample, x["rel_ocr"]]], -1)
    rpp = w.linear(transform(pair, "overlap_cls."), "overlap_cls.decoder", relations)
    return mlm, itm, rpp


def pretraining_losses(w, x, relations=1):
    mlm, itm, rpp = pretrain(w, x, relations)
    chosen = (x["txt_label"] != -1) & ~x["polluted"][:, None]
    l_mlm = F.cross_entropy(mlm[chosen], x["txt_label"][chosen]) if chosen.any() else mlm.sum() * 0
    l_itm = F.binary_cross_entropy_with_logits(itm[:, 0], x["polluted"].double())
    known = x["rel"] != -1
    if not known.any():
        l_rpp = rpp.sum() * 0
    elif relations == 1:
        l_rpp = F.binary_cross_entropy_with_logits(rpp[known, 0], x["rel"][known].double())
    else:
        l_rpp = F.cross_entropy(rpp[known], x["rel"][known])
    return l_mlm, l_itm, l_rpp


def answer_loss(w, x):
    scores = forward(w, x)[4]
    each = F.binary_cross_entropy_with_logits(scores, x["target"], reduction="none").sum(-1)
    return (each * x["loss_mask"]).sum() / max(x["loss_mask"].sum().item(), 1)


def drawn_inputs():
    """Three samples: one with padding everywhere, one full, one without objects."""
    torch.manual_seed(0)
    objects, tokens = torch.tensor([4, 6, 0]), torch.tensor([3, 6, 1])

    def rows(count, most, width):
        there = torch.arange(most) < count[:, None]
        return (torch.randn(len(count), most, width) * there[..., None]).float().double()

    def boxes(count, most):
        there = torch.arange(most) < count[:, None]
        corners = torch.rand(len(count), most, 2, 2).sort(2).values.reshape(len(count), most, 4)
        return (corners * there[..., None]).float().double()

    used = torch.tensor([[7, 4, 6], [12, 8, 8], [5, 2, 2]])
    blocks = [torch.randint(1, VOCAB, (3, n)) * (torch.arange(n) < used[:, b, None]) for b, n in enumerate(BLOCKS)]
    spelling = (torch.rand(3, TOKENS, PHOC) < 0.05) & (torch.arange(TOKENS) < tokens[:, None])[..., None]
    target = (torch.rand(3, STEPS, ANSWERS + TOKENS) < 0.1).double() * torch.tensor([0.3, 0.6, 1.0])[torch.randint(0, 3, (3, STEPS, 1))]
    shared = dict(
        txt=torch.cat(blocks, 1), obj_fc6=rows(objects, OBJECTS, REGION), obj_box=boxes(objects, OBJECTS), obj_num=objects,
        ocr_fasttext=rows(tokens, TOKENS, FASTTEXT), ocr_phoc=spelling.double(), ocr_fc6=rows(tokens, TOKENS, REGION),
        ocr_box=boxes(tokens, TOKENS), ocr_num=tokens, prev=torch.tensor([[1, 20, 5, 2], [1, 23, 18, 17], [1, 2, 0, 0]]),
    )
    answer = dict(target=target.float().double(), loss_mask=torch.tensor([[1.0, 1, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0]]))
    masked = (torch.rand(3, WORDS) < 0.3) & (shared["txt"] != 0)
    task = dict(
        txt_label=torch.where(masked, torch.randint(0, VOCAB, (3, WORDS)), -1), polluted=torch.tensor([False, True, False]),
        rel=torch.tensor([1, 0, -1]), rel_obj=torch.tensor([2, 5, 0]), rel_ocr=torch.tensor([1, 4, 0]),
    )
    return shared, answer, task


cases, tensors, stored = [], {}, {}


def store(name, value):
    """The name under which a tensor lies in the file; one that several cases share is there once."""
    if id(value) not in stored:
        stored[id(value)] = name, value  # kept, so that no other tensor gets its id
        array = value.detach().numpy()
        kind = np.float32 if value.is_floating_point() else np.uint8 if value.dtype == torch.bool else np.int32
        tensors[name] = array.astype(kind), value.dtype == torch.bool
    return stored[id(value)][0]


def case(name, entry, inputs, outputs, settings=None):
    named = {role: {key: store(f"{name}|{role}|{key}", value) for key, value in values.items()}
             for role, values in (("inputs", inputs), ("outputs", outputs))}
    cases.append(dict(name=name, entry=entry, settings=settings or {}, **named))


def gradients(loss, w, paths):
    return {f"gradient({path})": value for path, value in zip(paths, torch.autograd.grad(loss, [w[path] for path in paths]))}


def all_cases():
    w = Weights()
    shared, answer, task = drawn_inputs()
    f_w, f_obj, f_ocr, f_p, scores = forward(w, shared)
    case("answer scores", "answer", shared, dict(scores=scores))
    case("fused positions", "fuse", shared, dict(words=f_w, objects=f_obj, tokens=f_ocr, answer=f_p))
    pair = {key: task[key] for key in ("rel_obj", "rel_ocr")}
    case("pre-training", "pretrain", shared | pair, dict(zip(("mlm", "itm", "rpp"), pretrain(w, shared | pair))))
    tied = ["classifier.module.weight", "text_bert.embeddings.word_embeddings.weight", "obj_faster_rcnn_fc7.module.lc.bias"]
    loss = answer_loss(w, shared | answer)
    paths = tied[:1] + ["mmt.prev_pred_embeddings.ocr_layer_norm.weight", "ocr_ptr_net.key.bias"]
    case("answer loss", "answer_loss", shared | answer, dict(answer_loss=loss) | gradients(loss, w, paths))
    losses = pretraining_losses(w, shared | task)
    case("pre-training losses", "pretraining_losses", shared | task, dict(zip(("mlm", "itm", "rpp"), losses)))
    case("pre-training loss", "pretraining_loss", shared | task, dict(pretraining_loss=sum(losses)) | gradients(sum(losses), w, tied[1:]))
    # A table of twelve relations; the parameters of its last layer have another shape and the same names.
    twelve = Weights()
    many = task | dict(rel=torch.tensor([11, 3, -1]))
    case("twelve relations", "pretraining_losses", shared | many, dict(zip(("mlm", "itm", "rpp"), pretraining_losses(twelve, shared | many, 12))), dict(relations=12))
    none = task | dict(rel=torch.tensor([-1, -1, -1]), txt_label=torch.full((3, WORDS), -1))
    case("nothing to predict", "pretraining_losses", shared | none, dict(zip(("mlm", "itm", "rpp"), pretraining_losses(w, shared | none))))
    count = sum(value.numel() for value in w.values())
    assert count == 194_353, count


def write(path):
    header, blobs, position = {"__metadata__": {"cases": json.dumps(cases)}}, [], 0
    for name, (array, boolean) in tensors.items():
        blob = np.ascontiguousarray(array).tobytes()
        kind = "BOOL" if boolean else {"float32": "F32", "int32": "I32"}[str(array.dtype)]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [position, position + len(blob)]}
        blobs.append(blob)
        position += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    print(f"{path}: {len(cases)} cases, {8 + len(text) + position} bytes, torch {torch.__version__}")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("file")
    all_cases()
    write(arguments.parse_args().file)
