"""docs/python.md: its Python runs as it stands, and its example is docs/examples/recommend.py."""
import contextlib
import io
import logging
import os
import re
import tempfile
import unittest

import numpy as np

try:
    import pandas as pd
    import scipy.sparse
except ImportError:
    pd = None

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")


@unittest.skipUnless(pd, "needs pandas and scipy")
class Page(unittest.TestCase):
    def test_every_block_runs(self):
        with open(os.path.join(DOCS, "python.md"), encoding="utf-8") as f:
            blocks = re.findall(r"^```python\n(.*?)^```", f.read(), re.M | re.S)
        with open(os.path.join(DOCS, "examples", "recommend.py"), encoding="utf-8") as f:
            self.assertEqual(f.read().split('"""\n', 1)[1], blocks[0])
        self.assertLessEqual(len([line for line in blocks[0].splitlines() if line]), 20)
        rng, names = np.random.default_rng(1), {}
        user, item = np.nonzero(rng.random((300, 60)) < 0.3 * (1 + (np.arange(300)[:, None] + np.arange(60)) % 2))
        csv = pd.DataFrame({"userId": user + 1, "movieId": item + 1, "rating": rng.integers(1, 11, len(user)) / 2})
        here = os.getcwd()
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as out, \
                contextlib.redirect_stderr(io.StringIO()):
            try:
                os.chdir(folder)
                csv.to_csv("ratings.csv", index=False)
                for block in blocks:
                    exec(block, names)
            finally:
                os.chdir(here)
        self.assertEqual(names["new"].shape, (1, 3))
        self.assertEqual(names["ids"].shape, (5,))
        self.assertRegex(out.getvalue(), r"ndcg@100 0\.\d+ on users")


if __name__ == "__main__":
    logging.getLogger("partrain").setLevel(logging.ERROR)
    unittest.main()
