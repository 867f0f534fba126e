"""Follows the first optimiser steps of each configuration in PyTorch, and says how far both sides are apart.

tests/parity_steps lets partrain do the steps and writes down the split, the minibatches, the losses, and the weights
before, after the first and after the last step. Here PyTorch starts from the same weights, takes the same minibatches and
the same masks of dropout and noise (drawn again from the keys that src/base/rng.h documents), and autograd and PyTorch's
or fastai's optimiser do the steps on dense batches.

Each loss must agree to 1e-5, each tensor T to |T_ours - T_torch| <= 2e-3 |T_torch - T_initial|. With --without TERM a term
of the gradient is left out on this side, and the comparison must fail."""

import argparse
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch

from files import metadata, safetensors

INPUT_DROPOUT, DROPOUT, NOISE = 3, 4, 5  # enum rng_purpose
TRAIN = 1  # enum part
LOSS, TENSOR = 1e-5, 2e-3


def philox(seed, purpose, step, position, group):
    """Four words for each (position, group): a uint64 array (4, ...). Philox4x32-10, in 64-bit integers."""
    low = np.uint64(0xFFFFFFFF)
    c = list(np.broadcast_arrays(np.uint64(group), np.uint64(position), np.uint64(step & 0xFFFFFFFF),
                                 np.uint64((step >> 32 << 8 | purpose) & 0xFFFFFFFF)))
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & low, (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c)


def words(seed, purpose, step, rows, columns):
    """(rows, columns): word k % 4 of group k / 4 for coordinate k."""
    groups = (columns + 3) // 4
    w = philox(seed, purpose, step, np.arange(rows, dtype=np.uint64)[:, None], np.arange(groups, dtype=np.uint64)[None, :])
    return w.transpose(1, 2, 0).reshape(rows, 4 * groups)[:, :columns], w


def dropout_mask(seed, purpose, step, rows, columns, rate):
    """What a row is multiplied by: 0 for a share `rate`, 1 / (1 - rate) for the rest."""
    drawn, _ = words(seed, purpose, step, rows, columns)
    kept = drawn >= np.uint64(int(np.float64(np.float32(rate)) * 2.0**32))
    return torch.from_numpy(kept.astype(np.float32) / np.float32(1.0 - np.float32(rate)))


def normal(seed, purpose, step, rows, columns, std):
    _, w = words(seed, purpose, step, rows, columns)
    open_unit = lambda x: ((x >> np.uint64(8)).astype(np.float64) + 1.0) * 2.0**-24
    angle = lambda x: (x >> np.uint64(8)).astype(np.float64) * 2.0**-24 * 2.0 * np.pi
    out = []
    for radius, turn in ((w[0], w[1]), (w[2], w[3])):
        r = std * np.sqrt(-2.0 * np.log(open_unit(radius)))
        out += [r * np.cos(angle(turn)), r * np.sin(angle(turn))]
    flat = np.stack(out).transpose(1, 2, 0).reshape(rows, -1)[:, :columns]
    return torch.from_numpy(flat.astype(np.float32))


ACTIVATIONS = {"identity": lambda x: x, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu,
               "elu": torch.nn.functional.elu, "selu": torch.selu, "swish": torch.nn.functional.silu,
               "gelu": torch.nn.functional.gelu}


class Options:
    """The effective options of a configuration, by key."""

    def __init__(self, entries):
        self.entries = entries

    def text(self, key):
        return self.entries[key]

    def real(self, key):
        return float(self.entries[key])

    def whole(self, key):
        return int(self.entries[key])


def stage(p, name, h, act, without):
    y = h @ p[name + ".weight"].t()
    return units(p, name, y if name + ".bias" in without else y + p[name + ".bias"], act)


def units(p, name, sums, act):
    h = act(sums)
    gain = p.get(name + ".norm.weight")
    return h if gain is None else torch.nn.functional.layer_norm(h, gain.shape, gain, p[name + ".norm.bias"], 0.1)


class Network:
    """AutoRec, Multi-VAE and Mult-DAE on dense batches."""

    def __init__(self, options, data, without):
        self.o, self.without = options, without
        self.kind, self.seed = options.text("model.kind"), options.whole("train.seed")
        by_user = self.kind != "autorec" or options.text("model.side") == "user"
        rows, columns = (data["user"], data["item"]) if by_user else (data["item"], data["user"])
        shape = (data["users"], data["items"]) if by_user else (data["items"], data["users"])
        train = (data["part"] & TRAIN) > 0
        self.x, self.mask = torch.zeros(shape), torch.zeros(shape)
        value = data["value"] if self.kind == "autorec" else np.ones_like(data["value"])
        if self.kind == "autorec" and options.whole("model.center"):
            value = value - np.float32(value[train].mean(dtype=np.float64))
        self.x[rows[train], columns[train]] = torch.from_numpy(value[train])
        self.mask[rows[train], columns[train]] = 1.0
        self.act = ACTIVATIONS[options.text("model.activation")]

    def drop(self, h, key, purpose, step):
        rate = self.o.real(key)
        return h * dropout_mask(self.seed, purpose, step, *h.shape, rate) if rate > 0 else h

    def chain(self, p, name, h, acts):
        for i, act in enumerate(acts):
            h = stage(p, f"{name}.{i}", h, act, self.without)
        return h

    def loss(self, p, example, step):
        x, mask = self.x[example], self.mask[example]
        v = x
        if self.kind != "autorec" and self.o.whole("model.normalize_input"):
            v = torch.nn.functional.normalize(v, dim=1)
        if self.trains_encoder(step):
            v = self.drop(v, "model.input_dropout", INPUT_DROPOUT, step)
        h = v @ p["encoder.weight"]
        h = h if "encoder.bias" in self.without else h + p["encoder.bias"]
        layers = lambda name: len([n for n in p if n.startswith(name) and n.endswith("weight") and ".norm." not in n])
        if self.kind not in ("multivae", "recvae") or layers("inference"):  # else the first layer is the code's
            h = units(p, "encoder", h, self.act)
        if self.kind in ("multivae", "recvae"):
            return self.vae_loss(p, x, mask, h, step, layers, example)
        h = self.chain(p, "hidden", h, [self.act] * layers("hidden"))
        h = self.drop(h, "model.dropout", DROPOUT, step)
        out = h @ p["decoder.weight"].t()
        if "decoder.bias" not in self.without:
            out = out + p["decoder.bias"]
        if self.kind == "multidae":
            return -(torch.log_softmax(out, dim=1) * x).sum() / len(x)
        return self.rating_loss(ACTIVATIONS[self.o.text("model.output")](out), x, mask)

    def trains_encoder(self, step):
        return True

    def encode(self, p, h, down):
        return self.chain(p, "inference", h, ([self.act] * (down - 1) + [ACTIVATIONS["identity"]])[:down])

    def kl(self, z, mean, logvar, example):
        return 0.5 * (logvar.exp() + mean.square() - 1 - logvar)

    def vae_loss(self, p, x, mask, h, step, layers, example):
        mean, logvar = self.encode(p, h, layers("inference")).chunk(2, dim=1)
        z = mean
        if "noise" not in self.without:
            z = z + torch.exp(0.5 * logvar) * normal(self.seed, NOISE, step, *mean.shape, 1.0 if self.kind == "recvae" else self.o.real("model.noise_std"))
        g = self.chain(p, "generator", z, [self.act] * layers("generator"))
        g = self.drop(g, "model.dropout", DROPOUT, step)
        out = g @ p["decoder.weight"].t()
        if "decoder.bias" not in self.without:
            out = out + p["decoder.bias"]
        beta, anneal = self.o.real("model.kl_weight"), self.o.whole("model.kl_anneal_steps")
        if anneal:
            beta = min(beta, step / anneal)
        if self.o.real("model.kl_per_click") > 0:
            beta = self.o.real("model.kl_per_click") * mask.sum(1, keepdim=True)
        kl = (beta * self.kl(z, mean, logvar, example)).sum() / len(x)
        loss = -(torch.log_softmax(out, dim=1) * x).sum() / len(x)
        return loss if "kl" in self.without else loss + kl

    def rating_loss(self, out, x, mask):
        square = (out - x).square() * mask
        name = self.o.text("model.loss")
        if "cells" in self.without:  # a masked loss that forgets its mask
            square = (out - x).square()
        if name == "sum":
            return 0.5 * square.sum()
        if name == "example_mean":
            return 0.5 * square.sum(1).mean()
        if name == "row_mean":
            return (square.sum(1) / mask.sum(1)).mean()
        if name == "cell_mean":
            return square.sum() / mask.sum()
        if name == "column_mean":
            return 0.5 * square.mean()
        return torch.sqrt(square.sum())


def log_normal(z, mean, logvar):
    return -0.5 * (logvar + np.log(2 * np.pi) + (z - mean).square() / logvar.exp())


class RecVae(Network):
    """Shenbin et al. 2020: layers that all reach those behind them, a composite prior, and turns."""

    ENCODER_PASSES, PASSES = 3, 4

    def __init__(self, options, data, without):
        super().__init__(options, data, without)
        examples = int((self.mask.sum(1) > 0).sum())
        self.per_pass = -(-examples // options.whole("train.batch"))
        self.old = None

    def trains_encoder(self, step):
        return step // self.per_pass % self.PASSES < self.ENCODER_PASSES

    def encode(self, p, h, down):
        all_before = h
        for i in range(down - 1):
            name = f"inference.{i}"
            sums = h @ p[name + ".weight"].t() + p[name + ".bias"]
            h = units(p, name, sums if "dense" in self.without else sums + all_before, self.act)
            all_before = all_before + h
        return stage(p, f"inference.{down - 1}", h, ACTIVATIONS["identity"], self.without)

    def keep_old(self, p):
        with torch.no_grad():
            h = torch.nn.functional.normalize(self.x, dim=1) @ p["encoder.weight"] + p["encoder.bias"]
            self.old = self.encode(p, units(p, "encoder", h, self.act), self.o.text("model.hidden").count(" "))

    def kl(self, z, mean, logvar, example):
        mean_old, logvar_old = self.old[example].chunk(2, dim=1)
        zero = torch.zeros_like(z)
        parts = [np.log(0.15) + log_normal(z, zero, zero), np.log(0.1) + log_normal(z, zero, zero + 10)]
        if "old" not in self.without:
            parts.append(np.log(0.75) + log_normal(z, mean_old, logvar_old))
        return log_normal(z, mean, logvar) - torch.logsumexp(torch.stack(parts), 0)

    def loss(self, p, example, step):
        if step == 0 or (self.trains_encoder(step - 1) and not self.trains_encoder(step) and "turn" not in self.without):
            self.keep_old(p)
        return super().loss(p, example, step)


class Turns:
    """An optimiser for the encoder and one for the decoder, each with its own count of steps."""

    def __init__(self, o, model, tensors, without):
        split = lambda decoder: {n: t for n, t in tensors.items() if n.startswith("decoder.") == decoder}
        self.model, self.number = model, 0
        self.encoder, self.decoder = (make_optimizer(o, split(d), 0, without) for d in (False, True))

    def step(self, epoch):
        (self.encoder if self.model.trains_encoder(self.number) else self.decoder).step(epoch)
        self.number += 1


class Factors:
    """Matrix factorisation on triplets."""

    def __init__(self, options, data, without):
        self.o, self.without = options, without
        train = (data["part"] & TRAIN) > 0
        self.user, self.item, self.value = (torch.from_numpy(data[k][train]) for k in ("user", "item", "value"))

    def loss(self, p, example, _):
        u, i = self.user[example], self.item[example]
        user = p["user.weight"][u]
        out = ((user.detach() if "user" in self.without else user) * p["item.weight"][i]).sum(1)
        if self.o.whole("model.biases"):
            out = out + p["item.bias"][i] + (0 if "user.bias" in self.without else p["user.bias"][u])
        low, high = self.o.real("model.range_low"), self.o.real("model.range_high")
        if low < high:
            out = torch.sigmoid(out) * (high - low) + low
        square = (out - self.value[example]).square()
        assert self.o.text("model.loss") == "cell_mean"
        return square.mean()


def cosine(start, end, share):
    return start + (1 + np.cos(np.pi * (1 - share))) * (end - start) / 2


class FastaiAdam:
    """fastai's Adam under its one-cycle schedule, from its published rules; nothing of partrain's."""

    def __init__(self, o, decayed, others, total):
        self.o, self.groups, self.total, self.step_number = o, ((decayed, o.real("train.weight_decay")), (others, 0.0)), total, 0
        self.moments = {id(t): (torch.zeros_like(t), torch.zeros_like(t)) for t in decayed + others}

    def step(self, _epoch):
        share, lr = self.step_number / self.total, self.o.real("train.lr")
        high, low = self.o.real("train.momentum_high"), self.o.real("train.momentum_low")
        if share < 0.25:
            rate, momentum = cosine(lr / 25, lr, share / 0.25), cosine(high, low, share / 0.25)
        else:
            rate, momentum = cosine(lr, lr / 1e5, (share - 0.25) / 0.75), cosine(low, high, (share - 0.25) / 0.75)
        self.step_number += 1
        beta2, eps = self.o.real("train.beta2"), self.o.real("train.eps")
        with torch.no_grad():
            for tensors, decay in self.groups:
                for t in tensors:
                    m, v = self.moments[id(t)]
                    t.mul_(1 - rate * decay)
                    m.mul_(momentum).add_(t.grad, alpha=1 - momentum)
                    v.mul_(beta2).addcmul_(t.grad, t.grad, value=1 - beta2)
                    root = (v / (1 - beta2**self.step_number)).sqrt() + eps
                    t.addcdiv_(m, root, value=-rate / (1 - momentum**self.step_number))


class TorchAdam:
    """torch.optim.Adam or AdamW; the step size as the schedule has it."""

    def __init__(self, o, decayed, others):
        self.o = o
        l2, decay = o.real("train.l2"), o.real("train.weight_decay")
        assert l2 == 0 or decay == 0
        kind = torch.optim.AdamW if decay else torch.optim.Adam
        groups = [{"params": decayed, "weight_decay": l2 + decay}, {"params": others, "weight_decay": 0.0}]
        self.adam = kind([g for g in groups if g["params"]], lr=o.real("train.lr"), eps=o.real("train.eps"),
                         betas=(o.real("train.beta1"), o.real("train.beta2")))

    def step(self, epoch):
        schedule, rate = self.o.text("train.schedule"), self.o.real("train.lr")
        if schedule == "exponential":
            rate *= self.o.real("train.lr_decay")**epoch
        else:
            assert schedule == "constant", schedule
        for group in self.adam.param_groups:
            group["lr"] = rate
        self.adam.step()


def make_optimizer(o, tensors, total, without):
    biases_too = o.whole("train.decay_biases") and "decay_biases" not in without
    decayed = [t for n, t in tensors.items() if (biases_too or not (n.endswith(".bias") or ".norm." in n)) and "decay" not in without]
    others = [t for t in tensors.values() if not any(t is d for d in decayed)]
    if o.text("train.schedule") == "one_cycle":
        return FastaiAdam(o, decayed, others, total)
    return TorchAdam(o, decayed, others)


def steps_of_epochs(o, examples):
    """Number of the epoch of each step, and the steps of the whole training. With rollover epoch e ends with the first full
    batch that reaches its end."""
    size = o.whole("train.batch")
    most = examples // size if o.text("train.last_batch") == "drop" else -(-examples // size)

    def first(epoch):
        return -(-epoch * examples // size) if o.text("train.last_batch") == "rollover" else epoch * most

    def epoch_of(step):
        epoch = 0
        while first(epoch + 1) <= step:
            epoch += 1
        return epoch
    return epoch_of, first(o.whole("train.epochs"))


def distance(ours, theirs, start):
    """|ours - theirs| / |theirs - start|, of the whole tensor; 0 / 0 is 0."""
    norm = lambda t: float(np.linalg.norm(t.astype(np.float64)))
    apart, moved = norm(ours - theirs), norm(theirs - start)
    return apart / moved if moved else (0.0 if apart == 0 else float("inf"))


def run(folder, without=()):
    read = lambda name: safetensors(os.path.join(folder, name + ".safetensors"))
    data, steps, start = read("split"), read("steps"), read("start")
    facts = metadata(os.path.join(folder, "split.safetensors"))
    o = Options(facts)
    data.update(users=int(facts["users"]), items=int(facts["items"]))
    kinds = {"mf": Factors, "recvae": RecVae}
    model = kinds.get(o.text("model.kind"), Network)(o, data, without)
    tensors = {name: torch.from_numpy(t.copy()).requires_grad_() for name, t in start.items()}
    if o.text("model.kind") == "mf":
        examples = int(((data["part"] & TRAIN) > 0).sum())
    else:
        examples = int((model.mask.sum(1) > 0).sum())
    epoch_of, total = steps_of_epochs(o, examples)
    optimizer = make_optimizer(o, tensors, total, without)
    if o.text("model.kind") == "recvae":
        optimizer = Turns(o, model, tensors, without)
    result, at = {"loss": [], "tensors": {}}, 0
    for step, rows in enumerate(steps["rows"]):
        loss = model.loss(tensors, torch.from_numpy(steps["example"][at:at + rows]), step)
        at += rows
        for t in tensors.values():
            t.grad = None
        loss.backward()
        for t in tensors.values():
            if t.grad is None:
                t.grad = torch.zeros_like(t)
        optimizer.step(epoch_of(step))
        result["loss"].append(abs(steps["loss"][step] / loss.item() - 1.0))
        if step == 0 or step == len(steps["rows"]) - 1:
            ours = read("first" if step == 0 else "last")
            result["tensors"]["first" if step == 0 else "last"] = {
                name: distance(ours[name], t.detach().numpy(), start[name]) for name, t in tensors.items()}
    return result


# The data are generated, and so the same everywhere.
DATA = "data.path=synth:600x400x20000"
BY_USERS = ["data.min_rating=3.5", "split.valid_users=0.1", "split.test_users=0.1"]

# A configuration (behind a colon: a variant of it), and what is set differently.
ROWS = [
    ("autorec-keras", []),
    ("autorec-keras-tuned", []),
    ("autorec-torch", []),
    ("autorec-d2l", []),
    ("autorec-d2l-tuned", []),
    ("autorec-item", []),
    ("autorec-user", []),
    ("multivae", BY_USERS),
    ("multivae:tanh", [*BY_USERS, "model.activation=tanh", "model.layer_norm=off"]),
    ("multivae-notebook", BY_USERS),
    ("multivae-paper", [*BY_USERS, "model.kl_anneal_steps=100", "train.batch=300"]),
    ("multivae-tuned", BY_USERS),
    ("recvae", [*BY_USERS, "train.batch=60", "train.eps=1e-4"]),
    ("multidae", [*BY_USERS, "train.batch=300"]),
    ("multidae:norm", [*BY_USERS, "train.batch=300", "model.layer_norm=on"]),
    ("autorec-user:gelu", ["model.activation=gelu"]),
    ("mf-dot", []),
    ("mf-range", []),
    ("mf-bias", []),
    ("mf-bias-wd", []),
    ("mf-params", []),
]

# What must be found: a row, and a term that is left out.
MUTATIONS = [
    ("autorec-keras", "decoder.bias"), ("autorec-torch", "decay"), ("autorec-torch", "decay_biases"),
    ("autorec-d2l", "encoder.bias"), ("autorec-d2l", "cells"), ("autorec-item", "decay"), ("multivae", "kl"),
    ("multivae-notebook", "kl"), ("multivae-notebook", "noise"), ("multivae-paper", "kl"), ("recvae", "kl"), ("recvae", "old"), ("recvae", "turn"), ("recvae", "dense"),
    ("multidae", "decay"), ("mf-dot", "user"), ("mf-bias", "user.bias"),
    ("mf-bias-wd", "decay"), ("mf-bias-wd", "decay_biases"),
]


class Parity:
    def __init__(self, args, root):
        self.args, self.root, self.made = args, root, None

    def folder(self, row, settings, work):
        """The steps of a row; the last one's are kept, since mutations follow their row."""
        if self.made != row:
            subprocess.run([self.args.steps_program, work, str(self.args.steps), os.path.join(self.root, "conf", row.split(":")[0] + ".yaml"),
                            "run.threads=1", DATA, *settings], check=True)
            self.made = row
        return work

    def row(self, row, settings, without, work):
        begin = time.monotonic()
        result = run(self.folder(row, settings, work), without)
        loss = max(result["loss"])
        name, apart = max(((f"{n} ({when})", d) for when, t in result["tensors"].items() for n, d in t.items()),
                          key=lambda pair: pair[1])
        same = loss <= LOSS and apart <= TENSOR
        good = same != bool(without)
        print(f"{'ok  ' if good else 'FAIL'} {row:20s} {'without ' + without[0] if without else '':22s} "
              f"loss {loss:8.1e}  worst tensor {apart:8.1e} {name:28s} {time.monotonic() - begin:5.1f} s", flush=True)
        return good


def main():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help="default: all, with the terms left out too")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--without", action="append", default=[], metavar="TERM", help="leave a term out; the rows must fail")
    parser.add_argument("--steps-program", default=os.path.join(root, "build", "tests", "parity_steps"))
    args = parser.parse_args()
    unknown = set(args.rows) - {row for row, _ in ROWS}
    if unknown:
        parser.error(f"no row {', '.join(sorted(unknown))}; rows: {' '.join(row for row, _ in ROWS)}")
    torch.set_num_threads(1)  # such steps are too small to share
    torch.set_flush_denormal(True)
    parity, good = Parity(args, root), True
    with tempfile.TemporaryDirectory(prefix="partrain-parity-") as work:
        for row, settings in ROWS:
            if args.rows and row not in args.rows:
                continue
            good &= parity.row(row, settings, args.without, work)
            if not args.rows:
                for term in (term for name, term in MUTATIONS if name == row):
                    good &= parity.row(row, settings, [term], work)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
