//! Advice: hints without the commands that this key may not run, for a hint that is refused in turn helps nobody.
//! Pure.

use super::operations;
use super::settings::Settings;
use crate::docker::catalogue::{self, Found};

/// What is left to say where all of a hint was about commands that are not permitted.
const NOTHING_ELSE: &str = "`help` lists what may be run here; sending this again in another spelling cannot help";

/// Leaves out of a hint the parts (`;` stands between them) that propose docker commands which are blocked, or not on
/// the allow-list.
pub fn fitting(settings: &Settings, hint: &str) -> String {
    let kept: Vec<&str> = hint.split("; ").filter(|part| commands(part).all(|name| permits(settings, name))).collect();
    if kept.is_empty() { NOTHING_ELSE.to_owned() } else { kept.join("; ") }
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
        let plain = |word: &&str| {
            !word.starts_with('-')
                && word.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '-' | '\'' | ',' | ';'))
        };
        let words: Vec<&str> =
            words.take_while(plain).map(|word| word.trim_end_matches(['\'', ',', ';'])).take(3).collect();
        (1..=words.len()).rev().find_map(|count| match catalogue::find(&words.get(..count)?.join(" ")) {
            Found::Leaf(command) => Some(command.name),
            _ => None,
        })
    })
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
