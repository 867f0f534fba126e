"""What the PyTorch side of tools/compare-pytorch shares: reading ratings, batches of sparse rows, timing."""

import json
import statistics
import struct
import time

import numpy as np
import pandas as pd
import torch


class Ratings:
    """All ratings of a file as triplets; users and items are numbered by first appearance."""

    def __init__(self, path):
        table = pd.read_csv(path, sep="\t", header=None, names=["user", "item", "value"], comment=None)
        self.user, self.user_ids = pd.factorize(table.user)
        self.item, self.item_ids = pd.factorize(table.item)
        self.value = table.value.to_numpy(np.float32)
        self.users, self.items = len(self.user_ids), len(self.item_ids)


class Rows:
    """The example matrix as CSR. A batch is some of its rows, given as torch tensors."""

    def __init__(self, row, col, value, rows, cols):
        order = np.lexsort((col, row))
        self.col = torch.from_numpy(col[order].astype(np.int64))
        self.value = torch.from_numpy(value[order].astype(np.float32))
        self.start = np.zeros(rows + 1, np.int64)
        np.cumsum(np.bincount(row, minlength=rows), out=self.start[1:])
        self.rows, self.cols = rows, cols

    def batch(self, rows):
        """(columns, values, offsets, counts) of these rows, one after the other."""
        begin, end = self.start[rows], self.start[rows + 1]
        count = end - begin
        offset = np.cumsum(count) - count
        index = torch.from_numpy(np.repeat(begin - offset, count) + np.arange(count.sum()))
        return self.col[index], self.value[index], torch.from_numpy(offset), torch.from_numpy(count)

    def flat(self, cols, counts):
        """Where the entries of a batch stand in its dense form, counted in one run."""
        return cols + torch.repeat_interleave(torch.arange(len(counts)) * self.cols, counts)


def dense(flat, value, rows, cols):
    """The dense form of a batch: zero where nothing was rated."""
    out = torch.zeros(rows * cols)
    out[flat] = value
    return out.view(rows, cols)


def timed_epochs(step, batches_of_epoch, epochs, limit_s=None):
    """Runs `step(batch)` over one epoch to warm up and then over `epochs` more. Returns the losses' sum of the first
    epoch and the seconds of each later one. With limit_s an epoch ends after that many seconds (the warm-up after a
    sixth), and its time is scaled to the whole."""
    seconds, first = [], None
    for epoch in range(epochs + 1):
        begin = time.perf_counter()
        limit = begin + (limit_s if epoch else limit_s / 6) if limit_s else float("inf")
        batches = batches_of_epoch(epoch)
        losses = []
        for batch in batches:
            losses.append(step(batch))
            if time.perf_counter() > limit:
                break
        elapsed = time.perf_counter() - begin
        if epoch == 0:
            first = float(sum(x.double().item() for x in losses))
        else:
            seconds.append(elapsed * len(batches) / len(losses))
    return {"first_loss": first, "epoch_s": seconds, "epoch_s_median": statistics.median(seconds) if seconds else None}


def shuffled_batches(count, size, seed=1):
    """A function of the epoch that gives its batches as arrays of example numbers."""
    def of_epoch(epoch):
        order = np.random.default_rng((seed, epoch)).permutation(count)
        return [order[i:i + size] for i in range(0, count, size)]
    return of_epoch


def safetensors(path):
    """The tensors of a safetensors file as float32 arrays, by name."""
    with open(path, "rb") as f:
        size, = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(size))
        body = f.read()
    out = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            out[name] = np.frombuffer(body[begin:end], np.float32).reshape(entry["shape"]).copy()
    return out


def adam(parameters, lr, l2=0.0):
    """torch's Adam, in the faster of its two forms; l2 spares biases (tensors of one dimension)."""
    parameters = list(parameters)
    groups = [{"params": [p for p in parameters if p.dim() > 1], "weight_decay": l2},
              {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0}]
    return torch.optim.Adam([g for g in groups if g["params"]], lr=lr, foreach=True)


def ids_of(path):
    """The external ids of a run's users.tsv or items.tsv, by row."""
    with open(path, encoding="utf-8") as f:
        ids = [line.rstrip("\n").split("\t")[0] for line in f]
    return ids[1:] if ids and ids[0] in ("id", "user", "item") else ids


def rows_of_run(path, ids):
    """Where partrain keeps each of our ids: an index for its tables."""
    at = {name: row for row, name in enumerate(ids_of(path))}
    return np.array([at[str(i)] for i in ids])
