//! Plain: whether a project's files say by themselves all that counts for a command, so that Compose need not resolve
//! them first. Pure.
//!
//! That is so for commands that look at or act on the project's containers, which they find by its name, and for files
//! in which nothing stands that Compose reads, starts, or is refused for. Whatever is not listed here is resolved.

use super::Project;
use super::model::{entries, items};
use crate::docker::Sent;
use serde_json::Value;
use std::path::Path;

/// Keys of a service that mean nothing to such a command, or only an order: whatever their values. Not among them are
/// those that name files (`env_file`), programs (`provider`), and commands in containers (`pre_stop`).
const FREE: &[&str] = &[
    "annotations",
    "attach",
    "cap_drop",
    "command",
    "cpu_shares",
    "cpus",
    "cpuset",
    "depends_on",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    "environment",
    "expose",
    "extra_hosts",
    "group_add",
    "healthcheck",
    "hostname",
    "init",
    "labels",
    "mem_limit",
    "mem_reservation",
    "memswap_limit",
    "networks",
    "pids_limit",
    "platform",
    "ports",
    "profiles",
    "pull_policy",
    "read_only",
    "restart",
    "scale",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "tmpfs",
    "tty",
    "ulimits",
    "user",
    "working_dir",
];

/// What all variables together may come to, put in where they are named.
const MAX_GROWN: usize = 1024 * 1024;

/// More places for a variable than this are counted by Compose, under the limit of memory that judging has.
const MAX_PLACES: usize = 1000;

/// What such files do not say themselves: the project's name and variables; `None` where Compose has to resolve them.
///
/// `text` is what Compose would read, `documents` what stands in it, `directory` the project's, absolute; `variables` are
/// the texts of the files of variables that count, in their order.
pub fn sent(
    project: &Project,
    directory: &Path,
    text: &str,
    documents: &[Value],
    variables: Vec<String>,
) -> Option<Sent> {
    let marks = ["com.docker.compose", "dockgate"];
    let is_plain = project.finds
        && documents.iter().all(is_plain)
        && documents.iter().any(|file| file.get("services").is_some_and(|services| entries(services).next().is_some()))
        && marks.iter().all(|mark| !text.contains(mark))
        && stays_small(text, &variables);
    let name = name(project, directory, documents).filter(|_| is_plain)?;
    Some(Sent { name, variables })
}

/// The project's name, where it is certain and Compose would take it as it is.
fn name(project: &Project, directory: &Path, documents: &[Value]) -> Option<String> {
    let mut own = documents.iter().filter_map(|file| file.get("name"));
    let name = match (&project.name, own.next()) {
        (Some(given), _) => given.as_str(),
        (None, Some(first)) => first.as_str().filter(|_| own.all(|other| other == first))?,
        (None, None) => directory.file_name()?.to_str()?,
    };
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_name = name.starts_with(known) && name.chars().all(|c| known(c) || c == '_' || c == '-');
    is_name.then(|| name.to_owned())
}

/// Whether values cannot grow beyond what such a command may need: Compose has no limit of memory when it runs.
fn stays_small(text: &str, variables: &[String]) -> bool {
    let places = text.matches('$').count();
    let size: usize = variables.iter().map(String::len).sum();
    let made_of_others = variables.iter().any(|text| text.contains('$'));
    text.len() <= MAX_GROWN && places <= MAX_PLACES && !made_of_others && places.saturating_mul(size) <= MAX_GROWN
}

fn is_plain(file: &Value) -> bool {
    file.is_object()
        && entries(file).all(|(key, value)| match key.as_str() {
            // Where the request gives another, Compose looks at this one all the same.
            "name" => value.is_string(),
            "services" => value.is_object() && entries(value).all(|(_, service)| is_plain_service(service)),
            "networks" | "volumes" => {
                let known = ["attachable", "enable_ipv4", "enable_ipv6", "external", "internal", "labels", "name"];
                (value.is_object() || value.is_null()) && entries(value).all(|(_, own)| has_only(own, &known))
            }
            key => key.starts_with("x-"),
        })
}

fn is_plain_service(service: &Value) -> bool {
    service.is_object()
        && entries(service).all(|(key, value)| match key.as_str() {
            // A range of ports is written out, and one in a variable has not been counted.
            "ports" | "expose" => !value.to_string().contains('$'),
            "image" | "container_name" => value.as_str().is_some_and(is_plain_name),
            "build" => value.is_string() || has_only(value, &["args", "context", "dockerfile", "target"]),
            "volumes" => value.is_array() && items(value).all(is_volume),
            "deploy" => {
                has_only(value, &["mode", "replicas", "resources", "restart_policy", "update_config"])
                    && value.get("resources").is_none_or(|resources| {
                        has_only(resources, &["limits"])
                            && resources
                                .get("limits")
                                .is_none_or(|limits| has_only(limits, &["cpus", "memory", "pids"]))
                    })
            }
            key => key.starts_with("x-") || FREE.contains(&key),
        })
}

/// A map with no other keys, or nothing.
fn has_only(value: &Value, known: &[&str]) -> bool {
    (value.is_object() || value.is_null()) && entries(value).all(|(key, _)| known.contains(&key.as_str()))
}

/// Without what climbs in a path of the API.
fn is_plain_name(name: &str) -> bool {
    !name.contains("..") && name.chars().all(|c| c.is_ascii_alphanumeric() || "._/:@-".contains(c))
}

/// `name:/path` or `/path`: nothing of the host.
fn is_volume(mount: &Value) -> bool {
    let Some(text) = mount.as_str() else { return false };
    let (source, target) = text.split_once(':').unwrap_or(("", text));
    source.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && source.len() != 1
        && target.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::{FINDING, source};
    use crate::docker::{Invocation, Model};
    use crate::request::words::Words;

    fn name_of(request: &str, text: &str, variables: &[&str]) -> Option<String> {
        let words = Words::split(request.as_bytes()).expect("words");
        let project = Project::of(&Invocation::parse(&words).expect("a command")).expect("a project");
        let source = source::parse("f", text).expect("a file");
        let variables = variables.iter().map(|text| (*text).to_owned()).collect();
        Some(sent(&project, Path::new("/srv/shop"), &source.text, &source.documents, variables)?.name)
    }

    const WEB: &str = "services: {web: {image: nginx}}";

    #[test]
    fn commands_that_find_what_is_there_need_no_model() {
        for command in FINDING {
            let operand = if *command == "port" { " web 80" } else { " web" };
            let found = name_of(&format!("docker compose -f x {command}{operand}"), WEB, &[]);
            assert_eq!(found.as_deref(), Some("shop"), "{command}");
        }
    }

    #[test]
    fn every_other_command_does() {
        for command in [
            "up -d",
            "create",
            "run web",
            "exec web sh",
            "cp web:/a -",
            "start",
            "down",
            "rm -f",
            "pull",
            "push",
            "build",
            "config",
            "attach web",
            "export web",
            "commit web x",
            "scale web=2",
            "volumes",
            "watch",
            "alpha viz",
            "wait --down-project web",
            "kill --remove-orphans",
            "kill --remove-orphans=false",
        ] {
            assert_eq!(name_of(&format!("docker compose -f x {command}"), WEB, &[]), None, "{command}");
        }
    }

    #[test]
    fn the_name_is_the_one_that_is_certain() {
        for (request, text, name) in [
            ("docker compose -p given ps", "name: own\nservices: {web: {}}", Some("given")),
            ("docker compose ps", "name: own\nservices: {web: {}}", Some("own")),
            ("docker compose ps", "name: Own\nservices: {web: {}}", None),
            ("docker compose ps", "name: $OWN\nservices: {web: {}}", None),
            ("docker compose ps", "name: 5\nservices: {web: {}}", None),
            ("docker compose -p given ps", "name: 5\nservices: {web: {}}", None),
            ("docker compose ps", "name: own\nservices: {web: {}}\n---\nname: other", None),
            ("docker compose ps", "name: own\nservices: {web: {}}\n---\nname: own", Some("own")),
            ("docker compose ps", WEB, Some("shop")),
        ] {
            assert_eq!(name_of(request, text, &[]).as_deref(), name, "{request}: {text}");
        }
    }

    #[test]
    fn what_a_command_could_depend_on_is_resolved() {
        for service in [
            "env_file: x",
            "label_file: x",
            "extends: {service: b}",
            "pre_stop: [{command: x}]",
            "post_start: [{command: x}]",
            "provider: {type: x}",
            "models: [x]",
            "develop: {}",
            "privileged: true",
            "pid: host",
            "Image: x",
            "image: '${I}'",
            "image: a/../b",
            "container_name: '${C}'",
            "ports: ['${P}:80']",
            "ports: ['${P:-1-10}']",
            "expose: ['$P']",
            "volumes: ['./a:/a']",
            "volumes: ['/a:/a']",
            "volumes: ['~/a:/a']",
            "volumes: ['$A:/a']",
            "volumes: ['c:/a']",
            "volumes: [{type: bind}]",
            "volumes: {a: b}",
            "network_mode: host",
            "links: [a]",
            "build: {ssh: x}",
            "build: [x]",
            "deploy: {resources: {reservations: {devices: []}}}",
            "logging: {driver: x}",
            "labels: {com.docker.compose.project: x}",
            "environment: [a=dockgate.x]",
            "volumes_from: [a]",
            "secrets: [a]",
        ] {
            assert_eq!(
                name_of("docker compose ps", &format!("services: {{web: {{{service}}}}}"), &[]),
                None,
                "{service}"
            );
        }
        for text in [
            "services: {web: }",
            "services: {}",
            "services: [x]",
            "include: []\nservices: {web: {}}",
            "version: '3'\nservices: {web: {}}",
            "models: {}\nservices: {web: {}}",
            "services: {web: {}}\nvolumes: {a: {driver: local}}",
            "services: {web: {}}\nnetworks: {a: {driver: host}}",
            "services: {web: {}}\nconfigs: {a: {file: x}}",
        ] {
            assert_eq!(name_of("docker compose ps", text, &[]), None, "{text}");
        }
    }

    #[test]
    fn what_makes_containers_means_nothing_to_what_finds_them() {
        for service in [
            "image: 'nginx:1@sha256:ab', environment: {A: '${B:-c}'}, ports: ['80:80']",
            "build: ., depends_on: [db], profiles: [dev], healthcheck: {test: x}",
            "build: {context: ., args: {A: $B}}, volumes: ['data:/data:ro', '/cache'], restart: always",
            "x-a: b, labels: [a=b]",
            "deploy: {resources: {limits: {memory: 64m}}}, networks: {a: {aliases: [b]}}",
        ] {
            let text =
                format!("services: {{web: {{{service}}}}}\nvolumes: {{data: }}\nnetworks: {{a: {{internal: true}}}}");
            assert_eq!(name_of("docker compose ps", &text, &["B=x"]).as_deref(), Some("shop"), "{service}");
        }
    }

    #[test]
    fn compose_gets_the_name_and_the_variables_that_were_judged_and_no_others() {
        let words = Words::split(b"docker compose -p own --env-file a -f x --profile dev logs web").expect("words");
        let invocation = Invocation::parse(&words).expect("a command");
        for (variables, files) in
            [(vec![], "--env-file=/dev/null"), (vec!["A=b".to_owned()], "--env-file=/proc/self/fd/4")]
        {
            let sent = Some(Sent { name: "own".to_owned(), variables });
            let model = Model { directory: "/srv/shop".into(), files: "/srv/x".to_owned(), text: WEB.to_owned(), sent };
            assert_eq!(
                invocation.clone().with_model(model).argv().join(" "),
                format!(
                    "compose --profile=dev --project-directory=/srv/shop --file=/proc/self/fd/3 {files} --project-name=own logs -- web"
                )
            );
        }
    }

    #[test]
    fn variables_that_may_grow_are_put_in_under_the_limit_of_judging() {
        let file = |places: usize| format!("services: {{web: {{command: '{}'}}}}", "$A ".repeat(places));
        assert!(name_of("docker compose ps", &file(1000), &["A=b"]).is_some());
        assert_eq!(name_of("docker compose ps", &file(1001), &[]), None);
        assert_eq!(name_of("docker compose ps", &file(1000), &[&format!("A={}", "b".repeat(2000))]), None);
        assert_eq!(name_of("docker compose ps", &file(1), &["B=b\nA=$B"]), None);
    }
}
