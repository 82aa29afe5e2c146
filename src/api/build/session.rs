//! Session: what the daemon may ask of the client's machine during a build, over `/session`. Pure.

use super::attributes::operation;
use crate::demand::{Demand, Want};
use crate::denial::{Denial, Reason};

/// What a service is.
enum Service {
    /// Part of every build.
    Permitted,
    /// It brings the result's files to the client.
    Saves,
    /// Never: why.
    Refused(&'static str),
}

/// The services that buildx offers (buildkit `session/`), and the methods of each.
const SERVICES: &[(&str, Service)] = &[
    ("/grpc.health.v1.Health/", Service::Permitted),
    ("/moby.buildkit.secrets.v1.Secrets/", Service::Permitted),
    ("/moby.filesync.v1.Auth/", Service::Permitted),
    ("/moby.filesync.v1.FileSend/", Service::Saves),
    ("/moby.filesync.v1.FileSync/", Service::Permitted),
    ("/moby.sshforward.v1.SSH/", Service::Refused("a build would use the keys of your SSH agent")),
    // The archive of a context that comes on the client's standard input.
    ("/moby.upload.v1.Upload/", Service::Permitted),
];

/// What a call of the daemon's on the client's machine asks for.
///
/// # Errors
/// A service that is not known, or never passed on.
pub fn called(method: &str) -> Result<Vec<Demand>, Denial> {
    let service = SERVICES.iter().find(|(name, _)| method.starts_with(name));
    let refused = |why: &str| {
        let hint = "leave out --ssh, --output and options for other builders; --secret gives a build a secret";
        Err(Denial::new(
            Reason::ClientProgram,
            format!("docker build: {}", super::conversation::short(method)),
            why,
            hint,
        ))
    };
    match service {
        Some((_, Service::Permitted)) => Ok(Vec::new()),
        Some((_, Service::Saves)) => {
            Ok(operation("save").into_iter().map(|want: Want| Demand::new(want, "--output")).collect())
        }
        Some((_, Service::Refused(why))) => refused(why),
        None => refused("not a service that this gate knows"),
    }
}

/// Whether the daemon may be told of a method that the client offers (`X-Docker-Expose-Session-Grpc-Method`).
pub fn is_offered(method: &str) -> bool {
    SERVICES.iter().any(|(name, service)| method.starts_with(name) && !matches!(service, Service::Refused(_)))
}

/// The key under which the daemon keeps a context that it was sent (`X-Docker-Expose-Session-Sharedkey`), made one
/// of this client's alone: whoever gives the key of another's context, and the names and times of its files, would
/// be spared sending them and build with the other's.
pub fn shared_key(owner: &str, key: &str) -> String {
    // With its length, so that no owner's end can be the beginning of another's key.
    format!("dockgate:{}:{owner}:{key}", owner.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_asked_for_what_builds_need() {
        for (method, asked) in [
            ("/moby.filesync.v1.FileSync/DiffCopy", Ok(0)),
            ("/moby.filesync.v1.Auth/FetchToken", Ok(0)),
            ("/moby.buildkit.secrets.v1.Secrets/GetSecret", Ok(0)),
            ("/moby.upload.v1.Upload/Pull", Ok(0)),
            ("/moby.filesync.v1.FileSend/DiffCopy", Ok(1)),
            ("/moby.sshforward.v1.SSH/ForwardAgent", Err("your SSH agent")),
            ("/containerd.services.content.v1.Content/Read", Err("not a service")),
            ("/moby.exporter.v1.Exporter/FindExporters", Err("not a service")),
            ("/moby.filesync.v1.FileSyncX/DiffCopy", Err("not a service")),
        ] {
            match (called(method), asked) {
                (Ok(demands), Ok(count)) => assert_eq!(demands.len(), count, "{method}"),
                (Err(denial), Err(why)) => assert!(denial.why.contains(why), "{method}: {denial:?}"),
                (called, _) => panic!("{method}: {called:?}"),
            }
            assert_eq!(is_offered(method), asked.is_ok(), "{method}");
        }
        assert_ne!(shared_key("a", "b:x"), shared_key("a:b", "x"));
    }
}
