#!/bin/bash
# The Python package: tests/python beside the program, and a wheel with this build's library in a fresh environment.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
python=${PARTRAIN_PYTHON:-/usr/bin/python3}
"$python" -c 'import numpy' 2>/dev/null || skip "needs $python with numpy (tools/install-deps python)"
build=$(dirname "$PARTRAIN")
export PARTRAIN_LIBRARY=$build/libpartrain.so PYTHONPATH=$PWD/src/python PYTHONDONTWRITEBYTECODE=1
[ -e "$PARTRAIN_LIBRARY" ] || skip "no libpartrain.so beside the program"
preload=
if grep -q '^PARTRAIN_SANITIZE:.*=address' "$build/CMakeCache.txt" 2>/dev/null; then # it wants to be the first library
    preload=$(${CC:-cc} -print-file-name=libasan.so)
    export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 PARTRAIN_LEAK_ROUNDS=50 # Python leaks itself
fi
set -e
for test in tests/python/test_*.py; do
    env ${preload:+"LD_PRELOAD=$preload"} PARTRAIN="$PARTRAIN" "$python" "$test" 2>"$folder/err" ||
        { cat "$folder/err" >&2; exit 1; }
done
[ -z "$preload" ] || exit 0

"$python" -c 'import setuptools, wheel, ensurepip' 2>/dev/null || { has "python3-setuptools, wheel and venv"; exit 0; }
"$python" -m venv --system-site-packages "$folder/venv"
mkdir -p "$folder/tree/src" # pip builds beside the sources
cp CMakeLists.txt "$folder/tree"
cp -r src/python "$folder/tree/src"
"$folder/venv/bin/pip" install -q --no-build-isolation --no-deps --no-index "$folder/tree/src/python" >"$folder/out" 2>&1 ||
    { cat "$folder/out" >&2; exit 1; }
env -u PYTHONPATH -u PARTRAIN_LIBRARY "$folder/venv/bin/python" - <<'PYTHON'
import pathlib, partrain
assert "venv" in partrain.__file__ and any(pathlib.Path(partrain.__file__).parent.glob("libpartrain.so*"))
pairs = [(u, (u + j * j) % 11) for u in range(60) for j in range(5)]
model = partrain.train({"model.kind": "ease"}, tuple(zip(*dict.fromkeys(pairs))))
assert model.recommend(1, 2)[0].shape == (2,)
PYTHON
