#!/usr/bin/env bash
# Shows real ssh sessions through the gate, and what the administrator finds in the log.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
gate=$(realpath "${1:?the dockgate binary}")
lab=$(mktemp -d /var/lib/dockgate-demo.XXXXXX)
trap '"$here/lab.sh" down "$lab"' EXIT

printf 'Starting a private dockerd, sshd and rsyslogd …\n\n'
"$here/lab.sh" up "$lab" "$gate"

# ask WORD…: sends one request, with this script's standard input, and shows what comes back.
ask() {
    local code=0
    printf '\033[1m$ ssh ai-worker@lazyworkhorse %s\033[0m\n' "$*"
    "$here/lab.sh" ssh "$lab" -- "$@" || code=$?
    printf '[exit code %s]\n\n' "$code"
}

project='services:
  hello:
    image: busybox
    command: sh -c "echo hello from compose; sleep 1000"'

printf -- '--- What works\n\n'
ask docker ps </dev/null
ask docker run --rm busybox echo hello </dev/null
ask docker run -d --name talk busybox sh -c "'echo one; echo two; sleep 1000'" </dev/null
ask docker logs talk </dev/null
ask docker compose -p demo -f - up -d <<<"$project" 2>&1
ask docker compose -p demo ps </dev/null
ask docker compose -p demo logs </dev/null
ask docker compose -p demo down -t 0 </dev/null 2>&1

printf -- '--- What does not, and what the agent is told\n\n'
ask docker exec web sh </dev/null 2>&1
ask docker container exec web sh </dev/null 2>&1
ask 'docker ps | cat' </dev/null 2>&1
ask docker run -v /:/host busybox cat /host/etc/shadow </dev/null 2>&1
ask docker compose -f - up -d <<<'services: {a: {image: busybox, privileged: true}}' 2>&1
ask bash -c id </dev/null 2>&1
ask "dockgate check 'docker start -ai web'" </dev/null 2>&1

printf -- '--- What the administrator finds in the log\n\n'
sleep 0.5
cat "$lab/auth.log"
printf '\nDone; all that was started is being ended.\n'
