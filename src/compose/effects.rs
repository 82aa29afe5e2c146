//! Effects: what a command does with a Compose model beyond what the model says by itself. Pure.

use super::Project;
use super::model::{entries, is_empty, items, text};
use crate::demand::{Amount, Demand, HostPorts, NewContainer, Object, Resources, Starts, Touch, Want};
use crate::docker::row::{Ask, Use};
use crate::docker::{asks, limits};
use serde_json::Value;

/// What a command asks for with the model beyond the model's own content: the project's objects, the
/// containers that it makes, and what those take over from the ones that are there.
pub fn effects(model: &Value, project: &Project) -> Vec<Demand> {
    let name = model.get("name").and_then(Value::as_str);
    let mut demands = vec![project.touches(name)];
    demands.extend(project.starts(name));
    let mut count = 0_u64;
    let services = || model.get("services").into_iter().flat_map(entries);
    for (service, content) in services() {
        let built = content.get("build").is_some_and(|build| !is_empty(build));
        let image = content.get("image").filter(|image| !is_empty(image)).map(text);
        let own_image = || format!("{}-{service}", name.unwrap_or_default());
        let place = format!("services.{service}");
        if built && project.builds {
            let image = image.clone().unwrap_or_else(own_image);
            let tags = content.pointer("/build/tags").into_iter().flat_map(items).map(text);
            let tags = std::iter::once(image).chain(tags);
            demands
                .extend(tags.map(|tag| Demand::new(asks::object(Object::Image, &tag, Touch::Change), place.clone())));
        }
        if let Some(image) = image.filter(|_| !built && (project.purpose == Use::Makes || project.pulls)) {
            if project.pulls {
                demands.push(Demand::new(asks::object(Object::Image, &image, Touch::Change), place.clone()));
            }
            demands.push(Demand::new(Want::Image { name: image }, place.clone()));
        }
        if project.purpose == Use::Makes {
            let scale = project.scale.iter().rfind(|(scaled, _)| scaled == service).map(|(_, count)| *count);
            let own = [content.get("scale"), content.pointer("/deploy/replicas")];
            let own = own.into_iter().flatten().find_map(Value::as_u64);
            count = count.saturating_add(scale.or(own).unwrap_or(1));
            let names = container_names(name.unwrap_or_default(), service, content, project);
            demands.push(Demand::new(
                Want::NewContainer(new_container(names, project.ports.clone(), content)),
                place.clone(),
            ));
            let links = content.get("external_links").into_iter().flat_map(items).map(text);
            let joined = links.flat_map(|link| asks::wants(Ask::Link, "", &link));
            let mode = content.get("network_mode").map_or_else(String::new, text);
            let networks =
                asks::wants(Ask::Network, "", &mode).into_iter().filter(|want| matches!(want, Want::Object { .. }));
            demands.extend(joined.chain(networks).map(|want| Demand::new(want, place.clone())));
        }
    }
    for (kind, object) in [("networks", Object::Network), ("volumes", Object::Volume)] {
        for (key, content) in model.get(kind).into_iter().flat_map(entries).filter(|_| project.purpose == Use::Makes) {
            let name = content.get("name").map_or_else(|| key.clone(), text);
            demands.push(Demand::new(asks::object(object, &name, Touch::Change), format!("{kind}.{key}")));
        }
    }
    if project.purpose == Use::Makes {
        let starts = Starts::New { count, project: name.map(str::to_owned) };
        demands.push(Demand::new(Want::Starts(starts), "docker compose"));
    }
    if let (Use::Makes, Some(name)) = (project.purpose, name) {
        demands.push(Demand::new(Want::ProjectMounts { project: name.to_owned() }, format!("project {name}")));
    }
    demands
}

/// The names that a service's containers could get (compose `pkg/compose/convergence.go`).
fn container_names(project: &str, service: &str, content: &Value, about: &Project) -> Vec<String> {
    let joint = if about.compatible { '_' } else { '-' };
    let own = content.get("container_name").filter(|name| !is_empty(name)).map(text);
    let numbered = own.unwrap_or_else(|| format!("{project}{joint}{service}{joint}1"));
    std::iter::once(numbered).chain(about.container_name.clone()).collect()
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
        None => amount(own("cpus"), limit("cpus"), limits::cpus),
    };
    let resources = Resources {
        memory: match own("memswap_limit") {
            Some(text) if limits::endless(&text) => Amount::Unknown(format!("memswap_limit: {text}")),
            _ => amount(own("mem_limit"), limit("memory"), limits::memory),
        },
        cpus,
        pids: amount(own("pids_limit"), limit("pids"), limits::pids),
    };
    let published = |port: &Value| {
        let published = port.get("published").filter(|port| !is_empty(port)).map(text);
        let any = || HostPorts::Any(port.to_string());
        published.and_then(|text| limits::host_ports(&text)).unwrap_or_else(any)
    };
    let ports = content.get("ports").into_iter().flat_map(items).map(published).chain(ports).collect();
    NewContainer { names, resources, ports }
}
