#!/bin/bash
# partrain report: the text and the page of two runs, of one that is not finished, and what is refused.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
cd "$folder" || exit 1

# expect STATUS PATTERN ARGUMENT...: see expect_said
expect() {
    expect_said "$1" "$2" report "${@:3}"
}

train() {
    local out=$1
    shift
    "$PARTRAIN" train -q --out "$out" data.path=synth:small train.epochs=4 "$@" >/dev/null || complain "train $out"
}

strange='b<i>&"'\''b'
train a model.kind=multidae model.latent=4
train "$strange" model.kind=multidae model.latent=6
train rating model.kind=mf model.latent=4

expect 0 '^  model.latent  4  6$' a "$strange"
expect 0 '^  valid ndcg@100, ' a "$strange"
expect 0 '█' a
expect 0 '^All settings are the same' a a
expect 0 '^  rating +- +- +- +[0-9.]+' a rating
ndcg=$(sed -n '/^  "test"/,/}/s/.*"ndcg@100": \([0-9.]*\).*/\1/p' a/summary.json)
printf -v shown '%.4f' "$ndcg"
expect 0 "^  a +$shown" a
expect 2 'which runs' -o x.html
mkdir -p all/one/empty && cp a/config.yaml all/one && expect 2 'no config.yaml in it.*; there are runs in all/one$' all
expect 2 'no such folder.*; there are runs in all/one$' all/noe
(cd all && expect 2 'no such folder; name a run.s folder \(train --out\)$' /noe)
expect 2 'no config.yaml in it; .*out.$' all/one/empty
expect 2 'x.pdf: a page is HTML' a -o x.pdf
[ ! -e x.pdf ] || complain 'a refused page was written'
expect 2 'is for a page' a --no-data
expect 2 'there is no such folder' none
mkdir broken && cp a/config.yaml broken/ && echo '{"epoch": 1' >broken/metrics.jsonl
expect 6 'metrics.jsonl: line 1' broken
mkdir going && cp a/config.yaml going/ && head -2 a/metrics.jsonl >going/metrics.jsonl
printf '{"epoch": 3' >>going/metrics.jsonl
expect 0 'going: .*, not finished after 2 epochs' a going
expect 6 'cannot be|No such' a -o none/x.html

# The page: everything is there, nothing is fetched, names are texts.
"$PARTRAIN" report a "$strange" going -o page.html 2>err || complain "page: $(cat err)"
for text in 'Runs' 'Figures' 'Settings that differ' 'Where the time went' 'Machine' 'Data' 'Configurations' \
    'b&lt;i&gt;&amp;&quot;' 'not finished' 'model.latent' 'prefers-color-scheme:dark' "$shown"; do
    grep -qF -- "$text" page.html || complain "page: no $text"
done
hash=$(sed -n 's/^  "weights_hash": "\(.*\)",$/\1/p' a/summary.json)
grep -q ": partrain .*; weights ${hash:-none}</p>" page.html || complain 'page: nothing about the build'
grep ': partrain .*; weights ' page.html | grep -F '?' >&2 && complain 'page: something about the build is not known'
grep -qF '<i>' page.html && complain 'page: a name is markup'
grep -qiE '(src|href)=.?(https?:|//|file:)|<script|@import|url\(' page.html && complain 'page: fetches something'
[ "$(grep -o '<h3>' page.html | wc -l)" -ge 4 ] || complain 'page: too few headings'
if has gnuplot; then
    [ "$(grep -c '<svg' page.html)" -ge 7 ] || complain "page: $(grep -c '<svg' page.html) plots"
    [ "$(grep -c '<svg' page.html)" -eq "$(grep -c '</svg>' page.html)" ] || complain 'page: a plot is cut off'
    "$PARTRAIN" report a --no-data -o lean.html 2>err || complain "--no-data: $(cat err)"
    grep -q 'activity' lean.html && complain '--no-data: there are plots of data'
fi

# Without gnuplot: tables, and it is said.
mkdir empty
PATH=$folder/empty "$PARTRAIN" report a -o plain.html 2>err || complain "plain: $(cat err)"
grep -q 'gnuplot was not found' err || complain "plain: nothing said: $(cat err)"
grep -q 'Without plots' plain.html || complain 'plain: nothing said on the page'
grep -q '<svg' plain.html && complain 'plain: a plot from nowhere'
grep -qF "$shown" plain.html || complain 'plain: no figures'
[ "$failures" -eq 0 ]
