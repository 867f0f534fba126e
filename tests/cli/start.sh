#!/bin/bash
# partrain start: which values count as chosen, the split, the file that it writes, and what --train leaves.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
cd "$folder" || exit 1

# expect STATUS PATTERN ARGUMENT...: see expect_said
expect() {
    expect_said "$1" "$2" start "${@:3}"
}

# writes FILE PATTERN...: each is in the configuration; the program takes it
writes() {
    local file=$1 pattern
    shift
    for pattern; do
        grep -qE -- "$pattern" "$file" || complain "$file lacks $pattern: $(cat "$file")"
    done
    "$PARTRAIN" config -c "$file" >/dev/null || complain "$file is no configuration"
}

# users N RATINGS VALUE: N users with RATINGS items each; VALUE in terms of u, k in awk
users() {
    awk -v OFS='\t' -v n="$1" -v m="$2" "BEGIN { for (u = 1; u <= n; u++) for (k = 0; k < m; k++) print u, (u * 7 + k) % 97 + 100 * (k % 3), $3 }"
}

users 400 20 '(u + k) % 5 + 1' >stars.tsv
expect 0 'from 1 to 5: a scale' stars.tsv
writes stars.yaml '^split.kind: users ' '^data.min_rating: ' '^# chosen: ' '^model.kind: '
grep -qE '^data.min_rating: [34] ' stars.yaml || complain "stars: $(cat stars.yaml)"
expect 2 'is there already' stars.tsv
expect 0 'stars.yaml' stars.tsv --ratings --out r
writes r/stars.yaml '^model.kind: mf ' '^split.kind: random ' '^eval.metrics: .rmse, mae'
! grep -q '^data.min_rating' r/stars.yaml || complain "--ratings drops ratings"

users 400 20 '(u + k) % 10 + 1' >ten.tsv
expect 0 'from 1 to 10' ten.tsv
writes ten.yaml '^data.min_rating: [67] .*drops [0-9]+ of 8000'
users 400 20 '((u + k) % 41 - 20) / 2' >signed.tsv
expect 0 'from -10 to 10' signed.tsv
writes signed.yaml '^data.min_rating: [0-3](\.[0-9]+)? '

# Counts all count; so do pairs.
users 400 20 'k % 7 ? 1 : 250' >plays.tsv
expect 0 'counts, not a scale' plays.tsv
! grep -q '^data.min_rating' plays.yaml || complain "counts are dropped"
expect 0 'no rating to predict' plays.tsv --ratings --out p
(printf 'user\titem\tquantity\n'; users 400 20 '(u + k) % 5 + 1' | cut -f1-3) >orders.tsv
expect 0 'counts, not a scale' orders.tsv
! grep -q '^data.min_rating' orders.yaml || complain "quantities are dropped"
users 400 20 'k % 7 ? 1 : 250' | cut -f1,2 >pairs.tsv
expect 0 'no values: who chose what' pairs.tsv
! grep -q '^data.min_rating' pairs.yaml || complain "pairs are dropped"

# Few users: a part of each one's ratings; too few of them: refused, and nothing is written.
users 60 20 '(u + k) % 5 + 1' >few.tsv
expect 0 '60 users have 5 or more' few.tsv
writes few.yaml '^split.kind: per_user '
users 4 20 '(u + k) % 5 + 1' >four.tsv
expect 3 'too few to choose' four.tsv
[ ! -e four.yaml ] || complain "four.yaml was written"

# What is given stands; an epoch of small data has steps enough.
expect 0 'few.yaml' few.tsv --out g data.min_rating=2 split.seed=3
writes g/few.yaml '^data.min_rating: 2 +# as given' '^split.seed: 3 +# as given'
expect 0 'few.yaml' few.tsv --out w --threads 1 split.seed=3
writes w/few.yaml '^split.seed: 3 +# as given' '^run.threads: 1 +# as given'
expect 2 'chooses the model' few.tsv model.kind=mf
expect 2 'which ratings' --train
expect 2 'unknown key' few.tsv --out h data.pth=x
expect 2 'name a file' -

# --train: a run's folder with the best, the others beside it, a table, and the file of the best.
expect 0 '^test of the kept one  ndcg@100 ' few.tsv --train --out t train.epochs=3
writes t/few.yaml '^train.epochs: 3 '
grep -qE '^(multidae|ease|ials).* [0-9.]+  \*$' out || complain "no best in the table: $(cat out)"
grep -q '^popular items ' out || complain "no popular items in the table"
"$PARTRAIN" recommend -m t -k 3 --users 1 >/dev/null || complain "t is no run's folder"
[ "$(find t -name 'model*' -o -name 'checkpoint*' | sort | xargs)" = "t/checkpoint.safetensors t/model.safetensors" ] ||
    complain "weights of those that lost: $(find t -name '*.safetensors')"
[ "$(find t -mindepth 2 -name metrics.jsonl | wc -l)" -ge 6 ] || complain "metrics: $(find t -name metrics.jsonl)"
[ "$(find t -name summary.json)" = t/summary.json ] || complain "one that lost was trained to its end: $(find t -name summary.json)"
grep -qE '^recvae-ease .* [0-9.]+' out || complain "no recvae in the table: $(cat out)"
grep -q '^# also worth trying: recvae-ease, .*; about 1 min on two cores' few.yaml || complain "few.yaml does not say what recvae takes"
kind=$(sed -n 's/^model.kind: \([a-z]*\).*/\1/p' t/few.yaml)
grep -q "kind: $kind" t/config.yaml || complain "t/few.yaml is not of the run in t"

# A run that is there stays: the files of the best would take its place.
mkdir o
cp t/config.yaml t/model.safetensors o
expect 2 'there is a run in this folder' few.tsv --train --out o train.epochs=1
{ cmp -s t/config.yaml o/config.yaml && cmp -s t/model.safetensors o/model.safetensors; } || complain "start --train changed a run"

# Interrupted: what can be gone on with is named, and stays.
"$PARTRAIN" start synth:small --train --out stopped train.epochs=100000 train.patience=0 >out 2>err &
wait_for grep -q "training ials" err
kill -TERM $!
wait $!
[ $? -eq 143 ] || complain "start: another exit status after SIGTERM"
best=$(sed -n 's/.*interrupted while ials trained; the best before it is .*: partrain --resume --out \(.*\) finishes that one$/\1/p' err)
"$PARTRAIN" --resume --out "${best:-none}" >out 2>&1 || complain "interrupted: $(tail -1 err) $(tail -1 out)"
[ -s "${best:-none}/summary.json" ] || complain "interrupted: $best was not finished"
expect 2 'what an earlier start trained' synth:small --train --out stopped

# A setting that a candidate does not allow counts that one out, and no more.
expect 3 'no candidate trained: ' few.tsv --train --out none train.init=missing

expect 0 '^the mean rating  ' synth:small --ratings --train --out tr train.epochs=2
[ "$failures" -eq 0 ]
