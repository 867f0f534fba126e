#!/bin/bash
# Every configuration of the published table takes the same steps as its PyTorch counterpart, and a counterpart that
# lacks a term of the gradient is found out. What tools/reproduce pairs ends where partrain ends, trained to the end.
set -euo pipefail

steps=$(dirname "$PARTRAIN")/tests/parity_steps
tools/parity --steps-program "$steps" # 77 without PyTorch

python=$(tools/pytorch/find-python)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# pair CONFIG FIGURE DIFFERENCE SETTING ...: both test figures, and how far they may be apart.
pair() {
    local config=$1 figure=$2 most=$3
    shift 3
    rm -rf "${work:?}"/*
    mkdir "$work/split"
    "$steps" "$work/split" 0 "conf/$config.yaml" "$@"
    "$python" tools/pytorch/paired.py "$work/split" --threads 1 >"$work/torch.json"
    "$PARTRAIN" train -c "conf/$config.yaml" "$@" -q --out "$work/run" >/dev/null
    "$python" - "$work" "$figure" "$most" <<'END'
import json, sys
work, figure, most = sys.argv[1:]
torch, ours = (json.load(open(f"{work}/{name}"))["test"][figure] for name in ("torch.json", "run/summary.json"))
print(f"{figure} {ours:.4f}, PyTorch {torch:.4f}")
sys.exit(0 if abs(ours - torch) <= float(most) else 1)
END
}
pair mf-bias mse 0.02 data.path=synth:600x400x20000 train.epochs=2
pair multidae ndcg@100 0.03 data.path=synth:1200x300x40000 data.min_rating=3.5 split.valid_users=300 split.test_users=300 \
    train.epochs=12 train.patience=0
