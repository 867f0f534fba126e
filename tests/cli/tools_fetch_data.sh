#!/bin/bash
# tools/fetch-data against a web server of our own: what is right is unpacked, what is not is refused and leaves
# nothing behind.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
set -eo pipefail

needs python3
needs curl wget
work=$folder
server=''
cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT

mkdir -p "$work/web/ml-100k" "$work/data"
printf '1\t2\t3\t4\n' >"$work/web/ml-100k/u.data"
echo 'terms' >"$work/web/ml-100k/README"
(cd "$work/web" && python3 -m zipfile -c ml-100k.zip ml-100k)
echo 'no archive' >"$work/web/ml-1m.zip"

# Port 0: the system picks a free one, and the server says which.
PYTHONUNBUFFERED=1 python3 -m http.server 0 --bind 127.0.0.1 --directory "$work/web" >"$work/log" 2>&1 &
server=$!
wait_for grep -q ' port [0-9]' "$work/log" || fail "the web server did not start"
port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$work/log" | head -1)
url=http://127.0.0.1:$port
md5=$(md5sum <"$work/web/ml-100k.zip" | cut -d' ' -f1)

refused() {
    local expected=$1 status=0
    shift
    tools/fetch-data --to "$work/data" "$@" >"$work/out" 2>&1 || status=$?
    [ "$status" = 1 ] || fail "'$*' ended with $status, not 1"
    grep -q "$expected" "$work/out" || fail "'$*' said: $(cat "$work/out")"
    [ -z "$(ls -A "$work/data")" ] || fail "'$*' left $(ls -A "$work/data")"
}
refused 'that of the published archive 0e33842e24a9c977be4e0107933c0723' --from "$url/ml-100k.zip" ml-100k
refused 'could not be downloaded' --from "$url/nothing.zip" --md5 "$md5" ml-100k
refused 'could not be unpacked' --from "$url/ml-1m.zip" --md5 "$(md5sum <"$work/web/ml-1m.zip" | cut -d' ' -f1)" ml-1m
refused 'no folder ml-1m' --from "$url/ml-100k.zip" --md5 "$md5" ml-1m

tools/fetch-data --to "$work/data" --from "$url/ml-100k.zip" --md5 "$md5" ml-100k >"$work/out"
cmp "$work/web/ml-100k/u.data" "$work/data/ml-100k/u.data"
grep -q 'no redistribution' "$work/out" || fail 'the licence was not named'
[ "$(ls -A "$work/data")" = ml-100k ] || fail "left over: $(ls -A "$work/data")"
tools/fetch-data --to "$work/data" ml-100k | grep -q 'there already' || fail 'a second call should need no network'

rm -rf "$work/data/ml-100k"
tools/fetch-data --to "$work/data" --from "$work/web/ml-100k.zip" --md5 "$md5" ml-100k >/dev/null
[ -e "$work/data/ml-100k/README" ] || fail 'from a file'
status=0
tools/fetch-data ml-nothing 2>/dev/null || status=$?
[ "$status" = 2 ] || fail "an unknown name ended with $status, not 2"
