//! The shape of the catalogue's rows. Data types only. An option has an [`Ask`], which says what its *kind* of
//! value asks for; with the value at hand, [`super::asks`] turns it into a [`crate::demand::Want`], and with the
//! word that was used that is a [`crate::demand::Demand`], which the policy judges.

use crate::demand::{Namespace, Object, Touch};

/// One leaf command, as docker's, compose's or buildx's own parser knows it.
#[derive(Debug)]
pub struct Command {
    /// The spelling that is passed on to docker, and docker's own verb: `ps`, `network rm`, `compose up`.
    pub name: &'static str,
    /// Every other spelling that docker takes for it: `container ls`, `container list`, `container ps`.
    pub also: &'static [&'static str],
    /// Whether flags may follow operands (pflag's `SetInterspersed`). Where not, parsing stops at the
    /// first operand and the rest belongs to the container.
    pub flags_anywhere: bool,
    pub options: &'static [&'static [Opt]],
    pub operands: Operands,
    /// What the command asks for by itself, beyond the operation of its name.
    pub asks: &'static [Ask],
}

impl Command {
    pub const fn new(name: &'static str) -> Self {
        Self { name, also: &[], flags_anywhere: true, options: &[], operands: Operands::Plain, asks: &[] }
    }

    pub const fn also(mut self, also: &'static [&'static str]) -> Self {
        self.also = also;
        self
    }

    /// Parsing of flags stops at the first operand.
    pub const fn stops(mut self) -> Self {
        self.flags_anywhere = false;
        self
    }

    pub const fn options(mut self, options: &'static [&'static [Opt]]) -> Self {
        self.options = options;
        self
    }

    pub const fn operands(mut self, operands: Operands) -> Self {
        self.operands = operands;
        self
    }

    pub const fn asks(mut self, asks: &'static [Ask]) -> Self {
        self.asks = asks;
        self
    }

    /// The program whose parser reads the command.
    pub fn component(&self) -> Component {
        match self.name.split(' ').next() {
            Some("compose") => Component::Compose,
            Some("buildx" | "build" | "builder" | "bake") => Component::Buildx,
            _ => Component::Docker,
        }
    }

    /// The options, those that every command of the same program has included.
    pub fn all_options(&self) -> impl Iterator<Item = &'static Opt> + Clone + use<> {
        self.options.iter().flat_map(|group| group.iter())
    }
}

/// Which program parses a command: docker itself or one of its two plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    Docker,
    Compose,
    Buildx,
}

/// What a command's operands are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operands {
    /// Names and values that reach nothing by themselves.
    Plain,
    /// Each is the name of such an object.
    Objects(Object, Touch),
    /// The first is the name that such an object gets, or that of one that is there already.
    Made(Object),
    /// The first is the name of such an object.
    Object(Object, Touch),
    /// A container, and perhaps the image that is made of it.
    ContainerAndImage,
    /// An image, and the name that it gets.
    ImageAndName,
    /// A file that the client reads, or `-`, and perhaps the image that is made of it.
    FileAndImage,
    /// A container, and the name that it gets.
    Rename,
    /// A network, and a container that joins or leaves it.
    NetworkAndContainer,
    /// An image, then a command for the new container.
    ImageAndCommand,
    /// A build context: a directory, a URL, a Git address, or `-`.
    BuildContext,
    /// A file that the client reads, or `-`.
    File,
    /// A name, then a file or directory that the client reads, or `-`.
    NameAndFile,
    /// A name, then a directory that the client reads whole.
    NameAndDirectory,
    /// A source and a target, of which one is in a container and the other is the client's, or `-`.
    Copy,
    /// A Compose service or services; with [`Command::stops`], one and then a command.
    Services,
}

/// One option.
#[derive(Debug)]
pub struct Opt {
    /// The long name without `--`.
    pub long: &'static str,
    pub short: Option<char>,
    /// Hidden long spellings that the program normalises to this one.
    pub also: &'static [&'static str],
    pub takes: Takes,
    pub asks: Ask,
}

/// How an option is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A boolean: takes a value only as `--name=BOOL`.
    Switch,
    /// One value; the last one given counts.
    Value,
    /// A value each time it is given.
    List,
}

/// An option that takes no value.
pub const fn switch(long: &'static str) -> Opt {
    Opt { long, short: None, also: &[], takes: Takes::Switch, asks: Ask::Nothing }
}

/// An option that takes one value.
pub const fn value(long: &'static str) -> Opt {
    Opt { long, short: None, also: &[], takes: Takes::Value, asks: Ask::Nothing }
}

/// An option that can be given more than once.
pub const fn list(long: &'static str) -> Opt {
    Opt { long, short: None, also: &[], takes: Takes::List, asks: Ask::Nothing }
}

impl Opt {
    pub const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }

    pub const fn also(mut self, also: &'static [&'static str]) -> Self {
        self.also = also;
        self
    }

    pub const fn asks(mut self, asks: Ask) -> Self {
        self.asks = asks;
        self
    }
}

/// What an option (through its value) or a command asks for. [`super::asks`] turns it into demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Nothing beyond the command that it belongs to.
    Nothing,
    /// Nothing; the value is `NAME=VALUE`, and the record shows the name alone.
    Assignment,
    /// Nothing; the value is a command line, and the record does not show what it assigns.
    CommandLine,
    /// Nothing; the record does not show the value.
    Password,
    /// The effect of another operation.
    Operation(&'static str),
    /// `-v`: `[SOURCE:]TARGET[:OPTIONS]`.
    Volume,
    /// `--mount`: a CSV row of `key=value`.
    Mount,
    VolumeDriver,
    /// `volume create -o`: `key=value`.
    VolumeOption,
    /// `--device-read-bps`: `PATH:RATE`.
    Throttle,
    VolumesFrom,
    Privileged,
    Capability,
    Device,
    /// `--gpus`, and the same as JSON.
    Gpus,
    SecurityOption,
    Namespace(Namespace),
    /// `--network` of a container or a build: a name, or CSV with `name=`.
    Network,
    CgroupParent,
    Runtime,
    LogDriver,
    LogOption,
    /// `--sysctl`: `key=value`; `net.*` is the container's own.
    Sysctl,
    NetworkDriver,
    /// Where a network is: on this host, or in the cluster.
    NetworkScope,
    /// `network create -o`.
    NetworkOption,
    /// `--link CONTAINER[:ALIAS]`.
    Link,
    /// A name for the image that is built.
    Tag,
    /// Whatever of this kind is not used is removed.
    Prunes(Object),
    /// Images that have no name and are not used are removed.
    PrunesNameless,
    /// Images come by names that are not told.
    AnyName,
    /// A container is made.
    Makes,
    /// The containers that are named run afterwards.
    Starts,
    /// A container gets other limits.
    Limits,
    /// `--label NAME[=VALUE]`.
    Label,
    /// `--label-file`.
    LabelFile,
    /// `commit --change`: an instruction of a Dockerfile, of which `LABEL` alone matters.
    Change,
    /// `volume create --name`.
    VolumeName,
    /// `start --checkpoint-dir`: the effect of `checkpoint`, with a directory on the host.
    CheckpointDirectory,
    /// Control of the daemon, its plugins, its builders or the cluster, in words.
    Control(&'static str),
    /// Another setting that reaches beyond the container, when set at all.
    HostSetting(&'static str),
    /// `--oom-score-adj`, where only a negative value harms the host.
    OomScore,
    /// A file that the client reads.
    Reads,
    /// A file that the client reads, with what lies beside it.
    ReadsBeside,
    /// A directory that the client reads whole.
    ReadsTree,
    /// A file or directory that the client writes.
    Writes,
    /// `build -o`.
    BuildOutput,
    /// `build --cache-to`.
    CacheTo,
    /// `build --cache-from`.
    CacheFrom,
    /// `build --build-context NAME=SOURCE`.
    NamedContext,
    /// `build --secret id=…,src=FILE|env=NAME`.
    BuildSecret,
    Entitlement,
    /// Starts a program, in words.
    Program(&'static str),
    Credentials,
    /// `inspect --type`: the kind of object that is looked at.
    ObjectType,
    Endpoint,
    /// `--builder`: contexts are builders too, and so other daemons.
    Builder,
    Configuration,
    /// `compose -f`: a file, `-`, or something fetched.
    ProjectFile,
    /// `compose --project-directory`.
    ProjectDirectory,
    /// The command loads a Compose project, whose model decides what it asks for.
    Project(Use),
}

/// What a command does with the Compose project that it loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It shows something of it, or fetches images.
    Looks,
    /// It builds the images of services.
    Builds,
    /// It changes, stops or removes containers that are there.
    Changes,
    /// It makes containers, and builds images that are missing.
    Makes,
}
