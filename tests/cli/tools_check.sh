#!/bin/bash
# tools/check finds what it is there for, in a small tree of its own.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
set -e
mkdir -p "$folder"/{tools,tests,docs,conf,cmake,.ci,.github,include,src/{base,config,par,data,train,cli}}
cp tools/check "$folder/tools/"
cp .clang-format "$folder/"
cd "$folder"
touch CMakeLists.txt README.md CONTRIBUTING.md CHANGELOG.md

# found CHECK FILE TEXT PATTERN: with TEXT in FILE, CHECK fails and says PATTERN; without, it passes.
found() {
    tools/check "$1" >out 2>&1 || fail "$1 finds something before: $(cat out)"
    printf %b "$3" >"$2"
    if tools/check "$1" >out 2>&1; then
        fail "$1 does not see: $3"
    fi
    grep -qE -- "$4" out || fail "$1 says for '$3': $(cat out)"
    rm "$2"
    tools/check "$1" >out 2>&1 || fail "$1 finds something after: $(cat out)"
}

# What reads C wants a file that is right, and to know how it is compiled.
cp "$OLDPWD/.clang-tidy" .
printf 'int g(void);\n' >src/base/g.c
mkdir build
printf '[{"directory": "%s", "command": "cc -c src/base/a.c", "file": "src/base/a.c"}]' "$folder" >build/compile_commands.json
wrong='int f(void);\nint f(void)\n{\n    int a[2] = {0, 0};\n\n    return a[2];\n}\n'
! has cppcheck || found cppcheck src/base/a.c "$wrong" 'arrayIndexOutOfBounds'
wrong='int f(int a);\nint f(int a)\n{\n    int b = 0;\n\n    return a / b;\n}\n'
! has clang-tidy-14 || found tidy src/base/a.c "$wrong" 'core.DivideZero'
rm src/base/g.c

printf '#include "base/b.h"\n#include <stdio.h>\n' >src/par/a.c
found layers src/base/a.c '#include "par/team.h"\n' 'src/base/a.c:1: .*behind'
found layers src/data/a.c '#include "train/run.h"\n' 'src/data/a.c:1: .*behind'
found layers src/data/a.c '\n#include "config/config.h"\n' 'src/data/a.c:2: .*configuration'
found layers src/data/a.c '#include "ratings.h"\n' 'by folder'
printf '#include "par/y.h"\n' >src/par/x.h
found layers src/par/y.c '#include "par/x.h"\n' 'par/[xy]'
rm src/par/x.h
found doors src/data/a.c '#include <omp.h>\n' 'only src/par/.*team'
found doors src/train/a.c '#include <mpi.h>\n' 'only src/par/ranks.c'
found doors src/data/a.c '#pragma omp parallel for\n' 'only src/par/.*team'
found doors src/cli/a.c '#  include <hwloc.h>\n' 'only src/par/topo.c'
printf 'add(-ffp-contract=off)\n' >CMakeLists.txt
mkdir -p src/model
found numerics src/model/a.c 'double x = exp(y);\n' 'src/model/a.c:1:.*base/real.h'
found numerics src/train/a.c 'x = powf (y, 2);\n' 'src/train/a.c:1:.*base/real.h'
found numerics src/par/a.h 'y = _mm512_rcp14_ps(x);\n' 'approximation'
found numerics src/par/a.h '#pragma omp simd reduction(+ : sum)\n' '16 lanes'
found numerics src/par/a.h 'y = _mm256_fmadd_pd(x, x, x);\n' 'float64'
found numerics cmake/a.cmake 'add(-ffast-math)\n' 'ffast-math'
printf '/* x = exp(y)\n * z = log(y) */\nreal_exp(y); /* exp(y) */\n' >src/model/a.c
tools/check numerics >out || fail "numerics finds a comment: $(cat out)"
rm src/model/a.c
found library src/data/a.c 'int f(void)\n{\n    printf("x");\n}\n' 'src/data/a.c:3:'
found library src/data/a.c '    fprintf(stderr, "x");\n' 'src/data/a.c:1:'
found library src/train/a.c '    exit(1);\n' 'src/train/a.c:1:'
found library src/train/a.c '    p = malloc(7);\n' 'mem_alloc'
found blanks src/train/a.c 'int a; \n' 'src/train/a.c:1: blanks'
found blanks src/train/a.c 'int a;' 'no end'
found blanks src/train/a.c '\tint a;\n' 'tab'

# What is allowed is not found.
printf '    printf("x");\n    exit(2);\n#include "config/config.h"\n' >src/cli/a.c
printf '#pragma omp parallel\n#include <omp.h>\n' >src/par/team.c
printf '/* it calls exit(1) no more */\n    mem_free(p); snprintf(t, 3, "x"); fprintf(out, "y");\n' >src/base/a.c
tools/check layers doors library >out 2>&1 || fail "finds what is allowed: $(cat out)"
if has clang-format-14; then
    printf 'int f(void) { return 1; }\n' >src/base/f.c
    if tools/check format >out 2>&1; then
        fail "format does not see a function on one line"
    fi
fi
