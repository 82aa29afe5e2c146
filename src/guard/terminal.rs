//! Terminal: what joining a container's streams comes to, which is told by the container. Pure.

use super::objects::Inspected;
use crate::api::labels::{self, Ownership};
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
    pub(super) fn of(container: Option<&Inspected>, owner: &Ownership) -> Self {
        let Some(inspected) = container else { return Self::Join };
        let container = &inspected.container;
        let label = |name: &str| container.pointer("/Config/Labels").and_then(|labels| labels.get(name)?.as_str());
        let status = container.pointer("/State/Status").and_then(Value::as_str);
        let own = is_own(inspected, owner);
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

/// Whether a container is this key's and has not been started yet, or is one of a project's that does not run: before
/// each start Compose puts the project's configs and secrets into it.
pub(super) fn takes_files(container: Option<&Inspected>, owner: &Ownership) -> bool {
    match Attach::of(container, owner) {
        Attach::Run => true,
        Attach::Output => {
            let status = container.and_then(|inspected| inspected.container.pointer("/State/Status"));
            status.and_then(Value::as_str) == Some("exited")
        }
        Attach::Join => false,
    }
}

/// Whether this key of this account has made a container; the labels are the gate's own. An image that the gate has
/// built carries them, too, and hands them on to whoever makes a container of it; but the id of a container's own
/// record stands in no image.
pub(super) fn is_own(inspected: &Inspected, owner: &Ownership) -> bool {
    fn of<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
        value.pointer("/Config/Labels")?.get(name)?.as_str()
    }
    let label = |name: &str| of(&inspected.container, name);
    let (Some(image), Some(id)) = (&inspected.image, label(labels::ID)) else { return false };
    owner.is_of(label) && of(image, labels::ID) != Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_attach_is_depends_on_the_container() {
        let owner = Ownership { key: Some("hermes".to_owned()), account: "ai".to_owned(), id: "1".to_owned() };
        let own = json!({"dockgate.key": "hermes", "dockgate.account": "ai", "dockgate.id": "9"});
        // What an image has handed on.
        let inherited = json!({"dockgate.key": "hermes", "dockgate.account": "ai", "dockgate.id": "image"});
        let nameless = json!({"dockgate.key": "hermes", "dockgate.account": "ai"});
        let project = json!({"dockgate.key": "hermes", "dockgate.account": "ai", "dockgate.id": "9", "com.docker.compose.project": "p"});
        let other = json!({"dockgate.key": "other", "dockgate.account": "ai", "dockgate.id": "9", "com.docker.compose.project": "p"});
        for (status, labels, expected) in [
            ("created", &own, Attach::Run),
            ("created", &project, Attach::Run),
            ("created", &other, Attach::Join),
            ("created", &inherited, Attach::Join),
            ("created", &nameless, Attach::Join),
            ("created", &json!(null), Attach::Join),
            ("running", &own, Attach::Join),
            ("exited", &own, Attach::Join),
            ("running", &project, Attach::Output),
            ("exited", &project, Attach::Output),
            ("exited", &other, Attach::Join),
            ("running", &other, Attach::Join),
            ("dead", &project, Attach::Join),
        ] {
            let container = json!({"State": {"Status": status}, "Config": {"Labels": labels}});
            let image = Some(json!({"Config": {"Labels": {"dockgate.id": "image"}}}));
            let container = Inspected { container, image };
            assert_eq!(Attach::of(Some(&container), &owner), expected, "{status} {labels}");
            let still = expected == Attach::Run || (expected == Attach::Output && status == "exited");
            assert_eq!(takes_files(Some(&container), &owner), still, "{status} {labels}");
            let gone = Inspected { image: None, ..container };
            assert_eq!(Attach::of(Some(&gone), &owner), Attach::Join, "its image cannot be looked at");
        }
        assert_eq!(Attach::of(None, &owner), Attach::Join);
    }
}
