#!/bin/bash
# recommend and predict: people from text and from the data, lists, forms of output, messages.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"

# expect STATUS STDOUT-PATTERN STDERR-PATTERN ARGUMENT...: see expect_streams; "in" is its stdin
expect() {
    expect_streams "$@" <"$folder/in"
}

# What was read, and what lists of ratings are worth, is said wherever something is; nothing else may be where nothing
# is expected.
matches() {
    if [ -z "$1" ]; then ! grep -qvE ': user=.*; [0-9,]+ lines?(;|$)|note: (a model of ratings ranks|test ndcg@10 of such lists|what such lists)' "$folder/$2"; else grep -qE -- "$1" "$folder/$2"; fi
}

# A made-up world: users like the items of their own parity.
mkdir "$folder/data"
awk 'BEGIN {
    srand(3)
    print "userId,movieId,rating" > "'"$folder"'/data/ratings.csv"
    for (u = 1; u <= 80; u++)
        for (i = 1; i <= 40; i++)
            if (rand() < 0.5)
                print u "," 100 + i "," ((u + i) % 2 ? 1 : 5) > "'"$folder"'/data/ratings.csv"
    print "movieId,title" > "'"$folder"'/data/movies.csv"
    for (i = 1; i <= 40; i++)
        print 100 + i ",\"Part " i ", The (19" 40 + i ")\"" > "'"$folder"'/data/movies.csv"
}' </dev/null
train() {
    "$PARTRAIN" train data.path="$folder/data" train.epochs=30 train.batch=20 train.lr=0.01 --out "$folder/$1" -q \
        "${@:2}" >/dev/null || complain "training $1"
}
train vae model.kind=multivae model.hidden=30 model.latent=10 data.min_rating=4 split.valid_users=10 split.test_users=10
train user model.kind=autorec model.side=user model.hidden=20 model.loss=sum
train item model.kind=autorec model.side=item model.hidden=20 model.loss=sum
train mf model.kind=mf model.latent=8

# Blanks around ids; an id that is a file's name too; a rating off the scale; pairs that the model is given.
pushd "$folder" >/dev/null || exit 1
: >in
expect 0 '^8	1	' '' recommend -m item --users ' 7 , 8 '
[ "$(cut -f1 out | sort -u | tr '\n' ' ')" = '7 8 ' ] || complain "--users ' 7 , 8 ': $(cut -f1 out | sort -u)"
grep -q 'no user' err && complain "--users ' 7 , 8 ': $(cat err)"
echo 9 >./7
expect 0 '^7	1	' '' recommend -m item --users 7
expect 0 '^9	1	' '' recommend -m item --users ./7
rm ./7
printf '102\t50\n104\t5\n' >scale
expect 0 '^1	1	' 'scale:1: the rating 50 is outside those of the training, [0-9.]* to 5$' recommend -m mf scale
# What such lists are worth is said once, from the run's summary.
figure=$(sed -n '/"lists"/,/}/s/.*"ndcg@10": \([0-9.]*\).*/\1/p' mf/summary.json)
[ "$(grep -c "note: test ndcg@10 of such lists $(printf %.4f "$figure"); of the most popular items" err)" -eq 1 ] ||
    complain "what the lists of mf are worth ($figure): $(cat err)"
grep -q '"lists"' item/summary.json vae/summary.json && complain "lists of a model that makes none by rating"
mv mf/summary.json away
expect 0 '^1	1	' 'what such lists are worth: partrain eval -m mf ' recommend -m mf scale
mv away mf/summary.json
[ "$(grep -c 'is outside' err)" -eq 1 ] || complain "a rating of 5 is off the scale: $(cat err)"
awk -F, 'NR > 1 && NR < 12 { print $1 "\t" $2 }' data/ratings.csv >asked
expect 0 '^[0-9]' 'note: 10 of the ratings asked for are input' predict -m item asked
sed 's/^7,.*//' data/ratings.csv | grep . >less.csv
grep '^7,' data/ratings.csv | cut -d, -f1,2 | tr , '\t' >asked
expect 0 '^7	' '' predict -m item --data less.csv asked
grep -q 'asked for are among' err && complain "not given, and said to be: $(cat err)"
expect 0 '^7	' '' predict -m mf asked
[ -s err ] && complain "mf is given nothing: $(cat err)"
printf 'userId,movieId,rating\nnobody,102,50\nnobody,104,3\n' >off.csv
printf 'nobody\t101\n' >asked
expect 0 '^nobody' 'note: 1 of the ratings of off.csv are outside those of the training, 1 to 5$' predict -m mf --data off.csv asked
expect 0 '^nobody' 'note: 1 of the ratings of off.csv are outside' recommend -m mf --data off.csv --users nobody
expect 0 '^nobody' 'not trained; --data FILE' predict -m mf asked
popd >/dev/null || exit 1

# Five titles as people type them: what comes is of the same parity, ten of them, ranked, without the five.
printf 'The Part 2\nPart 4, The (1944)\n106\nPART 8\nthe part 10\n' >"$folder/in"
expect 0 '^1	1	1[0-4][02468]	[-0-9.e]*	Part ' '' recommend -m "$folder/vae" -
[ "$(wc -l <"$folder/out")" -eq 10 ] || complain "not ten lines"
[ "$(cut -f3 <"$folder/out" | grep -cE '[02468]$')" -eq 10 ] || complain "items of the other parity"
! cut -f3 "$folder/out" | grep -qxE '102|104|106|108|110' || complain "a known item is recommended"
[ "$(cut -f2 "$folder/out" | tr '\n' ' ')" = "1 2 3 4 5 6 7 8 9 10 " ] || complain "ranks"
expect 0 '^1	1	1' '' recommend -m "$folder/vae" -k 3 --with-seen "$folder/in"
expect 0 '^user,rank,item,score,title$' '' recommend -m "$folder/vae" -k 3 -o csv -
expect 0 '^1,3,1[0-9]*,[-0-9.e]*,"Part [0-9]*, The ' '' recommend -m "$folder/vae" -k 3 -o csv -
expect 0 '^\{"user": "1", "items": \[\{"item": "1[0-9]*", "score": .*"title": "Part .*\]\}$' '' \
    recommend -m "$folder/vae" -k 3 -o jsonl -

# Lists.
printf '112\nThe Part 14\n115\n' >"$folder/list"
expect 0 '^1	1	11[24]	' '' recommend -m "$folder/vae" --allow "$folder/list" -
[ "$(wc -l <"$folder/out")" -eq 3 ] || complain "--allow: not its three items"
echo nothing >"$folder/none"
expect 3 '' '--allow .*/none: the model knows none of its items' recommend -m "$folder/vae" --allow "$folder/none" -
expect 0 '	1	' '' recommend -m "$folder/vae" --deny "$folder/list" -k 40 -
! cut -f3 "$folder/out" | grep -qxE '112|114|115' || complain "--deny: a denied item"

# Two people, something unknown, nothing known.
printf '102\n104\n\nPart 2 of nothing\n101\n' >"$folder/in"
expect 0 '^2	1	' 'stdin:4: the model has no item "Part 2 of nothing"; did you mean Part 2, ' recommend -m "$folder/vae" -
printf 'x\ny\n' >"$folder/in"
expect 3 '' 'stdin: the model knows none of these items' recommend -m "$folder/vae" -
: >"$folder/in"
expect 3 '' 'stdin: empty' recommend -m "$folder/vae" -
printf '\n \t\n\r\n' >"$folder/in"
expect 3 '' 'stdin: only blank lines' recommend -m "$folder/vae" -

# Ratings.
printf '101\t5\n102\t1\n103 5\n' >"$folder/in"
expect 0 '^1	1	1[0-9][13579]	' '' recommend -m "$folder/user" -k 3 -
printf '101\n' >"$folder/in"
expect 3 '' 'stdin:1: there is no rating' recommend -m "$folder/user" -
expect 2 '' 'item-based AutoRec has weights for its users alone' recommend -m "$folder/item" -
expect 3 '' 'stdin:1: there is no rating' recommend -m "$folder/mf" -
# mf: a row is made for a new person, of either kind; and for users of --data whom training did not have.
for kind in 0 1; do
    for i in 2 4 6 8 10 12 14 16; do
        printf '%d\t5\n%d\t1\n' $((100 + i - kind)) $((101 + i - kind))
    done >"$folder/in"
    expect 0 '^1	5	' '' recommend -m "$folder/mf" -k 5 -
    [ "$(cut -f3 "$folder/out" | grep -cE "$([ $kind = 0 ] && echo '[02468]' || echo '[13579]')\$")" -ge 4 ] ||
        complain "mf: a new person's items: $(tr '\n' ';' <"$folder/out")"
done
awk 'BEGIN { print "userId,movieId,rating"; for (i = 101; i <= 116; i++) print "stranger," i "," (i % 2 ? 5 : 1) }' \
    >"$folder/strangers.csv"
printf 'user,item\nstranger,135\nstranger,136\n7::101::5\n' >"$folder/in"
expect 0 '^stranger	135	[345]' '' predict -m "$folder/mf" --data "$folder/strangers.csv" -
[ "$(wc -l <"$folder/out")" -eq 3 ] || complain "mf: a header is no pair"
awk -F'\t' 'NR == 1 && $3 < 3 || NR == 2 && $3 > 3 { exit 1 }' "$folder/out" || complain "mf: a stranger's ratings"
expect 0 '^stranger	135	[23]\.' '2 of 3 predictions are the training mean plus' predict -m "$folder/mf" -
expect 0 '^stranger	1	1[0-9][13579]	' '1 person, ' recommend -m "$folder/mf" --data "$folder/strangers.csv" --all

# Users of the data: own parity, nothing they rated; threads do not matter.
for model in vae user item mf; do
    expect 0 '^8	1	' '' recommend -m "$folder/$model" -k 5 --users 7,8 --threads 2
    [ "$(wc -l <"$folder/out")" -eq 10 ] || complain "$model: not ten lines for two users"
    # Low ratings were no input of the first model, but they are known; so nothing rated is listed.
    while IFS=$'\t' read -r user _ item _; do
        ! grep -q "^$user,$item," "$folder/data/ratings.csv" || complain "$model: $item is known to user $user"
    done <"$folder/out"
    expect 0 '^80	' '80 people, ' recommend -m "$folder/$model" -k 5 --all
    cp "$folder/out" "$folder/all"
    expect 0 '^80	' '80 people, ' recommend -m "$folder/$model" -k 5 --all --threads 1
    cmp -s "$folder/out" "$folder/all" || complain "$model: one thread, other recommendations"
    expect 0 '^7	' 'no user 999' recommend -m "$folder/$model" --users 7,999
    expect 3 '' 'none of the users asked for' recommend -m "$folder/$model" --users 999
done
grep -cE '^(7	.*	1[0-9][13579]	|8	.*	1[0-9][02468]	)' "$folder/all" >"$folder/count"
[ "$(cat "$folder/count")" -ge 8 ] || complain "mf: $(cat "$folder/count") of 10 items have the users' parity"
printf '7\n8\n' >"$folder/users"
expect 0 '^7	' '' recommend -m "$folder/vae" --users "$folder/users"

# Capitals of other alphabets do not matter either.
cp -r "$folder/vae" "$folder/far"
sed -i 's/^140	.*/140	Żółć, Ästhet и Ёлка (1999)/' "$folder/far/items.tsv"
printf 'żÓŁĆ äSTHET И ёЛКА\n' >"$folder/in"
expect 0 '^1	1	1' '' recommend -m "$folder/far" -

# Other data: users that training never saw.
mkdir "$folder/other"
printf 'userId,movieId,rating\nnew,102,5\nnew,104,5\nnew,999,5\n' >"$folder/other/ratings.csv"
expect 0 '^new	1	1[0-9][02468]	' '' recommend -m "$folder/vae" -k 2 --users new --data "$folder/other"

# Predictions, in the order of the pairs.
printf '7 101\n7\tThe Part 2\n8,102,5\n\nnobody 101\n7 101\n' >"$folder/in"
for model in user item mf; do
    expect 0 '^nobody	101	2\.[67]' '1 of 5 predictions are the training mean plus' predict -m "$folder/$model" -
    cut -f1,2 "$folder/out" >"$folder/pairs"
    printf '7\t101\n7\t102\n8\t102\nnobody\t101\n7\t101\n' | cmp -s - "$folder/pairs" || complain "$model: other pairs"
    awk -F'\t' 'NR == 1 && $3 < 3.5 || NR == 2 && $3 > 2.5 || NR == 3 && $3 < 3.5 || $3 < 1 || $3 > 5 { exit 1 }' \
        "$folder/out" || complain "$model: predictions: $(cut -f3 "$folder/out" | tr '\n' ' ')"
    expect 0 '^8	140	' '' predict -m "$folder/$model" --users 7,8
    [ "$(wc -l <"$folder/out")" -eq 80 ] || complain "$model: two rows are not 80 lines"
done
for model in user item mf; do
    expect 0 '^999	140	2\.' 'partrain: the (run|data) has no user 999$' predict -m "$folder/$model" --users 7,999
    [ "$(wc -l <"$folder/out")" -eq 80 ] || complain "$model: a row and a stand-in's are not 80 lines"
    expect 0 '^999	' 'lacks 6 of the users asked for' predict -m "$folder/$model" --users 999,a,b,c,d,e
    [ "$(grep -c 'has no user' "$folder/err")" -eq 5 ] || complain "$model: not five names of users who are not there"
done

# Of an item that nobody rated a mild user says more than a harsh one; where nothing is known, the mean stands in.
awk 'BEGIN {
    print "userId,movieId,rating"
    for (u = 1; u <= 60; u++)
        for (i = 1; i <= 20; i++)
            if ((u * 7 + i * 3) % 10 < 6 && !(i == 20 && u != 9))
                print u "," i "," (u == 1 ? 5 : u == 2 ? 1 : 2 + (u + i) % 3)
}' >"$folder/moods.csv"
printf '1 none\n2 none\nnobody none\nnobody 4\n' >"$folder/in"
for model in "autorec model.side=item" "autorec model.side=user" mf; do
    # shellcheck disable=SC2086
    "$PARTRAIN" train -q data.path="$folder/moods.csv" train.epochs=2 split.test=0.2 model.kind=$model --out "$folder/moods" \
        >/dev/null 2>&1 || complain "$model: moods do not train"
    expect 0 '^1	none' '3 of 4 predictions are the training mean plus the bias' predict -m "$folder/moods" "$folder/in"
    awk -F'\t' '{ r[NR] = $3 } END { exit !(r[1] > r[2] + 1 && r[3] < r[1] && r[3] > r[2] && r[4] != r[3]) }' "$folder/out" ||
        complain "$model: moods: $(cut -f3 "$folder/out" | tr '\n' ' ')"
    rm -r "$folder/moods"
done
# Only items with so many training ratings; a model of clicks does not say.
for model in mf item; do
    expect 0 '^8	1	' '' recommend -m "$folder/$model" -k 40 --users 8 --min-ratings 1 -q
    some=$(wc -l <"$folder/out")
    expect 0 '' '' recommend -m "$folder/$model" -k 40 --users 8 --min-ratings 100000 -q
    if [ "$some" -le 5 ] || [ -s "$folder/out" ]; then
        complain "$model: --min-ratings: $some items, then $(wc -l <"$folder/out")"
    fi
done
expect 2 '' 'one of clicks' recommend -m "$folder/vae" --users 8 --min-ratings 2
# Files of ratings as they are: a header, quotes, further fields in which another mark stands.
printf '"User-ID";"ISBN";"Title"\n"7";"101";"Part 1, The"\n"8";"102";"x"\n' >"$folder/semicolons"
printf 'userId,movieId,rating\n"7","101",4\n8,"102",3\n' >"$folder/commas"
printf '7|101|5\n8|102|1\n' >"$folder/bars"
for file in semicolons commas bars; do
    expect 0 '^7	101	' '' predict -m "$folder/mf" "$folder/$file"
    [ "$(cut -f1,2 "$folder/out" | tr '\t\n' ' ;')" = "7 101;8 102;" ] || complain "$file: $(cut -f1,2 "$folder/out")"
done
# Columns in another order: where the header's names say, as training reads them.
printf 'timestamp,rating,item_id,user_id\n9,5,101,7\n9,1,"102",8\n' >"$folder/names"
printf 'rating::movieId::x::userId:token\n5::101::"a::7\n5::102::b::8\n' >"$folder/colons"
printf 'item user\n101 7 x\n102  8\n' >"$folder/blanks"
printf 'time\titem\tuser\r\n\t101\t7\r\n\t102\t8\r\n' >"$folder/tabs"
for file in names colons blanks tabs; do
    expect 0 '^7	101	[3-5]' '' predict -m "$folder/mf" "$folder/$file"
    [ "$(cut -f1,2 "$folder/out" | tr '\t\n' ' ;')" = "7 101;8 102;" ] || complain "$file: $(cut -f1,2 "$folder/out")"
done
printf 'rating,user\n5,7\n' >"$folder/in"
expect 3 '' 'stdin:1: this header names not both of user and item' predict -m "$folder/mf" -
printf 'rating,item,user\n5,101\n' >"$folder/in"
expect 3 '' 'stdin:2: a user and an item are expected' predict -m "$folder/mf" -
printf '"7,101\n' >"$folder/in"
expect 3 '' 'a user and an item are expected' predict -m "$folder/mf" -
printf '7 101\n' >"$folder/in"
expect 0 '^\{"user": "7", "item": "101", "rating": [0-9.]*, "title": "Part 1, ' '' predict -m "$folder/mf" -o jsonl -q -
expect 2 '' 'ranks items and predicts no ratings' predict -m "$folder/vae" -

# Wrong use.
expect 2 '' 'for whom\?' recommend -m "$folder/vae"
expect 2 '' '-m RUN is missing' recommend -
expect 2 '' 'there is no model in this folder' recommend -m "$folder" -
expect 2 '' 'none of tsv, csv, jsonl' recommend -m "$folder/vae" -o xml -
expect 3 '' 'nowhere: there is no such file' recommend -m "$folder/vae" --all --data "$folder/nowhere"

# A relative data.path in another folder: nothing there, or other ratings of the same name.
mkdir "$folder/here" "$folder/there"
cp "$folder/data/ratings.csv" "$folder/here/r.csv"
sed 's/,5$/,4/' "$folder/here/r.csv" >"$folder/there/r.csv"
for settings in "model.kind=multivae model.hidden=9 data.min_rating=4" "model.kind=mf model.latent=2"; do
    rm -rf "$folder/near"
    # shellcheck disable=SC2086
    (cd "$folder/here" && "$PARTRAIN" train $settings data.path=r.csv train.epochs=1 --out ../near -q >"$folder/out") ||
        complain "training on a relative path"
    cd "$folder/here" || exit 1
    expect 0 '^7	1	' '' recommend -m ../near --users 7
    cd ../there || exit 1
    expect 3 '' "near: the ratings in r.csv are not those that the model was trained on.*, say --data r.csv" \
        recommend -m ../near --users 7
    expect 0 '^7	1	' '' recommend -m ../near --users 7 --data r.csv
    cd .. || exit 1
    expect 3 '' "relative to the folder in which it was trained .--data PATH reads others.: r.csv: there is no such" \
        recommend -m near --users 7
done
"$PARTRAIN" train model.kind=mf data.path=- train.epochs=1 --out "$folder/piped" -q <"$folder/here/r.csv" >"$folder/out"
cp "$folder/here/r.csv" "$folder/in"
expect 2 '' 'read its ratings from standard input; say --data FILE' recommend -m "$folder/piped" --users 7
expect 0 '^7	1	' '' recommend -m "$folder/piped" --users 7 --data -
# JSON lines in: names, numbers as ids, ratings; what is not such a line.
printf '{"user": "ann", "items": ["102", 104]}\n\n{"items": ["Part 2"], "ratings": [5]}\n' >in
expect 0 '^{"user": "ann", "items": \[{"item"' '' recommend -m "$folder/vae" --input jsonl -o jsonl -k 3 -
[ "$(cut -d'"' -f4 out | tr '\n' ' ')" = 'ann 2 ' ] || complain "names of JSON lines: $(cat out)"
printf '102\n104\n\nPart 2\t5\n' >paragraphs
"$PARTRAIN" recommend -m "$folder/vae" -o jsonl -k 3 paragraphs 2>/dev/null | sed 's/"user": "1"/"user": "ann"/' | cmp -s out - ||
    complain "JSON lines and paragraphs give other answers"
echo '{"items": ["102"]}' >in
expect 3 '' 'stdin:1: .*needs one: "ratings"' recommend -m "$folder/mf" --input jsonl -
echo '{"items": ["102"], "ratings": [4, 5]}' >in
expect 3 '' 'stdin:1: .*as many ratings as items' recommend -m "$folder/mf" --input jsonl -
echo '{"items": ["102"' >in
expect 3 '' 'stdin:1: line 1' recommend -m "$folder/vae" --input jsonl -
echo '{"items": ["102"]}' >in
expect 3 '' 'stdin:1: a JSON object.*--input jsonl' recommend -m "$folder/vae" -

# A program that keeps the pipe open is answered as soon as a paragraph or a line ends.
for form in text jsonl; do
    case $form in
    text) ask=$'102\n104\n' ;;
    jsonl) ask='{"items": ["102", "104"]}' ;;
    esac
    coproc "$PARTRAIN" recommend -m "$folder/vae" --input $form -o jsonl -k 2 -q -
    for person in 1 2 3; do
        printf '%s\n' "$ask" >&"${COPROC[1]}"
        answer=
        read -r -t 60 answer <&"${COPROC[0]}"
        [[ $answer == '{"user": "'$person'", '* ]] || complain "$form: person $person of an open pipe: $answer"
    done
    eval "exec ${COPROC[1]}>&-"
    wait "$COPROC_PID" || complain "$form: the end of a pipe: exit status $?"
done

mv "$folder/data" "$folder/gone"
expect 3 '' "histories are read from the run's data.path .--data PATH reads others.: .*data: there is no such" recommend -m "$folder/vae" --all
[ "$failures" -eq 0 ]
