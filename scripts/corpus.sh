#!/usr/bin/env bash
# What the gate says to other people's material, as a table: how many are allowed, and how many refused by each reason.
#
#   corpus.sh [-v] [-c POLICY] GATE DIRECTORY   every Compose file below DIRECTORY, each on standard input of
#                                               `docker compose -p corpus -f - up -d`
#   corpus.sh [-v] [-c POLICY] GATE FILE        every line of FILE, as a command; empty lines and comments are passed over
#
# GATE is the dockgate program; it runs nothing. -v names each file or command beside its verdict.
set -euo pipefail

verbose= options=()
while getopts vc: option; do
    case $option in
    v) verbose=yes ;;
    c) options=(--config "$OPTARG") ;;
    *) exit 64 ;;
    esac
done
shift $((OPTIND - 1))
[ $# = 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 64; }
gate=$(realpath "$1") material=$2

# verdict COMMAND: the verdict and its reason, with the file on standard input.
verdict() {
    local line
    line=$("$gate" check "${options[@]}" --json "$1") || [ $? = 77 ] || { echo "error: $1" >&2; exit 1; }
    sed -E 's/.*"reason":"([^"]*)","reasons".*"verdict":"([^"]*)".*/\2 \1/; s/.*"reason":"([^"]*)".*"verdict":"([^"]*)".*/\2 \1/' <<<"$line"
}

each() {
    if [ -d "$material" ]; then
        find "$material" -type f \( -name '*.yml' -o -name '*.yaml' \) -print0 | sort -z | while IFS= read -r -d '' file; do
            grep -q '^services:' "$file" || continue
            printf '%s\t%s\n' "$(verdict 'docker compose -p corpus -f - up -d' <"$file")" "$file"
        done
    else
        grep -Ev '^[[:space:]]*(#|$)' "$material" | while IFS= read -r command; do
            printf '%s\t%s\n' "$(verdict "$command" </dev/null)" "$command"
        done
    fi
}

rows=$(each)
if [ -n "$verbose" ]; then
    sort <<<"$rows"
    echo
fi
cut -f1 <<<"$rows" | sort | uniq -c | sort -rn
