//! Explain: what a request asks for, one thing after the other, with the keys of the policy that say whether it is
//! fine, what was known of the world, and what came of it. For people who write policies. Pure.

use super::rules::limits::{size, thousandths};
use super::{Policy, show};
use crate::demand::{Amount, Demand, NewContainer, Object, Reach, Resources, Starts, Touch, Want};
use crate::denial::Denial;
use crate::facts::{Facts, Kind, Place, Volume};
use std::path::Path;

/// One thing that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ground {
    /// The word of the request that asks for it.
    pub word: String,
    /// What that is.
    pub asks: String,
    /// What was looked up for it. Of what is refused the refusal says as much as is told.
    pub facts: Option<String>,
    /// The keys of the policy that say so, as `dockgate policy show` has them; none where no key gives it.
    pub rule: Vec<String>,
    pub denial: Option<Denial>,
    /// The refusal is only recorded.
    pub observed: bool,
}

/// What is said of a path that leads nowhere.
const ABSENT: &str = "nothing is there";

impl Ground {
    /// Whether it names a path at which nothing is.
    pub fn is_absent(&self) -> bool {
        self.facts.as_ref().is_some_and(|facts| facts.ends_with(ABSENT))
    }

    /// How it ended, in a word.
    pub fn verdict(&self) -> &'static str {
        match (&self.denial, self.observed) {
            (None, _) => "granted",
            (Some(_), false) => "refused",
            (Some(_), true) => "observed",
        }
    }
}

impl Policy {
    /// Each demand by itself.
    pub fn grounds(&self, demands: &[Demand], facts: &Facts) -> Vec<Ground> {
        let shown = show::text(self);
        let one = |demand: &Demand| {
            let denial = self.demand(demand, facts).err();
            Ground {
                word: demand.word.clone(),
                asks: asks(&demand.want),
                facts: known(&demand.want, facts).filter(|_| denial.is_none()),
                rule: keys(&demand.want).iter().map(|key| line(&shown, key)).collect(),
                observed: denial.is_some() && self.is_observed(&demand.want),
                denial,
            }
        };
        demands.iter().map(one).collect()
    }
}

/// A key as the policy has it.
fn line(shown: &str, key: &str) -> String {
    let found = shown.lines().find(|line| line.split(" = ").next() == Some(key));
    let found = found.map_or_else(|| format!("{key} is not set"), str::to_owned);
    if found.len() <= MAX_LINE {
        return found;
    }
    format!("{key} = …  # {}", found.rsplit("  # ").next().unwrap_or_default())
}

/// A longer list is looked at with `dockgate policy show`.
const MAX_LINE: usize = 160;

/// The keys of the policy file that a demand is judged by.
fn keys(want: &Want) -> &'static [&'static str] {
    match want {
        Want::Operation { .. } => &["commands.blocked", "commands.allowed"],
        Want::Bind { .. } | Want::BindBelow { .. } | Want::Mounted(_) => &["host.bind_mounts"],
        Want::RemovedVolumes(_) => &["volumes.only"],
        Want::Privileged => &["host.privileged"],
        Want::Capability { .. } => &["host.capabilities"],
        Want::Device { .. } => &["host.devices"],
        Want::Namespace { .. } => &["host.namespaces"],
        Want::Runtime { .. } => &["host.runtimes"],
        Want::Object { object: Object::Container, .. } | Want::Named { .. } => {
            &["containers.protected", "containers.only"]
        }
        Want::Object { object, .. } | Want::Prune { object } => match object {
            Object::Container => &["containers.protected", "containers.only"],
            Object::Image => &["images.protected", "images.only"],
            Object::Network => &["networks.protected", "networks.only"],
            Object::Volume => &["volumes.protected", "volumes.only"],
        },
        Want::PruneNameless => &["images.only"],
        Want::AnyName => &["containers.only"],
        Want::Project { .. } => {
            &["containers.protected", "networks.protected", "volumes.protected", "images.protected"]
        }
        Want::ProjectMounts { .. } => &["host.bind_mounts", "volumes.protected"],
        Want::Image { .. } => &["limits.images", "images.only"],
        Want::AnyImage => &["limits.images"],
        Want::NewContainer(_) => {
            &["containers.only", "containers.protected", "limits.memory", "limits.cpus", "limits.pids", "limits.ports"]
        }
        Want::Resources(_) => &["limits.memory", "limits.cpus", "limits.pids"],
        Want::Starts(_) => &["limits.containers"],
        Want::Endpoint { .. } => &["docker.host"],
        Want::Credentials => &["docker.config"],
        Want::Volume { .. }
        | Want::VolumeOptions { .. }
        | Want::VolumesFrom { .. }
        | Want::SecurityOption { .. }
        | Want::CgroupParent { .. }
        | Want::LogDriver { .. }
        | Want::NetworkDriver { .. }
        | Want::HostSetting { .. }
        | Want::Control { .. }
        | Want::Entitlement { .. }
        | Want::ClientRead { .. }
        | Want::ClientReadTree { .. }
        | Want::DaemonMount { .. }
        | Want::More { .. }
        | Want::OwnProject { .. }
        | Want::Label { .. }
        | Want::LabelFile { .. }
        | Want::ClientWrite { .. }
        | Want::ClientProgram { .. }
        | Want::Configuration { .. }
        | Want::RemoteProject { .. }
        | Want::UnknownModel { .. } => &[],
    }
}

/// What a demand is for, in words.
fn asks(want: &Want) -> String {
    match want {
        Want::Operation { name, instead: false } => format!("the operation {name}"),
        Want::Operation { name, instead: true } => format!("the effect of the operation {name}"),
        Want::Bind { source, read_only } => {
            format!("{source} of the host in a container, to {}", if *read_only { "read" } else { "read and write" })
        }
        Want::BindBelow { source } => format!("what is mounted below {source} of the host in a container, to write"),
        Want::More { object, count } => format!("{count} more of the daemon's list of {}s", object.name()),
        Want::Volume { name } => format!("the volume {name} in a container"),
        Want::VolumeOptions { what } => format!("a volume with {what}"),
        Want::VolumesFrom { container } => format!("every volume of {container}"),
        Want::Privileged => "every privilege".to_owned(),
        Want::Capability { name } => format!("the capability {name}"),
        Want::Device { device } => format!("the device {device}"),
        Want::SecurityOption { option } => format!("the security option {option}"),
        Want::Namespace { namespace, mode } => format!("the {} namespace of {mode}", namespace.name()),
        Want::CgroupParent { parent } => format!("the control group {parent}"),
        Want::Runtime { name } => format!("the runtime {name}"),
        Want::LogDriver { name } => format!("a log that goes to {name}"),
        Want::NetworkDriver { name } => format!("a network with {name}"),
        Want::HostSetting { what, why } => format!("{what}: {why}"),
        Want::Control { why } => format!("control of the daemon: {why}"),
        Want::Entitlement { name } => format!("the build entitlement {name}"),
        Want::ClientRead { path } => format!("the client reads {path}"),
        Want::ClientReadTree { path } => format!("the client reads the whole directory {path}"),
        Want::DaemonMount { path } => format!("the daemon mounts the file {path}, to be read"),
        Want::Object { object, name, touch: Touch::Look } => format!("a look at the {} {name}", object.name()),
        Want::Object { object, name, touch: Touch::Make } => format!("a new {} {name}", object.name()),
        Want::Object { object, name, touch: Touch::Bring } => format!("the {} {name}, brought here", object.name()),
        Want::Object { object, name, touch: Touch::Change } => format!("a change of the {} {name}", object.name()),
        Want::Named { name } => format!("a container by the name {name}"),
        Want::Image { name } => format!("the image {name}"),
        Want::AnyImage => "images that nothing tells before they are used".to_owned(),
        Want::AnyName => "a name that nothing tells before it is given".to_owned(),
        Want::Prune { object } => format!("every {} that nothing uses", object.name()),
        Want::PruneNameless => "every image without a name".to_owned(),
        Want::Project { project, reach } => {
            let reach = match reach {
                Reach::Look => "a look at",
                Reach::Containers => "a change of the containers of",
                Reach::Everything { .. } => "a change of all of",
            };
            format!("{reach} the project {}", project.as_deref().unwrap_or("that is found"))
        }
        Want::OwnProject { project } => format!("a project {project} that is not there yet"),
        Want::NewContainer(NewContainer { names, resources, ports }) => {
            let names = if names.is_empty() { "a name that docker makes up".to_owned() } else { names.join(", ") };
            format!("a new container: {names}; {}; {} ports of the host", limits(resources), ports.len())
        }
        Want::Starts(Starts::New(count)) => format!("{count} more containers that run"),
        Want::Starts(_) => "containers that run and do not now".to_owned(),
        Want::RemovedVolumes(_) => "the volumes that docker has named for the containers".to_owned(),
        Want::Mounted(_) => "what the containers have mounted, looked up again".to_owned(),
        Want::Resources(resources) => format!("other limits: {}", limits(resources)),
        Want::ProjectMounts { project } => format!("what the containers of {project} have mounted"),
        Want::Label { name } => format!("the label {name}"),
        Want::LabelFile { path } => format!("the labels in {path}"),
        Want::ClientWrite { what } => format!("the client writes {what}"),
        Want::ClientProgram { what, .. } => format!("a program on the host: {what}"),
        Want::Credentials => "a change of the registry credentials".to_owned(),
        Want::Endpoint { value } => format!("the daemon at {value}"),
        Want::Configuration { what } => format!("a choice of docker's configuration: {what}"),
        Want::RemoteProject { source } => format!("a project from {source}"),
        Want::UnknownModel { what } => format!("something in a Compose file that is not known: {what}"),
    }
}

fn limits(Resources { memory, swap: _, cpus, pids }: &Resources) -> String {
    let one = |name: &str, amount: &Amount, shown: fn(u64) -> String| match amount {
        Amount::NotGiven => format!("no limit of {name}"),
        Amount::Is(number) => format!("{name} {}", shown(*number)),
        Amount::Unknown(text) => format!("{name} {text}"),
    };
    [
        one("memory", memory, size),
        one("processors", cpus, thousandths),
        one("processes", pids, |number| number.to_string()),
    ]
    .join(", ")
}

/// What was looked up.
fn known(want: &Want, facts: &Facts) -> Option<String> {
    match want {
        Want::ClientRead { path }
        | Want::ClientReadTree { path }
        | Want::DaemonMount { path }
        | Want::Bind { source: path, .. } => match facts.places.get(path)? {
            Place::At { path: end, kind, .. } => {
                let kind = match kind {
                    Kind::Missing => ABSENT,
                    Kind::File => "a file",
                    Kind::Directory => "a directory",
                    Kind::Other => "neither a file nor a directory",
                };
                let leads =
                    if Path::new(path) == end { String::new() } else { format!("leads to {}: ", end.display()) };
                Some(format!("{leads}{kind}"))
            }
            Place::Unknown(_) => None,
        },
        Want::Volume { name } => Some(match facts.volumes.get(name)? {
            Volume::Plain => "a plain volume, in memory, or not there yet".to_owned(),
            Volume::Special(what) => what.clone(),
            Volume::Unknown(why) => why.to_string(),
        }),
        Want::Runtime { .. } => match facts.default_runtime.as_ref()? {
            Ok(name) => Some(format!("the daemon's default is {name}")),
            Err(why) => Some(why.to_string()),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_demand_has_its_rule_and_what_came_of_it() {
        let policy = Policy::from_toml("mode = 'observe'\n[host]\ncapabilities = ['NET_ADMIN']").expect("a policy");
        let demands = [
            Demand::new(Want::Operation { name: "exec".to_owned(), instead: false }, "exec"),
            Demand::new(Want::Capability { name: "net_admin".to_owned() }, "--cap-add=net_admin"),
            Demand::new(Want::CgroupParent { parent: "/".to_owned() }, "--cgroup-parent=/"),
        ];
        let grounds = policy.grounds(&demands, &Facts::default());
        let told: Vec<_> = grounds.iter().map(|ground| (ground.asks.as_str(), ground.verdict())).collect();
        assert_eq!(
            told,
            [
                ("the operation exec", "observed"),
                ("the capability net_admin", "granted"),
                ("the control group /", "refused")
            ]
        );
        let rules: Vec<&str> = grounds.iter().flat_map(|ground| &ground.rule).map(String::as_str).collect();
        let [blocked, allowed, capabilities] = rules.as_slice() else { panic!("{rules:?}") };
        assert!(blocked.starts_with("commands.blocked = …  # "), "{blocked}");
        assert_eq!(*allowed, "commands.allowed is not set");
        assert!(capabilities.starts_with("host.capabilities = [\"NET_ADMIN\"]  # "), "{capabilities}");
    }
}
