//! The block-list: what is blocked by default, and the words for it. Data, and matching of names.

use crate::docker::catalogue::{self, Found};
use crate::docker::row::Command;

/// Why an operation is on the default block-list, and what to do instead.
#[derive(Debug)]
pub struct Blocked {
    /// Docker's own verb, or a group.
    pub name: &'static str,
    /// What it endangers.
    pub risk: &'static str,
    /// Reads on from the name.
    pub why: &'static str,
    pub hint: &'static str,
}

const fn row(name: &'static str, risk: &'static str, why: &'static str, hint: &'static str) -> Blocked {
    Blocked { name, risk, why, hint }
}

const NO_RETRY: &str = "the administrator does this on the host; sending it again in another spelling cannot help";
const CLUSTER: &str = "CLUSTER CONTROL";
const BUILDER: &str = "BUILDER CONTROL";

/// Blocked unless the policy file says otherwise. The first eleven are the reason that dockgate exists;
/// the others give the same power or more.
pub const DEFAULT: &[Blocked] = &[
    row(
        "exec",
        "FILE MODIFICATION",
        "runs arbitrary commands inside a running container",
        "docker logs NAME, docker inspect NAME and docker top NAME show what it does; docker run --rm IMAGE COMMAND runs a command in a container of its own",
    ),
    row(
        "cp",
        "FILE ACCESS",
        "copies files between containers and the host",
        "docker logs NAME shows what a container prints; put files into an image with docker build -",
    ),
    row(
        "commit",
        "DATA EXFIL",
        "makes images from running containers",
        "build images from a Dockerfile: docker build -t NAME -",
    ),
    row(
        "diff",
        "INFO LEAK",
        "shows filesystem changes",
        "docker inspect NAME shows a container's mounts and configuration",
    ),
    row(
        "export",
        "DATA EXFIL",
        "exports a container's filesystem as tar",
        "docker logs NAME and docker inspect NAME show what can be seen of a container",
    ),
    row(
        "import",
        "FILE INJECTION",
        "makes a filesystem from a tar archive",
        "docker pull NAME fetches an image, docker build - builds one from a Dockerfile",
    ),
    row(
        "load",
        "FILE INJECTION",
        "loads images from a tar archive",
        "docker pull NAME fetches an image, docker build - builds one from a Dockerfile",
    ),
    row(
        "save",
        "DATA EXFIL",
        "saves images to a tar archive",
        "docker image inspect NAME and docker history NAME show what is in an image",
    ),
    row(
        "attach",
        "INTERACTIVE ACCESS",
        "joins a running container's stdio",
        "docker logs -f NAME follows its output; docker run -i IMAGE starts a container with standard input",
    ),
    row(
        "push",
        "DATA EXFIL",
        "sends images to a registry",
        "the administrator pushes images; docker images lists what is here",
    ),
    row("tag", "DATA EXFIL", "renames images", "name an image when you build it: docker build -t NAME -"),
    row(
        "buildx bake",
        BUILDER,
        "builds what a file of targets says, outputs and host access included",
        "docker build builds one target with options that can be judged",
    ),
    row(
        "buildx create",
        BUILDER,
        "starts a builder, which is a privileged container",
        "docker build uses the daemon's own builder",
    ),
    row("buildx dap", BUILDER, "debugs builds with commands inside them", NO_RETRY),
    row("buildx debug", BUILDER, "debugs builds with commands inside them", NO_RETRY),
    row("buildx dial-stdio", "API ACCESS", "gives the builder's whole API", "docker build builds images"),
    row(
        "buildx history export",
        "DATA EXFIL",
        "writes build records to files",
        "docker buildx history ls and logs show builds",
    ),
    row(
        "buildx history import",
        "FILE INJECTION",
        "reads build records from files",
        "docker buildx history ls and logs show builds",
    ),
    row(
        "buildx history inspect attachment",
        "DATA EXFIL",
        "reads any object of the builder's store",
        "docker buildx history inspect shows a build",
    ),
    row(
        "buildx imagetools create",
        "DATA EXFIL",
        "sends images to a registry",
        "docker buildx imagetools inspect NAME looks at one",
    ),
    row("buildx install", BUILDER, "rewrites docker's configuration", "docker build is buildx already"),
    row("buildx rm", BUILDER, "removes builders", NO_RETRY),
    row("buildx stop", BUILDER, "stops builders", NO_RETRY),
    row("buildx uninstall", BUILDER, "rewrites docker's configuration", NO_RETRY),
    row("buildx use", BUILDER, "changes where every later build runs", "docker buildx ls lists builders"),
    row("checkpoint", "DATA EXFIL", "dumps the memory of running containers", NO_RETRY),
    row("completion", "NO USE HERE", "prints scripts for an interactive shell", "run it on your own side"),
    row(
        "compose alpha",
        "EXPERIMENTAL",
        "holds commands that change from release to release, publish among them",
        "docker compose --help lists the others",
    ),
    row(
        "compose bridge",
        "FILE ACCESS",
        "converts projects with containers that mount directories of the host",
        NO_RETRY,
    ),
    row("compose publish", "DATA EXFIL", "sends a project and its images to a registry", NO_RETRY),
    row(
        "compose watch",
        "FILE ACCESS",
        "copies files into running containers and runs commands in them",
        "docker compose up -d --build applies changes",
    ),
    row("config", CLUSTER, "reads and writes the cluster's configuration objects", NO_RETRY),
    row("context create", "HOST CONTROL", "adds a daemon to talk to", "docker context ls lists those that exist"),
    row("context export", "CREDENTIALS", "prints a daemon's keys", "docker context inspect shows what may be seen"),
    row("context import", "HOST CONTROL", "adds a daemon to talk to", "docker context ls lists those that exist"),
    row("context rm", "HOST CONTROL", "removes a daemon's configuration", NO_RETRY),
    row("context update", "HOST CONTROL", "changes which daemon is talked to", NO_RETRY),
    row("context use", "HOST CONTROL", "changes which daemon every later command talks to", NO_RETRY),
    row(
        "manifest annotate",
        "DATA EXFIL",
        "prepares a manifest list for a registry",
        "docker manifest inspect NAME looks at one",
    ),
    row(
        "manifest create",
        "DATA EXFIL",
        "prepares a manifest list for a registry",
        "docker manifest inspect NAME looks at one",
    ),
    row(
        "manifest push",
        "DATA EXFIL",
        "sends a manifest list to a registry",
        "docker manifest inspect NAME looks at one",
    ),
    row("manifest rm", "FILE MODIFICATION", "removes manifest lists from docker's configuration", NO_RETRY),
    row("node", CLUSTER, "shows and changes the cluster's nodes", NO_RETRY),
    row(
        "plugin create",
        "HOST CONTROL",
        "makes a plugin, which runs as root on the host",
        "docker plugin ls lists those that are installed",
    ),
    row(
        "plugin disable",
        "HOST CONTROL",
        "changes what the daemon itself runs",
        "docker plugin ls lists those that are installed",
    ),
    row(
        "plugin enable",
        "HOST CONTROL",
        "starts a plugin as root on the host",
        "docker plugin ls lists those that are installed",
    ),
    row(
        "plugin install",
        "HOST CONTROL",
        "installs a plugin, which runs as root on the host",
        "docker plugin ls lists those that are installed",
    ),
    row("plugin push", "DATA EXFIL", "sends a plugin to a registry", NO_RETRY),
    row("plugin rm", "HOST CONTROL", "changes what the daemon itself runs", NO_RETRY),
    row("plugin set", "HOST CONTROL", "gives a plugin mounts and devices of the host", NO_RETRY),
    row("plugin upgrade", "HOST CONTROL", "replaces a plugin, which runs as root on the host", NO_RETRY),
    row("secret", CLUSTER, "reads and writes the cluster's secrets", NO_RETRY),
    row(
        "service",
        CLUSTER,
        "runs containers across the cluster",
        "docker ps lists the containers of this host; docker run -d IMAGE runs one here",
    ),
    row(
        "stack",
        CLUSTER,
        "runs whole applications across the cluster",
        "docker compose ls lists the projects of this host; docker compose up -d runs one here",
    ),
    row("swarm", CLUSTER, "makes, joins or takes over a cluster", NO_RETRY),
    row("trust", "DATA EXFIL", "signs images and sends them to a registry", NO_RETRY),
];

/// What the ready-made profile `read-only` allows: looking, never changing.
pub const READ_ONLY: &[&str] = &[
    "buildx du",
    "buildx history inspect",
    "buildx history logs",
    "buildx history ls",
    "buildx imagetools inspect",
    "buildx ls",
    "buildx version",
    "compose config",
    "compose ls",
    "compose volumes",
    "container inspect",
    "context inspect",
    "context ls",
    "context show",
    "events",
    "history",
    "image inspect",
    "images",
    "info",
    "inspect",
    "logs",
    "manifest inspect",
    "network inspect",
    "network ls",
    "plugin inspect",
    "plugin ls",
    "port",
    "ps",
    "stats",
    "system df",
    "top",
    "version",
    "volume inspect",
    "volume ls",
];

/// What `operator` allows beyond that: running what is there, making nothing new.
pub const OPERATING: &[&str] = &["kill", "pause", "pull", "restart", "start", "stop", "unpause", "wait"];

/// An operation, to be looked for in lists.
#[derive(Debug)]
pub struct Sought<'a> {
    operation: &'a str,
    /// The rows whose spellings stand for it.
    rows: [Option<&'static Command>; 3],
}

impl<'a> Sought<'a> {
    /// By docker's own verb.
    pub fn of(operation: &'a str) -> Self {
        let below = operation.strip_prefix("compose ").and_then(catalogue::named);
        let build = (operation == "buildx build").then(|| catalogue::named("build")).flatten();
        Self { operation, rows: [catalogue::named(operation), below, build] }
    }

    /// Whether the entry of a block-list or allow-list stands for it.
    ///
    /// An entry is a docker verb in any spelling (`exec`, `container exec`, `compose exec`) or a group
    /// (`plugin`). Docker's own verb stands for Compose's verb of that name too, and `build` for buildx's; a
    /// group stands for everything below it, whatever docker's own verb for that is (`container` for `ps`).
    pub fn is(&self, entry: &str) -> bool {
        is_at_or_below(self.operation, entry) || self.rows.iter().flatten().any(|row| is_row(row, entry))
    }

    /// Whether a list has an entry that stands for it.
    pub fn is_in(&self, list: &[String]) -> bool {
        list.iter().any(|entry| self.is(entry))
    }
}

/// Whether a spelling is the entry of a list, or below the group that it names.
fn is_at_or_below(spelling: &str, entry: &str) -> bool {
    spelling.strip_prefix(entry).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// Whether the entry of a list is a command, or a group that has it, in any spelling.
fn is_row(row: &'static Command, entry: &str) -> bool {
    catalogue::spellings(row).any(|known| is_at_or_below(known, entry))
}

/// Docker's own verbs for what the entry of a list names: one, or all of a group. What it stands for besides
/// (`exec` for `compose exec`) is not among them.
pub fn members(entry: &str) -> impl Iterator<Item = &'static str> {
    catalogue::commands().filter(move |row| is_row(row, entry)).map(|row| row.name)
}

/// Whether the entry of a list stands for an operation: see [`Sought::is`].
pub fn covers(entry: &str, operation: &str) -> bool {
    Sought::of(operation).is(entry)
}

/// Docker's own verb for a list's entry: `rmi` for `image rm`; a group is its own.
pub fn verb(entry: &str) -> &str {
    match catalogue::find(entry) {
        Found::Leaf(command) | Found::Both(command) => command.name,
        Found::Group | Found::Nothing => entry,
    }
}

/// Whether a list's entry is a command or group that the catalogue has.
pub fn is_known(entry: &str) -> bool {
    !matches!(catalogue::find(entry), Found::Nothing)
}

/// The words for a blocked operation: its own row, or that of the verb or group it belongs to.
pub fn explanation(operation: &str) -> Option<&'static Blocked> {
    let sought = Sought::of(operation);
    DEFAULT.iter().find(|row| row.name == operation).or_else(|| DEFAULT.iter().find(|row| sought.is(row.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_name_commands_of_the_catalogue() {
        for (index, row) in DEFAULT.iter().enumerate() {
            assert!(is_known(row.name), "{}", row.name);
            assert!(!row.why.ends_with('.') && !row.hint.ends_with('.'), "{}", row.name);
            assert!(DEFAULT.iter().skip(index + 1).all(|other| other.name != row.name), "{}", row.name);
        }
    }

    #[test]
    fn ready_made_profiles_name_commands_of_the_catalogue() {
        for list in [READ_ONLY, OPERATING] {
            assert!(list.is_sorted());
            for name in list {
                assert!(is_known(name) && !DEFAULT.iter().any(|row| covers(row.name, name)), "{name}");
            }
        }
    }

    #[test]
    fn an_entry_stands_for_every_spelling() {
        for (entry, operation, expected) in [
            ("exec", "exec", true),
            ("container exec", "exec", true),
            ("exec", "compose exec", true),
            ("compose exec", "compose exec", true),
            ("compose exec", "exec", false),
            ("plugin", "plugin install", true),
            ("plugin install", "plugin ls", false),
            ("config", "compose config", false),
            ("config", "config create", true),
            ("build", "buildx build", true),
            ("create", "buildx create", false),
            ("ps", "ps", true),
            ("container ls", "ps", true),
            ("rm", "rmi", false),
            ("image rm", "rmi", true),
            ("network", "network rm", true),
            ("net", "network rm", false),
            ("nothing", "ps", false),
            ("container", "ps", true),
            ("container", "run", true),
            ("container", "container prune", true),
            ("container", "images", false),
            ("container", "compose exec", true),
            ("image", "build", true),
            ("image", "rmi", true),
            ("builder", "buildx history ls", true),
            ("builder history", "buildx history ls", true),
            ("system", "events", true),
            ("compose", "compose up", true),
            ("compose", "create", false),
            ("contain", "ps", false),
        ] {
            assert_eq!(covers(entry, operation), expected, "{entry} {operation}");
        }
    }

    #[test]
    fn a_group_stands_for_each_command_that_docker_spells_below_it() {
        for command in catalogue::commands() {
            for (group, _) in catalogue::spellings(command).filter_map(|known| known.rsplit_once(' ')) {
                assert!(covers(group, command.name), "{group}: {}", command.name);
                assert!(members(group).any(|name| name == command.name), "{group}: {}", command.name);
            }
        }
    }

    #[test]
    fn members_are_docker_s_own_verbs() {
        let of = |entry| members(entry).collect::<Vec<_>>();
        assert_eq!(of("container run"), ["run"]);
        assert_eq!(of("run"), ["run"]);
        assert_eq!(
            of("volume"),
            ["volume create", "volume inspect", "volume ls", "volume prune", "volume rm", "volume update"]
        );
        assert!(of("container").contains(&"rm") && !of("container").contains(&"compose rm"));
        assert!(of("nothing").is_empty());
    }
}
