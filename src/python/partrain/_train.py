"""Training: a configuration and ratings become a model."""
from __future__ import annotations

import ctypes as c
import logging
import os
import sys
import threading
from dataclasses import dataclass
from typing import Any, Callable, Iterator, List, Mapping, Optional, Tuple, Union

from . import _library as L
from ._model import Model, Worker, wait
from ._ratings import ArrayRatings, as_ratings, is_path

log = logging.getLogger("partrain")


@dataclass(frozen=True)
class Progress:
    """After an epoch: how many of how many are done, mean loss over its minibatches, and the validation figure.

    ``valid`` is that of ``metric`` ("ndcg@100"); NaN, and ``metric`` None, where this epoch was not validated.
    """

    epoch: int
    epochs: int
    loss: float
    metric: Optional[str]
    valid: float
    best_epoch: int


@dataclass(frozen=True)
class Result:
    """A finished training. ``valid`` and ``test`` are of the best epoch, NaN without such a part; ``train_s`` are
    seconds. The hashes (32 hexadecimal digits) are of the weights after the last step, and of the best model."""

    epochs: int
    best_epoch: int
    metric: str
    valid: float
    test: float
    train_s: float
    weights_hash: str
    model_hash: str


def _value(v: Any) -> str:
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, (list, tuple)):
        return "[" + ", ".join(_value(x) for x in v) + "]"
    return os.fspath(v) if isinstance(v, os.PathLike) else str(v)


def assignments(settings: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """{"model": {"kind": "mf"}}, {"model.kind": "mf"} and {"model__kind": "mf"} are "model.kind=mf"."""
    for key, v in settings.items():
        name = prefix + str(key).replace("__", ".")
        if isinstance(v, Mapping):
            yield from assignments(v, name + ".")
        elif v is not None:
            yield f"{name}={_value(v)}"


class _Config:
    def __init__(self) -> None:
        self.handle = c.c_void_p()
        L.call("pt_config_new", c.byref(self.handle))

    def __enter__(self) -> c.c_void_p:
        return self.handle

    def __exit__(self, *_: Any) -> None:
        L.lib.pt_config_free(self.handle)


def _bar() -> Tuple[Callable[[Progress], None], Callable[[], None]]:
    """Shows progress with tqdm where it is installed, else by a line an epoch on stderr; and how to end that."""
    try:
        from tqdm.auto import tqdm
    except ImportError:
        def line(p: Progress) -> None:
            figure = f" {p.metric} {p.valid:.5f}" if p.metric else ""
            print(f"epoch {p.epoch} of {p.epochs}: loss {p.loss:.5f}{figure}", file=sys.stderr)

        return line, lambda: None
    bar = tqdm(unit="epoch")

    def update(p: Progress) -> None:
        bar.total = p.epochs
        if p.metric:
            bar.set_postfix({p.metric: f"{p.valid:.5f}", "best": p.best_epoch}, refresh=False)
        bar.update(p.epoch - bar.n)

    return update, bar.close


def _message(level: int, text: str) -> None:
    log.log(logging.WARNING if level == 2 else logging.INFO, "%s", text)


class _Listener:
    """The callbacks of a run, and what they raise: it stops the run and is raised when that has ended."""

    def __init__(self, progress: Optional[Callable[[Progress], Any]], message: Callable[[int, str], Any]) -> None:
        self.stop = threading.Event()
        self.raised: Optional[BaseException] = None
        self._progress, self._message = progress, message

    def _guard(self, function: Callable[..., Any], *arguments: Any) -> int:
        try:
            if function(*arguments) is True:
                self.stop.set()
        except BaseException as e:  # it must not pass through C
            self.raised = self.raised or e
            self.stop.set()
        return self.stop.is_set()

    def progress(self, _: Any, p: Any) -> int:
        if self._progress is None or self.raised:
            return self.stop.is_set()
        p = p.contents
        return self._guard(self._progress, Progress(p.epoch, p.epochs, p.loss, L.text(p.metric), p.valid,
                                                    p.best_epoch))

    def poll(self, _: Any) -> int:
        return self.stop.is_set()

    def message(self, _: Any, level: int, line: bytes) -> None:
        self._guard(self._message, level, line.decode("utf-8", "replace"))


def _run(settings: List[str], config: Optional[str], ratings: Optional[ArrayRatings], out: Optional[str], resume: bool,
         listener: _Listener) -> Tuple[c.c_void_p, L.Result]:
    """Called in the model's thread."""
    model, result = c.c_void_p(), L.Result()
    options = L.TrainOptions(folder=os.fsencode(out) if out is not None else None, resume=resume,
                             progress=L.PROGRESS(listener.progress), model=c.pointer(model),
                             poll=L.POLL(listener.poll), message=L.MESSAGE(listener.message))
    if ratings is not None:
        options.ratings = c.pointer(ratings.struct)
    with _Config() as handle:
        if config is not None:
            L.call("pt_config_load", handle, os.fsencode(config))
        for word in settings:
            L.call("pt_config_set", handle, word.encode())
        L.call("pt_train", handle, c.byref(options), c.byref(result))
    return model, result


def train(config: Union[Mapping[str, Any], str, "os.PathLike[str]", None] = None, ratings: Any = None,
          out: Union[str, "os.PathLike[str]", None] = None,
          progress: Union[bool, Callable[[Progress], Any], None] = None, *, resume: bool = False,
          message: Callable[[int, str], Any] = _message, **settings: Any) -> Model:
    """Trains a model and returns it, opened; ``model.result`` says how it went.

    config: a dict of keys of docs/config.md ({"model.kind": "mf"} or {"model": {"kind": "mf"}}), the path of a YAML
        file, or None. ``settings`` are keys too, with two underscores for the dot: ``train__epochs=20``, or
        ``train={"epochs": 20}``. They win over ``config``.
    ratings: a path (data.path); a SciPy sparse matrix (n users, n items), whose row and column numbers are the ids; a
        DataFrame with columns user, item and, where they are there, rating and time; or a tuple (users, items[,
        ratings[, times]]) of arrays (n,). Ids are whole numbers or strings; ratings finite; times seconds or dates.
        Without ratings all are 1. Repeated pairs: by data.duplicates, those of a matrix are summed. Arrays are not
        copied where they are contiguous int32 or int64, and float32 or float64.
    out: a folder for the run; None: nothing is kept but the model.
    progress: True for a bar (tqdm, else lines on stderr), or a function that is called with a Progress after every
        epoch, in the model's own thread; it returns True to stop. What it raises stops the run and is raised here.
    resume: continue the run in ``out``.
    message: is called with (1 note or 2 warning, line); by default the logger "partrain" gets them.

    Ctrl-C finishes the minibatch, saves a checkpoint in ``out``, and raises KeyboardInterrupt. Raises Error (a
    configuration, ratings, memory, divergence, a stop by ``progress``), ValueError or TypeError for arguments.
    """
    words: List[str] = []
    if isinstance(config, Mapping):
        words += assignments(config)
        config = None
    elif config is not None and not is_path(config):
        raise TypeError(f"config of type {type(config).__name__}: a dict or a path is needed")
    words += assignments(settings)
    if is_path(ratings):
        words.append(f"data.path={os.fspath(ratings)}")
        ratings = None
    held = as_ratings(ratings)
    show, end = _bar() if progress is True else (progress or None, lambda: None)
    listener = _Listener(show, message)
    worker = Worker()
    job = worker.submit(_run, words, None if config is None else os.fspath(config), held,
                        None if out is None else os.fspath(out), resume, listener)
    try:
        model, result = wait(job, listener.stop.set)
        if listener.raised is not None:  # too late to stop anything
            raise listener.raised
    except BaseException:
        if job.done() and job.exception() is None:
            worker.free(job.result()[0])
        else:
            worker.close()
        if listener.raised is not None:
            raise listener.raised from None
        raise
    finally:
        end()
    trained = Model(worker, model, held)
    trained.result = Result(result.epochs, result.best_epoch, result.metric.decode(), result.valid, result.test,
                            result.train_s, result.weights_hash.decode(), result.model_hash.decode())
    return trained
