"""The best k items of every user, as a service lists them: scores of a batch by PyTorch with the weights of a run of
partrain, what a user knows to -inf, then the selection. Its forms, all of which give the same lists:
  batch   NumPy's argpartition of a batch's scores, as the published notebooks do
  rows    the same a row at a time, whose numbers then stay in cache
  topk    torch.topk, which shares the rows among the threads
"""

import os
import time

import numpy as np
import pandas as pd
import torch

import multivae
from common import rows_of_run, safetensors


def argpartition(scores, k):
    n = scores.shape[-1]
    return np.argpartition(scores, n - k, axis=-1)[..., n - k:]  # from the end: no negated copy of the long rows


def best(scores, k, select):
    """Columns and scores of the k best of each row, best first."""
    if select == "topk":
        value, index = torch.topk(scores, k, dim=1)
        return index.numpy(), value.numpy()
    scores = scores.numpy()
    index = argpartition(scores, k) if select == "batch" else np.stack([argpartition(row, k) for row in scores])
    value = np.take_along_axis(scores, index, axis=1)
    order = np.argsort(-value, axis=1)
    return np.take_along_axis(index, order, axis=1), np.take_along_axis(value, order, axis=1)


def lists(model, rows, k, select, batch=500):
    """(users, k) columns and scores of all users."""
    index, value = [], []
    with torch.no_grad():
        for i in range(0, rows.rows, batch):
            cols, _, offset, counts = rows.batch(np.arange(i, min(i + batch, rows.rows)))
            flat = rows.flat(cols, counts)
            weight = torch.repeat_interleave(counts.float().clamp(min=1).rsqrt(), counts)
            mu, _ = model.encode(cols, weight, offset, counts, flat)
            scores = model.decode(mu)
            scores.view(-1)[flat] = -torch.inf
            found = best(scores, k, select)
            index.append(found[0])
            value.append(found[1])
    return np.concatenate(index), np.concatenate(value)


def model_of_run(run, rows, form):
    model = multivae.MultiVae(rows.cols, 600, 200, form)
    columns = rows_of_run(os.path.join(run, "items.tsv"), rows.item_ids)
    multivae.load(model, multivae.from_tensors(safetensors(os.path.join(run, "model.safetensors")), columns))
    return model


def seconds(rows, run, form, select, k, epochs):
    """Of each of `epochs` passes over all users, after one to warm up."""
    model, out = model_of_run(run, rows, form), []
    for _ in range(epochs + 1):
        begin = time.perf_counter()
        lists(model, rows, k, select)
        out.append(time.perf_counter() - begin)
    return out[1:]


def compare(rows, run, form, select, k, ours):
    """partrain's lines (user, rank, item, score) against the lists here: how many places hold another item, and how
    many of these are more than ties. A tie: within 1e-5 of the largest score."""
    index, value = lists(model_of_run(run, rows, form), rows, k, select)
    table = pd.read_csv(ours, sep="\t", header=None, usecols=[0, 1, 2, 3], names=["user", "rank", "item", "score"])
    row = pd.Index(rows.user_ids).get_indexer(table["user"])
    col = pd.Index(rows.item_ids).get_indexer(table["item"])
    place = table["rank"].to_numpy() - 1
    if len(table) != rows.rows * k or min(row.min(), col.min()) < 0:
        return {"lines": len(table), "moved": None, "wrong": len(table)}
    tie, score = 1e-5 * np.abs(value).max(), table["score"].to_numpy()
    moved = index[row, place] != col
    wrong = np.abs(value[row, place] - score) > tie
    for i in np.flatnonzero(moved):  # the item's own score here; one that is in no list here ties with the last that is
        at = np.flatnonzero(index[row[i]] == col[i])
        wrong[i] |= abs(value[row[i], at[0] if len(at) else -1] - score[i]) > tie
    return {"lines": len(table), "moved": int(moved.sum()), "wrong": int(wrong.sum())}
