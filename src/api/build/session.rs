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

/// A header of a session as the daemon gets it, by its name in lower case; `None` where it does not.
///
/// `owner` is whose the session is: the daemon finds the context that it was sent before by its key, and whoever gave
/// the key of another's context, with the names and times of its files, would be spared sending them and build with
/// the other's. So the key is made one of the owner's alone.
pub fn header(name: &str, value: &str, owner: &str) -> Option<String> {
    match name {
        "x-docker-expose-session-uuid" | "x-docker-expose-session-name" => Some(value.to_owned()),
        // With its length, so that no owner's end can be the beginning of another's key.
        "x-docker-expose-session-sharedkey" => Some(format!("dockgate:{}:{owner}:{value}", owner.len())),
        // One of those known, so that one which is refused leaves a record when it is called.
        "x-docker-expose-session-grpc-method" => {
            SERVICES.iter().any(|(service, _)| value.starts_with(service)).then(|| value.to_owned())
        }
        _ => None,
    }
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
            let offered = header("x-docker-expose-session-grpc-method", method, "a");
            assert_eq!(offered.is_some(), asked != Err("not a service"), "{method}");
        }
    }

    #[test]
    fn contexts_are_kept_apart() {
        let key = |owner, key| header("x-docker-expose-session-sharedkey", key, owner);
        assert_eq!(key("hermes", "ctx:1").unwrap(), "dockgate:6:hermes:ctx:1");
        assert_ne!(key("a", "b:x"), key("a:b", "x"));
        assert_eq!(header("x-docker-expose-session-uuid", "1", "a").unwrap(), "1");
        assert_eq!(header("x-registry-auth", "1", "a"), None);
    }
}
