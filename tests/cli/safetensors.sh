#!/bin/bash
# model.safetensors, read by the ten lines of Python in docs/export.md: the predictions that follow from the tensors are
# those of partrain predict.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
needs python3
docs=$(dirname "$0")/../../docs/export.md

"$PARTRAIN" train -q --out "$folder/run" model.kind=mf model.latent=6 data.path=synth:small train.epochs=3 \
    eval.clip=false >/dev/null || fail "train"
users=$(head -20 "$folder/run/users.tsv" | paste -sd,)
"$PARTRAIN" predict -q -m "$folder/run" --users "$users" >"$folder/predicted" || fail "predict"

sed -n '/^Ten lines of Python/,/^## ONNX/s/^    //p' "$docs" | sed "s|runs/ml-1m|$folder/run|" >"$folder/read.py"
[ "$(wc -l <"$folder/read.py")" -le 10 ] || fail "more than ten lines"
grep -q 'w\[name\] = ' "$folder/read.py" || fail "docs/export.md: the program is not where it was"
cat >>"$folder/read.py" <<END

rows = lambda name: [line.rstrip("\\n").split("\\t")[0] for line in open("$folder/run/" + name)]
user, item = rows("users.tsv"), rows("items.tsv")
k = head["user.weight"]["shape"][1]
assert k == 6 and head["user.weight"]["shape"][0] == len(user) and head["item.weight"]["shape"] == [len(item), k]
shift, seen, last = float(head["__metadata__"]["shift"]), 0, []
for line in open("$folder/predicted"):
    u, i, told = line.split("\\t")[:3]
    u, i = user.index(u), item.index(i)
    own = w["user.bias"][u] + w["item.bias"][i] + shift
    own += sum(w["user.weight"][u * k + j] * w["item.weight"][i * k + j] for j in range(k))
    last.append(abs(own - float(told)))
    seen += 1
assert seen == 20 * len(item), seen
assert sum(d > 1e-4 for d in last) == 20 * sum(w["cold_columns"]), sorted(last)[-5:]  # those are the stand-in
END
python3 "$folder/read.py" 2>"$folder/err" || fail "another program reads something else"
