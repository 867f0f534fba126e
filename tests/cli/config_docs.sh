#!/bin/bash
# docs/config.md is what the program says of its keys; the shipped configurations load, and give back themselves;
# docs/output.md names every field that a run writes.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
set -e

"$PARTRAIN" config --reference >"$folder/config.md"
if ! diff -u docs/config.md "$folder/config.md" >&2; then
    echo "docs/config.md is stale: partrain config --reference > docs/config.md" >&2
    exit 1
fi
[ "$(grep -c '^| `' docs/config.md)" -ge 70 ]

for file in conf/*.yaml; do
    "$PARTRAIN" config -c "$file" >"$folder/once.yaml" 2>"$folder/notes"
    if [ -s "$folder/notes" ]; then
        echo "$file: $(cat "$folder/notes")" >&2
        exit 1
    fi
    lines=$(wc -l <"$folder/once.yaml")
    [ "$lines" -le 40 ] || { echo "$file: $lines lines are more than a screen" >&2; exit 1; }
    "$PARTRAIN" config -c "$folder/once.yaml" | diff -u "$folder/once.yaml" - >&2
    "$PARTRAIN" config -c "$file" --all >"$folder/all.yaml"
    "$PARTRAIN" config -c "$folder/all.yaml" --all | diff -u "$folder/all.yaml" - >&2
done

# model.kind=X alone is conf/X.yaml, but for the data, what needs a validation part, and the companion; with a constant KL weight it is as before.
same() {
    local file=$1
    shift
    "$PARTRAIN" config -c "conf/$file.yaml" --all >"$folder/file"
    "$PARTRAIN" config "$@" --all >"$folder/alone"
    diff "$folder/file" "$folder/alone" | grep '^[<>]' | grep -vE '^.   (path|min_rating|min_user_ratings|patience|refit|ease):' >&2 || return 0
    echo "conf/$file.yaml is not what $* is" >&2
    exit 1
}
for kind in multivae multidae recvae ease ials mf; do
    same $kind model.kind=$kind
done
# The files of AutoRec's paper predict half-known pairs as it did: eval.untrained is theirs.
same autorec-user model.kind=autorec eval.untrained=replace
same autorec-item model.kind=autorec model.side=item eval.untrained=replace
same multivae-notebook model.kind=multivae model.kl_weight=0.1

for kind in mf multivae; do
    "$PARTRAIN" train "model.kind=$kind" data.path=synth:small train.epochs=2 model.latent=4 --out "$folder/$kind" -q >/dev/null
    cat "$folder/$kind/summary.json" "$folder/$kind/metrics.jsonl"
done | grep -oE '"[a-z_0-9]+":' | tr -d '":' | sort -u | grep -vxE 'rmse|mae' >"$folder/fields"
[ "$(wc -l <"$folder/fields")" -ge 70 ]
while read -r field; do
    grep -qE "[\`.]${field}[\`.]" docs/output.md || { echo "docs/output.md does not name $field" >&2; exit 1; }
done <"$folder/fields"
