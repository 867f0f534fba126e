#!/bin/bash
# docs/tutorial.md, line by line: each command of its console blocks is run and must succeed, and print what stands
# there, numbers, digests and bars aside. "..." stands for any lines. With UPDATE=1 prints the text with what the
# commands really print, to be looked at and taken over.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
tutorial=$PWD/docs/tutorial.md
needs python3
plots=true
has gnuplot || plots=false # a report without plots says so
mkdir "$folder/bin" "$folder/work"
ln -s "$PARTRAIN" "$folder/bin/partrain"
export PATH=$folder/bin:$PATH LC_ALL=C.UTF-8
cd "$folder/work" || exit 1
commands=0

plain() {
    sed -E 's/[0-9a-f]{32,}/HASH/g; s/[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?/N/g; s/[▁▂▃▄▅▆▇█]+/BARS/g; s/[ *-]+/ /g; s/[[:space:]]+$//'
}

# Whether the lines of the file `got` are those of `wanted`, in which "..." stands for any.
same() {
    plain <../wanted | awk '
        NR == FNR { want[++n] = $0; next }
        { got[++m] = $0 }
        END {
            g = 1
            for (w = 1; w <= n; w++) {
                if (want[w] == "...") { skip = 1; continue }
                while (skip && g <= m && got[g] != want[w]) g++
                if (g > m || got[g] != want[w]) { print "expected: " want[w] "\n     got: " got[g]; exit 1 }
                g++; skip = 0
            }
            if (!skip && g <= m) { print "not expected: " got[g]; exit 1 }
        }' - <(plain <../got)
}

run() {
    [ -n "$command" ] || return
    commands=$((commands + 1))
    bash -c "$command" >../got 2>&1
    local status=$?
    $plots || sed -i '/^partrain: gnuplot was not found/d' ../got
    if [ -n "${UPDATE:-}" ]; then
        cat ../got
    elif [ $status -ne 0 ] || ! same >../why; then
        echo "exit $status: $command" >&2
        cat ../why ../got >&2
        failures=$((failures + 1))
    fi
    command=
}

inside=
command=
: >../wanted
while IFS= read -r line; do
    if [ -z "$inside" ] || [ "$line" = '```' ]; then
        run
        [ "$line" = '```console' ] && inside=yes || inside=
        [ -n "${UPDATE:-}" ] && echo "$line"
        continue
    fi
    case $line in
    '$ '*)
        run
        command=${line#??}
        : >../wanted
        ;;
    '> '*) command+=$'\n'${line#??} ;;
    *)
        echo "$line" >>../wanted
        continue
        ;;
    esac
    [ -n "${UPDATE:-}" ] && echo "$line"
done <"$tutorial"
[ "$commands" -ge 12 ] || { echo "only $commands commands in the tutorial" >&2 && failures=1; }
[ "$failures" -eq 0 ]
