#!/bin/bash
# model.kind ease: what a run leaves is what ten lines of NumPy give, whatever the number of threads; and all that is done
# with a model.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
steps=$(dirname "$PARTRAIN")/tests/parity_steps
data=(data.path=synth:1200x300x40000 data.min_rating=3 split.valid_users=200 split.test_users=200)
source=$PWD
cd "$folder" || exit 1

train() {
    local name=$1
    shift
    "$PARTRAIN" train -q --out "$name" -c "$source/conf/ease.yaml" "$@" >out 2>err || fail "$name: training failed: $(cat err)"
}

hash_of() {
    sed -n 's/.*"weights_hash": "\(.*\)".*/\1/p' "$1/summary.json"
}

# Against NumPy: EASE, EDLAE, and published data where they are there.
numpy() {
    local name=$1 python
    shift
    python=$(for p in python3 /usr/bin/python3; do "$p" -c 'import numpy' 2>/dev/null && echo "$p"; done | head -1)
    [ -n "$python" ] && [ -x "$steps" ] || return 0
    mkdir -p "$name.split"
    if ! "$steps" "$name.split" 0 "$source/conf/ease.yaml" "$@" || ! train "$name" "$@" ||
        ! "$python" "$source/tests/support/ease.py" "$name.split" "$name"; then
        fail "$name: not what NumPy gives"
    fi
}
numpy plain "${data[@]}" train.l2=50
numpy dropout "${data[@]}" train.l2=20 model.input_dropout=0.4
[ ! -d "${PARTRAIN_DATA:-/none}/ml-1m" ] ||
    numpy ml-1m data.path="$PARTRAIN_DATA/ml-1m" data.min_rating=3.5 data.min_user_ratings=5 split.valid_users=600 split.test_users=600

# One answer.
train some "${data[@]}" run.threads=1
for threads in 2 3 7; do
    train threads "${data[@]}" run.threads=$threads
    [ "$(hash_of threads)" = "$(hash_of some)" ] || fail "$threads threads: another answer"
    rm -r threads
done

# Resumed, it is done; on validation data too, it is another.
"$PARTRAIN" train -q --out some --resume -c "$source/conf/ease.yaml" "${data[@]}" run.threads=1 >out 2>err || fail "resume: $(cat err)"
train refit "${data[@]}" train.refit=true
[ "$(hash_of refit)" != "$(hash_of some)" ] || fail "refit: the same weights"

# Used.
"$PARTRAIN" eval -m some >out 2>err || fail "eval: $(cat err)"
says 'ndcg@100'
# Against itself as a baseline, whose penalty validation chooses.
"$PARTRAIN" eval -m some --against ease >out 2>err || fail "eval --against ease: $(cat err)"
train same "${data[@]}" train.l2="$(sed -n 's/.*ease: l2 \([0-9]*\), by validation/\1/p' err)"
"$PARTRAIN" eval -m same --against ease >out 2>err || fail "eval --against ease: $(cat err)"
says '^ndcg@100 .* 0  *0  *0  *1$'
head -3 some/items.tsv | cut -f1 >history
"$PARTRAIN" recommend -m some -k 5 history >out 2>err || fail "recommend: $(cat err)"
[ "$(wc -l <out)" -eq 5 ] || fail "recommend: not 5 lines: $(cat out)"
"$PARTRAIN" export -m some -o some.onnx >out 2>err || fail "export: $(cat err)"
"$PARTRAIN" report some -o report.html >out 2>err || fail "report: $(cat err)"

# The most popular items only: a smaller file, and others are never in front.
train popular "${data[@]}" model.items_most=40
[ "$(stat -c %s popular/model.safetensors)" -lt 20000 ] || fail "items_most: the file holds more than 40 x 40 weights"
"$PARTRAIN" eval -m popular >out 2>err || fail "items_most: eval: $(cat err)"
"$PARTRAIN" recommend -m popular -k 5 history >out 2>err || fail "items_most: recommend: $(cat err)"
"$PARTRAIN" export -m popular -o popular.onnx >out 2>err || fail "items_most: export: $(cat err)"

# A checkpoint has no weights: what was not done begins again, what was done goes on from the model.
[ "$(stat -c %s refit/checkpoint.safetensors)" -lt 4000 ] || fail "a checkpoint of a closed form holds weights"
cp -r refit again
rm again/summary.json
"$PARTRAIN" train -q --out again --resume >out 2>err || fail "resume: $(cat err)"
grep '_hash"' refit/summary.json >wanted
grep '_hash"' again/summary.json | cmp -s wanted - || fail "resumed: other weights"

# Refused: a start, no penalty, too many items.
! "$PARTRAIN" train -q --out no -c "$source/conf/ease.yaml" "${data[@]}" train.init=some >out 2>err || fail "train.init is taken"
complains 'train.init: ease is computed from the ratings alone'
! "$PARTRAIN" train -q --out no -c "$source/conf/ease.yaml" "${data[@]}" train.l2=0 >out 2>err || fail "train.l2=0 is taken"
complains 'train.l2: ease has no solution without a penalty'
"$PARTRAIN" train -q --dry-run model.kind=ease data.path=synth:2000x200000x400000 >out 2>err && fail "200,000 items squared fit"
complains 'model.items_most=[1-9][0-9]*00 would fit'
exit 0
