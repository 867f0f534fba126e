"""Ratings and ids of Python's as the structures of partrain.h. Arrays are borrowed where their layout allows."""
from __future__ import annotations

import ctypes as c
import os
from typing import Any, Iterable, List, Optional, Tuple

import numpy as np

from . import _library as L

_NAMES = {  # words, an id behind user and item too; the first known one of a frame is taken
    "user": "user customer reviewer visitor member account client uid",
    "item": "item movie product book artist song track game article video business anime asin iid",
    "rating": "rating value ratings star_rating user_rating my_rating score scores stars overall label plays playcount "
              "play_count listen_count count clicks quantity hours_played watch_ratio weight",
    "time": "time timestamp unix_review_time date datetime ts created_at event_time",
}
NO_TIME = np.iinfo(np.int64).min


def encode_id(value: Any, what: str) -> bytes:
    """An id as partrain keeps it: UTF-8 text. Raises ValueError for what is none."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_)):
        return b"%d" % int(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    if not isinstance(value, str):
        raise ValueError(f"{what} id {value!r}: ids are whole numbers or strings")
    if not value or "\0" in value:
        raise ValueError(f"{what} id {value!r}: an id is not empty and has no zero byte")
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"{what} id {value!r}: it cannot be written in UTF-8") from None


def _plain(name: Any) -> str:
    return "".join(letter for letter in str(name).lower() if letter.isalnum())


def _columns(frame: Any) -> dict:
    """The names of user, item, rating and time, by the same rule as in a text. Raises ValueError in doubt."""
    at = {}
    for what, words in _NAMES.items():
        ends = ("", "id") if what in ("user", "item") else ("",)
        for word in [_plain(word) + end for word in words.split() for end in ends]:
            there = [name for name in frame.columns if _plain(name) == word]
            if len(there) > 1:
                raise ValueError(f"the DataFrame's columns {', '.join(map(str, there))} could be the {what}; "
                                 f"rename one to '{what}', or drop the others")
            if there:
                at[what] = there[0]
                break
        if what in ("user", "item") and what not in at:
            raise ValueError(f"the DataFrame has no column '{what}' (or {what}_id and the like); its columns: "
                             f"{', '.join(map(str, frame.columns))}; rename one to '{what}', or reset_index() if it is the index")
    rest = [str(name) for name, dtype in zip(frame.columns, frame.dtypes)
            if name not in at.values() and getattr(dtype, "kind", "O") in "iufb"
            and not _plain(name).endswith(("id", "index", "time", "unnamed0"))]
    if "rating" not in at and rest:
        raise ValueError(f"no column of the DataFrame is called a rating, and numbers stand in {', '.join(rest)}: "
                         "rename one to 'rating', or drop them (frame[['user', 'item']])")
    return at


def _is_pandas(x: Any) -> bool:
    return type(x).__module__.partition(".")[0] == "pandas"


class ArrayIds:
    """struct pt_ids with the arrays that it borrows; ``n`` ids."""

    def __init__(self, values: Any, what: str) -> None:
        self.what = what
        self.struct = L.Ids()
        categories = getattr(getattr(values, "dtype", None), "categories", None)
        if categories is not None:  # pandas: codes and names as they are
            codes = np.asarray(getattr(values, "cat", values).codes)
            if (codes < 0).any():
                raise ValueError(f"{what} ids: number {int((codes < 0).argmax())} is missing")
            self._set_names(np.ascontiguousarray(codes, np.int32), list(categories))
            return
        a = np.asarray(values)
        if a.ndim != 1:
            raise ValueError(f"{what} ids have {a.ndim} dimensions; one is needed")
        kind = a.dtype.kind
        if kind == "f":
            whole = np.isfinite(a) & (np.abs(a) < 2.0**53)
            whole[whole] = a[whole] == np.floor(a[whole])
            if not whole.all():
                i = int((~whole).argmax())
                raise ValueError(f"{what} ids: number {i} is {a[i]}; ids are whole numbers or strings")
            a = a.astype(np.int64)
        elif kind in "iu" and (kind == "i" or a.dtype.itemsize < 8 or not a.size or int(a.max()) < 2**63):
            a = np.ascontiguousarray(a, np.int32 if a.dtype == np.int32 else np.int64)
        elif kind in "uUSO":
            self._set_names(*_factorise(a.tolist()))
            return
        else:
            raise ValueError(f"{what} ids of type {a.dtype}; they are whole numbers or strings")
        self.n = len(a)
        self._numbers = a
        setattr(self.struct, "int32" if a.dtype == np.int32 else "int64", a.ctypes.data)

    def _set_names(self, codes: np.ndarray, names: List[Any]) -> None:
        encoded = [encode_id(name, self.what) for name in names]
        self.n = len(codes)
        self._numbers = codes
        self._names = (c.c_char_p * max(len(encoded), 1))(*encoded)
        self.struct.int32 = codes.ctypes.data
        self.struct.name = c.addressof(self._names)
        self.struct.names = len(encoded)


def _factorise(values: Iterable[Any]) -> Tuple[np.ndarray, List[Any]]:
    values = list(values)
    at: dict = {}
    # 1 and True are one key, and so are 1 and 1.0: types are part of it
    codes = np.fromiter((at.setdefault((type(v), v), len(at)) for v in values), np.int32, len(values))
    return codes, [v for _, v in at]


def _numbers(values: Any, n: int, what: str) -> np.ndarray:
    a = np.asarray(values)
    if a.ndim != 1 or len(a) != n:
        raise ValueError(f"{what}: shape {a.shape}, and there are {n} users and items")
    if a.dtype.kind not in "fiub":
        try:
            a = np.array([np.nan if v is None or str(v) == "<NA>" else float(v) for v in a.tolist()])
        except (TypeError, ValueError):
            raise ValueError(f"{what}: of type {np.asarray(values).dtype}; numbers are needed") from None
    return np.ascontiguousarray(a, a.dtype if a.dtype in (np.float32, np.float64) else np.float64)


def _times(values: Any, n: int) -> np.ndarray:
    if getattr(getattr(values, "dt", None), "tz", None) is not None:
        values = values.dt.tz_convert(None)
    a = np.asarray(values)
    if a.dtype.kind in "OUS" and any(hasattr(v, "year") or "-" in str(v)[1:] for v in a.ravel()[:1000].tolist()):
        try:  # dates of Python's, or their text
            a = np.array([None if v is None or v != v else v for v in a.tolist()], "datetime64[s]")
        except (TypeError, ValueError):
            raise ValueError("times: dates are needed, as datetime64, or in text as 2024-01-31 12:30:00") from None
    if a.dtype.kind == "M":
        a = a.astype("datetime64[s]").astype(np.int64)
    elif a.dtype.kind != "i":
        real = _numbers(a, n, "times")
        missing = np.isnan(real)
        if not (np.abs(real[~missing]) < 2.0**63).all():
            raise ValueError("times: seconds, or numbers of 64 bits, are needed")
        a = np.where(missing, 0, real).astype(np.int64)
        a[missing] = NO_TIME
    if a.shape != (n,):
        raise ValueError(f"times: shape {a.shape}, and there are {n} users and items")
    return np.ascontiguousarray(a, np.int64)


class ArrayRatings:
    """struct pt_ratings with the arrays that it borrows."""

    def __init__(self, ratings: Any) -> None:
        self.struct = L.Ratings()
        if hasattr(ratings, "tocsr"):
            self._from_matrix(ratings.tocsr())
        elif _is_pandas(ratings) and hasattr(ratings, "columns"):
            self._from_frame(ratings)
        elif is_path(ratings):
            raise TypeError(f"ratings: a path ({ratings!s}) is read by train() alone; without ratings the run's own "
                            "data.path is read, and a DataFrame, say of pandas.read_csv, is taken")
        elif isinstance(ratings, (tuple, list)) and 2 <= len(ratings) <= 4:
            self._from_arrays(*ratings)
        else:
            raise TypeError(f"ratings of type {type(ratings).__name__}: a path, a sparse matrix, a DataFrame, or a "
                            "tuple (users, items[, ratings[, times]]) is needed")

    def _from_arrays(self, users: Any, items: Any, values: Any = None, times: Any = None) -> None:
        self._user, self._item = ArrayIds(users, "user"), ArrayIds(items, "item")
        if self._user.n != self._item.n:
            raise ValueError(f"{self._user.n} users and {self._item.n} items; one of each a rating")
        self.struct.n = self._user.n
        self.struct.user, self.struct.item = self._user.struct, self._item.struct
        if values is not None:
            self._set_values(_numbers(values, self._user.n, "ratings"))
        if times is not None:
            self._time = _times(times, self._user.n)
            self.struct.time = self._time.ctypes.data

    def _set_values(self, values: np.ndarray) -> None:
        self._value = values
        setattr(self.struct, "value" if values.dtype == np.float32 else "value64", values.ctypes.data)

    def _from_frame(self, frame: Any) -> None:
        at = {what: frame[name] for what, name in _columns(frame).items()}
        self._from_arrays(at["user"], at["item"], at.get("rating"), at.get("time"))

    def _from_matrix(self, matrix: Any) -> None:
        if not matrix.has_canonical_format:  # repeated entries are summed, as everywhere in SciPy
            summed = matrix.copy()
            summed.sum_duplicates()
            matrix = summed if summed.nnz != matrix.nnz else matrix
        n = int(matrix.indptr[-1])
        self._start = np.ascontiguousarray(matrix.indptr, np.int64)
        self._item = ArrayIds(matrix.indices[:n], "item")
        self.struct.n, self.struct.users = n, matrix.shape[0]
        self.struct.start = self._start.ctypes.data
        self.struct.item = self._item.struct
        if np.iscomplexobj(matrix.data):
            raise ValueError("ratings: of complex numbers")
        self._set_values(_numbers(matrix.data[:n], n, "ratings"))


def is_path(x: Any) -> bool:
    return isinstance(x, (str, os.PathLike))


def pointer(ratings: Optional[ArrayRatings]) -> Any:
    return c.byref(ratings.struct) if ratings is not None else None


def as_ratings(x: Any) -> Optional[ArrayRatings]:
    """``x`` may be what ArrayRatings takes, one of them, or None."""
    return x if x is None or isinstance(x, ArrayRatings) else ArrayRatings(x)
