#!/bin/bash
# partrain doctor: the map of a machine that is not there, to the letter; this machine's measurements; each
# warning that an environment can bring about; wrong use.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
set -e
unset OMP_NUM_THREADS OMP_PLACES OMP_PROC_BIND OMP_THREAD_LIMIT OMP_DYNAMIC OMP_WAIT_POLICY GOMP_SPINCOUNT \
    GOMP_CPU_AFFINITY KMP_AFFINITY OMP_MAX_ACTIVE_LEVELS OPENBLAS_CORETYPE OPENBLAS_NUM_THREADS || true

# expect STATUS WORDS...: runs doctor, checks its exit status
expect() {
    local want=$1 status=0
    shift
    "$PARTRAIN" doctor "$@" >"$folder/out" 2>"$folder/err" || status=$?
    [ "$status" = "$want" ] || fail "doctor $*: exit status $status, not $want"
}

# a machine that is not there
example=$("$PARTRAIN" help doctor | sed -n 's/^  --topology .*"\(.*\)"$/\1/p')
expect 0 --topology "$example"
expect 0 --topology "node:4 core:16 pu:2"
says '^cores  *64 of 64, 128 of 128 processors (cpuset 0-127), several a core (SMT)$'
says '^NUMA  *4 nodes'
says '^64 workers, auto: a core each, 64 shards$'
says '^ *63 *126 *63 *3 *- *63$'
[ "$(grep -cE '^ +[0-9]+ ' "$folder/out")" = 64 ] || fail "not a line for each of 64 workers"

expect 0 --topology "package:2 node:1 core:2 pu:2" --threads 6 --shards 13 --bind scatter
grep -A99 '^6 workers' "$folder/out" >"$folder/map"
cat >"$folder/want" <<END
6 workers, scatter, 13 shards
  worker processor   core   node  package  shards
       0         0      0      0        0  0-2
       1         1      0      0        0  3-4
       2         2      1      0        0  5-6
       3         4      2      1        1  7-8
       4         5      2      1        1  9-10
       5         6      3      1        1  11-12

warning: 6 workers on 4 cores: SMT siblings share vector units, seldom a gain: --threads 4
END
diff -u "$folder/want" "$folder/map" >&2

# where cores are left, a node each
expect 0 --topology "package:2 node:2 core:4 pu:2" --threads 4 --shards 5
grep -A99 '^4 workers' "$folder/out" >"$folder/map"
cat >"$folder/want" <<END
4 workers, auto: each bound to a node, 5 shards
  worker    any of   core   node  package  shards
       0       0-7      -      0        0  0-1
       1       0-7      -      0        0  2
       2      8-15      -      1        0  3
       3      8-15      -      1        0  4

Nothing to mend.
END
diff -u "$folder/want" "$folder/map" >&2

# every last-level cache counts; what a description does not tell is not told
expect 0 --topology "package:2 l3:8(size=33554432) l2:8(size=1048576) l1d:1(size=32768) core:1 pu:1"
says '^caches  *L1 32 KiB, L2 1 MiB, L3 16 x 32 MiB$'
expect 0 --topology "l3:1(size=33554432) core:1 pu:1" --shards 1
says '^caches  *L3 32 MiB$'
says '^NUMA  *1 node, packages unknown$'
says '^cores  *1 of 1, 1 of 1 processor (cpuset 0)$'
says '^1 worker, auto: a core each, 1 shard$'
expect 0 --topology "l3:1(size=33554432) core:1 pu:1" --threads 2 --shards 1
says '^warning: 2 workers on 1 processor take turns'
says '^warning: 1 shard for 2 workers: 1 of them has none$'

# this machine
expect 0 --threads 2
says 'a call uses 1 thread, in a run of 2 workers 1 (measured)'
says '^SGEMM  *[0-9.]* GFLOP/s one worker, [0-9.]* all 2 together'
says '^vectors  *\(avx512\|avx2\|baseline\) '
says '^barrier  *[0-9.e+-]* us'
[ "$(grep -cE '^ +[01] ' "$folder/out")" = 2 ] || fail "not a line for each of 2 workers"
allowed=$(nproc)
first=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')
taskset -c "$first" "$PARTRAIN" doctor >"$folder/out" 2>"$folder/err" || fail "under taskset"
says "processors (cpuset $first)"
says '^workers  *1 by default, here 1$'

expect 0 --threads $((allowed + 1))
says "^warning: $((allowed + 1)) workers on "

# workers that share cores do not add up to more than the cores have (an idle one would show a third more), and
# more workers than the BLAS library takes at a time do not end the program
possible() {
    expect 0 --threads $((4 * allowed))
    awk -v most=$((2 * allowed)) '/^SGEMM/ { found = 1; if ($5 > most * $2) exit 1 } END { exit !found }' "$folder/out"
}
possible || possible || possible || fail "workers in turns are more than they are" # one alone may be held up, once
expect 0 --threads 200
if grep -q 'built for 64 callers at a time' "$folder/out"; then
    says '^SGEMM .* 64 of 200 together'
fi
expect 2 --threads 4097

# OpenMP that places the workers leaves them all processors
usual=$("$PARTRAIN" doctor | sed -n 's/^workers  *\([0-9]*\) by default.*/\1/p')
if [ "$allowed" -gt 1 ]; then
    for place in OMP_PROC_BIND=true OMP_PROC_BIND=spread "OMP_PLACES=cores OMP_NUM_THREADS=$usual"; do
        # shellcheck disable=SC2086
        env $place "$PARTRAIN" doctor >"$folder/out" 2>"$folder/err" || fail "$place: exit status $?"
        says ", $allowed of [0-9]* processors (cpuset "
        says "^workers  *$usual by default"
    done
    cpus=$(env OMP_PROC_BIND=true "$PARTRAIN" doctor --threads 2 | awk '/^ +[01] / { print $2 }' | sort -u | wc -l)
    [ "$cpus" = 2 ] || fail "OMP_PROC_BIND=true: 2 workers on $cpus processors"
fi

# the environment is shown
OPENBLAS_CORETYPE=Prescott expect 0 --threads 1
says '^  *OPENBLAS_CORETYPE=Prescott$'
expect 2 --bind sideways
complains 'sideways'

# what the environment does
OMP_PROC_BIND=true expect 0 --threads 1
says '^            OMP_PROC_BIND=true$'
says '^1 worker, placed by OpenMP'
says '^warning: OMP_PLACES or OMP_PROC_BIND'
OMP_DYNAMIC=true OMP_WAIT_POLICY=passive OPENBLAS_NUM_THREADS=4 expect 0 --threads 2
says '^warning: OMP_DYNAMIC'
says '^warning: waiting workers go to sleep'
says '^warning: OPENBLAS_NUM_THREADS has no effect'
says 'a call uses 1 thread, in a run of 2 workers 1 (measured)'
OMP_NUM_THREADS=3 expect 0 --bind none
says '^3 workers, not bound'
says '^workers  *3 by default (OMP_NUM_THREADS), here 3$'
OMP_NUM_THREADS=3 expect 0 --topology "core:2 pu:1"
says '^workers  *2 by default, here 2$'
OMP_THREAD_LIMIT=2 expect 4 --threads 3
grep -q OMP_THREAD_LIMIT "$folder/err" || fail "does not say that OMP_THREAD_LIMIT is in the way"
says '^3 workers, '
says '^warning: nothing is measured: .*OMP_THREAD_LIMIT'
OMP_THREAD_LIMIT=1 expect 0
says '^workers  *1 by default (OMP_THREAD_LIMIT), here 1$'
[ "$allowed" = 1 ] || says '^warning: OMP_THREAD_LIMIT=1 leaves '
OMP_MAX_ACTIVE_LEVELS=0 expect 0 --threads 2
says '^warning: OMP_MAX_ACTIVE_LEVELS=0 is turned off'
says 'in a run of 2 workers 1 (measured)'
OMP_NUM_THREADS=100000 expect 0
says '^warning: OMP_NUM_THREADS=100000 is no number from 1 to 4096'
if "$PARTRAIN" doctor | grep -q '^BLAS  *OpenBLAS' && grep -qw avx2 /proc/cpuinfo; then
    OPENBLAS_CORETYPE=Prescott expect 0 --threads 1
    says '^BLAS .*Prescott'
    says '^warning: the BLAS library uses kernels for Prescott'
fi

# wrong use
expect 2 --topology "nonsense"
expect 2 --threads 0
expect 2 --bind sideways
expect 2 more
