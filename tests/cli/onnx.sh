#!/bin/bash
# export: the ONNX file, run by a real runtime on 100 users, gives the scores that partrain gives.
# The runtime: npm install onnxruntime-web (or onnxruntime-node) in $PARTRAIN_ONNXRUNTIME, whose node_modules is used.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
modules=${PARTRAIN_ONNXRUNTIME:-.}/node_modules
needs node
[ -d "$modules/onnxruntime-web" ] || [ -d "$modules/onnxruntime-node" ] || skip "needs onnxruntime (PARTRAIN_ONNXRUNTIME)"

awk 'BEGIN {
    srand(5)
    print "userId,movieId,rating"
    for (u = 1; u <= 100; u++)
        for (i = 1; i <= 60; i++)
            if (rand() < 0.3)
                print "u" u ",i" i "," 1 + int(9 * rand()) / 2
}' >"$folder/ratings.csv"

# check NAME INPUT OUTPUT TOLERANCE KEY=VALUE...
check() {
    local name=$1 input=$2 output=$3 tolerance=$4
    shift 4
    if ! "$PARTRAIN" train data.path="$folder/ratings.csv" train.epochs=5 train.batch=20 train.lr=0.01 eval.clip=true \
        --out "$folder/$name" -q "$@" >/dev/null ||
        ! "$PARTRAIN" export -m "$folder/$name" -o "$folder/$name.onnx"; then
        failures=$((failures + 1))
        return
    fi
    # The rows of 100 users (or all items), and partrain's own answer as "row column value".
    if [ "$input" = user ]; then
        seq 0 99 >"$folder/x"
    else
        awk -F, -v side="$name" -v least="${LEAST:-0}" -v binary="$output" '
            FNR == 1 { file++ }
            file == 1 { item[$1] = FNR - 1; items = FNR; next }
            file == 2 { user[$1] = FNR - 1; users = FNR; next }
            FNR > 1 && $3 >= least {
                r = side ~ /item/ ? item[$2] : user[$1]
                c = side ~ /item/ ? user[$1] : item[$2]
                x[r, c] = binary != "ratings" ? 1 : $3
            }
            END {
                rows = side ~ /item/ ? items : users
                columns = side ~ /item/ ? users : items
                for (r = 0; r < rows; r++)
                    for (c = 0; c < columns; c++)
                        printf "%s%s", (r, c) in x ? x[r, c] : 0, c < columns - 1 ? "," : "\n"
            }' "$folder/$name/items.tsv" "$folder/$name/users.tsv" "$folder/ratings.csv" >"$folder/x"
    fi
    if ! node tests/support/onnx_run.js "$modules" "$folder/$name.onnx" "$input" "$output" <"$folder/x" >"$folder/y"; then
        echo "$name: the runtime refuses the file" >&2
        failures=$((failures + 1))
        return
    fi
    if [ "$output" != ratings ]; then
        "$PARTRAIN" recommend -m "$folder/$name" --users "$folder/$name/users.tsv" -k 100 --with-seen -q |
            awk -F'\t' '{ print $1, $3, $4 }' >"$folder/own"
    else
        "$PARTRAIN" predict -m "$folder/$name" --users "$folder/$name/users.tsv" -q | awk -F'\t' '{ print $1, $2, $3 }' \
            >"$folder/own"
    fi
    awk -v side="$name" -v tolerance="$tolerance" '
        FNR == 1 { file++ }
        file == 1 { item[$1] = FNR; next }
        file == 2 { user[$1] = FNR; next }
        file == 3 { split($0, cell, ","); r = FNR; for (c in cell) y[r, c] = cell[c]; next }
        {
            r = side ~ /item/ ? item[$2] : user[$1]
            c = side ~ /item/ ? user[$1] : item[$2]
            d = y[r, c] - $3
            n++
            if (d < 0)
                d = -d
            if (d > tolerance && bad++ < 3)
                print side ": user " $1 ", item " $2 ": " y[r, c] " by the runtime, " $3 " by partrain"
        }
        END { if (n < 5000 || bad) { print side ": " n " scores, " bad + 0 " differ"; exit 1 } }
    ' "$folder/$name/items.tsv" "$folder/$name/users.tsv" "$folder/y" "$folder/own" >&2 || failures=$((failures + 1))
}

LEAST=2 check vae x logits 2e-4 model.kind=multivae model.kl_weight=0.1 model.hidden=30 model.latent=10 data.min_rating=2 \
    split.valid_users=10 split.test_users=10
LEAST=2 check vae-flat x logits 2e-4 model.kind=multivae 'model.hidden=[]' model.latent=10 data.min_rating=2 \
    split.valid_users=10 split.test_users=10
LEAST=2 check vae-linear x logits 2e-4 model.kind=multivae model.hidden=30 model.latent=10 model.decoder=linear data.min_rating=2 \
    split.valid_users=10 split.test_users=10
LEAST=2 check vae-norm x logits 2e-4 model.kind=multivae 'model.hidden=[30,20]' model.latent=10 model.layer_norm=on model.decoder=mirror \
    model.activation=gelu data.min_rating=2 split.valid_users=10 split.test_users=10
LEAST=2 check recvae x logits 2e-4 model.kind=recvae 'model.hidden=[30,30,30]' model.latent=10 data.min_rating=2 \
    split.valid_users=10 split.test_users=10
check dae-norm x logits 2e-4 model.kind=multidae 'model.hidden=[]' model.latent=10 model.layer_norm=on \
    split.valid_users=10 split.test_users=10
check dae-linear x logits 2e-4 model.kind=multidae 'model.hidden=[30,20]' model.latent=10 model.decoder=linear \
    split.valid_users=10 split.test_users=10
check dae x logits 2e-4 model.kind=multidae 'model.hidden=[30,20]' model.latent=10 split.valid_users=10 split.test_users=10
check user x ratings 2e-4 model.kind=autorec model.side=user 'model.hidden=[20,12]' model.activation=selu
check user-swish x ratings 2e-4 model.kind=autorec model.side=user 'model.hidden=[20,12]' model.activation=swish
check item-gelu x ratings 2e-4 model.kind=autorec model.side=item model.hidden=20 model.activation=gelu
check user-center x ratings 2e-4 model.kind=autorec model.side=user model.hidden=20 model.center=true
check item x ratings 2e-4 model.kind=autorec model.side=item model.hidden=20
check mf user ratings 2e-4 model.kind=mf model.latent=8 model.range_low=0.5 model.range_high=5.5
check mf-plain user ratings 2e-4 model.kind=mf model.latent=8 model.biases=false model.center=true
check dae-ease x logits 2e-4 model.kind=multidae 'model.hidden=[30,20]' model.latent=10 model.ease=on model.ease_l2=20 \
    model.ease_weight=4 split.valid_users=10 split.test_users=10
check dae-some x logits 2e-4 model.kind=multivae model.hidden=30 model.latent=10 model.ease=on model.items_most=25 \
    model.ease_l2=20 model.ease_weight=4 split.valid_users=10 split.test_users=10
check ease x scores 2e-5 model.kind=ease train.l2=20 split.valid_users=10 split.test_users=10
check ease-some x scores 2e-5 model.kind=ease train.l2=20 model.items_most=25 split.valid_users=10 split.test_users=10
[ "$failures" -eq 0 ]
