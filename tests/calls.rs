//! Docker's API, call by call: what real clients send is understood, what is made to be read in two ways is not,
//! and what goes on to the daemon means what was judged.
//!
//! `fixtures/calls/*.http` were recorded by `scripts/record-calls.py`; `corpus/calls.txt` has raw requests with a
//! reason before each.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "these are tests"
)]

use dockgate::api::call::Call;
use dockgate::api::forward::{Forward, Payload, Resolved};
use dockgate::api::head::{Framing, Head};
use dockgate::api::labels::Ownership;
use dockgate::api::route::{Reading, Route};
use dockgate::demand::{Demand, Object, Want};
use dockgate::denial::Denial;
use dockgate::docker::Invocation;
use dockgate::facts::{Facts, Volume};
use dockgate::policy::Policy;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn path(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(below)
}

/// A request as it comes over a connection; the body of a stream is left out.
fn understand(bytes: &[u8]) -> Result<(Head, Call), Denial> {
    let (head, used) = Head::parse(bytes)?.expect("a whole head");
    let route = Route::of(&head)?;
    // Recordings leave out the white space around a body.
    let body = if matches!(route.reading(), Reading::Whole(_)) { &bytes[used..] } else { &[] };
    Call::of(route, body).map(|call| (head, call))
}

fn forward(call: &Call) -> Forward {
    let owner = Ownership { key: Some("hermes".to_owned()), account: "ai-worker".to_owned(), id: "0a".to_owned() };
    call.forward(&Resolved::default(), &owner)
}

fn bytes(forward: &Forward, framing: Framing) -> Vec<u8> {
    let mut bytes = forward.head(framing);
    if let Payload::Whole(json) = &forward.body {
        bytes.extend(json);
    }
    bytes
}

/// What the default policy says where every volume is a plain one, and no container is there.
fn verdict(call: &Call) -> Result<(), Denial> {
    let demands = call.demands();
    let lengths = [Object::Container, Object::Network, Object::Volume].map(|object| (object, Ok(0)));
    let mut facts =
        Facts { containers: Some(Ok(Vec::new())), lengths: lengths.into_iter().collect(), ..Facts::default() };
    for object in [Object::Image, Object::Network, Object::Volume] {
        facts.listed.insert(object, Ok(Vec::new()));
    }
    for demand in &demands {
        if let Want::Volume { name } = &demand.want {
            facts.volumes.insert(name.clone(), Volume::Plain);
        }
    }
    Policy::default().judge((), &demands, &facts).map(|_| ())
}

/// A line of a corpus: `METHOD TARGET [JSON]`, or a raw request with its line ends as `\r\n`.
fn raw(line: &str) -> Vec<u8> {
    if line.contains("\\r\\n") || line.contains("\\n") && line.contains(" HTTP/1.1\\n") {
        let text = line.replace("\\r", "\r").replace("\\n", "\n").replace("\\x0b", "\u{b}");
        return text.into_bytes();
    }
    let (request, body) = match line.find(" {").or_else(|| line.find(" [")) {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (line, ""),
    };
    let kind = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    format!("{request} HTTP/1.1\r\nHost: x\r\n{}\r\n{body}", if body.is_empty() { "" } else { &kind }).into_bytes()
}

/// The lines of a corpus.
fn corpus(name: &str) -> Vec<String> {
    let text = fs::read_to_string(path("corpus/calls").join(name)).unwrap();
    text.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")).map(str::to_owned).collect()
}

/// The requests of a recording, each with the command that sent it.
fn recorded(file: &Path) -> Vec<(String, Vec<u8>)> {
    let mut command = String::new();
    let text = fs::read_to_string(file).unwrap();
    let mut requests = Vec::new();
    for block in text.split("%%\n").filter(|block| !block.trim().is_empty()) {
        let (marks, lines): (Vec<_>, Vec<_>) = block.lines().partition(|line| line.starts_with("# "));
        if let Some(mark) = marks.last() {
            command = (*mark).trim_start_matches("# ").to_owned();
        }
        let (head, body) = lines
            .iter()
            .position(|line| line.is_empty())
            .map_or((&lines[..], ""), |empty| (&lines[..empty], lines[empty + 1]));
        requests.push((command.clone(), format!("{}\r\n\r\n{body}", head.join("\r\n")).into_bytes()));
    }
    requests
}

fn recordings() -> Vec<(String, String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(path("fixtures/calls")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let requests = |file: &PathBuf| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        recorded(file).into_iter().map(move |(command, request)| (name.clone(), command, request))
    };
    files.iter().flat_map(requests).collect()
}

#[test]
fn what_real_clients_send_is_understood_and_judged() {
    let mut text = String::new();
    let mut before = String::new();
    let all = recordings();
    assert!(all.len() >= 200, "{}", all.len());
    for (_, command, request) in &all {
        if *command != before {
            writeln!(text, "# {command}").unwrap();
            before.clone_from(command);
        }
        let (_, call) = understand(request).unwrap_or_else(|denial| {
            panic!("{command}: {}: {denial}", String::from_utf8_lossy(request));
        });
        let verdict = verdict(&call).map_or_else(|denial| denial.reason.code().to_owned(), |()| "ok".to_owned());
        writeln!(text, "{verdict}: {} = {}", call.shown(), call.operation()).unwrap();
        for demand in call.demands().iter().filter(|demand| !matches!(demand.want, Want::Operation { .. })) {
            writeln!(text, "    {:?}", demand.want).unwrap();
        }
    }
    insta::assert_snapshot!("recorded_calls", text);
}

#[test]
fn what_goes_on_to_the_daemon_means_what_was_judged() {
    for (_, command, request) in recordings() {
        let Ok((head, call)) = understand(&request) else { continue };
        let forward_ = forward(&call);
        let again =
            understand(&bytes(&forward_, head.framing)).unwrap_or_else(|denial| panic!("{command}: {denial}")).1;
        assert_eq!(forward(&again), forward_, "{command}");
        let of_the_gate =
            |demand: &Demand| matches!(&demand.want, Want::Label { name } if name.starts_with("dockgate."));
        let demands = |call: &Call| call.demands().into_iter().filter(|d| !of_the_gate(d)).collect::<Vec<_>>();
        assert_eq!(demands(&again), demands(&call), "{command}");
    }
}

#[test]
fn what_is_made_is_marked_also_where_nothing_is_said_of_it() {
    for request in [
        "POST /v1.51/commit?container=web&repo=mine",
        "POST /v1.51/volumes/create",
        "POST /v1.51/containers/create?name=web",
        "POST /v1.51/networks/create",
    ] {
        let head = format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n");
        let Ok((_, call)) = understand(head.as_bytes()) else { panic!("{request}") };
        let dockgate::api::forward::Payload::Whole(body) = forward(&call).body else { panic!("{request}: no body") };
        let body = String::from_utf8(body).unwrap();
        assert!(body.contains("\"dockgate.account\":") && body.contains("\"dockgate.key\":"), "{request}: {body}");
    }
}

#[test]
fn what_is_made_to_be_read_otherwise_is_refused() {
    let (mut text, mut wrong) = (String::new(), Vec::new());
    for line in corpus("deny.txt") {
        let (reason, request) = line.split_once(' ').unwrap();
        let understood = understand(&raw(request));
        if let Err(denial) = &understood {
            let Denial { message, hint, .. } = denial;
            writeln!(text, "{request}\n    ERROR: {message}\n    hint: {hint}").unwrap();
        }
        let Err(denial) = understood.and_then(|(_, call)| verdict(&call)) else {
            wrong.push(format!("allowed: {request}"));
            continue;
        };
        if denial.reason.code() != reason {
            wrong.push(format!("{}: {request}: {denial}", denial.reason.code()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    insta::assert_snapshot!("refused_calls", text);
}

#[test]
fn what_clients_may_say_is_allowed_and_means_the_same_when_it_goes_on() {
    for line in corpus("allow.txt") {
        let (head, call) = understand(&raw(&line)).unwrap_or_else(|denial| panic!("{line}: {denial}"));
        verdict(&call).unwrap_or_else(|denial| panic!("{line}: {denial}"));
        let once = forward(&call);
        let again = understand(&bytes(&once, head.framing)).unwrap_or_else(|denial| panic!("{line}: {denial}")).1;
        assert_eq!(forward(&again), once, "{line}");
    }
}

#[test]
fn a_command_s_calls_are_known_as_parts_of_it() {
    let mut missing = std::collections::BTreeSet::new();
    for (_, command, request) in recordings().into_iter().filter(|(file, ..)| !file.starts_with("docker-py")) {
        let words = command.trim_start_matches("DOCKER_BUILDKIT=0 ").trim_start_matches("timeout -s INT 4 ");
        let words = words.split(' ').skip(usize::from(words.starts_with("docker ")));
        let words: Vec<String> = words.map(str::to_owned).collect();
        // The first of a file has no mark.
        let Ok(invocation) = Invocation::from_args(&words) else { continue };
        let (_, call) = understand(&request).unwrap();
        // What these are is told by the state of the container.
        let by_state = ["/containers/{container}/attach", "/containers/{container}/archive"];
        let by_state = by_state.contains(&call.endpoint().path) && !["attach", "cp"].contains(&invocation.name());
        // What its options ask for is judged by itself: `down --volumes` is `volume rm`.
        let asked = invocation
            .demands()
            .into_iter()
            .any(|demand| matches!(demand.want, Want::Operation { name, instead: true } if name == call.operation()));
        if !command.is_empty() && !by_state && !asked && !call.is_part_of(invocation.name()) {
            missing.insert(format!("{}: {}", invocation.name(), call.name()));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_route_of_the_daemon_is_known_or_left_out_on_purpose() {
    let routes = fs::read_to_string(path("fixtures/routes-28.5.txt")).unwrap();
    assert_eq!(routes.lines().count(), 121);
    let mut unknown = Vec::new();
    for route in routes.lines() {
        // A name for each placeholder.
        let mut asked = String::new();
        for part in route.split_inclusive(['{', '}']) {
            match part.strip_suffix('}') {
                Some(_) => asked.push_str("0a"),
                None => asked.push_str(part.trim_end_matches('{')),
            }
        }
        let query = if asked.ends_with("/images/create") { "?fromImage=a&tag=b" } else { "" };
        let upgrade = if asked.ends_with("/grpc") || asked.ends_with("/session") {
            "Connection: Upgrade\r\nUpgrade: h2c\r\n"
        } else {
            ""
        };
        if understand(format!("{asked}{query} HTTP/1.1\r\n{upgrade}\r\n").as_bytes()).is_err() {
            unknown.push(route);
        }
    }
    // Debugging, a path with an empty segment, and a method that no client uses.
    unknown.retain(|route| !route.starts_with("GET /debug/"));
    assert_eq!(unknown, ["GET /networks/", "OPTIONS /{anyroute:.*}"]);
}

#[test]
fn the_classic_builder_is_not_told_which_images_are_granted() {
    let (_, call) = understand(&raw("POST /build?t=a")).unwrap();
    let policy = |text: &str| Policy::from_toml(text).unwrap();
    let judged = |policy: &Policy| policy.judge((), &call.demands(), &Facts::default()).map(drop);
    let granted = policy("[limits]\nimages = ['busybox']\n");
    assert_eq!(judged(&granted).unwrap_err().reason.code(), "limit");
    assert!(judged(&policy("")).is_ok());
}

/// What of a call its record keeps asks for the same as the call itself, so that a log can be judged again.
#[test]
fn a_call_is_read_back_from_its_record_as_it_was_judged() {
    let mut bodies = 0;
    for (_, command, request) in recordings() {
        let (head, call) = understand(&request).expect(&command);
        if matches!(head.target.path.last().map(String::as_str), Some("grpc" | "session")) {
            continue;
        }
        let shown = call.shown();
        let read = Call::of_record(&shown).unwrap_or_else(|| panic!("{command}: {shown}"));
        // What is secret is asked for by its key alone.
        let asked = |call: &Call| call.demands().iter().map(|demand| demand.want.clone()).collect::<Vec<_>>();
        assert_eq!(asked(&read), asked(&call), "{command}: {shown}");
        bodies += usize::from(shown.contains(" {"));
    }
    assert!(bodies >= 30, "{bodies}");
}
