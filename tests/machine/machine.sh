# A machine of the tests' own, in namespaces: this machine's Debian with directories laid over it, so that whatever is
# done in there is gone with it. sshd, rsyslogd and PAM are real, at their usual places; docker and systemctl stand in.
#
#   machine.sh GATE      as the first process of the namespaces; says "ready" when all is set up as docs/install.md has it
set -eu
gate=$1

mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
for directory in etc usr var; do
    mkdir -p "/mnt/$directory/upper" "/mnt/$directory/work"
    mount -t overlay overlay \
        -o "lowerdir=/$directory,upperdir=/mnt/$directory/upper,workdir=/mnt/$directory/work" "/$directory"
done
install -m 755 "$gate" /usr/bin/dockgate
for directory in run home; do mount -t tmpfs -o mode=755 tmpfs "/$directory"; done
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o mode=755 tmpfs /dev
for node in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 "/dev/${node%:*}" c 1 "${node#*:}"; done
mknod -m 666 /dev/tty c 5 0
ln -s /proc/self/fd /dev/fd
mkdir /dev/pts
mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts
ln -s pts/ptmx /dev/ptmx
busybox ip link set lo up
# Accounts of labs that other tests have up are none of this machine's.
sed -i '/^ai-worker/d' /etc/passwd /etc/group /etc/shadow /etc/gshadow

# What stands in for the rest: no systemd; a docker that says how it was called; a socket that somebody reads.
rm -rf /usr/local/bin /usr/local/lib/docker /usr/local/libexec/docker /usr/libexec/docker /usr/lib/docker /usr/bin/docker
mkdir -p /usr/libexec/docker/cli-plugins /usr/local/bin /usr/lib/systemd/system
[ -e /usr/lib/systemd/system/ssh.service ] || touch /usr/lib/systemd/system/ssh.service
cat >/usr/local/bin/systemctl <<'END'
#!/bin/sh
case "$*" in
"reload ssh")
    /usr/sbin/sshd -t
    pid=$(cat /run/sshd.pid)
    rm /run/sshd.pid
    kill -HUP "$pid"
    # It writes the file anew when it listens again.
    while [ ! -e /run/sshd.pid ]; do sleep 0.02; done
    ;;
"start ssh")
    /usr/sbin/sshd
    while [ ! -e /run/sshd.pid ]; do sleep 0.02; done
    ;;
"restart rsyslog")
    [ ! -e /run/rsyslogd.pid ] || kill "$(cat /run/rsyslogd.pid)"
    while [ -e /run/rsyslogd.pid ]; do sleep 0.02; done
    rsyslogd
    while [ ! -S /dev/log ]; do sleep 0.02; done
    ;;
"restart systemd-journald") ;;
"start docker")
    perl -MIO::Socket::UNIX -e 'unlink "/run/docker.sock";
        $s = IO::Socket::UNIX->new(Local => "/run/docker.sock", Listen => 9) or die;
        chmod 0660, "/run/docker.sock"; chown 0, (getgrnam "docker")[2], "/run/docker.sock";
        close STDIN; close STDOUT; close STDERR; sleep 999999' &
    while [ ! -S /run/docker.sock ]; do sleep 0.02; done
    ;;
*) echo "systemctl $*: there is none here" >&2; exit 1 ;;
esac
END
cat >/usr/local/bin/apt-get <<'END'
#!/bin/sh
# The packages that fixes name, as far as the tests look at them.
for word in "$@"; do
    case $word in
    *-plugin)
        # Of Docker's own repository.
        echo "E: Unable to locate package $word" >&2
        exit 100
        ;;
    docker.io)
        printf '#!/bin/sh\n[ "$*" != --version ] || exec echo "Docker version 28.5.2, build ecc6942"\necho "docker was called with: $*"\n' >/usr/bin/docker
        chmod 755 /usr/bin/docker
        ;;
    docker-compose | docker-buildx)
        version=v2.40.3
        [ "$word" = docker-compose ] || version=v0.29.1
        printf '#!/bin/sh\necho '\''{"SchemaVersion":"0.1.0","Vendor":"Docker Inc.","Version":"%s"}'\''\n' $version \
            >/usr/libexec/docker/cli-plugins/$word
        chmod 755 /usr/libexec/docker/cli-plugins/$word
        ;;
    esac
done
END
chmod 755 /usr/local/bin/systemctl /usr/local/bin/apt-get
apt-get install docker.io docker-compose docker-buildx
# Somebody may be changing accounts outside just now.
rm -f /etc/*.lock
getent group docker >/dev/null || groupadd --system docker
ln -sf /run /var/run
systemctl start docker

# As docs/install.md has it.
install -d -m 755 /etc/dockgate/docker
echo "# What is built in." >/etc/dockgate/policy.toml
grep -qx /usr/bin/dockgate /etc/shells || echo /usr/bin/dockgate >>/etc/shells
# A lab that is up on this machine may have taken the name.
userdel ai-worker 2>/dev/null || true
useradd --create-home --shell /bin/dash --groups docker ai-worker
usermod --password '*' ai-worker
install -d -m 755 /etc/ssh/authorized_keys.d
cat >/etc/ssh/sshd_config.d/dockgate.conf <<'END'
Match User ai-worker
    AuthorizedKeysFile /etc/ssh/authorized_keys.d/%u
    AuthenticationMethods publickey
    ExposeAuthInfo yes
    AcceptEnv LANG LC_*
    DisableForwarding yes
    PermitTunnel no
Match all
END
mkdir /home/agent
for key in hermes laptop; do ssh-keygen -q -t ed25519 -N '' -C $key -f /home/agent/$key; done
dockgate authorize /home/agent/hermes.pub 2>/dev/null >/etc/ssh/authorized_keys.d/ai-worker

# The kernel's messages are not this machine's to take; nor what the tests' machine logs elsewhere.
sed -i '/imklog/d' /etc/rsyslog.conf
ssh-keygen -q -A
mkdir /run/sshd
systemctl restart rsyslog
/usr/sbin/sshd
while [ ! -e /run/sshd.pid ]; do sleep 0.02; done
echo ready
exec sleep 999999
