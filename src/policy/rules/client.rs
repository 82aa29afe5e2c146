//! What the docker client itself would read, write, start or choose on the host. Pure.

use crate::denial::{Denial, Reason};
use crate::facts::Facts;
use std::path::Path;

/// A file, or a `whole` directory, that the client reads.
pub(in crate::policy) fn read(path: &str, whole: bool, word: &str, facts: &Facts) -> Result<(), Denial> {
    let Some(why) = facts.client_may_not_read(path, whole) else { return Ok(()) };
    let hint = if whole {
        "give a directory below the working directory, or send the context on standard input: tar c . | ssh HOST docker build -"
    } else {
        "give a file below the working directory, or send it on standard input with -"
    };
    Err(Denial::new(Reason::ClientFile, word, format!("docker would read {path} on the host, and {why}"), hint))
}

/// A file of the project that the daemon mounts into a container.
pub(in crate::policy) fn daemon_mount(path: &str, word: &str, facts: &Facts) -> Result<(), Denial> {
    let Some(why) = facts.daemon_may_not_mount(path) else { return Ok(()) };
    Err(Denial::new(
        Reason::ClientFile,
        word,
        format!("a container would get {path} of the host, and {why}"),
        "give a file of the project, below the working directory; a config's text can stand in the Compose file as content",
    ))
}

/// A file or directory that the client writes.
pub(in crate::policy) fn write(word: &str) -> Result<(), Denial> {
    Err(Denial::new(
        Reason::ClientWrite,
        word,
        "docker would write a file on the host",
        "leave it out; what docker prints comes back to you, so redirect it on your own side: ssh HOST 'docker …' > FILE",
    ))
}

/// A program that the client would start.
pub(in crate::policy) fn program(why: &str, word: &str) -> Result<(), Denial> {
    let hint = "leave it out; sending it again in another spelling cannot help";
    Err(Denial::new(Reason::ClientProgram, word, why, hint))
}

/// Registry credentials that the client would store or remove in its configuration directory `config`.
pub(in crate::policy) fn credentials(config: &Path, word: &str, facts: &Facts) -> Result<(), Denial> {
    if facts.config_is_writable {
        return Ok(());
    }
    Err(Denial::new(
        Reason::ReadOnlyConfig,
        word,
        format!("registry credentials are kept by the administrator, in {}", config.display()),
        "images that need no credentials can be pulled as they are; for others the administrator logs in once",
    ))
}

/// A daemon that the request chooses, where the policy's is `host`.
pub(in crate::policy) fn endpoint(host: &str, value: &str, word: &str) -> Result<(), Denial> {
    if value == host || value == "default" {
        return Ok(());
    }
    let why = "which daemon is talked to is the administrator's choice";
    Err(Denial::new(Reason::GlobalFlag, word, why, WITHOUT))
}

/// Any other choice of docker's configuration.
pub(in crate::policy) fn configuration(word: &str) -> Result<(), Denial> {
    let why = "docker's configuration is the administrator's choice";
    Err(Denial::new(Reason::GlobalFlag, word, why, WITHOUT))
}

const WITHOUT: &str = "leave the option out: docker ps";

/// A Compose project from elsewhere.
pub(in crate::policy) fn remote_project(word: &str) -> Result<(), Denial> {
    Err(Denial::new(
        Reason::RemoteProject,
        word,
        "a Compose project would be fetched from elsewhere by a program on the host",
        "send the file on standard input: ssh HOST docker compose -p NAME -f - up -d < compose.yaml",
    ))
}

/// Something in a Compose model that has no row.
pub(in crate::policy) fn unknown_model(what: &str, word: &str) -> Result<(), Denial> {
    let why = format!("this gate does not know what {what} can do, and passes on only what it knows");
    Err(Denial::new(Reason::ProjectModel, word, why, "leave it out of the Compose file"))
}

/// A right beyond a build's sandbox.
pub(in crate::policy) fn entitlement(word: &str) -> Result<(), Denial> {
    Err(Denial::new(
        Reason::BuildEntitlement,
        word,
        "it gives a build rights beyond its sandbox",
        "leave it out: builds reach the network without it",
    ))
}
