"""Multi-VAE (Liang et al. 2018): tanh MLP encoder and decoder around a Gaussian latent, multinomial likelihood.

Forms of the same mathematics (the input's dropout is drawn for the clicks only, in both: a draw for every cell of
the dense matrix would cost more than the products):
  dense   the batch as a dense matrix through nn.Linear
  bag     the input layer as a weighted sum of embedding rows
"""

import numpy as np
import torch
import torch.nn.functional as F

from common import Rows, adam, dense, shuffled_batches, timed_epochs


def make_rows(ratings, min_rating=None, min_count=0):
    keep = np.ones(len(ratings.value), bool) if min_rating is None else ratings.value >= min_rating
    user, item = ratings.user[keep], ratings.item[keep]
    count = np.bincount(user, minlength=ratings.users)
    keep = count[user] >= min_count
    user, item = user[keep], item[keep]
    users, row = np.unique(user, return_inverse=True)
    items, col = np.unique(item, return_inverse=True)
    rows = Rows(row, col, np.ones(len(row), np.float32), len(users), len(items))
    rows.user_ids, rows.item_ids = ratings.user_ids[users], ratings.item_ids[items]
    return rows


class MultiVae(torch.nn.Module):
    def __init__(self, items, hidden, latent, form):
        super().__init__()
        self.form, self.latent = form, latent
        self.encode1 = torch.nn.Linear(items, hidden)
        self.encode2 = torch.nn.Linear(hidden, 2 * latent)
        self.decode1 = torch.nn.Linear(latent, hidden)
        self.decode2 = torch.nn.Linear(hidden, items)
        for layer in (self.encode1, self.encode2, self.decode1, self.decode2):
            torch.nn.init.xavier_uniform_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
        if form == "bag":
            # By column, so that a click takes one contiguous row.
            self.encode1.weight = torch.nn.Parameter(self.encode1.weight.detach().t().contiguous())

    def encode(self, cols, value, offset, counts, flat):
        if self.form == "bag":
            z = F.embedding_bag(cols, self.encode1.weight, offset, mode="sum", per_sample_weights=value)
            h = torch.tanh(z + self.encode1.bias)
        else:
            x = dense(flat, value, len(counts), self.encode1.in_features)
            h = torch.tanh(self.encode1(x))
        return self.encode2(h).split(self.latent, dim=1)

    def decode(self, z):
        return self.decode2(torch.tanh(self.decode1(z)))


def click_loss(logits, flat):
    """Sum over the batch of - sum over clicks of log softmax. Picking the clicks out took 17 ms at 500 x 20,108,
    forward and backward; a product with the dense clicks 38, cross_entropy with them as probabilities 23."""
    return -F.log_softmax(logits, dim=1).view(-1)[flat].sum()


def train(rows, form, hidden=600, latent=200, batch=500, lr=1e-3, input_dropout=0.5, hidden_dropout=0.0, noise_std=1.0,
          kl_weight=0.2, kl_anneal_steps=200000, epochs=2, limit_s=None, given=None, autocast=False):
    """autocast: products in bf16, as PyTorch chooses them; the loss is of floats."""
    model = MultiVae(rows.cols, hidden, latent, form)
    if given is not None:
        load(model, given)
    optimizer = adam(model.parameters(), lr)
    keep = 1.0 - input_dropout
    steps = [0]

    def step(examples):
        cols, _, offset, counts = rows.batch(examples)
        flat = rows.flat(cols, counts)
        scale = counts.float().clamp(min=1).rsqrt()
        value = torch.repeat_interleave(scale, counts)
        if input_dropout > 0:
            value = value * (torch.rand(len(value)) < keep) / keep
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            mu, logvar = model.encode(cols, value, offset, counts, flat)
            z = mu + torch.randn_like(mu) * noise_std * torch.exp(0.5 * logvar) if noise_std > 0 else mu
            h = torch.tanh(model.decode1(z))
            if hidden_dropout > 0:
                h = F.dropout(h, hidden_dropout)
            logits = model.decode2(h)
        mu, logvar = mu.float(), logvar.float()
        clicks = click_loss(logits.float(), flat)
        kl = 0.5 * (logvar.exp() + mu.square() - logvar - 1).sum()
        weight = min(kl_weight, steps[0] / kl_anneal_steps) if kl_anneal_steps else kl_weight
        steps[0] += 1
        loss = (clicks + weight * kl) / len(examples)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.detach() * len(examples)

    result = timed_epochs(step, shuffled_batches(rows.rows, batch), epochs, limit_s)
    result.update(examples=rows.rows, cells=len(rows.value))
    return result


def from_tensors(tensors, columns):
    """A run's weights by the names here; `columns`: their rows in the order of the items here."""
    return {"encode1.weight": tensors["encoder.weight"][columns].T.copy(), "encode1.bias": tensors["encoder.bias"],
            "encode2.weight": tensors["inference.0.weight"], "encode2.bias": tensors["inference.0.bias"],
            "decode1.weight": tensors["generator.0.weight"], "decode1.bias": tensors["generator.0.bias"],
            "decode2.weight": tensors["decoder.weight"][columns], "decode2.bias": tensors["decoder.bias"][columns]}


def load(model, given):
    """Puts arrays by name (encode1.weight (out, in), encode1.bias, ...) into the model."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            value = torch.from_numpy(given[name])
            if model.form == "bag" and name == "encode1.weight":
                value = value.t()
            parameter.copy_(value)
