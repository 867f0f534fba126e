"""Matrix factorisation with biases: y = p_u . q_i + b_u + b_i, mean squared error, dense Adam.

Forms of the same mathematics. At 64 ratings a step the calls cost more than the arithmetic, so fewer calls win:
  modules   four nn.Embedding, as a tutorial writes it
  packed    users and items in one table, the bias as its last column: one look-up, one parameter for Adam
"""

import numpy as np
import torch
import torch.nn.functional as F

from common import timed_epochs


def train(ratings, form, factors=50, batch=64, lr=5e-3, l2=0.0, epochs=3, given=None):
    users, items = ratings.users, ratings.items
    ids = torch.from_numpy(np.stack([ratings.user, ratings.item], axis=1))
    value = torch.from_numpy(ratings.value)
    start = [torch.randn(n, factors) * 0.1 for n in (users, items)] + [torch.zeros(n) for n in (users, items)]
    if given is not None:
        start = [torch.from_numpy(given[k]) for k in ("P", "Q", "bu", "bi")]
    if form == "packed":
        table = torch.cat([torch.cat([start[0], start[1]]), torch.cat([start[2], start[3]])[:, None]], dim=1)
        parameters = [torch.nn.Parameter(table)]
        ids = ids + torch.tensor([0, users])

        def predict(pair):
            rows = F.embedding(pair, parameters[0])
            dot = torch.bmm(rows[:, 0:1, :factors], rows[:, 1:2, :factors].transpose(1, 2)).view(-1)
            return dot + rows[:, :, factors].sum(1)
    else:
        parameters = [torch.nn.Parameter(t if t.dim() > 1 else t[:, None]) for t in start]
        P, Q, bu, bi = parameters

        def predict(pair):
            u, i = pair[:, 0], pair[:, 1]
            dot = (F.embedding(u, P) * F.embedding(i, Q)).sum(1)
            return dot + F.embedding(u, bu)[:, 0] + F.embedding(i, bi)[:, 0]
    optimizer = torch.optim.Adam(parameters, lr=lr, weight_decay=l2, foreach=True)

    def batches(epoch):
        """One gather an epoch puts the ratings in its order; a batch is then a view."""
        order = torch.from_numpy(np.random.default_rng((1, epoch)).permutation(len(value)))
        return list(zip(ids[order].split(batch), value[order].split(batch)))

    def step(part):
        pair, target = part
        loss = F.mse_loss(predict(pair), target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.detach() * len(target)

    result = timed_epochs(step, batches, epochs)
    result.update(examples=len(value), cells=len(value))
    return result
