#!/usr/bin/env bash
# The lab: a private rsyslogd, dockerd and sshd on loopback, for `make test` and `make demo`.
#
#   lab.sh install                      install what the lab needs (Debian packages; idempotent)
#   lab.sh install-cli VERSION          unpack one more docker: 20.10 or 26.1
#   lab.sh up DIR GATE                  start a lab in the fresh directory DIR, GATE as the forced command
#   lab.sh down DIR                     end it, and remove all that it made
#   lab.sh watch PID DIR                end it when the process PID has gone
#   lab.sh ssh DIR [OPTION…] -- WORD…   the ssh client, as the account of the lab (LAB_KEY: another key's file)
#
# Docker 28.5 comes from Debian forky, unpacked into the cache and never installed.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
cache=${DOCKGATE_LAB_CACHE:-$here/target/lab}
packages=(openssh-server openssh-client rsyslog busybox-static iptables procps dash ca-certificates)

say() { printf 'lab: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

need_root() { [ "$(id -u)" = 0 ] || die "this needs root: it starts sshd, dockerd and rsyslogd, and makes an account"; }

retry() {
    local try
    for try in 1 2 3; do
        "$@" && return 0
        say "attempt $try failed: $*"
        sleep $((try * 2))
    done
    return 1
}

quiet() {
    local log
    log=$(mktemp)
    if "$@" >"$log" 2>&1; then rm -f "$log"; else cat "$log" >&2; rm -f "$log"; return 1; fi
}

missing_packages() {
    local name
    for name in "${packages[@]}"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || printf '%s\n' "$name"
    done
}

install_packages() {
    local wanted policy=/usr/sbin/policy-rc.d made=
    mapfile -t wanted < <(missing_packages)
    [ ${#wanted[@]} -gt 0 ] || return 0
    need_root
    say "installing ${wanted[*]}"
    # The packages bring system services; the lab starts its own.
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
        made=yes
    fi
    retry quiet apt-get update || die "apt-get update failed: is there a network?"
    local status=0
    retry quiet env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${wanted[@]}" || status=1
    [ -z "$made" ] || rm -f $policy
    [ $status = 0 ] || die "apt-get install failed"
}

# unpack SUITE NAME PACKAGE…: downloads packages of another Debian release and unpacks them side by side.
unpack() {
    local suite=$1 target=$cache/$2
    shift 2
    [ -e "$target/.complete" ] && return 0
    command -v apt-get >/dev/null || die "this needs Debian's apt-get"
    say "fetching $* from Debian $suite"
    local apt=$cache/apt-$suite
    rm -rf "$target"
    mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$target"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian %s main\n' "$suite" >"$apt/sources.list"
    local options=(-o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt" -o APT::Sandbox::User=root)
    retry quiet apt-get "${options[@]}" update || die "no package lists for $suite"
    (cd "$target" && retry quiet apt-get "${options[@]}" download "$@") || die "could not fetch $*"
    local package
    for package in "$target"/*.deb; do
        dpkg -x "$package" "$target"
        basename "$package"
        rm -f "$package"
    done | sed 's/^/lab: unpacked /' >&2
    rm -rf "$apt"
    touch "$target/.complete"
}

install() {
    install_packages
    unpack forky docker-28.5 docker.io docker-cli docker-compose docker-buildx containerd
    # forky's runc is built for a newer libc than bookworm's.
    unpack bookworm runc runc
}

install_cli() {
    case $1 in
        20.10) unpack bookworm docker-20.10 docker.io ;;
        26.1) unpack trixie docker-26.1 docker.io docker-cli docker-compose docker-buildx ;;
        *) die "no such version here: $1" ;;
    esac
}

account_name() {
    local name number=1
    name=ai-worker
    while getent passwd "$name" >/dev/null; do
        number=$((number + 1))
        name=ai-worker-$number
    done
    printf '%s\n' "$name"
}

free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 20000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { printf '%s\n' "$port"; return; }
    done
}

wait_for() {
    local what=$1 log=$2 tries=300
    shift 2
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        if [ $tries = 0 ]; then
            tail -n 40 "$log" >&2 || true
            die "$what did not start"
        fi
        sleep 0.1
    done
}

up() {
    local dir=$1 gate=$2 docker=$cache/docker-28.5
    need_root
    [ -e "$docker/.complete" ] && [ -z "$(missing_packages)" ] || die "not installed: run 'make test' or 'scripts/lab.sh install' first"
    [ -d "$dir" ] && [ -z "$(ls -A "$dir")" ] || die "$dir is not an empty directory"
    chmod 755 "$dir"
    local account port
    # Two labs may start at the same time.
    exec 9>/run/lock/dockgate-lab.lock
    flock 9
    account=$(account_name)
    useradd --create-home --home-dir "$dir/home" --shell /bin/dash --user-group "$account" || die "useradd failed"
    # Not locked: sshd refuses a locked account when it does not use PAM. No password matches this.
    usermod --password '*' "$account"
    flock -u 9
    exec 9>&-
    printf 'ACCOUNT=%s\n' "$account" >"$dir/env"
    chmod 755 "$dir/home"

    cp "$gate" "$dir/dockgate"
    chmod 755 "$dir/dockgate"
    mkdir -p "$dir/docker-config/cli-plugins" "$dir/keys" "$dir/run"
    local plugin
    for plugin in "$docker"/usr/libexec/docker/cli-plugins/*; do
        cp "$plugin" "$dir/docker-config/cli-plugins/"
    done

    cat >"$dir/rsyslog.conf" <<EOF
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="$dir/log.sock" RateLimit.Interval="0" CreatePath="off")
template(name="lab" type="string" string="%syslogfacility-text%.%syslogseverity-text% %syslogtag%%msg%\n")
*.* action(type="omfile" file="$dir/auth.log" template="lab" fileCreateMode="0644")
EOF
    rsyslogd -n -f "$dir/rsyslog.conf" -i "$dir/rsyslogd.pid" >"$dir/rsyslogd.log" 2>&1 </dev/null &
    echo $! >"$dir/run/rsyslogd.pid"

    # A bridge of its own, so that a docker of the host is left alone.
    local bridge=dg$((RANDOM % 10000)) net=$((RANDOM % 200 + 20))
    echo "BRIDGE=$bridge" >>"$dir/env"
    ip link add "$bridge" type bridge
    ip addr add "10.213.$net.1/24" dev "$bridge"
    ip link set "$bridge" up
    cat >"$dir/daemon.json" <<EOF
{ "default-address-pools": [ { "base": "10.214.0.0/16", "size": 24 } ] }
EOF
    PATH="$docker/usr/sbin:$docker/usr/bin:$cache/runc/usr/sbin:/usr/sbin:/usr/bin:/sbin:/bin" \
        "$docker/usr/sbin/dockerd" --config-file "$dir/daemon.json" --host "unix://$dir/docker.sock" --group "$account" \
        --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/dockerd.pid" \
        --bridge "$bridge" --iptables=false --ip6tables=false --ip-masq=false \
        >"$dir/dockerd.log" 2>&1 </dev/null &
    echo $! >"$dir/run/dockerd.pid"

    ssh-keygen -q -t ed25519 -N '' -C host -f "$dir/host_key"
    ssh-keygen -q -t ed25519 -N '' -C hermes -f "$dir/hermes"
    printf 'restrict,command="%s --config %s --key hermes" %s\n' "$dir/dockgate" "$dir/policy.toml" "$(cat "$dir/hermes.pub")" >"$dir/keys/$account"
    cat >"$dir/policy.toml" <<EOF
[docker]
program = "$docker/usr/bin/docker"
host = "unix://$dir/docker.sock"
config = "$dir/docker-config"

[audit]
socket = "$dir/log.sock"
EOF
    port=$(free_port)
    # AcceptEnv is as hostile as an administrator could make it.
    cat >"$dir/sshd_config" <<EOF
ListenAddress 127.0.0.1
Port $port
HostKey $dir/host_key
PidFile $dir/sshd.pid
AuthorizedKeysFile $dir/keys/%u %h/.ssh/authorized_keys
AuthenticationMethods publickey
UsePAM no
StrictModes no
ExposeAuthInfo yes
MaxStartups 300
MaxSessions 300
AcceptEnv *
Subsystem sftp /usr/lib/openssh/sftp-server
LogLevel ERROR
EOF
    mkdir -p /run/sshd
    /usr/sbin/sshd -D -e -f "$dir/sshd_config" >"$dir/sshd.log" 2>&1 </dev/null &
    echo $! >"$dir/run/sshd.pid"
    printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 "$dir/host_key.pub")" >"$dir/known_hosts"
    cat >>"$dir/env" <<EOF
PORT=$port
DOCKER=$docker/usr/bin/docker
SOCKET=$dir/docker.sock
CONFIG=$dir/docker-config
LOG=$dir/auth.log
POLICY=$dir/policy.toml
EOF
    wait_for rsyslogd "$dir/rsyslogd.log" test -S "$dir/log.sock"
    wait_for sshd "$dir/sshd.log" bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
    wait_for dockerd "$dir/dockerd.log" docker_of "$dir" version
    images "$dir"
    docker_of "$dir" run -d --name web busybox sleep 1000000 >/dev/null
}

# docker_of DIR WORD…: docker as root, past the gate.
docker_of() {
    local dir=$1
    shift
    env -i PATH=/usr/bin:/bin HOME="$dir" DOCKER_CONFIG="$dir/docker-config" DOCKER_HOST="unix://$dir/docker.sock" \
        "$cache/docker-28.5/usr/bin/docker" "$@"
}

# An image named busybox, without a registry.
images() {
    local dir=$1 root
    root=$dir/image
    mkdir -p "$root/bin" "$root/etc" "$root/tmp"
    cp /bin/busybox "$root/bin/busybox"
    echo 'root:x:0:0:root:/:/bin/sh' >"$root/etc/passwd"
    local applet
    for applet in sh cat echo sleep ls true false id env head tail wc ps touch mount httpd wget dd; do ln -s busybox "$root/bin/$applet"; done
    tar -C "$root" -c . | docker_of "$dir" import --change 'ENV PATH=/bin' --change 'CMD ["sh"]' - busybox:latest >/dev/null
    rm -rf "$root"
}

end() {
    local pid=$1 tries=100
    [ -n "$pid" ] && kill "$pid" 2>/dev/null || return 0
    while kill -0 "$pid" 2>/dev/null; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { kill -9 "$pid" 2>/dev/null || true; return 0; }
        sleep 0.1
    done
}

pid_of() { cat "$1/run/$2.pid" 2>/dev/null || true; }

down() {
    local dir=$1 account='' bridge=''
    [ -d "$dir" ] || return 0
    need_root
    account=$(sed -n 's/^ACCOUNT=//p' "$dir/env" 2>/dev/null || true)
    bridge=$(sed -n 's/^BRIDGE=//p' "$dir/env" 2>/dev/null || true)
    end "$(pid_of "$dir" sshd)"
    [ -z "$account" ] || pkill -9 -u "$account" 2>/dev/null || true
    if [ -S "$dir/docker.sock" ]; then
        local ids networks
        ids=$(timeout 20 bash -c "$(declare -f docker_of); cache='$cache'; docker_of '$dir' ps -aq" 2>/dev/null || true)
        # shellcheck disable=SC2086
        [ -z "$ids" ] || docker_of "$dir" rm -f $ids >/dev/null 2>&1 || true
        networks=$(docker_of "$dir" network ls -q --filter type=custom 2>/dev/null || true)
        # shellcheck disable=SC2086
        [ -z "$networks" ] || docker_of "$dir" network rm $networks >/dev/null 2>&1 || true
    fi
    end "$(pid_of "$dir" dockerd)"
    end "$(pid_of "$dir" rsyslogd)"
    # What the daemon left behind when it was ended too hard.
    pkill -f "^[^ ]*containerd.*$dir/" 2>/dev/null || true
    local mount
    awk -v dir="$dir/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r mount; do
        umount -l "$mount" 2>/dev/null || true
    done
    [ -z "$bridge" ] || ip link del "$bridge" 2>/dev/null || true
    if [ -n "$account" ]; then
        rm -rf "/tmp/dockgate-$(id -u "$account" 2>/dev/null || echo none)"
        userdel "$account" 2>/dev/null || true
    fi
    rm -rf --one-file-system "$dir"
}

watch() {
    while kill -0 "$1" 2>/dev/null; do sleep 0.3; done
    down "$2"
}

client() {
    local dir=$1 options=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
    [ $# -eq 0 ] || shift
    # shellcheck disable=SC1091
    . "$dir/env"
    exec ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none -o LogLevel=ERROR \
        -o "UserKnownHostsFile=$dir/known_hosts" -o GlobalKnownHostsFile=/dev/null \
        -i "${LAB_KEY:-$dir/hermes}" -p "$PORT" "${options[@]}" "$ACCOUNT@127.0.0.1" "$@"
}

case ${1-} in
    install) install ;;
    install-cli) install_cli "${2:?VERSION}" ;;
    up) up "$(realpath "${2:?DIR}")" "${3:?GATE}" ;;
    down) down "$(realpath -m "${2:?DIR}")" ;;
    watch) watch "${2:?PID}" "$(realpath -m "${3:?DIR}")" ;;
    ssh) shift; client "$(realpath "${1:?DIR}")" "${@:2}" ;;
    *) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 64 ;;
esac
