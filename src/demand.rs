//! Demand: the vocabulary shared by grammar and policy. Pure.
//!
//! The grammar reduces a request, however it is spelled, to a list of these. The policy judges them and
//! nothing else, so a rule is written once and serves every spelling.

/// One thing that a request asks for, and the word that asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    pub want: Want,
    /// The word of the request (an option, an operand, a place in a Compose model) that asks for it.
    pub word: String,
    /// What serves the same wish, in the words of whoever asks, where the rule's own words would be another language.
    pub hint: Option<String>,
}

impl Demand {
    pub fn new(want: Want, word: impl Into<String>) -> Self {
        Self { want, word: word.into(), hint: None }
    }

    /// The same, with a hint of its own.
    #[must_use]
    pub fn with_hint(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// An operation by docker's own verb: `exec`, `network rm`, `compose up`. `instead` is true when
    /// another command has the same effect (`start --attach` asks for `attach`).
    Operation {
        name: String,
        instead: bool,
    },
    /// A directory, file or socket of the host inside a container. `source` is as given: relative to the
    /// working directory, symbolic links not resolved.
    Bind {
        source: String,
        read_only: bool,
    },
    /// What is mounted on the host below the source of a read-only [`Want::Bind`], to be written all the same: before
    /// version 1.44 of the API a mount is read-only without what is mounted below it.
    BindBelow {
        source: String,
    },
    /// An existing or new named volume inside a container.
    Volume {
        name: String,
    },
    /// A volume by a driver other than `local`, or with driver options.
    VolumeOptions {
        what: String,
    },
    /// Every volume of another container.
    VolumesFrom {
        container: String,
    },
    Privileged,
    /// A Linux capability as docker takes it, in any case, with or without `CAP_`; or `ALL`.
    Capability {
        name: String,
    },
    /// A host device, a device cgroup rule, or a GPU request.
    Device {
        device: String,
    },
    /// A `--security-opt` value.
    SecurityOption {
        option: String,
    },
    /// A namespace mode that is not the container's own: `host`, `container:x`, `ns:/path`, `service:x`.
    Namespace {
        namespace: Namespace,
        mode: String,
    },
    CgroupParent {
        parent: String,
    },
    Runtime {
        name: String,
    },
    /// A logging driver that the daemon sends to.
    LogDriver {
        name: String,
    },
    /// A network driver or an option that reaches the host's interfaces.
    NetworkDriver {
        name: String,
    },
    /// Anything else that reaches beyond the container, with the reason in words.
    HostSetting {
        what: String,
        why: &'static str,
    },
    /// Control of the daemon, its plugins, its builders or the cluster, with the reason in words. No list of commands
    /// gives it, and no mode lets it pass.
    Control {
        why: &'static str,
    },
    /// A build entitlement (`--allow`).
    Entitlement {
        name: String,
    },
    /// A file or directory that the docker client reads, as given.
    ClientRead {
        path: String,
    },
    /// A whole directory that the docker client reads: a build context.
    ClientReadTree {
        path: String,
    },
    /// A file of the project that the daemon mounts read-only into a container: a Compose secret or config.
    DaemonMount {
        path: String,
    },
    /// A container, volume, network or image that the request names: by name, id or the beginning of an id.
    Object {
        object: Object,
        name: String,
        touch: Touch,
    },
    /// A name that a container gets.
    Named {
        name: String,
    },
    /// An image that a container is made of, or that is fetched: a reference, or the beginning of an id.
    Image {
        name: String,
    },
    /// Images that nothing tells before they are used: those that a Dockerfile names.
    AnyImage,
    /// Images of names that nothing tells before they are there: those of an archive.
    AnyName,
    /// Everything of a kind that nothing uses.
    Prune {
        object: Object,
    },
    /// Images that have no name and that nothing uses.
    PruneNameless,
    /// What belongs to a Compose project; `None` where the project's name is not known.
    Project {
        project: Option<String>,
        reach: Reach,
    },
    /// A Compose project of this name that is not there yet.
    OwnProject {
        project: String,
    },
    /// A container that would be made.
    NewContainer(NewContainer),
    /// More of a kind would be there, or one that takes as much of its list as so many.
    More {
        object: Object,
        count: usize,
    },
    /// Containers would run that do not now.
    Starts(Starts),
    /// Containers that are there, whose mounts the daemon would look up again.
    Mounted(Existing),
    /// Containers that are there would be removed with the volumes that docker has named for them.
    RemovedVolumes(Existing),
    /// Other limits for a container that is there.
    Resources(Resources),
    /// The mounts of a Compose project's containers: Compose hands them on to the containers that take their
    /// place.
    ProjectMounts {
        project: String,
    },
    /// A label that a container, volume, network or image gets.
    Label {
        name: String,
    },
    /// A file of labels that the client reads, as given.
    LabelFile {
        path: String,
    },
    /// A file or directory that the docker client writes.
    ClientWrite {
        what: String,
    },
    /// A program other than docker and its plugins that the client would start.
    ClientProgram {
        what: String,
        why: &'static str,
    },
    /// The docker client would store or remove registry credentials in its configuration.
    Credentials,
    /// A daemon of the request's choosing (`--host`, `--context`).
    Endpoint {
        value: String,
    },
    /// Any other choice of configuration that belongs to the administrator.
    Configuration {
        what: String,
    },
    /// A project that the client would fetch from elsewhere.
    RemoteProject {
        source: String,
    },
    /// Something in a Compose model that the gate does not know.
    UnknownModel {
        what: String,
    },
}

/// What the daemon keeps, each kind with names of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    Container,
    Image,
    Network,
    Volume,
}

impl Object {
    /// The word for one of them.
    pub fn name(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Image => "image",
            Self::Network => "network",
            Self::Volume => "volume",
        }
    }
}

/// At the end of an image's name: in every tag (`pull --all-tags`).
pub const ANY_TAG: &str = ":*";

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// It is shown, or waited for.
    Look,
    /// It is stopped, removed, changed, or joined by another container.
    Change,
    /// It is made by that name, with the gate's labels, or one of that name is replaced or taken.
    Make,
    /// As [`Touch::Make`], but the daemon makes it by itself, without the gate's labels: a volume that is mounted, an
    /// image that is fetched.
    Bring,
}

impl Touch {
    /// Whether something becomes of it.
    pub fn changes(self) -> bool {
        self != Self::Look
    }

    /// Whether there may be nothing of the name, and something would be.
    pub fn makes(self) -> bool {
        matches!(self, Self::Make | Self::Bring)
    }
}

/// How much of a Compose project a command reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It shows something of its containers.
    Look,
    /// It changes its containers.
    Containers,
    /// It changes its containers and removes its networks; and its volumes, if told to.
    Everything { volumes: bool, images: bool },
}

/// A container that would be made, as far as limits are about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewContainer {
    /// The names that it could get; none where docker makes one up.
    pub names: Vec<String>,
    pub resources: Resources,
    pub ports: Vec<HostPorts>,
}

/// Which containers would run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Starts {
    /// So many new ones.
    New(u64),
    /// As many of each service of a Compose project as are to be; those that run already are among them.
    Services { project: Option<String>, wanted: Vec<(String, u64)> },
    /// These, by name, id or the beginning of an id.
    Named(Vec<String>),
    /// Those of a Compose project; of all projects, where its name is not known.
    Project(Option<String>),
}

/// Containers that are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Existing {
    /// By name, id or the beginning of an id.
    Named(Vec<String>),
    /// Those of a Compose project; of all projects, where its name is not known.
    Project(Option<String>),
}

/// The limits of a container, as asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Bytes.
    pub memory: Amount,
    /// Memory and swap together, in bytes; docker takes twice the memory where it is not given.
    pub swap: Amount,
    /// Thousandths of a processor.
    pub cpus: Amount,
    /// Processes and threads.
    pub pids: Amount,
}

/// A number as a request gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Amount {
    #[default]
    NotGiven,
    Is(u64),
    /// Not a number that the gate understands, or one that means "without limit".
    Unknown(String),
}

/// Ports of the host that a container publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPorts {
    /// From the first to the last.
    Range(u16, u16),
    /// Docker chooses, or the gate does not understand it; as given.
    Any(String),
}

/// The namespaces that a container can share (namespaces(7), Docker's names).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Namespace {
    Cgroup,
    Ipc,
    Network,
    Pid,
    User,
    Uts,
}

impl Namespace {
    /// The name that the policy file uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cgroup => "cgroup",
            Self::Ipc => "ipc",
            Self::Network => "network",
            Self::Pid => "pid",
            Self::User => "user",
            Self::Uts => "uts",
        }
    }
}
