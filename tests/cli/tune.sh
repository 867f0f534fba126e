#!/bin/bash
# partrain tune: every method, what it writes, that the best configuration trains as it is, stop and resume, that the
# test part is not looked at, and what is refused.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
shipped=$PWD/conf/multivae-tune.yaml
cd "$folder" || exit 1

# expect STATUS PATTERN ARGUMENT...: see expect_said
expect() {
    expect_said "$1" "$2" tune "${@:3}"
}

# block FILE LINE...: a configuration with these lines in its tune: block
block() {
    local file=$1
    shift
    printf '%s\n' 'model: {kind: multidae, latent: 8}' 'data: {path: synth:small}' \
        'train: {epochs: 6, lr: 0.001}' 'eval: {metrics: [ndcg@10]}' 'tune:' >"$file"
    printf '  %s\n' "$@" >>"$file"
}

# stable FILE: a trials.jsonl without its times
stable() {
    sed -E 's/"train_s":[^,]*,//' "$1"
}

range='train.lr: {from: 1e-4, to: 1e-1, scale: log}'
block random.yaml 'method: random' 'trials: 4' 'seed: 3' 'space:' '  model.latent: [4, 8]' "  $range"
block grid.yaml 'method: grid' 'space:' '  train:' '    lr: {from: 0.001, to: 0.1, scale: log, points: 3}' \
    '  model.latent: [4, 8]'
block halving.yaml 'method: halving' 'trials: 6' 'min_epochs: 1' 'eta: 2' 'space:' "  $range"

# Random: a line and a folder a trial, trial 0 as it stands, weights of the best alone, no test figure.
"$PARTRAIN" tune -c random.yaml --out r -q >table 2>err || complain "random: $(cat err)"
[ "$(wc -l <r/trials.jsonl)" -eq 5 ] || complain "random: $(wc -l <r/trials.jsonl) lines"
grep -q '"trial":0,"rung":0,"status":"done","set":{}' r/trials.jsonl || complain 'random: trial 0 is not as it stands'
best=$(sed -n '2s/^ *\([0-9]*\) .*/\1/p' table)
top=$(grep -o '"valid":[0-9.]*' r/trials.jsonl | cut -d: -f2 | sort -gr | head -1)
grep -q "\"trial\":$best,.*\"valid\":$top," r/trials.jsonl || complain "random: trial $best is not the best, of $top"
[ "$(find r -name model.safetensors)" = "r/trial-$best/model.safetensors" ] ||
    complain "random: weights of $(find r -name model.safetensors), best is $best"
for summary in r/trial-*/summary.json; do
    [ "$(tr -d ' \n' <"$summary" | grep -o '"test":{[^}]*}' | sort -u)" = '"test":{}' ] || complain "$summary: a test figure"
done

# The best configuration trains as it is, to the same weights; only now there is a test figure.
"$PARTRAIN" train -q -c r/best.yaml --out again >figures 2>err || complain "best.yaml: $(cat err)"
grep -q '^test  ndcg@10' figures || complain "best.yaml: no test figure: $(cat figures)"
hash=$(grep -o '"weights_hash": "[^"]*"' again/summary.json | tr -d ' ')
grep "\"trial\":$best," r/trials.jsonl | grep -qF "$hash" || complain "best.yaml: other weights than trial $best"

# Nothing depends on where it was stopped: cut off after two trials, and in the middle of one.
stable r/trials.jsonl >want
cp -r r cut
head -2 r/trials.jsonl >cut/trials.jsonl
rm -rf cut/trial-3 cut/trial-4
expect 0 '^trial 1/4 .*\(before\)' -c random.yaml --out cut --resume
stable cut/trials.jsonl | cmp -s want - || complain 'resumed: other trials'
cmp -s r/best.yaml cut/best.yaml || complain 'resumed: another best.yaml'
sed 's/epochs: 6/epochs: 4000/' random.yaml >long.yaml
"$PARTRAIN" tune -c long.yaml --out stopped >out 2>err &
pid=$!
wait_for test -s stopped/trial-0/metrics.jsonl || complain 'a search does not train'
kill -INT $pid
wait $pid
status=$?
[ $status -eq 130 ] || complain "stopped: exit $status: $(cat err)"
grep -q 'interrupted in trial [0-9]; to go on: the same command with --out stopped --resume' err || complain "stopped: $(cat err)"
expect 2 'only trials, minutes and run\.\* may change' -c random.yaml --out stopped --resume
expect 2 'there is a search in this folder' -c random.yaml --out r
expect 3 'none.csv: there is no such file' -c random.yaml data.path=none.csv --out mistaken
expect 0 '^partrain: mistaken/best.yaml' -c random.yaml train.epochs=1 --out mistaken
mkdir -p own/trial-0 # a run that is no trial keeps its weights
cp "r/trial-$best"/{config.yaml,model.safetensors} own/trial-0
expect 2 'folders trial-N in it, and no plan.yaml' -c grid.yaml --out own
[ -e own/trial-0/model.safetensors ] || complain "a search removed a run's weights"
sed 's/trials: 4/trials: 5/' random.yaml >more.yaml
expect 0 '^trial 5/5' -c more.yaml --out r --resume --threads 1
grep -q '^  threads: 1$' r/trial-5/config.yaml || complain 'tune --threads: not those of the trial'
[ "$(stable r/trials.jsonl | head -5)" = "$(cat want)" ] || complain 'more trials: the first ones changed'

# Grid: all combinations once.
"$PARTRAIN" tune -c grid.yaml --out g -q >out 2>err || complain "grid: $(cat err)"
[ "$(grep -o '"set":{"[^}]*}' g/trials.jsonl | sort -u | wc -l)" -eq 6 ] || complain "grid: $(grep -o '"set":{[^}]*}' g/trials.jsonl)"
for lr in 0.001 0.01 0.1; do
    [ "$(grep -c "\"train.lr\":\"$lr\"" g/trials.jsonl)" -eq 2 ] || complain "grid: not two trials of $lr"
done

# Halving: 6 trials, then 3, then 1 that trains fully; what goes on is the better half; as one training without a stop.
"$PARTRAIN" tune -c halving.yaml --out h --keep -q >out 2>err || complain "halving: $(cat err)"
counts=$(for rung in 0 1 2; do grep -c "\"rung\":$rung," h/trials.jsonl; done | tr '\n' ' ')
[ "$counts" = '7 3 1 ' ] || complain "halving: rounds of $counts"
grep '"trial":[1-6],"rung":0,' h/trials.jsonl | sed 's/.*"trial":\([0-9]*\),.*"valid":\([0-9.]*\),.*/\2 \1/' |
    sort -gr | head -3 | cut -d' ' -f2 | sort >better
grep '"rung":1,' h/trials.jsonl | sed 's/.*"trial":\([0-9]*\),.*/\1/' | sort | cmp -s better - || complain 'halving: not the better half'
last=$(grep '"rung":2,' h/trials.jsonl | sed 's/.*"trial":\([0-9]*\),.*/\1/')
grep -q '"rung":2,.*"epochs":6,' h/trials.jsonl || complain 'halving: the last one has not trained fully'
"$PARTRAIN" train -q -c "h/trial-$last/config.yaml" --out straight >out 2>err || complain "straight: $(cat err)"
hash=$(grep -o '"weights_hash": "[^"]*"' straight/summary.json | tr -d ' ')
grep '"rung":2,' h/trials.jsonl | grep -qF "$hash" || complain 'halving: other weights than in one training'

# Time: no trial begins later, and it is said.
block minutes.yaml 'method: random' 'trials: 4' 'minutes: 0.0000001' 'space:' "  $range"
expect 0 'time is up: 4 trials were not begun' -c minutes.yaml --out m
expect 0 'time is up: 3 trials were not begun' -c minutes.yaml --out m --resume

# A training that diverges, and a configuration that cannot be, are told and rank last.
block wild.yaml 'method: grid' 'space:' '  train.lr: [0.01, 100]'
sed -i 's/kind: multidae, latent: 8/kind: autorec, hidden: [20, 20, 20, 20, 20, 20, 20], activation: relu/; s/ndcg@10/rmse/' wild.yaml
expect 0 '^ +2 +diverged .*train.lr=100$' -c wild.yaml --out w
grep -q 'training diverged' out || complain "wild: no reason: $(cat out)"
expect 0 '^ +2 +refused .*train.lr=100$' -c wild.yaml --out w2 train.weight_decay=1

# What does not fit into memory, and settings that only the run can refuse, are rows with their reason; --resume goes by them.
huge='[65536,65536,65536,65536,65536,65536,65536]'
block large.yaml 'method: grid' 'space:' "  model.hidden: [[20], $huge]" '  train.batch: [20, 1000000]'
for again in '' --resume; do
    # shellcheck disable=SC2086
    expect 0 '^ +[0-9]+ +refused .*train.batch=1000000$' -c large.yaml --out l $again train.last_batch=drop
    # shellcheck disable=SC2126
    [ "$(grep -A1 '^ *[0-9]* *refused ' out | grep -c '^ *not enough memory: the run needs')" -eq 2 ] ||
        complain "large $again: not two trials without memory: $(cat out)"
    [ "$(grep -A1 '^ *[0-9]* *refused ' out | grep -c '^ *train.batch: .* is more than the')" -eq 2 ] || complain "large $again: no reason: $(cat out)"
    [ "$(wc -l <l/trials.jsonl)" -eq 5 ] || complain "large $again: $(wc -l <l/trials.jsonl) lines"
done
[ "$(grep -c '"status":"refused".*"reason":"not enough memory' l/trials.jsonl)" -eq 2 ] || complain "large: $(cat l/trials.jsonl)"
block none.yaml 'method: grid' 'space:' "  train.batch: [1000000, 2000000]"
expect 2 'no trial came to an end; trial 0: train.batch: 1000000 is more than' -c none.yaml --out n train.last_batch=drop train.batch=1000000
expect 2 'no trial came to an end; trial 0: train.batch: 1000000 is more than' -c none.yaml --out n train.last_batch=drop train.batch=1000000 --resume

refuse() {
    local pattern=$1
    shift
    block bad.yaml "$@"
    expect 2 "$pattern" -c bad.yaml --out bad
    [ ! -e bad ] || complain "bad.yaml: $pattern: a folder was made"
}
refuse 'bad.yaml:6:.*method: "magic" is none of random, grid, halving' 'method: magic'
expect 2 "the folder's name is empty" -c bad.yaml --out ''
refuse 'how many trials' 'space: {train.lr: [1, 2]}'
refuse 'there is no space' 'trials: 3'
refuse '"trails" is none of method, trials, ' 'trails: 3'
refuse 'split.seed cannot be searched' 'trials: 3' 'space: {split.seed: [1, 2]}'
refuse 'cannot be searched' 'trials: 3' 'space: {data.min_rating: [1, 2]}'
refuse 'unknown key; did you mean train.lr' 'trials: 3' 'space: {train.lrr: [1, 2]}'
refuse 'bad.yaml:7:.*train.batch' 'trials: 3' 'space: {train.batch: [10, -2]}'
refuse 'smaller one first' 'trials: 3' 'space: {train.lr: {from: 2, to: 1}}'
refuse 'above 0' 'trials: 3' 'space: {train.l2: {from: 0, to: 1, scale: log}}'
refuse 'points: N' 'method: grid' 'space: {train.lr: {from: 1, to: 2}}'
refuse 'leave out trials' 'method: grid' 'trials: 3' 'space: {train.lr: [1, 2]}'
refuse 'cannot search train.epochs' 'method: halving' 'trials: 3' 'space: {train.epochs: [1, 2]}'
refuse 'is above train.epochs' 'method: halving' 'trials: 3' 'min_epochs: 60' 'space: {train.lr: [1, 2]}'
# The shipped search is one: only its folder cannot be made.
expect 6 '/dev/null' -c "$shipped" --out /dev/null/x
expect 2 'no tune: block' -c again/config.yaml
expect 2 'which configuration' --out x
expect 2 'tune.trials=5: the tune: block is read from the file alone' -c random.yaml --out x tune.trials=5
expect 2 'given twice' -c random.yaml -c grid.yaml --out x
[ ! -e x ] || complain 'a refused search left a folder'
expect 2 'needs the search' -c random.yaml --resume
expect 2 'depends on train.epochs' -c halving.yaml --out x train.schedule=one_cycle
expect 2 'no validation part|split.valid' -c random.yaml --out x split.valid_users=0
[ "$failures" -eq 0 ]
