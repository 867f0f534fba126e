#!/bin/bash
# train.init: the weights of a former run, by external ids. With a step size of 0 training changes nothing, so what
# comes out is what was taken over.
# shellcheck source=tests/support.sh
. "$(dirname "$0")/../support.sh"

awk -v old="$folder/old.csv" -v new="$folder/new.csv" 'BEGIN {
    srand(11)
    print "userId,movieId,rating" > old
    print "userId,movieId,rating" > new
    for (u = 1; u <= 60; u++)
        for (i = 1; i <= 40; i++)
            if (rand() < 0.5)
                line[n++] = "u" u ",i" i "," ((u + i) % 2 ? 1 : 5)
    for (j = 0; j < n; j++)
        print line[j] > old
    for (i = 41; i > 0; i--)            # a new user and a new item, first and in another order
        print "new,i" i ",3" > new
    for (j = n - 1; j >= 0; j--)
        print line[j] > new
}'

train() {
    "$PARTRAIN" train train.batch=20 --out "$folder/$1" -q "${@:2}" >"$folder/out" 2>"$folder/err"
}

for kind in 'model.kind=mf model.latent=6' 'model.kind=autorec model.side=user model.hidden=12' \
    'model.kind=autorec model.side=item model.hidden=12'; do
    rm -rf "$folder/a" "$folder/b" "$folder/c"
    # shellcheck disable=SC2086
    train a data.path="$folder/old.csv" train.epochs=15 train.lr=0.02 $kind || complain "$kind: first training"
    # shellcheck disable=SC2086
    train b data.path="$folder/new.csv" train.epochs=1 train.lr=0 train.init="$folder/a" $kind || complain "$kind: $(cat "$folder/err")"
    grep -v '^userId' "$folder/old.csv" | head -300 >"$folder/pairs"
    "$PARTRAIN" predict -m "$folder/a" "$folder/pairs" --data "$folder/old.csv" -q >"$folder/from-a" || complain "$kind: predict a"
    "$PARTRAIN" predict -m "$folder/b" "$folder/pairs" --data "$folder/old.csv" -q >"$folder/from-b" || complain "$kind: predict b"
    paste "$folder/from-a" "$folder/from-b" | awk -F'\t' '
        { d = $3 - $7; if (d < 0) d = -d; if (d > 1e-4 && bad++ < 3) print $1, $2, $3, $7 }
        END { exit NR != 300 || bad > 0 }' >&2 || complain "$kind: other predictions than before"
    # What is new is drawn as it would have been: another model than without, and a whole one.
    cmp -s "$folder/a/items.tsv" "$folder/b/items.tsv" && complain "$kind: the same items"
    # shellcheck disable=SC2086
    train c data.path="$folder/new.csv" train.epochs=1 train.lr=0 $kind || complain "$kind: cold training"
    cmp -s "$folder/b/model.safetensors" "$folder/c/model.safetensors" && complain "$kind: a warm start changes nothing"
done

# Other sizes, another model, no model.
expect() {
    local status=$1 text=$2
    shift 2
    rm -rf "$folder/d"
    train d data.path="$folder/old.csv" train.epochs=1 "$@"
    local got=$?
    if [ $got -ne "$status" ] || ! grep -q -- "$text" "$folder/err"; then
        complain "$*: exit $got: $(cat "$folder/err")"
    fi
}
expect 2 'model.hidden and model.latent must be as they were' train.init="$folder/a" model.kind=autorec model.side=item model.hidden=13
expect 2 'holds a model autorec of side item, this one is mf' train.init="$folder/a" model.kind=mf
expect 2 'there is no model.safetensors' train.init="$folder" model.kind=mf
sed 's/,i/,x/; s/^u/y/; s/^yserId/userId/' "$folder/old.csv" >"$folder/other.csv"
expect 3 'has none of these users' train.init="$folder/a" model.kind=autorec model.side=item model.hidden=12 data.path="$folder/other.csv"
[ "$failures" -eq 0 ]
