#!/bin/bash
# The program itself: help, version, where output goes, exit statuses, notes.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"

expect_streams 2 '' '^partrain: no command'
expect_streams 2 '' '--epochs: unknown option; a key is set without dashes: train.epochs=' train --epochs 3
expect_streams 2 '' '--min-rating: .* data.min_rating=' bench --min-rating=3
expect_streams 2 '' 'a configuration is read by -c .*, ratings by .partrain start ' "$0"
expect_streams 0 '^usage: partrain \(-c FILE ' '' help
expect_streams 0 '^usage: partrain \(-c FILE ' '' --help
expect_streams 0 '^  config  ' '' -h
expect_streams 0 '^usage: partrain config ' '' help config
expect_streams 0 '^usage: partrain config ' '' config --help
expect_streams 0 '^  -c, --config FILE  ' '' config -c none.yaml -h
expect_streams 0 '^partrain [0-9]+\.[0-9]+\.[0-9]+$' '' --version
expect_streams 0 '^compiler: ' '' --version
expect_streams 0 '^model: \{kind: mf,' '' config model.kind=mf
expect_streams 0 'latent: 7' '' config model.latent=3 model.kind=mf model.latent=7
expect_streams 0 'kl_weight: 0\.1' '' config --all
expect_streams 0 '^model: ' '^partrain: note: model.kl_weight is given and has no effect' config model.kl_weight=0.5
expect_streams 0 '^model: ' '' config -- model.kind=mf
expect_streams 0 '^# Configuration' '' config --reference
expect_streams 2 '' 'did you mean --help' config --hlp
expect_streams 0 '^memory ' '^model: ' data.path=synth:small model.kind=mf --dry-run
expect_streams 2 '' '"trian.lr": unknown key; did you mean train.lr' trian.lr=1 -q

# A command behind options; a path where KEY=VALUE is expected.
expect_streams 2 '' 'eval: a command is the first word: partrain eval' -q eval
expect_streams 2 '' 'expected KEY=VALUE; a configuration is read by -c conf/mf.yaml$' config conf/mf.yaml
expect_streams 2 '' 'expected KEY=VALUE; if these are the ratings: data.path=conf$' config model.kind=mf conf

# A file is under KEY=VALUE, wherever the option stands.
printf 'model: {kind: mf, latent: 3}\n' >"$folder/c.yaml"
expect_streams 0 'latent: 5' '' config model.latent=5 -c "$folder/c.yaml"

# Where it is not, one of its name that was installed beside the program is named, and not taken.
mkdir -p "$folder/usr/bin" "$folder/usr/share/partrain/conf"
cp "$PARTRAIN" "$folder/usr/bin/partrain"
cp "$folder/c.yaml" "$folder/usr/share/partrain/conf/tuned.yaml"
own=$PARTRAIN
PARTRAIN=$folder/usr/bin/partrain
for command in "" config tune "data describe synth:small"; do
    # shellcheck disable=SC2086
    expect_streams 2 '' '^partrain: cannot open conf/tuned.yaml: .*; an installed one is .*/usr/share/partrain/conf/tuned.yaml$' \
        $command -c conf/tuned.yaml
done
expect_streams 2 '' 'cannot open conf/other.yaml: No such file or directory$' config -c conf/other.yaml
PARTRAIN=$own

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
