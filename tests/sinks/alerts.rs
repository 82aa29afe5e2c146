//! The examples of alerts, by the tools that they are for.

use super::{Gate, Rsyslog, local, to_file, until};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/alerts").join(name)
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A log as rsyslog writes it, with refusals from two addresses, and requests that would have others be refused.
fn logged(gate: &Gate, template: &str) -> PathBuf {
    let log = gate.path("auth.log");
    let _daemon = Rsyslog::start(gate.directory.path(), "local", &local(gate, "", &to_file(&log, template)));
    until("rsyslogd's socket", || gate.path("log.sock").exists());
    let forged = "x\" client=203.0.113.9:5 profile=default request=\"";
    let requests = [
        ("192.0.2.7", "docker exec web sh"),
        ("2001:db8::7", "docker run -v /:/h busybox"),
        ("192.0.2.7", "echo verdict=deny reason=x command=y user=z key=k fingerprint=f client=203.0.113.9:5 profile=p"),
        ("192.0.2.8", "docker ps"),
        ("192.0.2.7", forged),
    ];
    for (address, request) in requests {
        gate.sends_from(address, request);
    }
    until("five decisions", || gate.decisions(&log).len() >= requests.len());
    log
}

/// An example's script with this test's program and paths.
fn script(gate: &Gate, name: &str, log: &Path) -> Output {
    let text = fs::read_to_string(example(name)).unwrap();
    let changed = text
        .replace("/usr/bin/dockgate", env!("CARGO_BIN_EXE_dockgate"))
        .replace("/var/log/auth.log", &log.display().to_string())
        .replace("/var/lib/prometheus/node-exporter", &gate.directory.path().display().to_string());
    assert_ne!(text, changed);
    let path = gate.path(name);
    fs::write(&path, changed).unwrap();
    Command::new("sh").arg(&path).output().unwrap()
}

#[test]
fn fail2ban_finds_who_was_refused_and_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let etc = directory.path().join("fail2ban");
    let copied = Command::new("cp").arg("-r").arg("/etc/fail2ban").arg(&etc).status().unwrap();
    assert!(copied.success(), "fail2ban: `make test` installs it");
    fs::copy(example("fail2ban-filter.conf"), etc.join("filter.d/dockgate.conf")).unwrap();
    fs::copy(example("fail2ban-jail.conf"), etc.join("jail.d/dockgate.conf")).unwrap();
    for template in ["RSYSLOG_TraditionalFileFormat", "RSYSLOG_FileFormat"] {
        let gate = Gate::new("");
        let log = logged(&gate, template);
        let mut command = Command::new("fail2ban-regex");
        let output = command.args(["--out", "ip"]).arg(&log).arg(etc.join("filter.d/dockgate.conf")).output().unwrap();
        let found = String::from_utf8(output.stdout.clone()).unwrap();
        let mut found: Vec<&str> = found.lines().collect();
        found.sort_unstable();
        assert_eq!(found, ["192.0.2.7", "192.0.2.7", "192.0.2.7", "2001:db8::7"], "{template}: {}", said(&output));
    }
    // Debian's own jail needs a log of sshd's.
    fs::write(etc.join("jail.d/defaults-debian.conf"), "[sshd]\nenabled = false\n").unwrap();
    let output = Command::new("fail2ban-client").arg("-c").arg(&etc).arg("--dump").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let jails = said(&output);
    assert!(jails.contains("['add', 'dockgate', 'auto']") && jails.contains("'maxretry', 50"), "{jails}");
}

#[test]
fn prometheus_takes_the_metrics_and_the_rules() {
    let cache = std::env::var_os("DOCKGATE_LAB_CACHE").map(PathBuf::from);
    let cache = cache.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lab"));
    let promtool = cache.join("prometheus/usr/bin/promtool");
    let gate = Gate::new("");
    let log = logged(&gate, "RSYSLOG_FileFormat");
    let output = script(&gate, "dockgate-metrics", &log);
    assert!(output.status.success(), "{}", said(&output));
    let metrics = fs::read_to_string(gate.path("dockgate.prom")).unwrap();
    assert!(metrics.contains("dockgate_refusals{reason=\"bind-mount\"} 1\n"), "{metrics}");
    let check = Command::new(&promtool)
        .args(["check", "metrics"])
        .stdin(fs::File::open(gate.path("dockgate.prom")).unwrap())
        .output()
        .expect("promtool: `make test` fetches it");
    assert!(check.status.success(), "{}", said(&check));
    let check = Command::new(&promtool).args(["check", "rules"]).arg(example("prometheus-rules.yml")).output().unwrap();
    assert!(check.status.success() && said(&check).contains("4 rules found"), "{}", said(&check));
    // The rules fire on the metrics' own names.
    let rules = example("prometheus-rules.yml").display().to_string();
    let test = format!(
        "rule_files: ['{rules}']\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  input_series:\n\
         \x20 - {{series: 'dockgate_refusals{{instance=\"h\", reason=\"bind-mount\"}}', values: '1x30'}}\n\
         \x20 - {{series: 'dockgate_last_record_timestamp_seconds{{instance=\"h\"}}', values: '0x30'}}\n\
         \x20 - {{series: 'dockgate_not_whole{{instance=\"h\"}}', values: '0x30'}}\n  alert_rule_test:\n\
         \x20 - {{eval_time: 20m, alertname: DockgateHost, exp_alerts: [{{exp_labels: {{instance: h, reason: bind-mount}}, \
         exp_annotations: {{summary: 'h: something asked for the host (bind-mount)'}}}}]}}\n\
         \x20 - {{eval_time: 20m, alertname: DockgateRefusals, exp_alerts: []}}\n\
         \x20 - {{eval_time: 20m, alertname: DockgateNotWhole, exp_alerts: []}}\n"
    );
    fs::write(gate.path("rules-test.yml"), test).unwrap();
    let check = Command::new(&promtool).args(["test", "rules"]).arg(gate.path("rules-test.yml")).output().unwrap();
    assert!(check.status.success(), "{}", said(&check));
}

#[test]
fn the_daily_mail_says_what_was_refused_and_nothing_on_a_quiet_day() {
    let gate = Gate::new("");
    let log = logged(&gate, "RSYSLOG_FileFormat");
    let output = script(&gate, "dockgate-daily", &log);
    let mail = said(&output);
    assert!(output.status.success(), "{mail}");
    for part in ["5 decisions, ", "most refused: reason and command", "\nthe last refusals:\n", "docker exec web sh"] {
        assert!(mail.contains(part), "{part}: {mail}");
    }
    assert!(!mail.contains("the log is not whole"), "{mail}");
    // Of what was permitted alone there is nothing to say, and of a log with a hole there is.
    let text = fs::read_to_string(&log).unwrap();
    let quiet: String =
        text.lines().filter(|line| !line.contains("verdict=deny")).map(|line| format!("{line}\n")).collect();
    fs::write(&log, &quiet).unwrap();
    assert_eq!(said(&script(&gate, "dockgate-daily", &log)), "");
    let hole: String =
        quiet.lines().filter(|line| !line.contains("verdict=allow")).map(|line| format!("{line}\n")).collect();
    fs::write(&log, &hole).unwrap();
    assert!(
        said(&script(&gate, "dockgate-daily", &log))
            .contains("the log is not whole:\nended, and no decision recorded: 1")
    );
}

#[test]
fn systemd_takes_the_units() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["dockgate-probe.service", "dockgate-probe.timer", "dockgate-alarm@.service"] {
        let text = fs::read_to_string(example(name)).unwrap();
        // It looks for the programs, too.
        let text = text.replace("/usr/bin/dockgate", env!("CARGO_BIN_EXE_dockgate"));
        fs::write(directory.path().join(name), text).unwrap();
    }
    let mut verify = Command::new("systemd-analyze");
    verify.arg("verify").env("SYSTEMD_UNIT_PATH", format!("{}:", directory.path().display()));
    for name in ["dockgate-probe.service", "dockgate-probe.timer", "dockgate-alarm@x.service"] {
        verify.arg(directory.path().join(name));
    }
    let output = verify.output().expect("systemd-analyze: `make test` installs it");
    assert!(output.status.success() && !said(&output).contains("dockgate-"), "{}", said(&output));
}
