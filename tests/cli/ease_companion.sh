#!/bin/bash
# model.ease: the scores of an EASE beside those of an autoencoder. Chosen on validation or given; one answer at any number
# of threads, resumed too; saved, used and exported.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
cd "$folder" || exit 1
common=(model.latent=8 model.hidden=12 train.epochs=3 train.batch=50 data.path=synth:600x200x20000 data.min_rating=3 eval.metrics=ndcg@20
    split.valid_users=100 split.test_users=100 model.ease=on model.ease_l2=20 model.ease_dropout=0.2)

train() {
    local name=$1
    shift
    "$PARTRAIN" train -q --out "$name" "${common[@]}" "$@" >out 2>err || fail "$name: training failed: $(cat err)"
}

field() {
    sed -n "s/.*\"$2\": \"\\?\\([^\",]*\\).*/\\1/p" "$1/summary.json" | head -1
}

for kind in multivae multidae recvae; do
    train $kind model.kind=$kind run.threads=1
    complains 'times the scores of EASE added: validation ndcg@20'
    train $kind.3 model.kind=$kind run.threads=3
    [ "$(field $kind model_hash)" = "$(field $kind.3 model_hash)" ] || fail "$kind: 3 threads: another answer"
    # What is given counts, and is what the choice would give.
    train $kind.given model.kind=$kind run.threads=2 model.ease_weight="$(field $kind ease_weight)"
    [ "$(field $kind model_hash)" = "$(field $kind.given model_hash)" ] || fail "$kind: given: another answer"
    # With 0 the figures are those of the model alone.
    train $kind.none model.kind=$kind model.ease_weight=0
    train $kind.alone model.kind=$kind model.ease=off
    "$PARTRAIN" eval -m $kind.none | grep ndcg >none
    "$PARTRAIN" eval -m $kind.alone | grep ndcg >alone
    cmp -s none alone || fail "$kind: with weight 0: $(cat none), alone: $(cat alone)"
    # The model of the folder is what was judged, and it is no worse on validation than alone.
    test=$(sed -n '/"test"/,/}/s/.*"ndcg@20": \([0-9.]*\).*/\1/p' $kind/summary.json | head -1)
    grep -q "$(printf '%.5g' "$test")" <("$PARTRAIN" eval -m $kind) || fail "$kind: eval differs from the run's $test"
    # More epochs are as if there had been no stop.
    "$PARTRAIN" train -q --out $kind --resume "${common[@]}" model.kind=$kind run.threads=1 train.epochs=5 >out 2>err ||
        fail "$kind: resume: $(cat err)"
    train $kind.5 model.kind=$kind train.epochs=5
    for hash in weights_hash model_hash; do
        [ "$(field $kind $hash)" = "$(field $kind.5 $hash)" ] || fail "$kind: resumed: another $hash"
    done
    train $kind.refit model.kind=$kind train.refit=true
    head -3 $kind/items.tsv | cut -f1 >history
    "$PARTRAIN" recommend -m $kind -k 5 history >out 2>err || fail "$kind: recommend: $(cat err)"
    "$PARTRAIN" export -m $kind -o $kind.onnx >out 2>err || fail "$kind: export: $(cat err)"
    rm -r ${kind:?}*
done

# A KL weight by clicks is not annealed as well.
! "$PARTRAIN" train -q --out no "${common[@]}" model.kind=multivae model.kl_per_click=0.01 model.kl_anneal_steps=10 >out 2>err ||
    fail "two KL weights are taken"
complains 'model.kl_anneal_steps: it grows kl_weight'

# Without a validation part the weight must be given.
! "$PARTRAIN" train -q --out no "${common[@]}" model.kind=multidae split.valid_users=0 >out 2>err || fail "nothing to choose by"
complains 'model.ease_weight: there is no validation part'
train given model.kind=multidae split.valid_users=0 model.ease_weight=4
[ "$(field given ease_weight)" = 4.0 ] || fail "given: $(field given ease_weight)"
exit 0
