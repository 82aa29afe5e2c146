//! What reading a long log costs: each `dockgate audit` over 1,000,000 records, side by side with `wc -l` and `grep`.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "a benchmark")]

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RECORDS: u64 = 1_000_000;
const ROUNDS: usize = 3;

fn main() {
    let directory = tempfile::Builder::new().prefix("dockgate-bench.").tempdir().unwrap();
    let log = directory.path().join("auth.log");
    generate(&log);
    let size = log.metadata().unwrap().len() / 1_000_000;
    let other = |words: &[&str]| {
        let mut command = Command::new(words.first().expect("a program"));
        command.args(words.get(1..).unwrap_or_default()).arg(&log);
        time(command)
    };
    let (wc, grep) = (other(&["wc", "-l"]), other(&["grep", "-c", "verdict=deny .*docker exec"]));
    println!("{RECORDS} records, {size} MB; best of {ROUNDS}. wc -l {wc:?}, grep {grep:?}");
    println!("{:>9} {:>9} {:>9}", "seconds", "to wc", "to grep");
    for words in [
        &["list"][..],
        &["list", "--json", "--key", "hermes"],
        &["show", "660ec95c8bba3-2f25"],
        &["summary"],
        &["summary", "--objects"],
        &["summary", "--candidate"],
        &["summary", "--html"],
        &["suggest"],
        &["verify"],
        &["who", "w7"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dockgate"));
        command.arg("audit").args(words).arg(&log);
        let taken = time(command);
        let to = |other: Duration| taken.as_secs_f64() / other.as_secs_f64();
        println!("{:9.2} {:9.1} {:9.1}  {}", taken.as_secs_f64(), to(wc), to(grep), words.join(" "));
    }
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN).unwrap();
    println!("no process took more than {} MB", usage.max_rss() / 1024);
}

fn time(mut command: Command) -> Duration {
    let once = |command: &mut Command| {
        let start = Instant::now();
        // Not to /dev/null: grep looks no further than the first match then.
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut out = child.stdout.take().expect("it is piped");
        std::io::copy(&mut out, &mut std::io::sink()).unwrap();
        child.wait().unwrap();
        start.elapsed()
    };
    (0..ROUNDS).map(|_| once(&mut command)).min().expect("at least one round")
}

/// Three keys, twenty clients, one refusal in five, an end for each permitted request.
fn generate(path: &std::path::Path) {
    let mut log = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let mut time = 1_795_428_000_000_000u64;
    let mut written = 0;
    for number in 0u64.. {
        if written >= RECORDS {
            break;
        }
        // Spread without a pattern that a cache would like.
        let random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        time += 1_000 + random % 2_600_000;
        let id = format!("{time:x}-{:x}", 2 + random % 60_000);
        let key = if random % 3 == 0 { "hermes" } else { "ares" };
        let head = format!("Nov 23 10:00:00 lab dockgate[{}]:", random % 60_000);
        let (verdict, reason, command, request) = match random % 5 {
            0 => ("deny", "blocked-command", "exec", "docker exec web sh".to_owned()),
            1 => ("allow", "permitted", "run", format!("docker run -d --name w{} nginx", random % 500)),
            _ => ("allow", "permitted", "ps", "docker ps --no-trunc".to_owned()),
        };
        writeln!(log, "{head} verdict={verdict} reason={reason} command={command} user=ai-worker key={key} fingerprint=SHA256:k5lJswp0ThkDTT4O7Bg7CwRNxoL8ZtTMiZ3uvfiu6Nw client=192.0.2.{}:51514 profile=default id={id} request=\"{request}\"", random % 20).unwrap();
        written += 1;
        if verdict == "allow" {
            writeln!(
                log,
                "{head} verdict=end id={id} exit=0 ms={} ended=itself judged_ms=1 calls=1 calls_refused=0",
                random % 20_000
            )
            .unwrap();
            written += 1;
        }
    }
}
