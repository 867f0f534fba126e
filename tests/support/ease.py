"""EASE and EDLAE in NumPy on the split that parity_steps wrote: weights and test figures of a run against them.

    ease.py SPLIT RUN
"""

import json
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "pytorch"))
from files import metadata, safetensors  # noqa: E402

TRAIN, TEST_IN, TEST_OUT = 1, 8, 16

split, run = (pathlib.Path(a) for a in sys.argv[1:])
rating, option = safetensors(split / "split.safetensors"), metadata(split / "split.safetensors")
users, items = int(option["users"]), int(option["items"])
l2, p = float(option["train.l2"]), float(option["model.input_dropout"])


def matrix(part):
    x = np.zeros((users, items))
    chosen = rating["part"] & part > 0
    x[rating["user"][chosen], rating["item"][chosen]] = 1
    return x


x = matrix(TRAIN)
g = x.T @ x
inverse = np.linalg.inv(g + np.diag(l2 + p / (1 - p) * np.diag(g)))
b = -inverse / np.diag(inverse)
np.fill_diagonal(b, 0)

known, held_out = matrix(TEST_IN), matrix(TEST_OUT)
judged = held_out.sum(1) > 0
known, held_out = known[judged], held_out[judged]
scores = known @ b
scores[known > 0] = -np.inf
scores[:, x.sum(0) == 0] = -np.inf
best = np.argsort(-scores, 1, kind="stable")[:, :100]
gain = 1 / np.log2(np.arange(2, best.shape[1] + 2))
ideal = np.cumsum(gain)[np.minimum(held_out.sum(1), best.shape[1]).astype(int) - 1]
ndcg = ((np.take_along_axis(held_out, best, 1) * gain).sum(1) / ideal).mean()

own = json.loads((run / "summary.json").read_text())["test"]["ndcg@100"]
apart = np.abs(safetensors(run / "model.safetensors")["ease.weight"] - b).max()
print(f"ndcg@100 {own:.4f}, NumPy {ndcg:.4f}; weights at most {apart:.1e} apart, the largest {np.abs(b).max():.3f}")
sys.exit(0 if abs(own - ndcg) < 0.0005 and apart < 1e-6 else 1)
