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
mod projects;
mod real;
mod run;
#[expect(dead_code, reason = "the other end-to-end tests use the rest")]
#[path = "../support/mod.rs"]
mod support;

use dockgate::decision::Action;
use dockgate::demand::Want;
use dockgate::docker::row::Ask;
use dockgate::docker::{Component, Invocation};
use dockgate::gate::Gate;
use dockgate::policy::Policy;
use dockgate::request::account::Account;
use generate::{Listed, Random};
use run::{CANARIES, Flavour, Place};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

const DEFAULT_RUNS: usize = 400;
const THREADS: u32 = 2;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// Requests about the same plain Compose project are many, and Compose is slow: every eighth will do.
fn is_spared(random: &mut Random, words: &[String]) -> bool {
    let args = words.get(1..).unwrap_or_default();
    Invocation::from_args(args).is_ok_and(|invocation| invocation.project_use().is_some()) && !random.one_in(8)
}

/// How often docker is run with the same command and options, where values mean nothing to the policy.
const SAME_SHAPE: usize = 6;

/// The command, its options, those values that are judged, and whether an operand looks unlike a name.
type Shape = (&'static str, Vec<String>, bool, Flavour);

fn shape(invocation: &Invocation, flavour: Flavour) -> Shape {
    let given = invocation.root_options().iter().chain(invocation.options());
    let options = given.map(|given| if given.option.asks == Ask::Nothing { given.name() } else { given.word() });
    let odd = invocation.operands().iter().any(|operand| operand.contains(['/', '.', ':', '%', '?', '#']));
    (invocation.name(), options.collect(), odd, flavour)
}

/// What the threads share.
#[derive(Default)]
struct Tally {
    judged: usize,
    /// Not judged, see [`is_spared`].
    spared: usize,
    allowed: usize,
    run: usize,
    /// Not run, see [`SAME_SHAPE`].
    alike: usize,
    shapes: BTreeMap<Shape, usize>,
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

/// The default policy and one that grants something of everything.
fn policies(place: &Place) -> [Policy; 2] {
    let host = format!("unix://{}", place.path("a.sock").display());
    let strict = Policy { host, program: Some(Flavour::New.program()), ..Policy::default() };
    let granting = format!(
        "[host]\nbind_mounts = [\"{home}/project/data:ro\", \"{out}/srv\"]\ndevices = [\"/dev/fuse\"]\ncapabilities = [\"NET_ADMIN\"]\nnamespaces = [\"network\"]\n",
        home = place.path("home").display(),
        out = place.path("outside").display(),
    );
    let settings = Policy::from_toml(&granting).expect("a policy").settings;
    [strict.clone(), Policy { settings, ..strict }]
}

/// Compose resolves projects with docker's real configuration. Else the gate is shown one that nobody can
/// write, as on a host: these tests run as root, whom access(2) never refuses.
fn gate(place: &Place, policy: &Policy, project: bool) -> Gate {
    let config = if project { place.path("config") } else { PathBuf::from("/nonexistent/docker") };
    Gate::alone(
        Policy { config, ..policy.clone() },
        Account { name: "ai-worker".to_owned(), home: place.path("home"), locale: vec![] },
    )
}

fn has_endpoint(invocation: &Invocation) -> bool {
    invocation.demands().iter().any(|demand| matches!(demand.want, Want::Endpoint { .. }))
}

/// Judges a request, and runs what is allowed.
fn examine(place: &Place, random: &mut Random, words: &[String], tally: &Mutex<Tally>) {
    let words: Vec<String> = words.iter().map(|word| place.fill(word)).collect();
    let request = shell_words::join(&words);
    let granting = random.one_in(5);
    let in_project = !random.one_in(4);
    let project = Invocation::from_args(words.get(1..).unwrap_or_default())
        .is_ok_and(|invocation| invocation.project_use().is_some());
    let [strict, grants] = policies(place);
    let gate = gate(place, if granting { &grants } else { &strict }, project);
    let accessed = place.accesses(in_project);
    let decision = {
        let _one = JUDGING.lock().unwrap_or_else(PoisonError::into_inner);
        std::env::set_current_dir(place.path(if in_project { "home/project" } else { "home" })).expect("a directory");
        gate.decide(request.as_bytes(), false)
    };
    let lock = || tally.lock().unwrap_or_else(PoisonError::into_inner);
    lock().judged += 1;
    let read = place.read_since(&accessed);
    if !read.is_empty() {
        place.furnish();
        let kind = format!("{}: while it was judged, {}", decision.understood.command, read.join(", "));
        lock().findings.entry(kind).or_insert_with(|| (0, place.hide(&request))).0 += 1;
    }
    let Ok(permit) = &decision.verdict else { return };
    let Action::Docker(invocation) = permit.subject() else { return };
    lock().allowed += 1;
    // As exec does: the model goes with docker as an open file.
    let model = invocation.model().map(|model| dockgate::run::memory::memory_file(&model.text).expect("a memory file"));
    let variables = invocation.variables().iter();
    let variables: Vec<_> =
        variables.map(|text| dockgate::run::memory::memory_file(text).expect("a memory file")).collect();
    let paths: Vec<String> = variables.iter().map(dockgate::run::memory::path_of).collect();
    let argv = match &model {
        Some(file) => invocation.argv_with_model(&dockgate::run::memory::path_of(file), &paths),
        None => invocation.argv(),
    };
    let example = |what: &str| {
        let model =
            invocation.model().map_or_else(String::new, |model| format!("  model:   {}\n", place.hide(&model.text)));
        format!(
            "  request: {}\n  argv:    docker {}\n{model}{what}",
            place.hide(&request),
            place.hide(&shell_words::join(&argv))
        )
    };
    let finding = |kind: String, what: String| {
        lock().findings.entry(kind).or_insert_with(|| (0, example(&what))).0 += 1;
    };
    let again = Invocation::from_args(&argv);
    // The judged endpoint and the files of a project are not passed on.
    let rewritten = again.as_ref().map(Invocation::argv) != Ok(invocation.argv());
    let whole = invocation.command().is_some() && invocation.model().is_none() && !has_endpoint(invocation);
    let differs = whole && again.as_ref() != Ok(invocation);
    if differs || (rewritten && invocation.model().is_none()) {
        finding("argv() is not read as what it was made from".to_owned(), String::new());
    }
    let flavour = match random.below(20) {
        0..12 => Flavour::New,
        12..15 => Flavour::NewAlone,
        15..18 => Flavour::Old,
        _ => Flavour::OldBuildKit,
    };
    let model_text = invocation.model().map(|model| model.text.clone());
    let flavour = if project { Flavour::New } else { flavour };
    let hidden = argv.iter().chain(&model_text).map(|word| place.hide(word)).collect();
    {
        let mut tally = lock();
        if !tally.done.insert((hidden, flavour, in_project, granting)) {
            return;
        }
        let times = tally.shapes.entry(shape(invocation, flavour)).or_default();
        *times += 1;
        if !project && *times > SAME_SHAPE {
            tally.alike += 1;
            return;
        }
    }
    let state = || Ok(place.path("state"));
    let environment =
        dockgate::run::exec::environment(&gate.policy, &gate.account, invocation, state).expect("an environment");
    let seen = place.run(flavour, &argv, &environment, in_project);
    let directory = place.path(if in_project { "home/project" } else { "home" });
    let context = judge::Run {
        command: &decision.understood.command,
        grants: &gate.policy.settings,
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
                format!("{}: {} {}: {}", decision.understood.command, call.method, route.join("/"), place.hide(&fault)),
                shown.clone(),
            );
        }
    }
    for call in seen.elsewhere.iter().filter(|_| !judge::is_elsewhere_fine(&context)) {
        finding(
            format!("{}: another daemon was contacted: {} {}", decision.understood.command, call.method, call.path),
            shown.clone(),
        );
    }
    // The classic client keeps a Dockerfile from standard input there while BuildKit reads it, or nothing.
    let temporary = |effect: &&String| {
        ["docker-build-tempdockerfile-", "empty-dir"]
            .iter()
            .any(|name| effect.starts_with(&format!("made /tmp/{name}")))
    };
    for effect in seen.effects.iter().filter(|effect| !temporary(effect)) {
        finding(format!("{}: {effect}", decision.understood.command), shown.clone());
    }
    for canary in CANARIES.iter().filter(|canary| seen.errors.contains(**canary)) {
        finding(format!("{}: {canary} in its messages", decision.understood.command), shown.clone());
    }
    let mut tally = lock();
    tally.run += 1;
    tally.calls += seen.calls.len();
    if seen.late {
        *tally.late.entry(decision.understood.command.clone()).or_default() += 1;
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
        // Without buildx its options are unknown, and nothing comes of that.
        let alone = flavour != Flavour::New && invocation.component() != Component::Docker;
        let kind = match *kind {
            _ if alone => format!("{version} alone: {kind}"),
            "requires " | "invalid argument" => format!("{version}: {kind}"),
            _ => format!("{version}: {}: {kind} {option}", decision.understood.command),
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
    let listed = Listed::new();
    let next = AtomicUsize::new(0);
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for number in 0..THREADS {
            let (listed, next, tally) = (&listed, &next, &tally);
            scope.spawn(move || {
                let place = Place::new(number);
                loop {
                    let index = next.fetch_add(1, Ordering::SeqCst);
                    if index >= runs {
                        break;
                    }
                    // Every request has chance of its own, so that a line can be found again by its number.
                    let mut random = Random(seed.wrapping_mul(1 << 32).wrapping_add(index as u64));
                    let words = match index % 16 {
                        0 => {
                            let (words, file) = projects::random(&mut random);
                            place.put_project(&place.fill(&file));
                            words
                        }
                        1..8 => listed.line(random.below(listed.len)),
                        _ => generate::random(&mut random),
                    };
                    if index % 16 != 0 && is_spared(&mut random, &words) {
                        tally.lock().unwrap_or_else(PoisonError::into_inner).spared += 1;
                        continue;
                    }
                    examine(&place, &mut random, &words, tally);
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    eprintln!(
        "oracle: seed {seed}: {} requests judged, {} spared, {} allowed, {} different runs of docker with {} API calls, {} more like them left out, {} ended by the clock, in {:?}",
        tally.judged,
        tally.spared,
        tally.allowed,
        tally.run,
        tally.calls,
        tally.alike,
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

/// Without docker, many more: what is understood is read back from its own argument vector as itself.
#[test]
fn what_is_understood_is_read_back_as_itself() {
    let mut random = Random(number("DOCKGATE_ORACLE_SEED", 1));
    let listed = Listed::new();
    let mut understood = 0;
    for index in 0..8000 {
        let words = if index % 2 == 0 { listed.line(random.below(listed.len)) } else { generate::random(&mut random) };
        let Ok(invocation) = Invocation::from_args(words.get(1..).unwrap_or_default()) else { continue };
        understood += 1;
        let argv = invocation.argv();
        let again = Invocation::from_args(&argv);
        let wants = |invocation: &Invocation| -> Vec<Want> {
            let wants = invocation.demands().into_iter().map(|demand| demand.want);
            wants.filter(|want| !matches!(want, Want::Endpoint { .. })).collect()
        };
        assert_eq!(again.as_ref().map(Invocation::argv), Ok(argv.clone()), "{words:?}");
        assert_eq!(again.as_ref().map(wants), Ok(wants(&invocation)), "{words:?}\n{argv:?}");
        if invocation.command().is_some() && !has_endpoint(&invocation) {
            assert_eq!(again.as_ref(), Ok(&invocation), "{words:?}\n{argv:?}");
        }
    }
    assert!(understood > 3000, "{understood}");
}
