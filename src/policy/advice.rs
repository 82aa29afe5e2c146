//! Advice: hints without the commands that this key may not run, for a hint that is refused in turn helps nobody.
//! Pure.

use super::operations;
use super::rules::limits::{size, thousandths};
use super::settings::{Only, Pattern, Settings};
use crate::demand::Object;
use crate::denial::Denial;
use crate::docker::catalogue::{self, Found};

/// What is left to say where all of a hint was about commands that are not permitted.
const NOTHING_ELSE: &str = "`help` lists what may be run here; sending this again in another spelling cannot help";

/// Leaves out of a hint the parts (`;` stands between them) that propose docker commands which are blocked, or not on
/// the allow-list.
///
/// What is proposed is as the key's limits and corners have it: with the limits that it must ask for, and names that it
/// may give.
pub fn fitting(settings: &Settings, hint: &str) -> String {
    let kept: Vec<&str> = hint
        .split("; ")
        .filter(|part| commands(part).chain(by_options(part)).all(|name| permits(settings, name)))
        .collect();
    if kept.is_empty() {
        return NOTHING_ELSE.to_owned();
    }
    let mut hint = kept.join("; ");
    for (made, object) in NAMED {
        let example = if *made == TAG { tag(settings) } else { example(settings, *object) };
        if let (true, Some(name)) = (hint.contains(made), example) {
            let named = made.replace("NAME", &name).replace("data:", &format!("{name}:"));
            hint = hint.replace(made, &named);
        }
    }
    if settings.only(Object::Volume) == Some(&Only::Own) {
        hint = hint.replace("(-v data:/data)", "(docker volume create data, then -v data:/data)");
    }
    let image = example(settings, Object::Image);
    hint = image.map_or(hint.clone(), |image| hint.replace("IMAGE", &image));
    let options = options(settings);
    if options.contains("--name ") {
        hint = hint.replace(" --name NAME", "");
    }
    for command in ["docker run ", "docker create "] {
        let inside = format!("{command}{options}");
        hint = if options.is_empty() { hint } else { hint.replace(command, &inside) };
    }
    let project = example(settings, Object::Container).and_then(|name| Some(name.strip_suffix("-x")?.to_owned()));
    if let Some(project) = project.filter(|_| hint.contains("compose -p NAME")) {
        hint = hint.replace("compose -p NAME", &format!("compose -p {project}"));
    }
    let services = in_services(settings);
    let makes = ["up", "run", "create"].iter().any(|verb| hint.contains(&format!(" {verb} ")) || hint.ends_with(verb));
    if !services.is_empty() && makes && hint.contains("docker compose") {
        hint.push_str(&format!("; each service must have {services}"));
    }
    hint
}

/// What is left to say of a socket, where nothing answers `help`.
const NOTHING_ELSE_THERE: &str =
    "the administrator's policy says what this socket is for; sending this again in another spelling cannot help";

/// A refusal for whoever has a socket of this host, and neither ssh nor `help`.
#[must_use]
pub fn on_a_socket(denial: Denial) -> Denial {
    let further = denial.further.into_iter().map(on_a_socket).collect();
    let kept: Vec<&str> = denial.hint.split("; ").filter(|part| !part.contains("`help`")).collect();
    let hint = if kept.len() == denial.hint.split("; ").count() {
        denial.hint.clone()
    } else if kept.iter().all(|part| part.starts_with("sending ")) {
        NOTHING_ELSE_THERE.to_owned()
    } else {
        kept.join("; ")
    };
    Denial { hint: hint.replace("ssh HOST ", ""), further, ..denial }
}

/// A refusal with all its hints as they fit.
#[must_use]
pub fn fitted(settings: &Settings, denial: Denial) -> Denial {
    let further = denial.further.into_iter().map(|other| fitted(settings, other)).collect();
    Denial { hint: fitting(settings, &denial.hint), further, ..denial }
}

/// Where hints have a name that whoever follows them gives to something.
const NAMED: &[(&str, Object)] = &[
    ("docker volume create NAME", Object::Volume),
    ("-v data:/data", Object::Volume),
    ("docker network create NAME", Object::Network),
    ("--network NAME", Object::Network),
    ("docker pull NAME", Object::Image),
    (TAG, Object::Image),
];

/// The name of an image that is built.
const TAG: &str = "-t NAME";

/// A name for an image of the key's own: rather one that a pattern leaves free than an image that is there.
fn tag(settings: &Settings) -> Option<String> {
    let (granted, only) = (settings.images.value.as_deref(), settings.only(Object::Image));
    let named = if let Some(Only::Names(patterns)) = only { Some(patterns.as_slice()) } else { None };
    let free = granted.into_iter().chain(named).flatten().find(|pattern| pattern.as_str().contains(['*', '?']));
    free.map(|pattern| pattern.as_str().replace(['*', '?'], "x")).or_else(|| example(settings, Object::Image))
}

/// A name that the key may give, where it is not free to choose.
fn example(settings: &Settings, object: Object) -> Option<String> {
    let granted = settings.images.value.as_ref().filter(|_| object == Object::Image);
    let patterns: &[Pattern] = match (granted, settings.only(object)) {
        (Some(patterns), _) => patterns,
        (None, Some(Only::Names(patterns))) => patterns,
        (None, Some(Only::Own) | None) => return None,
    };
    patterns.first().map(|pattern| pattern.as_str().replace(['*', '?'], "x"))
}

/// The options that `docker run` must have.
fn options(settings: &Settings) -> String {
    let name = example(settings, Object::Container).map(|name| format!("--name {name} "));
    let memory = settings.memory.value.map(|most| format!("--memory {} ", size(most)));
    let cpus = settings.cpus.value.map(|most| format!("--cpus {} ", thousandths(most)));
    let pids = settings.pids.value.map(|most| format!("--pids-limit {most} "));
    [name, memory, cpus, pids].into_iter().flatten().collect()
}

/// What each service of a Compose file must have.
fn in_services(settings: &Settings) -> String {
    let memory = settings.memory.value.map(|most| format!("mem_limit: {}", size(most)));
    let cpus = settings.cpus.value.map(|most| format!("cpus: '{}'", thousandths(most)));
    let pids = settings.pids.value.map(|most| format!("pids_limit: {most}"));
    [memory, cpus, pids].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Whether the lists let an operation pass.
pub fn permits(settings: &Settings, name: &str) -> bool {
    let sought = operations::Sought::of(name);
    !sought.is_in(&settings.blocked.value) && settings.allowed.value.as_deref().is_none_or(|list| sought.is_in(list))
}

/// The docker commands that a text names, by docker's own verbs.
fn commands(text: &str) -> impl Iterator<Item = &'static str> {
    text.match_indices("docker ").filter_map(|(at, word)| {
        let words = text.get(at + word.len()..).unwrap_or_default().split_whitespace();
        let words = without_options(words);
        (1..=words.len()).rev().find_map(|count| match catalogue::find(&words.get(..count)?.join(" ")) {
            Found::Leaf(command) => Some(command.name),
            _ => None,
        })
    })
}

/// The first words that could be a command's, options among them and their values left out.
fn without_options<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let plain = |word: &str| word.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '-' | '\'' | ',' | ';'));
    let (mut found, mut value) = (Vec::new(), false);
    for word in words {
        if value || word.starts_with('-') {
            // The short ones of `docker compose` have a value.
            value = !value && ["-p", "-f", "--project-directory"].contains(&word);
        } else if plain(word) && found.len() < 3 {
            found.push(word.trim_end_matches(['\'', ',', ';']));
        } else {
            break;
        }
    }
    found
}

/// The operations that a text asks for by an option: `--build`.
fn by_options(text: &str) -> impl Iterator<Item = &'static str> {
    [("up -d --build", "build")].into_iter().filter(|(option, _)| text.contains(option)).map(|(_, operation)| operation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    #[test]
    fn only_what_may_be_run_is_proposed() {
        let hint = "docker logs NAME shows it; docker run --rm IMAGE runs another; ssh HOST 'docker ps' | grep x";
        let fit = |policy: &str| fitting(&Policy::from_toml(policy).expect("a policy").settings, hint);
        assert_eq!(fit(""), hint);
        assert_eq!(
            fit("profile = 'read-only'"),
            "docker logs NAME shows it; ssh HOST 'docker ps' | grep x",
            "`run` is not on that list"
        );
        assert_eq!(fit("[commands]\nallowed = ['images']"), NOTHING_ELSE);
        assert_eq!(fit("[commands]\nblocked = ['container ls', 'run', 'logs']"), NOTHING_ELSE);
    }

    #[test]
    fn what_is_proposed_is_as_the_limits_have_it() {
        let policy = "[limits]\nmemory = '1g'\npids = 50\nimages = ['busybox', 'team/*']\n[containers]\nonly = ['agent-*']\n[volumes]\nonly = ['agent_*']";
        let settings = Policy::from_toml(policy).expect("a policy").settings;
        for (hint, fits) in [
            (
                "docker run -d IMAGE runs one",
                "docker run --name agent-x --memory 1g --pids-limit 50 -d busybox runs one",
            ),
            ("mount a named volume (-v data:/data)", "mount a named volume (-v agent_x:/data)"),
            ("docker volume create NAME makes one", "docker volume create agent_x makes one"),
            ("docker pull NAME fetches it", "docker pull busybox fetches it"),
            ("docker logs NAME", "docker logs NAME"),
            ("tar c . | ssh HOST docker build -t NAME -", "tar c . | ssh HOST docker build -t team/x -"),
            (
                "ssh HOST docker compose -p NAME -f - up -d < FILE",
                "ssh HOST docker compose -p agent -f - up -d < FILE; each service must have mem_limit: 1g, pids_limit: 50",
            ),
        ] {
            assert_eq!(fitting(&settings, hint), fits);
        }
    }

    #[test]
    fn a_socket_has_neither_help_nor_ssh() {
        for (hint, fits) in [
            (NOTHING_ELSE, NOTHING_ELSE_THERE),
            (
                "use a stock client of Docker's; docker's own commands are listed by `help`",
                "use a stock client of Docker's",
            ),
            ("tar c . | ssh HOST docker build -t NAME -", "tar c . | docker build -t NAME -"),
            ("docker logs NAME; docker ps", "docker logs NAME; docker ps"),
        ] {
            let denial = Denial::new(crate::denial::Reason::NotAllowed, "x", "y", hint);
            let both = Denial { further: vec![denial.clone()], ..denial };
            let there = on_a_socket(both);
            assert_eq!(
                (there.hint.as_str(), there.further.first().map(|other| other.hint.as_str())),
                (fits, Some(fits))
            );
        }
    }

    #[test]
    fn commands_are_found_in_sentences() {
        let found = |text| commands(text).collect::<Vec<_>>();
        assert_eq!(found("docker compose up -d --build applies changes"), ["compose up"]);
        assert_eq!(
            found("docker logs NAME, docker inspect NAME and docker container top x"),
            ["logs", "inspect", "top"]
        );
        assert_eq!(found("ssh HOST 'docker ps' | grep NAME; docker uses much"), ["ps"]);
    }
}
