"""Whether both sides compute the same loss: the weights of a run of partrain (one step at step size 0, all examples
in one minibatch, neither dropout nor noise) are put into each form here, and the loss of the same examples is printed."""

import os

import autorec
import mf
import multivae
from common import Ratings, rows_of_run, safetensors


def losses(work, data, run, side="item", l2=0.0, min_rating=None, min_count=0):
    """{form: loss} of the forms of a work, from the weights in the folder `run`."""
    tensors = safetensors(os.path.join(run, "model.safetensors"))
    ratings = Ratings(data)
    at = {"user": lambda ids: rows_of_run(os.path.join(run, "users.tsv"), ids),
          "item": lambda ids: rows_of_run(os.path.join(run, "items.tsv"), ids)}
    out = {}
    if work == "autorec":
        columns = at["user"](ratings.user_ids) if side == "item" else at["item"](ratings.item_ids)
        given = {"V": tensors["encoder.weight"][columns], "mu": tensors["encoder.bias"],
                 "W": tensors["decoder.weight"][columns], "b": tensors["decoder.bias"][columns]}
        for form in ("dense", "bag"):
            for small in (512 << 20, 0):
                result = autorec.train(ratings, side, form, batch=1 << 30, lr=0.0, l2=l2, epochs=0, given=given,
                                       small=small)
                out[form if small else form + ", picked"] = result["first_loss"]
    elif work == "multivae":
        rows = multivae.make_rows(ratings, min_rating, min_count)
        columns = at["item"](rows.item_ids)
        given = multivae.from_tensors(tensors, columns)
        for form in ("dense", "bag"):
            result = multivae.train(rows, form, batch=1 << 30, lr=0.0, input_dropout=0.0, noise_std=0.0,
                                    kl_anneal_steps=0, epochs=0, given=given)
            out[form] = result["first_loss"] / rows.rows
    else:
        user, item = at["user"](ratings.user_ids), at["item"](ratings.item_ids)
        given = {"P": tensors["user.weight"][user], "Q": tensors["item.weight"][item],
                 "bu": tensors["user.bias"][user], "bi": tensors["item.bias"][item]}
        for form in ("modules", "packed"):
            result = mf.train(ratings, form, factors=given["P"].shape[1], batch=1 << 30, lr=0.0, epochs=0, given=given)
            out[form] = result["first_loss"] / len(ratings.value)
    return out
