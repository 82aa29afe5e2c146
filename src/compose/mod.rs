//! Compose: what a project asks for. Pure; [`crate::world::project`] does the reading and resolving.
//!
//! A Compose command line says little: the file says what containers get of the host. So the files are
//! read, checked for what would make Compose read others ([`source`]), resolved by Compose itself, and the
//! resolved model is judged key by key ([`model`]). What then runs is that model, not the files again.

use crate::demand::{Demand, Existing, HostPorts, Reach, Starts, Want};
use crate::docker::Invocation;
use crate::docker::options::Given;
use crate::docker::resources;
use crate::docker::row::{Ask, Use};
use serde_json::Value;

pub mod effects;
pub mod hints;
pub mod judged;
mod keys;
pub mod model;
pub mod names;
pub mod plain;
mod size;
pub mod source;
pub mod variables;
pub mod yaml;

/// Commands that make nothing, read nothing of the host, and run nothing in a container.
const FINDING: &[&str] =
    &["events", "images", "kill", "logs", "pause", "port", "ps", "restart", "stats", "stop", "top", "unpause", "wait"];

/// Which project a command line loads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Files as given with `-f`, `-` for standard input; none: those that Compose finds by itself.
    pub files: Vec<String>,
    /// As given with `--project-directory`.
    pub directory: Option<String>,
    pub env_files: Vec<String>,
    /// As given with `-p`.
    pub name: Option<String>,
    /// As given with `--profile`.
    pub profiles: Vec<String>,
    /// Whether the command names services: Compose then takes these whatever their profiles.
    pub names_services: bool,
    /// What the command does with it.
    pub purpose: Use,
    /// Whether it may build images.
    pub builds: bool,
    pub reach: Reach,
    /// `docker compose run`'s own container's name, as given with `--name`.
    pub container_name: Option<String>,
    /// What `docker compose run` publishes beyond the file, as given with `--publish`.
    pub ports: Vec<HostPorts>,
    /// Whether it makes one container beside the services' own.
    pub runs: bool,
    /// Whether it fetches images.
    pub pulls: bool,
    /// Whether it starts containers that are there.
    pub starts: bool,
    /// Whether it removes containers with the volumes that docker has named for them.
    pub volumes: bool,
    /// Whether it only finds containers that are there, by the project's name, and looks at them or stops them.
    pub finds: bool,
    /// How often services are to run, where the command says so.
    pub scale: Vec<(String, u64)>,
    /// Whether names are joined as old Compose joined them.
    pub compatible: bool,
}

impl Project {
    /// The project of a command that loads one.
    pub fn of(invocation: &Invocation) -> Option<Self> {
        let purpose = invocation.project_use()?;
        let builds = match purpose {
            Use::Builds => true,
            Use::Makes => !invocation.has("no-build"),
            Use::Looks | Use::Changes => false,
        };
        let named = |name: &str| invocation.command().is_some_and(|command| command.name == name);
        let reach = match purpose {
            _ if named("compose wait") && invocation.has("down-project") => {
                Reach::Everything { volumes: false, images: false }
            }
            Use::Looks | Use::Builds => Reach::Look,
            Use::Changes if named("compose down") => {
                Reach::Everything { volumes: invocation.has("volumes"), images: invocation.has("rmi") }
            }
            Use::Changes | Use::Makes => Reach::Containers,
        };
        let own_name = invocation.options().iter().rfind(|given| given.option.long == "name").and_then(Given::value);
        let compatible =
            invocation.root_options().iter().any(|given| given.option.long == "compatibility" && given.is_set());
        let mut project = Self {
            files: Vec::new(),
            directory: None,
            env_files: Vec::new(),
            name: None,
            profiles: Vec::new(),
            names_services: !invocation.operands().is_empty(),
            purpose,
            builds,
            reach,
            container_name: own_name.map(str::to_owned),
            ports: resources::new_container(invocation.options()).ports,
            pulls: named("compose pull") || invocation.value_of("pull") == Some("always"),
            runs: named("compose run"),
            starts: ["start", "restart", "unpause"].iter().any(|verb| named(&format!("compose {verb}"))),
            volumes: (named("compose rm") || named("compose down")) && invocation.has("volumes"),
            finds: FINDING.iter().any(|verb| named(&format!("compose {verb}")))
                && !invocation
                    .options()
                    .iter()
                    .any(|given| ["down-project", "remove-orphans"].contains(&given.option.long)),
            scale: scale(invocation),
            compatible,
        };
        for given in invocation.root_options() {
            let Some(value) = given.value() else { continue };
            match (given.option.asks, given.option.long) {
                (Ask::ProjectFile, _) => project.files.push(value.to_owned()),
                (Ask::ProjectDirectory, _) => project.directory = Some(value.to_owned()),
                (_, "env-file") => project.env_files.push(value.to_owned()),
                (_, "profile") => project.profiles.push(value.to_owned()),
                (_, "project-name") => project.name = Some(value.to_owned()),
                _ => {}
            }
        }
        Some(project)
    }

    /// The profiles of the services that are to be resolved.
    pub fn wanted_profiles(&self) -> impl Iterator<Item = &str> {
        let odd = self.profiles.iter().any(|profile| profile == judged::UNWANTED);
        let all = (self.names_services || odd).then_some("*");
        all.into_iter().chain(self.profiles.iter().map(String::as_str))
    }

    /// Whether the project's name is only that of the directory in which the request arrives: the file comes on
    /// standard input, and neither it nor the request says what it is called.
    pub fn is_nameless(&self, documents: &[Value]) -> bool {
        let on_input = self.files.iter().all(|file| file == "-") && !self.files.is_empty();
        on_input
            && self.name.is_none()
            && self.directory.is_none()
            && documents.iter().all(|file| file.get("name").is_none())
    }

    /// The containers of the project that it starts, with what they have mounted; or removes, with their volumes.
    pub fn starts(&self, name: Option<&str>) -> Vec<Demand> {
        let project = name.map(str::to_owned).or_else(|| self.name.clone());
        let starts = Want::Starts(Starts::Project(project.clone()));
        let removed = Want::RemovedVolumes(Existing::Project(project.clone()));
        let wants = [starts, Want::Mounted(Existing::Project(project))].into_iter().filter(|_| self.starts);
        let wants = wants.chain(Some(removed).filter(|_| self.volumes));
        wants.map(|want| Demand::new(want, "docker compose")).collect()
    }

    /// What the command does to what belongs to the project, whose name Compose has found if there is a file.
    pub fn touches(&self, name: Option<&str>) -> Demand {
        let project = name.map(str::to_owned).or_else(|| self.name.clone());
        let word = project.as_ref().map_or_else(|| "docker compose".to_owned(), |name| format!("project {name}"));
        Demand::new(Want::Project { project, reach: self.reach }, word)
    }

    /// What naming these files asks for.
    pub fn demands(&self) -> Vec<Demand> {
        let files = self.files.iter().filter(|file| *file != "-").map(|file| {
            let word = format!("-f {file}");
            if is_elsewhere(file) {
                Demand::new(Want::RemoteProject { source: file.clone() }, word)
            } else {
                Demand::new(Want::ClientRead { path: file.clone() }, word)
            }
        });
        let directory = self
            .directory
            .iter()
            .map(|path| Demand::new(Want::ClientRead { path: path.clone() }, format!("--project-directory {path}")));
        files.chain(directory).collect()
    }
}

/// `up --scale web=3`, `scale web=3`; what is not a number Compose refuses.
fn scale(invocation: &Invocation) -> Vec<(String, u64)> {
    let options = invocation.options().iter().filter(|given| given.option.long == "scale").filter_map(Given::value);
    let operands = invocation.operands().iter().map(String::as_str);
    let pair = |text: &str| text.split_once('=').and_then(|(name, count)| Some((name.to_owned(), count.parse().ok()?)));
    options.chain(operands).filter_map(pair).collect()
}

/// Something that Compose would fetch: Git, OCI and other addresses (compose-go's remote loaders).
pub fn is_elsewhere(file: &str) -> bool {
    file.contains("://")
        || file.starts_with("git@")
        || file.starts_with("oci:")
        || file.starts_with("github.com/")
        || file.contains(".git#")
}
