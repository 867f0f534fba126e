#!/bin/bash
# Files as people have them: every case of reading/*.cases is read or refused as it says. `reading.sh [WORD]`
# tries those with WORD in their name. reading/README.md says what a case is.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
here=$(cd "$(dirname "$0")" && pwd)
only=${1:-}
mkdir "$folder/case" && cd "$folder/case" || exit 1
export LC_ALL=C
out=$folder/out err=$folder/err total=0

# parts TEXT: into $parts, cut at ' | '
parts() {
    local rest=$1
    parts=()
    while [[ $rest == *' | '* ]]; do
        parts+=("${rest%%' | '*}")
        rest=${rest#*' | '}
    done
    parts+=("$rest")
}

# stands TEXT: in what was said, whatever its case; ' / ' parts texts of which one does
stands() {
    local rest=$1
    while [[ $rest == *' / '* ]]; do
        [[ ${said,,} != *"${rest%%' / '*}"* ]] || return 0
        rest=${rest#*' / '}
    done
    [[ ${said,,} == *"$rest"* ]]
}

# read_as LINES: whether the triplets are these, in any order
read_as() {
    local line k found
    mapfile -t got <"$out"
    unset 'got[0]'
    while IFS= read -r line; do
        found=false
        for k in "${!got[@]}"; do
            case $line in
            *',*') [[ ${got[k]} == "${line%,\*}" || ${got[k]} == "${line%\*}"* ]] && found=true ;;
            *) [ "${got[k]}" = "$line" ] && found=true ;;
            esac
            ! $found || { unset "got[$k]" && break; }
        done
        $found || return 1
    done <<<"$1"
    [ ${#got[@]} -eq 0 ]
}

# pack NAME FILE...: fails where there is nothing to pack with
pack() {
    case $1 in
    *.gz) gzip -cn "${@: -1}" >"$1" ;;
    *)
        python3 -c 'import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as z:
    for name in sys.argv[2:]:
        z.writestr(os.fsencode(name).decode("utf-8"), open(name, "rb").read())' "$@"
        ;;
    esac
}

# parse WORD: the case in $lines; writes its files
parse() {
    local line text key=''
    run="data convert" path='' packed='' options=() files=() ways=() outcomes=() told=() untold=()
    for line in "${lines[@]}"; do
        [ -z "$1" ] || line=${line//@/"$1"}
        if [[ $line == '  '* ]]; then
            case $key in
            file) printf '%b' "${line:2}\n" >>"${files[-1]}" ;;
            right)
                printf -v text '%b' "${line:2}"
                outcomes[-1]+=${outcomes[-1]:+$'\n'}$text
                ;;
            *) complain "$at: no line of a file or of triplets: $line" ;;
            esac
            continue
        fi
        key=${line%%:*} text=${line#*:} text=${text# }
        case $key in
        source | each) ;;
        options) parts "$text" && options=("${parts[@]}") ;;
        run) run=$text ;;
        read) path=$text ;;
        pack) packed=$text ;;
        file)
            files+=("$text")
            [[ $text != */* ]] || mkdir -p "${text%/*}"
            : >"$text"
            ;;
        right | refused) ways+=("$key") && outcomes+=("$text") ;;
        told) parts "$text" && told+=("${parts[@]}") ;;
        untold) parts "$text" && untold+=("${parts[@]}") ;;
        *) complain "$at: no such word: $key" ;;
        esac
    done
}

# holds WAY OUTCOME STATUS: whether it came out so; why not, in $reason
holds() {
    local text
    if [ "$1" = refused ]; then
        [ "$3" -eq 3 ] || { reason="exit $3, not refused" && return 1; }
        parts "$2"
        for text in "${parts[@]}"; do
            stands "${text,,}" || { reason="refused without '$text'" && return 1; }
        done
        return 0
    fi
    [ "$3" -eq 0 ] || { reason="exit $3, not read" && return 1; }
    [ -z "$2" ] || read_as "$2" || { reason="read as $(tail -n +2 "$out" | tr '\n' ' ')" && return 1; }
    for text in "${told[@]}"; do
        stands "${text,,}" || { reason="not told: '$text'" && return 1; }
    done
}

# try WORD: one case
try() {
    local k status right=false text reason=''
    parse "$1"
    [ -z "$packed" ] || pack "$packed" "${files[@]}" || { echo "skipped: $at" && return; }
    path=${path:-${packed:-${files[0]}}}
    [[ $run == *FILE* ]] || run+=' FILE'
    read -ra words <<<"$run"
    "$PARTRAIN" "${words[@]/FILE/$path}" "${options[@]}" >"$out" 2>"$err"
    status=$?
    said=$(<"$err")
    [[ $run == 'data convert'* ]] || said+=$(<"$out")
    [ ${#ways[@]} -gt 0 ] || ways=(right) outcomes=('')
    for k in "${!ways[@]}"; do
        ! holds "${ways[k]}" "${outcomes[k]}" $status || right=true
    done
    for text in "${untold[@]}"; do
        ! stands "${text,,}" || { reason="told: '$text'" && right=false; }
    done
    total=$((total + 1))
    $right || complain "$at${1:+ ($1)}: $reason: $(head -c 200 "$err" | head -1)"
    rm -rf "$folder/case/"*
}

# finish: the case in $lines, once or for each of its words
finish() {
    local line each=()
    [ ${#lines[@]} -gt 0 ] || return 0
    for line in "${lines[@]}"; do
        [[ $line != 'each: '* ]] || { parts "${line#each: }" && each=("${parts[@]}"); }
    done
    [ ${#each[@]} -gt 0 ] || each=('')
    for line in "${each[@]}"; do
        try "$line"
    done
    lines=()
}

lines=()
for list in "$here"/reading/*.cases; do
    wanted=false
    while IFS= read -r line; do
        case $line in
        'case '*)
            finish
            wanted=false at="${list##*/} $line"
            [[ $line != *"$only"* ]] || wanted=true
            ;;
        '' | '#'*) ;;
        *) ! $wanted || lines+=("$line") ;;
        esac
    done <"$list"
    finish
done
[ $total -gt 0 ] || fail "no case has '$only' in its name"

# check STATUS PATTERN ARGUMENT...: a case of a trained model
check() {
    total=$((total + 1))
    expect_said "$@"
}

if [ -z "$only" ]; then
    printf '%s\n' user,item,rating '"Smith, John",x,4' '"Smith, John",y,5' ann,x,4 ann,y,2 bob,z,5 >r.csv
    printf '\xEF\xBB\xBFann\nSmith, John\n' >users
    "$PARTRAIN" train model.kind=mf train.epochs=1 split.valid=0 --out m data.path=r.csv >"$out" 2>&1
    check 0 '^ann.*' recommend -m m -k 1 --users users
    check 0 '^Smith, John' recommend -m m -k 1 --users users
    check 3 '[Ff]ile' recommend -m m -k 1 --users 'Smith, John'
fi
echo "$((total - failures)) of $total cases"
[ "$failures" -eq 0 ]
