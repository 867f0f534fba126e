#!/bin/bash
# Bad ratings of every format, bad paths, permissions, options: exit status and message of each, and that nothing
# half-written is left. bad_input.expected holds, for each case, its name, the exit status and stderr. `bad_input.sh
# --write` makes it anew; read the difference before it is committed. Wrong configurations: bad_config.sh.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
here=$(cd "$(dirname "$0")" && pwd)
trap 'chmod -R u+rwx "$folder"; rm -rf "$folder"' EXIT
chmod 755 "$folder"
cp "$PARTRAIN" "$folder/partrain" && cd "$folder" || exit 1
as=()

# try NAME ARGUMENT...: one run; a result that is there afterwards is told
try() {
    local name=$1
    shift
    "${as[@]}" ./partrain "$@" >out 2>err </dev/null
    echo "== $name: exit $?"
    sed -e "s|$folder|FOLDER|g" -e 's/\(cannot be unpacked: \).*/\1REASON/' err
    [ -s out ] && echo "(stdout is not empty)"
    find . -name '*.tmp-*' -o -path './runs' -o \( -path './o/*' -a ! -name .lock \) 2>/dev/null | sort | sed 's/^/(left: /; s/$/)/'
    [ -d o ] && rm -rf o
    return 0
}

# data NAME FILE TEXT [ARGUMENT...]: one case of a ratings file; \n, \t and \xHH in TEXT are what they say
data() {
    local name=$1 file=$2 text=$3
    shift 3
    mkdir -p "$(dirname "$file")"
    printf %b "$text" >"$file"
    ratings "$name" "$file" "$@"
    rm -f "$file"
}

# ratings NAME PATH [ARGUMENT...]
ratings() {
    local name=$1 path=$2
    shift 2
    try "$name" train model.kind=mf run.threads=1 train.epochs=1 -q --out o data.path="$path" "$@"
}

tab() { data "u.data: $1" u.data "$2" "${@:3}"; }
dat() { data "ratings.dat: $1" ratings.dat "$2" "${@:3}"; }
csv() { data "ratings.csv: $1" ratings.csv "$2" "${@:3}"; }
columns() { data "columns: $1" x.txt "$2" data.columns=user,item,rating "${@:3}"; }
lists() { data "lists: $1" l.txt "$2" data.format=lists "${@:3}"; }

formats() {
    tab "too few fields" '1\t2\t3\t4\n1\t3\n'
    tab "too many fields" '1\t2\t3\t4\n1\t3\t4\t5\t6\n'
    tab "rating is a word" '1\t2\t3\t4\n1\t3\tgood\t5\n'
    tab "rating is not finite" '1\t2\t3\t4\n1\t3\tinf\t5\n'
    tab "no user" '1\t2\t3\t4\n\t3\t4\t5\n'
    tab "no item" '1\t2\t3\t4\n1\t\t4\t5\n'
    tab "time is a word" '1\t2\t3\t4\n1\t3\t4\tnoon\n' split.kind=last
    tab "empty" ''
    tab "line breaks only" '\n\n\n'
    tab "a zero byte" '1\t2\t3\t4\n1\t3\x00\t4\t5\n'
    tab "pair twice" '1\t2\t3\t4\n1\t2\t4\t5\n' data.duplicates=error
    tab "cut off" '1\t2\t3\t4\n1\t3\t4\t5\n2\t'

    dat "too few fields" '1::2::3::4\n1::3\n'
    dat "too many fields" '1::2::3::4\n1::2::3::4::5\n'
    dat "single colons" '1:2:3:4\n1:3:4:5\n'
    dat "rating is a word" '1::2::3::4\n1::3::x::5\n'
    dat "no user" '1::2::3::4\n::3::4::5\n'
    dat "no item" '1::2::3::4\n1::::4::5\n'
    dat "empty" ''
    dat "another format below" '1::2::3::4\n1,3,4,5\n'
    dat "rating in words of another tongue" '1::2::3::4\n1::3::\xc3\xa9::5\n'

    csv "header only" 'userId,movieId,rating,timestamp\n'
    csv "too few fields" 'userId,movieId,rating,timestamp\n1,2\n'
    csv "too many fields" 'userId,movieId,rating,timestamp\n1,2,3,4,5\n'
    csv "rating is a word" 'userId,movieId,rating,timestamp\n1,2,3,4\n1,3,bad,4\n'
    csv "quote left open" 'userId,movieId,rating,timestamp\n1,"2,3,4\n'
    csv "text after a quote" 'userId,movieId,rating,timestamp\n1,"2"x,3,4\n'
    csv "empty" ''
    csv "UTF-16" '\xff\xfeu\x00s\x00e\x00r\x00'
    csv "rating too large" 'userId,movieId,rating,timestamp\n1,2,1e400,4\n'

    data "JSON" x.jsonl '{"user": 1, "item": 2}\n{"user": 1\n'
    data "another delimiter than that of quoted fields" x.csv '"1";"2";"3"\n"1";"3";"4"\n' data.delimiter=,

    columns "rating missing" 'a b 3\na c\n'
    columns "rating is a word" 'a b 3\na c bad\n'
    columns "rating is not a number" 'a b 3\na c nan\n'
    columns "one field" 'a\nb\n'
    columns "another delimiter" 'a b 3\na c 4\n' data.delimiter=,
    columns "empty" ''
    columns "header where there is none" 'a b 3\nb c 3\n' data.header=yes data.delimiter=';'
    columns "binary" '\x00\x01\x02\x03\x04\x05\x06\x07\n'
    columns "hexadecimal rating" 'a b 3\na c 0x10\n'

    lists "user alone" 'a b c\nd\n'
    lists "empty" ''
    lists "blank lines" '\n \n'
    lists "item twice" 'a b b\n' data.duplicates=error
    lists "zero byte" 'a b\n\x00 c\n'
    lists "UTF-16" '\xff\xfea\x00 \x00b\x00'
    lists "columns as well" 'a b\n' data.columns=user,item
    lists "times asked for" 'a b c d\ne f g h\n' split.kind=last
}

pairs() {
    mkdir -p pair
    printf '1\t1\t3\t4\n1\t2\t3\t4\n2\t1\t3\t4\n' >pair/u1.base
    printf '2\t2\t4\t5\n' >pair/u1.test
    data "u1.test: pair in both" pair/u1.test '1\t1\t3\t4\n' data.path=pair split.kind=given
    data "u1.test: empty" pair/u1.test '' data.path=pair split.kind=given
    data "u1.test: too few fields" pair/u1.test '2\n' data.path=pair split.kind=given
    data "u1.test: rating is a word" pair/u1.test '2\t2\tx\t5\n' data.path=pair split.kind=given
    data "u1.test: another format" pair/u1.test '2::2::4::5\n' data.path=pair split.kind=given
    ratings "u1.test: missing" pair split.kind=given
    printf '2\t2\t4\t5\n' >pair/u1.test
    data "u1.base: empty" pair/u1.base '' data.path=pair split.kind=given
    data "u1.base: no user" pair/u1.base '\t2\t4\t5\n' data.path=pair split.kind=given
    ratings "u1.base: missing" pair split.kind=given
    ratings "given, and no split there" synth:small split.kind=given
}

# Liang's five files: NAME, the file that is changed, its text (nothing: the file goes)
liang() {
    rm -rf pro && mkdir pro
    printf 'uid,sid\n0,0\n0,1\n1,0\n1,2\n' >pro/train.csv
    printf 'uid,sid\n2,0\n2,1\n' >pro/validation_tr.csv
    printf 'uid,sid\n2,2\n' >pro/validation_te.csv
    printf 'uid,sid\n3,0\n3,2\n' >pro/test_tr.csv
    printf 'uid,sid\n3,1\n' >pro/test_te.csv
    if [ -n "$3" ]; then printf %b "$3" >"pro/$2"; else rm "pro/$2"; fi
    try "Liang: $1" train model.kind=multidae model.latent=4 run.threads=1 train.epochs=1 -q --out o data.path=pro
    rm -rf pro
}

finished() {
    liang "no training file" train.csv ''
    liang "no held-out file" test_te.csv ''
    liang "training file empty" train.csv '\n'
    liang "header only" train.csv 'uid,sid\n'
    liang "user trains and tests" train.csv 'uid,sid\n0,0\n3,1\n1,2\n'
    liang "user validates and tests" validation_tr.csv 'uid,sid\n3,0\n'
    liang "item shown and held out" test_te.csv 'uid,sid\n3,0\n'
    liang "too few fields" validation_te.csv 'uid,sid\n2\n'
    liang "too many fields" test_tr.csv 'uid,sid\n3,0,5,6,7\n'
    liang "no item" test_tr.csv 'uid,sid\n3,\n'
}

archives() {
    printf '1\t2\t3\t881250949\n2\t3\t4\t881250950\n' >plain
    gzip -c plain >good.gz
    head -c 20 good.gz >cut.gz
    ratings "gz: cut" cut.gz
    cp plain fake.gz
    ratings "gz: a plain text" fake.gz
    : >empty.gz
    ratings "gz: empty" empty.gz
    printf 'PK\x03\x04rubbish' >bad.zip
    ratings "zip: rubbish" bad.zip
    : >empty.zip
    ratings "zip: empty" empty.zip
    { printf 'PK\005\006' && head -c 18 /dev/zero; } >none.zip
    ratings "zip: of no files" none.zip
    printf '\xfd7zXZ\x00\x00\x04rubbish' >bad.xz
    ratings "xz: rubbish" bad.xz
    printf '\x28\xb5\x2f\xfdrubbish' >bad.zst
    ratings "zst: rubbish" bad.zst
    cp good.gz packed.txt
    ratings "packed under another name" packed.txt
    printf 'x' | dd of=good.gz bs=1 seek=24 conv=notrunc 2>/dev/null
    ratings "gz: a byte changed" good.gz
}

paths() {
    ratings "path: not there" none.csv
    ratings "path: below a file" plain/x.csv
    mkdir -p hollow && ratings "path: an empty folder" hollow
    mkdir -p other && echo text >other/readme.txt && ratings "path: a folder without ratings" other
    ratings "path: a glob that matches nothing" 'none-*.csv'
    ratings "path: a device" /dev/null
    ratings "path: standard input, empty" -
    ratings "path: an unknown synthetic set" synth:none
    ratings "path: a synthetic set that cannot be" synth:10x10x5000
    ratings "path: a loop of links" "$(ln -s loop loop && echo loop)"
    ratings "path: too long" "$(printf 'x%.0s' $(seq 300))"
    try "path: not given" train model.kind=mf -q --out o
    local train=(train model.kind=mf data.path=synth:small run.threads=1 train.epochs=1 -q)
    try "out: a file" "${train[@]}" --out plain
    try "out: below a file" "${train[@]}" --out plain/run
    try "out: empty" "${train[@]}" --out ''
    try "out: too long a name" "${train[@]}" --out "$(printf 'x%.0s' $(seq 300))"
    try "configuration: not there" train -c none.yaml -q --out o
    try "configuration: a folder" train -c hollow -q --out o
}

options() {
    local train=(train model.kind=mf data.path=synth:small run.threads=1 train.epochs=1)
    try "option: unknown" "${train[@]}" --outt o
    try "option: argument missing" "${train[@]}" --out
    try "option: threads is a word" "${train[@]}" --out o --threads many
    try "option: no threads" "${train[@]}" --out o --threads 0
    try "option: too many threads" "${train[@]}" --out o --threads 5000
    try "option: a fraction of a thread" "${train[@]}" --out o --threads 1.5
    try "option: resume without a folder" "${train[@]}" --resume
    try "option: resume takes no argument" "${train[@]}" --out o --resume=yes
    try "option: a word that is no setting" "${train[@]}" --out o mf
    try "option: an unknown short one" "${train[@]}" --out o -x
    try "option: configuration without a name" train -c
    try "option: eval without a run" eval
    try "option: eval of nothing" eval -m none
    try "option: eval of a folder without a run" eval -m hollow
}

# What cannot be said before the data are read.
problems() {
    local train=(train data.path=synth:small run.threads=1 train.epochs=1 -q --out o)
    try "problem: rmse of multivae" "${train[@]}" model.kind=multivae eval.metrics=rmse
    try "problem: unknown metric" "${train[@]}" model.kind=mf eval.metrics=rmsee
    try "problem: metric without a cut-off" "${train[@]}" model.kind=multivae eval.metrics=ndcg
    try "problem: ranking of items" "${train[@]}" model.kind=autorec model.side=item eval.metrics=ndcg@10
    try "problem: monitor that is not computed" "${train[@]}" model.kind=mf train.monitor=mse
    try "problem: more test users than users" "${train[@]}" model.kind=multivae split.test_users=5000
    try "problem: nothing above the minimum" "${train[@]}" model.kind=mf data.min_rating=9
    try "problem: nobody with so many ratings" "${train[@]}" model.kind=mf data.min_user_ratings=5000
    try "problem: batch beyond the examples" "${train[@]}" model.kind=mf train.batch=5000 train.last_batch=drop
    try "problem: a vector path that there is not" "${train[@]}" model.kind=mf run.isa=avx1024
}

permissions() {
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null || return 1
        as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
        chown -R 65534:65534 .
    fi
    local train=(train model.kind=mf data.path=synth:small run.threads=1 train.epochs=1 -q)
    printf '1\t2\t3\t4\n2\t3\t4\t5\n' >shut.data && chmod 000 shut.data
    ratings "permission: ratings" shut.data
    mkdir shut && cp plain shut/u.data && chmod 000 shut
    ratings "permission: folder of ratings" shut
    ratings "permission: ratings in a folder" shut/u.data
    cp bad.zip shut.zip && chmod 000 shut.zip
    ratings "permission: archive" shut.zip
    echo 'model: {kind: mf}' >shut.yaml && chmod 000 shut.yaml
    try "permission: configuration" train -c shut.yaml -q --out o
    mkdir fixed && chmod 555 fixed
    try "permission: a folder below one that is fixed" "${train[@]}" --out fixed/run
    try "permission: a run in a fixed folder" "${train[@]}" --out fixed
    "${as[@]}" ./partrain "${train[@]}" model.center=true train.lr=0.01 --out ended >/dev/null 2>&1
    chmod 000 ended/model.safetensors
    try "permission: the model of eval" eval -m ended
    chmod 644 ended/model.safetensors && chmod 000 ended/config.yaml
    try "permission: the configuration of report" report ended
    chmod 644 ended/config.yaml && chmod 000 ended
    try "permission: the folder of eval" eval -m ended
    try "permission: the folder of --resume" train --resume --out ended -q
    chmod 755 ended && chmod 000 ended/checkpoint.safetensors
    try "permission: the checkpoint of --resume" "${train[@]}" --out ended --resume train.epochs=2
    chmod 644 ended/checkpoint.safetensors && chmod 000 ended/items.tsv
    try "permission: items.tsv" eval -m ended
    chmod 644 ended/items.tsv
    try "permission: figures by user" eval -m ended --per-user fixed/users.tsv
    chmod -R u+rwx shut fixed
}

all() {
    formats
    pairs
    finished
    archives
    paths
    options
    problems
}

if [ "${1:-}" = --write ]; then
    { all && permissions; } >"$here/bad_input.expected"
    exit
fi
all >result
if permissions >permitted; then
    cat result permitted >whole
    cp "$here/bad_input.expected" expected
else
    mv result whole
    sed '/^== permission: ratings:/,$d' "$here/bad_input.expected" >expected
fi
diff -u expected whole >&2 || exit 1

# Divergence.
./partrain train model.kind=autorec data.path=synth:small 'model.hidden=[20, 20, 20, 20, 20, 20, 20]' model.activation=identity \
    run.threads=1 train.lr=100 train.epochs=300 -q --out diverged >out 2>err
status=$?
if [ $status -ne 5 ] || [ -e diverged/summary.json ] ||
    ! grep -q '^partrain: training diverged in epoch .*: train.lr (100) is too large' err; then
    echo "divergence: exit $status: $(cat err)" >&2
    exit 1
fi
