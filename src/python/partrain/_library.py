"""libpartrain by ctypes: the structures and functions of partrain.h, and its errors as exceptions."""
from __future__ import annotations

import ctypes as c
import os
import pathlib
from typing import Any, Optional

_CODES = {-1: "PT_EUSAGE", -2: "PT_ECONFIG", -3: "PT_EDATA", -4: "PT_ENOMEM", -5: "PT_EDIVERGED", -6: "PT_EFILE",
          -7: "PT_EINTERRUPTED"}
USAGE, INTERRUPTED = -1, -7


class Error(Exception):
    """What libpartrain refuses or fails at. ``str(e)`` is one line: what, where, what to do.

    ``code`` is the number of enum pt_code (-3), ``name`` its name ("PT_EDATA").
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.name = _CODES.get(code, str(code))

    def __reduce__(self) -> tuple:
        return Error, (self.code, str(self))


class CError(c.Structure):
    _fields_ = [("code", c.c_int), ("text", c.c_char * 1024)]


class Ids(c.Structure):
    _fields_ = [("int32", c.c_void_p), ("int64", c.c_void_p), ("name", c.c_void_p), ("names", c.c_int64)]


class Ratings(c.Structure):
    _fields_ = [("n", c.c_int64), ("user", Ids), ("item", Ids), ("start", c.c_void_p), ("users", c.c_int64),
                ("value", c.c_void_p), ("value64", c.c_void_p), ("time", c.c_void_p)]


class Progress(c.Structure):
    _fields_ = [("epoch", c.c_int64), ("epochs", c.c_int64), ("loss", c.c_double), ("metric", c.c_char_p),
                ("valid", c.c_double), ("best_epoch", c.c_int64)]


PROGRESS = c.CFUNCTYPE(c.c_int, c.c_void_p, c.POINTER(Progress))
POLL = c.CFUNCTYPE(c.c_int, c.c_void_p)
MESSAGE = c.CFUNCTYPE(None, c.c_void_p, c.c_int, c.c_char_p)


class TrainOptions(c.Structure):
    _fields_ = [("folder", c.c_char_p), ("resume", c.c_int), ("progress", PROGRESS), ("arg", c.c_void_p),
                ("ratings", c.POINTER(Ratings)), ("model", c.POINTER(c.c_void_p)), ("poll", POLL),
                ("message", MESSAGE)]


class Result(c.Structure):
    _fields_ = [("epochs", c.c_int64), ("best_epoch", c.c_int64), ("metric", c.c_char * 32), ("valid", c.c_double),
                ("test", c.c_double), ("train_s", c.c_double), ("weights_hash", c.c_char * 33),
                ("model_hash", c.c_char * 33)]


class People(c.Structure):
    _fields_ = [("n", c.c_int64), ("start", c.c_void_p), ("item", c.c_void_p), ("rating", c.c_void_p),
                ("user", c.c_void_p), ("id", c.POINTER(Ids))]


class Choice(c.Structure):
    _fields_ = [("k", c.c_int), ("seen", c.c_int), ("hidden", c.c_void_p)]


class Figure(c.Structure):
    _fields_ = [("name", c.c_char * 32), ("value", c.c_double)]


class Evaluation(c.Structure):
    _fields_ = [("input", c.POINTER(Ratings)), ("held_out", c.POINTER(Ratings)), ("metrics", c.c_char_p),
                ("examples", c.c_int64), ("cells", c.c_int64), ("unknown", c.c_int64), ("n", c.c_int),
                ("figure", Figure * 64)]


_ERR, _P, _I = c.POINTER(CError), c.c_void_p, c.c_int64
_FALLIBLE = {  # all return a code and end with the error
    "pt_config_new": [c.POINTER(_P)],
    "pt_config_load": [_P, c.c_char_p],
    "pt_config_set": [_P, c.c_char_p],
    "pt_train": [_P, c.POINTER(TrainOptions), c.POINTER(Result)],
    "pt_model_open": [c.POINTER(_P), c.c_char_p, c.c_int],
    "pt_model_histories": [_P, c.POINTER(Ratings)],
    "pt_model_save": [_P, c.c_char_p],
    "pt_recommend_with": [_P, c.POINTER(People), c.POINTER(Choice), _P, _P],
    "pt_predict_pairs": [_P, c.POINTER(Ids), _P, _I, _P],
    "pt_similar": [_P, _P, _I, c.c_int, _P, _P],
    "pt_item_vectors": [_P, c.POINTER(_I), _P],
    "pt_evaluate": [_P, c.POINTER(Evaluation)],
    "pt_export_onnx": [_P, c.c_char_p],
}
_OTHERS = {
    "pt_version": (c.c_char_p, []),
    "pt_config_free": (None, [_P]),
    "pt_model_free": (None, [_P]),
    "pt_model_items": (_I, [_P]),
    "pt_model_users": (_I, [_P]),
    "pt_model_item_id": (c.c_char_p, [_P, _I]),
    "pt_model_item_title": (c.c_char_p, [_P, _I]),
    "pt_model_user_id": (c.c_char_p, [_P, _I]),
}


def _load() -> c.CDLL:
    said = os.environ.get("PARTRAIN_LIBRARY")
    beside = sorted(pathlib.Path(__file__).parent.glob("libpartrain.so*"))
    name = said or (str(beside[0]) if beside else "libpartrain.so.0")
    try:
        lib = c.CDLL(name)
    except OSError as e:
        raise ImportError(f"{e}; install partrain, or name the file in PARTRAIN_LIBRARY") from None
    for function, arguments in _FALLIBLE.items():
        getattr(lib, function).argtypes = [*arguments, _ERR]
        getattr(lib, function).restype = c.c_int
    for function, (result, arguments) in _OTHERS.items():
        getattr(lib, function).argtypes = arguments
        getattr(lib, function).restype = result
    return lib


lib = _load()


def call(function: str, *arguments: Any) -> None:
    """Calls a function that can fail, and raises what it says."""
    err = CError()
    rc = getattr(lib, function)(*arguments, c.byref(err))
    if rc < 0:
        raise Error(rc, err.text.decode("utf-8", "replace"))


def text(b: Optional[bytes]) -> Optional[str]:
    return None if b is None else b.decode("utf-8", "surrogateescape")
