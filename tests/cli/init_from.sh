#!/bin/bash
# train.init: the weights of a former run, by external ids. With a step size of 0 training changes nothing, so what
# comes out is what was taken over.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"

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

# What the former run trained on and is held out here is said; what is kept apart by time, or the same split, is not.
# mf NAME WORD...: stderr in $folder/err
mf() {
    rm -rf "${folder:?}/$1"
    train "$1" model.kind=mf model.latent=6 train.epochs=3 train.lr=0.02 model.center=true "${@:2}" || complain "$1: $(cat "$folder/err")"
}
# leaks PATTERN WORD...: a run from $folder/former; PATTERN '': nothing is said of it
leaks() {
    mf d train.init="$folder/former" "${@:2}"
    if [ -n "$1" ]; then
        grep -q "was trained on .*held out here, so the $1 figures" "$folder/err" || complain "$*: no word of the leak: $(cat "$folder/err")"
    elif grep -q 'held out here' "$folder/err"; then
        complain "$*: $(cat "$folder/err")"
    fi
}
awk -F, 'NR > 1 { print $0 "," 1600000000 + NR }' "$folder/old.csv" >"$folder/days.csv"
{
    cat "$folder/days.csv"
    for i in 1 2 3 4 5 6 7 8 9; do echo "u$i,i4$i,4,170000000$i"; done
} >"$folder/more.csv"
old=data.path="$folder/days.csv" more=data.path="$folder/more.csv"
mf former "$old"
leaks '' "$old"
leaks 'validation and test' "$old" split.seed=2
leaks 'validation' "$old" split.valid=0.2
leaks 'validation and test' "$old" split.kind=time
leaks 'validation and test' "$more"
leaks 'test' "$more" split.valid=0
leaks '' "$more" split.test=0 split.valid=0
rm "$folder/former/config.yaml" # weights and ids are all that a warm start needs
leaks 'validation and test' "$old" split.seed=2
mf former "$old" train.refit=true
leaks 'validation' "$old"
mf former "$old" split.kind=time
leaks '' "$more" split.kind=time
leaks '' "$old" split.kind=time
leaks 'validation and test' "$more" split.kind=time split.test=0.3
mf former "$old" split.kind=last split.test=1 split.valid=1
leaks '' "$more" split.kind=last split.test=1 split.valid=1

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
