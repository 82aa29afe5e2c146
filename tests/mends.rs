//! `dockgate doctor` on a machine whose set-up is wrong in one way: it says so, what it prints mends it, word for
//! word, and then it is silent and the agent gets in.
#![expect(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "these are tests")]

mod machine;

use machine::Machine;

/// A fault: how it is planted, what doctor finds, and whether the agent is shut out by it.
struct Fault(&'static str, &'static [&'static str], bool);

/// The agent is shut out.
const fn shuts(plant: &'static str, found: &'static [&'static str]) -> Fault {
    Fault(plant, found, true)
}

/// The agent gets in, and perhaps too far.
const fn lets(plant: &'static str, found: &'static [&'static str]) -> Fault {
    Fault(plant, found, false)
}

/// Plants one after the other, each mended before the next.
#[track_caller]
fn mended(faults: &[Fault]) {
    let machine = Machine::start();
    assert_eq!(machine.doctor("").found(), [""; 0]);
    assert!(machine.works());
    for Fault(plant, expected, shut) in faults {
        machine.must(plant);
        let report = machine.doctor("");
        assert_eq!(report.found(), *expected, "{plant}\n{report:#?}");
        assert_eq!(!machine.works(), *shut, "{plant}: {:?}", machine.ssh("docker ps"));
        for finding in &report.findings {
            println!("{}: {}\n  {}", finding.check, finding.what, finding.fix);
            machine.must(&finding.fix.replace("KEYFILE", "/home/agent/hermes.pub"));
        }
        let report = machine.doctor("");
        assert_eq!(report.found(), [""; 0], "{plant}\n{report:#?}");
        assert!(machine.works(), "{plant}: {:?}", machine.ssh("docker ps"));
    }
}

#[test]
fn faults_of_sshd() {
    mended(&[
        shuts("echo 'AllowUsers root' >>/etc/ssh/sshd_config; systemctl reload ssh", &["fault let-in"]),
        shuts("echo 'AllowGroups root' >>/etc/ssh/sshd_config; systemctl reload ssh", &["fault let-in"]),
        shuts("echo 'DenyUsers bob ai-*' >/etc/ssh/sshd_config.d/deny.conf; systemctl reload ssh", &["fault let-in"]),
        shuts("echo 'DenyGroups docker' >>/etc/ssh/sshd_config.d/deny.conf; systemctl reload ssh", &["fault let-in"]),
        shuts("sed -i '1i PubkeyAuthentication no' /etc/ssh/sshd_config; systemctl reload ssh", &["fault public-key"]),
        shuts(
            "sed -i 's/AuthenticationMethods publickey$/&,password/' /etc/ssh/sshd_config.d/dockgate.conf; systemctl reload ssh",
            &["fault public-key"],
        ),
        shuts("sed -i '1i MaxSessions 0' /etc/ssh/sshd_config; systemctl reload ssh", &["fault let-in"]),
        shuts(
            "pid=$(cat /run/sshd.pid); kill $pid; while [ -e /run/sshd.pid ]; do sleep 0.02; done",
            &["fault sshd-running"],
        ),
        lets("echo 'X11Forwarding no' >>/etc/ssh/sshd_config.d/dockgate.conf", &["fault sshd-running"]),
        shuts("sed -i '1i ChrootDirectory /srv' /etc/ssh/sshd_config; systemctl reload ssh", &["fault chroot"]),
        lets(
            "echo 'SetEnv LD_PRELOAD=/x A=b' >/etc/ssh/sshd_config.d/env.conf; systemctl reload ssh",
            &["fault set-env"],
        ),
        lets(
            "cp /home/agent/laptop.pub /etc/ssh/ca.pub; echo 'TrustedUserCAKeys /etc/ssh/ca.pub' >>/etc/ssh/sshd_config; systemctl reload ssh",
            &["fault other-logins"],
        ),
        lets(
            "printf 'TrustedUserCAKeys /etc/ssh/ca.pub\nAuthorizedPrincipalsCommand /usr/bin/echo anybody\nAuthorizedPrincipalsCommandUser nobody\n' \
             >>/etc/ssh/sshd_config; sed -i '/TrustedUserCAKeys/d' /etc/ssh/sshd_config.d/dockgate.conf; systemctl reload ssh",
            &["fault other-logins"],
        ),
        lets(
            "sed -i '/AcceptEnv/d' /etc/ssh/sshd_config.d/dockgate.conf; echo 'AcceptEnv LD_*' >>/etc/ssh/sshd_config; systemctl reload ssh",
            &["fault accept-env-loader"],
        ),
        lets(
            "sed -i '1i PermitUserEnvironment yes' /etc/ssh/sshd_config; systemctl reload ssh",
            &["fault permit-user-environment"],
        ),
        lets(
            "sed -i '/ExposeAuthInfo/d' /etc/ssh/sshd_config.d/dockgate.conf; systemctl reload ssh",
            &["warning expose-auth-info"],
        ),
        shuts(
            "printf 'Match Group docker\\n    ForceCommand /bin/false\\n' >>/etc/ssh/sshd_config; systemctl reload ssh",
            &["fault force-command"],
        ),
        lets(
            "sed -i '/PermitTunnel/d' /etc/ssh/sshd_config.d/dockgate.conf; sed -i '1i PermitTunnel yes' /etc/ssh/sshd_config; systemctl reload ssh",
            &["fault forwarding"],
        ),
        lets(
            "sed -i '/AuthorizedKeysFile/d' /etc/ssh/sshd_config.d/dockgate.conf; systemctl reload ssh; \
             su ai-worker -c 'mkdir ~/.ssh; cp /etc/ssh/authorized_keys.d/ai-worker ~/.ssh/authorized_keys'",
            &["fault key-file-owner", "fault key-file-owner", "warning key-file-second"],
        ),
        lets(
            "sed -i '1i AuthorizedKeysCommand /usr/bin/true\\nAuthorizedKeysCommandUser nobody' /etc/ssh/sshd_config; systemctl reload ssh",
            &["warning keys-command"],
        ),
    ]);
}

#[test]
fn faults_of_the_account() {
    mended(&[
        shuts("chage --expiredate 2020-01-01 ai-worker", &["fault account-open"]),
        shuts("chage --lastday 0 ai-worker", &["fault account-open"]),
        shuts("chage --lastday 2020-01-01 --maxdays 30 ai-worker", &["fault account-open"]),
        shuts("touch /etc/nologin", &["fault host-open"]),
        shuts("touch /run/nologin", &["fault host-open"]),
        lets("gpasswd --add ai-worker disk", &["fault account-groups"]),
        lets(
            "usermod --password '$6$x$y' ai-worker; sed -i '/AuthenticationMethods/d' /etc/ssh/sshd_config.d/dockgate.conf; systemctl reload ssh",
            &["fault account-password"],
        ),
        lets("usermod --shell /bin/bash ai-worker", &["fault login-shell"]),
        shuts("usermod --shell /usr/sbin/nologin ai-worker", &["fault login-shell", "warning login-shell-listed"]),
        lets("chmod 777 /home/ai-worker", &["fault home"]),
        lets("rm -r /home/ai-worker", &["fault home"]),
        lets("su ai-worker -c 'mkdir -p ~/.ssh; touch ~/.ssh/rc'", &["fault ssh-start-files"]),
        lets("mkdir -p /var/spool/cron/crontabs; touch /var/spool/cron/crontabs/ai-worker", &["warning account-jobs"]),
        shuts(
            "rm -rf /tmp/dockgate-$(id -u ai-worker); mkdir -m 700 /tmp/dockgate-$(id -u ai-worker)",
            &["fault state-directory"],
        ),
        shuts(
            "mkdir -p -m 700 /run/dockgate/ai-worker; chmod 755 /run/dockgate; [ -d /run/dockgate/ai-worker ]",
            &["fault state-directory"],
        ),
        shuts("mkdir -p /run/user/$(id -u ai-worker)", &["fault state-directory"]),
        // sshd without PAM minds the mark of a locked account.
        shuts(
            "usermod --lock ai-worker; sed -i '1i UsePAM no' /etc/ssh/sshd_config; systemctl reload ssh",
            &["fault account-open"],
        ),
    ]);
}

#[test]
fn faults_of_keys() {
    mended(&[
        shuts("chmod 600 /etc/ssh/authorized_keys.d/ai-worker", &["fault key-file-use"]),
        shuts("chmod 700 /etc/ssh/authorized_keys.d", &["fault key-file-use"]),
        shuts("chgrp games /etc/ssh/authorized_keys.d; chmod 775 /etc/ssh/authorized_keys.d", &["fault key-file-use"]),
        shuts("sed -i 's/^/expiry-time=\"20200101\",/' /etc/ssh/authorized_keys.d/ai-worker", &["fault key-expiry"]),
        shuts(
            "sed -i 's/--key hermes/& --profile opertor/' /etc/ssh/authorized_keys.d/ai-worker",
            &["fault key-policy"],
        ),
        shuts(
            "printf '[keys.hermes]\\nfingerprint = \"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"\\n' >/etc/dockgate/policy.toml",
            &["fault key-policy"],
        ),
        shuts("printf '[keys.herms]\n' >/etc/dockgate/policy.toml", &["fault key-policy"]),
        shuts(
            "printf '[keys.hermess]\nprofile = \"read-only\"\n' >/etc/dockgate/policy.toml; sed -i 's/--key herms/--key hermes/' /etc/ssh/authorized_keys.d/ai-worker",
            &["fault key-policy"],
        ),
        shuts(
            "printf '[keys.elephant]\n' >/etc/dockgate/policy.toml; sed -i 's/--key hermess/--key hermes/' /etc/ssh/authorized_keys.d/ai-worker",
            &["fault key-policy"],
        ),
        shuts(": >/etc/ssh/authorized_keys.d/ai-worker; : >/etc/dockgate/policy.toml", &["fault key-file-read"]),
        shuts("rm -r /etc/ssh/authorized_keys.d", &["fault key-file-read"]),
        shuts(
            "sed -i 's|/etc/ssh/authorized_keys.d/%u|/etc/ssh/none/%u|' /etc/ssh/sshd_config.d/dockgate.conf; systemctl reload ssh",
            &["fault key-file-read"],
        ),
        shuts(
            "sed -i 's|/etc/ssh/none/%u|/etc/ssh/authorized_keys.d/%u|' /etc/ssh/sshd_config.d/dockgate.conf; systemctl reload ssh; sed -i 's/^/# /' /etc/ssh/authorized_keys.d/ai-worker; \
             echo '[keys.hermes]' >/etc/dockgate/policy.toml",
            &["fault key-file-read"],
        ),
        shuts(
            "mv /etc/ssh/authorized_keys.d/ai-worker /tmp/keys; sed -i 's|/etc/ssh/authorized_keys.d/%u|/tmp/keys|' /etc/ssh/sshd_config.d/dockgate.conf; systemctl reload ssh",
            &["fault key-file-use"],
        ),
        shuts(
            "mv /etc/ssh/authorized_keys.d/ai-worker /tmp/keys; chown ai-worker /tmp/keys; \
             sed -i 's|/etc/ssh/authorized_keys.d/%u|/tmp/keys|' /etc/ssh/sshd_config.d/dockgate.conf; systemctl reload ssh",
            &["fault key-file-owner", "fault key-file-use"],
        ),
        shuts(
            "[ \"$(stat -c %a%U /tmp)\" = 1777root ]; [ $(grep -c '^restrict' /etc/ssh/authorized_keys.d/ai-worker) = 1 ]; \
             sed -i 's|/usr/bin/dockgate|/opt/old/dockgate|; s|^restrict|from=\"127.0.0.1\",&|' /etc/ssh/authorized_keys.d/ai-worker",
            &["fault key-command"],
        ),
        // With keys in the policy, one that it has not would be refused besides.
        lets(
            "cat /home/agent/laptop.pub >>/etc/ssh/authorized_keys.d/ai-worker; printf '\\n[keys.laptop]\\n' >>/etc/dockgate/policy.toml",
            &["fault key-command"],
        ),
        lets(
            "grep -q '^from=\"127.0.0.1\",restrict,pty,command=\"/usr/bin/dockgate ' /etc/ssh/authorized_keys.d/ai-worker; \
             sed -i '/laptop/s/^restrict,pty,//' /etc/ssh/authorized_keys.d/ai-worker",
            &["fault key-restrict"],
        ),
        lets(
            "echo 'restrict,command=\"x ssh-ed25519 AAAA' >>/etc/ssh/authorized_keys.d/ai-worker",
            &["warning key-line"],
        ),
        lets(
            "sed -i '/laptop/s|/usr/bin/dockgate|/bin/sh -c|' /etc/ssh/authorized_keys.d/ai-worker",
            &["fault key-command"],
        ),
        shuts(
            ": >/etc/dockgate/policy.toml; ssh-keygen -q -t rsa -b 2048 -N '' -C hermes -f /home/agent/small; dockgate authorize /home/agent/small.pub \
             >/etc/ssh/authorized_keys.d/ai-worker 2>/dev/null; cp /home/agent/small /home/agent/hermes; cp /home/agent/small.pub /home/agent/hermes.pub; \
             sed -i '1i RequiredRSASize 3072' /etc/ssh/sshd_config; systemctl reload ssh",
            &["fault public-key"],
        ),
    ]);
}

/// How sshd takes a line: as the gate's, with a shell, or not at all.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Taken {
    Gated,
    Shell,
    Refused,
}

impl Taken {
    fn of(machine: &Machine) -> Self {
        let said = machine.ssh("echo past the gate");
        match (said.code, said.out.as_str()) {
            (0, "past the gate\n") => Self::Shell,
            (255, _) => Self::Refused,
            _ => Self::Gated,
        }
    }
}

/// Lines as an editor leaves them behind: what sshd makes of them, doctor knows; and what it prints leaves no shell.
#[test]
fn key_lines_are_read_as_sshd_reads_them() {
    const GATE: &str = r#"command="/usr/bin/dockgate --key hermes""#;
    let machine = Machine::start();
    machine.must("dockgate authorize /home/agent/laptop.pub >/home/agent/other 2>/dev/null");
    let (shell, refused) = (&["fault key-command"][..], &["fault key-line"][..]);
    for (options, taken, found) in [
        ("restrict, ", Taken::Shell, shell),
        ("restrict,pty, ", Taken::Shell, shell),
        ("restrict,, ", Taken::Shell, shell),
        (", ", Taken::Shell, shell),
        (",,restrict ", Taken::Shell, shell),
        ("restrict,GATE, ", Taken::Gated, &[]),
        ("restrict,,GATE ", Taken::Gated, &[]),
        (",RESTRICT,GATE,,pty ", Taken::Gated, &[]),
        ("restrict,GATE,expiry-time=\"20990101\" ", Taken::Gated, &[]),
        ("restrict,no-touch-required,GATE ", Taken::Gated, &[]),
        ("restrict,GATE,frobnicate ", Taken::Refused, refused),
        ("restrct,GATE ", Taken::Refused, refused),
        ("restrict,GATE,GATE ", Taken::Refused, refused),
        ("restrict,GATE,no-restrict ", Taken::Refused, refused),
        ("restrict=\"x\",GATE ", Taken::Refused, refused),
        ("restrict,GATEpty ", Taken::Refused, refused),
        ("restrict,GATE,expiry-time=\"2099-01-01\" ", Taken::Refused, refused),
        ("restrict,GATE,environment=\"A\" ", Taken::Refused, refused),
        ("restrict,GATE,tunnel=\"x\" ", Taken::Refused, refused),
        ("restrict,GATE , ", Taken::Refused, refused),
    ] {
        let options = options.replace("GATE", GATE);
        machine.must(&format!(
            "cd /etc/ssh/authorized_keys.d; {{ printf '%s' '{options}'; cat /home/agent/hermes.pub /home/agent/other; }} >ai-worker"
        ));
        assert_eq!(Taken::of(&machine), taken, "{options}");
        let report = machine.doctor("");
        assert_eq!(report.found(), *found, "{options}: {report:#?}");
        for finding in &report.findings {
            machine.must(&finding.fix);
        }
        assert_eq!(machine.doctor("").found(), [""; 0], "{options}");
        assert_eq!(Taken::of(&machine), if taken == Taken::Shell { Taken::Gated } else { taken }, "{options}");
    }
}

/// What a name that was misspelt kept a key from, it is kept from after the mend.
#[test]
fn no_mend_widens_a_key_s_rights() {
    let machine = Machine::start();
    let read_only = || (machine.works(), machine.ssh("docker restart x").code);
    for plant in [
        "printf '[keys.hermess]\nprofile = \"read-only\"\n' >/etc/dockgate/policy.toml",
        "printf '[keys.elephant]\nprofile = \"read-only\"\n' >/etc/dockgate/policy.toml",
        ": >/etc/dockgate/policy.toml; sed -i 's/--key hermes/& --profile read-onyl/' /etc/ssh/authorized_keys.d/ai-worker",
    ] {
        machine.must(&format!(
            "dockgate authorize /home/agent/hermes.pub 2>/dev/null >/etc/ssh/authorized_keys.d/ai-worker; {plant}"
        ));
        let report = machine.doctor("");
        assert_eq!(report.found(), ["fault key-policy"], "{plant}\n{report:#?}");
        machine.must(&report.findings[0].fix);
        assert_eq!(machine.doctor("").found(), [""; 0], "{plant}");
        assert_eq!(read_only(), (true, 77), "{plant}\n{report:#?}");
    }
    // Where nothing is near, somebody has to say it; until then nobody is let in.
    machine.must("sed -i 's/--profile read-only/--profile elephant/' /etc/ssh/authorized_keys.d/ai-worker");
    let report = machine.doctor("");
    machine.must(&report.findings[0].fix);
    assert_eq!(machine.doctor("").found(), ["fault key-policy"], "{report:#?}");
    assert!(report.findings[0].fix.contains("PROFILE: default, operator, read-only"), "{report:#?}");
    assert_eq!(read_only(), (false, 77));
}

/// Each line of it, with its number; and what is not known for that is not said to be missing.
#[test]
fn what_sshd_has_against_its_configuration_is_said() {
    let machine = Machine::start();
    machine.must("printf 'Port 22\nFrobnicate yes\nX11Forwardin no\n' >/etc/ssh/sshd_config.d/z.conf");
    let report = machine.doctor("--probe");
    assert_eq!(report.found(), ["fault sshd-config", "fault probe"], "{report:#?}");
    let [sshd, probe] = report.findings.as_slice() else { panic!("{report:#?}") };
    for part in [
        "z.conf: line 2: Bad configuration option: Frobnicate\n",
        "z.conf: line 3: Bad configuration option: X11Forwardin",
    ] {
        assert!(sshd.what.contains(part), "{report:#?}");
    }
    assert!(!sshd.what.contains("terminating"), "{report:#?}");
    assert_eq!(machine.must(&sshd.fix), "Frobnicate yes\n", "{report:#?}");
    assert!(probe.what.contains("(see sshd-config)"), "{report:#?}");
    machine.must("rm /etc/ssh/sshd_config.d/z.conf");
    assert_eq!(machine.doctor("--probe").found(), [""; 0]);
}

/// A log of somebody's own.
#[test]
fn the_probe_says_where_it_looks_and_is_told_where_else() {
    let machine = Machine::start();
    machine.must(
        "printf ':programname, isequal, \"dockgate\" /var/log/own.log\n& stop\n' >/etc/rsyslog.d/00-own.conf; systemctl restart rsyslog",
    );
    let report = machine.doctor("--probe");
    assert_eq!(report.found(), ["fault probe", "fault probe"], "{report:#?}");
    for part in ["/var/log/auth.log", "/var/log/secure (not there)", "the journal (not there)"] {
        assert!(report.findings[0].what.contains(part), "{report:#?}");
    }
    assert_eq!(machine.doctor("--probe --log /var/log/own.log").found(), [""; 0]);
    assert_eq!(machine.sh("dockgate doctor --user ai-worker --log /var/log/own.log").code, 64);
}

/// An error of TOML's, as it is meant to be read, and nothing about what a broken policy does not say.
#[test]
fn a_broken_policy_is_shown_as_it_is() {
    let machine = Machine::start();
    machine.must(
        "printf '[docker]\nhost = \"unix:///none\"\n[limits]\nmemoory = 3\n' >/etc/dockgate/policy.toml; rm /dev/log",
    );
    assert_eq!(machine.doctor("").found(), ["fault policy-file"]);
    let shown = machine.sh("dockgate doctor --user ai-worker").out;
    assert!(shown.contains("\n    4 | memoory = 3\n      | ^^^^^^^\n") && !shown.contains("\\n"), "{shown}");
    let shown = machine.sh("dockgate doctor --proxy /run/none.sock").out;
    assert!(shown.contains("\n    4 | memoory = 3\n") && !shown.contains("proxy-syslog"), "{shown}");
    // One fix for all that it mends.
    machine.must(
        ": >/etc/dockgate/policy.toml; systemctl restart rsyslog; sed -i 's/AcceptEnv.*/AcceptEnv */' /etc/ssh/sshd_config.d/dockgate.conf; systemctl reload ssh",
    );
    let shown = machine.sh("dockgate doctor --user ai-worker").out;
    let counted = ["fault: accept-env-", "    AcceptEnv LANG LC_*", "fix: that of accept-env-loader, above"];
    assert_eq!(counted.map(|part| shown.matches(part).count()), [3, 1, 2], "{shown}");
}

#[test]
fn faults_of_docker_and_the_log() {
    mended(&[
        shuts(
            "printf '#!/bin/sh\\nexec /usr/bin/podman \"$@\"\\n' >/usr/bin/docker; printf '#!/bin/sh\\necho podman version 5.4.1\\n' >/usr/bin/podman; chmod 755 /usr/bin/podman",
            &["fault docker-is-docker"],
        ),
        shuts("chmod 700 /usr/bin/docker", &["fault docker-program"]),
        shuts("rm /usr/bin/docker", &["fault docker-program"]),
        lets("chown ai-worker /usr/bin/docker", &["fault docker-program"]),
        lets("rm /usr/libexec/docker/cli-plugins/docker-compose", &["warning docker-extensions"]),
        lets("chmod 700 /usr/libexec/docker/cli-plugins/docker-buildx", &["fault docker-extensions"]),
        lets("rm /usr/libexec/docker/cli-plugins/docker-buildx", &["warning docker-extensions"]),
        lets("sed -i s/v0.29.1/v0.5.0/ /usr/libexec/docker/cli-plugins/docker-buildx", &["fault docker-extensions"]),
        lets("sed -i s/v2.40.3/v2.3.3/ /usr/libexec/docker/cli-plugins/docker-compose", &["fault docker-extensions"]),
        lets(
            "chgrp root /run/docker.sock; gpasswd --delete ai-worker docker; groupdel docker",
            &["fault docker-socket"],
        ),
        lets("chmod 666 /run/docker.sock", &["fault docker-socket"]),
        lets("rm /run/docker.sock", &["fault docker-socket"]),
        shuts("chmod 600 /etc/dockgate/policy.toml; [ -s /etc/dockgate/policy.toml ]", &["fault policy-file"]),
        shuts("chown ai-worker /etc/dockgate/policy.toml", &["fault policy-file"]),
        shuts("chmod 777 /etc/dockgate", &["fault policy-file"]),
        lets(
            "touch /etc/dockgate/policy.candidate.toml; chmod 600 /etc/dockgate/policy.candidate.toml",
            &["warning policy-candidate"],
        ),
        lets("chown ai-worker /etc/dockgate/policy.candidate.toml", &["warning policy-candidate"]),
        lets("chown ai-worker /usr/bin/dockgate", &["fault gate-program"]),
        lets(
            "echo '{}' >/etc/dockgate/docker/config.json; chmod 600 /etc/dockgate/docker/config.json",
            &["warning docker-config"],
        ),
        lets("chmod 700 /etc/dockgate/docker", &["warning docker-config"]),
        shuts("rm /dev/log", &["fault syslog-socket"]),
        shuts("chmod 600 /dev/log", &["fault syslog-socket"]),
        shuts(
            "perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Local => \"/run/stream\", Listen => 9) or die; chmod 0666, \"/run/stream\"; \
             close STDIN; close STDOUT; close STDERR; sleep 999999' & \
             printf '[audit]\\nsocket = \"/run/stream\"\\n' >>/etc/dockgate/policy.toml; while [ ! -S /run/stream ]; do sleep 0.02; done",
            &["fault syslog-socket"],
        ),
        lets(
            "sed -i 's/load=\"imuxsock\"/& SysSock.RateLimit.Interval=\"5\" SysSock.RateLimit.Burst=\"3\"/' /etc/rsyslog.conf; systemctl restart rsyslog",
            &["fault log-limits"],
        ),
        lets(
            "mkdir -p /run/systemd/journal /etc/systemd/journald.conf.d; printf '[Journal]\\nRateLimitBurst=3\\n' >/etc/systemd/journald.conf.d/tight.conf",
            &["fault log-limits"],
        ),
    ]);
}

/// The account is to reach the daemon by the proxy alone, wherever its socket is.
#[test]
fn a_proxy_is_not_passed_by() {
    let machine = Machine::start();
    machine.must(
        "touch /etc/dockgate/proxy.toml; mkdir /run/agent; \
         dockgate proxy --listen /run/agent/x.sock --config /etc/dockgate/proxy.toml </dev/null >/dev/null 2>&1 & \
         while [ ! -S /run/agent/x.sock ]; do sleep 0.02; done; chown ai-worker /run/agent/x.sock; \
         printf '[docker]\nhost = \"unix:///run/agent/x.sock\"\n' >>/etc/dockgate/policy.toml",
    );
    let report = machine.doctor("");
    assert_eq!(report.found(), ["fault docker-socket"], "{report:#?}");
    assert!(report.findings[0].what.contains("reaches that daemon past /run/agent/x.sock"), "{report:#?}");
    machine.must(&report.findings[0].fix);
    assert_eq!(machine.doctor("").found(), [""; 0]);
    assert!(machine.works(), "{:?}", machine.ssh("docker ps"));
}

/// Whom to let in is for somebody to say.
#[test]
fn an_sshd_that_hangs_up_is_found() {
    let machine = Machine::start();
    machine.must("echo 'sshd: ALL' >/etc/hosts.deny");
    let report = machine.doctor("");
    assert_eq!(report.found(), ["fault sshd-running"], "{report:#?}");
    assert!(report.findings[0].fix.contains("/etc/hosts.deny"), "{report:#?}");
    assert!(!machine.works());
    machine.must("echo 'sshd: 127.0.0.1 [::1]' >/etc/hosts.allow");
    assert_eq!(machine.doctor("").found(), [""; 0]);
    assert!(machine.works());
}

/// What no list of checks foresees: the gate is started as sshd starts it, and its records are looked for.
#[test]
fn the_probe_asks_the_gate_itself() {
    let machine = Machine::start();
    let probed = || machine.doctor("--probe").found();
    assert_eq!(probed(), [""; 0]);
    let log = machine.must("cat /var/log/auth.log");
    for request in ["true", "docker version"] {
        assert!(
            log.contains(&format!(" request=\"{request}\"")) || log.contains(&format!(" request={request}")),
            "{log}"
        );
    }
    // A key that may come from elsewhere alone, under dockgate as the login shell.
    machine.must("printf '[keys.hermes]\\nfrom = [\"192.0.2.0/24\"]\\n' >>/etc/dockgate/policy.toml; usermod --shell /usr/bin/dockgate ai-worker");
    assert_eq!(probed(), [""; 0]);
    machine.must("usermod --shell /bin/dash ai-worker");

    // Each of these leaves every other check content.
    for (plant, mend, says) in [
        (
            "echo ':programname, isequal, \"dockgate\" stop' >/etc/rsyslog.d/00-stop.conf; systemctl restart rsyslog",
            "rm /etc/rsyslog.d/00-stop.conf; systemctl restart rsyslog",
            "no record of \"true\", although",
        ),
        (
            "printf '#!/bin/sh\\n[ \"$*\" = --version ] || { echo no daemon >&2; exit 1; }\\n' >/usr/bin/docker",
            "apt-get install docker.io",
            "\"docker version\", started as sshd starts it, ended with 1: no daemon",
        ),
    ] {
        machine.must(plant);
        assert_eq!(machine.doctor("").found(), [""; 0], "{plant}");
        let report = machine.doctor("--probe");
        assert!(!report.ok && report.findings.iter().all(|found| found.check == "probe"), "{plant}: {report:#?}");
        assert!(report.findings.iter().any(|found| found.what.contains(says)), "{plant}: {report:#?}");
        machine.must(mend);
        assert_eq!(probed(), [""; 0], "{mend}");
    }
    assert_eq!(machine.must("ls /tmp | grep -c sshauth || true").trim(), "0");
}
