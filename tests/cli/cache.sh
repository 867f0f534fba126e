#!/bin/bash
# Ratings from the cache give the run that ratings from the source give, to the last bit; a changed source and a damaged
# file are read anew; a run goes on with another run.cache.
set -u
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0

fail() {
    echo "$*" >&2
    failures=$((failures + 1))
}

# run NAME ARGUMENT...: a short run; its messages in $folder/err
run() {
    local name=$1
    shift
    "$PARTRAIN" train -q --threads 1 -c "$folder/c.yaml" --out "$folder/$name" "$@" >"$folder/out" 2>"$folder/err" </dev/null ||
        { fail "$name: exit status $?" && cat "$folder/err" >&2; }
}

answer() {
    grep -hE '"(weights|model)_hash"|"sha256"' "$folder/$1/summary.json"
    sed 's/"time".*//' "$folder/$1/metrics.jsonl"
}

same() {
    [ "$(answer "$1")" = "$(answer "$2")" ] || fail "$1 and $2: different answers"
}

# is NAME true|false: whether its ratings came from the cache
is() {
    grep -q "\"cached\": $2" "$folder/$1/summary.json" || fail "$1: cached is not $2"
}

cat >"$folder/c.yaml" <<END
model: {kind: mf, latent: 8, center: true}
data: {path: "$folder/ratings.csv", min_user_ratings: 3}
split: {kind: random}
train: {epochs: 2, batch: 64, lr: 0.003}
run: {cache: "$folder/kept"}
END
"$PARTRAIN" data synth small -o "$folder/ratings.csv" 2>/dev/null || fail "no ratings"

run plain run.cache=off
run first
run second
is plain false && is first false && is second true
same plain first
same plain second
[ ! -s "$folder/err" ] || { fail "a second run has something to say" && cat "$folder/err" >&2; }
[ "$(find "$folder/kept" -type f | wc -l)" = 1 ] || fail "not one file in the cache"

# Damage: one line, the same run, and a whole file afterwards.
file=$(find "$folder/kept" -type f)
printf 'X' | dd of="$file" bs=1 seek=5000 conv=notrunc status=none
run damaged
[ "$(wc -l <"$folder/err") $(grep -c "$file: its checksum is wrong" "$folder/err")" = "1 1" ] ||
    { fail "a damaged file: not one line about it" && cat "$folder/err" >&2; }
is damaged false
same plain damaged
run mended
is mended true
same plain mended
truncate -s 1000 "$file"
run cut
is cut false
same plain cut

# A file where the folder should be: said, and no more.
run nowhere run.cache="$folder/c.yaml"
grep -q '^partrain: .*run.cache' "$folder/err" || fail "a cache that cannot be: no word of it"
same plain nowhere

# The user's own folder keeps large sets only.
XDG_CACHE_HOME=$folder/own run auto run.cache=auto
[ ! -e "$folder/own" ] || fail "a small set is in the user's own folder"

# eval finds the same ratings there; another value of run.cache is no other data.
"$PARTRAIN" eval -m "$folder/plain" run.cache="$folder/kept" >"$folder/with" 2>&1 || fail "eval with a cache"
"$PARTRAIN" eval -m "$folder/plain" >"$folder/without" 2>&1 || fail "eval without"
cmp -s "$folder/with" "$folder/without" || { fail "eval differs" && diff "$folder/with" "$folder/without" >&2; }
run plain --resume train.epochs=3 run.cache="$folder/kept"
run second --resume train.epochs=3 run.cache=off
is plain true && is second false
same plain second

# A source that changed is another one.
sed -i '5s/,[0-9.]*,/,1,/; 6s/,[0-9.]*,/,5,/' "$folder/ratings.csv"
run changed
run changed-plain run.cache=off
is changed false
same changed changed-plain
[ "$(answer changed)" != "$(answer first)" ] || fail "a changed source gives the old answer"

[ "$failures" -eq 0 ]
