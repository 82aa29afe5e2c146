#!/usr/bin/env bash
# Shows real ssh sessions through the gate, and what the administrator finds in the log.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
gate=$(realpath "${1:?the dockgate binary}")
# Not below /tmp: Compose looks for its files in the directories above the account's home too.
lab=$(mktemp -d /var/lib/dockgate-demo.XXXXXX)
trap '"$here/lab.sh" down "$lab"' EXIT

bold='' plain=''
if [ -t 1 ]; then
    bold=$'\e[1m' plain=$'\e[0m'
fi

echo 'Starting a private dockerd, sshd and rsyslogd …'
"$here/lab.sh" up "$lab" "$gate"
# Another name than ai-worker where the machine has an account of that name.
account=$(sed -n 's/^ACCOUNT=//p' "$lab/env")

title() { printf '\n--- %s\n\n' "$*"; }

# ask LINE: sends a request, typed as it would be after `ssh HOST`, and shows what comes back.
ask() {
    local code=0
    printf '%s$ ssh %s@lazyworkhorse %s%s\n' "$bold" "$account" "$1" "$plain"
    eval "ssh -F '$lab/ssh_config' lazyworkhorse $1" 2>&1 || code=$?
    printf '[exit code %s]\n\n' "$code"
}

# show FILE
show() { printf '%s$ cat %s%s\n%s\n\n' "$bold" "$1" "$plain" "$(cat "$1")"; }

mkdir "$lab/client"
cd "$lab/client"
cat >compose.yaml <<'END'
services:
  hello:
    image: busybox
    init: true
    command: sh -c "echo hello from compose; sleep 1000"
END
echo 'services: {hello: {image: busybox, privileged: true}}' >privileged.yaml
exec </dev/null

title 'What works'
ask 'docker ps'
ask 'docker run --rm busybox echo hello'
ask 'docker logs web'
show compose.yaml
ask 'docker compose -f - config --services < compose.yaml'
ask 'docker compose -p demo -f - up -d < compose.yaml'
ask 'docker compose -p demo ps'
ask 'docker compose -p demo logs'
ask 'docker compose -p demo down'

title 'What does not, and what the agent is told'
ask 'docker exec web sh'
ask 'docker container exec web sh'
ask "'docker ps | cat'"
ask 'docker run -v /:/host busybox cat /host/etc/shadow'
show privileged.yaml
ask 'docker compose -f - up -d < privileged.yaml'
ask 'bash -c id'

title 'What it can ask before it acts'
ask 'help'
ask "dockgate check 'docker start -ai web'"

title 'What the administrator finds in the log'
# The daemon writes what it was sent a moment later.
sleep 0.3
cat "$lab/auth.log"

printf '\nEnding all that was started …\n'
