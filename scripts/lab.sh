#!/usr/bin/env bash
# The lab: a private rsyslogd, dockerd and sshd, for `make test` and `make demo`.
#
#   lab.sh install                     install what the lab needs, where it is missing
#   lab.sh install-cli VERSION         unpack another docker: 20.10 or 26.1
#   lab.sh install-peers               other gates, for `make bench`
#   lab.sh up DIR GATE                 start a lab in the empty directory DIR, with GATE as the forced command
#   lab.sh ssh DIR [OPTION…] -- WORD…  the ssh client, as the lab's account (LAB_KEY: another key's file)
#   lab.sh down DIR                    end it and remove all that it made
#   lab.sh watch DIR                   end it when standard input does: when who holds it has gone
#   lab.sh settle                      wait until no lab is being watched
#
# The daemons live in namespaces of their own, below one process, so nothing outlives that, and neither mounts
# nor networks of docker's are seen outside. Only sshd is in the machine's network, on a port of 127.0.0.1.
# DIR/env says where everything is. Programs of docker come from Debian and are unpacked to target/lab
# (or $DOCKGATE_LAB_CACHE), never installed. $DOCKGATE_LAB_DOCKER names the version that `up` starts.
set -euo pipefail
# The account reads some of what is made here.
umask 022

self=$(realpath "$0")
here=$(dirname "$(dirname "$self")")
cache=${DOCKGATE_LAB_CACHE:-$here/target/lab}
docker=$cache/docker-${DOCKGATE_LAB_DOCKER:-28.5}
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

say() { printf 'lab: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

need_root() {
    [ "$(id -u)" = 0 ] || die "this needs root: it starts sshd, dockerd and rsyslogd, and makes an account"
}

# shellcheck source=scripts/lab-packages.sh
. "$here/scripts/lab-packages.sh"

up() {
    local dir=$1 gate=$2
    need_root
    is_installed || die "the lab is not installed: run 'make test' or 'scripts/lab.sh install' first"
    [ -f "$gate" ] || die "there is no gate $gate"
    if [ ! -d "$dir" ] || [ -n "$(ls -A "$dir")" ]; then
        die "$dir is not an empty directory"
    fi
    # It stands in configuration files and in the names of sockets, which are short.
    [[ $dir =~ ^/[A-Za-z0-9/._-]{1,50}$ ]] || die "$dir: use a short path of plain characters"

    hold "$dir"
    touch "$dir/.dockgate-lab" "$dir/env"
    chmod 755 "$dir"
    setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$dir" || die "$dir is not for every account to enter"
    mkdir "$dir/bin" "$dir/keys"
    install -m 755 "$gate" "$dir/dockgate"
    docker_client "$dir"

    # One lab at a time takes an account and a port.
    exec 9</run
    flock -w 60 9 || die "another lab does not come up"
    local account port
    account=$(free_account)
    record "$dir" ACCOUNT "$account"
    patiently useradd --no-create-home --home-dir "$dir/home" --shell /bin/dash --user-group --password '*' "$account"
    install -d -o "$account" -g "$account" "$dir/home"
    port=$(free_port)
    configure "$dir" "$account" "$port"
    start "$dir"
    wait_for "$dir" sshd listens "$port"
    exec 9<&-

    wait_for "$dir" rsyslogd test -S "$dir/log.sock"
    wait_for "$dir" dockerd as_root "$dir" version
    image "$dir"
    # A container that has something in its log.
    as_root "$dir" run -d --init --name web busybox httpd -f -v -p 80 -h /www >/dev/null
    wait_for "$dir" dockerd as_root "$dir" exec web wget -q -O /dev/null http://127.0.0.1/
}

# hold DIR: waits for an up or down of the same lab, and keeps others waiting.
hold() {
    exec 8<"$1"
    flock -w 120 8 || die "$1 is held by another lab.sh"
}

record() { echo "$2=$3" >>"$1/env"; }

recorded() { sed -n "s/^$2=//p" "$1/env" 2>/dev/null || true; }

# The docker command and its plugins, where the account can run them and cannot change them.
docker_client() {
    local dir=$1 file
    mkdir -p "$dir/docker-config/cli-plugins"
    for file in bin/docker libexec/docker/cli-plugins/docker-{buildx,compose}; do
        # Docker 20.10 has no plugins.
        [ -e "$docker/usr/$file" ] || continue
        local target=$dir/bin
        [ "$file" = bin/docker ] || target=$dir/docker-config/cli-plugins
        # A hard link, where the two are on one file system.
        cp -l "$docker/usr/$file" "$target/" 2>/dev/null || cp "$docker/usr/$file" "$target/"
    done
    # What docker runs for a host ssh://lazyworkhorse.
    printf '#!/bin/sh\nexec /usr/bin/ssh -F %s/ssh_config "$@"\n' "$dir" >"$dir/bin/ssh"
    chmod 755 "$dir/bin/ssh"
}

free_account() {
    local name=ai-worker number=1
    while getent passwd "$name" >/dev/null || getent group "$name" >/dev/null; do
        number=$((number + 1))
        name=ai-worker-$number
    done
    echo "$name"
}

# patiently COMMAND…: again while another program is changing the accounts, which is when these exit with 1.
patiently() {
    local end=$((SECONDS + 20)) status output
    while status=0 && output=$("$@" 2>&1) || status=$?; [ $status = 1 ] && [ $SECONDS -lt $end ]; do
        sleep 0.2
    done
    [ $status = 0 ] || die "$1: $output"
}

# Below the ports that the kernel gives to clients.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        listens "$port" 2>/dev/null || break
    done
    echo "$port"
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

configure() {
    local dir=$1 account=$2 port=$3
    cat >"$dir/policy.toml" <<END
[docker]
program = "$dir/bin/docker"
host = "unix://$dir/docker.sock"
config = "$dir/docker-config"

[audit]
socket = "$dir/log.sock"
END
    cat >"$dir/rsyslog.conf" <<END
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="$dir/log.sock")
template(name="lab" type="string" string="%syslogfacility-text%.%syslogseverity-text% %syslogtag%%msg%\n")
*.* action(type="omfile" file="$dir/auth.log" template="lab")
END
    # AcceptEnv is more careless than any administrator may be (LD_PRELOAD would run before the gate), to see what
    # the gate passes on. The machine's PAM takes no part, and StrictModes would mind a DIR below /tmp.
    cat >"$dir/sshd_config" <<END
ListenAddress 127.0.0.1:$port
HostKey $dir/host_key
PidFile none
AuthenticationMethods publickey
AuthorizedKeysFile $dir/keys/%u %h/.ssh/authorized_keys
StrictModes no
UsePAM no
ExposeAuthInfo yes
AcceptEnv *
MaxStartups 200
MaxSessions 200
LogLevel VERBOSE
Subsystem sftp /usr/lib/openssh/sftp-server
END
    cat >"$dir/ssh_config" <<END
Host lazyworkhorse
    HostName 127.0.0.1
    Port $port
    User $account
    HostKeyAlias lazyworkhorse
    IdentityFile $dir/hermes
    IdentitiesOnly yes
    IdentityAgent none
    KexAlgorithms curve25519-sha256
    BatchMode yes
    StrictHostKeyChecking yes
    UserKnownHostsFile $dir/known_hosts
    GlobalKnownHostsFile /dev/null
    LogLevel ERROR
END
    ssh-keygen -q -t ed25519 -N '' -C lazyworkhorse -f "$dir/host_key"
    echo "lazyworkhorse $(cut -d' ' -f1,2 "$dir/host_key.pub")" >"$dir/known_hosts"
    ssh-keygen -q -t ed25519 -N '' -C hermes -f "$dir/hermes"
    echo "restrict,command=\"$dir/dockgate --config $dir/policy.toml --key hermes\" $(cat "$dir/hermes.pub")" \
        >"$dir/keys/$account"
    if [[ $docker == *-20.10 ]]; then
        # Its default is in /etc.
        echo "{\"deprecated-key-path\": \"$dir/key.json\"}"
    else
        echo '{}'
    fi >"$dir/daemon.json"
    cat >>"$dir/env" <<END
ACCOUNT_HOME=$dir/home
PORT=$port
KEY=$dir/hermes
KNOWN_HOSTS=$dir/known_hosts
SSH_CONFIG=$dir/ssh_config
GATE=$dir/dockgate
POLICY=$dir/policy.toml
LOG=$dir/auth.log
LOG_SOCKET=$dir/log.sock
DOCKER=$dir/bin/docker
CONFIG=$dir/docker-config
SOCKET=$dir/docker.sock
END
}

# Starts the daemons, in process and mount namespaces of their own.
start() {
    local dir=$1
    setsid env -i DOCKGATE_LAB_CACHE="$cache" DOCKGATE_LAB_DOCKER="${docker##*-}" \
        PATH="$docker/usr/sbin:$docker/usr/bin:$cache/runtime/usr/sbin:$cache/runtime/usr/bin:$path" \
        unshare --fork --kill-child --pid --mount-proc -- "$self" init "$dir" \
        >"$dir/init.log" 2>&1 </dev/null 8<&- 9<&- &
    local unshare=$!
    wait_for "$dir" init pgrep -P $unshare
    record "$dir" INIT "$(pgrep -P $unshare)"
}

# The first process of the lab's namespaces. When it ends, the kernel ends the others.
init() {
    local dir=$1 account
    account=$(recorded "$dir" ACCOUNT)
    # Sockets and state of containerd's, and of whatever else has a fixed place there.
    mount -t tmpfs -o mode=755 tmpfs /run
    mkdir /run/sshd
    rsyslogd -n -f "$dir/rsyslog.conf" -i NONE >"$dir/rsyslogd.log" 2>&1 &
    /usr/sbin/sshd -D -e -f "$dir/sshd_config" >"$dir/sshd.log" 2>&1 &
    # In a network of its own docker needs no firewall and no free range of addresses. `container` keeps it
    # from loading an AppArmor profile into the machine's kernel.
    container=lab unshare --net -- sh -c 'busybox ip link set lo up && exec "$@"' dockerd \
        dockerd --config-file "$dir/daemon.json" --host "unix://$dir/docker.sock" --group "$account" \
        --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/dockerd.pid" \
        --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/dockgate-$account" \
        --init-path "$cache/runtime/usr/bin/tini-static" --iptables=false --ip6tables=false \
        >"$dir/dockerd.log" 2>&1 &
    wait
}

# wait_for DIR DAEMON CONDITION…
wait_for() {
    local dir=$1 daemon=$2 end=$((SECONDS + 30))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ $SECONDS -gt $end ]; then
            tail -n 30 "$dir/init.log" "$dir/$daemon.log" >&2 || true
            die "$daemon did not start"
        fi
        sleep 0.05
    done
}

# as_root DIR WORD…: docker, past the gate.
as_root() {
    local dir=$1
    shift
    env -i PATH="$path" HOME=/nonexistent DOCKER_CONFIG="$dir/docker-config" DOCKER_HOST="unix://$dir/docker.sock" \
        "$dir/bin/docker" "$@"
}

# An image named busybox, without a registry.
image() {
    local dir=$1 root=$1/image
    mkdir -p "$root/bin" "$root/etc" "$root/root" "$root/tmp" "$root/www"
    chmod 1777 "$root/tmp"
    cp /bin/busybox "$root/bin/"
    chroot "$root" /bin/busybox --install -s /bin
    echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
    echo 'root:x:0:' >"$root/etc/group"
    echo 'It works.' >"$root/www/index.html"
    tar -C "$root" -c . |
        as_root "$dir" import --change 'ENV PATH=/bin' --change 'CMD ["sh"]' - busybox:latest >/dev/null
    rm -r "$root"
}

down() {
    local dir=$1 account uid
    [ -d "$dir" ] || return 0
    need_root
    hold "$dir"
    # Whoever waited may find it gone.
    [ -d "$dir" ] || return 0
    if [ -n "$(ls -A "$dir")" ] && [ ! -e "$dir/.dockgate-lab" ]; then
        die "$dir is not a lab that this script made"
    fi
    end_init "$dir"
    account=$(recorded "$dir" ACCOUNT)
    if uid=$(id -u "$account" 2>/dev/null) && [ "$(getent passwd "$account" | cut -d: -f6)" = "$dir/home" ]; then
        # What the gate, docker and sshd keep there for the account.
        find /tmp -maxdepth 1 -uid "$uid" -newer "$dir/.dockgate-lab" -exec rm -rf {} +
        patiently userdel "$account"
    fi
    [ -z "$account" ] || remove_cgroups "dockgate-$account"
    rm -rf --one-file-system "$dir"
}

# The kernel ended the containers, so nobody was left to remove their groups.
remove_cgroups() {
    find /sys/fs/cgroup -depth -type d \( -path "*/$1" -o -path "*/$1/*" \) -exec rmdir {} + 2>/dev/null || true
}

# Ends the daemons, and waits until all that they started has gone too: the kernel lets init go last.
end_init() {
    local dir=$1 pid pids end=$((SECONDS + 60))
    # Not the recorded one alone: an `up` that was cut short may not have come to record it.
    pids=$(pgrep -f -- "lab\.sh init ${dir//./\\.}\$" || true)
    for pid in $pids; do
        kill -9 "$pid" 2>/dev/null || true
    done
    for pid in $pids; do
        while runs "$pid"; do
            [ $SECONDS -lt $end ] || die "process $pid of $dir does not end"
            sleep 0.02
        done
    done
}

runs() { [[ $(ps -o stat= -p "$1" || true) == [^Z]* ]]; }

watch() {
    trap '' HUP INT TERM
    mkdir -p "$cache"
    exec 7<"$cache"
    flock -s 7
    cat >/dev/null
    down "$1"
}

settle() {
    [ -d "$cache" ] || return 0
    exec 7<"$cache"
    flock -w 60 7 || say "a lab is still up"
}

client() {
    local dir=$1 options=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift $(($# > 0))
    exec ssh -F "$dir/ssh_config" ${LAB_KEY:+-i "$LAB_KEY"} "${options[@]}" lazyworkhorse "$@"
}

usage() {
    sed -n '/^#   /s/^# *//p' "$self" >&2
    exit 64
}

[ $# -gt 0 ] || usage
command=$1
shift
case $command:$# in
install:0) install_lab ;;
install-cli:1) install_cli "$1" ;;
install-peers:0) install_peers ;;
up:2) up "$(realpath "$1")" "$2" ;;
ssh:*) client "$(realpath "${1?DIR}")" "${@:2}" ;;
down:1) down "$(realpath -m "$1")" ;;
watch:1) watch "$(realpath -m "$1")" ;;
settle:0) settle ;;
init:1) init "$1" ;;
*) usage ;;
esac
