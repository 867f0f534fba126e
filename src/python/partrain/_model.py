"""A trained model at work."""
from __future__ import annotations

import concurrent.futures
import ctypes as c
import functools
import os
import weakref
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from . import _library as L
from ._ratings import ArrayIds, ArrayRatings, as_ratings, encode_id, pointer

if TYPE_CHECKING:
    from ._train import Result


def wait(job: "concurrent.futures.Future[Any]", stop: Callable[[], Any] = lambda: None) -> Any:
    """The job's result. Ctrl-C calls ``stop`` and is raised when the job has ended: until then it has our arrays."""
    interrupted = False
    while True:
        try:
            result = job.result()
            break
        except KeyboardInterrupt:
            interrupted = True
            stop()
        except BaseException:
            if interrupted:
                raise KeyboardInterrupt from None
            raise
    if interrupted:
        raise KeyboardInterrupt
    return result


class Worker:
    """The thread of a model: libpartrain's worker threads belong to the thread that made them, which is bound to a
    processor. So any thread of Python may use a model, and none is changed by it."""

    def __init__(self) -> None:
        self._pool = concurrent.futures.ThreadPoolExecutor(1, "partrain")

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "concurrent.futures.Future[Any]":
        return self._pool.submit(function, *arguments)

    def call(self, function: str, *arguments: Any) -> None:
        wait(self.submit(L.call, function, *arguments))

    def close(self) -> None:
        self._pool.shutdown(wait=False)

    def free(self, handle: c.c_void_p) -> None:
        try:
            self._pool.submit(L.lib.pt_model_free, handle)
            self.close()
        except RuntimeError:  # the interpreter ends, and its threads have ended
            L.lib.pt_model_free(handle)


def _ids_of(texts: List[Any]) -> np.ndarray:
    """int64 where all are whole numbers, else strings (object)."""
    try:
        numbers = [int(t) for t in texts]
        if all(str(n) == t for n, t in zip(numbers, texts)):
            return np.array(numbers, np.int64)
    except (ValueError, OverflowError):
        pass
    return np.array(texts, object)


def _checked(numbers: Any, what: str, n: int) -> np.ndarray:
    """(n,) int64. Raises ValueError for a number that is none of ``n``."""
    a = np.asarray(numbers, np.int64).reshape(-1)
    if a.size and not (0 <= a.min() and a.max() < n):
        raise ValueError(f"{what} numbers go from 0 to {n - 1}")
    return a


def _is_scalar(x: Any) -> bool:
    return isinstance(x, (str, bytes)) or np.ndim(x) == 0


class Model:
    """A trained model. ``Model.open(folder)`` opens a run's; ``partrain.train`` returns one. Close it with ``close()``
    or ``with``; else it ends with the last reference. Any thread may use it; calls take turns.

    Ids are external ones: int64 where all ids of the training are whole numbers, else str. With ``numbers=True`` items
    and users go in and come out as row numbers of the model instead: ``items[number]`` is the id.
    """

    result: "Optional[Result]" = None  # of partrain.train

    def __init__(self, worker: Worker, handle: c.c_void_p, ratings: Optional[ArrayRatings]) -> None:
        self._worker, self._handle, self._ratings = worker, handle, ratings
        self._placed = ratings is None  # whether the library has the histories, or finds them by itself
        self._end = weakref.finalize(self, worker.free, handle)

    @classmethod
    def open(cls, folder: Union[str, "os.PathLike[str]"], ratings: Any = None, threads: int = 0) -> "Model":
        """The model of a run's folder. ``ratings``: what its users are known by, as for train(); None: the run's
        data.path, read when it is first needed. ``threads`` 0: as in training. Raises Error."""
        held, worker, handle = as_ratings(ratings), Worker(), c.c_void_p()
        try:
            worker.call("pt_model_open", c.byref(handle), os.fsencode(folder), threads)
        except BaseException:
            worker.close()
            raise
        return cls(worker, handle, held)

    def close(self) -> None:
        """Frees the model. What it returned stays."""
        self._end()

    def __enter__(self) -> "Model":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _call(self, function: str, *arguments: Any) -> None:
        if not self._end.alive:
            raise ValueError("the model is closed")
        self._worker.call(function, self._handle, *arguments)

    # ---- ids

    def _texts(self, of: str, what: str = "id") -> List[Optional[str]]:
        if not self._end.alive:
            raise ValueError("the model is closed")
        name, n = getattr(L.lib, f"pt_model_{of}_{what}"), getattr(L.lib, f"pt_model_{of}s")(self._handle)
        return [L.text(name(self._handle, i)) for i in range(n)]

    @functools.cached_property
    def items(self) -> np.ndarray:
        """External ids of the items by number (n items,): int64 or str."""
        return _ids_of(self._texts("item"))

    @functools.cached_property
    def users(self) -> np.ndarray:
        """External ids of the users by number (n users,): int64 or str."""
        return _ids_of(self._texts("user"))

    @property
    def titles(self) -> np.ndarray:
        """Titles of the items by number (n items,); None where there is none."""
        return np.array(self._texts("item", "title"), object)

    @functools.cached_property
    def _number(self) -> Dict[bytes, int]:
        return {encode_id(t, "item"): i for i, t in enumerate(self.items)}

    def _item_numbers(self, items: Any, numbers: bool) -> np.ndarray:
        """(n,) int32. Raises ValueError for an item that the model does not have."""
        items = [items] if _is_scalar(items) else items
        if numbers:
            return _checked(items, "item", len(self.items)).astype(np.int32)
        found = [self._number.get(encode_id(i, "item"), -1) for i in np.asarray(items, object).reshape(-1).tolist()]
        if -1 in found:
            raise ValueError(f"item {list(items)[found.index(-1)]!r}: the model does not have it")
        return np.array(found, np.int32)

    def _user_ids(self, users: Any, numbers: bool) -> ArrayIds:
        users = [users] if _is_scalar(users) else users
        if numbers:
            users = self.users[_checked(users, "user", len(self.users))]
        return ArrayIds(users, "user")

    def _named(self, numbers_of: np.ndarray, numbers: bool) -> np.ndarray:
        if numbers:
            return numbers_of
        missing = numbers_of < 0
        ids = self.items[np.where(missing, 0, numbers_of)]
        ids[missing] = -1 if ids.dtype == np.int64 else None
        return ids

    # ---- use

    def _need_histories(self) -> None:
        if not self._placed and self._ratings is not None:
            self._call("pt_model_histories", pointer(self._ratings))
            self._placed = True

    def _histories(self, histories: Any, numbers: bool) -> Tuple[L.People, list]:
        """The structure, and what it borrows."""
        if hasattr(histories, "tocsr"):
            m = histories.tocsr()
            start, items, values = m.indptr, self._item_numbers(m.indices, numbers), m.data
        else:
            histories = list(histories)
            if any(isinstance(h, (str, bytes)) or not hasattr(h, "__iter__") for h in histories):
                raise ValueError("histories: a list of items, or a dict {item: rating}, for each person; of one person "
                                 "histories=[items]")
            rows = [list(h.items()) if isinstance(h, dict) else [(i, 1) for i in h] for h in histories]
            rated = {isinstance(h, dict) for h in histories}
            if len(rated) > 1:
                raise ValueError("histories with ratings (dicts) and without: give all of one kind")
            start = np.cumsum([0] + [len(r) for r in rows])
            items = self._item_numbers([i for r in rows for i, _ in r], numbers)
            values = np.array([v for r in rows for _, v in r], float) if True in rated else None
        kept = [np.ascontiguousarray(start, np.int64), items]
        people = L.People(n=len(start) - 1, start=kept[0].ctypes.data, item=items.ctypes.data)
        if values is not None:
            kept.append(np.ascontiguousarray(values, np.float32))
            people.rating = kept[2].ctypes.data
        return people, kept

    def recommend(self, users: Any = None, k: int = 10, *, histories: Any = None, allow: Any = None,
                  deny: Any = None, seen: bool = False, numbers: bool = False) -> Tuple[np.ndarray, np.ndarray]:
        """The ``k`` best items of each user, best first: items (n, k) and scores (n, k) float32.

        users: ids (n,), or one id, which gives (k,). They are known by all their ratings: those of train() or
            Model.open(). None: ``histories`` of people who need not be users: a list with the items of each, or for
            models of ratings a dict {item: rating} of each; or a sparse matrix (n people, item ids).
        allow, deny: only these items; never these. seen: recommend rated items too.

        Scores are predicted ratings, or logits before the softmax. A row with fewer than k items ends with -1 (or
        None, where ids are str) and NaN. Raises Error for an unknown user, ValueError for an unknown item.
        """
        if (users is None) == (histories is None):
            raise ValueError("give users or histories")
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k < 2**29:
            raise ValueError(f"k is {k!r}; a whole number of at least 1 is needed")
        if users is not None:
            ids = self._user_ids(users, numbers)
            people, kept = L.People(n=ids.n, id=c.pointer(ids.struct)), [ids]
            self._need_histories()
        else:
            people, kept = self._histories(histories, numbers)
        choice, n = L.Choice(k=k, seen=bool(seen)), people.n
        if allow is not None or deny is not None:
            hidden = np.zeros(len(self.items), np.uint8)
            if allow is not None:
                hidden[:] = 1
                hidden[self._item_numbers(allow, numbers)] = 0
            if deny is not None:
                hidden[self._item_numbers(deny, numbers)] = 1
            kept.append(hidden)
            choice.hidden = hidden.ctypes.data
        best, scores = np.empty((n, k), np.int32), np.empty((n, k), np.float32)
        self._call("pt_recommend_with", c.byref(people), c.byref(choice), best.ctypes.data, scores.ctypes.data)
        del kept
        best = self._named(best, numbers)
        return (best[0], scores[0]) if users is not None and _is_scalar(users) else (best, scores)

    def similar(self, items: Any, k: int = 10, *, numbers: bool = False) -> Tuple[np.ndarray, np.ndarray]:
        """The ``k`` nearest other items of each item, nearest first: items (n, k) and cosines (n, k) float32; of one
        id (k,) each. Rows end as in recommend(). Raises Error for item-based AutoRec, which has no item vectors."""
        of = self._item_numbers(items, numbers)
        near, scores = np.empty((len(of), k), np.int32), np.empty((len(of), k), np.float32)
        self._call("pt_similar", of.ctypes.data, len(of), k, near.ctypes.data, scores.ctypes.data)
        near = self._named(near, numbers)
        return (near[0], scores[0]) if _is_scalar(items) else (near, scores)

    def predict(self, users: Any, items: Any, *, numbers: bool = False) -> np.ndarray:
        """Ratings (n,) float32 that a model of ratings predicts for pairs of users (n,) and items (n,). NaN where
        neither was trained on. Raises Error for models that rank, ValueError for an unknown item."""
        ids, of = self._user_ids(users, numbers), self._item_numbers(items, numbers)
        if ids.n != len(of):
            raise ValueError(f"{ids.n} users and {len(of)} items; one of each a pair")
        self._need_histories()
        out = np.empty(len(of), np.float32)
        self._call("pt_predict_pairs", c.byref(ids.struct), of.ctypes.data, len(of), out.ctypes.data)
        return out[0] if _is_scalar(users) and _is_scalar(items) else out

    def evaluate(self, ratings: Any = None, *, histories: Any = None,
                 metrics: Union[str, Sequence[str], None] = None) -> Dict[str, float]:
        """Figures by name of metric (docs/metrics.md), of held-out ``ratings`` (as for train(), no path): all but those
        that the model was trained on; the input is all else that ``histories`` have. None: of the test part of
        ``histories``. Without ``histories`` the ratings of train() or open(), else the run's data.path, are taken.
        ``metrics``: "ndcg@10,recall@20" or a list; None: the run's eval.metrics. Raises Error."""
        held_out = as_ratings(ratings)
        known = as_ratings(histories) or self._ratings
        e = L.Evaluation()
        if known is not None:
            e.input = c.pointer(known.struct)
        if held_out is not None:
            e.held_out = c.pointer(held_out.struct)
        if metrics is not None:
            e.metrics = (metrics if isinstance(metrics, str) else ",".join(metrics)).encode()
        self._call("pt_evaluate", c.byref(e))
        return {f.name.decode(): f.value for f in e.figure[: e.n]}

    @property
    def item_vectors(self) -> np.ndarray:
        """The model's own vectors of items (n items, length) float32 by number, scaled to length 1; zeros: nothing was
        learned of the item. similar() is their cosine. Raises Error for item-based AutoRec, which has none."""
        length = c.c_int64()
        self._call("pt_item_vectors", c.byref(length), None)
        out = np.empty((len(self.items), length.value), np.float32)
        self._call("pt_item_vectors", c.byref(length), out.ctypes.data)
        return out

    def export(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """The model as an ONNX file (docs/export.md). Raises Error."""
        self._call("pt_export_onnx", os.fsencode(path))

    def save(self, folder: Union[str, "os.PathLike[str]"]) -> None:
        """The run's files into another folder, which must have no run: for Model.open and the program. Raises Error."""
        self._call("pt_model_save", os.fsencode(folder))
