"""The arguments of the package implicit, for those who change over."""
from __future__ import annotations

from typing import Any, Optional, Tuple

import numpy as np

from ._model import Model
from ._train import train


class Recommender:
    """A model by the names that the package `implicit` has for training and use: users are rows of the matrix, items
    columns. ``kind`` is model.kind; ``settings`` are keys as for train(). ``model`` is the partrain.Model."""

    def __init__(self, kind: str = "ials", **settings: Any) -> None:
        self.settings = {"model__kind": kind, **settings}
        self.model: Optional[Model] = None

    def _need(self) -> Model:
        if self.model is None:
            raise ValueError("call fit() first")
        return self.model

    def fit(self, user_items: Any, show_progress: bool = True) -> "Recommender":
        """``user_items``: a sparse matrix (n users, n items). Raises Error, as train() does."""
        self.model = train(ratings=user_items, progress=show_progress, **self.settings)
        return self

    def recommend(self, userid: Any, user_items: Any = None, N: int = 10, filter_already_liked_items: bool = True,
                  filter_items: Any = None, recalculate_user: bool = False,
                  items: Any = None) -> Tuple[np.ndarray, np.ndarray]:
        """Ids (N,) and scores (N,) of one user, (n, N) of an array of users. With ``recalculate_user`` by the rows of
        ``user_items``, else by the ratings of fit(), which ``user_items`` does not change."""
        who = {"histories": user_items} if recalculate_user else {"users": userid}
        ids, scores = self._need().recommend(k=N, allow=items, deny=filter_items, seen=not filter_already_liked_items,
                                             **who)
        return (ids[0], scores[0]) if recalculate_user and np.ndim(userid) == 0 else (ids, scores)

    def similar_items(self, itemid: Any, N: int = 10) -> Tuple[np.ndarray, np.ndarray]:
        """Ids (N,) and cosines (N,): the item itself first, as in implicit; (n, N) of an array of items."""
        model, of = self._need(), np.atleast_1d(itemid)
        ids, scores = of[:, None], np.ones((len(of), 1), np.float32)
        if N > 1:
            near, cosines = model.similar(of, N - 1)
            ids, scores = np.hstack([ids, near]), np.hstack([scores, cosines])
        return (ids[0], scores[0]) if np.ndim(itemid) == 0 else (ids, scores)
