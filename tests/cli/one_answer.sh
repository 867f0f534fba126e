#!/bin/bash
# A small training of every model has one answer: on each vector path that this processor has, with 1 and 3 threads
# (docs/one-answer.md). .ci/run answer and arm64 have other compilers and another processor.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
export OMP_WAIT_POLICY=passive
tests/labs/answers "$PARTRAIN" --threads 1 >"$folder/first" || complain "the first"
[ "$(wc -l <"$folder/first")" -ge 7 ] || complain "models are missing"
[ "$(cut -d' ' -f2 "$folder/first" | sort -u | wc -l)" = "$(wc -l <"$folder/first")" ] || complain "two models have one hash"
column -t "$folder/first"
for isa in avx512 avx2 baseline; do
    "$PARTRAIN" train -q --dry-run model.kind=mf data.path=synth:30x20x200 run.isa=$isa >/dev/null 2>&1 || continue
    tests/labs/answers "$PARTRAIN" --threads 3 run.isa=$isa >"$folder/other" || complain "$isa"
    cmp -s "$folder/first" "$folder/other" || complain "$isa: another answer: $(diff "$folder/first" "$folder/other")"
    echo "$isa: the same"
done
[ "$failures" -eq 0 ]
