"""One timing of the PyTorch side: bench.py WORK [--option value ...] prints one line of JSON. Run by
tools/compare-pytorch; see the files of the works for what each form is."""

import argparse
import ctypes
import json
import time

import numpy as np
import pandas as pd
import torch

import autorec
import check
import evaluate
import mf
import multivae
import recommend
import synth
from common import Ratings, Rows


def run_autorec(args):
    return autorec.train(Ratings(args.data), args.side, args.form, args.hidden, args.batch, args.lr, args.l2, args.epochs,
                         args.limit)


def run_multivae(args):
    rows = multivae.make_rows(Ratings(args.data), args.min_rating, args.min_count)
    return multivae.train(rows, args.form, batch=args.batch, lr=args.lr, epochs=args.epochs, limit_s=args.limit,
                          autocast=args.autocast)


def run_mf(args):
    return mf.train(Ratings(args.data), args.form, batch=args.batch, lr=args.lr, l2=args.l2, epochs=args.epochs)


def run_evaluate(args):
    rows = multivae.make_rows(Ratings(args.data))
    held = np.random.default_rng(1).random(len(rows.value)) < 0.2
    row = np.repeat(np.arange(rows.rows), np.diff(rows.start))
    col, value = rows.col.numpy(), rows.value.numpy()
    parts = [Rows(row[k], col[k], value[k], rows.rows, rows.cols) for k in (~held, held)]
    model = multivae.MultiVae(rows.cols, 600, 200, args.form)
    times = [evaluate.run(model, *parts) for _ in range(args.epochs + 1)][1:]
    seconds = [t["seconds"] for t in times]
    return {"epoch_s": seconds, "epoch_s_median": float(np.median(seconds)), "examples": rows.rows,
            "ndcg@100": times[0]["ndcg@100"], "recall@50": times[0]["recall@50"]}


def run_recommend(args):
    rows = multivae.make_rows(Ratings(args.data))
    if args.lines:
        return recommend.compare(rows, args.run, args.form, args.select, args.k, args.lines)
    times = recommend.seconds(rows, args.run, args.form, args.select, args.k, args.epochs)
    return {"epoch_s": times, "epoch_s_median": float(np.median(times)), "examples": rows.rows}


def run_read(args):
    seconds = []
    for _ in range(args.epochs):
        begin = time.perf_counter()
        table = pd.read_csv(args.data, usecols=[0, 1, 2], engine="c",
                            dtype={0: np.int64, 1: np.int64, 2: np.float32})
        for name in table.columns[:2]:
            pd.factorize(table[name])
        seconds.append(time.perf_counter() - begin)
    return {"epoch_s": seconds, "epoch_s_median": float(np.median(seconds)), "examples": len(table)}


def run_check(args):
    return {"losses": check.losses(args.form, args.data, args.run, args.side, args.l2, args.min_rating, args.min_count)}


def run_synth(args):
    """Writes --data: tab-separated, or a ratings.csv with a header and times where its name ends so."""
    users, items, ratings = (int(n) for n in args.shape.split("x"))
    user, item, value = synth.triplets(users, items, ratings)
    table = {"userId": user + 1, "movieId": item + 1, "rating": value}
    csv = args.data.endswith(".csv")
    if csv:
        table["timestamp"] = 1_000_000_000 + np.arange(len(user))
    pd.DataFrame(table).to_csv(args.data, sep="," if csv else "\t", header=csv, index=False, float_format="%.1f")
    return {"ratings": len(user)}


def keep_freed_memory():
    """glibc gives large blocks back to the system at once, and every temporary of torch's is mapped and zeroed again:
    measured here, that made Adam up to six times slower. Let it keep them."""
    m_trim_threshold, m_top_pad, m_mmap_max = -1, -2, -4
    libc = ctypes.CDLL(None)
    libc.mallopt(m_mmap_max, 0)
    libc.mallopt(m_trim_threshold, 2**31 - 1)
    libc.mallopt(m_top_pad, 1 << 28)


def main():
    works = {"autorec": run_autorec, "multivae": run_multivae, "mf": run_mf, "evaluate": run_evaluate, "recommend": run_recommend,
             "read": run_read, "check": run_check, "synth": run_synth}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=works)
    parser.add_argument("--data", required=True, help="lines of user TAB item TAB rating (read: a ratings.csv)")
    parser.add_argument("--form", default="dense")
    parser.add_argument("--side", default="item")
    parser.add_argument("--shape", help="synth: USERSxITEMSxRATINGS")
    parser.add_argument("--run", help="check, recommend: the folder of a run of partrain; of check --form names the work")
    parser.add_argument("--select", default="batch", choices=["batch", "rows", "topk"], help="recommend: see recommend.py")
    parser.add_argument("-k", type=int, default=10, help="recommend: items a user")
    parser.add_argument("--lines", help="recommend: compare with partrain's lines in this file, and time nothing")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=500)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=3, help="timed ones, after one to warm up")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--l2", type=float, default=0.0)
    parser.add_argument("--limit", type=float, help="seconds after which an epoch is cut and scaled")
    parser.add_argument("--autocast", action="store_true", help="multivae: PyTorch's own products in bf16")
    parser.add_argument("--min-rating", type=float)
    parser.add_argument("--min-count", type=int, default=0)
    args = parser.parse_args()

    keep_freed_memory()
    torch.manual_seed(1)
    torch.set_num_threads(args.threads)
    for kind in (np.float32, np.float64):
        np.finfo(kind)  # it looks for denormals once: before they are off
    # Adam's moments of weights that rest become denormal, which slows every later step.
    torch.set_flush_denormal(True)
    result = works[args.work](args)
    result.update(work=args.work, form=args.form, threads=torch.get_num_threads(), torch=torch.__version__)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
