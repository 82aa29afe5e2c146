//! The real daemon: whatever the gate lets pass, by words or by calls, leaves alone what the policy keeps from the key, and
//! makes nothing that it does not give.
//!
//! `DOCKGATE_ORACLE_REAL_RUNS` is the number of requests, `DOCKGATE_ORACLE_SEED` where chance starts.

mod check;
mod law;
mod requests;
mod world;

use crate::generate::Random;
use crate::support::Lab;
use law::Law;
use requests::Request;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use world::World;

/// The label of the key whose requests these are.
const KEY: &str = "oracle";

/// How many requests are judged where nobody says how many.
const DEFAULT_RUNS: u64 = 60;

/// How a request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// By its words, which are judged, as are the calls of the docker that is started for it.
    Words,
    /// From a docker on the far side, so that nothing but its calls is judged.
    Calls,
}

/// A gate that serves the API; ended with the test.
struct Proxy {
    child: Child,
    socket: PathBuf,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Proxy {
    fn start(lab: &Lab, policy: &std::path::Path) -> Self {
        let account = nix::unistd::User::from_name(lab.value("ACCOUNT")).expect("accounts").expect("the lab's");
        let group = nix::unistd::Group::from_gid(account.gid).expect("groups").expect("the lab's").name;
        let socket = lab.directory.join("real.sock");
        let mut command = Command::new("/usr/bin/env");
        command.arg("--default-signal").arg(lab.directory.join("dockgate")).arg("--config").arg(policy);
        command.args(["--key", KEY, "proxy", "--group", &group, "--listen"]).arg(&socket);
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("the proxy");
        let proxy = Self { child, socket };
        crate::support::until("the proxy listens", || UnixStream::connect(&proxy.socket).is_ok());
        proxy
    }

    fn command(&self, lab: &Lab, request: &Request) -> Command {
        let account = lab.value("ACCOUNT");
        let mut command = Command::new("/usr/bin/timeout");
        command.args(["-k", "2", "30", "/usr/bin/setpriv", "--reuid", account, "--regid", account, "--init-groups"]);
        command.arg(lab.value("DOCKER")).args(request.words.iter().skip(1));
        command.env_clear().env("HOME", lab.home()).env("PATH", "/usr/bin:/bin").current_dir(lab.home());
        command.env("DOCKER_HOST", format!("unix://{}", self.socket.display()));
        command.env("DOCKER_CONFIG", lab.value("CONFIG")).env("BUILDX_CONFIG", lab.home().join("buildx"));
        command
    }
}

/// What a request came to.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn run(mut command: Command, input: &str) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("a request");
    let mut stdin = child.stdin.take().expect("its input");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().expect("its end");
    writer.join().expect("its input was written");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

/// What came of a number of requests.
#[derive(Default)]
struct Tally {
    refused: [u32; 2],
    passed: [u32; 2],
    worked: u32,
    changed: u32,
    /// What is wrong, with a number and an example.
    findings: BTreeMap<String, (usize, String)>,
}

/// Where requests are sent.
struct Site {
    lab: &'static Lab,
    world: World,
    policy: PathBuf,
    base: String,
    proxy: Proxy,
}

impl Site {
    fn new() -> Self {
        let lab = Lab::shared();
        let world = World::build(lab);
        let policy = lab.directory.join("real.toml");
        let base = std::fs::read_to_string(lab.value("POLICY")).expect("the lab's policy");
        std::fs::write(&policy, &base).expect("a policy");
        let proxy = Proxy::start(lab, &policy);
        Self { lab, world, policy, base, proxy }
    }

    /// Sends a request under a policy of chance, and compares. `told`: the gate knows of that policy.
    fn examine(&mut self, seed: u64, index: u64, told: bool, tally: &mut Tally) {
        // Every request has chance of its own, so that one can be found again by its number.
        let mut random = Random(seed.wrapping_mul(1 << 32).wrapping_add(index));
        let law = Law::random(&mut random, &self.world.grounds);
        let text = if told { law.text() } else { "[commands]\nblocked = []\n".to_owned() };
        let new = self.policy.with_extension("new");
        std::fs::write(&new, format!("{text}\n{}", self.base)).expect("a policy");
        std::fs::rename(&new, &self.policy).expect("a policy");
        let request = requests::random(&mut random, &self.world);
        let way = if random.one_in(2) { Way::Words } else { Way::Calls };
        let command = match way {
            Way::Words => {
                let mut command = self.lab.gate(&self.policy, shell_words::join(&request.words).as_bytes());
                command.args(["--key", KEY]);
                command
            }
            Way::Calls => self.proxy.command(self.lab, &request),
        };
        let ran = run(command, &request.input);
        let denied = ran.code == 77 || ran.err.contains("\nreason: ");
        let which = if denied { &mut tally.refused } else { &mut tally.passed };
        which[usize::from(way == Way::Calls)] += 1;
        tally.worked += u32::from(ran.code == 0);
        let after = self.world.look();
        let mut faults = check::faults(&self.world, &law, &after, (&request, way == Way::Words), &ran.out);
        if way == Way::Words && ran.code == 77 && after != self.world.before {
            faults.push("a refused request changed something".to_owned());
        }
        for fault in faults {
            let mut example = String::new();
            let words = shell_words::join(&request.words);
            let _ =
                write!(example, "  number:  {index}, by {way:?}\n  request: {words}\n  input:   {:?}\n", request.input);
            let _ = write!(example, "  policy:\n{}  code:    {}\n", law.text(), ran.code);
            let _ = write!(example, "  stdout:  {:.600}\n  stderr:  {:.600}\n", ran.out, ran.err);
            tally.findings.entry(fault).or_insert_with(|| (0, example)).0 += 1;
        }
        if after != self.world.before {
            tally.changed += 1;
            self.world.restore(&after);
        }
    }
}

#[test]
fn what_is_allowed_leaves_what_the_policy_keeps() {
    let runs = crate::number("DOCKGATE_ORACLE_REAL_RUNS", DEFAULT_RUNS);
    let seed = crate::number("DOCKGATE_ORACLE_SEED", 1);
    let begun = Instant::now();
    let mut site = Site::new();
    let mut tally = Tally::default();
    for index in 0..runs {
        site.examine(seed, index, true, &mut tally);
    }
    let Tally { refused, passed, worked, changed, findings } = tally;
    eprintln!(
        "oracle: on a real daemon, seed {seed}: {runs} requests, by words {} refused and {} not, by calls {} refused and {} not, {worked} did what they were to, {changed} changed something, in {:?}",
        refused[0],
        passed[0],
        refused[1],
        passed[1],
        begun.elapsed()
    );
    let mut report = String::new();
    for (kind, (count, example)) in &findings {
        let _ = writeln!(report, "{count} × {kind}\n{example}");
    }
    assert!(findings.is_empty(), "{} findings with seed {seed}:\n{report}", findings.len());
    assert!(u64::from(changed) * 20 > runs, "hardly anything was done");
    // The same without a word of it to the gate: what the policy keeps is not kept, and that is seen.
    let mut untold = Tally::default();
    for index in 0..DEFAULT_RUNS {
        site.examine(seed, index, false, &mut untold);
    }
    let kinds: Vec<&String> = untold.findings.keys().collect();
    eprintln!("oracle: of a gate that knows of no policy {} kinds of findings: {kinds:?}", kinds.len());
    assert!(kinds.len() > 5, "a gate that knows of no policy is not found out: {kinds:?}");
}
