"""Ranking held-out users as the published notebooks do: scores of a batch by PyTorch, seen items to -inf, the best
100 by NumPy's argpartition, then NDCG@100 and Recall@50 (hits over min(k, held-out))."""

import time

import numpy as np
import torch

from common import dense


def ndcg(scores_index, scores_value, held, counts, k):
    """scores_index (n, k): the k best items, in no order; held: (n, items) 0/1, dense bool."""
    order = np.argsort(-scores_value, axis=1)
    best = np.take_along_axis(scores_index, order, axis=1)
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    hits = np.take_along_axis(held, best, axis=1)
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.clip(counts, 1, k)]
    return (hits * discount).sum(axis=1) / ideal


def recall(scores_index, held, counts, k):
    return np.take_along_axis(held, scores_index, axis=1).sum(axis=1) / np.clip(counts, 1, k)


def run(model, fold_in, held_out, batch=500):
    """fold_in, held_out: Rows of the same users. Returns the seconds and the two means."""
    users, items = fold_in.rows, fold_in.cols
    all_ndcg, all_recall = [], []
    begin = time.perf_counter()
    with torch.no_grad():
        for i in range(0, users, batch):
            rows = np.arange(i, min(i + batch, users))
            cols, _, offset, counts = fold_in.batch(rows)
            flat = fold_in.flat(cols, counts)
            value = torch.repeat_interleave(counts.float().clamp(min=1).rsqrt(), counts)
            mu, _ = model.encode(cols, value, offset, counts, flat)
            scores = model.decode(mu)
            scores.view(-1)[flat] = -torch.inf
            scores = scores.numpy()
            cols, _, _, counts = held_out.batch(rows)
            counts = counts.numpy()
            held = dense(held_out.flat(cols, torch.from_numpy(counts)), torch.ones(len(cols)), len(rows), items)
            held = held.numpy() > 0
            scored = counts > 0
            # The best 100 and, among them only, the best 50: one partition of the long rows.
            best = np.argpartition(-scores, 100, axis=1)[:, :100]
            value100 = np.take_along_axis(scores, best, axis=1)
            all_ndcg.append(ndcg(best, value100, held, counts, 100)[scored])
            inner = np.argpartition(-value100, 50, axis=1)[:, :50]
            best50 = np.take_along_axis(best, inner, axis=1)
            all_recall.append(recall(best50, held, counts, 50)[scored])
    seconds = time.perf_counter() - begin
    return {"seconds": seconds, "users": users, "ndcg@100": float(np.concatenate(all_ndcg).mean()),
            "recall@50": float(np.concatenate(all_recall).mean())}
