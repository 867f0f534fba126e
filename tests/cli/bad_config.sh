#!/bin/bash
# Wrong configurations and options: the exact message, the exit status, nothing on stdout.
# bad_config.expected holds, for each case, its name, the exit status and stderr. `bad_config.sh --write` makes it
# anew; read the difference before it is committed.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
here=$(cd "$(dirname "$0")" && pwd)
cd "$folder" || exit 1

# try NAME ARGUMENT...: one case
try() {
    local name=$1
    shift
    "$PARTRAIN" "$@" >out 2>err
    echo "== $name: exit $?"
    cat err
    [ -s out ] && echo "(stdout is not empty)"
    return 0
}

# file NAME TEXT: one case of a configuration file; \n and \t in TEXT are what they say
file() {
    printf %b "$2" >bad.yaml
    try "$1" config -c bad.yaml
}

# keys NAME KEY=VALUE...: one case of values that do not go together
keys() {
    local name=$1
    shift
    try "$name" config "$@"
}

all() {
    file "empty file" ''
    file "only comments" '# nothing here\n'
    file "a list" '- a\n'
    file "unknown key" 'model:\n  kind: mf\n  latnet: 3\n'
    file "key of another section" 'model: {batch: 3}\n'
    file "unknown section" 'modle: {kind: mf}\n'
    file "no key that is near" 'train: {qqqqqqqqqq: 1}\n'
    file "key twice" 'train:\n  lr: 1\n  lr: 2\n'
    file "key twice, dotted" 'train.lr: 1\ntrain: {lr: 2}\n'
    file "section twice" 'train: {lr: 1}\ntrain: {batch: 2}\n'
    file "text for a number" 'train:\n  batch: many\n'
    file "fraction for a whole number" 'train: {batch: 2.5}\n'
    file "number in quotes" 'train: {batch: "25"}\n'
    file "list for a number" 'train: {lr: [1, 2]}\n'
    file "mapping for a number" 'train: {lr: {a: 1}}\n'
    file "no value" 'train:\n  lr:\n'
    file "not a number" 'train: {lr: .nan}\n'
    file "not true or false" 'train: {shuffle: maybe}\n'
    file "below the bound" 'train: {batch: 0}\n'
    file "above the bound" 'train: {lr: 1000}\n'
    file "above 64 bits" 'train: {seed: 99999999999999999999}\n'
    file "below 64 bits" 'train: {seed: -99999999999999999999}\n'
    file "list with a bad entry" 'model: {hidden: [600, 0]}\n'
    file "list with an empty entry" 'eval: {metrics: [rmse, ]}\ndata: {columns: [user, ""]}\n'
    file "unknown name" 'model: {kind: multivea}\n'
    file "part of a name" 'model: {kind: vae}\n'
    file "tab" 'model:\n\tkind: mf\n'
    file "bracket left open" 'model: {kind: mf\n'
    file "anchor" 'model: &m {kind: mf}\n'
    file "alias" 'model: *m\n'
    file "tag" 'train: {lr: !!float 1}\n'
    file "two documents" 'model: {kind: mf}\n---\nmodel: {kind: mf}\n'
    file "not UTF-8" 'data: {path: caf\xe9}\n'
    file "NUL byte" 'model: {kind: mf}\x00\n'
    file "control character" 'data: {path: "a\x02"}\n'
    file "UTF-16" '\xff\xfem\x00o\x00'
    file "deep nesting" "$(printf '[%.0s' $(seq 40))"
    file "tune is no mapping" 'tune: [1, 2]\n'
    printf 'model: {kind: mf}\n%1100000s' '' >large.yaml
    try "large file" config -c large.yaml
    try "no such file" config -c none.yaml
    try "a folder" config -c .
    : >closed.yaml
    try "below a file" config -c closed.yaml/x.yaml

    keys "unknown key on the command line" trian.lr=1
    keys "section on the command line" model=mf
    keys "no equals sign" train.lr
    keys "no key" =3
    keys "no value on the command line" train.lr=
    keys "bad YAML on the command line" 'model.hidden=[1, 2'
    keys "bad number on the command line" train.lr=fast
    keys "line break in a key" $'train.l\nr=1'

    keys "item side of multivae" model.kind=multivae model.side=item
    keys "item side of multidae" model.kind=multidae model.side=item
    keys "recvae of two widths" model.kind=recvae 'model.hidden=[600,300]'
    keys "recvae without layers" model.kind=recvae 'model.hidden=[]'
    keys "recvae and rollover" model.kind=recvae train.last_batch=rollover
    keys "microbatch of a rating model" train.microbatch=10
    keys "bf16 without a dense layer" model.kind=ials train.precision=bf16
    keys "bf16 between two hidden layers alone" 'model.hidden=[50]' train.precision=bf16
    keys "bf16 in odd microbatches" model.kind=multidae train.precision=bf16 train.microbatch=7
    keys "range upside down" model.kind=mf model.range_low=5 model.range_high=1
    keys "centre and range" model.kind=mf model.range_high=5 model.center=true
    keys "no hidden layer" 'model.hidden=[]'
    keys "weights all zero" model.init=normal model.init_std=0
    keys "patience without validation" train.patience=3 split.valid=0
    keys "patience without validation users" model.kind=multivae train.patience=3 split.valid_users=0
    keys "refit without validation" train.refit=true split.valid=0
    keys "neither share nor count" split.test=1.5
    keys "neither share nor count of users" model.kind=multivae split.valid_users=10.5
    keys "nobody to train on" model.kind=multivae split.valid_users=0.5 split.test_users=0.5
    keys "sgd for a network" train.optimizer=sgd
    keys "sgd without biases" model.kind=mf train.optimizer=sgd model.biases=false
    keys "mf with held-out users" model.kind=mf split.kind=users
    keys "item side with held-out users" model.side=item split.kind=users
    keys "nothing folded in" model.kind=multivae split.fold_in=0
    keys "everything folded in" model.kind=multivae split.fold_in=1
    keys "fold out of range" split.kind=kfold split.folds=5 split.fold=5
    keys "schedule that changes nothing" train.schedule=step train.lr_decay=1
    keys "momentum upside down" train.schedule=one_cycle train.momentum_low=0.99
    keys "decay that wipes out" train.lr=0.1 train.weight_decay=10
    keys "unknown column" data.columns=user,item,stars
    keys "column twice" data.columns=user,item,user
    keys "no item column" data.columns=user,rating
    keys "columns of lists" data.format=lists data.columns=user,item

    try "unknown command" confgi
    try "unknown command, none near" xyzxyzxyz
    try "help for an unknown command" help confgi
    try "unknown long option" config --refrence
    try "unknown long option, none near" config --zzzzzzzz
    try "unknown short option" config -z
    try "argument missing" config -c
    try "long argument missing" config --config
    try "argument too many" config --all=yes
    try "empty option argument" config -c ''
}

if [ "${1:-}" = --write ]; then
    all >"$here/bad_config.expected"
else
    all >"$folder/result"
    cases=$(grep -c '^== ' "$folder/result")
    [ "$cases" -ge 20 ] || { echo "$cases cases only" >&2; exit 1; }
    diff -u "$here/bad_config.expected" "$folder/result" >&2
fi
