#!/bin/bash
# What a run's workers are bound to: two runs of one thread each, side by side, may both use all cores of their node,
# where each would otherwise sit on the first; by run.bind=compact, and in bench, a core; summary.json says which.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
unset OMP_NUM_THREADS OMP_PLACES OMP_PROC_BIND OMP_THREAD_LIMIT GOMP_CPU_AFFINITY KMP_AFFINITY
needs taskset
own=$(sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status)
first=${own%%[-,]*}
[ "$(nproc)" -gt 1 ] || skip "one processor"
taskset -c "$first" true 2>/dev/null || skip "nobody can be bound here"

# What may be used of each node.
nodes=("$own")
if [ -d /sys/devices/system/node/node1 ]; then
    [ "$own" = "$(cat /sys/devices/system/cpu/online)" ] || skip "a part of several nodes"
    mapfile -t nodes < <(cat /sys/devices/system/node/node*/cpulist)
fi

pids=()
stop() {
    if [ ${#pids[@]} -gt 0 ]; then
        kill "${pids[@]}" 2>/dev/null
        wait "${pids[@]}"
    fi
    pids=()
}
trap 'stop; rm -rf "$folder"' EXIT

# allowed PID: what its first thread, worker 0, may run on
allowed() {
    sed -n 's/^Cpus_allowed_list:\t//p' "/proc/$1/status" 2>/dev/null
}

# whole PID: that is a node; single PID: that is one processor
whole() {
    local node
    for node in "${nodes[@]}"; do
        [ "$(allowed "$1")" != "$node" ] || return 0
    done
    return 1
}
single() {
    [[ $(allowed "$1") =~ ^[0-9]+$ ]]
}

toy=(model.kind=autorec 'model.hidden=[8]' data.path=synth:small train.patience=0)
# start NAME ARGUMENT...: a run of one thread that goes on until it is stopped; returns when it trains
start() {
    local name=$1
    shift
    "$PARTRAIN" train -q "${toy[@]}" train.epochs=1000000 --threads 1 --out "$folder/$name" "$@" 2>"$folder/err" &
    pids+=($!)
    wait_for test -s "$folder/$name/metrics.jsonl" || fail "$name: does not train"
}

start one
start two
for pid in "${pids[@]}"; do
    whole "$pid" || complain "a run of one thread may run on $(allowed "$pid"), not on a node of: ${nodes[*]}"
done
stop

start compact run.bind=compact
single "${pids[0]}" || complain "run.bind=compact: may run on $(allowed "${pids[0]}")"
stop

# Those of bench go on for minutes; they are looked at when they are at their repeats.
long=("${toy[@]}" data.path=synth:ml-100k --threads 1 --repeat 1000)
for binding in "" run.bind=auto; do
    "$PARTRAIN" bench "${long[@]}" $binding >/dev/null 2>"$folder/err" &
    pids=($!)
    wait_for grep -q ' steps, 1001 times' "$folder/err" || fail "bench $binding: does not train"
    "$([ -z "$binding" ] && echo single || echo whole)" "${pids[0]}" ||
        complain "bench $binding: may run on $(allowed "${pids[0]}")"
    stop
done

# bound WORD THREADS ARGUMENT...: what summary.json says
bound() {
    local word=$1 threads=$2
    shift 2
    "$PARTRAIN" train -q "${toy[@]}" train.epochs=1 --threads "$threads" --out "$folder/summary-$word" "$@" \
        >"$folder/out" 2>"$folder/err" || fail "$word: exit status $?"
    grep -q "\"bound_to\": \"$word\"" "$folder/summary-$word/summary.json" || complain "summary.json: not bound to $word"
}
bound node 1
bound core "$(nproc)"
bound none 1 run.bind=none

# OpenMP's own places win, and leave a run all processors
for place in OMP_PROC_BIND=true OMP_PROC_BIND=spread OMP_PLACES=cores; do
    rm -rf "$folder/places"
    env "$place" "$PARTRAIN" train -q "${toy[@]}" train.epochs=1 --out "$folder/places" >"$folder/out" 2>"$folder/err" ||
        fail "$place: exit status $?"
    grep -q '"bound_to": "OpenMP places"' "$folder/places/summary.json" || complain "$place: not OpenMP's places"
    grep -q "\"pus\": $(nproc)," "$folder/places/summary.json" || complain "$place: not all processors"
done

[ "$failures" -eq 0 ]
