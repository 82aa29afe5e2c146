//! The oracle: whatever the gate allows must, run by the real docker, do nothing that the policy forbids.
//!
//! Generated requests are judged by the gate. What it allows is run, as rebuilt, by docker 28.5 (with
//! Compose 2.40 and buildx 0.29) and 20.10 against a recording daemon, in a directory where every file, every
//! program started and a second daemon are watched.
//!
//! `DOCKGATE_ORACLE_RUNS` is the number of requests to judge, `DOCKGATE_ORACLE_SEED` where chance starts.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "it runs docker and looks at what that did")]

mod engine;
mod generate;
mod grpc;
mod judge;
mod run;

use dockgate::docker::{Component, Invocation};
use dockgate::exec::Account;
use dockgate::gate::{Action, Gate};
use dockgate::policy::Policy;
use generate::Random;
use run::{CANARIES, Flavour, Place};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

const DEFAULT_RUNS: usize = 1200;
const THREADS: u32 = 2;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// Commands whose verdict depends on a Compose project are not run here.
fn is_skipped(invocation: &Invocation) -> bool {
    invocation.loads_project()
}

/// What the threads share.
#[derive(Default)]
struct Tally {
    judged: usize,
    allowed: usize,
    skipped: usize,
    run: usize,
    late: BTreeMap<String, usize>,
    calls: usize,
    /// What was run already: argument vector, docker, directory, policy.
    done: BTreeSet<(Vec<String>, Flavour, bool, bool)>,
    /// Allowed by the gate, refused by docker.
    usage: BTreeMap<String, (usize, String)>,
    /// What is wrong, with an example and a number.
    findings: BTreeMap<String, (usize, String)>,
}

/// The working directory is the process's own, so only one request is judged at a time.
static JUDGING: Mutex<()> = Mutex::new(());

fn policies(place: &Place) -> [Policy; 2] {
    let host = format!("unix://{}", place.path("a.sock").display());
    // Nothing can be written there, not even by root, whom access(2) never refuses.
    let config = PathBuf::from("/nonexistent/docker");
    let strict = Policy { host, config, ..Policy::default() };
    let granting = format!(
        "[docker]\nhost = \"{}\"\nconfig = \"/nonexistent/docker\"\n[host]\nbind_mounts = [\"{home}/project/data:ro\", \"{out}/srv\"]\ndevices = [\"/dev/fuse\"]\ncapabilities = [\"NET_ADMIN\"]\nnamespaces = [\"network\"]\n",
        strict.host,
        home = place.path("home").display(),
        out = place.path("outside").display(),
    );
    [strict, Policy::from_toml(&granting).expect("a policy")]
}

fn gate(place: &Place, policy: &Policy) -> Gate {
    Gate {
        policy: policy.clone(),
        profile: "default".to_owned(),
        account: Account { name: "ai-worker".to_owned(), home: place.path("home"), locale: vec![] },
        parent: nix::unistd::getppid(),
    }
}

/// Judges a request, and runs what is allowed.
fn examine(place: &Place, gates: &[Gate; 2], random: &mut Random, words: &[String], tally: &Mutex<Tally>) {
    let words: Vec<String> = words.iter().map(|word| place.fill(word)).collect();
    let request = shell_words::join(&words);
    let granting = random.one_in(5);
    let in_project = !random.one_in(4);
    let gate = &gates[usize::from(granting)];
    let decision = {
        let _one = JUDGING.lock().unwrap_or_else(PoisonError::into_inner);
        std::env::set_current_dir(place.path(if in_project { "home/project" } else { "home" })).expect("a directory");
        gate.decide(request.as_bytes(), false)
    };
    let lock = || tally.lock().unwrap_or_else(PoisonError::into_inner);
    lock().judged += 1;
    let Ok(permit) = &decision.verdict else { return };
    let Action::Docker(invocation) = permit.subject() else { return };
    lock().allowed += 1;
    let argv = invocation.argv();
    let example = |what: &str| {
        format!(
            "  request: {}\n  argv:    docker {}\n{what}",
            place.hide(&request),
            place.hide(&shell_words::join(&argv))
        )
    };
    let finding = |kind: String, what: String| {
        lock().findings.entry(kind).or_insert_with(|| (0, example(&what))).0 += 1;
    };
    if Invocation::from_args(&argv).as_ref() != Ok(invocation) {
        finding("argv() is not read as what it was made from".to_owned(), String::new());
    }
    if is_skipped(invocation) {
        lock().skipped += 1;
        return;
    }
    let flavour = match random.below(20) {
        0..12 => Flavour::New,
        12..15 => Flavour::NewAlone,
        15..18 => Flavour::Old,
        _ => Flavour::OldBuildKit,
    };
    let hidden = argv.iter().map(|word| place.hide(word)).collect();
    if !lock().done.insert((hidden, flavour, in_project, granting)) {
        return;
    }
    let mut environment = gate.account.environment(&gate.policy);
    if invocation.component() != Component::Docker {
        environment.push(("BUILDX_CONFIG".into(), place.path("state/buildx").into()));
    }
    let seen = place.run(flavour, &argv, &environment, in_project);
    let directory = place.path(if in_project { "home/project" } else { "home" });
    let context = judge::Run {
        command: &decision.command,
        grants: &gate.policy.grants,
        directory: &directory,
        canaries: CANARIES,
    };
    let mut shown =
        format!("  with:    {flavour:?}, {}\n", if granting { "granting policy" } else { "default policy" });
    for call in &seen.calls {
        let _ = writeln!(shown, "  call:    {}", place.hide(&call.to_string()));
    }
    let _ = writeln!(shown, "  stderr:  {}", seen.errors.trim_end().replace('\n', " / "));
    for call in &seen.calls {
        if let Some(fault) = judge::fault(call, &context) {
            let route: Vec<&str> = call.path.split('/').take(3).collect();
            finding(
                format!("{}: {} {}: {}", decision.command, call.method, route.join("/"), place.hide(&fault)),
                shown.clone(),
            );
        }
    }
    for call in &seen.elsewhere {
        finding(
            format!("{}: another daemon was contacted: {} {}", decision.command, call.method, call.path),
            shown.clone(),
        );
    }
    for effect in &seen.effects {
        finding(format!("{}: {effect}", decision.command), shown.clone());
    }
    for canary in CANARIES.iter().filter(|canary| seen.errors.contains(**canary)) {
        finding(format!("{}: {canary} in its messages", decision.command), shown.clone());
    }
    let mut tally = lock();
    tally.run += 1;
    tally.calls += seen.calls.len();
    if seen.late {
        *tally.late.entry(decision.command.clone()).or_default() += 1;
    }
    let refused = [
        "unknown flag",
        "unknown shorthand",
        "unknown command",
        "is not a docker command",
        "invalid argument",
        "bad flag",
        "requires ",
    ];
    if seen.code != Some(0)
        && let Some(line) = seen.errors.lines().find(|line| refused.iter().any(|text| line.contains(text)))
    {
        let kind = refused.iter().find(|text| line.contains(**text)).unwrap_or(&"");
        let version = if matches!(flavour, Flavour::New | Flavour::NewAlone) { "28.5" } else { "20.10" };
        let option = line.split(['\'', '"', ':']).map(str::trim).find(|part| part.starts_with('-')).unwrap_or("");
        let kind = match *kind {
            "requires " | "invalid argument" => format!("{version}: {kind}"),
            _ => format!("{version}: {}: {kind} {option}", decision.command),
        };
        tally.usage.entry(kind).or_insert_with(|| (0, example(&format!("  stderr:  {line}\n")))).0 += 1;
    }
}

#[test]
fn what_is_allowed_does_nothing_forbidden() {
    run::require_dockers();
    let runs = usize::try_from(number("DOCKGATE_ORACLE_RUNS", DEFAULT_RUNS as u64)).expect("a count");
    let seed = number("DOCKGATE_ORACLE_SEED", 1);
    let start = Instant::now();
    let enumerated = generate::enumerated().count();
    let step = (enumerated * 2 / runs.max(1)).max(1);
    let offset = usize::try_from(seed).unwrap_or(0) % step;
    let source = Mutex::new((generate::enumerated().skip(offset).step_by(step), 0));
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for number in 0..THREADS {
            let (source, tally) = (&source, &tally);
            scope.spawn(move || {
                let place = Place::new(number);
                let [strict, granting] = policies(&place);
                let gates = [gate(&place, &strict), gate(&place, &granting)];
                loop {
                    let (index, listed) = {
                        let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
                        source.1 += 1;
                        let index = source.1;
                        (index, if index % 2 == 0 { source.0.next() } else { None })
                    };
                    if index > runs {
                        break;
                    }
                    // Every request has chance of its own, so that a line can be found again by its number.
                    let mut random = Random(seed.wrapping_mul(1 << 32).wrapping_add(index as u64));
                    let words = listed.unwrap_or_else(|| generate::random(&mut random));
                    examine(&place, &gates, &mut random, &words, tally);
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    eprintln!(
        "oracle: seed {seed}: {} requests judged (of {enumerated} listed ones every {step}th), {} allowed, {} of them for Compose projects and not run, {} different runs of docker with {} API calls, {} ended by the clock, in {:?}",
        tally.judged,
        tally.allowed,
        tally.skipped,
        tally.run,
        tally.calls,
        tally.late.values().sum::<usize>(),
        start.elapsed()
    );
    eprintln!("oracle: ended by the clock: {:?}", tally.late);
    eprintln!(
        "oracle: allowed, and refused by docker's own parser: {}",
        tally.usage.values().map(|(count, _)| count).sum::<usize>()
    );
    for (kind, (count, example)) in &tally.usage {
        eprintln!("{count:6} {kind}\n{example}");
    }
    let mut report = String::new();
    for (kind, (count, example)) in &tally.findings {
        let _ = writeln!(report, "{count} × {kind}\n{example}");
    }
    assert!(tally.findings.is_empty(), "{} findings with seed {seed}:\n{report}", tally.findings.len());
}

/// Without docker, many more: what is allowed is read back from its own argument vector as itself.
#[test]
fn what_is_allowed_is_read_back_as_itself() {
    let mut random = Random(number("DOCKGATE_ORACLE_SEED", 1));
    let policy = Policy::default();
    let mut understood = 0;
    for words in
        generate::enumerated().step_by(37).chain((0..20_000).map(|_| generate::random(&mut random)).collect::<Vec<_>>())
    {
        let Some((_, args)) = words.split_first() else { continue };
        let Ok(invocation) = Invocation::from_args(args) else { continue };
        understood += 1;
        let argv = invocation.argv();
        let again = Invocation::from_args(&argv);
        assert_eq!(again.as_ref(), Ok(&invocation), "{words:?}\n{argv:?}");
        let demands =
            |invocation: &Invocation| invocation.demands().into_iter().map(|demand| demand.want).collect::<Vec<_>>();
        let endpoint = |want: &dockgate::demand::Want| matches!(want, dockgate::demand::Want::Endpoint { .. });
        let asked: Vec<_> = demands(&invocation).into_iter().filter(|want| !endpoint(want)).collect();
        assert_eq!(again.map(|again| demands(&again)), Ok(asked), "{words:?}\n{argv:?}");
        let _ = policy.screen(&invocation.demands());
    }
    assert!(understood > 10_000, "{understood}");
}
