#!/bin/bash
# tools/compare-libmf with a program of our own in LIBMF's place: its arguments and its text of a model; partrain's side is
# real. What it refuses is one line.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
set -e
needs python3
tool=$(dirname "$0")/../../tools/compare-libmf

# Says the mean, less 1 / iterations; leaves the last user and item out.
cat >"$folder/mf-train" <<'END'
#!/usr/bin/env python3
import sys
words = sys.argv[1:]
assert words[words.index("-k") + 1] == "4" and "--quiet" in words and words[words.index("-s") + 1] == "1", words
t = int(words[words.index("-t") + 1])
lines = [line.split() for line in open(words[-2])]
m, n = (max(int(line[i]) for line in lines) + 1 for i in (0, 1))
mean = sum(float(line[2]) for line in lines) / len(lines)
with open(words[-1], "w") as out:
    out.write(f"f 0\nm {m}\nn {n}\nk 4\nb {mean}\n")
    for name, count, row in (("p", m, [mean - 1 / t, 0, 0, 1]), ("q", n, [1, 5, 7, 0])):
        for i in range(count):
            known = i + 1 < count
            out.write(f"{name}{i} {'T' if known else 'F'} {' '.join(str(x) if known else 'nan' for x in row)}\n")
END
chmod +x "$folder/mf-train"
compare() {
    "$tool" "$folder/mf-train" synth:small --program "$PARTRAIN" --threads 1 --factors 4 --repeat 1 "$@" >"$folder/out" 2>"$folder/err"
}

"$PARTRAIN" data split synth:small model.kind=mf split.kind=random split.valid=0 split.test=0.1 split.seed=1 --to base -o "$folder/s" >/dev/null 2>&1
# The RMSE of the mean less a half, and of the mean less a quarter; the row and column left out change them by less than .01.
want=$(awk -F'\t' 'FNR == NR { sum += $3; n++; next }
    { a += ($3 - sum / n + 0.5) ^ 2; b += ($3 - sum / n + 0.25) ^ 2; k++ } END { print sqrt(a / k), sqrt(b / k) }' \
    "$folder/s/u.base" "$folder/s/u.test")
# libmf_has ITERATIONS RMSE REST: the row of LIBMF
libmf_has() {
    awk -F' [|] ' -v n="$1" -v rmse="$2" '/LIBMF [|]/ && $2 == n && $3 - rmse < 0.01 && rmse - $3 < 0.01 { found = 1 }
        END { exit !found }' "$folder/out" || fail "not $1 iterations at $2: $(cat "$folder/out")"
}
compare --rmse "$(awk -v b="${want#* }" 'BEGIN { print b + 0.01 }')" --most 8 || fail "exit status $?: $(cat "$folder/err")"
libmf_has 4 "${want#* }"
grep -qE '^\| partrain \| [0-9]+ \| [0-9.]+ \| ' "$folder/out" || fail "no row of partrain"
compare --rmse 0.001 --most 2 || fail "a bound that nobody reaches: exit status $?"
libmf_has 2 "${want% *}"
[ "$(grep -c 'not reached' "$folder/out")" = 2 ] || fail "reached: $(cat "$folder/out")"

# refused PATTERN
refused() {
    if compare; then
        fail "takes a program that $1"
    fi
    complains "$1"
    [ "$(wc -l <"$folder/err")" = 1 ] || fail "more than a line"
}
printf '#!/bin/sh\necho broken >&2\nexit 3\n' >"$folder/mf-train"
refused 'exit status 3: broken'
# shellcheck disable=SC2016
printf '#!/bin/bash\necho "{}" >"${@: -1}"\n' >"$folder/mf-train"
refused 'not a model of LIBMF'
rm "$folder/mf-train"
refused 'No such file'
