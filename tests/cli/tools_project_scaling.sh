#!/bin/bash
# tools/project-scaling: a table of what bench measured; one line where it was given something else.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
set -e
needs python3
tool=$(dirname "$0")/../../tools/project-scaling
toy=(model.kind=mf model.latent=8 data.path=synth:small --repeat 1 --steps 2 -q)

measure() {
    "$PARTRAIN" bench "${toy[@]}" "$@" 2>"$folder/err" || fail "bench $*: exit status $?"
}
# refused PATTERN ARGUMENT...: one line says it
refused() {
    local pattern=$1
    shift
    if "$tool" "$@" >"$folder/out" 2>"$folder/err"; then
        fail "takes $*"
    fi
    complains "$pattern"
    [ "$(wc -l <"$folder/err")" = 1 ] || fail "more than a line"
}

measure --threads 1,2 -o json >"$folder/good.json"
"$tool" "$folder/good.json" --cores 8,16 --sockets 1,2 >"$folder/out" 2>"$folder/err" || fail "exit status $?"
[ "$(grep -cE '^\| (2|8|16) \| [12] \| [0-9]' "$folder/out")" = 5 ] || fail "not five rows"

measure --threads 1,2 --weak -o json >"$folder/weak.json"
refused 'with --weak' "$folder/weak.json"
measure --ranks 1 --threads 1 -o json >"$folder/ranks.json"
refused 'by --ranks' "$folder/ranks.json"
measure --threads 1 -o csv >"$folder/good.csv"
refused 'is no JSON' "$folder/good.csv"
measure --threads 2 -o json >"$folder/two.json"
refused 'no row for 1 thread' "$folder/two.json"
echo '{"rows": [{"threads": 1}]}' >"$folder/old.json"
refused 'has no steps' "$folder/old.json"
echo '[]' >"$folder/list.json"
refused 'not what bench writes' "$folder/list.json"
refused 'No such file' "$folder/absent.json"
