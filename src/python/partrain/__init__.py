"""partrain: recommender models trained in C, from Python. docs/python.md is the introduction.

    model = partrain.train({"model.kind": "ials"}, ratings)     # a DataFrame, a sparse matrix, arrays, a path
    items, scores = model.recommend(users, k=10)
    near, cosines = model.similar(items[0], k=5)
"""
from __future__ import annotations

from ._library import Error, lib as _lib
from ._model import Model
from ._recommender import Recommender
from ._train import Progress, Result, train

__all__ = ["Error", "Model", "Progress", "Recommender", "Result", "train"]
__version__: str = _lib.pt_version().decode()
