"""AutoRec: h = act(V x + mu), y = W h + b, loss = 1/2 the sum of squared errors over observed cells.

Forms of the same mathematics:
  dense     the batch as a dense matrix through nn.Linear: two full matrix products a layer
  bag       the input layer as a weighted sum of embedding rows (EmbeddingBag), the output dense
A data set whose dense form is below `small` bytes is made dense once, outside the loop; of a larger one a batch is, and
the output is picked at the observed cells.
"""

import numpy as np
import torch
import torch.nn.functional as F

from common import Rows, adam, dense, shuffled_batches, timed_epochs


def make_rows(ratings, side):
    if side == "item":
        return Rows(ratings.item, ratings.user, ratings.value, ratings.items, ratings.users)
    return Rows(ratings.user, ratings.item, ratings.value, ratings.users, ratings.items)


def initial(cols, hidden, given=None):
    """V (cols, hidden), mu (hidden), W (cols, hidden), b (cols): Glorot uniform weights, or those that are given."""
    if given is None:
        bound = np.sqrt(6.0 / (cols + hidden))
        V, W = ((torch.rand(cols, hidden) * 2 - 1) * bound for _ in range(2))
        return V, torch.zeros(hidden), W, torch.zeros(cols)
    return tuple(torch.from_numpy(given[k]) for k in ("V", "mu", "W", "b"))


def train(ratings, side, form, hidden=500, batch=256, lr=1e-3, l2=0.0, epochs=3, limit_s=None, given=None,
          small=512 << 20):
    rows = make_rows(ratings, side)
    V, mu, W, b = initial(rows.cols, hidden, given)
    # F.linear wants (out, in): the input layer is kept so in the dense form, by column in the other.
    V = torch.nn.Parameter(V.t().contiguous() if form == "dense" else V.contiguous())
    mu, W, b = (torch.nn.Parameter(t) for t in (mu, W, b))
    optimizer = adam((V, mu, W, b), lr, l2)

    x_all = mask_all = None
    if rows.rows * rows.cols * 4 <= small:
        cols, value, _, counts = rows.batch(np.arange(rows.rows))
        flat = rows.flat(cols, counts)
        x_all = dense(flat, value, rows.rows, rows.cols)
        mask_all = dense(flat, torch.ones_like(value), rows.rows, rows.cols)

    def forward(examples):
        index = torch.from_numpy(examples)
        cols, value, offset, counts = rows.batch(examples) if form == "bag" or x_all is None else [None] * 4
        flat = rows.flat(cols, counts) if x_all is None else None
        if form == "bag":
            z = F.embedding_bag(cols, V, offset, mode="sum", per_sample_weights=value) + mu
        else:
            z = F.linear(x_all[index] if x_all is not None else dense(flat, value, len(examples), rows.cols), V, mu)
        y = F.linear(torch.sigmoid(z), W, b)
        if x_all is None:
            return 0.5 * F.mse_loss(y.view(-1)[flat], value, reduction="sum")
        # x is zero outside the mask, so the masked error is one product and one fused loss.
        return 0.5 * F.mse_loss(y * mask_all[index], x_all[index], reduction="sum")

    def step(examples):
        loss = forward(examples)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.detach()

    result = timed_epochs(step, shuffled_batches(rows.rows, batch), epochs, limit_s)
    result.update(examples=rows.rows, cells=len(rows.value))
    return result
