//! Terminal: what joining a container's streams comes to, which is told by the container. Pure.

use crate::api::labels::Ownership;
use serde_json::Value;

/// What a call of `attach` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attach {
    /// To a container that this key has made and nobody has started yet: `docker run` and `docker compose up` do
    /// this before they start it.
    Run,
    /// To a running one of a project of this key's, of which `docker compose up` shows the output: it asks for
    /// standard input too, and sends nothing. What the container prints is what `docker logs --follow` shows.
    Output,
    /// To any other: `docker attach`.
    Join,
}

/// By which Compose finds what belongs to a project.
const PROJECT: &str = "com.docker.compose.project";

impl Attach {
    /// Tells them apart by what the daemon says of the container (`docker inspect`).
    pub(super) fn of(container: Option<&Value>, owner: &Ownership) -> Self {
        let Some(container) = container else { return Self::Join };
        let label = |name: &str| container.pointer("/Config/Labels").and_then(|labels| labels.get(name)?.as_str());
        let status = container.pointer("/State/Status").and_then(Value::as_str);
        let own = is_own(container, owner);
        match status {
            Some("created") if own => Self::Run,
            Some("running" | "paused" | "restarting" | "exited") if own && label(PROJECT).is_some() => Self::Output,
            _ => Self::Join,
        }
    }

    /// The command that it is, in docker's words.
    pub(super) fn operation(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Output => "logs",
            Self::Join => "attach",
        }
    }
}

/// Whether a container is this key's, and has not been started yet.
pub(super) fn is_new(container: Option<&Value>, owner: &Ownership) -> bool {
    Attach::of(container, owner) == Attach::Run
}

/// Whether this key of this account has made a container; the labels are the gate's own.
pub(super) fn is_own(container: &Value, owner: &Ownership) -> bool {
    let label = |name: &str| container.pointer("/Config/Labels").and_then(|labels| labels.get(name)?.as_str());
    label("dockgate.account") == Some(&owner.account) && label("dockgate.key") == Some(&owner.key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_attach_is_depends_on_the_container() {
        let owner = Ownership { key: "hermes".to_owned(), account: "ai".to_owned(), id: "1".to_owned() };
        let own = json!({"dockgate.key": "hermes", "dockgate.account": "ai"});
        let project = json!({"dockgate.key": "hermes", "dockgate.account": "ai", "com.docker.compose.project": "p"});
        let other = json!({"dockgate.key": "other", "dockgate.account": "ai", "com.docker.compose.project": "p"});
        for (status, labels, expected) in [
            ("created", &own, Attach::Run),
            ("created", &project, Attach::Run),
            ("created", &other, Attach::Join),
            ("created", &json!(null), Attach::Join),
            ("running", &own, Attach::Join),
            ("exited", &own, Attach::Join),
            ("running", &project, Attach::Output),
            ("running", &other, Attach::Join),
            ("dead", &project, Attach::Join),
        ] {
            let container = json!({"State": {"Status": status}, "Config": {"Labels": labels}});
            assert_eq!(Attach::of(Some(&container), &owner), expected, "{status} {labels}");
        }
        assert_eq!(Attach::of(None, &owner), Attach::Join);
    }
}
