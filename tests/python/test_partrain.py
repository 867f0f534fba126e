"""partrain from Python: the same answers as the program, and exceptions where there is none.

PARTRAIN names the program, PARTRAIN_LIBRARY the library, PARTRAIN_LEAK_ROUNDS how often a model is opened (300)."""
import logging
import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

import numpy as np

import partrain

try:
    import scipy.sparse as sp
except ImportError:
    sp = None
try:
    import pandas as pd
except ImportError:
    pd = None

PROGRAM = os.environ.get("PARTRAIN", "partrain")
SMALL = {"run.threads": 2}
KINDS = [
    {"model.kind": "mf", "train.optimizer": "adam", "model.latent": 4, "train.epochs": 3},
    {"model.kind": "mf", "train.optimizer": "sgd", "model.latent": 4, "train.epochs": 3},
    {"model.kind": "ials", "model.latent": 4},
    {"model.kind": "ease"},
    {"model.kind": "autorec", "model.hidden": [5], "train.epochs": 3, "model.side": "item"},
    {"model.kind": "autorec", "model.hidden": [5], "train.epochs": 3, "model.side": "user"},
    {"model.kind": "multivae", "model.hidden": [8], "model.latent": 3, "train.epochs": 3},
    {"model.kind": "multidae", "model.latent": 3, "train.epochs": 3},
    {"model.kind": "recvae", "model.hidden": [6, 6], "model.latent": 3, "train.epochs": 2},
]
SCRIPTS = ["Ночной дозор", "千と千尋", "محمد", "קולנוע", "ไทย", "हिन्दी", "Ελλάδα", "🎬", "a\tb", "né", "ne\u0301"]


def program(*arguments, stdin=None):
    return subprocess.run([PROGRAM, *arguments], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True,
                          text=True, env={k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}).stdout


def data(users=60, items=25, seed=3):
    rng = np.random.default_rng(seed)
    there = rng.random((users, items)) < 0.4
    user, item = np.nonzero(there)
    return user, item, rng.integers(2, 11, len(user)) / 2.0, 10**9 + rng.integers(0, 10**6, len(user))


def train(config, ratings, **more):
    return partrain.train({**SMALL, **config}, ratings, **more)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="partrain-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def file(self, name, rows, header="user,item,rating,time"):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(header + "\n")
            for row in rows:
                f.write(",".join(map(str, row)) + "\n")
        return self.path(name)

    def refused(self, ratings, words, kind=partrain.Error, **config):
        with self.assertRaisesRegex(kind, words):
            train({**KINDS[0], **config}, ratings)


class Ratings(Case):
    def test_weights_are_those_of_the_file_for_every_model(self):
        u, i, v, t = data()
        names = np.array([f"u{x}" for x in u]), np.array([f"Ж{x}" for x in i], object)
        files = self.file("numbers.csv", zip(u, i, v, t)), self.file("names.csv", zip(*names, v, t))
        forms = [((u, i, v, t), 0), ((u.astype(np.int32), list(i), v.astype(np.float32)), 0), ((*names, v, t), 1)]
        if sp:
            forms.append((sp.csr_matrix((v, (u, i))), 0))
            forms.append((sp.coo_matrix((v.astype(np.float32), (u, i))), 0))
        if pd:
            forms.append((pd.DataFrame({"rating": v, "item": i, "user": u, "time": t}), 0))
            forms.append((pd.DataFrame({"user_id": names[0], "item_id": pd.Categorical(names[1]), "rating": v,
                                        "more": 1}), 1))
            forms.append((pd.DataFrame({"user": pd.array(u, "Int64"), "item": i.astype(float), "rating": v,
                                        "time": pd.to_datetime(t, unit="s", utc=True)}), 0))
        for kind in KINDS:
            hashes = [train(kind, f).result.weights_hash for f in files]
            for ratings, which in forms:
                self.assertEqual(train(kind, ratings).result.weights_hash, hashes[which], (kind, type(ratings)))

    def test_times_split_as_those_of_a_file(self):
        u, i, v, t = data()
        kind = {**KINDS[0], "split.kind": "time"}
        want = train(kind, self.file("t.csv", zip(u, i, v, t))).result.weights_hash
        self.assertEqual(train(kind, (u, i, v, t)).result.weights_hash, want)
        self.assertEqual(train(kind, (u, i, v, t.astype("datetime64[s]").astype("datetime64[ns]"))).result.weights_hash,
                         want)
        self.assertNotEqual(train(kind, (u, i, v, t[::-1])).result.weights_hash, want)

    def test_nothing_rated_is_one_each(self):
        u, i, _, _ = data()
        self.assertEqual(train(KINDS[3], (u, i)).result.weights_hash, train(KINDS[3], (u, i, np.ones(len(u)))).result.weights_hash)

    @unittest.skipUnless(sp, "needs scipy")
    def test_matrices_unsorted_and_with_repeated_entries(self):
        u, i, v, _ = data()
        m = sp.csr_matrix((v, (u, i)))
        back = sp.csr_matrix((m.data.copy(), m.indices.copy(), m.indptr.copy()), m.shape)
        for p in range(m.shape[0]):
            part = slice(m.indptr[p], m.indptr[p + 1])
            back.indices[part], back.data[part] = m.indices[part][::-1].copy(), m.data[part][::-1].copy()
        back.has_sorted_indices = back.has_canonical_format = False
        rows = np.repeat(np.arange(m.shape[0]), np.diff(m.indptr))
        want = train(KINDS[0], self.file("back.csv", zip(rows, back.indices, back.data), "user,item,rating"))
        self.assertEqual(train(KINDS[0], back).result.weights_hash, want.result.weights_hash)
        twice = sp.csr_matrix((np.tile(m.data / 2, 2), (np.tile(rows, 2), np.tile(m.indices, 2))), m.shape)
        twice = sp.vstack([sp.csr_matrix((np.r_[m.data[a:b] / 2, m.data[a:b] / 2], np.r_[m.indices[a:b], m.indices[a:b]],
                                          [0, 2 * (b - a)]), (1, m.shape[1]))
                           for a, b in zip(m.indptr, m.indptr[1:])]).tocsr()
        self.assertEqual(train(KINDS[0], twice).result.weights_hash, train(KINDS[0], m).result.weights_hash)

    def test_ids_of_every_size_and_script(self):
        u, i, v, _ = data(40, len(SCRIPTS))
        big = u.astype(np.int64) * 10**15 + 2**31
        model = train(KINDS[0], (big, np.array(SCRIPTS, object)[i], v))
        self.assertEqual(set(model.users), set(big))
        self.assertEqual(model.users.dtype, np.int64)
        self.assertEqual(set(model.items), {SCRIPTS[x] for x in i})
        best, _ = model.recommend(big[0], 3, seen=True)
        self.assertTrue(set(best) <= set(SCRIPTS))
        unsigned = train(KINDS[0], (u.astype(np.uint64) + np.uint64(2**63 + 5), i - 10**12, v))
        self.assertIn(str(2**63 + 5), list(unsigned.users))
        self.assertEqual(unsigned.items.min(), -(10**12) + i.min())

    def test_what_is_no_rating_is_refused(self):
        u, i, v, t = data()
        bad = v.copy()
        bad[7] = np.nan
        self.refused((u, i, bad), "rating 7 .*not finite; leave out pairs")
        bad[7] = np.inf
        self.refused((u, i, bad), "rating 7 .*not finite")
        self.refused((u[:0], i[:0], v[:0]), "no ratings")
        self.refused((u, i[1:], v), "users and .* items", ValueError)
        self.refused((u, i, v[1:]), "ratings: shape", ValueError)
        self.refused((u, i, v, t[1:]), "times: shape", ValueError)
        self.refused((u + 0.5, i, v), "user ids: number 0 is 0.5", ValueError)
        self.refused((u, np.where(i > 3, np.nan, i), v), "item ids: .*nan", ValueError)
        self.refused((u, [None] * len(u), v), "item id None", ValueError)
        self.refused((u, ["a", ""] * (len(u) // 2) + ["b"] * (len(u) % 2), v), "item id ''", ValueError)
        self.refused((u, ["a\0b"] * len(u), v), "zero byte", ValueError)
        self.refused((u, ["\udc80"] * len(u), v), "UTF-8", ValueError)
        self.refused((u, i, ["x"] * len(u)), "numbers are needed", ValueError)
        self.refused((u > 3, i, v), "type bool", ValueError)
        self.refused((u.reshape(1, -1), i, v), "dimensions", ValueError)
        self.refused((u, i, v, ["soon"] * len(u)), "times: |numbers are needed", ValueError)
        self.refused(42, "of type int", TypeError)
        with self.assertRaisesRegex(TypeError, "read by train.. alone"):
            partrain.Model.open(self.path("run"), ratings="ratings.csv")
        if sp:
            self.refused(sp.csr_matrix((5, 7)), "no ratings")
            self.refused(sp.csr_matrix((0, 0)), "no ratings")
            self.refused(sp.csr_matrix((bad, (u, i))), "not finite")
        if pd:
            self.refused(pd.DataFrame({"user": u, "thing": i}), "no column 'item'.*reset_index", ValueError)
            self.refused(pd.DataFrame({"user": u, "item": i, "how": v}), "how: rename", ValueError)
            self.refused(pd.DataFrame({"userId": u, "user_id": u, "item": i}), "could be the user", ValueError)
            self.refused(pd.DataFrame({"user": u, "item": i, "rating": pd.array([pd.NA] * len(u), "Float64")}),
                         "not finite")
            self.refused(pd.DataFrame({"user": pd.Categorical([None] + ["a"] * (len(u) - 1)), "item": i}), "missing",
                         ValueError)

    @unittest.skipUnless(pd, "pandas is not there")
    def test_frames_are_read_as_texts_are(self):
        u, i, v, t = data()
        want = train(KINDS[0], (u, i, v)).result.weights_hash
        for names in (("customer_id", "asin", "star_rating"), ("UserID", "Movie ID", "Score"), ("User", "Product", "label")):
            frame = pd.DataFrame(dict(zip(names, (u, i, v)), shelf=["x"] * len(u), row_id=np.arange(len(u))))
            self.assertEqual(train(KINDS[0], frame).result.weights_hash, want)
        late = {**KINDS[0], "split.kind": "time"}
        days = np.datetime64("2024-01-01") + (t % 5000)
        want = train(late, (u, i, v, days)).result.weights_hash
        for times in (days.astype(object), [str(day) for day in days], pd.Series(days.astype(str), dtype=object)):
            self.assertEqual(train(late, (u, i, v, times)).result.weights_hash, want)

    def test_configurations(self):
        u, i, v, _ = data()
        with open(self.path("c.yaml"), "w", encoding="utf-8") as f:
            f.write("model: {kind: mf, latent: 4}\ntrain: {epochs: 3}\nrun: {threads: 2}\n")
        plain = {k: x for k, x in KINDS[0].items() if k != "train.optimizer"}
        want = train(plain, (u, i, v)).result.weights_hash
        for config, more in ((self.path("c.yaml"), {}), ({"model": {"kind": "mf", "latent": 4}}, {"train__epochs": 3}),
                             (None, {"model__kind": "mf", "model.latent": 4, "train": {"epochs": 3}}),
                             ({**plain, "train.epochs": 9}, {"train__epochs": 3})):
            self.assertEqual(partrain.train(config, (u, i, v), **more).result.weights_hash, want)
        with self.assertRaisesRegex(partrain.Error, "train.lr") as caught:
            train({"train.lrr": 1}, (u, i, v))
        self.assertEqual((caught.exception.code, caught.exception.name), (-2, "PT_ECONFIG"))
        self.assertEqual(pickle.loads(pickle.dumps(caught.exception)).code, -2)
        with self.assertRaises(TypeError):
            partrain.train(42, (u, i, v))


class Use(Case):
    """Beside the program, on the same file."""

    def setUp(self):
        super().setUp()
        u, i, self.v, _ = data()
        self.u, self.i = np.array([f"u{x}" for x in u], object), np.array([f"i{x}" for x in i], object)
        self.csv = self.file("ratings.csv", zip(self.u, self.i, self.v), "user,item,rating")

    def both(self, kind):
        """A model from memory and that of a folder."""
        out = self.path(f"run{len(os.listdir(self.folder))}")
        model = train(kind, (self.u, self.i, self.v))
        train(kind, self.csv, out=out)
        return model, out

    def test_lists_ratings_and_figures_are_the_programs(self):
        for kind in KINDS:
            model, out = self.both(kind)
            said = [line.split("\t") for line in program("recommend", "-q", "-m", out, "-k", "4", "--all").splitlines()]
            users = list(dict.fromkeys(x[0] for x in said))
            items, scores = model.recommend(users, 4)
            self.assertEqual([x[2] for x in said], [x for x in items.ravel() if x is not None], kind)
            np.testing.assert_allclose([float(x[3]) for x in said], scores[~np.isnan(scores)], rtol=1e-4, atol=1e-4)
            figures = model.evaluate()
            self.assertAlmostEqual(figures[model.result.metric], model.result.test, 5)
            with partrain.Model.open(out) as opened:
                np.testing.assert_array_equal(opened.recommend(users, 4)[0], items)
                self.assertEqual(opened.evaluate(), figures)
            if kind["model.kind"] in ("mf", "autorec"):
                pairs = "".join(f"{u}\t{i}\n" for u, i in zip(self.u[:50], self.i[50:100]))
                said = [float(x.split("\t")[2]) for x in program("predict", "-q", "-m", out, "-", stdin=pairs).splitlines()]
                np.testing.assert_allclose(model.predict(self.u[:50], self.i[50:100]), said, rtol=1e-3, atol=1e-3)
            else:
                with self.assertRaisesRegex(partrain.Error, "ranks"):
                    model.predict(self.u[:1], self.i[:1])
            if kind.get("model.side") == "item":
                with self.assertRaises(partrain.Error):
                    model.similar("i3")
                continue
            said = [x.split("\t") for x in program("similar", "-q", "-m", out, "-k", "3", "i3").splitlines()]
            near, cosines = model.similar("i3", 3)
            self.assertEqual([x for x in near], [x[2] for x in said], kind)
            vectors = model.item_vectors
            at = {x: n for n, x in enumerate(model.items)}
            np.testing.assert_allclose(vectors[[at[x] for x in near]] @ vectors[at["i3"]], cosines, atol=1e-5)

    def test_histories_choices_and_numbers(self):
        for kind in KINDS:
            if kind.get("model.side") == "item":
                continue
            model, out = self.both(kind)
            rated = kind["model.kind"] in ("mf", "autorec")
            histories = [{"i1": 5.0, "i2": 1.0}, {"i9": 3.0}] if rated else [["i1", "i2"], ["i9"]]
            text = "i1\t5\ni2\t1\n\ni9\t3\n" if rated else "i1\ni2\n\ni9\n"
            said = [x.split("\t")[2] for x in program("recommend", "-q", "-m", out, "-k", "3", "-", stdin=text).splitlines()]
            self.assertEqual(said, list(model.recommend(histories=histories, k=3)[0].ravel()), kind)
            for flat in (["1", "2"], "1", [1, 2]):
                with self.assertRaisesRegex(ValueError, "each person"):
                    model.recommend(histories=flat)
            user = self.u[0]
            own = set(self.i[self.u == user])
            self.assertFalse(own & set(model.recommend(user, 25)[0]))
            self.assertTrue(own <= set(model.recommend(user, 25, seen=True)[0]))
            self.assertEqual(set(model.recommend(user, 5, allow=["i3", "i4"], seen=True)[0]), {"i3", "i4", None})
            first = model.recommend(user, 1)[0][0]
            self.assertNotEqual(model.recommend(user, 1, deny=first)[0][0], first)
            number = list(model.users).index(user)
            numbers, _ = model.recommend([number], 4, numbers=True)
            self.assertEqual(list(model.items[numbers[0]]), list(model.recommend(user, 4)[0]))
            for wrong in ({"users": "nobody"}, {"users": [10**6], "numbers": True}, {"histories": [["nothing"]]},
                          {"users": user, "k": 0}, {}, {"users": user, "allow": ["nothing"]}):
                with self.assertRaises((partrain.Error, ValueError)):
                    model.recommend(**wrong)

    def test_held_out_arrays(self):
        model, _ = self.both(KINDS[0])
        figures = model.evaluate((self.u[:200], self.i[:200], self.v[:200]), metrics=["rmse", "ndcg@5"])
        self.assertEqual(list(figures), ["rmse", "ndcg@5"])
        self.assertTrue(0 < figures["rmse"] < 5 and 0 <= figures["ndcg@5"] <= 1)
        with self.assertRaises(partrain.Error):
            model.evaluate(metrics="no@5")

    def test_save_export_and_close(self):
        model, _ = self.both(KINDS[6])
        model.save(self.path("saved"))
        with self.assertRaisesRegex(partrain.Error, "there is a run"):
            model.save(self.path("saved"))
        with partrain.Model.open(self.path("saved"), (self.u, self.i, self.v), threads=1) as opened:
            np.testing.assert_array_equal(opened.recommend("u3", 5)[0], model.recommend("u3", 5)[0])
        with partrain.Model.open(self.path("saved")) as opened, self.assertRaisesRegex(partrain.Error, "memory"):
            opened.recommend("u3", 5)
        model.export(self.path("m.onnx"))
        self.assertGreater(os.path.getsize(self.path("m.onnx")), 1000)
        model.close()
        model.close()
        for use in (lambda: model.recommend("u3"), model.evaluate, lambda: model.titles, lambda: model.users):
            with self.assertRaisesRegex(ValueError, "closed"):
                use()
        with self.assertRaises(partrain.Error):
            partrain.Model.open(self.path("nowhere"))

    @unittest.skipUnless(sp, "needs scipy")
    def test_the_arguments_of_implicit(self):
        u, i, v, _ = data()
        m = sp.csr_matrix((v, (u, i)))
        model = partrain.Recommender("ials", model__latent=4, run__threads=2).fit(m, show_progress=False)
        ids, scores = model.recommend(3, m[3], N=5)
        self.assertEqual((ids.shape, scores.shape), ((5,), (5,)))
        self.assertFalse(set(ids) & set(m[3].indices))
        ids, _ = model.recommend(np.arange(4), m[:4], N=5, filter_already_liked_items=False, filter_items=[2])
        self.assertEqual(ids.shape, (4, 5))
        self.assertNotIn(2, ids)
        self.assertEqual(set(model.recommend(3, m[3], N=9, items=[1, 2], filter_already_liked_items=False)[0]), {1, 2, -1})
        self.assertEqual(model.recommend(0, m[3], N=5, recalculate_user=True)[0].shape, (5,))
        near, cosines = model.similar_items(7, N=4)
        self.assertEqual((near[0], cosines[0], len(near)), (7, 1.0, 4))
        with self.assertRaises(ValueError):
            partrain.Recommender().recommend(1)


class Runs(Case):
    long = {"model.kind": "mf", "train.optimizer": "adam", "train.epochs": 100000, "eval.every": 100000}

    def test_progress_and_messages(self):
        seen, lines = [], []
        model = train(KINDS[0], data()[:3], progress=seen.append, message=lambda level, line: lines.append((level, line)))
        self.assertEqual([p.epoch for p in seen], [1, 2, 3])
        self.assertEqual(seen[-1].metric, "rmse")
        self.assertEqual(model.result.epochs, 3)
        self.assertTrue(lines and all(level in (1, 2) and line for level, line in lines))

    def test_what_progress_raises_stops_the_run(self):
        def fail(p):
            if p.epoch == 2:
                raise KeyError("mine")

        with self.assertRaisesRegex(KeyError, "mine"):
            train(self.long, data()[:3], progress=fail)
        with self.assertRaises(ZeroDivisionError):
            train(self.long, data()[:3], message=lambda *_: 1 / 0)
        with self.assertRaises(partrain.Error) as caught:
            train(self.long, data()[:3], progress=lambda p: p.epoch == 2)
        self.assertEqual(caught.exception.name, "PT_EINTERRUPTED")

    def test_ctrl_c_saves_and_the_run_goes_on(self):
        ratings, out = data()[:3], self.path("run")
        timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with self.assertRaises(KeyboardInterrupt):
            train(self.long, ratings)
        seen = []

        def interrupt(p):
            seen.append(p.epoch)
            if p.epoch == 3:
                os.kill(os.getpid(), signal.SIGINT)

        with self.assertRaises(KeyboardInterrupt):
            train(self.long, ratings, out=out, progress=interrupt)
        self.assertIn("checkpoint.safetensors", os.listdir(out))
        done = max(seen)
        going_on = train({**self.long, "train.epochs": done + 50}, ratings, out=out, resume=True)
        straight = train({**self.long, "train.epochs": done + 50}, ratings)
        self.assertEqual(going_on.result.weights_hash, straight.result.weights_hash)

    def test_the_interpreter_is_free_and_threads_have_models_of_their_own(self):
        ratings, found, ticks = data()[:3], {}, []
        want = {k: train(KINDS[k], ratings).recommend(range(20), 5)[0] for k in (0, 6)}

        def work(k):
            for _ in range(5):
                found.setdefault(k, []).append(train(KINDS[k], ratings).recommend(range(20), 5)[0])

        threads = [threading.Thread(target=work, args=(k,)) for k in (0, 6)]
        for t in threads:
            t.start()
        while any(t.is_alive() for t in threads):
            ticks.append(1)
            threads[0].join(0.005)
        for k in (0, 6):
            self.assertEqual(len(found[k]), 5)
            for lists in found[k]:
                np.testing.assert_array_equal(lists, want[k])
        self.assertGreater(len(ticks), 2)

    def test_nothing_is_left_behind(self):
        ratings, out = data()[:3], self.path("run")
        train(KINDS[0], ratings, out=out).close()

        def resident():
            with open("/proc/self/statm", encoding="ascii") as f:
                return int(f.read().split()[1]) * 4096

        rounds = int(os.environ.get("PARTRAIN_LEAK_ROUNDS", 300))
        sizes = []
        for n in range(rounds):
            with partrain.Model.open(out, ratings, threads=1) as model:
                model.recommend([1, 2], 3)
            if n in (rounds // 3, rounds - 1):
                sizes.append(resident())
        self.assertLess(sizes[1] - sizes[0], max(4 << 20, 500 * rounds) * (10 if "asan" in os.environ.get("LD_PRELOAD", "") else 1))
        self.assertLess(threading.active_count(), 20)
        temporary = [n for n in os.listdir("/dev/shm") if re.fullmatch(r"partrain-\w{6}", n)]
        for _ in range(3):
            train(KINDS[0], ratings).close()
        after = [n for n in os.listdir("/dev/shm") if re.fullmatch(r"partrain-\w{6}", n)]
        self.assertLessEqual(len(after), len(temporary) + 1)

    def test_what_a_killed_process_left_goes_with_the_next(self):
        script = """import os, signal, sys, partrain
model = partrain.train(%r, ([1, 1, 2, 2, 3] * 4, list(range(20)), [3.0] * 19 + [4.0]))
links = [os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{n}")]
print([x for x in links if x.endswith("/.owner")][0], flush=True)
sys.stdin.read()
os.kill(os.getpid(), signal.SIGKILL)""" % ({**SMALL, **KINDS[0]},)
        with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.DEVNULL) as other:
            folder = os.path.dirname(other.stdout.readline().strip())
            train(KINDS[0], data()[:3]).close()
            self.assertIn("model.safetensors", os.listdir(folder)) # it is in use
            other.stdin.close()
            other.wait()
        self.assertTrue(os.path.isdir(folder))
        train(KINDS[0], data()[:3]).close()
        self.assertFalse(os.path.exists(folder))


if __name__ == "__main__":
    logging.getLogger("partrain").setLevel(logging.ERROR)
    unittest.main()
