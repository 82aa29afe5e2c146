//! `dockgate doctor --proxy` on a machine whose proxy is wrong in one way: it says so, what it prints mends it, word for
//! word, and then it is silent and the program is served.
#![expect(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "these are tests")]
#![expect(dead_code, reason = "the machine is shared with other tests")]

mod machine;

use machine::{Machine, Report};

const PACKAGED: [(&str, &str); 2] = [
    ("socket", include_str!("../packaging/systemd/dockgate-proxy@.socket")),
    ("service", include_str!("../packaging/systemd/dockgate-proxy@.service")),
];

/// A systemctl that knows the package's units: the socket is systemd's, and the program starts with the first
/// who connects.
const UNITS: &str = r#"
mv /usr/local/bin/systemctl /usr/local/bin/systemctl.others
cat >/usr/local/bin/systemctl <<'END'
#!/bin/sh
case "$*" in
*dockgate-proxy@*)
    name=${*##*@}
    name=${name%.*}
    socket=/run/dockgate-proxy/$name.sock
    if [ -e "/run/$name.pid" ]; then
        kill "$(cat "/run/$name.pid")" 2>/dev/null || true
        # Nobody waits for it here, so it stays in the table of processes, without its command line.
        while [ -n "$(tr -d '\0' <"/proc/$(cat "/run/$name.pid")/cmdline")" ]; do sleep 0.02; done
    fi
    user=$name
    drop_in=/etc/systemd/system/dockgate-proxy@$name.socket.d/user.conf
    [ ! -e "$drop_in" ] || user=$(sed -n s/SocketUser=//p "$drop_in")
    mkdir -p /run/dockgate-proxy
    rm -f "$socket"
    options=$(sed -n 's/^OPTIONS=//p' "/etc/dockgate/proxy-$name.env" 2>/dev/null)
    # shellcheck disable=SC2086
    systemd-socket-activate --listen="$socket" dockgate proxy --listen "$socket" $options </dev/null >"/run/$name.log" 2>&1 &
    echo $! >"/run/$name.pid"
    while [ ! -S "$socket" ]; do sleep 0.02; done
    chown "$user" "$socket"
    chmod 600 "$socket"
    ;;
daemon-reload) ;;
*) exec systemctl.others "$@" ;;
esac
END
chmod 755 /usr/local/bin/systemctl
"#;

fn with_units() -> Machine {
    let machine = Machine::start();
    // Written there: where the sources are may not be seen from the machine.
    for (kind, unit) in PACKAGED {
        machine.must(&format!("cat >/usr/lib/systemd/system/dockgate-proxy@.{kind} <<'END'\n{unit}\nEND"));
    }
    machine.must(UNITS);
    machine
}

/// A machine with a proxy for the account `web`.
fn machine() -> Machine {
    let machine = with_units();
    machine.must(
        "useradd --system --user-group web; useradd --system --user-group other; \
         echo 'OPTIONS=--key web' >/etc/dockgate/proxy-web.env; systemctl enable --now dockgate-proxy@web.socket",
    );
    machine
}

/// What the program is told; a call that is not docker's needs no daemon.
fn told(machine: &Machine) -> String {
    let ask = "use IO::Socket::UNIX; $s = IO::Socket::UNIX->new(Peer => \"/run/dockgate-proxy/web.sock\") or exit; \
               print $s \"GET /v1.47/nothing HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n\"; $s->flush; print <$s>";
    machine.sh(&format!("setpriv --reuid=web --regid=web --init-groups perl -e '{ask}'")).out
}

/// Whether that is what the policy says.
fn serves(machine: &Machine) -> bool {
    told(machine).contains("reason: unknown-call")
}

#[track_caller]
fn mended(machine: &Machine, plant: &str, options: &str, expected: &[&str], shut: bool) {
    let doctor = || -> Report { machine.report(&format!("--proxy web {options}")) };
    machine.must(plant);
    let report = doctor();
    assert_eq!(report.found(), *expected, "{plant}\n{report:#?}");
    assert_eq!(!serves(machine), shut, "{plant}: {}", told(machine));
    for finding in &report.findings {
        println!("{}: {}\n  {}", finding.check, finding.what, finding.fix);
        machine.must(&finding.fix);
    }
    let report = doctor();
    assert_eq!(report.found(), [""; 0], "{plant}\n{report:#?}");
    assert!(serves(machine), "{plant}: {}{}", told(machine), machine.sh("cat /run/web.log").out);
}

const AGAIN: &str = "systemctl restart dockgate-proxy@web.service";

#[test]
fn faults_of_a_proxy() {
    let machine = machine();
    assert_eq!(machine.report("--proxy web").found(), [""; 0]);
    assert!(serves(&machine), "{}", told(&machine));
    let log = machine.must("cat /var/log/auth.log");
    assert!(log.contains("command=proxy user=web key=web "), "{log}");
    let env = |options: &str| format!("echo 'OPTIONS={options}' >/etc/dockgate/proxy-web.env; {AGAIN}");
    for (plant, options, expected, shut) in [
        (env("--key web --profile opertor"), "", &["fault proxy-policy"][..], true),
        (env(""), "", &["warning proxy-key"], false),
        ("chmod 666 /etc/dockgate/policy.toml".to_owned(), "", &["fault proxy-policy"], true),
        ("printf '[keys.hermes]\\n' >/etc/dockgate/policy.toml".to_owned(), "", &["fault proxy-policy"], true),
        (
            "printf '[keys.web]\\nfrom = [\"192.0.2.0/24\"]\\n' >/etc/dockgate/policy.toml".to_owned(),
            "",
            &["fault proxy-policy"],
            true,
        ),
        ("chmod 666 /run/dockgate-proxy/web.sock".to_owned(), "", &["fault proxy-socket"], false),
        ("chmod 777 /run/dockgate-proxy".to_owned(), "", &["fault proxy-socket"], false),
        ("rm /run/dockgate-proxy/web.sock".to_owned(), "", &["fault proxy-socket"], true),
        ("chown other /run/dockgate-proxy/web.sock".to_owned(), "--user web", &["fault proxy-socket"], true),
        ("usermod --append --groups docker web".to_owned(), "", &["fault proxy-past"], false),
        ("chmod 666 /run/docker.sock".to_owned(), "", &["fault proxy-past"], false),
        ("rm /run/docker.sock".to_owned(), "", &["fault proxy-daemon"], false),
        (
            "printf '[docker]\\nhost = \"unix:///run/dockgate-proxy/web.sock\"\\n' >>/etc/dockgate/policy.toml"
                .to_owned(),
            "",
            &["fault proxy-daemon"],
            false,
        ),
        ("rm /dev/log".to_owned(), "", &["fault proxy-syslog"], true),
    ] {
        mended(&machine, &plant, options, expected, shut);
    }
    // Without a file the built-in policy holds.
    machine.must(&format!("rm -r /etc/dockgate/policy.toml /etc/dockgate/proxy-web.toml; {}", env("--key web")));
    assert_eq!(machine.report("--proxy web").found(), [""; 0]);
    assert!(serves(&machine), "{}", told(&machine));
    // What is meant is for somebody to say.
    machine.must(&env("--key"));
    let report = machine.report("--proxy web");
    assert_eq!(report.found(), ["fault proxy-start"], "{report:#?}");
    assert!(report.findings[0].what.contains("a value is required for '--key <NAME>'"), "{report:#?}");
}

/// One that is started by hand, for a group.
#[test]
fn a_proxy_without_a_unit_is_found_by_its_process() {
    let machine = machine();
    machine.must(
        "mkdir /run/ci; groupadd --system ci; useradd --system --gid ci --groups docker runner; \
         dockgate proxy --listen /run/ci/ci.sock --group ci --key ci </dev/null >/dev/null 2>&1 & \
         while [ \"$(stat -c %a /run/ci/ci.sock 2>/dev/null)\" != 660 ]; do sleep 0.02; done",
    );
    let report = machine.report("--proxy /run/ci/ci.sock");
    assert_eq!(report.found(), ["fault proxy-past"], "{report:#?}");
    assert_eq!(report.findings[0].fix, "gpasswd --delete runner docker");
    machine.must(&report.findings[0].fix);
    assert_eq!(machine.report("--proxy /run/ci/ci.sock").found(), [""; 0]);
    // Nobody is meant by a socket that nothing serves.
    let report = machine.report("--proxy /run/ci/none.sock");
    assert_eq!(report.found(), ["warning proxy-start", "fault proxy-socket"], "{report:#?}");
    let report = machine.report("--proxy web --user nobody-of-this-name");
    assert_eq!(report.found(), ["fault account"], "{report:#?}");
}

/// docs/install.md, "Without docker's group": its commands, which end with doctor's own word.
#[test]
fn the_document_s_steps_lead_to_proxies_that_are_right() {
    let machine = with_units();
    machine.must("useradd --system --user-group --groups docker traefik");
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/install.md")).unwrap();
    let section = document.split("\n## Without docker's group\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let blocks: Vec<&str> = section.split("```").skip(1).step_by(2).collect();
    assert_eq!(blocks.len(), 2, "{section}");
    for block in blocks {
        let said = machine.must(block);
        assert!(said.contains("doctor: no faults found") && !said.contains("warning:"), "{said}");
    }
    assert!(machine.works(), "{:?}", machine.ssh("docker ps"));
}
