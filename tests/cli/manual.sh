#!/bin/bash
# Help, man pages and completions come from the same tables: every command's help fits a screen and has an example, its
# man page is sound roff that names every option, and the completions complete.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"

has_groff=true
has groff || has_groff=false
commands=$("$PARTRAIN" help | sed -n 's/^  \([a-z]*\)   *[a-z].*/\1/p' | grep -vx help)
[ "$(wc -w <<<"$commands")" -ge 5 ] || complain "help lists: $commands"
for command in $commands; do
    "$PARTRAIN" help "$command" >"$folder/help" || complain "$command: no help"
    [ "$(wc -l <"$folder/help")" -le 24 ] || complain "$command: its help has $(wc -l <"$folder/help") lines"
    awk -v c="$command" 'length > 80 { print c ": a line of its help has " length " letters"; bad = 1 } END { exit bad }' \
        "$folder/help" || complain "$command: too wide"
    grep -q '^Example' "$folder/help" || complain "$command: no example in its help"
    "$PARTRAIN" help --man "$command" >"$folder/page.1" || complain "$command: no man page"
    for section in NAME SYNOPSIS OPTIONS DESCRIPTION EXAMPLE; do
        grep -qx ".SH $section" "$folder/page.1" || complain "$command: no $section in its man page"
    done
    grep -o -- '--[a-z-]*' "$folder/help" | sort -u | while read -r option; do
        sed 's/\\-/-/g' "$folder/page.1" | grep -q -- "$option" || echo "$command: $option is not in its man page"
    done >"$folder/missing"
    [ ! -s "$folder/missing" ] || complain "$(cat "$folder/missing")"
    if $has_groff; then
        groff -man -Tutf8 -ww "$folder/page.1" 2>&1 >/dev/null | grep . && complain "$command: groff complains"
    fi
done
"$PARTRAIN" help | awk 'length > 80 { bad = 1 } END { exit bad || NR > 24 }' || complain "the overview does not fit 24 x 80"
"$PARTRAIN" help --man | grep -q '^.SH EXIT STATUS' || complain "no man page of the program"
"$PARTRAIN" help --man nothing 2>"$folder/err" && complain "a man page of nothing"
"$PARTRAIN" help --completion tcsh 2>"$folder/err" && complain "a completion for tcsh"

"$PARTRAIN" help --completion bash >"$folder/bash" || complain "no completion for bash"
# complete EXPECTED WORD...: the last word is completed
complete_words() {
    local expected=$1
    shift
    got=$(cd "$folder" && bash -c '. ./bash 2>/dev/null; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
        _partrain 2>/dev/null; echo "${COMPREPLY[*]}"' bash "$@")
    [ "$got" = "$expected" ] || complain "$* completes to '$got' and not '$expected'"
}
touch "$folder/some.yaml"
complete_words recommend partrain rec
complete_words "--all --allow" partrain recommend --al
complete_words "model.kind= model.kl_weight= model.kl_per_click= model.kl_anneal_steps=" partrain train model.k
complete_words "multivae multidae mf" partrain train model.kind = m
complete_words "false true" partrain train model.center =
complete_words export partrain help exp
complete_words some.yaml partrain -c so
complete_words --config partrain train --conf
for shell in zsh fish; do
    "$PARTRAIN" help --completion $shell >"$folder/$shell" || complain "no completion for $shell"
    for command in $commands; do
        grep -q "$command" "$folder/$shell" || complain "$shell: $command is not completed"
    done
    if has $shell; then
        $shell -n "$folder/$shell" || complain "$shell: its completion is no $shell"
    fi
done
[ "$failures" -eq 0 ]
