#!/bin/bash
# partrain eval: the figures of summary.json again, exactly, for every model; intervals, pairs, other ratings.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
cd "$folder" || exit 1

train() {
    local out=$1
    shift
    "$PARTRAIN" train --out "$out" -q data.path=synth:small train.epochs=3 "$@" >/dev/null ||
        complain "train $out $*"
}

# expect STATUS PATTERN ARGUMENT...: see expect_said
expect() {
    expect_said "$1" "$2" eval "${@:3}"
}

# figures RUN PART: NAME VALUE of each figure in the summary's part, as `eval -o tsv` prints them
figures() {
    awk -v part="  \"$2\": {" '$0 == part {on = 1; next} on && /^  }/ {exit}
        on && !/"(examples|cells)"/ {gsub(/[",:]/, ""); printf "%s\t%.17g\n", $1, $2}' "$1/summary.json"
}

# same RUN PART [ARGUMENT...]
same() {
    local run=$1 part=$2
    shift 2
    figures "$run" "$part" >wanted
    "$PARTRAIN" eval -m "$run" --part "$part" -q -o tsv "$@" 2>err | tail -n +2 | cut -f1,2 |
        awk '{printf "%s\t%.17g\n", $1, $2}' >got
    [ -s wanted ] || complain "$run: no figures in its summary"
    diff wanted got >&2 || complain "$run $*: $part figures differ from the summary's: $(cat err)"
}

all=rmse,mae,mse,loss,ndcg@10,recall@5,recall_all@5,precision@5,map@5,map_min@5,mrr@20,hit@3,coverage@10
train item model.kind=autorec model.side=item eval.metrics=rmse,mae,mse,loss
train user model.kind=autorec model.side=user model.center=true eval.metrics=$all eval.relevant=4
train refit model.kind=autorec model.side=item model.center=true train.refit=true
train mf model.kind=mf model.latent=8 model.center=true eval.metrics=$all
train mfrange model.kind=mf model.latent=8 model.range_high=5.5 split.kind=last split.test=2 split.valid=1
train vae model.kind=multivae model.hidden=[16] model.latent=8 eval.metrics=ndcg@10,recall@5,loss,coverage@5
train dae model.kind=multidae model.latent=8 eval.metrics=ndcg@10,recall@5,loss,coverage@5
train zero model.kind=multivae model.hidden=[16] model.latent=8 eval.metrics=ndcg@10,recall@5 eval.seen=zero
train notest model.kind=mf split.test=0

for run in item user refit mf mfrange vae dae zero; do
    same $run test
    same $run test --threads 3
    [ $run = refit ] || same $run valid
done

expect 2 'no validation part: train.refit' -m refit --part valid
expect 2 'has no test part' -m notest
expect 0 '^ndcg@10 +0\.[0-9]+ +0\.[0-9]+ +0\.[0-9]+ +0\.[0-9]+$' -m vae --ci
expect 0 '^coverage@5 +[0-9.]+ +- +- +-$' -m vae --ci
expect 0 '^rmse .* 0\.000[0-9]+$' -m item --against mf --metrics rmse
expect 0 '^ndcg@10 +0\.[0-9]+ +0\.[0-9]+ +0 +0 +0 +1$' -m vae --against vae --metrics ndcg@10
expect 0 '^metric +value +seen_remove$' -m zero
expect 0 '"difference": ' -m item --against user -o json --metrics rmse
expect 2 'not evaluated on the same held-out ratings' -m vae --against mf --metrics ndcg@10
expect 2 'other eval.metrics' -m vae --against mf
expect 2 'none of popular, mean, .*; did you mean ease\?$' -m vae --against easy
expect 2 "^partrain: --against runs/none: no run's folder" -m vae --against runs/none
expect 2 'a multivae predicts no ratings' -m vae --metrics rmse
expect 2 'ranking metrics need examples that are users' -m item --metrics ndcg@5
expect 2 'part of the trained model' -m vae model.latent=9
expect 2 'part of the trained model' -m vae train.epochs=9
expect 2 'unknown key; did you mean eval.batch' -m vae eval.bacth=9
expect 2 'no run given: partrain eval -m RUN$' --ci
expect 2 'no run given: partrain eval -m vae$' vae
expect 2 'is none of test, valid' -m vae --part train
expect 2 'is none of table, json, tsv' -m vae -o yaml
expect 2 'is not between 100 and 1000000' -m vae --ci --resamples 5
expect 2 'none: there is no such folder' -m none
expect 2 'items.tsv: a file; name a run' -m vae/items.tsv
mkdir begun && cp vae/config.yaml begun
expect 2 'begun: there is no model in this folder; its run has not saved one yet: partrain --resume --out begun$' -m begun
expect 3 'missing.csv' -m vae data.path=missing.csv
expect 6 'cannot be (written|created)|No such file' -m vae --per-user none/x.tsv

# A test file: as a run's own test part, where nothing is between training and test; else what is known is left out.
"$PARTRAIN" data split synth:small model.kind=mf split.valid=0 --to base -o own 2>err || complain "data split: $(cat err)"
for words in 'model.kind=mf model.latent=4 model.center=true' 'model.kind=autorec model.side=item model.hidden=8 model.center=true' \
    'model.kind=autorec model.side=user model.hidden=8 model.center=true' 'model.kind=multidae model.latent=4 split.kind=random'; do
    rm -rf apart
    # shellcheck disable=SC2086
    train apart split.valid=0 $words
    figures apart test >wanted
    "$PARTRAIN" eval -m apart --on own/u.test -o tsv 2>err | tail -n +2 | cut -f1,2 | awk '{printf "%s\t%.17g\n", $1, $2}' >got
    [ -s wanted ] || complain "--on: $words: no figures to compare"
    diff wanted got >&2 || complain "--on its own test part, $words: $(cat err)"
done
expect 0 'apart was trained on [1-9][0-9]* of the ratings; they are left out' -m apart --on own
grep -q '^partrain: own/u.base .*: .*lines' out || complain "--on: how the file was read is not said: $(cat out)"
expect 3 'nothing in it to evaluate apart on: of [0-9]+ ratings 0 have ids .* and it was trained on [1-9]' -m apart --on own/u.base
"$PARTRAIN" train --out alone -q model.kind=mf model.center=true data.path=own/u.base split.test=0 split.valid=0 train.epochs=3 >/dev/null 2>err ||
    complain "u.base alone: $(cat err)"
"$PARTRAIN" train --out given -q model.kind=mf model.center=true data.path=own/u.base split.kind=given split.valid=0 train.epochs=3 >/dev/null 2>err ||
    complain "u.base and u.test: $(cat err)"
a=$("$PARTRAIN" eval -m alone --on own/u.test -q -o tsv | cut -f1,2) b=$("$PARTRAIN" eval -m given -q -o tsv | cut -f1,2)
awk -v a="$a" -v b="$b" 'BEGIN { split(a, x); split(b, y); d = x[4] - y[4]; exit !(x[3] == "rmse" && d < 0.01 && d > -0.01) }' ||
    complain "a test file apart: $a, given: $b"
expect 2 'its split has no test part; --on FILE' -m alone
expect 0 '^rmse .*' -m alone --on own/u.test --against alone --metrics rmse
expect 2 'leave --part out' -m alone --on own/u.test --part valid
expect 2 'split.seed=2: leave it out' -m alone --on own/u.test split.seed=2
printf '%s\n' 'nobody,1,3' "$(head -1 own/u.test | cut -f1,2 | tr '\t' ','),4" >few
expect 0 'alone: on few, 1 examples, 1 held-out ratings' -m alone --on few
expect 0 'note: 1 rating of ids that the model of alone does not have' -m alone --on few
"$PARTRAIN" train --out four -q model.kind=mf data.path=own/u.base data.columns=user,item,rating,skip split.test=0 split.valid=0 train.epochs=1 >/dev/null 2>err ||
    complain "four columns: $(cat err)"
expect 0 'four: on few, 1 examples, 1 held-out ratings' -m four --on few # another number of columns than the run's data
"$PARTRAIN" data split synth:small --to liang -o five 2>err || complain "data split: $(cat err)"
"$PARTRAIN" train --out five.run -q model.kind=multidae model.latent=4 data.path=five train.epochs=2 eval.metrics=ndcg@10 >/dev/null 2>err ||
    complain "five files: $(cat err)"
sed 's/uid,sid/user,item/' five/test_te.csv >five.csv
a=$("$PARTRAIN" eval -m five.run --on five.csv -q -o tsv | cut -f1,2) b=$("$PARTRAIN" eval -m five.run -q -o tsv | cut -f1,2)
[ "$a" = "$b" ] || complain "--on the held-out test users' clicks: $a, the run's own: $b"

# The same seed, the same interval, at any number of threads; another seed, another.
for threads in 1 2 3; do
    "$PARTRAIN" eval -m vae --ci --seed 4 --threads $threads -q -o tsv >ci.$threads 2>err || complain "--ci: $(cat err)"
done
if ! cmp -s ci.1 ci.2 || ! cmp -s ci.1 ci.3; then complain "intervals depend on threads"; fi
"$PARTRAIN" eval -m vae --ci --seed 5 -q -o tsv >ci.other 2>err
cmp -s ci.1 ci.other && complain "the seed of the resamples does nothing"

# By user: the mean of the users' figures is the figure.
"$PARTRAIN" eval -m vae --per-user users.tsv --metrics ndcg@10,coverage@5 -q -o tsv >out 2>err
mean=$(awk -F'\t' 'NR > 1 {s += $2; n++} END {printf "%.12f", s / n}' users.tsv)
value=$(awk -F'\t' '$1 == "ndcg@10" {printf "%.12f", $2}' out)
[ "$mean" = "$value" ] || complain "mean over users.tsv: $mean, figure: $value"
[ "$(head -1 users.tsv)" = "user	ndcg@10" ] || complain "users.tsv: $(head -1 users.tsv)"

# What is popular, counted here once more: items that most have in training first, those that a user has left out.
train plain model.kind=mf model.latent=4 split.valid=0 eval.metrics=recall@5,coverage@5
"$PARTRAIN" data split synth:small model.kind=mf split.valid=0 --to base -o base 2>err || complain "data split: $(cat err)"
cut -f1 plain/items.tsv >ids
awk -v k=5 '
    FILENAME == "ids" { name[++m] = $1; next }
    FILENAME == "base/u.base" { count[$2]++; has[$1, $2] = 1; next }
    { held[$1, $2] = 1; n[$1]++ }
    END {
        for (u in n) {
            hits = 0
            delete taken
            for (r = 1; r <= k; r++) {
                best = 0
                for (i = 1; i <= m; i++)
                    if (count[name[i]] && !has[u, name[i]] && !taken[i] && (!best || count[name[i]] > count[name[best]]))
                        best = i
                taken[best] = shown[best] = 1
                hits += ((u, name[best]) in held)
            }
            sum += hits / (n[u] < k ? n[u] : k)
            users++
        }
        for (i in shown)
            listed++
        printf "%.12g %d\n", sum / users, listed
    }' ids base/u.base base/u.test >wanted
"$PARTRAIN" eval -m plain --against popular -q -o tsv >out 2>err || complain "--against popular: $(cat err)"
awk -v items="$(wc -l <ids)" '$1 == "recall@5" {r = $3} $1 == "coverage@5" {c = $3}
    END {printf "%.12g %d\n", r, c * items + 0.5}' out >got
diff wanted got >&2 || complain "popular: other figures than those counted here"
expect 2 'popular has no such figure' -m mf --against popular --metrics rmse split.seed=5
! grep -q 'note: split' out || complain "--against popular: refused after the run was judged"
"$PARTRAIN" data convert synth:small -o small.csv 2>err || complain "convert: $(cat err)"
"$PARTRAIN" eval -m mf --against popular --metrics ndcg@10 data.path=small.csv run.cache=off >out 2>err
[ "$(grep -c 'run.cache' err)" -eq 1 ] || complain "--against popular: ratings are not read once: $(cat err)"
expect 0 '^ndcg@10 +0\.' -m vae --against popular --metrics ndcg@10 --ci
expect 0 '^ndcg@10 +0\.' -m vae --against itemknn --metrics ndcg@10
expect 0 'itemknn: [0-9]+ neighbours, by validation' -m vae --against itemknn --metrics ndcg@10
expect 0 'shrinkage [0-9]+ for users, [0-9]+ for items' -m mf --against bias --metrics rmse,mae
expect 2 'bias is for models of ratings' -m vae --against bias
# A refitted run has no validation part any more, a file none of its own: they choose by the one that the run had.
train again model.kind=multidae model.latent=8 eval.metrics=ndcg@10,recall@5 train.refit=true
for kind in ease itemknn; do
    wanted=$("$PARTRAIN" eval -m vae --against $kind --metrics ndcg@10 2>&1 | sed -n 's/.*: \(.*\), by validation$/\1/p')
    expect 0 "$kind: $wanted, by the validation part of the run" -m again --against $kind --metrics ndcg@10
    expect 0 "$kind: $wanted, by the validation part of the run" -m vae --against $kind --metrics ndcg@10 --on small.csv
done
train alone2 model.kind=multidae model.latent=8 eval.metrics=ndcg@10 split.valid_users=0
expect 0 'ease: l2 500; no validation part to choose it by' -m alone2 --against ease
# The same two means stand in the run's own line and summary.
grep -q '"bias": {' mf/summary.json || complain "no baselines in summary.json"
two=$(sed -n '/"bias": {/,/}/s/.*"rmse": \([0-9.]*\).*/\1/p' mf/summary.json)
"$PARTRAIN" eval -m mf --against bias --metrics rmse -q -o tsv >out 2>err
awk -F'\t' -v two="$two" '$1 == "rmse" && $3 - two < 1e-12 && two - $3 < 1e-12 {ok = 1} END {exit !ok}' out ||
    complain "two means: $two in summary.json, and: $(grep rmse out)"

# Other ratings: another order of the same ones, ids that the model does not know, none that it knows.
cut -f1 vae/items.tsv >ids
awk 'BEGIN {srand(3)} {id[NR] = $1} END {for (u = 1; u <= 60; u++) for (k = 0; k < 12; k++)
    print "new" u "," id[1 + int(rand() * NR)] "," 1 + int(rand() * 5)}' ids | sort -u -t, -k1,2 >new.csv
sort -r new.csv >reversed.csv
for file in new reversed; do
    "$PARTRAIN" eval -m vae data.path=$file.csv data.columns=user,item,rating split.test_users=30 \
        split.valid_users=0 -q >$file.out 2>err || complain "$file.csv: $(cat err)"
done
echo 'new1,unknown,5' >>new.csv
expect 0 'note: 1 rating of ids that the model of vae does not have' \
    -m vae data.path=new.csv data.columns=user,item,rating split.test_users=30 split.valid_users=0
# They are cut into parts as in a training on them, unknown items included, which are left out afterwards.
{ cat new.csv; awk -F, '{print $1 ",unknown" NR % 40 ",3"}' new.csv; } >mixed.csv
"$PARTRAIN" data split mixed.csv data.columns=user,item,rating split.kind=random model.kind=mf --to base -o mixed 2>err ||
    complain "mixed.csv: $(cat err)"
wanted=$(awk 'FILENAME == ARGV[1] { known[$1] = 1; next } $2 in known' mf/items.tsv mixed/u.test | wc -l)
expect 0 ", $wanted held-out ratings" -m mf data.path=mixed.csv data.columns=user,item,rating
rows='note: [1-9][0-9]* of the users had no rating in the training of mf; their rows are made from'
expect 0 "$rows" -m mf data.path=new.csv data.columns=user,item,rating --metrics rmse,ndcg@5
expect 0 "$rows" -m mf data.path=new.csv data.columns=user,item,rating split.kind=users split.test_users=30 split.valid_users=0
expect 0 'and the split leaves them none' -m mf data.path=new.csv data.columns=user,item,rating split.test=.97
grep -q 'of the users too' out && complain "new users that the run is said to know: $(cat out)"
expect 0 'note: the run mf has ratings of [1-9][0-9]* of the users too' -m mf data.path=small.csv --metrics rmse data.min_rating=2
expect 0 'note: the run item has ratings of [1-9][0-9]* of the users too' -m item data.path=small.csv --metrics rmse data.min_rating=2
sed 's/,\([^,]*\),/,x\1,/' new.csv >strange.csv
expect 3 'knows none of the items' -m vae data.path=strange.csv data.columns=user,item,rating
expect 0 'may have been trained on ratings' -m mf split.seed=9
expect 0 'note: one rating is held out: 1 .* is a count' -m mf split.test=1

# Ratings that changed under the run; tables and models that were damaged.
cp new.csv grow.csv
"$PARTRAIN" train --out grown -q model.kind=mf data.path=grow.csv data.columns=user,item,rating train.epochs=1 \
    >/dev/null 2>err || complain "grow.csv: $(cat err)"
echo 'new1,another,5' >>grow.csv
expect 3 'are not those that the model was trained on' -m grown
mv grow.csv away.csv
expect 3 "run's data.path, relative to the folder in which it was trained \(others: data.path=FILE\): grow" -m grown
cp -r vae broken
sed -i '3d' broken/items.tsv
expect 6 'do not belong to its model' -m broken
cp vae/items.tsv broken/
sed -i '2{p;}' broken/users.tsv
expect 6 'users.tsv: line 3: the id of line 2 again' -m broken
cp vae/users.tsv broken/
printf x | dd of=broken/model.safetensors bs=1 seek=3000 conv=notrunc 2>/dev/null
expect 6 'model.safetensors' -m broken
rm broken/model.safetensors
expect 2 'there is no model in this folder' -m broken
[ "$failures" -eq 0 ]
