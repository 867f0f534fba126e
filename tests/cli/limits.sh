#!/bin/bash
# --dry-run tells the plan and writes nothing; a run that does not fit is refused with exit status 4, before it
# allocates, with what to set; what the plan says is near what the run takes.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
set -e
export OPENBLAS_CORETYPE=${OPENBLAS_CORETYPE:-Haswell} OMP_WAIT_POLICY=passive

# expect STATUS ARGUMENT ...
expect() {
    local want=$1 status=0
    shift
    "$PARTRAIN" train -q --out "$folder/run" "$@" >"$folder/out" 2>"$folder/err" || status=$?
    [ $status = "$want" ] || fail "exit status $status, not $want: $*"
}

expect 0 --dry-run data.path=synth:small
for part in data weights moments batch evaluation files total available; do
    says "^ *$part  *[0-9.]*$" out
done
says 'about .* s an epoch' out
[ ! -e "$folder/run" ] || fail "a dry run wrote"

expect 4 model.kind=multidae data.path=synth:small 'model.hidden=[65536,65536,65536,65536,65536,65536,65536]'
says 'not enough memory: the run needs .* the model itself is too large: lower model.hidden' err
[ ! -e "$folder/run" ] || fail "a refused run left a folder"
mkdir "$folder/run"
expect 4 model.kind=multidae data.path=synth:small 'model.hidden=[65536,65536,65536,65536,65536,65536,65536]'
[ -d "$folder/run" ] || fail "a refused run took a folder away that was there before"
rm -rf "$folder/run"

# Logits that are too large, where this machine is small enough for a test of it.
available=$("$PARTRAIN" train -q --dry-run data.path=synth:small | sed -n 's/^available  *\([0-9]*\).*/\1/p')
if [ "$available" -lt 30000 ]; then
    pairs=(model.kind=multidae data.path=synth:4000x100000x100000 model.latent=4 model.ease=on)
    expect 4 --dry-run "${pairs[@]}"
    says 'model.ease would take [0-9.]* of them; model.items_most=[0-9]*, .* or model.ease=off' err
    expect 0 --dry-run "${pairs[@]}" "$(grep -o 'model.items_most=[0-9]*' "$folder/err")"
    expect 0 --dry-run "${pairs[@]}" model.ease=off
    wide=(model.kind=multidae data.path=synth:90000x90000x180000 model.latent=4 'split.kind=random'
        train.batch=90000 eval.batch=10)
    expect 4 "${wide[@]}"
    says 'train.microbatch=[0-9]* would fit' err
    expect 0 --dry-run "${wide[@]}" "$(grep -o 'train.microbatch=[0-9]*' "$folder/err")"
fi

# Against what a run takes, where weights count: at least 95% of it, and at most 115%. (Tables of many rows, since
# the block of a shard was once counted as twice what it is.)
set -- model.kind=autorec data.path=synth:20000x20000x200000 'model.hidden=400' eval.batch=100 -- \
    model.kind=multivae data.path=synth:2000x20000x60000 'model.hidden=200' model.latent=100 eval.batch=100 -- \
    model.kind=recvae data.path=synth:20000x20000x200000 'model.hidden=[100,100]' model.latent=100 eval.batch=100 -- \
    model.kind=mf data.path=synth:60000x30000x100000 model.latent=100 train.batch=5000 --
run=()
for word; do
    if [ "$word" != -- ]; then
        run+=("$word")
        continue
    fi
    rm -rf "$folder/run"
    run+=(train.epochs=1 --threads 1)
    expect 0 --dry-run "${run[@]}"
    plan=$(sed -n 's/^total  *\([0-9]*\).*/\1/p' "$folder/out")
    about=$(sed -n 's/^about \([0-9.e-]*\) s an epoch.*/\1/p' "$folder/out")
    expect 0 "${run[@]}"
    rss=$(($(grep -o '"peak_rss_bytes": [0-9]*' "$folder/run/summary.json" | grep -o '[0-9]*$') / 1048576))
    took=$(grep -o '"epoch_s_median": [0-9.e-]*' "$folder/run/summary.json" | grep -o '[0-9.e-]*$')
    echo "limits: ${run[0]}: $plan MiB planned, $rss taken; an epoch about $about s, it took $took s"
    if [ "$plan" = "" ] || [ $((plan * 100)) -lt $((rss * 95)) ] || [ $((plan * 100)) -gt $((rss * 115)) ]; then
        fail "${run[0]}: the plan says $plan MiB, the run took $rss MiB"
    fi
    # Time depends on who else wants the processors: only that there is an estimate can be asked for.
    awk -v a="$about" 'BEGIN { exit !(a > 0) }' || fail "${run[0]}: the plan has no time for an epoch"
    run=()
done
