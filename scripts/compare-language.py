"""Writes what PyTorch computes for the language half of the library: inputs, weights and results in one safetensors file.

    python3 scripts/compare-language.py test/fixtures/language/torch.safetensors
    python3 scripts/compare-language.py all-sizes.safetensors --sizes 1 3 7 17 33 65 129

compare-language.ts reads the file and runs the same through Weft. Weights and inputs are rounded to f32; PyTorch computes in
float64, so that a difference is Weft's. Tensors are named `CASE|input|NAME`, `CASE|parameter|PATH`, `CASE|output|NAME`; the file's
metadata lists the cases.
"""
import argparse
import json
import math
import struct

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
STD = "std"
LAYERS = "test/fixtures/language/layers.weft"

cases = []
tensors = {}


def f32(x):
    """A number as f32 holds it: what an input of Weft is."""
    return float(np.float32(x))


def draw(*shape, scale=1.0):
    return (torch.randn(*shape) * scale).float().double()


def chosen(*shape):
    """True for about two thirds, at least one of them."""
    mask = torch.rand(*shape) < 2 / 3
    mask[..., 0] = True
    return mask


def case(name, path, entry, inputs, outputs, parameters=None, model=None, settings=None, tolerance=1e-5, preset=None):
    for role, named in (("input", inputs), ("parameter", parameters or {}), ("output", outputs)):
        for key, value in named.items():
            value = torch.as_tensor(value).detach()
            kind = np.float32 if value.is_floating_point() else np.uint8 if value.dtype == torch.bool else np.int32
            tensors[f"{name}|{role}|{key}"] = value.numpy().astype(kind), value.dtype == torch.bool
    record = dict(name=name, path=path, model=model, preset=preset, entry=entry, settings=settings, tolerance=tolerance)
    cases.append({key: value for key, value in record.items() if value is not None})


def weights_of(module, prefix="layer."):
    """Draws every parameter of a module anew, rounded to f32, and returns them by path."""
    with torch.no_grad():
        for key, parameter in module.named_parameters():
            scale = 1 / math.sqrt(parameter.shape[-1]) if parameter.dim() > 1 else 0.3
            offset = 1 if "norm" in key and key.endswith("weight") else 0
            parameter.copy_(offset + draw(*parameter.shape, scale=scale))
    return {prefix + key: value for key, value in module.named_parameters()}


def activations(n):
    x = torch.linspace(-9, 9, 2 * n).float().double()
    functions = {
        "activation": dict(
            log_sigmoid=F.logsigmoid, relu6=F.relu6, hard_sigmoid=F.hardsigmoid, hard_swish=F.hardswish,
            hard_tanh=F.hardtanh, mish=F.mish, selu=F.selu, softsign=F.softsign, celu=F.celu, glu=F.glu,
            geglu=lambda x: F.gelu(x[:n]) * x[n:], swiglu=lambda x: F.silu(x[:n]) * x[n:],
        ),
        "prelude": dict(
            sigmoid=torch.sigmoid, softplus=F.softplus, relu=F.relu, leaky_relu=F.leaky_relu, elu=F.elu, gelu=F.gelu,
            gelu_tanh=lambda x: F.gelu(x, approximate="tanh"), silu=F.silu,
            softmax=lambda x: F.softmax(x, 0), log_softmax=lambda x: F.log_softmax(x, 0),
        ),
    }
    for file, named in functions.items():
        for name, function in named.items():
            case(f"{name} {n}", f"{STD}/{file}.weft", name, {"x": x}, {name: function(x)})
    case(f"celu α=1.5 {n}", f"{STD}/activation.weft", "celu", {"x": x}, {"celu": F.celu(x, 1.5)}, settings={"alpha": 1.5})


def focal_loss(z, t, alpha, gamma):
    """Lin et al. 2017, equation 5, from its definition of p_t and alpha_t."""
    p = torch.sigmoid(z)
    p_t = torch.where(t == 1, p, 1 - p)
    alpha_t = torch.where(t == 1, torch.full_like(p, alpha), torch.full_like(p, 1 - alpha))
    return -alpha_t * (1 - p_t) ** gamma * torch.log(p_t)


def losses(n):
    classes, batch = n + 1, n + 2
    path = f"{STD}/loss.weft"

    def loss(entry, inputs, value, label="", **settings):
        case(f"{entry}{label} {n}", path, entry, inputs, {entry: value}, settings=settings)

    logits, target = draw(batch, classes, scale=3), torch.randint(classes, (batch,))
    loss("cross_entropy", {"logits": logits, "target": target}, F.cross_entropy(logits, target, reduction="none"))
    p = F.softmax(draw(batch, classes), -1).float().double()
    loss("soft_cross_entropy", {"logits": logits, "p": p}, F.cross_entropy(logits, p, reduction="none"))
    smoothed = F.cross_entropy(logits, target, reduction="none", label_smoothing=0.1)
    loss("smoothed_cross_entropy", {"logits": logits, "target": target}, smoothed)
    weight = draw(classes).abs() + 0.1
    weight = weight.float().double()
    ignored = target.clone()
    ignored[1::3] = -100
    for label, smoothing, targets in (("", 0.0, target), (" ignored", 0.0, ignored), (" smoothed", 0.2, ignored)):
        value = F.cross_entropy(logits, targets, weight, label_smoothing=smoothing)
        inputs = {"logits": logits, "targets": targets, "weight": weight}
        loss("weighted_cross_entropy", inputs, value, label, smoothing=smoothing)
    per_position, mask = draw(batch), chosen(batch)
    loss("masked_mean", {"losses": per_position, "mask": mask}, per_position[mask].mean())

    z, t = draw(batch, scale=6), torch.rand(batch).float().double()
    value = F.binary_cross_entropy_with_logits(z, t, reduction="none")
    loss("binary_cross_entropy", {"logit": z, "target": t}, value)
    value = F.binary_cross_entropy_with_logits(z, t, reduction="none", pos_weight=torch.tensor(2.5))
    loss("binary_cross_entropy", {"logit": z, "target": t}, value, " weighted", positive_weight=2.5)
    hard = (t > 0.5).double()
    loss("focal", {"logit": z, "target": hard}, focal_loss(z, hard, 0.25, 2))
    loss("focal", {"logit": z, "target": hard}, focal_loss(z, hard, 0.75, 1.5), " γ=1.5", alpha=0.75, gamma=1.5)
    q = torch.rand(batch, n).float().double()
    truth = (torch.rand(batch, n) < 0.4).double()
    overlap = (q * truth).sum(-1)
    loss("dice", {"p": q, "t": truth}, 1 - (2 * overlap + 1) / (q.sum(-1) + truth.sum(-1) + 1))

    x, y = draw(batch, n, scale=2), draw(batch, n, scale=2)
    loss("mean_squared_error", {"x": x, "y": y}, F.mse_loss(x, y, reduction="none").mean(-1))
    loss("mean_absolute_error", {"x": x, "y": y}, F.l1_loss(x, y, reduction="none").mean(-1))
    loss("huber", {"x": x, "y": y}, F.huber_loss(x, y, reduction="none"))
    loss("huber", {"x": x, "y": y}, F.huber_loss(x, y, reduction="none", delta=0.5), " δ=0.5", delta=0.5)
    loss("smooth_l1", {"x": x, "y": y}, F.smooth_l1_loss(x, y, reduction="none"))
    beta = 1 / 9
    loss("smooth_l1", {"x": x, "y": y}, F.smooth_l1_loss(x, y, reduction="none", beta=beta), " β=1/9", beta=beta)

    log_p, log_q = (F.log_softmax(draw(batch, classes, scale=2), -1).float().double() for _ in range(2))
    value = F.kl_div(log_q, log_p, reduction="none", log_target=True).sum(-1)
    loss("kl_divergence", {"log_p": log_p, "log_q": log_q}, value)
    normal = torch.distributions.Normal
    value = torch.distributions.kl_divergence(normal(x, torch.exp(y / 2)), normal(0.0, 1.0)).sum(-1)
    loss("kl_to_standard_normal", {"μ": x, "log_variance": y}, value)

    loss("cosine_similarity", {"x": x, "y": y}, F.cosine_similarity(x, y, dim=-1))
    X, Y = (F.normalize(each, dim=-1).float().double() for each in (x, y))
    scores, own = X @ Y.T / 0.07, torch.arange(batch)
    loss("info_nce", {"X": X, "Y": Y}, F.cross_entropy(scores, own))
    both = (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2
    loss("symmetric_info_nce", {"X": X, "Y": Y}, both)
    z = draw(batch, n, scale=2)
    value = F.triplet_margin_loss(x, y, z, reduction="none")
    loss("triplet", {"anchor": x, "positive": y, "negative": z}, value)
    distance = (x - y).norm(dim=-1)
    value = (hard * distance**2 + (1 - hard) * torch.clamp(3 - distance, min=0) ** 2) / 2
    loss("contrastive_pair", {"x1": x, "x2": y, "same": hard}, value, margin=3)


def optimisers(n):
    """Runs an optimiser of PyTorch for some steps; the state before and after the last becomes a case."""
    b1, b2, alpha, momentum, decay = 0.9, 0.999, 0.99, 0.9, 0.01
    lr = f32(0.01)
    kinds = {
        "step_momentum": (lambda w: torch.optim.SGD(w, lr, momentum), {"v": "momentum_buffer"}),
        "step_nesterov": (lambda w: torch.optim.SGD(w, lr, momentum, nesterov=True), {"v": "momentum_buffer"}),
        "step_adam": (lambda w: torch.optim.Adam(w, lr, (b1, b2)), {"m": "exp_avg", "v": "exp_avg_sq"}),
        "step_adamw": (
            lambda w: torch.optim.AdamW(w, lr, (b1, b2), weight_decay=decay), {"m": "exp_avg", "v": "exp_avg_sq"},
        ),
        "step_rmsprop": (lambda w: torch.optim.RMSprop(w, lr, alpha), {"v": "square_avg"}),
        "step_rmsprop_momentum": (
            lambda w: torch.optim.RMSprop(w, lr, alpha, momentum=momentum), {"v": "square_avg", "b": "momentum_buffer"},
        ),
    }
    for entry, (make, names) in kinds.items():
        for last in (1, 4, 1000):
            w = nn.Parameter(draw(n, n + 1))
            optimiser = make([w])
            state = {key: torch.zeros_like(w) for key in names}
            for step in range(1, last + 1):
                if step == last:
                    # Weft reads the state as f32, so PyTorch goes on from the same numbers.
                    with torch.no_grad():
                        w.copy_(w.float().double())
                    for key, name in names.items():
                        if step > 1:
                            optimiser.state[w][name].copy_(optimiser.state[w][name].float().double())
                            state[key] = optimiser.state[w][name].clone()
                    before = w.detach().clone()
                w.grad = draw(n, n + 1)
                optimiser.step()
            inputs = {"w": before, "g": w.grad, **state, "lr": torch.tensor(lr)}
            if "adam" in entry:
                inputs["step"] = torch.tensor(float(last))
            outputs = {"w": w, **{key: optimiser.state[w][name] for key, name in names.items()}}
            case(f"{entry} after {last} {n}", LAYERS, entry, inputs, outputs)

    g = draw(n, scale=3)
    parameter = nn.Parameter(torch.zeros(n))
    parameter.grad = g.clone()
    nn.utils.clip_grad_norm_([parameter], 1.0)
    case(f"clipped {n}", f"{STD}/optim.weft", "clipped", {"g": g, "max_norm": torch.tensor(1.0)}, {"clipped": parameter.grad})
    parameter.grad = g.clone()
    nn.utils.clip_grad_value_([parameter], 0.5)
    inputs = {"g": g, "limit": torch.tensor(0.5)}
    case(f"clipped_value {n}", f"{STD}/optim.weft", "clipped_value", inputs, {"clipped_value": parameter.grad})


def schedules():
    """Learning rates that PyTorch's schedulers give over 40 steps."""
    total, steps = 40, torch.arange(40.0)

    def schedule(entry, make, settings=None, **arguments):
        optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], f32(0.1))
        scheduler = make(optimiser)
        rates = []
        for _ in range(total):
            rates.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            scheduler.step()
        inputs = {"step": steps, "lr": torch.tensor(0.1)}
        inputs.update({key: torch.tensor(value) for key, value in arguments.items()})
        name = f"{entry} {settings}" if settings else entry
        case(name, f"{STD}/optim.weft", entry, inputs, {entry: torch.tensor(rates)}, settings=settings)

    by = torch.optim.lr_scheduler
    schedule("step_decay", lambda o: by.StepLR(o, 7, 0.1), every=7.0)
    schedule("milestone_decay", lambda o: by.MultiStepLR(o, [5, 12, 30], 0.1), milestones=[5.0, 12.0, 30.0])
    schedule("cosine", lambda o: by.CosineAnnealingLR(o, total), total=float(total))
    schedule("cosine", lambda o: by.CosineAnnealingLR(o, total, 0.02), {"end": 0.02}, total=float(total))
    schedule("polynomial", lambda o: by.LambdaLR(o, lambda t: max(1 - t / 30, 0) ** 0.9), {"power": 0.9}, total=30.0)
    decay = lambda t: t / 6 if t < 6 else max((30 - t) / 24, 0)
    schedule("warm_up_linear_decay", lambda o: by.LambdaLR(o, decay), warmup=6.0, total=30.0)
    factors = [0.2 + 0.8 * min(t / 10, 1) for t in range(total)]
    inputs, outputs = {"step": steps, "steps": torch.tensor(10.0)}, {"warm_up": torch.tensor(factors)}
    case("warm_up", f"{STD}/optim.weft", "warm_up", inputs, outputs, settings={"start": 0.2})
    noam = [512**-0.5 * min(t**-0.5, t * 4000**-1.5) for t in range(1, total + 1)]
    inputs = {"step": steps + 1, "lr": torch.tensor(1.0), "warmup": torch.tensor(4000.0), "d": torch.tensor(512.0)}
    case("inverse_square_root", f"{STD}/optim.weft", "inverse_square_root", inputs, {"inverse_square_root": torch.tensor(noam)})


class TextEmbedding(nn.Module):
    def __init__(self, vocab, positions, segments, d):
        super().__init__()
        self.word_embeddings = nn.Embedding(vocab, d)
        self.position_embeddings = nn.Embedding(positions, d)
        self.token_type_embeddings = nn.Embedding(segments, d)
        self.LayerNorm = nn.LayerNorm(d, eps=1e-12)

    def forward(self, tokens, segments):
        places = torch.arange(tokens.shape[-1])
        e = self.word_embeddings(tokens) + self.position_embeddings(places) + self.token_type_embeddings(segments)
        return self.LayerNorm(e)


class Additive(nn.Module):
    def __init__(self, a, b, hidden):
        super().__init__()
        self.v = nn.Parameter(torch.zeros(hidden))
        self.query_layer = nn.Linear(a, hidden, bias=False)
        self.key_layer = nn.Linear(b, hidden, bias=False)

    def scores(self, query, keys):
        return torch.tanh(self.query_layer(query)[..., None, :] + self.key_layer(keys)) @ self.v


def weighted(scores, keys, mask):
    return F.softmax(scores.masked_fill(~mask, -math.inf), -1) @ keys


def layers(n):
    L, S, heads = n, n + 3, 3
    d, hidden = heads * 4, 4 * 3 + 1
    a, b = n, n + 2

    layer = nn.Linear(a, b)
    weights, x = weights_of(layer), draw(L, a)
    case(f"linear {n}", LAYERS, "forward", {"x": x}, {"y": layer(x)}, weights, "LinearLayer", {"a": a, "b": b})
    layer = nn.LayerNorm(n + 1)
    weights = {f"layer.{key}": value for key, value in layer.named_parameters()}
    with torch.no_grad():
        for value in weights.values():
            value.copy_(draw(n + 1))
    x = draw(L, n + 1, scale=3) + 2
    x = x.float().double()
    case(f"layer norm {n}", LAYERS, "forward", {"x": x}, {"y": layer(x)}, weights, "NormLayer", {"d": n + 1})
    layer = TextEmbedding(n + 5, n + 1, 2, n + 2)
    weights = weights_of(layer)
    tokens, segments = torch.randint(n + 5, (L,)), torch.randint(2, (L,))
    inputs, sizes = {"tokens": tokens, "segment": segments}, {"vocab": n + 5, "positions": n + 1, "segments": 2, "d": n + 2}
    case(f"text embedding {n}", LAYERS, "forward", inputs, {"y": layer(tokens, segments)}, weights, "Text", sizes)

    layer = nn.MultiheadAttention(d, heads, batch_first=True)
    weights, sizes = weights_of(layer), {"d": d, "heads": heads}
    query, key, value, mask, M = draw(L, d), draw(S, d), draw(S, d), chosen(S), draw(L, S)
    above = torch.ones(L, L).triu(1).bool()
    batch = lambda *each: [x[None] for x in each]
    attend = lambda *each, **more: layer(*batch(*each), need_weights=False, **more)[0][0]
    inputs = {"query": query, "key": key, "value": value}
    heads_case = lambda entry, given, y: case(f"attention {entry} {n}", LAYERS, entry, given, {"y": y}, weights, "Heads", sizes)
    heads_case("cross", inputs, attend(query, key, value))
    heads_case("masked", {**inputs, "mask": mask}, attend(query, key, value, key_padding_mask=~mask[None]))
    heads_case("biased", {**inputs, "M": M}, attend(query, key, value, attn_mask=M))
    heads_case("causal", {"x": query}, attend(query, query, query, attn_mask=above))

    layer, query, keys = Additive(a, b, hidden), draw(L, a), draw(S, b)
    weights, sizes = weights_of(layer), {"a": a, "b": b, "hidden": hidden}
    inputs, y = {"query": query, "keys": keys, "mask": mask}, weighted(layer.scores(query, keys), keys, mask)
    case(f"additive {n}", LAYERS, "forward", inputs, {"y": y}, weights, "Additive", sizes)
    pointer = {key.replace("layer.", "layer.score.", 1): value for key, value in weights.items()}
    y = layer.scores(query, keys)[0]
    case(f"pointer {n}", LAYERS, "forward", {"query": query[0], "keys": keys}, {"y": y}, pointer, "Pointer", sizes)
    layer = nn.ModuleDict({"attn_weight": nn.Linear(b, a, bias=False)})
    weights, y = weights_of(layer), weighted(query @ layer["attn_weight"](keys).T, keys, mask)
    case(f"bilinear {n}", LAYERS, "forward", inputs, {"y": y}, weights, "Bilinear", {"a": a, "b": b})
    layer = nn.ModuleDict({"query": nn.Linear(a, hidden), "key": nn.Linear(b, hidden)})
    weights = weights_of(layer)
    y = layer["query"](query) @ layer["key"](keys).T / math.sqrt(hidden) + (~mask).double() * -10000
    inputs = {"queries": query, "keys": keys, "mask": mask}
    case(f"dot pointer {n}", LAYERS, "forward", inputs, {"y": y}, weights, "DotPointer", {"a": a, "b": b, "d": hidden})

    x, own, context = draw(L, d), chosen(L), draw(S, d)
    for pre_norm, with_gelu in ((False, False), (True, False), (False, True)):
        options = dict(batch_first=True, dropout=0.0, norm_first=pre_norm, activation="gelu" if with_gelu else "relu")
        sizes = {"d": d, "heads": heads, "hidden": hidden, "pre_norm": pre_norm, "with_gelu": with_gelu}
        label = ("pre-norm" if pre_norm else "post-norm") + (" GELU" if with_gelu else "")
        layer = nn.TransformerEncoderLayer(d, heads, hidden, **options).train()
        weights = weights_of(layer)
        block = lambda entry, inputs, y: case(
            f"encoder {label} {entry} {n}", LAYERS, entry, inputs, {"y": y}, weights, "EncoderLayer", sizes
        )
        block("forward", {"x": x}, layer(x[None])[0])
        if not with_gelu:
            block("causal", {"x": x}, layer(x[None], src_mask=above)[0])
            block("masked", {"x": x, "mask": own}, layer(x[None], src_key_padding_mask=~own[None])[0])
            bias = draw(L, L)
            block("biased", {"x": x, "M": bias}, layer(x[None], src_mask=bias)[0])
        layer = nn.TransformerDecoderLayer(d, heads, hidden, **options).train()
        weights = weights_of(layer)
        y = layer(x[None], context[None], tgt_mask=above, memory_key_padding_mask=~mask[None])[0]
        inputs = {"x": x, "context": context, "mask": mask}
        case(f"decoder {label} {n}", LAYERS, "forward", inputs, {"y": y}, weights, "DecoderLayer", sizes)


def stacks(n):
    """Whole stacks: the paper's encoder-decoder, and a causal language model."""
    L, S, heads = n, n + 2, 2
    d, hidden = heads * 5, 11
    for pre_norm in (False, True):
        model = nn.Transformer(d, heads, 2, 2, hidden, dropout=0.0, batch_first=True, norm_first=pre_norm).train()
        weights = weights_of(model, "")
        source, target, mask = draw(S, d), draw(L, d), chosen(S)
        above = torch.ones(L, L).triu(1).bool()
        y = model(
            source[None], target[None], tgt_mask=above,
            src_key_padding_mask=~mask[None], memory_key_padding_mask=~mask[None],
        )[0]
        inputs = {"source": source, "target": target, "mask": mask}
        sizes = {"d": d, "heads": heads, "hidden": hidden, "layers": 2, "pre_norm": pre_norm}
        label = "pre-norm" if pre_norm else "post-norm"
        case(f"encoder-decoder {label} {n}", LAYERS, "forward", inputs, {"y": y}, weights, "EncoderDecoder", sizes, 1e-4)

    vocab, positions = n + 4, n + 1
    tables = nn.ModuleDict({"wte": nn.Embedding(vocab, d), "wpe": nn.Embedding(positions, d)})
    options = dict(batch_first=True, dropout=0.0, norm_first=True, activation="gelu")
    stack = nn.TransformerEncoder(nn.TransformerEncoderLayer(d, heads, hidden, **options), 2, nn.LayerNorm(d)).train()
    bias, tokens = draw(vocab), torch.randint(vocab, (L,))
    weights = {**weights_of(tables, "embedding."), **weights_of(stack), "bias": bias}
    x = tables["wte"](tokens) + tables["wpe"](torch.arange(L))
    h = stack(x[None], mask=torch.ones(L, L).triu(1).bool())[0]
    y = h @ tables["wte"].weight.T + bias
    sizes = {"vocab": vocab, "positions": positions, "d": d, "heads": heads, "hidden": hidden, "layers": 2}
    case(f"causal language model {n}", LAYERS, "forward", {"tokens": tokens}, {"y": y}, weights, "CausalLanguageModel", sizes, 1e-4)


def bert_names(layers):
    """Names and shapes of the encoder's parameters in the order of its state dictionary, for the tiny configuration."""
    d, hidden = 64, 256
    norm = lambda name: [(f"{name}.weight", (d,)), (f"{name}.bias", (d,))]
    linear = lambda name, a, b: [(f"{name}.weight", (b, a)), (f"{name}.bias", (b,))]
    names = [(f"embeddings.{key}_embeddings.weight", (rows, d)) for key, rows in (("word", 25), ("position", 12), ("token_type", 2))]
    names += norm("embeddings.LayerNorm")
    for n in range(layers):
        at = f"encoder.layer.{n}."
        for key in ("query", "key", "value"):
            names += linear(f"{at}attention.self.{key}", d, d)
        names += linear(f"{at}attention.output.dense", d, d) + norm(f"{at}attention.output.LayerNorm")
        names += linear(f"{at}intermediate.dense", d, hidden)
        names += linear(f"{at}output.dense", hidden, d) + norm(f"{at}output.LayerNorm")
    return names + linear("pooler.dense", d, d)


def sine_weights(names):
    """Element k of tensor t is 0.1 sin(1 + 0.7 t + 1.3 k), one more in the weights of norms: weights that need no file."""
    weights = {}
    for t, (name, shape) in enumerate(names):
        values = 0.1 * torch.sin(1 + 0.7 * t + 1.3 * torch.arange(float(np.prod(shape))))
        weights[name] = (values + (1 if name.endswith("LayerNorm.weight") else 0)).float().double().reshape(shape)
    return weights


def bert():
    """BERT's encoder, line by line as the paper and the released code have it."""
    heads, layers = 4, 2
    w = sine_weights(bert_names(layers))
    ids = torch.tensor([[2, 18, 13, 7, 3] + [0] * 7, [2, 8, 19, 6, 5, 15, 7, 3] + [0] * 4])
    types = torch.zeros_like(ids)
    mask = ids > 0

    def linear(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x, name):
        mean = x.mean(-1, keepdim=True)
        variance = ((x - mean) ** 2).mean(-1, keepdim=True)
        return w[f"{name}.weight"] * (x - mean) / torch.sqrt(variance + 1e-12) + w[f"{name}.bias"]

    def split(x):
        return x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)

    def gelu(x):
        return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))

    e = "embeddings."
    x = w[e + "word_embeddings.weight"][ids] + w[e + "position_embeddings.weight"][: ids.shape[1]]
    x = norm(x + w[e + "token_type_embeddings.weight"][types], e + "LayerNorm")
    hidden = [x]
    for n in range(layers):
        at = f"encoder.layer.{n}."
        q, k, v = (split(linear(x, f"{at}attention.self.{key}")) for key in ("query", "key", "value"))
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + (1 - mask.double())[:, None, None, :] * -10000
        context = (torch.softmax(scores, -1) @ v).transpose(1, 2).reshape(x.shape)
        u = norm(linear(context, f"{at}attention.output.dense") + x, f"{at}attention.output.LayerNorm")
        f = gelu(linear(u, f"{at}intermediate.dense"))
        x = norm(linear(f, f"{at}output.dense") + u, f"{at}output.LayerNorm")
        hidden.append(x)
    def pooled(h):
        return torch.tanh(linear(h[:, 0], "pooler.dense"))

    def run(entry, inputs, outputs, name=None, **settings):
        path, name = "models/bert/bert.weft", name or f"BERT {entry}"
        case(name, path, entry, inputs, outputs, model="Bert", preset="tiny", settings=settings, tolerance=1e-4)

    inputs = {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}
    run("encode", inputs, {"last_hidden_state": hidden[2], "pooler_output": pooled(hidden[2])})
    outputs = {"last_hidden_state": hidden[1], "pooler_output": pooled(hidden[1])}
    run("encode", inputs, outputs, "BERT encode, one layer", layers=1)
    run("sentence", inputs, {"sentence": (hidden[1][:, 0] + hidden[2][:, 0]) / 2})
    run("embed", {"input_ids": ids, "token_type_ids": types}, {"embed": hidden[0]})


def write(path):
    header, blobs, position = {"__metadata__": {"cases": json.dumps(cases, ensure_ascii=False)}}, [], 0
    for name, (array, boolean) in tensors.items():
        blob = np.ascontiguousarray(array).tobytes()
        kind = "BOOL" if boolean else {"float32": "F32", "int32": "I32"}[str(array.dtype)]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [position, position + len(blob)]}
        blobs.append(blob)
        position += len(blob)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    print(f"{path}: {len(cases)} cases, {8 + len(text) + position} bytes, torch {torch.__version__}")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("file")
    arguments.add_argument("--sizes", type=int, nargs="*", default=[5])
    options = arguments.parse_args()
    torch.manual_seed(0)
    for n in options.sizes:
        activations(n)
        losses(n)
        optimisers(n)
        layers(n)
        stacks(n)
    schedules()
    bert()
    write(options.file)
