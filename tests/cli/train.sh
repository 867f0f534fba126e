#!/bin/bash
# partrain train from end to end on a small made-up set: every model, side and split, what is printed where, the same
# lines of metrics.jsonl for any number of threads.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
cd "$folder" || exit 1

# train FOLDER ARGUMENT...: 4 epochs
train() {
    local folder=$1
    shift
    "$PARTRAIN" train --out "$folder" data.path=synth:small train.epochs=4 run.threads=1 "$@" >out 2>err ||
        complain "train $*: exit $?: $(tail -1 err)"
}

# value KEY FILE: of a JSON file with a key a line, the first of that name
value() {
    sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" "$2" | head -1
}

without_times() {
    sed 's/,"time":{[^}]*}//' "$1/metrics.jsonl"
}

n=0
# threads ARGUMENT...: 1, 2 and 3 of them leave the same lines, hashes and model file
threads() {
    n=$((n + 1))
    for t in 1 2 3; do
        train "t$n.$t" "$@" --threads $t train.epochs=2
        [ "$(value threads "t$n.$t/summary.json")" = $t ] || complain "$*: not $t threads"
        without_times "t$n.$t" >"lines.$t"
        grep -h '_hash"' "t$n.$t/summary.json" >"hashes.$t"
        [ "$(grep -c . "lines.$t")" -ge 2 ] || complain "$*: fewer than 2 lines of metrics.jsonl"
        cmp "lines.1" "lines.$t" >&2 || complain "$*: other lines of metrics.jsonl with $t threads"
        cmp "hashes.1" "hashes.$t" >&2 || complain "$*: other hashes with $t threads"
        cmp "t$n.1/model.safetensors" "t$n.$t/model.safetensors" >&2 || complain "$*: another model file with $t threads"
    done
    grep -q '"time":{"train_s":' "t$n.1/metrics.jsonl" || complain "$*: no times in metrics.jsonl"
}

ranking='eval.metrics=rmse,ndcg@10,recall@20,map@5,mrr@10,hit@1,coverage@10'
threads model.kind=autorec model.side=item 'model.hidden=[30]'
threads model.kind=autorec model.side=user 'model.hidden=[30, 10, 30]' "$ranking" train.last_batch=rollover train.batch=64
threads model.kind=autorec model.side=item train.refit=true model.center=true
threads model.kind=multivae 'model.hidden=[30]' model.latent=8 model.input_dropout=0.5 train.batch=50
threads model.kind=recvae 'model.hidden=[30,30,30]' model.latent=8 train.batch=50 train.clip_norm=1
threads model.kind=ials model.latent=8 train.penalty=0.02
threads model.kind=multidae model.latent=8 train.microbatch=16 train.batch=64 train.clip_norm=1
threads model.kind=mf model.latent=8 "$ranking" train.schedule=one_cycle train.batch=100
threads model.kind=mf model.latent=8 "$ranking" train.optimizer=sgd model.center=true train.refit=true
threads model.kind=mf model.latent=8 train.optimizer=sgd model.range_low=0.5 model.range_high=5.5 train.schedule=cosine
# Epoch 0, the two means alone, is judged, and best where steps only do harm.
grep -q '^{"epoch":0,"valid":{' "t$n.1/metrics.jsonl" || complain "sgd: epoch 0 is not judged"
train means model.kind=mf train.optimizer=sgd model.center=true train.lr=0.2 train.penalty=0 train.epochs=30 eval.every=30
[ "$(value best_epoch means/summary.json)" = 0 ] || complain "sgd: epoch 0 is not the best of a run that gets worse"

# Every kind of split, with and without validation.
for kind in random per_user last time kfold; do
    train "s.$kind" model.kind=mf model.latent=4 split.kind=$kind split.test=0.2
    [ "$(value test "s.$kind/summary.json")" -gt 300 ] || complain "$kind: hardly a test rating"
    train "s.$kind.0" model.kind=autorec split.kind=$kind split.test=0.2 split.valid=0
    [ "$(value best_epoch "s.$kind.0/summary.json")" = 4 ] || complain "$kind: without validation the last epoch counts"
    [ "$(value weights_hash "s.$kind.0/summary.json")" = "$(value model_hash "s.$kind.0/summary.json")" ] ||
        complain "$kind: without validation the last model is the one that is saved"
done
# A monitor without a value chooses no model: told before training where no rating can be relevant, else at its end.
expect_said 3 'none of the [0-9]+ validation ratings is 6 \(eval.relevant\) or more' train --out nobody -q \
    data.path=synth:small model.kind=mf train.epochs=2 eval.metrics=ndcg@10 eval.relevant=6
train somebody model.kind=mf model.latent=4 eval.metrics=ndcg@10 eval.relevant=5
train coverage model.kind=mf model.latent=4 eval.metrics=coverage@10 eval.relevant=6
for activation in identity selu; do # validation errors that are NaN, and infinite
    expect_said 5 'the validation rmse is not finite in any epoch' train --out far.$activation -q data.path=synth:small \
        model.kind=autorec model.side=user 'model.hidden=[100,100,100,100,100,100,100,100,100,100,100,100]' \
        model.activation=$activation model.loss=sum train.epochs=1 train.lr=100 train.batch=1000 eval.clip=false
    [ ! -e far.$activation/model.safetensors ] || complain "$activation: a model was saved as the best"
done

train s.users model.kind=multidae model.latent=4 split.kind=users
train s.rows model.kind=autorec model.side=item split.kind=rows split.fold_in=1
for file in base test; do
    awk -v s=$file 'BEGIN {srand(s == "base"); for (u = 1; u <= 30; u++) for (i = 1; i <= 20; i++)
        if ((u * 7 + i * 3) % 5 != 0 && ((u + i) % 4 == 0) == (s == "test")) print u "\t" i "\t" 1 + (u * i) % 5 "\t" 9}' \
        >u1.$file
done
mkdir given && mv u1.base u1.test given/
train s.given model.kind=mf model.latent=4 data.path=given split.kind=given
[ "$(value valid s.given/summary.json)" -gt 5 ] || complain "given: no validation part"
"$PARTRAIN" train --out s.given.0 model.kind=mf data.path=given split.kind=given split.valid=0 train.patience=2 \
    >out 2>err
status=$?
if [ $status -ne 2 ] || ! grep -q 'train.patience: .*the split that came' err; then
    complain "given, no validation, patience: exit $status: $(tail -1 err)"
fi
[ -e s.given.0 ] && complain "a refused run left its folder"

# More threads than processors are told.
processors=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
train crowd model.kind=mf train.epochs=1 --threads $((processors + 1))
grep -q "^partrain: note: $((processors + 1)) workers take turns on $processors processor" err || complain "too many threads: $(cat err)"
train alone model.kind=mf train.epochs=1 --threads 1
! grep -q 'take turns' err || complain "one thread is too many"

# How many threads where nobody says so, and what a model of ratings is told of data without any.
OMP_NUM_THREADS=3 train omp model.kind=mf run.threads=0
[ "$(value threads omp/summary.json)" = 3 ] || complain "OMP_NUM_THREADS=3: $(value threads omp/summary.json) threads"
OMP_NUM_THREADS=3 train told model.kind=mf run.threads=2
[ "$(value threads told/summary.json)" = 2 ] || complain "run.threads=2: $(value threads told/summary.json) threads"
awk 'BEGIN { for (u = 1; u <= 30; u++) for (i = 1; i <= 9; i++) print "u" u, "i" u * i % 23 }' >clicks
train chosen model.kind=mf data.path=clicks
grep -q 'every training rating is 1' err || complain "a rating model on clicks, and nothing said"
train chosen.vae model.kind=multivae data.path=clicks
grep -q 'every training rating' err && complain "a note for multivae on clicks"

# Patience: the run ends early, and the best epoch is not the last one.
"$PARTRAIN" train --out patient data.path=synth:small model.kind=mf train.optimizer=adam run.threads=1 train.lr=0.05 train.epochs=200 train.patience=3 \
    model.center=true -q >out 2>err || complain "patience: $(tail -1 err)"
epochs=$(value epochs patient/summary.json) best=$(value best_epoch patient/summary.json)
if [ "$epochs" -eq 200 ] || [ "$epochs" -ne $((best + 3)) ]; then
    complain "patience 3: best epoch $best of $epochs"
fi
cp patient/summary.json before
train again.patient model.kind=mf train.optimizer=adam train.lr=0.05 train.epochs=200 train.patience=3 model.center=true
grep -q "^stopped after epoch $epochs: no better for 3 epochs (train.patience)$" err || complain "patience: no word of it: $(tail -3 err)"
"$PARTRAIN" train --out patient data.path=synth:small model.kind=mf train.optimizer=adam run.threads=1 train.lr=0.05 train.epochs=200 train.patience=3 \
    model.center=true --resume >out 2>err || complain "--resume of a run that ran out of patience: $(tail -1 err)"
cmp before patient/summary.json || complain "--resume of a finished run wrote its summary again"
[ "$(grep -c . patient/metrics.jsonl)" -eq "$epochs" ] || complain "patience: not a line an epoch"
# It is counted in epochs however seldom one is evaluated: the run ends at the first evaluation that is as late as that.
train patient.seldom model.kind=mf train.optimizer=adam train.lr=0.05 train.epochs=200 train.patience=5 model.center=true eval.every=2
epochs=$(value epochs patient.seldom/summary.json) best=$(value best_epoch patient.seldom/summary.json)
[ "$epochs" -eq $((best + 6)) ] || complain "patience 5, every 2 epochs: best epoch $best of $epochs"

# A model of ratings that is no better than their mean gets a note, with -q too; a better one does not.
awk 'BEGIN { srand(4); for (u = 1; u <= 60; u++) for (i = 1; i <= 30; i++) if (rand() < 0.5)
    print u "," i "," 40 + u % 7 * 5 + i % 5 * 5 }' >percent
"$PARTRAIN" train --out useless -q data.path=percent model.kind=autorec model.hidden=8 train.epochs=1 train.lr=1e-6 \
    >out 2>err || complain "useless: $(cat err)"
grep -q 'no better than predicting the training mean (test RMSE .*model.center=true' err || complain "no note about a useless model: $(cat err)"
expect_said 0 'model.center=true, train.lr above 0, ratings' train --out still -q data.path=percent model.kind=autorec \
    model.hidden=8 train.epochs=1 train.lr=0
"$PARTRAIN" train --out useful -q data.path=percent model.kind=mf train.epochs=60 train.lr=0.02 model.center=true \
    >out 2>err || complain "useful: $(cat err)"
grep -q "no better" err && complain "a good model: $(cat err)"
mean=$(value test_rmse useful/summary.json)
awk -v a="$mean" -v b="$(value test_rmse useless/summary.json)" -v c="$(value rmse useful/summary.json)" \
    'BEGIN { exit !(a == b && a > 8 && a < 20 && c < a) }' || complain "of_mean: $mean, useful: $(value rmse useful/summary.json)"
"$PARTRAIN" eval -m useless -q >out 2>err
grep -q 'no better than predicting the training mean (test RMSE' err || complain "eval of a useless model: $(cat err)"

# Held-out users with too few clicks: said, and the reasons are true.
awk 'BEGIN { for (u = 1; u <= 200; u++) for (i = 0; i < 1 + u % 4; i++) print u "," (u * 7 + i * 5) % 40 }' >sparse
"$PARTRAIN" train --out sparse.all -q data.path=sparse model.kind=multidae model.latent=4 train.epochs=1 >out 2>err ||
    complain "sparse: $(cat err)"
grep -q 'none of the 20 test users is scored' err || complain "sparse: nothing is judged, and no word: $(cat err)"
"$PARTRAIN" train --out sparse.p -q data.path=sparse model.kind=multidae model.latent=4 train.patience=2 >out 2>err
if [ $? -ne 2 ] || ! grep -q 'train.patience: .*none of the 20 validation users has ratings enough' err || [ -e sparse.p ]; then
    complain "sparse, patience: $(cat err)"
fi
awk 'BEGIN { for (u = 1; u <= 200; u++) for (i = 0; i < (u % 2 ? 3 : 10); i++) print u "," (u * 7 + i * 5) % 40 }' >some
train mixed data.path=some model.kind=multidae model.latent=4 split.kind=users
grep -qE ', [0-9]+ fold-in, [0-9]+ validation of [0-9]+ users, [0-9]+ test of [0-9]+ users\)' err || complain "mixed: $(cat err)"
grep -qE 'note: 20 test users, [0-9]+ scored; [0-9]+ with too few ratings' err || complain "mixed: $(cat err)"
train full model.kind=multidae model.latent=4 split.min_fold_in=1 split.kind=users
grep -q 'with too few' err && complain "all are scored: $(cat err)"

train single model.kind=mf split.test=1
grep -q 'note: one rating is held out for testing; .* 1 is a count' err || complain "split.test=1: $(cat err)"

# No epoch at all: the initial weights are judged.
train none model.kind=mf train.epochs=0
[ "$(value epochs none/summary.json)" = 0 ] || complain "train.epochs=0: $(value epochs none/summary.json) epochs"

# What is printed where.
train v model.kind=mf train.optimizer=adam
grep -q 'stopped after' err && complain "a run that went to its end stopped early"
grep -qE '^test  rmse [0-9.]+ \(mean [0-9.]+, two means [0-9.]+\)  mae [0-9.]+$' out || complain "stdout is not the result: $(cat out)"
[ "$(grep -c . out)" -eq 1 ] || complain "stdout has more than the result"
[ "$(grep -cE '^epoch [1-4]/4  loss [0-9.e+-]+  [0-9]+ examples/s  rmse ' err)" -eq 4 ] ||
    complain "not a plain line an epoch: $(cat err)"
# An epoch's rate is that of its own examples (of mf: ratings) and time.
rates=$(sed -n 's/^epoch .* \([0-9]*\) examples.*/\1/p' err)
sed 's/.*"train_s":\([0-9.e-]*\),.*/\1/' v/metrics.jsonl | awk -v n="$(value train v/summary.json)" -v rates="$rates" '
    BEGIN { split(rates, rate) } { if (n / $1 > 1.02 * rate[NR] || n / $1 < 0.98 * rate[NR]) bad = 1 } END { exit NR != 4 || bad }' ||
    complain "examples/s are not those of the epochs: $rates"
grep -q $'\r\|\033' err && complain "control characters where stderr is no terminal"
grep -q '^model: {kind: mf' err || complain "the configuration in force is not printed"
[ "$(grep -c . err)" -le 55 ] || complain "more than a screen and the epochs"
train q model.kind=mf model.center=true train.lr=0.01 -q
grep -v "^partrain: two means" err >&2 && complain "-q, and still: $(cat err)"
grep -qE '^test  rmse [0-9.]+ \(mean [0-9.]+, two means [0-9.]+\)  mae [0-9.]+$' out || complain "-q hides the result"
# on_terminal COMMAND: what it prints is in the file typescript
on_terminal() {
    script -qec "$1" typescript >/dev/null 2>&1
}
if ! has script; then
    :
elif ! on_terminal true; then
    echo "left out: needs a terminal (/dev/pts)" >&2
else
    on_terminal "'$PARTRAIN' train --out tty data.path=synth:600x400x20000 model.kind=mf run.threads=1 train.epochs=20 train.batch=32" ||
        complain "on a terminal: exit $?"
    tr '\r' '\n' <typescript >lines
    grep -qE 'epoch [0-9]+/20 +[0-9]+%  loss [0-9.]+  [0-9]+ examples/s  [0-9]+ s left' lines ||
        complain "no progress line on a terminal"
    grep -qE 'left  valid rmse [0-9.]+' lines || complain "the progress line lacks the last validation figure"
    grep -q '^epoch 3/20  loss' lines && complain "plain lines on a terminal without -v"
fi

# The default folder, named by configuration and time.
printf 'model: {kind: mf}\ndata: {path: "synth:small"}\ntrain: {epochs: 1}\n' >small.yaml
"$PARTRAIN" -c small.yaml -q >out 2>err || complain "-c small.yaml: $(cat err)"
"$PARTRAIN" -c small.yaml -q >out 2>err || complain "-c small.yaml again: $(cat err)"
[ "$(find runs -name summary.json | grep -c '^runs/small-[0-9]\{8\}-[0-9]\{6\}\(-2\)\{0,1\}/')" -eq 2 ] ||
    complain "default folders: $(ls runs)"
for file in config.yaml metrics.jsonl model.safetensors checkpoint.safetensors items.tsv users.tsv summary.json; do
    [ -s v/$file ] || complain "no $file"
done
find . -name '*.tmp-*' | grep . >&2 && complain "temporary files are left"
"$PARTRAIN" train -c v/config.yaml --out again -q >out 2>err || complain "a run's config.yaml cannot be used again: $(cat err)"
[ "$(value weights_hash v/summary.json)" = "$(value weights_hash again/summary.json)" ] ||
    complain "a run's config.yaml gives another run"
# The rates count what is trained: without the last minibatch where that is dropped.
rates() {
    awk -v s="$(value epoch_s_median "$1/summary.json")" -v e="$(value examples_per_s "$1/summary.json")" \
        -v r="$(value ratings_per_s "$1/summary.json")" 'BEGIN {printf "%d %d\n", s * e + 0.5, s * r + 0.5}'
}
for last in keep drop; do
    train rate.$last model.kind=multidae model.latent=8 train.batch=64 train.last_batch=$last
done
awk -v keep="$(rates rate.keep)" -v drop="$(rates rate.drop)" 'BEGIN {
    split(keep, k, " "); split(drop, d, " ")
    exit !(k[1] % 64 && d[1] == k[1] - k[1] % 64 && d[2] < k[2] && d[2] - k[2] * d[1] / k[1] < 2)
}' || complain "rates of all examples ($(rates rate.keep)) and of full minibatches ($(rates rate.drop))"
# Columns that are left out are named.
{ echo user_id,title,item_id,rating && for i in $(seq 400); do echo "u$((i % 20)),some film,i$((i * 7 % 31)),$((i % 5 + 1))"; done; } >more.csv
"$PARTRAIN" train --out more model.kind=mf data.path=more.csv train.epochs=1 >out 2>err || complain "more.csv: exit $?"
grep -q "partrain: more.csv: user=user_id item=item_id rating=rating; not used: title; 400 lines" err || complain "a column is left out without a word"
# -q: what was read is not said, what may be wrong with it is.
{ echo user,item,plays && for i in $(seq 400); do echo "u$((i % 20)),i$((i * 7 % 31)),$((i % 5 + 1))"; done; } >plays.csv
"$PARTRAIN" train --out plays -q model.kind=multidae data.path=plays.csv data.min_rating=4 train.epochs=1 >out 2>err || complain "plays.csv: exit $?"
{ grep -q 'data.min_rating 4 is meant for stars' err && ! grep -q 'lines\|kept' err; } || complain "train -q: $(cat err)"
"$PARTRAIN" eval -m plays -q >out 2>err
{ grep -q 'data.min_rating 4 is meant for stars' err && ! grep -q 'note:\|lines\|kept' err; } || complain "eval -q: $(cat err)"

[ "$failures" -eq 0 ]
