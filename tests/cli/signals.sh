#!/bin/bash
# SIGINT and SIGTERM save and say how to go on, in the middle of an epoch too; a later second one leaves at once;
# SIGUSR1 saves and goes on; two runs in one folder; a run that diverges.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
set -e
export OPENBLAS_CORETYPE=${OPENBLAS_CORETYPE:-Haswell} OMP_WAIT_POLICY=passive

options=(model.kind=mf model.latent=16 data.path=synth:small train.batch=1 train.epochs=3000
    train.checkpoint_minutes=0 -q --threads 1)
start() {
    "$PARTRAIN" train "${options[@]}" --out "$folder/run" --resume >/dev/null 2>"$folder/err" &
    pid=$!
}
# Until the run has trained (or is gone): .lock tells.
trained() {
    wait_for noted "${1:-}" || fail "the run does not get on"
}
noted() {
    { [ -s "$folder/run/.lock" ] && [ "$(cat "$folder/run/.lock")" != "$1" ]; } || ! kill -0 $pid 2>/dev/null
}
ends() {
    local status=0
    wait $pid || status=$?
    [ $status = "$1" ] || fail "exit status $status, not $1"
}
saved() {
    [ ! "$folder/run/checkpoint.safetensors" -ef "$folder/last" ]
}
hash_of() {
    grep -o '"weights_hash": "[0-9a-f]*"' "$1/summary.json"
}

"$PARTRAIN" train "${options[@]}" --out "$folder/plain" >/dev/null 2>&1

# Each attempt goes a little way: SIGTERM, SIGINT, SIGUSR1 and then SIGKILL.
note=
for signal in TERM INT USR1; do
    start
    trained "$note"
    note=$(cat "$folder/run/.lock")
    trained "$note"
    # A second name of the last checkpoint: a new one is another file, however soon it comes.
    [ $signal != USR1 ] || ln "$folder/run/checkpoint.safetensors" "$folder/last"
    kill -$signal $pid
    case $signal in
        TERM) ends 143 && complains 'interrupted in epoch .*--resume' ;;
        INT) ends 130 && complains 'interrupted in epoch .*--resume' ;;
        USR1)
            wait_for saved || fail "SIGUSR1 saved nothing"
            # Meanwhile nobody else may work in the folder. The run stands still: a finished one would let us.
            kill -STOP $pid 2>/dev/null || fail "the run ended before another was tried"
            status=0
            "$PARTRAIN" train "${options[@]}" --out "$folder/run" --resume >/dev/null 2>"$folder/err2" || status=$?
            [ $status = 2 ] || fail "two runs in one folder: exit status $status"
            grep -q 'another process is training in this folder' "$folder/err2" || fail "$(cat "$folder/err2")"
            kill -KILL $pid 2>/dev/null || fail "the run ended before it could be killed"
            wait $pid || true
            ;;
    esac
    [ -f "$folder/run/checkpoint.safetensors" ] || fail "SIG$signal saved nothing"
    note=$(cat "$folder/run/.lock")
done
start
ends 0
[ "$(hash_of "$folder/plain")" = "$(hash_of "$folder/run")" ] || fail "other weights after signals"
diff <(sed 's/,"time":.*//' "$folder/plain/metrics.jsonl") <(sed 's/,"time":.*//' "$folder/run/metrics.jsonl") >&2 ||
    fail "other figures after signals"
grep -q '"resumes": 3' "$folder/run/summary.json" || fail "$(grep resumes "$folder/run/summary.json") after 3 of them"

# Two signals at once, as timeout(1) sends them, are one: it is served to its end.
rm -rf "$folder/run"
options+=(train.epochs=100000 train.checkpoint_every=1)
start
trained
kill -INT $pid
kill -INT $pid 2>/dev/null || true
ends 130
complains 'interrupted in epoch .*--resume'
[ -z "$(find "$folder/run" -name '*.tmp-*')" ] || fail "left half-way: $(ls "$folder/run")"
unset 'options[-1]' 'options[-1]'

# A second one later, where the first cannot be served: leaves by the signal itself.
mkfifo "$folder/ratings.csv"
"$PARTRAIN" train "${options[@]}" data.path="$folder/ratings.csv" --out "$folder/stuck" >/dev/null 2>"$folder/err" &
pid=$!
caught() { # the shell's child is the program by now, and catches SIGINT
    [ "$(readlink "/proc/$pid/exe")" = "$(readlink -f "$PARTRAIN")" ] &&
        grep -q 'SigCgt:.*[2367abef]$' "/proc/$pid/status"
}
wait_for caught || fail "the run does not catch signals"
kill -INT $pid
sleep 0.7
kill -0 $pid 2>/dev/null || fail "the first signal ended a run that was reading: $(cat "$folder/err")"
kill -INT $pid
ends 130
[ ! -s "$folder/err" ] || fail "said something after the second signal: $(cat "$folder/err")"

# Divergence: the layer, the cause, the best model kept.
status=0
"$PARTRAIN" train model.kind=multivae model.activation=identity model.hidden=32 model.latent=16 data.path=synth:small \
    train.schedule=one_cycle train.lr=3 train.epochs=60 train.batch=16 -q --out "$folder/diverged" \
    >/dev/null 2>"$folder/err" || status=$?
[ $status = 5 ] || fail "divergence: exit status $status"
complains 'training diverged in epoch [0-9]*, within steps .*: weights of encoder.weight are not finite.*train.lr (3) is too large; the best model, of epoch [0-9]*, is kept'
[ -s "$folder/diverged/model.safetensors" ] || fail "the best model is not kept"
[ ! -e "$folder/diverged/summary.json" ] || fail "a run that diverged has a summary"
