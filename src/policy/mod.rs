//! Policy: whether what a request asks for is fine. Pure. Each kind of [`Want`] has one rule, below [`rules`]; what
//! the rules judge by comes from the policy file: its form ([`file`]), its tables laid over one another
//! ([`settings`]), and the profile that a key gets ([`set`]).

use crate::demand::{Demand, Want};
use crate::denial::Denial;
use crate::facts::{Facts, Owner};
use std::collections::BTreeSet;
use std::path::PathBuf;

pub mod advice;
pub mod candidate;
pub mod explain;
pub mod file;
pub mod operations;
pub mod rules;
pub mod set;
pub mod settings;
pub mod show;
pub mod tables;
pub mod values;

use rules::{client, host, labels, limits, mounts, objects, operation, scope, volumes};
use settings::Settings;
use values::Mode;

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

    /// The same, with what else would have been refused.
    pub fn observing(mut self, denial: Option<Denial>) -> Self {
        match (&mut self.observed, denial) {
            (Some(first), Some(denial)) => first.add(denial),
            (observed @ None, denial) => *observed = denial,
            (Some(_), None) => {}
        }
        self
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
    /// Which values of `docker` and `audit` the policy file sets.
    pub given: BTreeSet<&'static str>,
    /// Directories of the host that containers of any key may write.
    pub writable: Vec<PathBuf>,
    /// The label of the key that it is for; what is the key's own is told by it.
    pub key: Option<String>,
    /// Nothing is to run, and a daemon that is not there is taken for one that has nothing: cases are judged also
    /// where there is no docker.
    pub offline: bool,
    /// The SHA-256 of the policy file; `None` where there is none, and the built-in policy holds.
    pub digest: Option<String>,
}

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// The syslog daemon's datagram socket.
    pub socket: PathBuf,
    pub facility: values::Facility,
    /// The form of what goes to syslog.
    pub format: values::Format,
    /// Nothing runs before all of these have the record.
    pub sinks: Vec<values::SinkName>,
    /// These get it too, if they can.
    pub also: Vec<values::SinkName>,
    /// The journal's datagram socket.
    pub journal: PathBuf,
}

impl Default for Audit {
    fn default() -> Self {
        let values::SinkNames(sinks) = values::SinkNames::default();
        Self {
            socket: PathBuf::from("/dev/log"),
            facility: values::Facility::default(),
            format: values::Format::default(),
            sinks,
            also: Vec::new(),
            journal: PathBuf::from("/run/systemd/journal/socket"),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            program: None,
            host: "unix:///var/run/docker.sock".to_owned(),
            config: PathBuf::from("/etc/dockgate/docker"),
            settings: Settings::default(),
            audit: Audit::default(),
            given: BTreeSet::new(),
            writable: Vec::new(),
            key: None,
            offline: false,
            digest: None,
        }
    }
}

impl Policy {
    /// Judges the operations alone: what is refused by name needs no look at the world.
    ///
    /// # Errors
    /// The [`Denial`] of the first operation that is blocked, or not on the allow-list.
    pub fn screen(&self, demands: &[Demand]) -> Result<(), Denial> {
        if self.settings.mode.value == Mode::Observe {
            return Ok(());
        }
        self.by_name(demands)
    }

    /// As [`Policy::screen`], whether what the lists refuse is only observed or not.
    ///
    /// # Errors
    /// As there.
    pub fn by_name(&self, demands: &[Demand]) -> Result<(), Denial> {
        demands.iter().try_for_each(|demand| match &demand.want {
            Want::Operation { name, instead } => operation::operation(&self.settings, name, *instead, &demand.word),
            _ => Ok(()),
        })
    }

    /// Judges everything that `subject` asks for, given the facts.
    ///
    /// # Errors
    /// The [`Denial`] of the first demand that is not granted, with those of the others.
    pub fn judge<T>(&self, subject: T, demands: &[Demand], facts: &Facts) -> Verdict<T> {
        let (mut observed, mut refused): (Option<Denial>, Option<Denial>) = (None, None);
        for demand in demands {
            let Err(mut denial) = self.demand(demand, facts) else { continue };
            if let Some(hint) = &demand.hint {
                denial.hint = rules::in_their_words(hint, &denial.hint);
            }
            let which = if self.is_observed(&demand.want) { &mut observed } else { &mut refused };
            match which {
                Some(first) => first.add(denial),
                None => *which = Some(denial),
            }
        }
        refused.map_or(Ok(Permit { subject, observed }), Err)
    }

    /// Whether a refusal is only to be recorded.
    fn is_observed(&self, want: &Want) -> bool {
        let of_lists_and_limits = matches!(
            want,
            Want::Operation { .. }
                | Want::Object { .. }
                | Want::Named { .. }
                | Want::Prune { .. }
                | Want::PruneNameless
                | Want::RemovedVolumes(_)
                | Want::AnyName
                | Want::Project { .. }
                | Want::NewContainer(_)
                | Want::Starts(_)
                | Want::Resources(_)
                | Want::Image { .. }
                | Want::AnyImage
        );
        self.settings.mode.value == Mode::Observe && of_lists_and_limits
    }

    /// Who asks, by this policy's key.
    pub fn owner(&self, account: &str) -> Owner {
        Owner { account: account.to_owned(), key: Some(self.key.clone().unwrap_or_default()) }
    }

    /// Leave for what dockgate answers itself.
    pub fn own<T>(&self, subject: T) -> Permit<T> {
        Permit { subject, observed: None }
    }

    fn grants(&self) -> mounts::Grants<'_> {
        mounts::Grants { list: &self.settings.bind_mounts.value, writable: &self.writable }
    }

    /// One demand, by its rule.
    fn demand(&self, demand: &Demand, facts: &Facts) -> Result<(), Denial> {
        let Demand { want, word, hint: _ } = demand;
        let settings = &self.settings;
        match want {
            Want::Operation { name, instead } => operation::operation(settings, name, *instead, word),
            Want::Bind { source, read_only } => host::bind(settings, source, *read_only, word, facts),
            Want::BindBelow { source } => host::bind_below(settings, source, word, facts),
            Want::Volume { name } => volumes::volume(name, word, facts),
            Want::VolumeOptions { what: _ } => volumes::options(word),
            Want::VolumesFrom { container } => volumes::from_container(container, word),
            Want::ProjectMounts { project } => volumes::of_project(settings, project, word, facts),
            Want::Privileged => host::privileged(settings, word),
            Want::Capability { name } => host::may_have(settings, name, word),
            Want::Device { device } => host::device(settings, device, word),
            Want::SecurityOption { option } => host::security_option(option, word),
            Want::Namespace { namespace, mode } => host::shares(settings, *namespace, mode, word),
            Want::CgroupParent { parent: _ } => host::cgroup_parent(word),
            Want::Runtime { name } => host::runtime(settings, facts, name, word),
            Want::LogDriver { name: _ } => host::log_driver(word),
            Want::NetworkDriver { name: _ } => host::network_driver(word),
            Want::HostSetting { what: _, why } => host::setting(why, word),
            Want::Control { why } => host::control(why, word),
            Want::Entitlement { name: _ } => client::entitlement(word),
            Want::ClientRead { path } => client::read(path, false, word, facts),
            Want::ClientReadTree { path } => client::read(path, true, word, facts),
            Want::DaemonMount { path } => client::daemon_mount(path, word, facts),
            Want::ClientWrite { what: _ } => client::write(word),
            Want::ClientProgram { what: _, why } => client::program(why, word),
            Want::Credentials => client::credentials(&self.config, word, facts),
            Want::Endpoint { value } => client::endpoint(&self.host, value, word),
            Want::Configuration { what: _ } => client::configuration(word),
            Want::RemoteProject { source: _ } => client::remote_project(word),
            Want::UnknownModel { what } => client::unknown_model(what, word),
            Want::Object { object, name, touch } => objects::object(settings, facts, (*object, name, *touch), word),
            Want::Named { name } => objects::named(settings, name, word),
            Want::Prune { object } => objects::prune(settings, facts, *object, word),
            Want::PruneNameless => objects::prune_nameless(settings, facts, word),
            Want::AnyName => objects::any_name(settings, word),
            Want::Project { project, reach } => objects::project(settings, facts, project.as_deref(), *reach, word),
            Want::OwnProject { project } => objects::own_project(facts, project, word),
            Want::NewContainer(asked) => {
                let name = objects::new_container(settings, &asked.names, word);
                Denial::of_all([name, limits::new_container(settings, asked, word)])
            }
            Want::More { object, count } => limits::more(facts, *object, *count, word),
            Want::Starts(starts) => limits::starts(settings, facts, starts, word),
            Want::Resources(asked) => limits::resources(settings, asked, false, word),
            Want::Image { name } => {
                limits::image(settings, facts, name, word)?;
                scope::runs(settings, facts, name, word)
            }
            Want::AnyImage => limits::any_image(settings, word),
            Want::RemovedVolumes(existing) => scope::removed(settings, facts, existing, word),
            Want::Mounted(existing) => mounts::mounted(self.grants(), facts, existing, word),
            Want::Label { name } => labels::label(name, word),
            Want::LabelFile { path } => labels::file(facts, path, word),
        }
    }
}
