#!/bin/bash
# docs/config.md is what the program says of its keys; the shipped configurations load, and give back themselves.
# shellcheck source=tests/support.sh
. "$(dirname "$0")/../support.sh"
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
