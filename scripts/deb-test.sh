#!/usr/bin/env bash
# Installs the Debian package in a clean root and follows docs/install.md there, word for word.
#
#   deb-test.sh PACKAGE      the whole test (needs root)
#   deb-test.sh base         make the clean root that the test starts from, once
#
# The root is made by debootstrap from the mirror that this machine uses, and kept packed in target/lab. The test runs
# in namespaces of its own, also of the network, so that nothing of it is seen outside or outlives it.
set -euo pipefail
umask 022

self=$(realpath "$0")
here=$(dirname "$(dirname "$self")")
cache=${DOCKGATE_LAB_CACHE:-$here/target/lab}
suite=bookworm
base=$cache/$suite-root.tar

say() { printf 'deb-test: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# The mirror of this machine's own sources, else Debian's.
mirror() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $suite" 2>/dev/null |
        grep -m 1 . || echo http://deb.debian.org/debian
}

make_base() {
    [ ! -e "$base" ] || return 0
    command -v debootstrap >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq debootstrap >/dev/null
    local root
    root=$(mktemp -d /var/tmp/dockgate-base.XXXXXX)
    # shellcheck disable=SC2064
    trap "rm -rf --one-file-system '$root'" EXIT
    say "making a clean Debian $suite"
    unshare --mount --pid --fork --kill-child -- debootstrap --variant=minbase \
        --include=openssh-server,openssh-client,rsyslog,logrotate,sudo "$suite" "$root" "$(mirror)" >"$root.log" 2>&1 ||
        { tail -n 20 "$root.log" >&2; rm "$root.log"; die "debootstrap failed: is there a network?"; }
    # Without lists apt finds none of what is recommended: docker is stood in for.
    rm -rf "$root.log" "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    mkdir -p "$cache"
    tar -C "$root" -c . >"$base.new"
    mv "$base.new" "$base"
    rm -rf --one-file-system "$root"
    trap - EXIT
}

outside() {
    local package=$1 root
    make_base
    root=$(mktemp -d /var/tmp/dockgate-deb.XXXXXX)
    # shellcheck disable=SC2064
    trap "rm -rf --one-file-system '$root'" EXIT
    tar -C "$root" -x <"$base"
    chmod 755 "$root"
    mkdir -p "$root/root/target/debian"
    cp "$package" "$root/root/target/debian/"
    cp "$self" "$here/docs/install.md" "$root/root/"
    unshare --mount --pid --net --fork --kill-child -- "$self" namespaces "$root" ||
        die "failed: see the lines above"
    say "passed"
}

# As the first process of the namespaces.
namespaces() {
    local root=$1 node
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    for node in null:3 zero:5 random:8 urandom:9; do
        mknod -m 666 "$root/dev/${node%:*}" c 1 "${node#*:}"
    done
    ln -s /proc/self/fd "$root/dev/fd"
    busybox ip link set lo up
    exec env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        chroot "$root" /bin/bash /root/deb-test.sh inside
}

# What stands in for the rest of a machine: no systemd, a docker that only says how it was called, and a
# socket that somebody reads. Everything else is Debian's.
stand_ins() {
    cat >/usr/local/bin/systemctl <<'END'
#!/bin/sh
case "$*" in
"reload ssh")
    # It writes the file anew when it listens again.
    pid=$(cat /run/sshd.pid)
    rm /run/sshd.pid
    kill -HUP "$pid"
    while [ ! -e /run/sshd.pid ]; do sleep 0.1; done
    ;;
"restart rsyslog")
    [ ! -e /run/rsyslogd.pid ] || kill "$(cat /run/rsyslogd.pid)"
    while [ -e /run/rsyslogd.pid ]; do sleep 0.1; done
    rsyslogd
    ;;
daemon-reload) echo daemon-reload >>/run/told ;;
*) exit 1 ;;
esac
END
    # What says that systemd is there, to the package's scripts, which apt gives a path without /usr/local.
    mkdir -p /run/systemd/system
    ln -s /usr/local/bin/systemctl /usr/local/bin/systemd-tmpfiles /usr/bin/
    printf '#!/bin/sh\necho "tmpfiles $*" >>/run/told\n' >/usr/local/bin/systemd-tmpfiles
    printf '#!/bin/sh\necho "docker was called with: $*"\n' >/usr/bin/docker
    chmod 755 /usr/local/bin/* /usr/bin/docker
    groupadd docker
    perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Local => "/run/docker.sock", Listen => 9) or die;
        chmod 0660, "/run/docker.sock"; chown 0, (getgrnam "docker")[2], "/run/docker.sock"; sleep 999999' &
    while [ ! -S /run/docker.sock ]; do sleep 0.1; done
    # The kernel's messages are not this root's to take.
    sed -i '/imklog/d' /etc/rsyslog.conf
    systemctl restart rsyslog
    mkdir -p /run/sshd
    /usr/sbin/sshd
}

# steps TITLE: the commands of a section of docs/install.md, as they stand there.
steps() {
    local commands
    commands=$(awk -v title="## $1" '/^## /{on = $0 == title} /^```$/{code = 0} on && code; /^```sh$/{code = 1}' /root/install.md)
    [ -n "$commands" ] || die "docs/install.md has no commands under $1"
    say "$1"
    bash -euo pipefail -c "cd /root; $commands" >/root/output 2>&1 || { cat /root/output >&2; die "that failed: $1"; }
}

# holds WHAT CONDITION…
holds() {
    local what=$1
    shift
    # Not the file that `asks` leaves to be looked at.
    "$@" >/root/found 2>&1 || { cat /root/found >&2; die "does not hold: $what ($*)"; }
}

fails() { ! "$@"; }

# asks CODE PATTERN OPTION… REQUEST: an ssh session by the key, its exit code, and what it says.
asks() {
    local wanted=$1 pattern=$2 code=0
    shift 2
    ssh -q -i /root/hermes -o BatchMode=yes -o StrictHostKeyChecking=accept-new ai-worker@127.0.0.1 "$@" \
        >/root/output 2>&1 </dev/null || code=$?
    if [ "$code" != "$wanted" ] || ! grep -q -e "$pattern" /root/output; then
        cat /root/output >&2
        die "ssh $*: exit code $code, not $wanted with $pattern"
    fi
}

# Every file that is not a record, a cache or dpkg's own book-keeping.
files() {
    find / -xdev \( -path /root -o -path /tmp -o -path /var/log -o -path /var/cache -o -path /var/lib/dpkg -o \
        -path /var/lib/apt -o -path /var/backups \) -prune -o ! -name '*-' -print | sort
}

# recorded PATTERN [FILE]: rsyslogd may need a moment.
recorded() {
    local end=$((SECONDS + 5))
    until grep -q "dockgate\[[0-9]*\]: $1" "${2-/var/log/auth.log}"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

inside() {
    cd /root
    stand_ins
    ssh-keygen -q -t ed25519 -N '' -C hermes -f hermes
    cp /etc/shells shells
    files >before

    steps "The program"
    holds "the program is there" dockgate --version
    holds "it is a shell" grep -qx /usr/bin/dockgate /etc/shells
    holds "the packaged policy is sound" dockgate policy validate
    holds "docker's configuration is root's" test "$(stat -c '%U %a' /etc/dockgate/docker)" = "root 755"
    holds "the manual is there" gzip -t /usr/share/man/man1/dockgate.1.gz /usr/share/man/man5/dockgate-policy.5.gz
    holds "bash can read the completions" bash -n /usr/share/bash-completion/completions/dockgate
    holds "dpkg's sums are right" dpkg --verify dockgate
    holds "sshd's unit has its drop-in" grep -qx LogRateLimitIntervalSec=0 /usr/lib/systemd/system/ssh.service.d/dockgate.conf
    holds "the directory in /run is declared" grep -qx 'd /run/dockgate 0755 root root -' /usr/lib/tmpfiles.d/dockgate.conf
    holds "systemd is told of both" test "$(cat /run/told)" = "daemon-reload
tmpfiles --create dockgate.conf"
    holds "the examples are there" test -s /usr/share/doc/dockgate/examples/alerts/fail2ban-filter.conf
    dockgate policy show >with
    mv /etc/dockgate/policy.toml .
    dockgate policy show >without
    mv policy.toml /etc/dockgate/
    holds "the packaged policy changes nothing" cmp with without

    steps "The account"
    steps "sshd"
    steps "A key"
    steps "Check"
    asks 0 "docker was called with: ps" docker ps
    asks 77 "reason: blocked-command" docker exec web sh
    asks 77 "reason: not-docker" cat /etc/shadow
    asks 64 "You are ai-worker with the key hermes"
    holds "a record of what ran" recorded 'verdict=allow .* key=hermes fingerprint=SHA256:.* request="docker ps"'
    holds "a record of what was refused" recorded 'verdict=deny reason=blocked-command .* request="docker exec web sh"'

    say "a careless AcceptEnv"
    # The drop-in's lines hold for the account, whatever the rest of the file accepts.
    echo 'AcceptEnv *' >>/etc/ssh/sshd_config
    systemctl reload ssh
    asks 0 "docker was called with" -o SetEnv=LD_PRELOAD=/nonexistent docker ps
    holds "the loader got nothing" fails grep -q preload output
    sed -i /AcceptEnv/d /etc/ssh/sshd_config.d/dockgate.conf
    systemctl reload ssh
    asks 0 "LD_PRELOAD cannot be preloaded" -o SetEnv=LD_PRELOAD=/nonexistent docker ps
    sed -i '/AcceptEnv \*/d' /etc/ssh/sshd_config
    systemctl reload ssh

    steps "As the login shell"
    asks 0 "docker was called with: ps" docker ps
    asks 77 "reason: not-docker" id
    steps "Where the records are"
    asks 0 "docker was called with: images" docker images
    holds "a file of their own" recorded 'verdict=allow .* request="docker images"' /var/log/dockgate.log
    holds "logrotate takes its file" logrotate --debug /etc/logrotate.d/dockgate

    say "an upgrade"
    echo '# changed' >>/etc/dockgate/policy.toml
    holds "it installs over itself" dpkg -i target/debian/*.deb
    holds "a changed policy stays" grep -qx '# changed' /etc/dockgate/policy.toml
    holds "one line in /etc/shells" test "$(grep -cx /usr/bin/dockgate /etc/shells)" = 1
    asks 0 "docker was called with: ps" docker ps

    steps "Uninstall"
    rm -f /run/docker.sock
    holds "the shells are as before" cmp /etc/shells shells
    holds "the package is forgotten" fails dpkg-query -W dockgate
    files >after
    # The account's mailbox and the sockets of daemons that run are not the package's.
    holds "no file is left" diff <(grep -v ^/run before) <(grep -v ^/run after)
}

case ${1-}:$# in
base:1) make_base ;;
namespaces:2) namespaces "$2" ;;
inside:1) inside ;;
*.deb:1) outside "$(realpath "$1")" ;;
*)
    sed -n '/^#   /s/^# *//p' "$self" >&2
    exit 64
    ;;
esac
