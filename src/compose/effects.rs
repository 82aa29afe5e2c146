//! Effects: what a command does with a Compose model beyond what the model says by itself. Pure.

use super::Project;
use super::model::{entries, is_empty, items, text};
use crate::demand::{Amount, Demand, HostPorts, NewContainer, Object, Reach, Resources, Starts, Touch, Want};
use crate::docker::row::{Ask, Use};
use crate::docker::{asks, resources};
use serde_json::Value;

/// More containers of one service than this are not asked for by one command.
const MAX_SCALE: u64 = 1000;

/// What a command asks for with the model beyond the model's own content: the project's objects, the
/// containers that it makes, and what those take over from the ones that are there.
pub fn effects(model: &Value, project: &Project) -> Vec<Demand> {
    let name = model.get("name").and_then(Value::as_str);
    let mut demands = vec![project.touches(name)];
    demands.extend(project.starts(name));
    let mut wanted = Vec::new();
    for (service, content) in model.get("services").into_iter().flat_map(entries) {
        let place = format!("services.{service}");
        demands
            .extend(images(name, service, content, project).into_iter().map(|want| Demand::new(want, place.clone())));
        if project.purpose != Use::Makes {
            continue;
        }
        let scale = project.scale.iter().rfind(|(scaled, _)| scaled == service).map(|(_, count)| *count);
        let own = [content.get("scale"), content.pointer("/deploy/replicas")];
        let own = own.into_iter().flatten().find_map(Value::as_u64);
        let count = scale.or(own).unwrap_or(1);
        if count > MAX_SCALE {
            let what = format!("a service of more than {MAX_SCALE} containers");
            demands.push(Demand::new(Want::UnknownModel { what }, place.clone()));
        }
        wanted.push((service.clone(), count));
        let names = container_names(name.unwrap_or_default(), service, content, project, count);
        let made = Want::NewContainer(new_container(names, project.ports.clone(), content));
        let links = content.get("external_links").into_iter().flat_map(items).map(text);
        let joined = links.flat_map(|link| asks::wants(Ask::Link, "", &link));
        let mode = content.get("network_mode").map_or_else(String::new, text);
        let networks = asks::wants(Ask::Network, "", &mode).into_iter();
        let networks = networks.filter(|want| matches!(want, Want::Object { .. }));
        demands
            .extend(std::iter::once(made).chain(joined).chain(networks).map(|want| Demand::new(want, place.clone())));
    }
    demands.extend(named(model, project));
    if project.purpose == Use::Makes {
        demands.extend(model.get("models").into_iter().flat_map(entries).map(|(name, _)| {
            let what = format!("models.{name}");
            let want = Want::ClientProgram { what: what.clone(), why: MODEL };
            Demand::new(want, what).with_hint(Some(
                "leave models: out, here and in the services; what runs a model is the administrator's to set up"
                    .to_owned(),
            ))
        }));
    }
    if project.purpose != Use::Makes {
        return demands;
    }
    if project.runs {
        demands.push(Demand::new(Want::Starts(Starts::New(1)), "docker compose run"));
    }
    let starts = Starts::Services { project: name.map(str::to_owned), wanted };
    demands.push(Demand::new(Want::Starts(starts), "docker compose"));
    if let Some(name) = name {
        demands.push(Demand::new(Want::ProjectMounts { project: name.to_owned() }, format!("project {name}")));
    }
    demands
}

const MODEL: &str =
    "Compose would start docker's model plugin, a program on the host, to fetch a model and run it there";

/// That the project's name is nobody else's, where it has none of its own and the command makes containers.
pub fn nameless(model: &Value, project: &Project) -> Option<Demand> {
    let name = model.get("name").and_then(Value::as_str).filter(|_| project.purpose == Use::Makes)?;
    Some(Demand::new(Want::OwnProject { project: name.to_owned() }, "docker compose -f -"))
}

/// The networks and volumes of the model that the command acts on by their names, whatever labels they have: it makes
/// or joins them, or it removes those that it would have made (compose `pkg/compose/down.go`).
fn named(model: &Value, project: &Project) -> Vec<Demand> {
    let makes = project.purpose == Use::Makes;
    let (networks, volumes) = match project.reach {
        Reach::Everything { volumes, .. } => (true, volumes),
        Reach::Look | Reach::Containers => (false, false),
    };
    let mut demands = Vec::new();
    for (kind, object, removes) in [("networks", Object::Network, networks), ("volumes", Object::Volume, volumes)] {
        for (key, content) in model.get(kind).into_iter().flat_map(entries) {
            let own = content.get("external").is_none_or(|external| *external == Value::Bool(false));
            if makes || (removes && own) {
                let name = content.get("name").map_or_else(|| key.clone(), text);
                let touch = if makes && own { Touch::Make } else { Touch::Change };
                demands.push(Demand::new(asks::object(object, &name, touch), format!("{kind}.{key}")));
            }
        }
    }
    demands
}

/// What becomes of the images of a service.
fn images(project_name: Option<&str>, service: &str, content: &Value, project: &Project) -> Vec<Want> {
    let built = content.get("build").is_some_and(|build| !is_empty(build));
    let given = content.get("image").filter(|image| !is_empty(image)).map(text);
    let own = given.clone().unwrap_or_else(|| [project_name.unwrap_or_default(), service].join(joint(project)));
    let touched = |name: &str, touch| asks::object(Object::Image, name, touch);
    let mut wants = Vec::new();
    if matches!(project.reach, Reach::Everything { images: true, .. }) {
        wants.push(touched(&own, Touch::Change));
    }
    if built && project.builds {
        wants.push(touched(&own, Touch::Make));
        let tags = content.pointer("/build/tags").into_iter().flat_map(items);
        wants.extend(tags.map(|tag| touched(&text(tag), Touch::Make)));
    }
    let policy = content.get("pull_policy").map_or_else(String::new, text);
    let makes = project.purpose == Use::Makes;
    let fetches = makes && !matches!(policy.as_str(), "" | "missing" | "if_not_present" | "never" | "build");
    if let Some(image) = given.filter(|_| project.pulls || fetches) {
        wants.push(touched(&image, Touch::Bring));
    }
    if makes || (project.pulls && content.get("image").is_some()) {
        // Also where it is built or not named: what is there under that name is taken, and else fetched or built.
        wants.push(Want::Image { name: own });
    }
    wants
}

/// What stands between the parts of a name.
fn joint(project: &Project) -> &'static str {
    if project.compatible { "_" } else { "-" }
}

/// The names that a service's containers could get (compose `pkg/compose/convergence.go`).
fn container_names(project: &str, service: &str, content: &Value, about: &Project, count: u64) -> Vec<String> {
    let own = content.get("container_name").filter(|name| !is_empty(name)).map(text);
    let numbered = |number: u64| [project, service, &number.to_string()].join(joint(about));
    let one_off = about.runs.then(|| [project, service, "run", "x"].join(joint(about)));
    let names = own.map_or_else(|| (1..=count.clamp(1, MAX_SCALE)).map(numbered).collect(), |own| vec![own]);
    names.into_iter().chain(about.container_name.clone().or(one_off)).collect()
}

fn new_container(names: Vec<String>, ports: Vec<HostPorts>, content: &Value) -> NewContainer {
    let own = |key: &str| content.get(key).filter(|value| !is_empty(value)).map(text);
    let limit = |key: &str| {
        let limits = content.pointer("/deploy/resources/limits").and_then(|limits| limits.get(key));
        limits.filter(|value| !is_empty(value)).map(text)
    };
    let amount = |own: Option<String>, limit: Option<String>, read: fn(&str) -> Amount| {
        own.or(limit).map_or(Amount::NotGiven, |text| read(&text))
    };
    let cpus = match own("cpu_quota").or_else(|| own("cpu_period")) {
        Some(text) => Amount::Unknown(text),
        None => amount(own("cpus"), limit("cpus"), resources::cpus),
    };
    let resources = Resources {
        memory: amount(own("mem_limit"), limit("memory"), resources::memory),
        swap: own("memswap_limit").map_or(Amount::NotGiven, |text| resources::memory(&text)),
        cpus,
        pids: amount(own("pids_limit"), limit("pids"), resources::pids),
    };
    let published = |port: &Value| {
        let published = port.get("published").filter(|port| !is_empty(port)).map(text);
        let target = port.get("target").map_or_else(|| text(port), text);
        let any = || HostPorts::Any(format!("the port {target} of ports:"));
        published.and_then(|text| resources::host_ports(&text)).unwrap_or_else(any)
    };
    let ports = content.get("ports").into_iter().flat_map(items).map(published).chain(ports).collect();
    NewContainer { names, resources, ports }
}
