//! Set-ups that are right, each a little different: doctor finds nothing on any of them, and the agent gets in.
#![expect(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "these are tests")]
#![expect(dead_code, reason = "the machine is shared with other tests")]

mod machine;

use machine::Machine;

/// Each on top of the ones before it, as a host grows.
const SSHD: &[(&str, &str)] = &[
    ("as docs/install.md has it", "true"),
    (
        "another's forced command",
        "printf 'Match User git\\n    ForceCommand /usr/bin/git-shell\\n' >>/etc/ssh/sshd_config",
    ),
    (
        "sftp for others",
        "printf 'Match Group sftponly\\n    ChrootDirectory /srv\\n    ForceCommand internal-sftp\\n    PasswordAuthentication yes\\n' \
         >>/etc/ssh/sshd_config",
    ),
    (
        "a certificate authority for others",
        "cp /home/agent/laptop.pub /etc/ssh/ca.pub; \
         printf 'Match User *,!ai-worker\\n    TrustedUserCAKeys /etc/ssh/ca.pub\\n    AcceptEnv *\\n' >>/etc/ssh/sshd_config",
    ),
    (
        "principals by a program, for others' certificates",
        "sed -i '1i AuthorizedPrincipalsCommand /usr/bin/echo %u\\nAuthorizedPrincipalsCommandUser nobody' /etc/ssh/sshd_config",
    ),
    ("a list of users", "sed -i '1i AllowUsers root ai-* bob@192.0.2.*' /etc/ssh/sshd_config"),
    ("a list of who is denied", "sed -i '1i DenyUsers bob ai-worker@192.0.2.7' /etc/ssh/sshd_config"),
    ("a list of groups", "sed -i '1i AllowGroups root docker' /etc/ssh/sshd_config"),
    ("Kerberos for others", "sed -i '1i GSSAPIAuthentication yes\\nHostbasedAuthentication yes' /etc/ssh/sshd_config"),
    ("harmless variables", "sed -i '1i SetEnv TZ=UTC\\nAcceptEnv LANG GIT_*' /etc/ssh/sshd_config"),
    (
        "keys of all in one place",
        "mkdir /etc/ssh/keys; cp /etc/ssh/authorized_keys.d/ai-worker /etc/ssh/keys/; \
         sed -i s:authorized_keys.d/%u:keys/%u: /etc/ssh/sshd_config.d/dockgate.conf",
    ),
];

const ACCOUNT: &[(&str, &str)] = &[
    ("no terminal", "sed -i s/restrict,pty/restrict/ /etc/ssh/authorized_keys.d/ai-worker"),
    (
        "an address and a time",
        "sed -i 's/^restrict/from=\"127.0.0.0\\/8,::1\",expiry-time=\"20990101Z\",restrict/' /etc/ssh/authorized_keys.d/ai-worker",
    ),
    (
        "a key that the policy knows",
        "printf '[keys.hermes]\\nprofile = \"read-only\"\\nfrom = [\"127.0.0.0/8\"]\\nfingerprint = \"%s\"\\n' \
         \"$(ssh-keygen -lf /home/agent/hermes.pub | cut -d' ' -f2)\" >>/etc/dockgate/policy.toml",
    ),
    (
        "a directory of the host, to be read",
        "printf '[host]\\nbind_mounts = [\"/srv/media:ro\"]\\n' >>/etc/dockgate/policy.toml",
    ),
    ("a home of root's", "chown root:ai-worker /home/ai-worker; chmod 750 /home/ai-worker"),
    ("a policy on trial", "printf '[limits]\\nmemory = \"1g\"\\n' >/etc/dockgate/policy.candidate.toml"),
    ("a locked account, under PAM", "usermod --lock ai-worker"),
    (
        "a second account",
        "useradd --create-home --shell /bin/dash --groups docker ai-two; \
         sed 's/--key hermes/--key two/' /etc/ssh/authorized_keys.d/ai-worker >/etc/ssh/authorized_keys.d/ai-two",
    ),
    ("sudo for others", "echo 'root ALL=(ALL) ALL' >/etc/sudoers.d/root"),
    (
        "dockgate as the login shell, and a line with no command",
        "usermod --shell /usr/bin/dockgate ai-worker; sed -i 's/command=\"[^\"]*\"/no-pty/' /etc/ssh/authorized_keys.d/ai-worker; \
         printf '[keys]\\n' >/dev/null",
    ),
];

/// An account that no file of /etc has: nss finds it, as in a directory service, and PAM takes that service's word.
const DIRECTORY: &[(&str, &str)] = &[(
    "an account of a directory's",
    "uid=$(id -u ai-worker); mkdir -p /etc/userdb; ln -s ai-worker.user /etc/userdb/$uid.user; \
     printf '{\"userName\":\"ai-worker\",\"uid\":%s,\"gid\":%s,\"homeDirectory\":\"/home/ai-worker\",\"shell\":\"/bin/dash\"}' \
     $uid $(id -g ai-worker) >/etc/userdb/ai-worker.user; sed -i 's/^passwd:.*/passwd: files systemd/' /etc/nsswitch.conf; \
     sed -i '/^ai-worker:/d' /etc/passwd /etc/shadow; sed -i '1i account sufficient pam_permit.so' /etc/pam.d/sshd; getent passwd ai-worker",
)];

const SERVICES: &[(&str, &str)] = &[
    (
        "a file of their own",
        "echo ':programname, isequal, \"dockgate\" /var/log/dockgate.log' >/etc/rsyslog.d/30-dockgate.conf; systemctl restart rsyslog",
    ),
    (
        "no limit of rsyslog's",
        "sed -i 's/load=\"imuxsock\"/& SysSock.RateLimit.Interval=\"0\" SysSock.RateLimit.Burst=\"3\"/' /etc/rsyslog.conf; systemctl restart rsyslog",
    ),
    ("the socket by name", "printf '[audit]\\nsocket = \"/dev/log\"\\n' >>/etc/dockgate/policy.toml"),
    (
        "journald alone",
        "kill $(cat /run/rsyslogd.pid); mkdir -p /run/systemd/journal; rm -f /dev/log; \
         perl -MIO::Socket::UNIX -MSocket -e '$s = IO::Socket::UNIX->new(Local => \"/run/systemd/journal/dev-log\", Type => SOCK_DGRAM) or die; \
         chmod 0666, \"/run/systemd/journal/dev-log\"; close STDIN; close STDOUT; close STDERR; while (1) { $s->recv($_, 65536) }' & \
         while [ ! -S /run/systemd/journal/dev-log ]; do sleep 0.02; done; ln -s /run/systemd/journal/dev-log /dev/log",
    ),
    (
        "a rootless daemon of the account's own",
        "uid=$(id -u ai-worker); mkdir -p /run/user/$uid /var/lib/systemd/linger; chmod 700 /run/user/$uid; touch /var/lib/systemd/linger/ai-worker; \
         mv /run/docker.sock /run/user/$uid/docker.sock; chown ai-worker /run/user/$uid /run/user/$uid/docker.sock; chgrp ai-worker /run/user/$uid/docker.sock; \
         gpasswd --delete ai-worker docker; printf '[docker]\\nhost = \"unix:///run/user/%s/docker.sock\"\\n' $uid >>/etc/dockgate/policy.toml",
    ),
];

#[track_caller]
fn right(set_ups: &[(&str, &str)]) {
    let machine = Machine::start();
    for (name, set_up) in set_ups {
        machine.must(&format!("{set_up}\nsystemctl reload ssh"));
        let report = machine.doctor("");
        assert_eq!(report.found(), [""; 0], "{name}: {report:#?}");
        assert!(machine.works(), "{name}: {:?}", machine.ssh("docker ps"));
    }
}

#[test]
fn of_sshd() {
    right(SSHD);
}

#[test]
fn of_the_account() {
    right(ACCOUNT);
}

#[test]
fn of_a_directory() {
    right(DIRECTORY);
}

#[test]
fn of_services() {
    right(SERVICES);
}
