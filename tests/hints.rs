//! Hints: what a refusal proposes is permitted under the policy that refused, and what it asks the administrator to
//! grant is taken by `dockgate policy validate`, and then what was refused for it is not. Over every refusal of the
//! corpora, under policies that leave a key ever less.
#![expect(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "these are tests")]

use dockgate::answer::guide::guide;
use dockgate::denial::Denial;
use dockgate::docker::Invocation;
use dockgate::docker::catalogue::{self, Found};
use dockgate::gate::Gate;
use dockgate::policy::Policy;
use dockgate::request::Request;
use dockgate::request::account::Account;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a key may do, and the names that are put in the places of `NAME` and others.
struct Under {
    name: &'static str,
    policy: &'static str,
    container: &'static str,
    image: &'static str,
}

const POLICIES: &[Under] = &[
    Under { name: "built in", policy: "", container: "web", image: "busybox" },
    Under { name: "read-only", policy: "profile = 'read-only'", container: "web", image: "busybox" },
    Under {
        name: "limits",
        policy: "[limits]\nmemory = '1g'\ncpus = 2\npids = 100\nports = ['18000-18010']\nimages = ['busybox', 'team/*']\ncontainers = 5",
        container: "web",
        image: "busybox",
    },
    Under {
        name: "a corner",
        policy: "[containers]\nonly = ['agent-*']\n[volumes]\nonly = ['agent-*', 'shop_*']\n[networks]\nonly = ['agent-net*']\n[images]\nonly = ['team/*']\n[limits]\nmemory = '512m'",
        container: "agent-web",
        image: "team/x",
    },
    Under {
        name: "what it has made",
        policy: "[containers]\nonly = 'own'\n[volumes]\nonly = 'own'\n[networks]\nonly = 'own'",
        container: "web",
        image: "busybox",
    },
    Under {
        name: "a list",
        policy: "[commands]\nallowed = ['ps', 'run', 'logs', 'compose up', 'volume create']",
        container: "web",
        image: "busybox",
    },
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where the lab's docker is.
fn lab() -> PathBuf {
    std::env::var_os("DOCKGATE_LAB_CACHE").map_or_else(|| root().join("target/lab"), PathBuf::from)
}

fn requests() -> Vec<String> {
    let directory = root().join("tests/corpus/deny");
    let mut files: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let texts: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let lines = texts.iter().flat_map(|text| text.lines());
    let lines = lines.filter(|line| !line.trim().is_empty() && !line.starts_with("# "));
    lines.filter_map(|line| Some(line.split_once('\t')?.1.to_owned())).collect()
}

/// The commands in a hint: each `docker …` as far as its words are a command's and not the sentence's.
fn commands(hint: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, _) in hint.match_indices("docker ") {
        let words: Vec<&str> = hint[at..].split(' ').skip(1).collect();
        let mut taken: Vec<String> = Vec::new();
        let mut ended = false;
        for word in words {
            let plain = word.trim_end_matches([',', ';', ')', '\'']).trim_start_matches(['(']);
            let is_verb = plain.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !plain.starts_with('-');
            let named: Vec<&str> = taken.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
            let name = [named.join(" "), plain.to_owned()].join(" ");
            let goes_on = matches!(catalogue::find(name.trim()), Found::Leaf(_) | Found::Group);
            let flag =
                taken.last().is_some_and(|last| ["-d", "-a", "--rm", "--build", "--all"].contains(&last.as_str()));
            let value = !flag && taken.last().is_some_and(|last| last.starts_with('-') && !last.contains('='));
            if ended
                || plain.is_empty()
                || ["<", "|", "…", "-"].contains(&plain) && plain != "-"
                || (is_verb && !goes_on && !value)
            {
                break;
            }
            taken.push(plain.to_owned());
            ended = plain != word;
        }
        // The longest beginning that docker would take.
        while !taken.is_empty() && Invocation::from_args(&taken).is_err() {
            taken.pop();
        }
        found.extend(Some(taken).filter(|taken| !taken.is_empty()));
    }
    found
}

/// What `add "X" to host.y` would have the administrator write.
fn grants(hint: &str) -> Vec<(String, String)> {
    hint.match_indices("add \"")
        .filter_map(|(at, word)| {
            let (value, rest) = hint[at + word.len()..].split_once("\" to host.")?;
            let key = rest.split(|c: char| !(c.is_ascii_lowercase() || c == '_')).next()?;
            Some((key.to_owned(), value.to_owned()))
        })
        .collect()
}

fn gate(directory: &Path, policy: &str) -> Gate {
    let docker = lab().join("docker-28.5/usr/bin/docker");
    assert!(docker.exists(), "no {}: `make test` installs it", docker.display());
    let policy = Policy::from_toml(policy).unwrap_or_else(|error| panic!("{policy}: {error:#}"));
    let policy = Policy {
        program: Some(docker),
        config: directory.join("config"),
        offline: true,
        host: "unix:///nowhere".to_owned(),
        ..policy
    };
    let account = Account { name: "ai-worker".to_owned(), home: directory.join("home"), locale: Vec::new() };
    Gate::alone(policy, account)
}

fn refusal(gate: &Gate, request: &str) -> Option<Denial> {
    gate.decide(request.as_bytes(), false).verdict.err()
}

fn all(denial: &Denial) -> impl Iterator<Item = &Denial> {
    std::iter::once(denial).chain(&denial.further)
}

/// A command with names in the places of words like `NAME`.
fn filled(under: &Under, words: &[String]) -> Vec<String> {
    let of_image =
        ["pull", "history", "imagetools", "manifest"].iter().any(|verb| words.iter().any(|word| word == verb));
    let name = if of_image { under.image } else { under.container };
    words
        .iter()
        .map(|word| match word.as_str() {
            "NAME" => name.to_owned(),
            "IMAGE" => under.image.to_owned(),
            "COMMAND" => "true".to_owned(),
            word => word.replace("NAME=VALUE", "A=b").replace("PORT", "80"),
        })
        .collect()
}

/// What was proposed and what was asked for, each judged once under a policy, and what is wrong with it.
#[derive(Default)]
struct Findings {
    proposed: BTreeSet<(&'static str, String)>,
    granted: BTreeSet<(&'static str, String, String)>,
    wrong: String,
}

impl Findings {
    /// The commands of a text that answers a request.
    fn commands(&mut self, under: &Under, gate: &Gate, request: &str, text: &str) {
        for command in commands(text) {
            let mut words = filled(under, &command);
            // Here lies a project of images that are not granted; another is sent.
            if words.first().is_some_and(|word| word == "compose") && !words.iter().any(|word| word == "-f") {
                words.splice(1..1, ["-p", "x", "-f", "-"].map(str::to_owned));
            }
            let line = format!("docker {}", shell_words::join(&words));
            if !self.proposed.insert((under.name, line.clone())) {
                continue;
            }
            // Who has to change the words that were sent changes these, too.
            let is_own = |denial: &Denial| request.contains(denial.message.split(':').next().unwrap_or("-"));
            if let Some(denial) = refusal(gate, &line).filter(|denial| !all(denial).all(is_own)) {
                let said = denial.message;
                writeln!(self.wrong, "{}: {request}\n  hint: {text}\n  {line}: {said}", under.name).unwrap();
            }
        }
    }

    /// What the administrator is asked for.
    fn grants(&mut self, under: &Under, directory: &Path, request: &str, Denial { hint, message, .. }: &Denial) {
        for (key, value) in grants(hint) {
            if !self.granted.insert((under.name, key.clone(), value.clone())) {
                continue;
            }
            let policy = format!("{}\n[host]\n{key} = [{value:?}]", under.policy);
            if let Err(error) = Policy::from_toml(&policy) {
                writeln!(self.wrong, "{request}\n  hint: {hint}\n  {policy}: {error:#}").unwrap();
                continue;
            }
            let after = refusal(&gate(directory, &policy), request);
            if after.iter().flat_map(all).any(|denial| denial.message == *message) {
                writeln!(self.wrong, "{request}\n  hint: {hint}\n  granted, and still: {message}").unwrap();
            }
        }
    }
}

/// Where requests come from: the corpora's project, with Compose at hand.
fn site() -> tempfile::TempDir {
    let site = tempfile::Builder::new().prefix("dockgate-hints.").tempdir_in("/tmp").unwrap();
    let (directory, fixture) = (site.path(), root().join("tests/fixtures/project"));
    let copied = Command::new("cp").arg("-r").arg(fixture).arg(directory.join("project")).status();
    assert!(copied.unwrap().success());
    fs::create_dir_all(directory.join("home")).unwrap();
    fs::create_dir_all(directory.join("config")).unwrap();
    let plugins = lab().join("docker-28.5/usr/libexec/docker/cli-plugins");
    std::os::unix::fs::symlink(plugins, directory.join("config/cli-plugins")).unwrap();
    std::env::set_current_dir(directory.join("project")).unwrap();
    site
}

#[test]
fn what_a_hint_proposes_is_permitted_to_the_key_that_gets_it() {
    let site = site();
    let requests = requests();
    let mut findings = Findings::default();
    for under in POLICIES {
        let gate = gate(site.path(), under.policy);
        let guide = guide(&gate.policy, &Request::default());
        let (_, recipes) = guide.split_once("How to:").unwrap();
        let (recipes, _) = recipes.split_once("  ask before you act").unwrap();
        findings.commands(under, &gate, "help", &recipes.replace('\n', " ; "));
        for request in &requests {
            // What Compose has to resolve says the same under each policy.
            if !under.policy.is_empty() && request.contains(" refused/") {
                continue;
            }
            for denial in refusal(&gate, request).iter().flat_map(all) {
                assert!(!denial.hint.is_empty(), "{request}: {}", denial.message);
                findings.commands(under, &gate, request, &denial.hint);
                findings.grants(under, site.path(), request, denial);
            }
        }
    }
    std::env::set_current_dir("/").unwrap();
    let Findings { proposed, granted, wrong } = findings;
    assert!(wrong.is_empty(), "{wrong}");
    assert!(proposed.len() > 100 && granted.len() > 20, "{} commands, {} grants", proposed.len(), granted.len());
}
