#!/bin/bash
# support.sh - what the tests of the whole program (tests/cli/*.sh) share; they source it first. $folder is a folder of
# the test's own, gone at its end; $PARTRAIN, the program, has its whole path. A test says either all that is wrong
# (complain; its last line is [ "$failures" -eq 0 ]) or the first thing (fail).
set -u
case ${PARTRAIN:-} in '' | /*) ;; *) PARTRAIN=$PWD/$PARTRAIN ;; esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0

# wait_for COMMAND...: until it succeeds; a machine with much to do takes its time, so a minute at most
wait_for() {
    local end=$((SECONDS + 60))
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.02
    done
}

# has PROGRAM...: one of them is installed; else says what a part of the test lacks
has() {
    local name all="$*"
    for name; do
        ! command -v "$name" >/dev/null || return 0
    done
    echo "left out: needs ${all// / or }" >&2
    return 1
}

# needs PROGRAM...: one of them, or the test is skipped
needs() {
    local all="$*"
    has "$@" 2>/dev/null || skip "needs ${all// / or }"
}

# skip WORD...: the test ends, it cannot be done here
skip() {
    echo "skipped: $*" >&2
    exit 77
}

# complain WORD...: the test goes on
complain() {
    echo "$*" >&2
    failures=$((failures + 1))
}

# show NAME...: files of $folder, indented, as far as they are there
show() {
    local name
    for name; do
        [ ! -s "$folder/$name" ] || sed "s/^/  $name: /" "$folder/$name" >&2
    done
}

# fail WORD...: the test ends
fail() {
    echo "$*" >&2
    show out err
    exit 1
}

# says PATTERN [FILE]: is in $folder/out (FILE), or the test ends
says() {
    grep -q -e "$1" "$folder/${2:-out}" || fail "not said: $1"
}

# complains PATTERN: the same of $folder/err
complains() {
    says "$1" err
}

# expect_said STATUS PATTERN ARGUMENT...: partrain's exit status, and a pattern of grep -E in what it prints anywhere
expect_said() {
    local status=$1 pattern=$2 got
    shift 2
    "$PARTRAIN" "$@" >"$folder/out" 2>&1
    got=$?
    if [ $got -ne "$status" ] || ! grep -qE -- "$pattern" "$folder/out"; then
        complain "partrain $*: exit $got, expected $status and: $pattern"
        show out
    fi
}

# expect_streams STATUS STDOUT-PATTERN STDERR-PATTERN ARGUMENT...: patterns of grep -E; an empty one: nothing is printed
expect_streams() {
    local status=$1 out=$2 err=$3 got
    shift 3
    "$PARTRAIN" "$@" >"$folder/out" 2>"$folder/err"
    got=$?
    if [ $got -ne "$status" ] || ! matches "$out" out || ! matches "$err" err; then
        complain "partrain $*: exit $got, expected $status, stdout: $out, stderr: $err"
        show out err
    fi
}

matches() {
    if [ -z "$1" ]; then [ ! -s "$folder/$2" ]; else grep -qE -- "$1" "$folder/$2"; fi
}
