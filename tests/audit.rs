//! `dockgate audit` over a generated log: its figures against those of awk, its exit codes, its words.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, reason = "these are tests")]

use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// 20,000 records like those of a busy host, made from one seed.
fn generated() -> String {
    let mut state = 1u64;
    // xorshift64: the same log each time.
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let allowed =
        ["ps", "logs web", "run -d --name w1 nginx", "stop w1", "images", "pull alpine", "compose -p shop up -d"];
    let refused = [
        ("exec", "blocked-command", "docker exec web sh"),
        ("run", "bind-mount", "docker run -v /etc:/x nginx"),
        ("-", "not-docker", "echo \\\"verdict=allow id=1-1\\\""),
    ];
    let mut time = 1_795_428_000_000_000u64;
    let mut log = String::new();
    for _ in 0..12_000 {
        time += 1_000 + random(9_000_000);
        let (id, key, client) =
            (format!("{time:x}-{:x}", 2 + random(60_000)), ["hermes", "ares", "-"][random(3) as usize], 1 + random(20));
        let deny = random(5) == 0;
        let (verdict, reason, command, request) = if deny {
            let (command, reason, request) = refused[random(3) as usize];
            ("deny", reason, command.to_owned(), request.to_owned())
        } else {
            let words = allowed[random(7) as usize];
            let command =
                if words.starts_with("compose") { "\"compose up\"" } else { words.split(' ').next().unwrap() };
            ("allow", "permitted", command.to_owned(), format!("docker {words}"))
        };
        let head = format!("Nov 23 10:00:00 lab{} dockgate[7]:", random(3));
        let _ = writeln!(
            log,
            "{head} verdict={verdict} reason={reason} command={command} user=ai-worker key={key} fingerprint=- client=192.0.2.{client}:5 profile=default id={id} request=\"{request}\""
        );
        if !deny {
            let (exit, ms) = (random(2), random(60_000));
            let _ = writeln!(
                log,
                "{head} verdict=end id={id} exit={exit} ms={ms} ended=itself judged_ms=1 calls=2 calls_refused=0"
            );
        }
        if random(10) == 0 {
            let _ = writeln!(
                log,
                "Nov 23 10:00:00 lab0 sshd[9]: Invalid user verdict=deny key=hermes from 192.0.2.9 port 5"
            );
        }
    }
    log
}

struct Log {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl Log {
    fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("auth.log");
        fs::write(&path, text).unwrap();
        Self { _directory: directory, path }
    }

    fn audit(&self, words: &[&str]) -> (Option<i32>, String, String) {
        audit(&[words, &[&*self.path.to_string_lossy()]].concat())
    }

    /// What awk makes of dockgate's lines of the log.
    fn awk(&self, program: &str) -> Vec<String> {
        let output = Command::new("awk").args(["-F", "dockgate\\[7\\]: ", program]).arg(&self.path).output().unwrap();
        assert!(output.status.success());
        let mut lines: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

fn audit(words: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_dockgate"))
        .arg("audit")
        .args(words)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    let [out, errors] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.code(), out, errors)
}

/// `name count` lines, sorted, of an object of verdicts.
fn counts(summary: &Value, by: &str, verdict: &str) -> Vec<String> {
    let object = summary[by].as_object().unwrap();
    let mut lines: Vec<String> = object
        .iter()
        .filter(|(_, count)| count[verdict] != 0)
        .map(|(name, count)| format!("{name} {}", count[verdict]))
        .collect();
    lines.sort();
    lines
}

#[test]
fn a_summary_s_figures_are_awk_s() {
    let log = Log::new(&generated());
    let (code, out, _) = log.audit(&["summary", "--json"]);
    assert_eq!(code, Some(0));
    let summary: Value = serde_json::from_str(&out).unwrap();
    for verdict in ["allow", "deny"] {
        let is = format!("NF == 2 && $2 ~ /^verdict={verdict} /");
        assert_eq!(log.awk(&format!("{is} {{ n++ }} END {{ print n }}")), [summary["verdicts"][verdict].to_string()]);
        let by_key = format!(
            "{is} {{ match($2, /key=[^ ]*/); n[substr($2, RSTART + 4, RLENGTH - 4)]++ }} END {{ for (k in n) print k, n[k] }}"
        );
        assert_eq!(counts(&summary, "keys", verdict), log.awk(&by_key));
        let by_client = format!(
            "{is} {{ match($2, /client=[0-9.]*/); n[substr($2, RSTART + 7, RLENGTH - 7)]++ }} END {{ for (k in n) print k, n[k] }}"
        );
        assert_eq!(counts(&summary, "clients", verdict), log.awk(&by_client));
        let by_host = format!("{is} {{ split($1, w, \" \"); n[w[4]]++ }} END {{ for (k in n) print k, n[k] }}");
        assert_eq!(counts(&summary, "hosts", verdict), log.awk(&by_host));
        let by_command = format!(
            "{is} {{ match($2, /command=(\"[^\"]*\"|[^ ]*)/); c = substr($2, RSTART + 8, RLENGTH - 8); gsub(/\"/, \"\", c); n[c]++ }} END {{ for (k in n) print k, n[k] }}"
        );
        assert_eq!(counts(&summary, "commands", verdict), log.awk(&by_command));
    }
    let by_reason = "NF == 2 && $2 ~ /^verdict=deny/ { match($2, /reason=[^ ]*/); n[substr($2, RSTART + 7, RLENGTH - 7)]++ } END { for (k in n) print k, n[k] }";
    assert_eq!(counts(&summary, "reasons", "count"), log.awk(by_reason));
    let ends = "NF == 2 && $2 ~ /^verdict=end/ { match($2, / ms=[0-9]*/); m = substr($2, RSTART + 4, RLENGTH - 4) + 0; n++; if (m > most) most = m } END { print n, most }";
    assert_eq!(log.awk(ends), [format!("{} {}", summary["ended"], summary["slowest"][0]["ms"])]);
    assert_eq!(summary["without_end"], 0);
    let by_hour: u64 = summary["hours"].as_object().unwrap().values().map(|hour| hour["allow"].as_u64().unwrap()).sum();
    assert_eq!(summary["verdicts"]["allow"], by_hour);
}

#[test]
fn a_list_has_what_the_filter_says_and_awk_finds() {
    let log = Log::new(&generated());
    for (options, condition) in [
        (&["--key", "hermes"][..], "/ key=hermes /"),
        (&["--verdict", "deny", "--reason", "bind-mount"], "/^verdict=deny reason=bind-mount /"),
        (&["--command", "compose up"], "/ command=\"compose up\" /"),
        (&["--client", "192.0.2.0/29"], "/ client=192.0.2.[1-7]:/"),
        (
            &["--container", "w1"],
            "/ docker (run -d --name w1|stop w1)/ || /request=\"docker (run -d --name w1|stop w1)/",
        ),
        (&["--project", "shop"], "/ -p shop /"),
        (&["--text", "verdict=allow"], "/request=\"echo/"),
    ] {
        let (code, out, errors) = log.audit(&[&["list"], options].concat());
        assert_eq!((code, &*errors), (Some(0), ""));
        let condition =
            condition.replace('/', "\u{0}").split('\u{0}').enumerate().fold(String::new(), |all, (index, part)| {
                all + match index {
                    0 => "",
                    index if index % 2 == 1 => "$2 ~ /",
                    _ => "/",
                } + part
            });
        let expected =
            log.awk(&format!("NF == 2 && $2 !~ /^verdict=end/ && ({condition}) {{ n++ }} END {{ print n + 0 }}"));
        assert_eq!([out.lines().count().to_string()], expected.as_slice(), "{options:?}");
        assert_ne!(expected, ["0"], "{options:?}");
    }
    let (_, json, _) = log.audit(&["list", "--json", "--reason", "not-docker"]);
    let first: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(first["request"], "echo \"verdict=allow id=1-1\"");
}

#[test]
fn the_life_of_a_request_is_shown_and_its_maker_found() {
    let text = generated();
    let log = Log::new(&text);
    let record = text.lines().find(|line| line.contains("--name w1")).unwrap();
    let id = record.split(" id=").nth(1).unwrap().split(' ').next().unwrap();
    let (code, out, _) = log.audit(&["show", id]);
    assert_eq!(code, Some(0));
    for part in ["allow  ", "end  ", "request      docker run -d --name w1 nginx\n", "ended        itself\n"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let (code, out, _) = log.audit(&["who", "w1"]);
    assert_eq!((code, out.lines().all(|line| line.contains("docker run -d --name w1 nginx"))), (Some(0), true));
    let (code, out, _) = log.audit(&["who", "shop-web-1"]);
    assert_eq!((code, out.lines().all(|line| line.contains("docker compose -p shop up -d"))), (Some(0), true));
    let refused = text.lines().find(|line| line.contains("reason=bind-mount")).unwrap();
    let id = refused.split(" id=").nth(1).unwrap().split(' ').next().unwrap();
    let meaning = "  bind-mount: a container would get a directory or file of the host\n";
    assert!(log.audit(&["show", id]).1.contains(meaning));
    assert_eq!(log.audit(&["who", "nobody"]).0, Some(1));
    assert_eq!(log.audit(&["show", "5f-1"]).0, Some(1));
}

/// What one key made and another removed, as rsyslog writes it.
fn lives(id: &str) -> String {
    [
        ("allow command=run key=hermes", 1, "request=\"docker run -d --name web nginx\"".to_owned()),
        ("allow command=run key=hermes via=argv", 1, "request=\"POST /containers/create?name=web\"".to_owned()),
        ("made key=hermes via=argv", 1, format!("made=container name=web object={id}")),
        ("end", 1, "exit=0 ms=5".to_owned()),
        ("allow command=run key=ares", 2, "request=\"docker run -d --name web nginx\"".to_owned()),
        ("allow command=run key=ares via=argv", 2, "request=\"POST /containers/create?name=web\"".to_owned()),
        ("end", 2, "exit=125 ms=7".to_owned()),
        ("allow command=rm key=ares", 3, "request=\"docker rm web\"".to_owned()),
        ("allow command=rm key=ares via=argv", 3, format!("request=\"DELETE /containers/{id}\"")),
        ("end", 3, "exit=0 ms=9".to_owned()),
    ]
    .iter()
    .map(|(head, number, rest)| {
        format!("Nov 23 10:00:00 h dockgate[7]: verdict={head} id=660ec95c8bba{number}-1 {rest}\n")
    })
    .collect()
}

#[test]
fn a_name_and_an_id_find_one_life_and_a_failed_maker_is_none() {
    let id = "98bdbea8d20a".repeat(5) + "0123";
    let log = Log::new(&lives(&id));
    for name in ["web", &id[..12], &id] {
        let (code, out, errors) = log.audit(&["who", name]);
        assert_eq!((code, out.lines().count()), (Some(0), 3), "{name}: {out}");
        assert!(out.lines().all(|line| line.contains("660ec95c8bba1-1")), "{name}: {out}");
        assert_eq!(errors, "not counted, as they failed: 660ec95c8bba2-1\n", "{name}");
        let (_, out, _) = log.audit(&["who", "--deed", "named", name]);
        for part in ["POST /containers/create?name=web", "made=container", "docker rm web", "DELETE /containers/"] {
            assert!(out.contains(part), "{name}: {part}: {out}");
        }
        let (_, out, _) = log.audit(&["list", "--container", name]);
        assert!(out.contains("docker rm web") && out.contains("DELETE /containers/"), "{name}: {out}");
    }
}

#[test]
fn an_end_counts_with_its_decision() {
    let log = Log::new(&lives("98bdbea8d20a0123"));
    for (options, ended, slowest) in [
        (&[][..], 3, 9),
        (&["--key", "hermes"], 1, 5),
        (&["--key", "ares"], 2, 9),
        (&["--command", "run"], 2, 7),
        (&["--verdict", "deny"], 0, 0),
    ] {
        let (_, out, _) = log.audit(&[&["summary", "--json"], options].concat());
        let summary: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(
            (&summary["ended"], summary["slowest"][0]["ms"].as_u64().unwrap_or_default()),
            (&ended.into(), slowest)
        );
    }
}

#[test]
fn what_is_missing_moved_or_doubled_is_named() {
    let text = generated();
    let (code, out, _) = Log::new(&text).audit(&["verify"]);
    assert_eq!(code, Some(0), "{out}");
    let lines: Vec<String> = text.lines().filter(|line| line.contains(" dockgate[")).map(str::to_owned).collect();
    let end = lines.iter().position(|line| line.contains("verdict=end")).unwrap();
    let deny = lines.iter().position(|line| line.contains("verdict=deny")).unwrap();
    let with = |change: &dyn Fn(&mut Vec<String>)| {
        let mut changed = lines.clone();
        change(&mut changed);
        let (code, out, _) = Log::new(&(changed.join("\n") + "\n")).audit(&["verify"]);
        assert_eq!(code, Some(1), "{out}");
        out
    };
    assert!(with(&|log| drop(log.remove(end))).starts_with("permitted, and no end recorded: 1\n"));
    assert!(with(&|log| drop(log.remove(end - 1))).starts_with("ended, and no decision recorded: 1\n"));
    assert!(with(&|log| log.insert(deny, log[deny].clone())).starts_with("twice in the log: 1\n"));
    assert!(with(&|log| log.push(log[deny].clone())).starts_with("twice in the log: 1\n"));
    let moved = with(&|log| {
        let record = log.remove(deny);
        log.push(record);
    });
    assert!(moved.contains("behind records that are more than a minute younger: 1\n"), "{moved}");
    let cut = lines[deny].len() - 3;
    assert!(with(&|log| log[deny].truncate(cut)).starts_with("not in a record's form, as what is cut off: 1\n"));
}

#[test]
fn nothing_found_is_told() {
    let log = Log::new(&lives("98bdbea8d20a0123"));
    for options in [&["--key", "nokey"][..], &["--verdict", "deny"], &["--command", "pull"], &["--until", "2001-01-01"]]
    {
        let (code, out, errors) = log.audit(&[&["list"], options].concat());
        assert_eq!((code, &*out), (Some(1), ""), "{options:?}");
        assert_eq!(errors, "no decision in the log is one that these options ask about\n", "{options:?}");
    }
    for text in ["", "Nov 23 10:00:00 h sshd[7]: Accepted\n"] {
        let (code, out, _) = Log::new(text).audit(&["verify"]);
        assert_eq!((code, &*out), (Some(1), "0 records of 0 hosts: no records\n"));
    }
    for command in ["compose up", "run", "dockgate check", "-", "compose *", "help"] {
        assert_ne!(log.audit(&["list", "--command", command]).0, Some(64), "{command}");
    }
}

#[test]
fn rotated_and_packed_logs_are_one_log() {
    let text = generated();
    let directory = tempfile::tempdir().unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let quarter = lines.len() / 4;
    for (index, (name, packer)) in
        [("auth.log.3", "gzip"), ("auth.log.2", "xz"), ("auth.log.1", "zstd"), ("auth.log", "")].iter().enumerate()
    {
        let end = if index == 3 { lines.len() } else { (index + 1) * quarter };
        let file = directory.path().join(name);
        fs::write(&file, lines[index * quarter..end].join("\n") + "\n").unwrap();
        if !packer.is_empty() {
            let packed = Command::new(packer).arg(&file).stderr(Stdio::null()).status().unwrap();
            assert!(packed.success(), "{packer}");
            let _ = fs::remove_file(&file);
        }
    }
    let path = directory.path().to_string_lossy().into_owned();
    let whole = Log::new(&text);
    // In the order of time: else verify would find records out of order.
    assert_eq!(audit(&["verify", &path]).1, whole.audit(&["verify"]).1);
    assert_eq!(audit(&["list", &path]).1, whole.audit(&["list"]).1);
    let [live, first] = ["auth.log", "auth.log.1.zst"].map(|name| directory.path().join(name).display().to_string());
    assert_eq!(audit(&["list", "--rotated", &live]).1, whole.audit(&["list"]).1);
    assert_eq!(audit(&["list", "--rotated", &live, &first]).1, whole.audit(&["list"]).1);
    assert!(audit(&["list", &live]).1.lines().count() < whole.audit(&["list"]).1.lines().count() / 2);
}

#[test]
fn a_chain_goes_on_behind_a_line_that_was_cut_off() {
    use std::io::Write;
    let log = Log::new("");
    let append = |lines: &str| {
        let mut chain = Command::new(env!("CARGO_BIN_EXE_dockgate"))
            .args(["audit", "chain"])
            .arg(&log.path)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        chain.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        assert!(chain.wait().unwrap().success());
    };
    let record = |number: u32| {
        format!(
            "Nov 23 10:00:00 h dockgate[7]: verdict=deny reason=limit command=run id=660ec95c8bba{number}-1 request=\"x\"\n"
        )
    };
    append(&record(1));
    for cut in ["seq=2 pr", "seq=2"] {
        fs::OpenOptions::new().append(true).open(&log.path).unwrap().write_all(cut.as_bytes()).unwrap();
        append(&record(2));
        let text = fs::read_to_string(&log.path).unwrap();
        assert!(text.lines().last().unwrap().starts_with("seq="), "{text}");
    }
    let (code, out, _) = log.audit(&["verify"]);
    // The second record came twice, and the chain is whole.
    assert_eq!(code, Some(1));
    assert!(out.starts_with("twice in the log: 1\n") && !out.contains("chained, and"), "{out}");
    assert!(out.contains("3 of them chained"), "{out}");
}

#[test]
fn standard_input_is_read_and_a_closed_pipe_is_no_fault() {
    let log = Log::new(&generated());
    let run = |script: &str| {
        let output = Command::new("sh")
            .args(["-c", script, "sh", env!("CARGO_BIN_EXE_dockgate")])
            .arg(&log.path)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(run("\"$1\" audit list - < \"$2\"").1, log.audit(&["list"]).1);
    assert_eq!(run("{ \"$1\" audit list \"$2\"; echo $? >&2; } | head -n 1 | wc -l"), (Some(0), "1\n0\n".to_owned()));
}

#[test]
fn mistakes_are_said_in_words() {
    let missing = Path::new("/nonexistent/auth.log").to_string_lossy().into_owned();
    let (code, _, errors) = audit(&["list", &missing]);
    assert_eq!(code, Some(69));
    assert!(errors.starts_with("ERROR: audit: /nonexistent/auth.log: No such file"), "{errors}");
    let (code, _, errors) = audit(&["list", "--since", "soon", "-"]);
    assert_eq!(code, Some(64));
    assert!(errors.starts_with("ERROR: audit: \"soon\" is neither a time"), "{errors}");
    for (option, value, names) in [
        ("--verdict", "refused", "allow, deny, error, observe"),
        ("--reason", "blocked", "bad-request, bad-usage, bind-mount, blocked-command,"),
        ("--via", "ssh", "argv, dial-stdio, proxy"),
        ("--command", "pss", "docs/commands.md"),
    ] {
        let (code, out, errors) = audit(&["summary", option, value, "-"]);
        assert_eq!((code, &*out), (Some(64), ""));
        assert!(errors.starts_with(&format!("ERROR: audit: {option} {value}: ")), "{errors}");
        assert!(errors.contains("no such"), "{errors}");
        assert!(errors.contains(names), "{errors}");
    }
    let (code, _, errors) = audit(&["show", "--key", "hermes", "5f-1", "-"]);
    assert_eq!((code, &*errors), (Some(64), "ERROR: --key: audit show does not take it\n"));
    for command in ["list", "show", "summary", "follow", "suggest", "verify", "who"] {
        let (code, out, _) = audit(&[command, "--help"]);
        assert_eq!(code, Some(0));
        assert!(out.contains("Exit codes: 0 done; 1 "), "{command}: {out}");
    }
}

#[test]
fn what_comes_in_is_followed() {
    use std::io::{BufRead, BufReader};
    let log = Log::new("");
    let mut following = Command::new(env!("CARGO_BIN_EXE_dockgate"))
        .args(["audit", "follow", "--changes"])
        .arg(&log.path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    // tail has to have opened it: lines are written until one is seen.
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let path = log.path.clone();
    let writer = std::thread::spawn(move || {
        let text: Vec<String> = generated().lines().map(str::to_owned).collect();
        for line in text.iter().cycle() {
            let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
            std::io::Write::write_all(&mut file, format!("{line}\n").as_bytes()).unwrap();
            if stopped.recv_timeout(std::time::Duration::from_millis(5)).is_ok() {
                return;
            }
        }
    });
    let seen: Vec<String> = lines.by_ref().take(5).map(Result::unwrap).collect();
    stop.send(()).unwrap();
    writer.join().unwrap();
    following.kill().unwrap();
    following.wait().unwrap();
    for line in &seen {
        assert!(!line.contains("docker ps") && !line.contains(" end "), "{line}");
        assert!(line.contains("docker ") || line.contains("echo "), "{line}");
    }
}
