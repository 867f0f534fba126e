#!/bin/bash
# tools/install-deps calls no package manager where nothing is missing, and says what to install where it cannot.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
set -e
script=$PWD/tools/install-deps
mkdir "$folder/bin"

# program NAME [BODY]: one that does nothing, or BODY.
program() {
    printf '#!/bin/bash\n%s\n' "${2:-exit 0}" >"$folder/bin/$1"
    chmod +x "$folder/bin/$1"
}
for name in bash id mktemp rm tail env cat; do
    ln -s "$(command -v "$name")" "$folder/bin/$name"
done
run() {
    status=0
    env -i PATH="$folder/bin" bash "$script" build test check >"$folder/out" 2>"$folder/err" || status=$?
}

for name in cc cmake make pkg-config python3 clang-format shellcheck cppcheck clang-tidy; do
    program "$name"
done
program cc 'exec cat >/dev/null' # a compiler reads what it is given; else the writer may find nobody there
program apt-get "echo called >>$folder/called"
run
[ $status -eq 0 ] || fail "all there: status $status: $(cat "$folder/err")"
[ ! -e "$folder/called" ] || fail "apt-get was called though nothing is missing"

# A library is missing, apt is there and root: it is asked, and a library that stays away is told.
program pkg-config "case \"\$*\" in '--exists hwloc') exit 1 ;; esac"
program id 'echo 0'
run
[ $status -eq 2 ] || fail "still missing: status $status"
[ -e "$folder/called" ] || fail "apt-get was not called though hwloc is missing"
grep -q hwloc.pc "$folder/err" || fail "the message does not name hwloc.pc: $(cat "$folder/err")"
grep -q libyaml "$folder/err" && fail "the message names what is there: $(cat "$folder/err")"

# apt brings it.
rm "$folder/bin/apt-get"
program apt-get "case \"\$*\" in *install*libhwloc-dev*) printf '#!/bin/bash\n' >$folder/bin/pkg-config ;; esac"
run
[ $status -eq 0 ] || fail "apt brought it: status $status: $(cat "$folder/err")"

# Neither root nor sudo; then no apt at all.
program pkg-config "case \"\$*\" in '--exists hwloc') exit 1 ;; esac"
rm "$folder/bin/id"
program id 'echo 1000'
program apt-get "echo called >>$folder/called"
rm -f "$folder/called"
run
[ $status -eq 2 ] || fail "no sudo: status $status"
[ ! -e "$folder/called" ] || fail "apt-get was called without root"
grep -q 'no sudo' "$folder/err" || fail "no word of sudo: $(cat "$folder/err")"
rm "$folder/bin/apt-get"
run
[ $status -eq 2 ] || fail "no apt: status $status"
grep -q libhwloc-dev "$folder/err" || fail "no package name as a hint: $(cat "$folder/err")"

# The serial OpenBLAS does not count.
program pkg-config "case \"\$*\" in --variable=libdir*) echo $folder/openblas-serial ;; esac"
run
[ $status -eq 2 ] || fail "serial OpenBLAS: status $status"
grep -q openblas.pc "$folder/err" || fail "serial OpenBLAS: $(cat "$folder/err")"
