//! Policy: whether what a request asks for is fine. One match arm a rule. Pure.

use crate::demand::{Demand, Want};
use crate::denial::{Denial, Reason};
use crate::facts::{Facts, Kind, Mount, Place, Volume};
use std::path::PathBuf;

pub mod file;
pub mod limits;
mod objects;
pub mod operations;
pub mod set;
pub mod settings;
pub mod values;

use settings::Settings;

/// The answer: leave to act, or why not.
pub type Verdict<T> = Result<Permit<T>, Denial>;

/// Leave to act on `T`. Only [`Policy`] makes one, so nothing runs without a verdict.
#[derive(Debug, PartialEq)]
#[must_use]
pub struct Permit<T> {
    subject: T,
    observed: Option<Denial>,
}

impl<T> Permit<T> {
    /// The permitted thing, for whoever writes the record.
    pub fn subject(&self) -> &T {
        &self.subject
    }

    /// What would have been refused, had the policy been enforced.
    pub fn observed(&self) -> Option<&Denial> {
        self.observed.as_ref()
    }

    pub(crate) fn into_subject(self) -> T {
        self.subject
    }
}

/// What is permitted, complete: the built-in default with the policy file's values over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The docker program; `None`: the first one found where systems keep it.
    pub program: Option<PathBuf>,
    /// `DOCKER_HOST` for docker.
    pub host: String,
    /// `DOCKER_CONFIG` for docker: a directory that the account cannot write.
    pub config: PathBuf,
    /// What profiles can change.
    pub settings: Settings,
    pub audit: Audit,
}

/// What a refusal by the lists and limits comes to.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    #[default]
    Enforce,
    /// What they would refuse runs, and the record says so. What reaches the host or the gate itself is
    /// refused all the same.
    Observe,
}

impl Mode {
    /// The word that the policy file uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
        }
    }
}

/// A directory or file of the host that containers may mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindMount {
    pub path: PathBuf,
    pub read_only: bool,
}

impl std::fmt::Display for BindMount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.path.display(), if self.read_only { ":ro" } else { "" })
    }
}

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// The syslog daemon's datagram socket.
    pub socket: PathBuf,
    pub facility: values::Facility,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            program: None,
            host: "unix:///var/run/docker.sock".to_owned(),
            config: PathBuf::from("/etc/dockgate/docker"),
            settings: Settings::default(),
            audit: Audit { socket: PathBuf::from("/dev/log"), facility: values::Facility::default() },
        }
    }
}

const ASK: &str = "or ask the administrator";

impl Policy {
    /// Judges the operations alone: what is refused by name needs no look at the world.
    ///
    /// # Errors
    /// The [`Denial`] of the first operation that is blocked, or not on the allow-list.
    pub fn screen(&self, demands: &[Demand]) -> Result<(), Denial> {
        if self.settings.mode.value == Mode::Observe {
            return Ok(());
        }
        demands.iter().try_for_each(|demand| match &demand.want {
            Want::Operation { name, instead } => self.operation(name, *instead, &demand.word),
            _ => Ok(()),
        })
    }

    /// Judges everything that `subject` asks for, given the facts.
    ///
    /// # Errors
    /// The [`Denial`] of the first demand that is not granted.
    pub fn judge<T>(&self, subject: T, demands: &[Demand], facts: &Facts) -> Verdict<T> {
        let mut observed = None;
        for demand in demands {
            match self.demand(demand, facts) {
                Ok(()) => {}
                Err(denial) if self.is_observed(&demand.want) => observed = observed.or(Some(denial)),
                Err(denial) => return Err(denial),
            }
        }
        Ok(Permit { subject, observed })
    }

    /// Whether a refusal is only to be recorded.
    fn is_observed(&self, want: &Want) -> bool {
        let of_lists_and_limits = matches!(
            want,
            Want::Operation { .. }
                | Want::Object { .. }
                | Want::Named { .. }
                | Want::Prune { .. }
                | Want::Project { .. }
                | Want::NewContainer(_)
                | Want::Starts(_)
                | Want::Resources(_)
                | Want::Image { .. }
        );
        self.settings.mode.value == Mode::Observe && of_lists_and_limits
    }

    /// Leave for what dockgate answers itself.
    pub fn own<T>(&self, subject: T) -> Permit<T> {
        Permit { subject, observed: None }
    }

    fn demand(&self, demand: &Demand, facts: &Facts) -> Result<(), Denial> {
        let word = demand.word.as_str();
        let deny = |reason: Reason, why: String, hint: String| Err(Denial::new(reason, word, why, hint));
        match &demand.want {
            Want::Operation { name, instead } => self.operation(name, *instead, word),
            Want::Bind { source, read_only } => self.bind(source, *read_only, word, facts),
            Want::Volume { name } => match facts.volumes.get(name) {
                Some(Volume::Plain) => Ok(()),
                Some(Volume::Special(what)) => deny(
                    Reason::VolumeOptions,
                    format!("the volume {name} stands for something of the host ({what})"),
                    format!("use a volume of your own: docker volume create NAME, {ASK}"),
                ),
                Some(Volume::Unknown(why)) => deny(
                    Reason::VolumeOptions,
                    format!("what the volume {name} stands for could not be looked up ({why})"),
                    "try again; if it stays so, the administrator finds this record in the log".to_owned(),
                ),
                None => deny(Reason::VolumeOptions, format!("the volume {name} was not looked up"), ASK.to_owned()),
            },
            Want::VolumeOptions { .. } => deny(
                Reason::VolumeOptions,
                "a volume with a driver or options of its own can stand for a directory or device of the host".to_owned(),
                "docker volume create NAME makes a plain one; --tmpfs /PATH:size=64m gives a container memory to write to".to_owned(),
            ),
            Want::VolumesFrom { container } => deny(
                Reason::VolumesFrom,
                format!("it gives every volume and bind mount of {container} to another container"),
                "mount a named volume of your own: -v data:/data".to_owned(),
            ),
            Want::Privileged if self.settings.privileged.value => Ok(()),
            Want::Privileged => deny(
                Reason::Privileged,
                "a privileged container is root on the host".to_owned(),
                format!("leave it out; most images need no privileges, {ASK} for one capability or device"),
            ),
            Want::Capability { name } if DEFAULT_CAPABILITIES.contains(&capability(name).as_str()) => Ok(()),
            Want::Capability { name } if self.settings.capabilities.value.contains(&capability(name)) => Ok(()),
            Want::Capability { name } => deny(
                Reason::Capability,
                format!("the capability {} reaches beyond the container", capability(name)),
                format!("leave it out, {ASK} to add \"{}\" to host.capabilities", capability(name)),
            ),
            Want::Device { device } if self.settings.devices.value.iter().any(|granted| is_device(device, granted)) => Ok(()),
            Want::Device { device } => deny(
                Reason::Device,
                "a device of the host gives a container what is behind it".to_owned(),
                format!("leave it out, {ASK} to add \"{}\" to host.devices", device.split(':').next().unwrap_or(device)),
            ),
            Want::SecurityOption { option } if NO_NEW_PRIVILEGES.contains(&option.as_str()) => Ok(()),
            Want::SecurityOption { .. } => deny(
                Reason::SecurityOpt,
                "it takes away part of the container's confinement".to_owned(),
                "leave it out; --security-opt no-new-privileges is taken, and so is --cap-drop ALL".to_owned(),
            ),
            Want::Namespace { namespace, mode } if mode == "host" && self.settings.namespaces.value.iter().any(|n| n == namespace.name()) => Ok(()),
            Want::Namespace { namespace, mode } => deny(
                Reason::Namespace,
                if mode == "host" {
                    format!("the container would share the host's {} namespace", namespace.name())
                } else {
                    format!("the container would share the {} namespace of {mode}", namespace.name())
                },
                match namespace {
                    crate::demand::Namespace::Network => "make a network with docker network create NAME and give --network NAME; publish ports with -p".to_owned(),
                    _ => format!("leave it out, {ASK} to add \"{}\" to host.namespaces", namespace.name()),
                },
            ),
            Want::CgroupParent { .. } => deny(
                Reason::CgroupParent,
                "the container would leave the control group that limits it".to_owned(),
                "leave it out; --memory, --cpus and --pids-limit set limits".to_owned(),
            ),
            Want::Runtime { name } if self.settings.runtimes.value.contains(name) => Ok(()),
            Want::Runtime { .. } => deny(Reason::Runtime, "another runtime may confine less".to_owned(), format!("leave it out, {ASK} to add it to host.runtimes")),
            Want::LogDriver { .. } => deny(
                Reason::LogDriver,
                "the daemon would send the log to an address or file of the request's choosing".to_owned(),
                "use --log-driver json-file, local or none, with --log-opt max-size and max-file".to_owned(),
            ),
            Want::NetworkDriver { .. } => deny(
                Reason::NetworkDriver,
                "it can reach the host's own network interfaces".to_owned(),
                "docker network create NAME makes a bridge network, with --subnet, --gateway, --internal and --label as you like".to_owned(),
            ),
            Want::HostSetting { why, .. } => deny(
                Reason::HostSetting,
                (*why).to_owned(),
                "leave it out; sending it again in another spelling cannot help".to_owned(),
            ),
            Want::Entitlement { .. } => deny(
                Reason::BuildEntitlement,
                "it gives a build rights beyond its sandbox".to_owned(),
                "leave it out: builds reach the network without it".to_owned(),
            ),
            Want::ClientRead { path } => read(path, false, word, facts),
            Want::ClientReadTree { path } => read(path, true, word, facts),
            Want::DaemonMount { path } => match facts.daemon_may_not_mount(path) {
                None => Ok(()),
                Some(why) => deny(
                    Reason::ClientFile,
                    format!("a container would get {path} of the host, and {why}"),
                    "give a file of the project, below the working directory; a config's text can stand in the Compose file as content".to_owned(),
                ),
            },
            Want::Object { object, name, touch } => {
                objects::object(&self.settings, facts, (*object, name, *touch), word)
            }
            Want::Named { name } => objects::named(&self.settings, name, word),
            Want::Prune { object } => objects::prune(&self.settings, facts, *object, word),
            Want::Project { project, reach } => {
                objects::project(&self.settings, facts, project.as_deref(), *reach, word)
            }
            Want::NewContainer(asked) => {
                objects::new_container(&self.settings, &asked.names, word)?;
                limits::new_container(&self.settings, asked, word)
            }
            Want::Starts(starts) => limits::starts(&self.settings, facts, starts, word),
            Want::Resources(asked) => limits::resources(&self.settings, asked, false, word),
            Want::Image { name } => limits::image(&self.settings, facts, name, word),
            Want::ProjectMounts { project } => match facts.of_project(project) {
                Ok(containers) => {
                    let mut mounts = containers.iter().flat_map(|container| &container.mounts);
                    mounts.try_for_each(|mount| self.inherited(mount, project, facts))
                }
                Err(why) => deny(
                    Reason::ProjectModel,
                    format!("what the containers of {project} have mounted could not be looked up ({why})"),
                    "try again; if it stays so, the administrator finds this record in the log".to_owned(),
                ),
            },
            Want::ClientWrite { .. } => deny(
                Reason::ClientWrite,
                "docker would write a file on the host".to_owned(),
                "leave it out; what docker prints comes back to you, so redirect it on your own side: ssh HOST 'docker …' > FILE".to_owned(),
            ),
            Want::ClientProgram { why, .. } => deny(
                Reason::ClientProgram,
                (*why).to_owned(),
                "leave it out; sending it again in another spelling cannot help".to_owned(),
            ),
            Want::Credentials if facts.config_is_writable => Ok(()),
            Want::Credentials => deny(
                Reason::ReadOnlyConfig,
                format!("registry credentials are kept by the administrator, in {}", self.config.display()),
                "images that need no credentials can be pulled as they are; for others the administrator logs in once".to_owned(),
            ),
            Want::Endpoint { value } if *value == self.host || value == "default" => Ok(()),
            Want::Endpoint { .. } => deny(
                Reason::GlobalFlag,
                "which daemon is talked to is the administrator's choice".to_owned(),
                "leave the option out: docker ps".to_owned(),
            ),
            Want::Configuration { .. } => deny(
                Reason::GlobalFlag,
                "docker's configuration is the administrator's choice".to_owned(),
                "leave the option out: docker ps".to_owned(),
            ),
            Want::RemoteProject { .. } => deny(
                Reason::RemoteProject,
                "a Compose project would be fetched from elsewhere by a program on the host".to_owned(),
                "send the file on standard input: ssh HOST docker compose -f - up -d < compose.yaml".to_owned(),
            ),
            Want::UnknownModel { what } => deny(
                Reason::ProjectModel,
                format!("this gate does not know what {what} can do, and passes on only what it knows"),
                "leave it out of the Compose file".to_owned(),
            ),
        }
    }

    /// A mount that Compose would hand on to the container that takes an older one's place.
    fn inherited(&self, mount: &Mount, project: &str, facts: &Facts) -> Result<(), Denial> {
        let word = format!("a container of {project} that is already there");
        match mount.kind.as_str() {
            "tmpfs" | "image" => Ok(()),
            "volume" => self.demand(&Demand::new(Want::Volume { name: mount.name.clone() }, word), facts),
            _ if facts.daemon_may_not_mount(&mount.source).is_none() => Ok(()),
            _ => self.bind(&mount.source, mount.read_only, &word, facts),
        }
    }

    fn operation(&self, name: &str, instead: bool, word: &str) -> Result<(), Denial> {
        let covering = |list: &[String]| list.iter().any(|entry| operations::covers(entry, name));
        let (reason, verb) = if covering(&self.settings.blocked.value) {
            (Reason::BlockedCommand, "is blocked by security policy")
        } else if self.settings.allowed.value.as_deref().is_some_and(|allowed| !covering(allowed)) {
            (Reason::NotAllowed, "is not on the allow-list of the security policy")
        } else {
            return Ok(());
        };
        let message = match name.strip_prefix("compose ") {
            Some(below) => format!("docker compose '{below}' {verb}"),
            None => format!("docker '{name}' {verb}"),
        };
        let row = operations::explanation(name).filter(|_| reason == Reason::BlockedCommand);
        let why = row.map_or("the administrator's policy does not permit it", |row| row.why);
        let why = if instead { format!("{word} has the effect of {name}: it {why}") } else { why.to_owned() };
        let hint =
            row.map_or("`help` lists what may be run here; sending it in another spelling cannot help", |row| row.hint);
        Err(Denial { reason, message, risk: row.map(|row| row.risk), why, hint: hint.to_owned() })
    }

    /// A bind mount is granted by its resolved path. Below a granted directory only read-only mounts of what is
    /// there are (the daemon would make what is missing), and only where the grant itself is read-only: elsewhere
    /// a container that has the directory could put a symbolic link in the daemon's way.
    fn bind(&self, source: &str, read_only: bool, word: &str, facts: &Facts) -> Result<(), Denial> {
        let deny = |why: String, hint: String| Err(Denial::new(Reason::BindMount, word, why, hint));
        let granted = match facts.places.get(source) {
            Some(Place::At { path, kind, .. }) => {
                let below =
                    |grant: &BindMount| *kind != Kind::Missing && grant.read_only && path.starts_with(&grant.path);
                let mut grants = self.settings.bind_mounts.value.iter();
                grants.find(|grant| *path == grant.path || below(grant))
            }
            _ => None,
        };
        match granted {
            Some(grant) if grant.read_only && !read_only => deny(
                format!("{source} may be mounted read-only, and this mount could be written"),
                format!("add :ro to the mount (-v {source}:/TARGET:ro)"),
            ),
            Some(_) => Ok(()),
            None => deny(
                format!("a container would get {source} of the host"),
                format!("mount a named volume (-v data:/data), {ASK} to add \"{source}\" to host.bind_mounts"),
            ),
        }
    }
}

/// `--security-opt` values that take nothing away.
const NO_NEW_PRIVILEGES: &[&str] = &["no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"];

fn read(path: &str, whole: bool, word: &str, facts: &Facts) -> Result<(), Denial> {
    let Some(why) = facts.client_may_not_read(path, whole) else { return Ok(()) };
    let hint = if whole {
        "give a directory below the working directory, or send the context on standard input: tar c . | ssh HOST docker build -"
    } else {
        "give a file below the working directory, or send it on standard input with -"
    };
    Err(Denial::new(Reason::ClientFile, word, format!("docker would read {path} on the host, and {why}"), hint))
}

/// What every container has without asking (moby `oci/caps/defaults.go`).
const DEFAULT_CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Without `CAP_`, in upper case, as the policy file has it.
pub fn capability(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    upper.strip_prefix("CAP_").map(str::to_owned).unwrap_or(upper)
}

/// `--device HOST[:CONTAINER[:MODE]]` names a granted device exactly.
fn is_device(asked: &str, granted: &str) -> bool {
    asked.split(':').next() == Some(granted)
}
