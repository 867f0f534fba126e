#!/bin/bash
# The program itself: help, version, where output goes, exit statuses, notes.
set -u
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0

# expect STATUS STDOUT-PATTERN STDERR-PATTERN ARGUMENT...: patterns are of grep -E; an empty one: nothing is printed
expect() {
    local status=$1 out=$2 err=$3
    shift 3
    "$PARTRAIN" "$@" >"$folder/out" 2>"$folder/err"
    local got=$?
    if [ "$got" -ne "$status" ] || ! matches "$out" "$folder/out" || ! matches "$err" "$folder/err"; then
        echo "partrain $*: exit $got, expected $status" >&2
        sed 's/^/  out: /' "$folder/out" >&2
        sed 's/^/  err: /' "$folder/err" >&2
        failures=$((failures + 1))
    fi
}

matches() {
    if [ -z "$1" ]; then [ ! -s "$2" ]; else grep -qE -- "$1" "$2"; fi
}

expect 2 '' '^partrain: no command'
expect 0 '^usage: partrain -c FILE' '' help
expect 0 '^usage: partrain -c FILE' '' --help
expect 0 '^  config  ' '' -h
expect 0 '^usage: partrain config ' '' help config
expect 0 '^usage: partrain config ' '' config --help
expect 0 '^  -c, --config FILE  ' '' config -c none.yaml -h
expect 0 '^partrain [0-9]+\.[0-9]+\.[0-9]+$' '' --version
expect 0 '^compiler: ' '' --version
expect 0 '^model: \{kind: mf,' '' config model.kind=mf
expect 0 'latent: 7' '' config model.latent=3 model.kind=mf model.latent=7
expect 0 'kl_weight: 0\.2' '' config --all
expect 0 '^model: ' '^partrain: note: model.kl_weight is given and has no effect' config model.kl_weight=0.1
expect 0 '^model: ' '' config -- model.kind=mf
expect 0 '^# Configuration' '' config --reference

# A file is under KEY=VALUE, wherever the option stands.
printf 'model: {kind: mf, latent: 3}\n' >"$folder/c.yaml"
expect 0 'latent: 5' '' config model.latent=5 -c "$folder/c.yaml"

# What cannot be written is told.
if [ -w /dev/full ]; then
    for arguments in config "config --reference" help --version; do
        # shellcheck disable=SC2086
        "$PARTRAIN" $arguments >/dev/full 2>"$folder/err"
        status=$?
        if [ $status -ne 6 ] || ! grep -q '^partrain: .*No space left' "$folder/err"; then
            echo "partrain $arguments on a full disk: exit $status" >&2
            failures=$((failures + 1))
        fi
    done
fi
[ "$failures" -eq 0 ]
