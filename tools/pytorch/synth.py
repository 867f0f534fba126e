"""Rating files of the shape and the skew of a published set, for timing only: random, the same from one seed."""

import numpy as np


def triplets(users, items, ratings, seed=1, least=20):
    """(user, item, value): popularity falls as a power of the rank, activity is log-normal, no pair twice."""
    rng = np.random.default_rng(seed)
    least = min(least, max(1, ratings // users // 2))
    activity = rng.lognormal(0.0, 1.1, users)
    count = least + activity / activity.sum() * (ratings - least * users)
    count = np.minimum(np.floor(count).astype(np.int64), items // 2)
    popularity = (np.arange(items) + 10.0) ** -1.05
    cut = np.cumsum(popularity / popularity.sum())
    # More draws than needed make up for pairs drawn twice.
    drawn = (count * 1.5).astype(np.int64) + 20
    user = np.repeat(np.arange(users), drawn)
    item = np.searchsorted(cut, rng.random(len(user))).clip(max=items - 1)
    pair, first = np.unique(user * np.int64(items) + item, return_index=True)
    del item
    pair = pair[np.argsort(first)]
    user = pair // items
    # Of each user the first `count`: the popular ones are not favoured among them.
    order = np.argsort(user, kind="stable")
    pair, user = pair[order], user[order]
    start = np.searchsorted(user, np.arange(users))
    keep = np.arange(len(user)) - start[user] < count[user]
    pair = pair[keep]
    # Every item once, so that the catalogue has its size.
    have = np.zeros(items, bool)
    have[pair % items] = True
    rest = np.flatnonzero(~have)
    pair = np.concatenate([pair, rng.integers(0, users, len(rest)) * items + rest])
    value = rng.choice([1.0, 2.0, 3.0, 3.5, 4.0, 5.0], len(pair), p=[.06, .11, .2, .13, .35, .15]).astype(np.float32)
    return pair // items, pair % items, value
