#!/bin/bash
# tools/reproduce makes a page of what it runs, keeps what it had, draws curves, and says what is missed and missing.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
set -eo pipefail

needs python3
work=$folder
export PARTRAIN_DATA=$work/data

# A made-up set in the form of MovieLens 100K: 60 users, 40 items, ratings that no model can reach .1 on.
mkdir -p "$work/data/ml-100k"
awk 'BEGIN { srand(1); for (u = 1; u <= 60; u++) for (i = 1; i <= 40; i++) if (rand() < .5)
    printf "%d\t%d\t%d\t%d\n", u, i, 1 + int(5 * rand()), 880000000 + u }' >"$work/data/ml-100k/u.data"
awk 'BEGIN { for (i = 1; i <= 40; i++) printf "%d|Film %d (1990)|01-Jan-1990||x|0\n", i, i }' >"$work/data/ml-100k/u.item"

run() {
    tools/reproduce --partrain "$PARTRAIN" --work "$work/runs" -o "$work/page.md" --threads 1 "$@"
}
run --seeds 2 mf-params >"$work/out"
grep -q '^mf-params: seed 2 of 2: mse ' "$work/out" || fail "$(cat "$work/out")"
# shellcheck disable=SC2016  # the page's own back quotes
grep -q '`mf-params`.*missed by .*± .* | 2 |$' "$work/page.md" || fail "$(grep mf-params "$work/page.md")"
# shellcheck disable=SC2016
grep -q 'Missed: `mf-params`' "$work/page.md" || fail 'the page hides what is missed'
grep -q 'mf-bias` | .* not run yet' "$work/page.md" || fail 'the page hides what did not run'
[ "$(grep -c '<polyline' "$work/results/mf-params.svg")" = 2 ] || fail 'a curve for each seed'
python3 -c "import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])" "$work/results/mf-params.svg"

run --seeds 1 mf-dot >/dev/null
# shellcheck disable=SC2016
grep -q '`mf-params`.* | 2 |$' "$work/page.md" || fail 'another row lost its figures'
[ -z "$(find "$work/runs" -name summary.json)" ] || fail 'folders of runs were left'

# Pairs that are there stay, and the next seeds are made: with three runs and one pair, seeds 2 and 3, and then none.
# PyTorch and what dumps a split are stood in for.
mkdir -p "$work/data/ml-1m" "$work/bin/tests"
python=$(python3 -c 'import sys; print(sys.executable)') # no shim, which would change PATH
cat >"$work/bin/tests/parity_steps" <<'END'
#!/bin/bash
echo "${!#}" >"$1/seed"
END
cat >"$work/bin/python3" <<'END'
#!/bin/bash
[ "$1" != -c ] || exit 0
echo "$(cat "$2/seed") $4" >>"${0%/*}/log"
echo "{\"test\": {\"ndcg@100\": 0.$4}, \"ease\": {\"ndcg@100\": 0.5}, \"seconds\": 1}"
END
touch "$work/bin/partrain"
chmod +x "$work"/bin/* "$work/bin/tests/parity_steps"
pair() {
    PATH=$work/bin:$PATH "$python" tools/reproduce --partrain "$work/bin/partrain" --work "$work/runs" -o "$work/page.md" \
        --only-paired multidae >"$work/out"
}
"$python" - "$work/results/results.json" <<'END'
import json, sys
results = json.load(open(sys.argv[1]))
run = {"test": {m: .4 for m in ("ndcg@100", "recall@20", "recall@50")}, "best_epoch": 1, "seconds": 1, "threads": 1,
       "curve": {"of": "ndcg@100", "points": [[1, .4]]}}
first = {"test": {"ndcg@100": .39}, "ease": {"ndcg@100": .5}, "seconds": 2}
results["multidae"] = {"runs": [run] * 3, "paired": [first], "date": "", "machine": ""}
json.dump(results, open(sys.argv[1], "w"))
END
pair || fail 'seeds behind the last pair'
printf 'train.seed=%d %d\n' 2 2 3 3 | diff - "$work/bin/log" >&2 || fail 'other seeds than 2 and 3 were paired'
# shellcheck disable=SC2016
grep -q '`multidae` | ndcg@100 | 3 | .4000 ± .0000 | .* | +0.1033 ± .0950 \*\*' "$work/page.md" || fail "$(grep multidae "$work/page.md")"
pair || fail 'all seeds are paired'
[ "$(wc -l <"$work/bin/log")" = 2 ] || fail 'pairs that were there were made again'

rm -r "$work/data/ml-1m"
status=0
run mf-bias autorec-item 2>"$work/err" || status=$?
[ "$status" = 1 ] || fail "without its data it ended with $status"
grep -q 'tools/fetch-data ml-1m gets it' "$work/err" || fail "$(cat "$work/err")"
