#!/bin/bash
# similar: the items nearest to an item, for every kind of model; forms of output; what is refused.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"

# A made-up world: users like the items of their own parity. Item 999 has one low rating, below every threshold.
mkdir "$folder/data"
awk 'BEGIN {
    srand(3)
    print "userId,movieId,rating"
    for (u = 1; u <= 120; u++)
        for (i = 1; i <= 30; i++)
            if (rand() < 0.6)
                print u "," 100 + i "," ((u + i) % 2 ? 1 : 5)
}' </dev/null >"$folder/data/ratings.csv"
awk 'BEGIN { print "movieId,title"; for (i = 1; i <= 30; i++) print 100 + i ",\"Part " i ", The (19" 40 + i ")\"" }' \
    </dev/null >"$folder/data/movies.csv"

clicks=(data.min_rating=4 split.valid_users=10 split.test_users=10)
train() {
    "$PARTRAIN" train data.path="$folder/data" train.epochs=30 train.batch=20 --out "$folder/$1" -q "${@:2}" >/dev/null ||
        complain "training $1"
}
train vae model.kind=multivae model.hidden=30 model.latent=10 train.lr=0.01 "${clicks[@]}"
train ease model.kind=ease train.l2=10 "${clicks[@]}"
train few model.kind=ease train.l2=10 model.items_most=12 "${clicks[@]}"
train ials model.kind=ials model.latent=8 "${clicks[@]}"
train user model.kind=autorec model.side=user model.hidden=20 train.lr=0.01
train mf model.kind=mf model.latent=8 train.lr=0.01
train item model.kind=autorec model.side=item model.hidden=20

# Near items are those of the same parity, at any number of threads; a cosine is the same both ways.
for model in vae ease few ials user mf; do
    "$PARTRAIN" similar -m "$folder/$model" --all -k 5 --threads 1 -q >"$folder/one" || complain "$model: --all"
    "$PARTRAIN" similar -m "$folder/$model" --all -k 5 --threads 3 -q | cmp -s "$folder/one" - ||
        complain "$model: other answers with three threads"
    awk -F'\t' -v model=$model '
        { n++; odd += ($1 + $3) % 2; cosine[$1, $3] = $4 }
        NF != 5 || $2 < 1 || $2 > 5 || $1 == $3 || $4 > 1.000001 || ($2 > 1 && $4 > last) { bad = $0 }
        { last = $4 }
        END {
            for (pair in cosine) {
                split(pair, p, SUBSEP)
                if ((p[2], p[1]) in cosine && cosine[p[2], p[1]] != cosine[pair])
                    bad = pair
            }
            if (bad != "" || n < 40 || odd > n / 5)
                print model ": " n " rows, " odd + 0 " of the other parity, bad: " bad
        }' "$folder/one" >"$folder/wrong"
    [ -s "$folder/wrong" ] && complain "$(cat "$folder/wrong")"
done
[ "$(cut -f1 "$folder/one" | sort -u | wc -l)" -eq 30 ] || complain "mf: not every item has rows"

expect_streams 0 '^101	1	1[0-9]*	0\.[0-9]*	Part' '' similar -m "$folder/ease" 'the part 1' -k 1
expect_streams 0 '^item,rank,similar,score,title$' '' similar -m "$folder/ease" 101 -k 1 -o csv
expect_streams 0 '^{"item": "101", "similar": \[{"item": "1[0-9]*", "score": 0[0-9.]*, "title": "Part' '' \
    similar -m "$folder/ease" 101 -k 1 -o jsonl
expect_streams 0 '^101	' 'no item "nothing"' similar -m "$folder/ease" nothing 101
expect_streams 3 '' 'knows no such item' similar -m "$folder/ease" nothing
expect_streams 2 '' 'which items' similar -m "$folder/ease"
expect_streams 2 '' 'which model' similar 101
expect_streams 2 '' 'model.side=user' similar -m "$folder/item" 101
[ "$failures" -eq 0 ]
