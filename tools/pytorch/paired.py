"""A recipe of Multi-VAE, Mult-DAE or matrix factorisation in plain PyTorch, on a split that partrain wrote: paired.py FOLDER
[--seed N] reads split.safetensors (tests/parity_steps FOLDER 0 CONFIG ...), trains with the options in it, and prints the
test figures as one line of JSON. Multi-VAE and Mult-DAE keep the weights that are best by validation NDCG@100, and have the
figures of EASE (Steck 2019) beside them; matrix factorisation keeps the last ones. Initial weights, order of examples,
dropout and noise are PyTorch's own."""

import argparse
import copy
import functools
import json
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

from files import metadata, safetensors
from parity import FastaiAdam, Options

TRAIN, VALID_IN, VALID_OUT, TEST_IN, TEST_OUT = 1, 2, 4, 8, 16  # enum part


class Split:
    def __init__(self, path):
        data, facts = safetensors(path), metadata(path)
        self.users, self.items = int(facts["users"]), int(facts["items"])
        self.data = data
        self.trained = np.zeros(self.items, bool)
        self.trained[data["item"][(data["part"] & TRAIN) > 0]] = True

    @functools.cached_property
    def train(self):
        return self.rows(TRAIN)[0]

    def rows(self, *bits):
        """Dense 0/1 matrices of the users that have ratings with the last of the bits."""
        part, user, item = (self.data[k] for k in ("part", "user", "item"))
        who = np.unique(user[(part & bits[-1]) > 0])
        at = np.full(self.users, -1)
        at[who] = np.arange(len(who))
        out = []
        for bit in bits:
            keep = ((part & bit) > 0) & (at[user] >= 0)
            x = np.zeros((len(who), self.items), np.float32)
            x[at[user[keep]], item[keep]] = 1.0
            out.append(x)
        return out


def figures(scores, seen, held, trained):
    """NDCG@100, Recall@20 and Recall@50 as Liang et al. define them; seen items and those nobody trained on are out."""
    scores = np.where((seen > 0) | ~trained[None, :], -np.inf, scores)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :100]
    hits = np.take_along_axis(held, best, axis=1)
    count = held.sum(axis=1).astype(int)
    discount = 1.0 / np.log2(np.arange(2, 102))
    ideal = np.cumsum(discount)[np.minimum(count, 100) - 1]
    out = {"ndcg@100": float(((hits * discount).sum(axis=1) / ideal).mean())}
    for k in (20, 50):
        out[f"recall@{k}"] = float((hits[:, :k].sum(axis=1) / np.minimum(k, count)).mean())
    return out


def ease(split, strength=500.0):
    """Embarrassingly shallow autoencoder: B = I - P / diag(P), P the inverse of X'X + strength I."""
    gram = split.train.T @ split.train
    gram[np.diag_indices_from(gram)] += strength
    inverse = np.linalg.inv(gram.astype(np.float64))
    weights = -inverse / np.diag(inverse)[None, :]
    np.fill_diagonal(weights, 0.0)
    return weights.astype(np.float32)


class Model(torch.nn.Module):
    """One hidden layer on each side of the code (Multi-VAE), or the code alone (Mult-DAE)."""

    def __init__(self, o, items):
        super().__init__()
        self.o, self.vae = o, o["model.kind"] == "multivae"
        hidden = [int(n) for n in o["model.hidden"].split()]
        latent = int(o["model.latent"])
        if self.vae:
            down, up = [items, *hidden, 2 * latent], [latent, *reversed(hidden), items]
        else:
            down, up = [items, *hidden, latent], [latent, *reversed(hidden), items]
        self.down = torch.nn.ModuleList(torch.nn.Linear(a, b) for a, b in zip(down, down[1:]))
        self.up = torch.nn.ModuleList(torch.nn.Linear(a, b) for a, b in zip(up, up[1:]))
        assert o["model.init"] == "glorot"
        for layer in [*self.down, *self.up]:
            torch.nn.init.xavier_uniform_(layer.weight)
            std = float(o["model.bias_std"])
            torch.nn.init.trunc_normal_(layer.bias, std=std, a=-2 * std, b=2 * std) if std else torch.nn.init.zeros_(layer.bias)
        self.act = {"tanh": torch.tanh, "sigmoid": torch.sigmoid}[o["model.activation"]]

    def forward(self, x):
        h = F.normalize(x, dim=1) if self.o["model.normalize_input"] == "1" else x
        h = F.dropout(h, float(self.o["model.input_dropout"]), self.training)
        kl = torch.zeros(())
        for i, layer in enumerate(self.down):
            h = layer(h)
            if i + 1 < len(self.down) or not self.vae:
                h = self.act(h)
        if self.vae:
            mean, logvar = h.chunk(2, dim=1)
            h = mean
            if self.training:
                h = h + torch.randn_like(mean) * float(self.o["model.noise_std"]) * torch.exp(0.5 * logvar)
            kl = 0.5 * (logvar.exp() + mean.square() - 1 - logvar).sum(1).mean()
        for layer in self.up[:-1]:
            h = self.act(layer(h))
        return self.up[-1](F.dropout(h, float(self.o["model.dropout"]), self.training)), kl

    def beta(self, step):
        weight, anneal = float(self.o["model.kl_weight"]), int(self.o["model.kl_anneal_steps"])
        return min(weight, step / anneal) if anneal else weight

    def score(self, x):
        self.eval()
        with torch.no_grad():
            scores = self(torch.from_numpy(x))[0].numpy()
        self.train()
        return scores


def train(o, split, seed, epochs):
    torch.manual_seed(seed)
    model = Model(o, split.items)
    weights = [p for p in model.parameters() if p.dim() > 1]
    biases = [p for p in model.parameters() if p.dim() == 1]
    assert o["train.schedule"] == "constant" and o["train.decay_biases"] == "0"
    adam = torch.optim.Adam([{"params": weights, "weight_decay": float(o["train.l2"])}, {"params": biases}],
                            lr=float(o["train.lr"]), foreach=True)
    x, (seen, held) = torch.from_numpy(split.train), split.rows(VALID_IN, VALID_OUT)
    best, kept, chosen, step = -1.0, None, 0, 0
    for epoch in range(1, epochs + 1):
        for batch in torch.randperm(len(x)).split(int(o["train.batch"])):
            rows = x[batch]
            scores, kl = model(rows)
            loss = -(F.log_softmax(scores, dim=1) * rows).sum(1).mean() + model.beta(step) * kl
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
            step += 1
        figure = figures(model.score(seen), seen, held, split.trained)["ndcg@100"]
        if figure > best:
            best, kept, chosen = figure, copy.deepcopy(model.state_dict()), epoch
    model.load_state_dict(kept)
    return model, best, chosen


def draw(o, rows, std, *cols):
    """Initial values as fastai's Embedding draws them (randn, cut off by a remainder), or normal ones."""
    values = torch.randn(rows, *cols)
    return values.fmod(2.0) * 0.01 if o["model.init"] == "fastai" else values * std


def factorise(o, split, seed, epochs):
    """Users' and items' factors and biases, mean squared error, fastai's Adam under its one-cycle schedule: test MSE."""
    torch.manual_seed(seed)
    part, ids = split.data["part"], np.stack([split.data["user"], split.data["item"]], axis=1)
    held, trained = (part & TEST_OUT) > 0, (part & TRAIN) > 0
    ids, value = torch.from_numpy(ids), torch.from_numpy(split.data["value"])
    low, high = float(o["model.range_low"]), float(o["model.range_high"])
    tables = [draw(o, n, float(o["model.init_std"]), int(o["model.latent"])) for n in (split.users, split.items)]
    if o["model.biases"] == "1":
        tables += [draw(o, n, float(o["model.bias_std"]), 1) for n in (split.users, split.items)]
    for t in tables:
        t.requires_grad_()
    assert o["train.schedule"] == "one_cycle" and o["train.decay_biases"] == "1" and o["model.loss"] == "cell_mean"

    def predict(pair):
        user, item = pair.unbind(1)
        out = (F.embedding(user, tables[0]) * F.embedding(item, tables[1])).sum(1)
        if len(tables) > 2:
            out = out + F.embedding(user, tables[2])[:, 0] + F.embedding(item, tables[3])[:, 0]
        return torch.sigmoid(out) * (high - low) + low if low < high else out

    x, y, size = ids[trained], value[trained], int(o["train.batch"])
    adam = FastaiAdam(Options(o), tables, [], -(-len(x) // size) * epochs)
    for epoch in range(epochs):
        for batch in torch.randperm(len(x)).split(size):
            for t in tables:
                t.grad = None
            F.mse_loss(predict(x[batch]), y[batch]).backward()
            adam.step(epoch)
    with torch.no_grad():
        return F.mse_loss(predict(ids[held]), value[held]).item()


def compare_factors(o, split, seed, epochs):
    mse = factorise(o, split, seed, epochs)
    return {"test": {"mse": mse, "rmse": mse**0.5}, "best_epoch": epochs}


def compare_rankings(o, split, seed, epochs):
    model, best, chosen = train(o, split, seed, epochs)
    seen, held = split.rows(TEST_IN, TEST_OUT)
    return {"test": figures(model.score(seen), seen, held, split.trained), "valid": {"ndcg@100": best},
            "best_epoch": chosen, "ease": figures(seen @ ease(split), seen, held, split.trained)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, help="default: train.epochs")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    path = os.path.join(args.folder, "split.safetensors")
    o, split, begin = metadata(path), Split(path), time.perf_counter()
    compare = compare_factors if o["model.kind"] == "mf" else compare_rankings
    result = compare(o, split, args.seed, args.epochs or int(o["train.epochs"]))
    print(json.dumps({**result, "seconds": time.perf_counter() - begin}))


if __name__ == "__main__":
    main()
