#!/bin/bash
# partrain bench: tables, csv, json, the plot and its absence, bounded repeats, weak scaling, wrong use.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
set -e
needs python3
unset OMP_NUM_THREADS OMP_PLACES OMP_PROC_BIND OMP_THREAD_LIMIT GOMP_CPU_AFFINITY KMP_AFFINITY || true

# expect STATUS WORDS...: runs bench, checks its exit status
expect() {
    local want=$1 status=0
    shift
    "$PARTRAIN" bench "$@" >"$folder/out" 2>"$folder/err" || status=$?
    [ "$status" = "$want" ] || fail "bench $*: exit status $status, not $want"
}
toy=(model.kind=multivae "model.hidden=[16]" model.latent=8 data.path=synth:small train.batch=32)

# tables: a row a number of threads, all with one hash; the machine's rates and every phase's
expect 0 "${toy[@]}" --threads 1,2,3 --repeat 2 --steps 2
says '^| threads | median s |'
[ "$(grep -cE '^\| [123] \|.* [0-9a-f]{32} \|$' "$folder/out")" = 3 ] || fail "not a row a number of threads"
[ "$(grep -oE ' [0-9a-f]{32} ' "$folder/out" | sort -u | wc -l)" = 1 ] || fail "more than one hash"
[ "$(grep -c '| the machine |' "$folder/out")" = 3 ] || fail "no rates of the machine"
for phase in encode reduce hidden decode update; do
    [ "$(grep -c "| $phase | [0-9]" "$folder/out")" = 3 ] || fail "no rates of $phase"
done
says 'of 2 minibatches of 32, after'
complains '^partrain: 1 thread: 2 steps, 3 times$'

# the same steps end at the same bits as in another call, and quiet is quiet
expect 0 "${toy[@]}" --threads 2 --repeat 2 --steps 2 -q -o csv
[ ! -s "$folder/err" ] || fail "--quiet is not"
[ "$(wc -l <"$folder/out")" = 2 ] || fail "csv: not two lines"
columns=$(awk -F, 'NR == 1 { n = NF } NF != n { exit 1 } END { print n }' "$folder/out") || fail "csv: ragged"
[ "$columns" -gt 40 ] || fail "csv: $columns columns"
cp "$folder/out" "$folder/two.csv"
expect 0 "${toy[@]}" --threads 1 --repeat 2 --steps 2 -q -o csv
[ "$(sed -n '2s/.*,//p' "$folder/out")" = "$(sed -n '2s/.*,//p' "$folder/two.csv")" ] || fail "other bits"

# as many threads as a run would take
OMP_NUM_THREADS=3 expect 0 "${toy[@]}" --repeat 1 --steps 1 -q -o csv
[ "$(sed 1d "$folder/out" | cut -d, -f1 | tr '\n' ' ')" = "1 2 3 " ] || fail "bench does not heed OMP_NUM_THREADS"

# and run.threads before that; with places of OpenMP all of them are there
OMP_NUM_THREADS=3 expect 0 "${toy[@]}" run.threads=2 --repeat 1 --steps 1 -q -o csv
[ "$(sed 1d "$folder/out" | cut -d, -f1 | tr '\n' ' ')" = "1 2 " ] || fail "bench does not heed run.threads"
expect 0 "${toy[@]}" run.threads=2 --ranks 1 --repeat 1 --steps 1 -q -o csv
[ "$(sed 1d "$folder/out" | cut -d, -f1,2)" = 1,2 ] || fail "bench --ranks does not heed run.threads"
OMP_PROC_BIND=spread expect 0 "${toy[@]}" --repeat 1 --steps 1 -o md
cores=$("$PARTRAIN" doctor | sed -n 's/^cores  *\([0-9]*\) of .*/\1/p')
says "^$cores of [0-9]* cores"
[ "$cores" = 1 ] || grep -qE '^\| 2 \|.* [0-9a-f]{32} \|$' "$folder/out" || fail "OMP_PROC_BIND leaves bench one thread"

# more threads than the BLAS library takes callers at a time
expect 0 "${toy[@]}" --threads 150 --repeat 1 --steps 1
if "$PARTRAIN" doctor --threads 150 | grep -q 'built for 64 callers'; then
    says '^SGEMM of 150 threads is scaled from 64 of them'
fi

# fields by which files of two machines can be joined, quoted where they must be
for user in 1 2 3 4 5 6 7 8; do
    for item in 1 2 3 4 5 6; do echo "$user,$item,$(((user * item) % 5 + 1))"; done
done >"$folder/a,\"b.csv"
data=(model.kind=mf model.latent=4 "data.path=$folder/a,\"b.csv" "data.columns=user,item,rating" split.valid=0 train.batch=8
    train.patience=0 data.min_user_ratings=0)
expect 0 "${data[@]}" --threads 1 --repeat 1 --steps 2 -q -o csv
cp "$folder/out" "$folder/good.csv"
expect 0 "${data[@]}" --threads 1 --repeat 1 --steps 2 -q -o json
cp "$folder/out" "$folder/good.json"
expect 0 "${data[@]}" --ranks 1 --threads 1 --repeat 1 --steps 2 -q -o csv
python3 - "$folder" docs/performance.md <<'PY' || fail "csv and json do not agree"
import csv, json, re, sys
folder, docs = sys.argv[1], open(sys.argv[2]).read()
c, = csv.DictReader(open(folder + "/good.csv"))
j = json.load(open(folder + "/good.json"))
row = j["rows"][0]
assert c["model"] == j["model"] == "mf" and c["data"] == j["data"] == folder + '/a,"b.csv', (c["data"], j["data"])
for key in "batch", "shards", "ranks", "isa", "blas", "blas_core", "repeats":
    assert c[key] == str(j[key]), key
assert c["weak"] == "0" and j["weak"] is False
for key in "threads", "steps", "barriers", "exchange_bytes", "sent_bytes", "sgemm_workers", "eval_examples", "bound":
    assert isinstance(row[key], int) and c[key] == str(row[key]), key
for name, phase in row["phases"].items():
    assert isinstance(phase["flop"], int) and isinstance(phase["bytes"], int)
    assert c[name + "_flop"] == str(phase["flop"]) and c[name + "_byte"] == str(phase["bytes"])
    assert (phase["gflop_per_s"] is None) == (phase["flop"] == 0), name
    assert (phase["gbyte_per_s"] is None) == (phase["bytes"] == 0), name
assert row["eval_s"] is None and row["eval_gflop_per_s"] is None and c["eval_s"] == ""
assert row["speedup"] == 1.0 and row["growth"] is None and c["growth"] == ""
r, = csv.DictReader(open(folder + "/out"))
assert r["data"] == j["data"] and r["model"] == "mf" and r["weights_hash"] == c["weights_hash"]

# every field is documented
known = set(re.findall(r"`([a-z0-9_]+)`", docs[docs.index("## Fields"):]))
phases = tuple(p + "_" for p in row["phases"])
fields = [*j, *row, *r] + [k for k in c if not k.startswith(phases)] + [k for p in row["phases"].values() for k in p]
assert not set(fields) - known, set(fields) - known
PY

# json, a bound in seconds, weak scaling
expect 0 "${toy[@]}" --threads 1,2 --repeat 1 --seconds 0.2 --weak -q -o json
python3 - "$folder/out" <<'PY' || fail "json is not as it should be"
import json, sys
j = json.load(open(sys.argv[1]))
a, b = j["rows"]
assert j["weak"] and (a["threads"], b["threads"]) == (1, 2)
assert b["items"] > 1.9 * a["items"] and b["users"] == a["users"], (a["items"], b["items"])
assert a["weights_hash"] != b["weights_hash"]
assert 0 < a["low_s"] <= a["median_s"] <= a["high_s"]
assert set(a["phases"]) == {"batch", "encode", "reduce", "hidden", "decode", "update", "wait"}
assert a["speedup"] is None and a["growth"] == 1 and b["growth"] > 0
assert b["efficiency"] > 0 and b["sgemm_gflop_per_s"] > 0 and b["stream_gbyte_per_s"] > 0
PY

# the plot; without gnuplot it is left out with a message
if has gnuplot; then
    expect 0 "${toy[@]}" --threads 1,2 --repeat 1 --steps 1 --plot "$folder/it's.svg"
    grep -q '<svg' "$folder/it's.svg" || fail "no picture"
    grep -q 'ideal' "$folder/it's.svg" || fail "no ideal line"
    ! grep -q '<svg' "$folder/out" || fail "the picture goes to the terminal"
fi
# where it cannot be written, or is no name of an SVG, nothing is measured first
expect 6 "${toy[@]}" --threads 1 --plot "$folder/none/x.svg"
complains 'cannot create .*/none/x.svg'
! grep -q ' steps' "$folder/err" || fail "measures for a plot that cannot be written"
expect 2 "${toy[@]}" --threads 1 --plot "$folder/x.txt"
complains 'ends in .svg'
mkdir "$folder/bin"
ln -s "$(command -v sh)" "$folder/bin/sh"
PATH=$folder/bin expect 0 "${toy[@]}" --threads 1 --repeat 1 --steps 1 --plot "$folder/y.svg"
complains 'gnuplot is not installed'
[ ! -e "$folder/y.svg" ] || fail "a picture by nobody"

# wrong use
for list in 0 "1,,2" "1," 2,2 x 1-4 4097 1000000000; do
    expect 2 "${toy[@]}" --threads "$list"
done
complains 'no list of numbers from 1 to 4096'
expect 0 "${toy[@]}" --threads 1 --repeat 1 --seconds 60
complains '^partrain: --seconds 60: an epoch takes less'
expect 2 "${toy[@]}" --repeat 0
expect 2 "${toy[@]}" --steps 2 --seconds 3
expect 2 "${toy[@]}" --seconds -1
expect 2 "${toy[@]}" -o xml
expect 2 "${toy[@]}" data.path=ratings.csv --weak --threads 1
complains 'data.path=synth:NAME'
expect 3 "${toy[@]}" data.path="$folder/absent.csv" --threads 1
for user in 1 2 3 4 5 6 7 8; do
    for item in 1 2 3 4 5 6; do echo "$user,$item,3e38"; done
done >"$folder/huge.csv"
expect 5 model.kind=autorec data.path="$folder/huge.csv" data.columns=user,item,rating "model.hidden=[16]" model.activation=identity \
    model.init=normal model.init_std=10 split.valid=0 split.test=0 train.patience=0 --threads 1 --repeat 2
complains 'training diverged'

expect 2 "${toy[@]}" --launch "mpirun -np"
expect 2 "${toy[@]}" --ranks 1 --weak
expect 0 "${toy[@]}" --ranks 1 --threads 1,2 --repeat 2 --steps 2 -o csv
[ "$(cut -d, -f1,2 "$folder/out" | tail -n 2 | tr '\n' ' ')" = "1,1 1,2 " ] || fail "--ranks 1: not two rows"
case $("$PARTRAIN" --version) in
*"MPI: none"*) expect 2 "${toy[@]}" --ranks 1,2 && complains 'this build has no MPI' ;;
esac

# stopped between two repeats
status=0
timeout --preserve-status -s TERM 3 "$PARTRAIN" bench "${toy[@]}" --threads 1 --repeat 1000 data.path=synth:ml-1m \
    >"$folder/out" 2>"$folder/err" || status=$?
[ "$status" = 143 ] || fail "after SIGTERM: exit status $status"
