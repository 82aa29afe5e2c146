//! A resolved Compose model, judged key by key: every key is known, or refused. Pure.
//!
//! The keys are those of the Compose specification as Compose 2.40 resolves it (`config --format json`).

use super::hints;
use super::keys::{BUILD, DEPLOY, NETWORK, Rule, SERVICE, THROTTLES, VOLUME};
use super::source;
use crate::demand::{Demand, Want};
use crate::docker::asks;
use crate::docker::refusals::climbs;
use crate::docker::row::Ask;
use serde_json::Value;

/// What the model of a project asks for. `directory` is what its relative paths start from, `builds` whether
/// the command builds what has no image.
pub fn demands(model: &Value, directory: &str, builds: bool) -> Vec<Demand> {
    let mut found = Found { directory, builds, model, demands: Vec::new() };
    for (key, value) in entries(model) {
        match key.as_str() {
            "name" | "version" => {}
            key if key.starts_with("x-") => {}
            "services" => {
                entries(value).for_each(|(name, service)| found.service(&format!("services.{name}"), service))
            }
            "networks" => entries(value).for_each(|(name, network)| {
                found.keys(&format!("networks.{name}"), NETWORK, network);
                found.name(&format!("networks.{name}.name"), network.get("name").unwrap_or(&Value::Null));
                let ipam = network.get("ipam").and_then(|ipam| ipam.get("driver"));
                found.like(&format!("networks.{name}.ipam.driver"), Ask::NetworkDriver, ipam.unwrap_or(&Value::Null));
            }),
            "volumes" => entries(value).for_each(|(name, volume)| {
                found.keys(&format!("volumes.{name}"), VOLUME, volume);
                let full = volume.get("name").and_then(Value::as_str).unwrap_or(name);
                found.name(&format!("volumes.{name}.name"), &Value::String(full.to_owned()));
                found.want(Want::Volume { name: full.to_owned() }, format!("volumes.{name}"));
            }),
            // Of no effect but where containers are made: see `effects`.
            "models" => {}
            "configs" | "secrets" => entries(value).for_each(|(name, file)| found.file(&format!("{key}.{name}"), file)),
            _ if is_empty(value) => {}
            _ => found.unknown(key),
        }
    }
    found.demands
}

struct Found<'a> {
    directory: &'a str,
    builds: bool,
    model: &'a Value,
    demands: Vec<Demand>,
}

impl Found<'_> {
    fn want(&mut self, want: Want, word: String) {
        self.demands.push(hints::hinted(Demand::new(want, word)));
    }

    /// Compose puts names into the API's paths, as docker does.
    fn name(&mut self, place: &str, name: &Value) {
        if climbs(&text(name)) {
            self.unknown(&format!("{place}: {}", text(name)));
        }
    }

    fn unknown(&mut self, place: &str) {
        self.want(Want::UnknownModel { what: place.to_owned() }, place.to_owned());
    }

    fn service(&mut self, place: &str, service: &Value) {
        self.keys(place, SERVICE, service);
        let image = service.get("image").map_or_else(String::new, text);
        // Compose puts it into a file of templates for buildx.
        if !image.chars().all(|c| c.is_ascii_alphanumeric() || "._/:@-".contains(c)) {
            self.unknown(&format!("{place}.image: {image}"));
        }
        for key in ["container_name", "image"] {
            self.name(&format!("{place}.{key}"), service.get(key).unwrap_or(&Value::Null));
        }
        for (key, links) in ["external_links", "links"].iter().filter_map(|key| Some((key, service.get(key)?))) {
            items(links).for_each(|link| self.name(&format!("{place}.{key}"), link));
        }
        // A service's networks: aliases and addresses, but no options for the driver.
        for (name, network) in service.get("networks").into_iter().flat_map(entries) {
            for (key, value) in entries(network) {
                let known = [
                    "aliases",
                    "interface_name",
                    "ipv4_address",
                    "ipv6_address",
                    "link_local_ips",
                    "mac_address",
                    "priority",
                    "gw_priority",
                ];
                // Parameters of the container's own interface; docker refuses any others.
                let own = key == "driver_opts"
                    && entries(value).all(|(option, _)| option == "com.docker.network.endpoint.sysctls");
                if !known.contains(&key.as_str()) && !own && !is_empty(value) {
                    self.unknown(&format!("{place}.networks.{name}.{key}"));
                }
            }
        }
    }

    /// Judges every key of a map by its rule; a key without a rule is refused.
    fn keys(&mut self, place: &str, rules: &[(&str, Rule)], map: &Value) {
        for (key, value) in entries(map) {
            let place = format!("{place}.{key}");
            match rules.iter().find(|(known, _)| known == key) {
                _ if key.starts_with("x-") || is_empty(value) => {}
                Some((_, rule)) => self.rule(&place, *rule, value),
                None => self.unknown(&place),
            }
        }
    }

    fn rule(&mut self, place: &str, rule: Rule, value: &Value) {
        match rule {
            Rule::Free => {}
            Rule::Joins(_) if self.is_service(value) => {}
            Rule::Joins(ask) => self.like(place, ask, value),
            Rule::Like(ask) => self.like(place, ask, value),
            Rule::IfTrue(_) if *value == Value::Bool(false) => {}
            Rule::IfTrue(ask) => self.like(place, ask, &Value::Bool(true)),
            Rule::Program(why) => self.want(Want::ClientProgram { what: value.to_string(), why }, place.to_owned()),
            Rule::Build => self.build(place, value),
            Rule::Deploy => self.deploy(place, value),
            Rule::Hooks => self.want(Want::Operation { name: "exec".to_owned(), instead: true }, place.to_owned()),
            Rule::Logging => {
                self.like(&format!("{place}.driver"), Ask::LogDriver, value.get("driver").unwrap_or(&Value::Null));
                self.like(&format!("{place}.options"), Ask::LogOption, value.get("options").unwrap_or(&Value::Null));
            }
            Rule::Gpus => self.gpus(place, value),
            Rule::Mounts => items(value).for_each(|mount| self.mount(place, mount)),
            Rule::Blkio => entries(value).filter(|(_, value)| !is_empty(value)).for_each(|(key, value)| {
                let place = format!("{place}.{key}");
                match key.as_str() {
                    "weight" => {}
                    key if THROTTLES.contains(&key) => items(value).for_each(|limit| {
                        let path = limit.get("path").map_or_else(|| limit.to_string(), text);
                        let wants = asks::throttled(&path);
                        wants.into_iter().for_each(|want| self.want(want, format!("{place}: {path}")));
                    }),
                    _ => self.unknown(&place),
                }
            }),
        }
    }

    /// `service:NAME` of a service of the project, or `container:NAME` of the container that is made for one.
    fn is_service(&self, mode: &Value) -> bool {
        let Some(services) = self.model.get("services") else { return false };
        match mode.as_str().and_then(|mode| mode.split_once(':')) {
            Some(("service", name)) => services.get(name).is_some(),
            Some(("container", name)) => {
                entries(services).any(|(_, service)| service.get("container_name").is_some_and(|own| own == name))
            }
            _ => false,
        }
    }

    fn gpus(&mut self, place: &str, requests: &Value) {
        let requests: Vec<String> = items(requests).map(|request| as_gpu(place, request)).collect();
        for want in requests.iter().flat_map(|request| asks::wants(Ask::Gpus, place, request)) {
            self.want(want, place.to_owned());
        }
    }

    /// As an option of `docker run` with this value; maps as `key=value`.
    fn like(&mut self, place: &str, ask: Ask, value: &Value) {
        // A label's name ends at it even so.
        if let Some((key, _)) = entries(value).find(|(key, _)| key.contains('=') && ask != Ask::Label) {
            self.unknown(&format!("{place}.{key}"));
        }
        let texts: Vec<String> = match value {
            Value::Null => Vec::new(),
            Value::Array(items) => items.iter().map(text).collect(),
            Value::Object(map) => map.iter().map(|(key, value)| format!("{key}={}", text(value))).collect(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![text(value)],
        };
        for text in texts {
            // What is touched by name depends on the command: see `effects`.
            let wants = asks::wants(ask, place, &text).into_iter();
            for want in wants.filter(|want| !matches!(want, Want::Object { .. })) {
                self.want(want, format!("{place}: {text}"));
            }
        }
    }

    fn mount(&mut self, place: &str, mount: &Value) {
        let field = |key: &str| mount.get(key).and_then(Value::as_str).unwrap_or_default();
        let word = format!("{place}: {}:{}", field("source"), field("target"));
        let is_own = field("type") == "volume";
        let read_only = mount.get("read_only") == Some(&Value::Bool(true));
        match field("type") {
            // A named volume is judged where it is declared.
            "volume" | "tmpfs" => {}
            "image" => self.want(Want::Image { name: field("source").to_owned() }, word.clone()),
            "bind" => {
                let hint = hints::bind(field("source"), field("target"));
                let source = source::join(self.directory, field("source"));
                let demand = Demand::new(Want::Bind { source, read_only }, word.clone());
                self.demands.push(demand.with_hint(Some(hint)));
            }
            _ => self.unknown(&word),
        }
        for (key, value) in entries(mount) {
            match key.as_str() {
                "type" | "source" | "target" | "read_only" | "consistency" | "volume" | "tmpfs" | "image" => {}
                // A volume's files are its own to be labelled.
                "bind" => entries(value)
                    .filter(|(key, value)| {
                        *key != "create_host_path" && !is_empty(value) && !(is_own && *key == "selinux")
                    })
                    .for_each(|(key, _)| {
                        let why = "the mount would change how the host's own mount or files behave";
                        self.want(Want::HostSetting { what: key.clone(), why }, format!("{word} ({key})"));
                    }),
                _ => self.unknown(&format!("{word} ({key})")),
            }
        }
        let labels = mount.pointer("/volume/labels").unwrap_or(&Value::Null);
        self.like(&format!("{word} (labels)"), Ask::Label, labels);
    }

    /// `configs` and `secrets`: a file of the project is bind-mounted by the daemon, so it must be one that
    /// the account may read.
    fn file(&mut self, place: &str, file: &Value) {
        for (key, value) in entries(file) {
            match key.as_str() {
                "name" | "content" | "labels" => {}
                // Compose puts it into a row of CSV for buildx.
                "environment" if is_variable(&text(value)) => {}
                "environment" => self.unknown(&format!("{place}.environment: {}", text(value))),
                "file" => {
                    self.plain(&format!("{place}.file"), value);
                    let path = source::join(self.directory, &text(value));
                    self.want(Want::DaemonMount { path }, format!("{place}: {}", text(value)));
                }
                _ if key.starts_with("x-") || is_empty(value) => {}
                _ => self.unknown(&format!("{place}.{key}")),
            }
        }
    }

    /// Compose hands builds to buildx as a file of templates and rows of CSV, in which these would be read
    /// once more.
    fn plain(&mut self, place: &str, value: &Value) {
        match value {
            Value::String(text) => {
                if text.contains("${") || text.contains("%{") {
                    self.want(Want::UnknownModel { what: "a template".to_owned() }, place.to_owned());
                }
                if place.contains("ecret") && text.contains([',', '"', '\n']) {
                    self.want(Want::UnknownModel { what: "a comma or quote in a secret".to_owned() }, place.to_owned());
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.plain(place, item)),
            // What these say is the build's own, whatever it is read as.
            Value::Object(map) => {
                map.iter().filter(|(key, _)| !CONTENT.contains(&key.as_str())).for_each(|(key, value)| {
                    self.plain(&format!("{place}.{key}"), &Value::String(key.clone()));
                    self.plain(&format!("{place}.{key}"), value);
                })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn build(&mut self, place: &str, build: &Value) {
        if self.builds {
            self.want(Want::Operation { name: "build".to_owned(), instead: true }, place.to_owned());
        }
        self.plain(place, build);
        self.keys(place, BUILD, build);
        let dockerfile = build.get("dockerfile").filter(|file| !is_empty(file)).map(text);
        let context = build.get("context").map_or_else(|| ".".to_owned(), text);
        if asks::is_remote(&context) {
            // The Dockerfile lies in what is fetched, unless its name leads out of that.
            if let Some(file) = dockerfile.filter(|file| file.starts_with('/') || climbs(file)) {
                self.want(Want::ClientRead { path: file.clone() }, format!("{place}.dockerfile: {file}"));
            }
            return;
        }
        let context = source::join(self.directory, &context);
        self.want(Want::ClientReadTree { path: context.clone() }, format!("{place}.context: {context}"));
        if let Some(dockerfile) = dockerfile {
            let word = format!("{place}.dockerfile: {dockerfile}");
            let path = source::join(&context, &dockerfile);
            for want in asks::wants(Ask::ReadsBeside, "dockerfile", &path) {
                self.want(want, word.clone());
            }
        }
    }

    fn deploy(&mut self, place: &str, deploy: &Value) {
        for (key, value) in entries(deploy).filter(|(key, _)| !DEPLOY.contains(&key.as_str())) {
            if !is_empty(value) {
                self.unknown(&format!("{place}.{key}"));
            }
        }
        for kind in ["limits", "reservations"] {
            let resources = deploy.get("resources").and_then(|resources| resources.get(kind));
            for (key, value) in resources.into_iter().flat_map(entries) {
                match key.as_str() {
                    "cpus" | "memory" | "pids" => {}
                    "devices" => self.gpus(&format!("{place}.resources.{kind}.devices"), value),
                    _ if is_empty(value) => {}
                    _ => self.unknown(&format!("{place}.resources.{kind}.{key}")),
                }
            }
        }
    }
}

pub(super) fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

pub(super) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A device request as Compose makes it: those below `gpus` are for GPUs though they do not say so.
fn as_gpu(place: &str, request: &Value) -> String {
    let mut request = request.clone();
    if let Some(map) = request.as_object_mut().filter(|_| place.ends_with(".gpus")) {
        let names = map.entry("capabilities").or_insert_with(|| Value::Array(Vec::new()));
        if let Some(names) = names.as_array_mut() {
            names.push(Value::String("gpu".to_owned()));
        }
    }
    request.to_string()
}

/// Parts of `build` that are content, and name nothing.
const CONTENT: &[&str] = &["args", "dockerfile_inline", "labels"];

/// A name that an environment variable can have.
fn is_variable(name: &str) -> bool {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    first && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Null, an empty list, map or text: what Compose prints for a key that was not set.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A scalar as a word; a device or another map by its source.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => {
            map.get("source").and_then(Value::as_str).map_or_else(|| value.to_string(), str::to_owned)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn words(service: &Value) -> Vec<String> {
        demands(&json!({"name": "p", "services": {"a": service}}), "/p", false)
            .into_iter()
            .map(|demand| demand.word)
            .collect()
    }

    #[test]
    fn an_ordinary_service_asks_for_nothing() {
        let service = json!({"image": "x", "command": ["a"], "ports": [{"target": 80}], "environment": {"A": "b"},
            "volumes": [{"type": "volume", "source": "data", "target": "/d", "volume": {}}, {"type": "tmpfs", "target": "/t"}],
            "networks": {"default": null}, "logging": {"driver": "json-file", "options": {"max-size": "1m"}},
            "deploy": {"resources": {"limits": {"memory": "64M"}}}, "privileged": false, "sysctls": {"net.core.somaxconn": "1"},
            "security_opt": ["no-new-privileges:true"], "network_mode": "none", "pid": "service:a",
            "blkio_config": {"weight": 10, "device_read_bps": [{"path": "/dev/sda", "rate": 1}]}, "models": {"m": null}});
        let found = demands(&json!({"services": {"a": service}}), "/p", false);
        assert!(found.iter().all(|demand| matches!(demand.want, Want::SecurityOption { .. })), "{found:?}");
    }

    #[test]
    fn what_reaches_the_host_is_found() {
        for service in [
            json!({"privileged": true}),
            json!({"privileged": "true"}),
            json!({"cap_add": ["SYS_ADMIN"]}),
            json!({"devices": [{"source": "/dev/sda", "target": "/dev/sda"}]}),
            json!({"device_cgroup_rules": ["c 1:3 mr"]}),
            json!({"pid": "host"}),
            json!({"ipc": "service:b"}),
            json!({"network_mode": "service:b"}),
            json!({"uts": "host"}),
            json!({"userns_mode": "host"}),
            json!({"cgroup": "host"}),
            json!({"cgroup_parent": "/"}),
            json!({"network_mode": "host"}),
            json!({"network_mode": "container:x"}),
            json!({"security_opt": ["seccomp=unconfined"]}),
            json!({"volumes": [{"type": "bind", "source": "/", "target": "/h"}]}),
            json!({"volumes": [{"type": "npipe", "source": "x", "target": "/h"}]}),
            json!({"volumes_from": ["b"]}),
            json!({"runtime": "x"}),
            json!({"gpus": [{"count": -1}]}),
            json!({"use_api_socket": true}),
            json!({"provider": {"type": "/bin/sh"}}),
            json!({"post_start": [{"command": ["id"]}]}),
            json!({"pre_stop": [{"command": ["id"]}]}),
            json!({"logging": {"driver": "syslog"}}),
            json!({"logging": {"options": {"syslog-address": "tcp://x"}}}),
            json!({"sysctls": {"kernel.core_pattern": "x"}}),
            json!({"oom_kill_disable": true}),
            json!({"oom_score_adj": -5}),
            json!({"credential_spec": {"file": "x"}}),
            json!({"annotations": {"a": "b"}}),
            json!({"blkio_config": {"device_read_bps": [{"path": "/etc/shadow", "rate": 1}]}}),
            json!({"blkio_config": {"device_new": [{"path": "/dev/sda", "rate": 1}]}}),
            json!({"deploy": {"resources": {"reservations": {"devices": [{"capabilities": ["gpu"]}]}}}}),
            json!({"build": {"context": "/p", "ssh": {"default": null}}}),
            json!({"build": {"context": "/p", "privileged": true}}),
            json!({"build": {"context": "/p", "network": "host"}}),
            json!({"build": {"context": "/p", "entitlements": ["security.insecure"]}}),
            json!({"build": {"context": "/p", "cache_to": ["type=local,dest=/x"]}}),
            json!({"build": {"context": "/p", "dockerfile": "${reverse(x)}"}}),
            json!({"build": {"context": "/p", "network": "${lower(x)}"}}),
            json!({"build": {"context": "/p", "secrets": [{"source": "s", "target": "x,src=/etc/passwd"}]}}),
            json!({"build": {"context": "https://example.org/x.git", "dockerfile": "/etc/passwd"}}),
            json!({"something_else": {"m": null}}),
            json!({"something_new": 1}),
            json!({"networks": {"n": {"driver_opts": {"a": "b"}}}}),
        ] {
            let found = words(&service);
            assert!(found.iter().any(|word| word.starts_with("services.a.")), "{service}: {found:?}");
        }
    }

    #[test]
    fn what_a_compose_command_does_beside_its_name_is_asked_for() {
        let asked = |line: &str| -> Vec<String> {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let invocation = crate::docker::Invocation::from_args(&words).expect("a command");
            let project = crate::compose::Project::of(&invocation).expect("a project");
            let model = json!({"services": {"a": {"build": {"context": "https://example.org/x.git"}}}});
            let all = invocation.demands().into_iter().chain(demands(&model, "/p", project.builds));
            all.filter_map(|demand| match demand.want {
                Want::Operation { name, .. } => Some(name),
                _ => None,
            })
            .collect()
        };
        assert_eq!(asked("compose down --rmi all -v"), ["compose down", "rmi", "volume rm"]);
        assert_eq!(asked("compose up"), ["compose up", "build"]);
        assert_eq!(asked("compose up --no-build"), ["compose up"]);
        assert_eq!(asked("compose create"), ["compose create", "build"]);
        assert_eq!(asked("compose run a"), ["compose run", "build"]);
        assert_eq!(asked("compose ps"), ["compose ps"]);
    }

    #[test]
    fn the_parts_around_services_are_judged() {
        for (model, expected) in [
            (json!({"volumes": {"v": {"driver_opts": {"device": "/"}}}}), 2),
            (json!({"volumes": {"v": {"driver": "nfs"}}}), 2),
            (json!({"volumes": {"v": {"name": "p_v"}}}), 1),
            (json!({"volumes": {"v": {"name": "../plugins/p"}}}), 2),
            (json!({"networks": {"n": {"name": "../plugins/p"}}}), 1),
            (json!({"services": {"a": {"container_name": "../plugins/p"}}}), 1),
            (json!({"services": {"a": {"image": "x/../../plugins/p"}}}), 1),
            (json!({"networks": {"n": {"driver": "macvlan"}}}), 1),
            (json!({"networks": {"n": {"name": "host", "external": true}}}), 1),
            (json!({"networks": {"n": {"driver_opts": {"com.docker.network.bridge.name": "br0"}}}}), 1),
            (json!({"networks": {"n": {"ipam": {"driver": "x"}}}}), 1),
            (json!({"secrets": {"s": {"file": "/etc/shadow"}}}), 1),
            (json!({"configs": {"s": {"file": "./x"}}}), 1),
            (json!({"secrets": {"s": {"driver": "x"}}}), 1),
            (json!({"secrets": {"s": {"environment": "HOME"}}}), 0),
            (json!({"secrets": {"s": {"environment": "HOME,type=file,env=,src=.ssh/id"}}}), 1),
            (json!({"services": {"a": {"image": "base/%{if true}os%{endif}"}}}), 1),
            (json!({"services": {"a": {"image": "base/${lower(x)}"}}}), 1),
            (json!({"services": {"a": {"image": "r.example.org:5000/a_b/c-d:1@sha256:0"}}}), 0),
            (
                json!({"services": {"a": {"build": {"context": "https://h/x", "dockerfile_inline": "ARG A\nRUN ${A}"}}}}),
                0,
            ),
            (
                json!({"services": {"a": {"build": {"context": "https://h/x", "additional_contexts": {"x=https://h": "/etc"}}}}}),
                1,
            ),
            (json!({"models": {"m": {"model": "x"}}}), 0),
            (json!({"x-mine": {"privileged": true}, "name": "p"}), 0),
        ] {
            assert_eq!(demands(&model, "/p", false).len(), expected, "{model}");
        }
    }
}
