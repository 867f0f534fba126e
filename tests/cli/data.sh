#!/bin/bash
# partrain data: facts, round trips through every format, splits as files against the split that training uses.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
cd "$folder" || exit 1

# expect STATUS PATTERN ARGUMENT...: see expect_said
expect() {
    expect_said "$1" "$2" data "${@:3}"
}

digest() {
    "$PARTRAIN" data describe "$@" --json | sed -n 's/.*"digest": "\(.*\)".*/\1/p'
}

expect 0 '^synth:small: 200 users, 120 items, 4000 ratings, 16\.67% of all pairs$' describe synth:small
expect 0 '^noise floor: RMSE 0\.[0-9]+' describe synth:small
expect 0 '"median": ' describe synth:small --json
expect 0 '^kept: 4,000 read, [0-9,]+ kept: [0-9,]+ below data.min_rating 4$' describe synth:small data.min_rating=4
expect 2 'did you mean convert' convrt synth:small
expect 2 'which of describe' --json
expect 2 'which ratings' describe
expect 2 'one path is enough' describe a b
expect 2 '--json is for describe' convert synth:small --json
expect 2 'ending names no format' convert synth:small -o a.xyz
expect 2 'no such format' convert synth:small --to xml
expect 2 'into which folder' split synth:small --to base
expect 2 '--to liang .* or --to base' split synth:small -o s
expect 2 'which set' synth
expect 2 'synth' synth nonsense
expect 3 'none.csv' describe none.csv
expect 2 'unknown key' describe synth:small data.pth=x

# A large file is read by run.threads threads, with the result of one; by one where more are not allowed.
awk 'BEGIN { for (k = 0; k < 900000; k++) print k % 3000 * 7 "," int(k / 3000) * 11 "," k % 5 + 1 "," 1000000000 + k }' >large.csv
one=$(digest large.csv run.threads=1)
OMP_DISPLAY_AFFINITY=true OMP_AFFINITY_FORMAT="a thread" "$PARTRAIN" data describe large.csv run.threads=3 --json >three 2>said || complain "large.csv: $(cat said)"
grep -q "\"digest\": \"$one\"" three || complain "large.csv: three threads read something else than one"
[ "$(grep -c "a thread" said)" -eq 3 ] || complain "large.csv is not read by three threads: $(cat said)"
[ "$(OMP_THREAD_LIMIT=1 digest large.csv run.threads=3)" = "$one" ] || complain "large.csv is not read by the one thread that is allowed"
rm large.csv

# What the columns are taken for.
printf 'userId,date,movieId,rating\n1,2020-01-02,2,3\n' >dated.csv
expect 0 '^read: dated.csv: user=userId item=movieId rating=rating time=date; 1 line$' describe dated.csv
expect 0 '^first: user 1, item 2, rating 3, time 2020-01-02$' describe dated.csv
expect 0 '"columns": "user=userId item=movieId rating=rating time=date"' describe dated.csv --json
expect 0 '^times: 2020-01-02 to 2020-01-02$' describe dated.csv data.columns=user,time,item,rating
printf 'user\titem\n1\t2\n2\t5\n1\t4\n' >cut2.csv
expect 2 'data have none .*data.columns says' split dated.csv --to base -o x split.kind=last data.columns=user,skip,item,rating
expect 0 '2 ratings train, 0 validate, 1 test' split cut2.csv --to base -o x2 split.kind=time data.time=lines split.test=1 split.valid=0
printf 'user,item,time\nu,a,2024-01-01T23:59:59Z\nu,b,2024-01-02\nv,a,1704153601\n' >cut.csv
expect 0 '^partrain: x: 1 ratings train, 0 validate, 2 test$' split cut.csv --to base -o x split.kind=time split.time_cut=2024-01-02 split.valid=0
expect 2 'split.time_cut: "2024-02-30" is not a number or a date such as 2024-01-31' split cut.csv --to base -o x split.time_cut=2024-02-30
printf 'follower\tfollowee\n1\t17\n2\t17\n' >pairs.tsv
expect 0 '^pairs.tsv: 2 users, 1 items, 2 ratings' describe pairs.tsv
printf 'user,Heat\nbob,x\ncat,y\n' >guess.csv
expect 3 'guess.csv:1: .*names no item.*data.header=no' describe guess.csv
printf 'here,there\nx,y\nz,w\nx,w\n' >words.csv
expect 3 'words.csv:1: .*a header of unknown names, or data.*data.header=yes' describe words.csv
mkdir both
printf '1\t2\t3\t1034113243\n' | tee both.base both/ratings.csv >/dev/null && printf '1\t3\t3\t4\n' >both.test
expect 0 '^read: both/ratings.csv: ' describe both
expect 0 '^both/: 1 users, 1 items' describe both/
printf 'user_id,artist_id,hearts\n1,2,30\n2,2,4\n' >hearts.csv
expect 3 'hearts.csv:1: .*hearts.*data.columns=user=user_id,item=artist_id' describe hearts.csv
expect 3 'none of 2 ratings.*not used: hearts' describe hearts.csv data.min_rating=2 data.columns=user=user_id,item=artist_id
printf '1\t2\t3\t1034113243\n' >bare.tsv
expect 0 '^read: bare.tsv: assumed: user, item, rating, time by position; 1 line$' describe bare.tsv
expect 0 '^read: bare.tsv: item, skip, user, skip, as data.columns says; 1 line$' describe bare.tsv data.columns=item,skip,user,skip
printf '1 2 3\n' >list.txt
expect 0 '^read: list.txt: lists: user item item' describe list.txt data.format=lists

# The same ratings from every format, with ids that need care, half stars and odd values.
printf 'user,item,rating,time\n"a, b",x,4.5,5\n"say ""hi""",y,0.1,6\nplain,x,3,7\nplain,"y;z",-2.25,8\n' >odd.csv
"$PARTRAIN" data convert odd.csv -o again.csv 2>err || complain "convert odd.csv: $(cat err)"
{ [ -n "$(digest odd.csv)" ] && [ "$(digest odd.csv)" = "$(digest again.csv)" ]; } || complain "odd.csv is not again.csv"
want=$(digest synth:small)
for format in csv tsv u.data dat; do
    "$PARTRAIN" data convert synth:small --to $format >"a.$format" 2>err || complain "convert --to $format: $(cat err)"
    [ "$(digest "a.$format")" = "$want" ] || complain "$format: other ratings than were written"
    [ "$(wc -l <"a.$format")" -ge 4000 ] || complain "$format: too few lines"
done
cut -d, -f4 a.csv | tail -n +2 | sort | head -1 | grep -qE '^[0-9]{9}' || complain "a.csv: no times"
"$PARTRAIN" data convert synth:small -o a.lists --to lists 2>err
grep -q 'values of the ratings are left out' err || complain "lists: nothing said about values"
{ [ "$(wc -l <a.lists)" -eq 200 ] && [ "$(wc -w <a.lists)" -eq 4200 ]; } || complain "a.lists: wrong size"
expect 3 'cannot hold; try csv' convert odd.csv --to lists
printf 'a:b,x,1\n' >colon.csv
expect 3 'cannot hold; try csv' convert colon.csv --to dat -o colon.dat
[ ! -e colon.dat ] || complain "a failed conversion left a file"

# A generated set is the same as synth:, by its seed.
{ "$PARTRAIN" data synth small -o s.csv 2>err && [ "$(digest s.csv)" = "$want" ]; } || complain "synth small: $(cat err)"
"$PARTRAIN" data synth small data.seed=2 -o s2.csv 2>err
[ "$(digest s2.csv)" != "$want" ] || complain "synth: the seed does nothing"

# NAME.base and NAME.test: the parts that training counts, and read back as given.
"$PARTRAIN" data split synth:small --to base --name u1 split.valid=0 -o base 2>err || complain "base: $(cat err)"
{ [ "$(cat base/u1.base base/u1.test | wc -l)" -eq 4000 ] && [ "$(wc -l <base/u1.test)" -eq 400 ]; } ||
    complain "base: wrong sizes: $(wc -l base/*)"
expect 0 ' 4000 ratings' describe base split.kind=given
expect 2 'hold single ratings out' split synth:small --to base -o x split.kind=users model.kind=multidae

# The five files: counts as in a run's summary, users in one part each, and what is read back trains to the same.
"$PARTRAIN" data split synth:small --to liang split.test_users=30 split.valid_users=20 -o five 2>err ||
    complain "liang: $(cat err)"
args="model.kind=multidae model.latent=4 train.epochs=1 -q"
# shellcheck disable=SC2086
"$PARTRAIN" train $args data.path=synth:small split.test_users=30 split.valid_users=20 --out straight >/dev/null 2>err ||
    complain "train straight: $(cat err)"
# shellcheck disable=SC2086
"$PARTRAIN" train $args data.path=five --out files >/dev/null 2>err || complain "train files: $(cat err)"
for key in train valid test; do
    a=$(grep -oE "\"$key\": [0-9]+" straight/summary.json | head -1)
    b=$(grep -oE "\"$key\": [0-9]+" files/summary.json | head -1)
    { [ -n "$a" ] && [ "$a" = "$b" ]; } || complain "five files: $b, in the split itself $a"
done
for file in train validation_tr validation_te test_tr test_te; do
    [ "$(head -1 five/$file.csv)" = uid,sid ] || complain "$file.csv: $(head -1 five/$file.csv)"
    tail -n +2 five/$file.csv | cut -d, -f1 | sort -u >users.$file
done
[ -z "$(comm -12 users.train users.test_tr)" ] || complain "users both train and test"
[ "$(sort -u users.validation_tr users.test_tr | wc -l)" -eq 50 ] || complain "not 50 held-out users"
[ "$(wc -l <five/unique_uid.txt)" -eq 200 ] || complain "unique_uid.txt: $(wc -l <five/unique_uid.txt) lines"
"$PARTRAIN" data split synth:small --to liang --keep-ids -o ids split.test_users=30 split.valid_users=20 2>err
line=$(sed -n 2p five/test_te.csv)
user=$(sed -n "$((${line%,*} + 1))p" five/unique_uid.txt)
item=$(sed -n "$((${line#*,} + 1))p" five/unique_sid.txt)
[ "$(sed -n 2p ids/test_te.csv)" = "$user,$item" ] || complain "--keep-ids: $(sed -n 2p ids/test_te.csv), not $user,$item"
expect 2 'hold out whole users' split synth:small --to liang -o x split.kind=random
expect 2 'cannot say' split synth:small --to liang -o x split.fold_in=1 model.kind=autorec model.side=user split.kind=users
[ "$failures" -eq 0 ]
