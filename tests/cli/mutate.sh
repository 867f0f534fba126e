#!/bin/bash
# Valid files of each format, and then fields, lines and bytes of them dropped, doubled, swapped or changed: whatever
# comes of it, partrain trains on it (0) or says what is wrong (2, 3), in one line and in time, and leaves no
# half-written result. `mutate.sh ROUNDS SEED`; the rounds are for each format.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
rounds=${1:-30} seed=${2:-1}
cd "$folder" || exit 1
runs=0 refused=0
export LC_ALL=C

ratings() { # SEPARATOR: 12 users, 10 items
    awk -v s="$1" 'BEGIN {for (u = 1; u <= 12; u++) for (i = 1; i <= 10; i++)
        if ((u * 5 + i * 3) % 4) print u s i s 1 + (u * i) % 5 s 880000000 + u * 1000 + i}'
}

# The files of a format in folder "good"; more settings in `more`.
make_good() {
    rm -rf good && mkdir good
    more=()
    case $1 in
    tab) ratings '	' >good/u.data ;;
    dat)
        ratings :: >good/ratings.dat
        for i in $(seq 10); do echo "$i::Film $i (190$i)::Drama|War"; done >good/movies.dat
        ;;
    csv)
        { echo userId,movieId,rating,timestamp; ratings ,; } >good/ratings.csv
        { echo movieId,title,genres; for i in $(seq 10); do echo "$i,\"Film, the $i\",Drama"; done; } >good/movies.csv
        ;;
    columns)
        ratings ';' | awk -F';' '{print $3 ";x;" $2 ";" $1}' >good/any.txt
        more=('data.columns=rating,skip,item,user' 'data.delimiter=;')
        ;;
    lists)
        for u in $(seq 12); do echo "u$u i$u i$((u + 1)) i$((u + 2)) i$((u % 3))"; done >good/any.txt
        more=(data.format=lists data.duplicates=last)
        ;;
    pair)
        ratings '	' | awk 'NR % 4' >good/u1.base
        ratings '	' | awk 'NR % 4 == 0' >good/u1.test
        more=(split.kind=given)
        ;;
    liang)
        ratings , | awk -F, 'BEGIN {split("train validation_tr validation_te test_tr test_te", f, " ")
            for (k in f) print "uid,sid" >("good/" f[k] ".csv")}
            {k = $1 <= 8 ? 1 : $1 <= 10 ? 2 + (NR % 3 == 0) : 4 + (NR % 3 == 0); print $1 "," $2 >("good/" f[k] ".csv")}'
        more=(model.kind=multidae)
        ;;
    gz) ratings '	' | gzip -cn >good/u.data.gz ;;
    zip)
        ratings '	' >u.data
        if has zip 2>/dev/null; then zip -qX good/any.zip u.data; else python3 -m zipfile -c good/any.zip u.data; fi
        ;;
    zst)
        has zstd || return 1
        ratings '	' | zstd -qc >good/u.data.zst
        ;;
    yaml)
        ratings '	' >good/u.data
        "$PARTRAIN" config model.kind=mf model.latent=4 train.epochs=1 --all >good/c.yaml
        ;;
    esac
}

# One or more changes to a file of text: fields, lines, bytes. A seed gives one result.
change_text() {
    awk -v seed="$2" 'function pick(n) {return int(rand() * n)}
    BEGIN {srand(seed); FS = "\n"} {line[NR] = $0}
    END {
        n = NR
        for (times = 1 + pick(3); times > 0; times--) {
            at = 1 + pick(n); text = line[at]; what = pick(10)
            mark = index(text, "\t") ? "\t" : index(text, "::") ? "::" : index(text, ",") ? "," : index(text, ";") ? ";" : " "
            fields = split(text, field, mark)
            a = 1 + pick(fields); b = 1 + pick(fields)
            if (what == 0) field[a] = ""
            if (what == 1) {t = field[a]; field[a] = field[b]; field[b] = t}
            if (what == 2) field[a] = field[a] mark field[a]
            if (what == 3) field[a] = substr("-1e9 nan 1e999 x \"  \\ 99999999999999999999 0.5.5 + {", 1 + pick(40), 1 + pick(8))
            if (what <= 3) {text = field[1]; for (k = 2; k <= fields; k++) text = text mark field[k]}
            c = 1 + pick(length(text))
            if (what == 4) text = substr(text, 1, c - 1) substr(text, c + 1)
            if (what == 5) text = substr(text, 1, c) substr(text, c)
            if (what == 6) text = substr(text, 1, c - 1) sprintf("%c", 1 + pick(255)) substr(text, c + 1)
            if (what == 7) text = substr(text, 1, c)
            line[at] = text
            if (what == 8) {line[at] = line[at] "\n" line[1 + pick(n)]}
            if (what == 9) {b = 1 + pick(n); line[at] = line[b]; line[b] = text}
        }
        cut = pick(8) ? n : 1 + pick(n)
        for (k = 1; k <= cut; k++) printf "%s%s", line[k], k == cut && !pick(6) ? "" : pick(60) ? "\n" : "\r\n"
    }' "good/$1" >"bad/$1"
}

# Bytes of any file: one overwritten, or the file cut.
change_bytes() {
    local size at
    size=$(stat -c %s "good/$1")
    RANDOM=$2
    cp "good/$1" "bad/$1"
    at=$(((RANDOM * 32768 + RANDOM) % size))
    if [ $((RANDOM % 4)) -eq 0 ]; then
        truncate -s $at "bad/$1"
    else
        printf %b "\\x$(printf %x $((RANDOM % 256)))" | dd of="bad/$1" bs=1 seek=$at conv=notrunc 2>/dev/null
    fi
}

# check NAME: one run on folder "bad"
check() {
    local path=bad status
    local config=()
    [ "$format" = columns ] || [ "$format" = lists ] && path=bad/any.txt
    [ -e bad/c.yaml ] && config=(-c bad/c.yaml)
    [ -e bad/any.zip ] && path=bad/any.zip
    [ -e bad/u.data.gz ] && path=bad/u.data.gz
    [ -e bad/u.data.zst ] && path=bad/u.data.zst
    rm -rf run
    timeout 20 "$PARTRAIN" train "${config[@]}" model.kind=mf model.latent=4 train.epochs=1 train.batch=64 run.threads=1 \
        data.path=$path "${more[@]}" -q --out run >out 2>err </dev/null
    status=$?
    runs=$((runs + 1))
    [ $status -ne 0 ] && refused=$((refused + 1))
    if [ $status -ne 0 ] && [ $status -ne 2 ] && [ $status -ne 3 ]; then
        wrong="exit $status"
    elif [ $status -ne 0 ] && [ "$(grep -c '^partrain: .' err)" -ne 1 ]; then
        wrong="not one line that says why"
    elif [ $status -ne 0 ] && [ -e run ]; then
        wrong="a refused run left files"
    elif [ $status -eq 0 ] && [ ! -s run/summary.json ]; then
        wrong="no summary"
    else
        return
    fi
    echo "$1: $wrong: $(head -c 300 err)" >&2
    failures=$((failures + 1))
}

for format in tab dat csv columns lists pair liang gz zip zst yaml; do
    make_good $format || continue
    rm -rf bad && cp -r good bad
    before=$refused
    check "$format, unchanged"
    [ $refused -eq $before ] || { echo "$format: the good files are refused: $(cat err)" >&2; failures=$((failures + 1)); }
    files=(good/*)
    for round in $(seq "$rounds"); do
        rm -rf bad && cp -r good bad
        file=${files[$((round % ${#files[@]}))]##*/}
        [ $format = yaml ] && file=c.yaml
        case $format in
        gz | zip | zst) change_bytes "$file" $((seed * 1000 + round)) ;;
        *) change_text "$file" $((seed * 1000 + round)) ;;
        esac
        check "$format, round $round, seed $seed"
    done
done
echo "$runs runs, $refused refused"
[ $refused -gt $((runs / 10)) ] || { echo "hardly anything was refused: the changes do not change" >&2; exit 1; }
[ "$failures" -eq 0 ]
