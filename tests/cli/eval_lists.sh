#!/bin/bash
# eval --lists: lists of any program, against values in the test suites of others, each beside the definition that gives it,
# and against partrain's own evaluation of a run.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
cd "$folder" || exit 1
complain() {
    echo "$*" >&2
    failures=$((failures + 1))
}
# figure NAME: from out
figure() {
    awk -F'\t' -v name="$1" '$1 == name { print $2 }' out
}
# lists LISTS TRUTH METRICS [NAME VALUE]...
lists() {
    local lists=$1 truth=$2 metrics=$3
    shift 3
    "$PARTRAIN" eval --lists "$lists" --truth "$truth" --metrics "$metrics" -q -o tsv >out 2>err || complain "$lists: $(cat err)"
    while [ $# -gt 0 ]; do
        awk -v a="$(figure "$1")" -v b="$2" 'BEGIN { d = a - b; exit !(a != "" && d < 1e-4 && d > -1e-4) }' ||
            complain "$lists: $1 is $(figure "$1"), not $2"
        shift 2
    done
}

# RecBole, tests/metrics/test_topk_metrics.py: hits 000 111 101 001 of 1, 3, 4, 2 relevant items. Its recall divides by all of them
# (recall_all), its map by min(k, all) (map_min); the values are the means over the four users at 3.
printf 'user,item,rank\na,x1,1\na,x2,2\na,x3,3\nb,i1,1\nb,i2,2\nb,i3,3\nc,i1,1\nc,x1,2\nc,i2,3\nd,x1,1\nd,x2,2\nd,i1,3\n' >recbole.csv
printf 'user,item\na,i9\nb,i1\nb,i2\nb,i3\nc,i1\nc,i2\nc,i3\nc,i4\nd,i1\nd,i2\n' >recbole.truth
lists recbole.csv recbole.truth hit@3,ndcg@3,mrr@3,map_min@3,recall_all@3,precision@3 hit@3 0.75 ndcg@3 0.502622 mrr@3 0.583333 \
    map_min@3 0.430556 recall_all@3 0.5 precision@3 0.5
awk -F, -v OFS='\t' 'NR > 1 { print $1, $2, -1.5 * $3 }' recbole.csv >scores.tsv
lists scores.tsv recbole.truth ndcg@3 ndcg@3 0.502622

# recommenders, tests/unit/recommenders/evaluation: the binary ndcg, and map and recall over all relevant items.
awk 'BEGIN {
    n = split("1 2 2 2 2 2 3 3 3 3 3 3 3 3 3 3 1 1", u)
    split("3 1 4 5 6 7 2 5 6 8 9 10 11 12 13 14 1 2", t)
    split("12 10 3 5 11 13 4 10 7 13 1 3 5 2 11 14 3 10", i)
    split("12 14 13 12 11 10 14 13 12 11 10 9 8 7 6 5 14 13", s)
    print "userId,itemId" >"true.csv"
    print "userId,itemId,rating" >"pred.csv"
    for (k = 1; k <= n; k++) {
        print u[k] "," t[k] >"true.csv"
        print u[k] "," i[k] "," s[k] >"pred.csv"
    }
}'
lists pred.csv true.csv ndcg@10,map@10,precision@10,recall_all@10 ndcg@10 0.38172 map@10 0.23613 precision@10 0.26666 recall_all@10 0.37777

# users USER:LIST:TRUTH...: rank.csv and rank.truth, from numbers with commas
users() {
    echo user,item,rank >rank.csv
    echo user,item >rank.truth
    for user; do
        awk -F: '{ n = split($2, l, ","); for (i = 1; i <= n; i++) print $1 "," l[i] "," i }' <<<"$user" >>rank.csv
        awk -F: '{ n = split($3, l, ","); for (i = 1; i <= n; i++) print $1 "," l[i] }' <<<"$user" >>rank.truth
    done
}

# LensKit, tests/eval/test_rank_{recall,precision,map,mrr}.py: recall 2/3, 1/5, 0, 1/2 and precision 1/2, 1/4, 0, 1/2 of lists of 4;
# average precision (1 + 2/3) / 2, 1/4, (1 + 2/3) / 3, 0 of lists cut at 3, by min(3, relevant items); reciprocal rank 1/10, cut at 5: 0
# and 1/5. Its ndcg is another (ranks 1 and 2 count alike).
users a:1,2,3,4:1,3,5 b:1,2,3,4:4,5,6,7,8 c:1,2,3,4:5,6,7,8,9 d:1,2,3,4:1,3,5,7
lists rank.csv rank.truth recall_all@4,precision@4 recall_all@4 0.341667 precision@4 0.3125
users a:1,2,3:1,3 b:1,2,3:2,4 c:1,2,3,4,5:1,3,5 d:10,20,30:1,2,3
lists rank.csv rank.truth map_min@3 map_min@3 0.409722
users a:1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20:20,10
lists rank.csv rank.truth mrr@20,mrr@5 mrr@20 0.1 mrr@5 0
users a:1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20:20,10,5
lists rank.csv rank.truth mrr@5 mrr@5 0.2

# Elliot, tests/evaluation: precision@2 of three lists 1/2, 0, 1/2; and the lists by which its two ways of computing are compared,
# with precision, recall, hit rate and reciprocal rank as it defines them. Its ndcg has graded gains.
users a:3,1:3 b:1,2:3 c:3,1:3
lists rank.csv rank.truth precision@2 precision@2 0.333333
users a:2,5,1,6:1,2 b:8,3,6:3
lists rank.csv rank.truth precision@3,recall_all@3,hit@3,mrr@3 precision@3 0.5 recall_all@3 1 hit@3 1 mrr@3 0.75

# Our own lists of a run give the run's own figures, and the pairs match.
"$PARTRAIN" train --out mf -q data.path=synth:small model.kind=mf model.latent=4 train.epochs=4 split.valid=0 train.patience=0 \
    eval.metrics=ndcg@10,recall@10 >/dev/null 2>err || complain "train: $(cat err)"
"$PARTRAIN" data split synth:small model.kind=mf split.valid=0 --to base -o base 2>err || complain "split: $(cat err)"
"$PARTRAIN" recommend -m mf --data base/u.base --all -k 10 -q 2>err | cut -f1,3,4 >own.tsv
cut -f1-3 base/u.test >own.truth
"$PARTRAIN" eval -m mf -q -o tsv >run 2>err
lists own.tsv own.truth ndcg@10,recall@10 ndcg@10 "$(awk -F'\t' '$1 == "ndcg@10" { print $2 }' run)"
"$PARTRAIN" eval --lists own.tsv --truth own.truth --against mf --metrics ndcg@10 -q -o tsv >out 2>err || complain "--against a run: $(cat err)"
awk -F'\t' 'NR == 2 && $4 < 1e-9 && $4 > -1e-9 { ok = 1 } END { exit !ok }' out || complain "a run against its own lists: $(cat out)"

# A user without a list counts as 0, and is told.
grep -v '^b,' recbole.csv >fewer.csv
"$PARTRAIN" eval --lists fewer.csv --truth recbole.truth --metrics hit@3 -o tsv >out 2>err
[ "$(figure hit@3)" = 0.5 ] || complain "without a list: hit@3 $(figure hit@3)"
grep -q '1 of 4 users of the truth have no list' err || complain "without a list: $(cat err)"

# What cannot be.
for words in "--lists fewer.csv" "--truth fewer.csv" "--lists fewer.csv --truth recbole.truth -m mf" \
    "--lists fewer.csv --truth recbole.truth --against popular" "--lists fewer.csv --truth recbole.truth --metrics rmse"; do
    # shellcheck disable=SC2086
    "$PARTRAIN" eval $words >out 2>err && status=0 || status=$?
    [ "$status" -eq 2 ] || complain "$words: exit $status: $(cat err)"
done
[ "$failures" -eq 0 ]
