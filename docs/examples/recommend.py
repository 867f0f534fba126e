"""From a DataFrame to recommendations: python3 recommend.py, beside a ratings.csv with userId, movieId and rating."""
import numpy as np
import pandas as pd
import partrain

ratings = pd.read_csv("ratings.csv")
liked = ratings[ratings.rating >= 3.5]  # what they chose

model = partrain.train({"model.kind": "ials", "model.latent": 32}, liked, progress=True)
print(f"{model.result.metric} {model.result.test:.3f} on users who were held out")

users = liked.userId.unique()[:1000]
items, scores = model.recommend(users, k=10)  # (1000, 10) each, best first; what a user has is left out
lists = pd.DataFrame({"user": np.repeat(users, 10), "item": items.ravel(), "score": scores.ravel()})
print(lists.head(10))

near, cosines = model.similar(items[0, 0], k=5)
print(f"near to {items[0, 0]}: {near}")
new, _ = model.recommend(histories=[[items[0, 0], near[0]]], k=3)  # somebody who is not in the data
model.save("run")  # partrain.Model.open("run", liked), or the program: partrain recommend -m run
