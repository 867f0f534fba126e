#!/bin/bash
# Interruption and --resume: the exit status, what is said, and the same bits as a run that nobody disturbed.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
cd "$folder" || exit 1
RANDOM=7

hashes() {
    grep -h '_hash"' "$1/summary.json"
}

lines() {
    sed 's/,"time":{[^}]*}//' "$1/metrics.jsonl"
}

# run FOLDER ARGUMENT...: the exit status
run() {
    local folder=$1
    shift
    "$PARTRAIN" train --out "$folder" "${common[@]}" "$@" >out 2>err
}

# expect STATUS PATTERN FOLDER ARGUMENT...
expect() {
    local status=$1 pattern=$2 got
    shift 2
    run "$@"
    got=$?
    if [ $got -ne "$status" ] || ! grep -qE -- "$pattern" err; then
        complain "$*: exit $got, expected $status and: $pattern; stderr: $(tail -1 err)"
    fi
}

# disturbed NAME SIGNAL STATUS: the run NAME again, stopped by the signal at moments that differ, until it is through
disturbed() {
    local name=$1 signal=$2 status=$3 stops=0 got pid
    local again=()
    for _ in $(seq 40); do
        : >err # what the run before has said is not this one's
        "$PARTRAIN" train --out "$name.d" "${common[@]}" "${again[@]}" >out 2>err &
        pid=$!
        again=(--resume)
        for _ in $(seq 3000); do # until it trains, or is through
            grep -q '^epoch' err || ! kill -0 $pid 2>/dev/null && break
            sleep 0.01
        done
        [ $stops -lt 4 ] && sleep "0.0$((RANDOM % 10))" && kill -s "$signal" $pid 2>/dev/null
        wait $pid
        got=$?
        if [ $got -eq 0 ] && [ $stops -eq 0 ]; then # the signal came too late, on a machine with much to do
            rm -rf "$name.d"
            again=()
            continue
        fi
        [ $got -eq 0 ] && break
        stops=$((stops + 1))
        [ $got -eq "$status" ] || complain "$name: SIG$signal: exit $got: $(tail -1 err)"
        grep -q "interrupted in epoch [0-9]*, and saved; to go on: the same command with --out $name.d --resume" err ||
            complain "$name: SIG$signal: it does not say how to go on: $(tail -1 err)"
        [ -e "$name.d/checkpoint.safetensors" ] || complain "$name: SIG$signal: no checkpoint"
        [ -e "$name.d/summary.json" ] && complain "$name: SIG$signal: a summary of a run that is not done"
        find "$name.d" -name '*.tmp-*' | grep . >&2 && complain "$name: temporary files are left"
    done
    [ $got -eq 0 ] || complain "$name: did not get through"
    [ $stops -gt 0 ] || complain "$name: was through before the signal came"
    [ "$(sed -n 's/^  "resumes": \([0-9]*\),/\1/p' "$name.d/summary.json")" -eq $stops ] ||
        complain "$name: $stops stops, but the summary has $(grep resumes "$name.d/summary.json")"
    run "$name" || complain "$name: $(tail -1 err)"
    [ "$(hashes "$name")" = "$(hashes "$name.d")" ] || complain "$name: interrupted $stops times: other weights"
    [ "$(lines "$name")" = "$(lines "$name.d")" ] || complain "$name: interrupted $stops times: other lines"
}

data=(data.path=synth:600x400x20000 run.threads=1)
common=("${data[@]}" model.kind=autorec model.side=item 'model.hidden=[50]' train.epochs=60 train.batch=40)
disturbed item INT 130
common=("${data[@]}" model.kind=autorec model.side=user 'model.hidden=[50, 20, 50]' train.epochs=40
    train.last_batch=rollover train.batch=70 model.dropout=0.2 train.refit=true)
disturbed user TERM 143
common=("${data[@]}" model.kind=multivae 'model.hidden=[40]' model.latent=10 train.epochs=40 train.batch=64
    model.input_dropout=0.5 model.kl_anneal_steps=200)
disturbed vae INT 130
common=("${data[@]}" model.kind=multidae model.latent=20 train.epochs=60 train.batch=64 train.patience=30)
disturbed dae TERM 143
common=("${data[@]}" model.kind=recvae 'model.hidden=[40,40,40]' model.latent=10 train.epochs=15 train.batch=64 train.refit=true)
disturbed recvae INT 130
common=("${data[@]}" model.kind=mf model.latent=20 train.epochs=60 train.batch=64 train.schedule=one_cycle)
disturbed mf INT 130
common=("${data[@]}" model.kind=mf model.latent=20 train.optimizer=sgd train.epochs=60 train.patience=40 train.refit=true)
disturbed sgd TERM 143

common=("${data[@]}" model.kind=ials model.latent=20 train.epochs=60)
disturbed ials INT 130

# What else --resume and folders may meet.
common=(data.path=synth:small model.kind=mf train.optimizer=adam train.epochs=5 run.threads=1)
expect 0 '^epoch 5/5' absent --resume
mkdir empty
expect 0 '^epoch 5/5' empty --resume
[ "$(hashes absent)" = "$(hashes empty)" ] || complain "--resume on an empty folder is another run"
cp absent/summary.json before
expect 0 'this run is finished' absent --resume
cmp before absent/summary.json >&2 || complain "--resume of a finished run changed its summary"
ranked=(eval.metrics=ndcg@10 train.monitor=ndcg@10)
run unscored "${ranked[@]}" eval.relevant=4 || complain "a ranked run: $(tail -1 err)"
sed -i 's/relevant: 4/relevant: 6/' unscored/config.yaml # as an earlier version finished it, without any figure
expect 0 'this run is finished' unscored --resume "${ranked[@]}" eval.relevant=6
expect 2 'there is a run in this folder; --resume goes on' absent
cmp before absent/summary.json >&2 || complain "a refused run changed the folder's summary"
expect 2 'another train.lr' absent --resume train.lr=0.5
expect 2 'another model.latent' absent --resume model.latent=3
expect 2 'another split.seed' absent --resume split.seed=3
cp -r absent alone
expect 0 '^epoch 9/9' absent --resume train.epochs=9
run whole train.epochs=9 || complain "9 epochs: $(tail -1 err)"
[ "$(hashes whole)" = "$(hashes absent)" ] || complain "5 epochs, then up to 9, are not 9 epochs"
"$PARTRAIN" --resume --out alone train.epochs=9 >out 2>err || complain "--resume without -c: $(tail -1 err)"
[ "$(hashes whole)" = "$(hashes alone)" ] || complain "--resume without -c is not the run that was begun"
"$PARTRAIN" --resume --out nothing >out 2>err
if [ $? -ne 2 ] || ! grep -q 'nothing: no run to resume' err || [ -e nothing ]; then
    complain "--resume of nothing, without -c: $(tail -1 err)"
fi
mkdir early && cp absent/config.yaml early/ # killed before its first checkpoint
"$PARTRAIN" --resume --out early >out 2>err || complain "--resume before any checkpoint: $(tail -1 err)"
grep -q 'early: its run had saved no checkpoint; it begins again at epoch 1' err || complain "--resume from the start says nothing"
expect 0 '^epoch 5/5' fresh --resume
grep -q 'begins again' err && complain "a new folder had a run"
cp -r absent mended
echo 'model: {kind: lda}' >mended/config.yaml
for words in "" "-c absent/config.yaml"; do
    # shellcheck disable=SC2086
    "$PARTRAIN" train $words --resume --out mended >out 2>err
    if [ $? -ne 6 ] || ! grep -q 'mended/config.yaml' err; then
        complain "a damaged config.yaml, --resume $words: $(tail -1 err)"
    fi
done
rm mended/config.yaml
expect 6 'mended: its config.yaml is gone' mended --resume train.epochs=9
[ "$(grep -c . absent/metrics.jsonl)" -eq 9 ] || complain "not a line for each of the 9 epochs"
"$PARTRAIN" train "${common[@]}" --resume >out 2>err
[ $? -eq 2 ] || complain "--resume without --out"

# Two runs, one folder: the second one is refused and the first goes on.
common=(data.path=synth:600x400x20000 model.kind=mf train.epochs=100000 run.threads=1)
"$PARTRAIN" train --out shared "${common[@]}" >/dev/null 2>first &
pid=$!
wait_for grep -q '^epoch' first || complain "the first of two runs does not train"
expect 2 'another process is training in this folder' shared
expect 2 'another process is training in this folder' shared --resume
kill -INT $pid
wait $pid
[ $? -eq 130 ] || complain "the first of two runs: $(tail -1 first)"

# Damage: a checkpoint that is cut or changed is refused, and left as it is.
cp -r shared broken
size=$(stat -c %s broken/checkpoint.safetensors)
truncate -s $((size / 2)) broken/checkpoint.safetensors
cp broken/checkpoint.safetensors before
expect 6 'checkpoint.safetensors' broken --resume
cmp before broken/checkpoint.safetensors >&2 || complain "a damaged checkpoint was written over"
printf 'x' | dd of=shared/checkpoint.safetensors bs=1 seek=$((size - 100)) conv=notrunc 2>/dev/null
expect 6 'checkpoint.safetensors' shared --resume
[ "$failures" -eq 0 ]
