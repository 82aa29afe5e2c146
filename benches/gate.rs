//! What the gate costs: starting a program through it, side by side with starting the program itself, with the least
//! that any gate can do (`floor.c`), and with other gates.
//!
//! The program is /bin/true, so that what is measured is the gate: reading the policy, judging, records to a syslog
//! socket that is read, the start of the child and the wait for its end. A run has ended when its standard output has,
//! as for sshd. All take turns, and the figures are medians. `make bench` gives it the program as it is packaged
//! (`DOCKGATE_PROGRAM`) and where the other gates are (`DOCKGATE_PEERS`).
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "a benchmark")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 300;

/// The others take so much longer that less is enough.
const PEER_ROUNDS: usize = 30;

struct Contestant {
    name: String,
    command: Command,
    code: i32,
    times: Vec<Duration>,
}

fn contestant(name: &str, command: Command, code: i32) -> Contestant {
    Contestant { name: name.to_owned(), command, code, times: Vec::new() }
}

fn main() {
    let directory = tempfile::Builder::new().prefix("dockgate-bench.").tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let log = UnixDatagram::bind(path("log.sock")).unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while log.recv(&mut buffer).is_ok() {}
    });
    let program = std::env::var_os("DOCKGATE_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_dockgate").into());
    // As installed: a file that a linker has just written, in small pieces, takes the kernel longer to start.
    fs::copy(program, path("dockgate")).unwrap();
    let (program, floor) = (path("dockgate"), floor(&path("floor")));
    let policy = path("policy.toml");
    let text = format!("[docker]\nprogram = '/bin/true'\n[audit]\nsocket = '{}'\n", path("log.sock").display());
    fs::write(&policy, text).unwrap();
    let gate = |request: &str, code| {
        let mut gate = request_to(&program, request);
        gate.arg("--config").arg(&policy);
        contestant(&format!("dockgate: {request}"), gate, code)
    };
    let floor = |words: &[&str], code| {
        let mut command = alone(&floor);
        command.arg(path("log.sock")).args(words);
        contestant(&format!("floor.c {}", words.join(" ")), command, code)
    };
    let mut own = [
        contestant("/bin/true", alone(Path::new("/bin/true")), 0),
        floor(&[], 77),
        gate("docker exec web sh", 77),
        floor(&["/bin/true"], 0),
        gate("docker ps", 0),
        gate("docker run -d --name web -p 80:80 -e A=b --memory 64m nginx nginx -g 'daemon off;'", 0),
    ];
    run(&mut own, ROUNDS);
    println!("other gates, with what they can: /bin/true or `true` allowed");
    let mut others = vec![contestant("/bin/true", alone(Path::new("/bin/true")), 0)];
    others.push(gate("docker ps", 0));
    others.extend(peers(directory.path()));
    run(&mut others, PEER_ROUNDS);
    println!("not measured: sshdo, which is in no package archive that this is built from");
}

/// Without any variable: a locale costs /bin/true more than it costs the gate.
fn alone(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    command
}

fn request_to(program: &Path, request: &str) -> Command {
    let mut command = alone(program);
    command.env("SSH_ORIGINAL_COMMAND", request).env("SSH_CONNECTION", "192.0.2.7 51514 192.0.2.1 22");
    command.env("SSH_CLIENT", "192.0.2.7 51514 22");
    command
}

fn floor(path: &Path) -> PathBuf {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/floor.c");
    let built = Command::new("cc").args(["-O2", "-static", "-o"]).arg(path).arg(source).status();
    assert!(built.expect("a C compiler").success());
    path.to_owned()
}

/// Wrappers as administrators write them, and the gates that `scripts/lab.sh install-peers` has installed.
fn peers(directory: &Path) -> Vec<Contestant> {
    let mut found = Vec::new();
    let log = directory.join("log.sock");
    for shell in ["bash", "dash"] {
        let wrapper = directory.join(shell);
        let logger = format!("logger -u {} -t gate -p authpriv.info", log.display());
        let text = format!(
            "#!/bin/{shell}\ncase $SSH_ORIGINAL_COMMAND in 'docker ps'*) ;; *) {logger} \"deny $SSH_ORIGINAL_COMMAND\"; exit 77 ;; esac\n\
             {logger} \"allow $SSH_ORIGINAL_COMMAND\" || exit 69\n/bin/true ps\ncode=$?\n{logger} \"end $code\"\nexit $code\n"
        );
        fs::write(&wrapper, text).unwrap();
        fs::set_permissions(&wrapper, PermissionsExt::from_mode(0o755)).unwrap();
        let mut command = request_to(&wrapper, "docker ps");
        command.env("PATH", "/usr/bin:/bin");
        found.push(contestant(&format!("{shell} and logger: docker ps"), command, 0));
    }
    let installed = std::env::var_os("DOCKGATE_PEERS").map(PathBuf::from).unwrap_or_default();
    let authprogs = directory.join("authprogs.yaml");
    fs::write(&authprogs, "-\n  allow:\n    command: /bin/true\n").unwrap();
    let lshell = directory.join("lshell.conf");
    let text = format!(
        "[global]\nlogpath : {}\nloglevel : 2\n[default]\nallowed : ['true']\noverssh : ['true']\nforbidden : [';']\nwarning_counter : 2\n",
        directory.display()
    );
    fs::write(&lshell, text).unwrap();
    let of = |name: &str, request: &str, words: &[&str], file: &Path| {
        let mut command = request_to(&installed.join(name), request);
        command.env("HOME", directory).env("USER", "root").env("LOGNAME", "root").env("PATH", "/usr/bin:/bin");
        command.args(words.iter().map(|word| if *word == "FILE" { file.as_os_str() } else { word.as_ref() }));
        contestant(&format!("{name}: {request}"), command, 0)
    };
    for mut peer in [
        of("authprogs", "/bin/true", &["--run", "--configfile", "FILE"], &authprogs),
        of("lshell", "true", &["--config", "FILE", "-c", "true"], &lshell),
    ] {
        match peer.command.stdin(Stdio::null()).output() {
            Ok(output) if output.status.success() => found.push(peer),
            Ok(output) => println!("not measured: {}: {}", peer.name, String::from_utf8_lossy(&output.stderr).trim()),
            Err(error) => println!("not measured: {}: {error}", peer.name),
        }
    }
    found
}

fn run(contestants: &mut [Contestant], rounds: usize) {
    for _ in 0..rounds {
        for Contestant { name, command, code, times } in contestants.iter_mut() {
            times.push(time(name, command, *code));
        }
    }
    let first = contestants.first_mut().map(|first| figures(&mut first.times)).expect("the first");
    println!("{rounds} rounds: median and best, each with its ratio to the first's");
    for Contestant { name, times, .. } in contestants {
        let own = figures(times);
        let show = |own: Duration, first: Duration| {
            format!("{:7.3} ms {:6.2}", own.as_secs_f64() * 1000.0, own.as_secs_f64() / first.as_secs_f64())
        };
        println!("{}   {}   {name}", show(own.0, first.0), show(own.1, first.1));
    }
}

fn time(name: &str, command: &mut Command, code: i32) -> Duration {
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).output().unwrap();
    let taken = start.elapsed();
    assert_eq!(output.status.code(), Some(code), "{name}; the gate needs root here: its policy file must be root's");
    taken
}

/// The median, and the best: the one tells what to expect, the other what it takes where nobody else has the processor.
fn figures(times: &mut [Duration]) -> (Duration, Duration) {
    times.sort();
    (*times.get(times.len() / 2).expect("at least one round"), *times.first().expect("at least one round"))
}
