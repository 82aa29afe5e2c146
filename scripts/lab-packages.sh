# Part of lab.sh, which sets $cache and $docker: what the lab needs, from Debian's packages. Sourced, not run.
# shellcheck shell=bash disable=SC2154

# The libraries are dockerd's and runc's; groff-base and man-db show the manual pages to their tests; nix-bin and
# sudo are for what the NixOS module makes; xz-utils and zstd pack logs as logrotate does; libnss-systemd finds
# accounts that are in no file; python3-docker and python3-paramiko are a client of the API's; fail2ban and rsyslog-relp
# are for the examples; strace tells where docker looks;
# valgrind counts instructions.
packages=(busybox-static dash fail2ban groff-base libcap2 libdevmapper1.02.1 libnss-systemd libseccomp2 libsystemd0 man-db nix-bin
    openssh-client openssh-server procps python3-docker python3-paramiko rsyslog rsyslog-relp strace sudo valgrind xz-utils zstd)

install_lab() {
    install_packages
    unpack forky docker-28.5 docker.io docker-cli docker-compose docker-buildx containerd
    # forky's runc is built for a newer libc than bookworm's; tini is what `docker run --init` starts.
    unpack bookworm runtime runc tini
    # promtool, for the example of an alert.
    unpack bookworm prometheus prometheus
}

is_installed() {
    [ -e "$docker/.complete" ] && [ -e "$cache/runtime/.complete" ] && [ -z "$(missing_packages)" ]
}

# Other versions of docker, to compare with; each beside the others.
install_cli() {
    case $1 in
    20.10) unpack bookworm docker-20.10 docker.io containerd ;;
    26.1) unpack trixie docker-26.1 docker.io docker-cli docker-compose docker-buildx containerd ;;
    *) die "no docker $1 here; there are 20.10 and 26.1" ;;
    esac
}

# Other gates, for the bench to measure beside this one, in an environment of their own.
install_peers() {
    [ ! -e "$cache/peers/.complete" ] || return 0
    say "installing other gates"
    rm -rf "$cache/peers"
    quiet python3 -m venv "$cache/peers" && quiet "$cache/peers/bin/pip" install authprogs==0.7.5 limited-shell==0.11.1 ||
        { say "these cannot be had; the bench goes on without them"; return 0; }
    touch "$cache/peers/.complete"
}

missing_packages() {
    local present name
    present=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null || true)
    for name in "${packages[@]}"; do
        grep -qx "installed $name" <<<"$present" || printf '%s\n' "$name"
    done
}

install_packages() {
    local wanted
    mapfile -t wanted < <(missing_packages)
    [ ${#wanted[@]} -gt 0 ] || return 0
    need_root
    command -v apt-get >/dev/null || die "this needs Debian: there is no apt-get to install ${wanted[*]} with"
    say "installing ${wanted[*]}"
    (
        # The packages bring system services. The lab starts its own, so none of these is started.
        policy=/usr/sbin/policy-rc.d
        if [ ! -e $policy ]; then
            trap 'rm -f $policy' EXIT
            printf '#!/bin/sh\nexit 101\n' >$policy
            chmod 755 $policy
        fi
        export DEBIAN_FRONTEND=noninteractive
        # One broken source of many fails an update; what counts is whether the packages can be had.
        quiet apt-get update || say "apt-get update failed; going on with the lists at hand"
        retry quiet apt-get install -y --no-install-recommends "${wanted[@]}"
    ) || die "apt-get install failed: is there a network?"
}

# unpack SUITE NAME PACKAGE…: packages of another Debian release, unpacked into the cache and never installed.
# apt gets a configuration of its own, so that the system's stays as it is.
unpack() {
    local suite=$1 target=$cache/$2
    shift 2
    [ ! -e "$target/.complete" ] || return 0
    need_root
    command -v apt-get >/dev/null || die "this needs Debian: there is no apt-get to fetch $* with"
    say "fetching $* from Debian $suite"
    local apt=$cache/apt-$suite
    rm -rf "$target" "$apt"
    mkdir -p "$target" "$apt/lists/partial" "$apt/archives/partial"
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    echo "deb [signed-by=$keyring] http://deb.debian.org/debian $suite main" >"$apt/sources.list"
    # Old lists will do, where a mirror lags or a clock is ahead; they are signed all the same.
    local options=(-o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt" -o APT::Sandbox::User=root
        -o Acquire::Check-Valid-Until=false)
    retry quiet apt-get "${options[@]}" update || die "no package lists of Debian $suite: is there a network?"
    (cd "$target" && retry quiet apt-get "${options[@]}" download "$@") || die "could not fetch $*: is there a network?"
    local package
    for package in "$target"/*.deb; do
        dpkg -x "$package" "$target"
        say "unpacked $(basename "$package" .deb)"
        rm "$package"
    done
    rm -rf "$apt"
    runs_here "$target"
    touch "$target/.complete"
}

# A newer release's program may need a newer libc than this machine has.
runs_here() {
    local program question output
    for program in "$1"/usr/{bin/docker,bin/containerd,sbin/dockerd,sbin/runc,libexec/docker/cli-plugins/docker-*}; do
        [ -e "$program" ] || continue
        question=--version
        [[ $program != */cli-plugins/* ]] || question=docker-cli-plugin-metadata
        output=$("$program" $question 2>&1) || die "$program does not run on this machine: $output"
    done
}

# retry COMMAND…: up to three times.
retry() {
    local pause
    for pause in 2 4 0; do
        "$@" && return 0
        say "failed: $*"
        sleep $pause
    done
    return 1
}

# quiet COMMAND…: shows what the command said only when it failed.
quiet() {
    local output
    output=$("$@" 2>&1) || { printf '%s\n' "$output" >&2; return 1; }
}
