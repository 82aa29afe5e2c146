#!/usr/bin/env bash
# What the gate says to other people's material, as a table: how many are allowed, and how many refused by each reason.
#
#   corpus.sh [-v] [-c POLICY] GATE DIRECTORY   every Compose file below DIRECTORY, each on standard input of
#                                               `docker compose -p corpus -f - up -d`
#   corpus.sh -l LAB [-v] GATE DIRECTORY        in a lab (scripts/lab.sh up LAB GATE): every file with what lies beside
#                                               it in the home; and whether `docker compose config` is the same through
#                                               the gate as without it
#   corpus.sh [-v] [-c POLICY] GATE FILE        every line of FILE, as a command; empty lines and comments are passed over
#
# GATE is the dockgate program; it runs nothing. -v names each file or command beside its verdict. Compose's own word
# counts first: what it does not take without the gate, either, is "invalid".
set -euo pipefail

verbose= options=() lab=
while getopts vc:l: option; do
    case $option in
    v) verbose=yes ;;
    l) lab=$(realpath "$OPTARG") ;;
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
    line=$("$gate" check "${options[@]}" --json "$1" 2>/dev/null) || [ $? = 77 ] || { echo "error: $1" >&2; exit 1; }
    named "$line"
}

# named JSON: the verdict and its reason.
named() {
    sed -E 's/.*"reason":"([^"]*)","reasons".*"verdict":"([^"]*)".*/\2 \1/; s/.*"reason":"([^"]*)".*"verdict":"([^"]*)".*/\2 \1/' <<<"$1"
}

# compared FILE: the verdict in the lab, with the file and what lies beside it below the account's home; and whether
# Compose reads it alike.
compared() {
    local project=$ACCOUNT_HOME/corpus file plain through said
    file=corpus/$(basename "$1")
    rm -rf "$project"
    cp -r "$(dirname "$1")" "$project"
    chmod -R a+rX "$project"
    if ! plain=$(cd "$ACCOUNT_HOME" && env -i HOME="$ACCOUNT_HOME" PATH="$PATH" DOCKER_CONFIG="$CONFIG" \
        "$DOCKER" compose -p corpus -f "$file" config 2>/dev/null </dev/null); then
        echo "invalid"
        return
    fi
    said=$("$(dirname "$0")/lab.sh" ssh "$lab" -- dockgate check --json docker compose -p corpus -f "$file" up -d 2>/dev/null </dev/null) || true
    said=$(named "$said")
    if [ "${said%% *}" = allow ]; then
        through=$("$(dirname "$0")/lab.sh" ssh "$lab" -- docker compose -p corpus -f "$file" config 2>/dev/null </dev/null) || true
        [ "$through" = "$plain" ] || said="changed"
    fi
    echo "$said"
}

each() {
    if [ -d "$material" ]; then
        find "$material" -type f \( -name '*.yml' -o -name '*.yaml' \) -print0 | sort -z | while IFS= read -r -d '' file; do
            grep -q '^services:' "$file" || continue
            if [ -n "$lab" ]; then
                printf '%s\t%s\n' "$(compared "$file")" "$file"
            else
                printf '%s\t%s\n' "$(verdict 'docker compose -p corpus -f - up -d' <"$file")" "$file"
            fi
        done
    else
        grep -Ev '^[[:space:]]*(#|$)' "$material" | while IFS= read -r command; do
            printf '%s\t%s\n' "$(verdict "$command" </dev/null)" "$command"
        done
    fi
}

if [ -n "$lab" ]; then
    # shellcheck disable=SC1091
    . "$lab/env"
fi
rows=$(each)
if [ -n "$verbose" ]; then
    sort <<<"$rows"
    echo
fi
cut -f1 <<<"$rows" | sort | uniq -c | sort -rn
