//! Denial: why a request is refused, in words for the one who asked. Pure.

use std::fmt;

/// The stable code of a refusal, as `reason=` in the audit record and `"reason"` in JSON.
///
/// Administrators search logs for these, so a code is never renamed or reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    BadRequest,
    BadUsage,
    BindMount,
    BlockedCommand,
    BuildEntitlement,
    Capability,
    CgroupParent,
    ClientFile,
    ClientProgram,
    ClientWrite,
    ControlCharacter,
    DaemonControl,
    Device,
    GlobalFlag,
    HostSetting,
    KeyRefused,
    Limit,
    LogDriver,
    Namespace,
    NetworkDriver,
    NoCommand,
    NotAllowed,
    NotDocker,
    NotUtf8,
    OutOfScope,
    Privileged,
    ProjectModel,
    Protected,
    ReadOnlyConfig,
    RemoteProject,
    ReservedLabel,
    Runtime,
    SecurityOpt,
    ShellComment,
    ShellExpansion,
    ShellNewline,
    ShellOperator,
    TooSlow,
    UnknownCall,
    Unavailable,
    UnknownCommand,
    UnknownField,
    UnknownFlag,
    Unreachable,
    UnterminatedQuote,
    VolumeOptions,
    VolumesFrom,
}

impl Reason {
    /// Every code with the one-sentence meaning that the documentation prints.
    pub const ALL: &'static [(Reason, &'static str, &'static str)] = &[
        (
            Reason::BadRequest,
            "bad-request",
            "servers could read the API request in two ways, or no stock client sends it",
        ),
        (Reason::BadUsage, "bad-usage", "docker's own parsers would not agree on what this means, or it is incomplete"),
        (Reason::BindMount, "bind-mount", "a container would get a directory or file of the host"),
        (Reason::BlockedCommand, "blocked-command", "the operation is on the block-list"),
        (Reason::BuildEntitlement, "build-entitlement", "a build would get rights beyond the sandbox"),
        (Reason::Capability, "capability", "a container would get a Linux capability beyond Docker's default set"),
        (Reason::CgroupParent, "cgroup-parent", "a container would leave the control group that limits it"),
        (Reason::ClientFile, "client-file", "the docker client would read a file that is not the request's own"),
        (Reason::ClientProgram, "client-program", "the docker client would start a program other than docker"),
        (Reason::ClientWrite, "client-write", "the docker client would write a file on the host"),
        (Reason::ControlCharacter, "control-character", "the request holds a control character"),
        (
            Reason::DaemonControl,
            "daemon-control",
            "the daemon, its plugins, its builders or the cluster would be controlled",
        ),
        (Reason::Device, "device", "a container would get a device of the host"),
        (
            Reason::GlobalFlag,
            "global-flag",
            "the daemon, its credentials or docker's configuration would be chosen by the request",
        ),
        (Reason::HostSetting, "host-setting", "a setting that reaches beyond the container"),
        (
            Reason::KeyRefused,
            "key-refused",
            "a key would be used that is not the one meant, or not from where it may be",
        ),
        (Reason::Limit, "limit", "more than the policy gives to containers, or to this account"),
        (Reason::LogDriver, "log-driver", "the daemon would send the container's log somewhere else"),
        (Reason::Namespace, "namespace", "a container would share a namespace with the host or with another container"),
        (Reason::NetworkDriver, "network-driver", "a network would be attached to the host's interfaces"),
        (Reason::NoCommand, "no-command", "an interactive login: there is no shell here"),
        (Reason::NotAllowed, "not-allowed", "the operation is not on the allow-list"),
        (Reason::NotDocker, "not-docker", "only docker can be run here"),
        (Reason::NotUtf8, "not-utf8", "the request is not valid UTF-8"),
        (Reason::OutOfScope, "out-of-scope", "something that is not one of this key's"),
        (Reason::Privileged, "privileged", "a container would get every right of the host's root"),
        (Reason::ProjectModel, "project-model", "the Compose project asks for something that cannot be judged"),
        (Reason::Protected, "protected", "something that the policy protects would be changed, removed or joined"),
        (Reason::ReadOnlyConfig, "read-only-config", "docker's configuration belongs to the administrator"),
        (Reason::RemoteProject, "remote-project", "a Compose project would be fetched from elsewhere"),
        (
            Reason::ReservedLabel,
            "reserved-label",
            "something would be marked as another project's, or as the gate's own mark has it",
        ),
        (Reason::Runtime, "runtime", "a container would run under another runtime"),
        (Reason::SecurityOpt, "security-opt", "a container would lose part of its confinement"),
        (Reason::ShellComment, "shell-comment", "a shell would take the rest for a comment"),
        (Reason::ShellExpansion, "shell-expansion", "a shell would put something else in this place"),
        (Reason::ShellNewline, "shell-newline", "a shell would run a second command line"),
        (Reason::ShellOperator, "shell-operator", "a shell would do more than run one command"),
        (Reason::TooSlow, "too-slow", "what it asks for could not be found out in time"),
        (
            Reason::Unavailable,
            "unavailable",
            "docker, its Compose plugin or what knows the accounts does not work on this host",
        ),
        (Reason::UnknownCall, "unknown-call", "not a call of Docker's API that this gate knows"),
        (Reason::UnknownCommand, "unknown-command", "not a docker command that this gate knows"),
        (
            Reason::UnknownField,
            "unknown-field",
            "a call of Docker's API has a field, key or value that this gate does not know",
        ),
        (Reason::UnknownFlag, "unknown-flag", "not a flag of this command that this gate knows"),
        (Reason::Unreachable, "unreachable", "what the policy must know of the daemon could not be found out"),
        (Reason::UnterminatedQuote, "unterminated-quote", "a quote is opened and not closed"),
        (Reason::VolumeOptions, "volume-options", "a volume could stand for a directory or device of the host"),
        (Reason::VolumesFrom, "volumes-from", "a container would get every volume of another one"),
    ];

    /// The code as written in records: lower case, words joined by `-`.
    pub fn code(self) -> &'static str {
        self.row().1
    }

    /// What such a refusal keeps from happening, as a sentence without its full stop.
    pub fn meaning(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (Self, &'static str, &'static str) {
        let found = Self::ALL.iter().find(|(reason, ..)| *reason == self);
        found.copied().unwrap_or((self, "denied", "refused"))
    }
}

/// More refusals of one request than this tell nobody anything.
const MAX_FURTHER: usize = 50;

/// A refusal. The deciding half has no other error type.
///
/// All texts are single-line; they may hold words of the request, so whoever prints them escapes
/// them first ([`crate::audit::escape`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    pub reason: Reason,
    /// The refusal's first line, without `ERROR: `.
    pub message: String,
    /// What the operation endangers, in capitals, where the block-list has it (`policy::operations::DEFAULT`).
    pub risk: Option<&'static str>,
    /// Why this is refused: one sentence without a full stop.
    pub why: String,
    /// What to do instead, or that retrying cannot help.
    pub hint: String,
    /// What else is refused of the same request; these have nothing further themselves.
    pub further: Vec<Denial>,
}

impl Denial {
    /// A refusal whose first line is `what: why`.
    pub fn new(reason: Reason, what: impl Into<String>, why: impl Into<String>, hint: impl Into<String>) -> Self {
        let why = why.into();
        Self {
            reason,
            message: format!("{}: {why}", what.into()),
            risk: None,
            why,
            hint: hint.into(),
            further: Vec::new(),
        }
    }

    /// The codes of all rules that refuse, each once, the first one's first.
    pub fn codes(&self) -> Vec<&'static str> {
        let mut codes: Vec<&'static str> = Vec::new();
        for Self { reason, .. } in std::iter::once(self).chain(&self.further) {
            if !codes.contains(&reason.code()) {
                codes.push(reason.code());
            }
        }
        codes
    }

    /// Adds another refusal of the same request, with what is further to that, unless it says what is said already.
    pub fn add(&mut self, mut other: Self) {
        let further = std::mem::take(&mut other.further);
        for other in std::iter::once(other).chain(further) {
            let known = std::iter::once(&*self).chain(&self.further).any(|known| known.message == other.message);
            if !known && self.further.len() < MAX_FURTHER {
                self.further.push(other);
            }
        }
    }

    /// What several rules say of one thing: nothing, or the first refusal with the others.
    ///
    /// # Errors
    /// That.
    pub fn of_all(rules: impl IntoIterator<Item = Result<(), Self>>) -> Result<(), Self> {
        let mut refusals = rules.into_iter().filter_map(Result::err);
        let Some(mut first) = refusals.next() else { return Ok(()) };
        refusals.for_each(|other| first.add(other));
        Err(first)
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn every_reason_has_its_own_code() {
        let mut codes: Vec<_> = Reason::ALL.iter().map(|(_, code, _)| *code).collect();
        assert!(codes.is_sorted(), "the table is sorted by code");
        codes.dedup();
        assert_eq!(codes.len(), Reason::ALL.len());
        for (reason, code, meaning) in Reason::ALL {
            assert_eq!(reason.code(), *code);
            assert!(!meaning.ends_with('.') && !code.contains(' '));
        }
    }
}
