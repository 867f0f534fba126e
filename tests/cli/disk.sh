#!/bin/bash
# Disks that are full, small, read-only or broken: the run says so with exit status 6, leaves no half-made file,
# keeps what was good, and goes on to the undisturbed weights when there is room again.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
set -e
export OPENBLAS_CORETYPE=${OPENBLAS_CORETYPE:-Haswell} OMP_WAIT_POLICY=passive
mounted=
cleanup() {
    [ -z "$mounted" ] || umount "$mounted"
    rm -rf "$folder"
}
trap cleanup EXIT

options=(model.kind=autorec model.hidden=32 data.path=synth:small train.batch=40 train.epochs=12
    train.checkpoint_every=1 -q --threads 1)
# run STATUS OUT [PREFIX ...]
run() {
    local want=$1 out=$2 status=0
    shift 2
    "$@" "$PARTRAIN" train "${options[@]}" --out "$out" --resume >/dev/null 2>"$folder/err" || status=$?
    [ $status = "$want" ] || fail "exit status $status, not $want: $*"
    [ -z "$(find "$out" -name '*.tmp-*')" ] || fail "temporary files are left: $(ls "$out")"
}
hash_of() {
    grep -o '"weights_hash": "[0-9a-f]*"' "$1/summary.json"
}
same() {
    [ "$(hash_of "$folder/plain")" = "$(hash_of "$1")" ] || fail "other weights in $1"
}

run 0 "$folder/plain" env

# shellcheck disable=SC2016 # expanded by the inner shell
# A limit on file sizes: the checkpoint does not fit, at the start; then there is room.
run 6 "$folder/limit" bash -c 'ulimit -f 40; exec "$0" "$@"'
complains 'checkpoint.safetensors.*File too large'
run 0 "$folder/limit" env
same "$folder/limit"

# fsync fails, at each of its first calls in turn.
for n in 1 2 3 5 8 9 10 11 12 13 14 20; do
    run 6 "$folder/sync" env LD_PRELOAD="$SHIM" SHIM_FOLDER="$folder/sync" SHIM_FSYNC_FAIL=$n
    complains 'Input/output error'
done
run 0 "$folder/sync" env
same "$folder/sync"

# A damaged checkpoint: the one before is gone on from, and what is damaged is put aside.
"$PARTRAIN" train "${options[@]}" train.epochs=100000 --out "$folder/damaged" >/dev/null 2>&1 &
pid=$!
wait_for test -f "$folder/damaged/checkpoint.safetensors.1" || true
kill -INT $pid
wait $pid || true
[ -f "$folder/damaged/checkpoint.safetensors.1" ] || fail "no second checkpoint: $(ls "$folder/damaged")"
options+=(train.epochs=100000)
printf X | dd of="$folder/damaged/checkpoint.safetensors" bs=1 seek=30000 conv=notrunc status=none
"$PARTRAIN" train "${options[@]}" --out "$folder/damaged" --resume >/dev/null 2>"$folder/err" &
pid=$!
wait_for test -f "$folder/damaged/checkpoint.safetensors.damaged" || fail "the damaged checkpoint is not put aside"
kill -INT $pid
status=0
wait $pid || status=$?
[ $status = 130 ] || fail "stopped after a damaged checkpoint: exit status $status"
complains 'trying the checkpoint before it'
unset 'options[-1]'

# A file system without room, then read-only, where this user may mount one.
mkdir "$folder/small"
if mount -t tmpfs -o size=192k tmpfs "$folder/small" 2>/dev/null; then
    mounted=$folder/small
    run 6 "$folder/small/run" env
    complains 'No space left on device'
    mount -o remount,size=16m "$folder/small"
    run 0 "$folder/small/run" env
    same "$folder/small/run"
    rm "$folder/small/run/summary.json"
    mount -o remount,ro "$folder/small"
    run 6 "$folder/small/run" env
    complains 'Read-only file system'
else
    echo "disk: no small file system: this user may not mount one"
fi
if [ "$(id -u)" != 0 ]; then
    mkdir "$folder/locked"
    chmod 555 "$folder/locked"
    run 6 "$folder/locked" env
    complains 'Permission denied'
fi
