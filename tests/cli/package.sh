#!/bin/bash
# The installed package: the example of docs/ built against it by pkg-config (shared and static) and by CMake, and run;
# the symbols of both libraries; the header in C++.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
build=$(dirname "$PARTRAIN")
if ! [ -f "$build/cmake_install.cmake" ] || grep -q '^PARTRAIN_SANITIZE:.*=.' "$build/CMakeCache.txt"; then
    skip "no build tree, or one with a sanitizer"
fi
set -e
cmake --install "$build" --prefix "$folder/usr" >"$folder/log" || { cat "$folder/log"; exit 1; }
pc=$(find "$folder/usr" -name partrain.pc)
export PKG_CONFIG_PATH=${pc%/*}
lib=${pc%/pkgconfig/*}
[ -x "$folder/usr/bin/partrain" ] && "$folder/usr/bin/partrain" --version >/dev/null
[ "$(wc -l <docs/examples/recommend.c)" -le 70 ]

# Nothing but pt_ comes out of either library.
if nm -D --defined-only "$lib/libpartrain.so" | awk '{ print $NF }' | grep -v '^pt_' ||
    nm --defined-only --extern-only "$lib/libpartrain.a" | awk 'NF == 3 { print $NF }' | grep -v '^pt_'; then
    echo "symbols that are not partrain.h's" >&2
    exit 1
fi
# What programs link: a name that goes breaks them, one that comes is listed here.
cat >"$folder/names" <<'NAMES'
pt_config_free
pt_config_load
pt_config_new
pt_config_set
pt_evaluate
pt_export_onnx
pt_item_vectors
pt_model_find_item
pt_model_find_user
pt_model_free
pt_model_histories
pt_model_item_id
pt_model_item_title
pt_model_items
pt_model_open
pt_model_save
pt_model_user_id
pt_model_users
pt_predict
pt_predict_pairs
pt_recommend
pt_recommend_with
pt_similar
pt_train
pt_version
NAMES
nm -D --defined-only "$lib/libpartrain.so" | awk '{ print $NF }' | sort | diff "$folder/names" -
grep PT_API include/partrain.h | grep -oE '\bpt_[a-z_]+\(' | tr -d '(' | sort | diff "$folder/names" -

awk 'BEGIN {
    srand(1)
    print "userId,movieId,rating"
    for (u = 1; u <= 300; u++)
        for (i = 1; i <= 30; i++)
            if ((u + i) % 2 == 0 && rand() < 0.6)
                print u "," i ",5"
}' >"$folder/ratings.csv"
awk 'BEGIN { print "movieId,title"; for (i = 1; i <= 30; i++) print i ",Film " i }' >"$folder/movies.csv"

# run NAME: five even films, and none of the three that were named
run() {
    LD_LIBRARY_PATH=$lib "$folder/$1" "$folder/ratings.csv" "$folder/run-$1" 'film 2' 4 'Film 6' >"$folder/out" 2>"$folder/err" ||
        { cat "$folder/err" >&2; return 1; }
    [ "$(wc -l <"$folder/out")" -eq 5 ]
    [ "$(grep -cE '  Film [0-9]*[02468]$' "$folder/out")" -eq 5 ]
    [ "$(grep -cE '  Film (2|4|6)$' "$folder/out")" -eq 0 ]
    grep -qE '^epoch [0-9]+: ndcg@100 ' "$folder/err"
}

cc=${CC:-cc}
# shellcheck disable=SC2046
$cc -std=c11 -Wall -Wextra -Werror docs/examples/recommend.c -o "$folder/shared" $(pkg-config --cflags --libs partrain)
run shared
# shellcheck disable=SC2046
$cc -std=c11 docs/examples/recommend.c -o "$folder/rpath" $(pkg-config --cflags --libs partrain) \
    "-Wl,-rpath,$(pkg-config --variable=libdir partrain)"
env -u LD_LIBRARY_PATH "$folder/rpath" 2>"$folder/err" || [ $? -eq 2 ] # it begins, and misses its arguments
grep -q '^usage: ' "$folder/err"
# shellcheck disable=SC2046
$cc -std=c11 docs/examples/recommend.c -o "$folder/static" $(pkg-config --cflags --libs partrain-static)
[ "$(ldd "$folder/static" | grep -c libpartrain)" -eq 0 ]
run static

# What the installed documents refer to is installed.
doc=$folder/usr/share/doc/partrain
for page in "$doc"/*.md "$doc"/docs/*.md; do
    grep -oE '\]\([^)#]+' "$page" | cut -c3- | grep -v '^http' | while read -r target; do
        [ -e "${page%/*}/$target" ] || { echo "$page: $target is not installed" >&2; exit 1; }
    done
done

mkdir "$folder/project"
cp docs/examples/recommend.c "$folder/project"
cat >"$folder/project/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.18)
project(example LANGUAGES C)
find_package(partrain 0.1 REQUIRED)
add_executable(example recommend.c)
target_link_libraries(example PRIVATE partrain::partrain)
CMAKE
generator=$(sed -n 's/^CMAKE_GENERATOR:INTERNAL=//p' "$build/CMakeCache.txt") # the one that is installed
cmake -G "$generator" -S "$folder/project" -B "$folder/project/build" -DCMAKE_PREFIX_PATH="$folder/usr" >"$folder/log"
cmake --build "$folder/project/build" >>"$folder/log" || { cat "$folder/log"; exit 1; }
mv "$folder/project/build/example" "$folder/cmake"
run cmake

if has c++; then
    echo '#include <partrain.h>
int main() { return pt_version()[0] == 0; }' >"$folder/x.cc"
    # shellcheck disable=SC2046
    c++ -Wall -Wextra -pedantic -Werror "$folder/x.cc" -o "$folder/x" $(pkg-config --cflags --libs partrain)
    LD_LIBRARY_PATH=$lib "$folder/x"
fi

# The Debian package: everything in its place, and the program works from the unpacked tree.
if has dpkg-deb && has dpkg-shlibdeps; then
    (cd "$build" && cpack -G DEB -B "$folder/deb") >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
    deb=$(find "$folder/deb" -maxdepth 1 -name 'partrain_*.deb')
    dpkg-deb -f "$deb" Depends >"$folder/depends"
    for library in libc6 libgomp1 libhwloc libyaml libarchive libjansson libopenblas0-openmp; do
        grep -q "$library" "$folder/depends" || { echo "not among what the package needs: $library" >&2; exit 1; }
    done
    dpkg-deb -x "$deb" "$folder/root"
    for file in bin/partrain include/partrain.h share/man/man1/partrain.1 share/man/man1/partrain-train.1 \
        share/bash-completion/completions/partrain share/partrain/conf/multivae.yaml \
        share/doc/partrain/docs/tutorial.md share/doc/partrain/conf/multivae.yaml; do
        [ -s "$folder/root/usr/$file" ] || { echo "not in the package: $file" >&2; exit 1; }
    done
    "$folder/root/usr/bin/partrain" config -c "$folder/root/usr/share/partrain/conf/multivae.yaml" >/dev/null
    "$folder/root/usr/bin/partrain" recommend -m "$folder/run-shared" -k 1 - <<<'film 2' | grep -q 'Film [0-9]*[02468]$'
    python=$(find "$folder/deb" -maxdepth 1 -name 'python3-partrain_*_all.deb')
    dpkg-deb -f "$python" Depends | grep -q 'partrain (= .*python3-numpy'
    dpkg-deb -c "$python" | grep 'lib/python3/dist-packages/partrain/__init__.py' >/dev/null
    if dpkg-deb -c "$deb" | grep dist-packages; then
        echo "the Python package is in partrain's too" >&2
        exit 1
    fi
fi
