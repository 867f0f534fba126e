#!/bin/bash
# Runs of several ranks: the same weights and figures as one process gives, whatever ranks and threads; a rank that is
# killed ends the run, which goes on with fewer; ranks of different kinds are refused; bench over ranks. Prints the table
# of hashes. MPIRUN: another launcher than that of the MPI that the program was built with.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
case $("$PARTRAIN" --version) in
*"MPI: none"*) skip "this build has no MPI" ;;
*MPICH*) mpirun=mpirun.mpich ;;
*) mpirun=mpirun.openmpi ;;
esac
command -v "$mpirun" >/dev/null || mpirun=mpirun
mpirun=${MPIRUN:-$mpirun}
needs "$mpirun"
needs python3

export OMP_WAIT_POLICY=passive # more workers than cores: who waits should not hold one

# Open MPI wants to be told that root and more ranks than cores are meant; MPICH asks nothing. Who waits for a rank
# that has no core should give up its own.
launch=("$mpirun")
if "$PARTRAIN" --version | grep -q 'Open MPI'; then
    launch+=(--oversubscribe --bind-to none --mca mpi_yield_when_idle 1)
    [ "$(id -u)" -ne 0 ] || launch+=(--allow-run-as-root)
else
    export MPIR_CVAR_POLLS_BEFORE_YIELD=1
fi

# run RANKS THREADS NAME ARGUMENT...: 1 rank without mpirun
run() {
    local ranks=$1 threads=$2 name=$3 before=()
    shift 3
    [ "$ranks" = 1 ] || before=("${launch[@]}" -np "$ranks")
    "${before[@]}" "$PARTRAIN" train -q --threads "$threads" --out "$folder/$name" run.bind=none "$@" \
        >"$folder/out" 2>"$folder/err" </dev/null || {
        sed 's/^/  /' "$folder/err" >&2
        return 1
    }
}

# What must not depend on ranks: the hashes, and every line of metrics.jsonl but its times.
answer() {
    grep -hE '"(weights|model)_hash"' "$folder/$1/summary.json" | tr -d ' ,'
    sed 's/"time".*//' "$folder/$1/metrics.jsonl"
}

# same NAME ARGUMENT...: 1 process with 1, 2 and 4 threads, and 2, 3 and 4 ranks with 1 and 2
same() {
    local name=$1 setting hash
    shift
    run 1 1 "$name-1-1" "$@" || { complain "$name: one process"; return; }
    answer "$name-1-1" >"$folder/first"
    printf '%-12s %5s x %-7s %s\n' "$name" ranks threads weights_hash
    for setting in 1-1 1-2 1-4 2-1 3-1 4-1 2-2 3-2 4-2; do
        [ -e "$folder/$name-$setting" ] || run "${setting%-*}" "${setting#*-}" "$name-$setting" "$@" ||
            { complain "$name: $setting"; continue; }
        hash=$(sed -n 's/.*"weights_hash": "\(.*\)".*/\1/p' "$folder/$name-$setting/summary.json")
        printf '%-12s %5s x %-7s %s\n' "" "${setting%-*}" "${setting#*-}" "$hash"
        answer "$name-$setting" | cmp -s - "$folder/first" || complain "$name: another answer from $setting (ranks-threads)"
    done
}

cat >"$folder/mf.yaml" <<END
model: {kind: mf, latent: 50, loss: cell_mean}
data: {path: "synth:ml-100k"}
split: {kind: random, valid: 0.1, test: 0.1}
train: {epochs: 1, batch: 512, lr: 0.005, patience: 0}
eval: {metrics: [rmse, ndcg@10, coverage@10]}
END
item=(-c conf/autorec-item.yaml data.path=synth:ml-100k train.patience=0)
same item "${item[@]}" train.epochs=1
same user -c conf/autorec-user.yaml data.path=synth:ml-100k train.epochs=1 train.patience=0 'model.hidden=[64,32,64]' \
    model.loss=root train.clip_norm=0.1 model.dropout=0.2 'eval.metrics=[rmse,ndcg@10,coverage@5]' run.shards=13
same vae -c conf/multivae.yaml data.path=synth:ml-100k train.epochs=1 train.patience=0
same dae -c conf/multidae.yaml data.path=synth:ml-100k train.epochs=1 train.patience=0 train.clip_norm=0.1 \
    train.batch=100 train.microbatch=40
same recvae -c conf/recvae.yaml data.path=synth:ml-100k train.epochs=1 train.patience=0 'model.hidden=[64,64,64]' model.ease=off
same mf -c "$folder/mf.yaml"
same sgd -c conf/mf.yaml data.path=synth:ml-100k model.latent=20 train.epochs=2
same ials -c conf/ials.yaml data.path=synth:ml-100k model.latent=21 train.epochs=2 model.confidence=log \
    data.min_rating=unset run.shards=13
same mf-clipped -c "$folder/mf.yaml" train.clip_norm=0.01 model.loss=root train.batch=700

# No rank holds more than 1.2 / R of the weights: of item-4-1, 500 for each of 943 columns, twice.
python3 - "$folder/item-4-1/summary.json" <<'END' || complain "a rank holds more than its share, or sent nothing"
import json, sys
summary = json.load(open(sys.argv[1]))
ranks = summary["per_rank"]
assert summary["ranks"] == len(ranks) == 4
assert all(r["weight_bytes"] <= 1.2 * 4 * summary["params"] / 4 for r in ranks), ranks
assert all(r["bytes_sent"] > 1e5 for r in ranks), ranks
END

# Weights of a former run: each rank takes over the rows that it has.
warm=("${item[@]}" train.epochs=1 "train.init=$folder/item-1-1")
if run 1 2 warm-1-2 "${warm[@]}" && run 3 1 warm-3-1 "${warm[@]}"; then
    [ "$(answer warm-1-2)" = "$(answer warm-3-1)" ] || complain "train.init: another answer from 3 ranks"
else
    complain "train.init"
fi

# Begun with three ranks, gone on with two.
for file in mf ials; do
    parts=(-c "conf/$file.yaml" data.path=synth:ml-100k model.latent=16 train.patience=0 train.refit=false)
    run 1 2 "one-$file" "${parts[@]}" train.epochs=4 || complain "$file: in one part"
    run 3 1 "two-$file" "${parts[@]}" train.epochs=2 || complain "$file: with three ranks"
    run 2 1 "two-$file" "${parts[@]}" train.epochs=4 --resume || complain "$file: resumed with two"
    [ "$(answer "one-$file")" = "$(answer "two-$file")" ] || complain "$file: another answer in two parts"
done

# A rank that is killed ends the run on all ranks within seconds; fewer ranks go on, to the same weights.
long=("${item[@]}" train.epochs=60 'model.hidden=[64]' train.checkpoint_every=1)
run 1 2 whole "${long[@]}" || complain "the run to compare with"
"${launch[@]}" -np 3 "$PARTRAIN" train -q --threads 1 --out "$folder/killed" run.bind=none "${long[@]}" \
    >"$folder/out" 2>"$folder/err" </dev/null &
launcher=$!
wait_for test -e "$folder/killed/checkpoint.safetensors" || complain "three ranks do not train"
# The ranks are mpirun's descendants that run the program; the last one is not rank 0.
descendants() {
    local child
    while read -r child; do
        [ "$(readlink "/proc/$child/exe")" != "$(readlink -f "$PARTRAIN")" ] || echo "$child"
        descendants "$child"
    done < <(grep -lx "PPid:[[:space:]]*$1" /proc/[0-9]*/status 2>/dev/null | grep -oE '[0-9]+' | sort -n)
}
victim=$(descendants $launcher | tail -n 1)
if [ -z "$victim" ]; then
    complain "no rank to kill"
else
    kill -KILL "$victim"
fi
started=$SECONDS
wait $launcher && complain "a killed rank, and mpirun says all went well"
[ $((SECONDS - started)) -le 10 ] || complain "a killed rank, and the others went on for $((SECONDS - started)) s"
cat "$folder/out" "$folder/err" | grep -qi 'kill' || complain "a killed rank, and no message" # MPICH's goes to stdout
[ ! -e "$folder/killed/summary.json" ] || complain "the run was over before a rank could be killed"
run 2 1 killed "${long[@]}" --resume || complain "resuming with fewer ranks"
echo "killed with 3 ranks, resumed with 2: $(answer killed | head -n 1)"
echo "never stopped, 1 process:            $(answer whole | head -n 1)"
[ "$(answer killed)" = "$(answer whole)" ] || complain "resumed with fewer ranks: another answer"
grep -q '"resumes": 1' "$folder/killed/summary.json" || complain "the killed run was not resumed"

# Ranks of different vector paths work on one run.
mixed=(train -q --threads 1 "${item[@]}" train.epochs=1)
"${launch[@]}" -np 1 "$PARTRAIN" "${mixed[@]}" --out "$folder/mixed" run.isa=auto : \
    -np 1 "$PARTRAIN" "${mixed[@]}" --out "$folder/mixed" run.isa=baseline >"$folder/out" 2>"$folder/err" </dev/null ||
    { complain "a mixture of vector paths" && cat "$folder/err" >&2; }
run 1 1 alone "${item[@]}" train.epochs=1 || complain "the run to compare the mixture with"
echo "ranks of the vector paths auto and baseline: $(answer mixed | head -n 1)"
[ "$(answer mixed)" = "$(answer alone)" ] || complain "a mixture of vector paths: another answer"

# bench: by itself a row for each number of ranks and threads, all with one hash; under mpirun its own table, once.
toy=(model.kind=multivae 'model.hidden=[16]' model.latent=8 data.path=synth:small train.batch=32 run.bind=none)
bench() {
    "$PARTRAIN" bench "${toy[@]}" --repeat 2 "$@" >"$folder/out" 2>"$folder/err" </dev/null
}
bench --ranks 1,2 --threads 1,2 --steps 3 --launch "${launch[*]} -np" || { complain "bench --ranks" && cat "$folder/err" >&2; }
[ "$(grep -cE '^\| [12] \| [12] \| .* [0-9a-f]{32} \|$' "$folder/out")" = 4 ] || complain "bench --ranks: not four rows"
[ "$(grep -oE ' [0-9a-f]{32} ' "$folder/out" | sort -u | wc -l)" = 1 ] || complain "bench --ranks: not one hash"
bench --ranks 1,2 --seconds 0.1 --launch "${launch[*]} -np" -q -o json || complain "bench --ranks --seconds"
python3 - "$folder/out" <<'END' || complain "bench --ranks: json is not as it should be"
import json, sys
one, two = json.load(open(sys.argv[1]))["rows"]
assert (one["ranks"], two["ranks"], two["threads"]) == (1, 2, 1)
assert one["steps"] == two["steps"] and one["weights_hash"] == two["weights_hash"]
assert one["sent_bytes_per_step"] == 0 and two["sent_bytes_per_step"] > 1000
END
"${launch[@]}" -np 2 "$PARTRAIN" bench "${toy[@]}" --repeat 2 --seconds 0.1 --threads 1,2 -q >"$folder/out" 2>"$folder/err" </dev/null ||
    { complain "bench under mpirun" && cat "$folder/err" >&2; }
[ "$(grep -cE '^\| [12] \|.* [0-9a-f]{32} \|$' "$folder/out")" = 2 ] || complain "bench under mpirun: not two rows"
grep -q '^2 ranks' "$folder/out" || complain "bench under mpirun: no word of ranks"
bench --ranks 2 --steps 1 --launch "$folder/none -np" && complain "a launcher that is not there"
grep -q "$folder/none" "$folder/err" || complain "a launcher that is not there: no word of it"
bench --ranks 2 --steps 1 data.path=synth:no --launch "${launch[*]} -np" && complain "bench --ranks: a failure is lost"
grep -q "no synthetic set" "$folder/err" || complain "bench --ranks: no word of what failed"

[ "$failures" -eq 0 ]
