#!/bin/bash
# A run's folder of an earlier version (tests/support/earlier, with run.cache and a SHA-256 of its ratings) is
# evaluated, recommends and is a start, but does not go on; the keys that went are told where a user gives them.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
cp -r tests/support/earlier "$folder/run"
cd "$folder" || exit 1

# notes WHAT NUMBER PATTERN: how many lines of err have the pattern
notes() {
    [ "$(grep -c "$3" err)" -eq "$2" ] || complain "$1: not $2 notes of $3: $(cat err)"
}

grep -q 'cache: auto' run/config.yaml || complain "the folder has no key of an earlier version"
"$PARTRAIN" eval -m run >out 2>err || complain "eval: exit $?: $(cat err)"
grep -q '^rmse' out || complain "eval: no rmse: $(cat out)"
notes eval 1 'earlier partrain'
notes eval 0 'run.cache'
"$PARTRAIN" recommend -m run --all -k 2 >out 2>err || complain "recommend: exit $?: $(cat err)"
notes recommend 1 'earlier partrain'
# Steps in another arithmetic do not go on; the model is a start all the same.
"$PARTRAIN" train --out run --resume train.epochs=3 >out 2>err
status=$?
[ $status = 2 ] || complain "resume: exit $status: $(cat err)"
notes resume 1 'another version of partrain'
notes resume 0 'run.cache'
"$PARTRAIN" train --out again -c run/config.yaml train.init=run train.epochs=1 \
    >out 2>err || complain "train.init: exit $?: $(cat err)"

printf 'model.kind: mf\ndata.path: synth:30x20x200\nrun: {cache: off}\n' >own.yaml
"$PARTRAIN" config -c own.yaml >out 2>err || complain "a retired key in a file: exit $?: $(cat err)"
notes "a file" 1 'run.cache has no effect'
"$PARTRAIN" data describe synth:30x20x200 run.cache=off >out 2>err || complain "a retired key as a word: exit $?: $(cat err)"
notes "a word" 1 'run.cache has no effect'
[ "$failures" -eq 0 ]
