//! Limits: how much a container may be given, and how many there may be. Pure. How a command line gives such a
//! number is docker's grammar, in [`crate::docker::resources`].

use super::names::{is_image, is_image_of, means};
use super::unreachable;
use crate::demand::{ANY_TAG, Amount, HostPorts, NewContainer, Object, Resources, Starts};
use crate::denial::{Denial, Reason};
use crate::facts::{Container, Facts, Owner, Unreachable, is_of_project};
use crate::policy::settings::{Origin, Pattern, Set, Settings};

/// The label of containers that were made through the gate under a limit of their number; its value is the
/// account.
pub const LABEL: &str = "dockgate.account";

/// By which Compose tells a project's containers apart (compose `pkg/api/labels.go`).
const SERVICE_LABEL: &str = "com.docker.compose.service";
const ONE_OFF_LABEL: &str = "com.docker.compose.oneoff";

/// A container that would be made: it must ask for each limit that there is, and for no more.
pub(in crate::policy) fn new_container(settings: &Settings, asked: &NewContainer, word: &str) -> Result<(), Denial> {
    let ports = asked.ports.iter().map(|ports| published(settings, ports, word));
    Denial::of_all(std::iter::once(resources(settings, &asked.resources, true, word)).chain(ports))
}

/// The longest that a list of the daemon's may get by a request, in bytes: a quarter of what is read of one, so that whoever
/// makes things cannot make it too long for judging what becomes of them, not by many requests at once either.
const MOST_LISTED: usize = 4 * 1024 * 1024;

/// What one takes of a list, in bytes, without its labels: a volume 170, an anonymous one twice as much, a mount of a
/// container 160 (measured with docker 28.5).
const EACH: usize = 512;

/// Nobody makes so much that it could not be looked through any more: nothing would be stopped or removed then.
pub(in crate::policy) fn more(facts: &Facts, object: Object, count: usize, word: &str) -> Result<(), Denial> {
    let kind = object.name();
    match facts.lengths.get(&object) {
        Some(Ok(length)) if length.saturating_add(count.saturating_mul(EACH)) <= MOST_LISTED => Ok(()),
        // Nothing will be made.
        Some(Err(Unreachable::NoDaemon(_))) => Ok(()),
        Some(Ok(length)) => Err(Denial::new(
            Reason::Limit,
            word,
            format!(
                "the daemon's list of {kind}s is {} MiB long, and with many more could not be looked through",
                length >> 20
            ),
            format!("remove what is not needed: docker {kind} prune, or rm; long labels and many mounts count, too"),
        )),
        Some(Err(why)) => Err(unreachable(word, &format!("how many {kind}s there are"), why)),
        None => Err(unreachable(word, &format!("how many {kind}s there are"), &Unreachable::NotAsked)),
    }
}

/// The number of containers that run, and were made through the gate: by the account, or by the key where the limit is a
/// profile's.
pub(in crate::policy) fn starts(settings: &Settings, facts: &Facts, starts: &Starts, word: &str) -> Result<(), Denial> {
    let Some(most) = settings.containers_at_once.value else { return Ok(()) };
    let whose = whose(&settings.containers_at_once);
    let counted = Owner { key: facts.owner.key.clone().filter(|_| whose == KEY), ..facts.owner.clone() };
    let all = match facts.all_containers() {
        Ok(all) => all,
        Err(why) => return Err(unreachable(word, "how many containers run", why)),
    };
    let is_of = |container: &Container, project: &Option<String>| {
        project.as_ref().is_none_or(|project| is_of_project(&container.labels, project))
    };
    let running = all.iter().filter(|container| container.running && counted.may_have_made(&container.labels)).count();
    let stopped = || all.iter().filter(|container| !container.running);
    let more = match starts {
        Starts::New(count) => *count,
        Starts::Services { project, wanted } => {
            let own = |service: &str, container: &&Container| {
                let of_service = container.labels.get(SERVICE_LABEL).is_some_and(|label| label == service);
                let one_off = container.labels.get(ONE_OFF_LABEL).is_some_and(|label| label == "True");
                container.running && of_service && !one_off && project.is_some() && is_of(container, project)
            };
            let missing = |(service, count): &(String, u64)| {
                count.saturating_sub(all.iter().filter(|container| own(service, container)).count() as u64)
            };
            wanted.iter().map(missing).fold(0, u64::saturating_add)
        }
        Starts::Named(names) => {
            let named = |container: &&Container| names.iter().any(|name| means(name, &container.id, &container.names));
            stopped().filter(named).count() as u64
        }
        Starts::Project(project) => stopped().filter(|container| is_of(container, project)).count() as u64,
    };
    if more == 0 || (running as u64).saturating_add(more) <= most {
        return Ok(());
    }
    let why =
        format!("{more} would run besides the {running} of this {whose} that do, and {most} may (limits.containers)");
    let others = if whose == KEY { "" } else { "; those of the account's other keys count, too" };
    let hint = format!("stop one that is not needed: docker ps lists them, docker stop NAME{others}");
    Err(Denial::new(Reason::Limit, word, why, hint))
}

const KEY: &str = "key";

/// Whose a limit of a number is: each key's own where it stands in a profile, else the account's.
pub(crate) fn whose<T>(set: &Set<T>) -> &'static str {
    match &set.origin {
        Origin::Profile(_) => KEY,
        Origin::BuiltIn | Origin::File => "account",
    }
}

/// The limits of a container. Where `required`, one that is not asked for is no limit, and so too much.
pub(in crate::policy) fn resources(
    settings: &Settings,
    asked: &Resources,
    required: bool,
    word: &str,
) -> Result<(), Denial> {
    let Resources { memory, swap, cpus, pids } = asked;
    let most_swap = settings.memory.value.map(|bytes| bytes.saturating_mul(2));
    let rows = [
        (
            most_swap.filter(|_| *swap != Amount::NotGiven),
            swap,
            "--memory-swap",
            "limits.memory",
            size as fn(u64) -> String,
        ),
        (settings.memory.value, memory, "--memory", "limits.memory", size as fn(u64) -> String),
        (settings.cpus.value, cpus, "--cpus", "limits.cpus", thousandths),
        (settings.pids.value, pids, "--pids-limit", "limits.pids", |number| number.to_string()),
    ];
    Denial::of_all(rows.into_iter().map(|(most, asked, option, knob, shown)| {
        let Some(most) = most else { return Ok(()) };
        let why = match asked {
            Amount::NotGiven if !required => return Ok(()),
            Amount::Is(number) if *number <= most => return Ok(()),
            Amount::NotGiven => format!("it would have no limit of its own, and {} is the most ({knob})", shown(most)),
            Amount::Is(number) => format!("{} is more than {} ({knob})", shown(*number), shown(most)),
            Amount::Unknown(text) => format!("{text} is not a limit, and {} is the most ({knob})", shown(most)),
        };
        let hint = format!("give {option}={} or less; in a Compose file deploy.resources.limits", shown(most));
        Err(Denial::new(Reason::Limit, word, why, hint))
    }))
}

fn published(settings: &Settings, asked: &HostPorts, word: &str) -> Result<(), Denial> {
    let Some(granted) = &settings.ports.value else { return Ok(()) };
    let Some((example, _)) = granted.first() else {
        let hint = "leave the port out; containers of one network reach each other by their names";
        return Err(Denial::new(Reason::Limit, word, "no port of the host may be published (limits.ports)", hint));
    };
    let list: Vec<String> = granted.iter().map(|(first, last)| format!("{first}-{last}")).collect();
    let list = list.join(", ");
    let why = match asked {
        HostPorts::Range(first, last) if granted.iter().any(|(from, to)| from <= first && last <= to) => return Ok(()),
        HostPorts::Range(first, last) if first == last => {
            format!("the host's port {first} is not one of {list} (limits.ports)")
        }
        HostPorts::Range(first, last) => {
            format!("the host's ports {first}-{last} are not all among {list} (limits.ports)")
        }
        HostPorts::Any(text) => {
            format!("docker would choose the host's port for {text}, and it must be one of {list} (limits.ports)")
        }
    };
    Err(Denial::new(
        Reason::Limit,
        word,
        why,
        format!("publish on a port of that range: -p {example}:PORT, in a Compose file ports: ['{example}:PORT']"),
    ))
}

/// Images that nothing tells beforehand.
pub(in crate::policy) fn any_image(settings: &Settings, word: &str) -> Result<(), Denial> {
    if settings.images.value.is_none() {
        return Ok(());
    }
    Err(Denial::new(
        Reason::Limit,
        word,
        "a Dockerfile could name any image, and only some are granted (limits.images)",
        "build with BuildKit (DOCKER_BUILDKIT=1), which is told which images are granted",
    ))
}

/// An image that a container is made of, or that is fetched.
pub(in crate::policy) fn image(settings: &Settings, facts: &Facts, name: &str, word: &str) -> Result<(), Denial> {
    let Some(granted) = &settings.images.value else { return Ok(()) };
    let is_granted = |name: &str| match name.strip_suffix(ANY_TAG) {
        // Every tag is granted only where none is named.
        Some(repository) => granted.iter().any(|pattern| pattern.matches(repository)),
        None => granted.iter().any(|pattern| is_image_of(pattern, name)),
    };
    if is_granted(name) {
        return Ok(());
    }
    // By its id: what has that id must have a name that is granted.
    let listed = facts.all_listed(Object::Image).unwrap_or_default();
    let mut meant = listed.iter().filter(|image| is_image(name, image)).peekable();
    if meant.peek().is_some() && meant.all(|image| image.names.iter().any(|name| is_granted(name))) {
        return Ok(());
    }
    if granted.is_empty() {
        let hint = "what runs already is there still: docker ps";
        return Err(Denial::new(Reason::Limit, word, "no image may be used (limits.images)", hint));
    }
    let list: Vec<&str> = granted.iter().map(Pattern::as_str).collect();
    let why = format!("the image {name} is not one of {} (limits.images)", list.join(", "));
    Err(Denial::new(Reason::Limit, word, why, "use one of those; docker images lists what is here"))
}

/// `2g` where it is whole, else the next smaller unit.
pub(crate) fn size(bytes: u64) -> String {
    let unit =
        [(30, "g"), (20, "m"), (10, "k")].into_iter().find(|(power, _)| bytes > 0 && bytes.is_multiple_of(1 << power));
    unit.map_or_else(|| format!("{bytes}b"), |(power, unit)| format!("{}{unit}", bytes >> power))
}

/// `1.5`.
pub(crate) fn thousandths(number: u64) -> String {
    let text = format!("{}.{:03}", number / 1000, number % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The account's and a key's own; what no label of a key is on could be anybody's of the account.
    #[test]
    fn containers_are_counted_for_whom_the_limit_is() {
        let running = |labels: &[(&str, &str)]| Container {
            running: true,
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..Container::default()
        };
        let (of, key) = (("dockgate.account", "ai"), |key| ("dockgate.key", key));
        let all = vec![
            running(&[of, key("a")]),
            running(&[of, key("a")]),
            running(&[of, key("b")]),
            running(&[of]),
            running(&[("dockgate.account", "other"), key("a")]),
            running(&[]),
            Container { running: false, ..running(&[of, key("a")]) },
        ];
        let said = |origin: &Origin, own: Option<&str>, most: u64| {
            let owner = Owner { account: "ai".to_owned(), key: own.map(str::to_owned) };
            let facts = Facts { owner, containers: Some(Ok(all.clone())), ..Facts::default() };
            let containers_at_once = Set { value: Some(most), origin: origin.clone() };
            let settings = Settings { containers_at_once, ..Settings::default() };
            starts(&settings, &facts, &Starts::New(1), "docker run").map_err(|denial| denial.message)
        };
        let of_keys = Origin::Profile("agent".to_owned());
        for (origin, own, runs) in [
            (&of_keys, Some("a"), 3),
            (&of_keys, Some("b"), 2),
            (&of_keys, Some(""), 1),
            // A gate behind a proxy, of whose keys the proxy knows nothing.
            (&of_keys, None, 4),
            (&Origin::File, Some("b"), 4),
        ] {
            assert_eq!(said(origin, own, runs + 1), Ok(()), "{own:?}");
            let message = said(origin, own, runs).expect_err("one too many");
            let whose = if *origin == Origin::File { "account" } else { "key" };
            assert!(message.contains(&format!("besides the {runs} of this {whose} that do")), "{own:?}: {message}");
        }
    }

    /// An empty list is no list to choose from.
    #[test]
    fn where_nothing_is_granted_nothing_is_proposed() {
        let settings = Settings {
            ports: Set { value: Some(Vec::new()), origin: Origin::File },
            images: Set { value: Some(Vec::new()), origin: Origin::File },
            ..Settings::default()
        };
        for asked in [HostPorts::Range(80, 80), HostPorts::Range(0, 0), HostPorts::Any("80".to_owned())] {
            let denial = published(&settings, &asked, "-p").expect_err("a port");
            assert_eq!(denial.message, "-p: no port of the host may be published (limits.ports)");
            assert!(!denial.hint.contains("-p"), "{}", denial.hint);
        }
        let denial = image(&settings, &Facts::default(), "busybox", "IMAGE").expect_err("an image");
        assert!(denial.message.ends_with("no image may be used (limits.images)"), "{}", denial.message);
    }

    #[test]
    fn numbers_are_shown_as_docker_takes_them() {
        for (bytes, shown) in [(2 << 30, "2g"), (512 << 20, "512m"), (1536, "1536b"), (2048, "2k"), (0, "0b")] {
            assert_eq!(size(bytes), shown);
        }
        for (number, shown) in [(1500, "1.5"), (2000, "2"), (1, "0.001"), (10_000, "10")] {
            assert_eq!(thousandths(number), shown);
        }
    }
}
