//! What the policy file grants and blocks: every knob bites, and only where it says.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "these are tests")]

use dockgate::gate::Gate;
use dockgate::policy::Policy;
use dockgate::request::account::Account;
use std::fs;
use std::path::PathBuf;

struct Site {
    directory: PathBuf,
    _temporary: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        Self { directory: fs::canonicalize(&temporary).unwrap(), _temporary: temporary }
    }

    /// The verdict's code for a request under a policy file's text; `@` stands for the test's directory.
    fn verdict(&self, policy: &str, request: &str) -> String {
        let here = self.directory.display().to_string();
        let account = Account { name: "ai-worker".to_owned(), home: self.directory.join("home"), locale: Vec::new() };
        let policy = Policy::from_toml(&policy.replace('@', &here)).unwrap();
        let gate = Gate::alone(policy, account);
        match gate.decide(request.replace('@', &here).as_bytes(), false).verdict {
            Ok(_) => "allow".to_owned(),
            Err(denial) => denial.reason.code().to_owned(),
        }
    }
}

#[track_caller]
fn check(site: &Site, policy: &str, rows: &[(&str, &str)]) {
    for (request, expected) in rows {
        assert_eq!(site.verdict(policy, request), *expected, "{request}\n{policy}");
    }
}

#[test]
fn bind_mounts_are_granted_by_where_they_lead() {
    let site = Site::new();
    for folder in ["media/films", "app/conf", "other"] {
        fs::create_dir_all(site.directory.join(folder)).unwrap();
    }
    std::os::unix::fs::symlink(site.directory.join("other"), site.directory.join("media/link")).unwrap();
    std::os::unix::fs::symlink(site.directory.join("app"), site.directory.join("alias")).unwrap();
    let policy = "[host]\nbind_mounts = ['@/media:ro', '@/app']\n";
    check(
        &site,
        policy,
        &[
            ("docker run -v @/media:/m:ro x", "allow"),
            ("docker run -v @/media/films:/m:ro x", "allow"),
            ("docker run -v @/media/../media/films:/m:ro x", "allow"),
            ("docker run --mount type=bind,src=@/media,dst=/m,readonly x", "allow"),
            // The daemon would make it.
            ("docker run -v @/media/missing:/m:ro x", "bind-mount"),
            ("docker run -v @/media:/m x", "bind-mount"),
            ("docker run --mount type=bind,src=@/media,dst=/m x", "bind-mount"),
            ("docker run --mount type=bind,src=@/media,dst=/m,readonly=false x", "bind-mount"),
            ("docker run -v @/media/link:/m:ro x", "bind-mount"),
            ("docker run -v @/media/..:/m:ro x", "bind-mount"),
            ("docker run -v @/mediatheque:/m:ro x", "bind-mount"),
            ("docker run -v @/app:/a x", "allow"),
            ("docker run -v @/alias:/a x", "allow"),
            // Below what a container may write, a symbolic link could be put in the daemon's way.
            ("docker run -v @/app/conf:/a x", "bind-mount"),
            ("docker run -v @/app/conf:/a:ro x", "bind-mount"),
            ("docker run -v @/app:/a:rshared x", "host-setting"),
            ("docker run -v @/app:/a:z x", "host-setting"),
            ("docker run -v @/other:/a x", "bind-mount"),
            ("docker run -v /:/a x", "bind-mount"),
        ],
    );
}

#[test]
fn each_grant_opens_one_thing() {
    let site = Site::new();
    let none = "";
    for (policy, granted, still_refused) in [
        ("[host]\nprivileged = true", "docker run --privileged x", ("docker run --cap-add SYS_ADMIN x", "capability")),
        (
            "[host]\ncapabilities = ['NET_ADMIN']",
            "docker run --cap-add cap_net_admin x",
            ("docker run --cap-add ALL x", "capability"),
        ),
        (
            "[host]\ndevices = ['/dev/dri/card0']",
            "docker run --device /dev/dri/card0:/dev/x:r x",
            ("docker run --device /dev/dri x", "device"),
        ),
        (
            "[host]\ndevices = ['gpus']",
            "docker run --gpus 'device=0,\"capabilities=gpu,utility\"' x",
            ("docker run --gpus driver=other,count=1 x", "device"),
        ),
        (
            "[host]\ndevices = ['nvidia.com/gpu=all']",
            "docker run --device nvidia.com/gpu=all x",
            ("docker run --gpus all x", "device"),
        ),
        (
            "[host]\nnamespaces = ['network']",
            "docker run --network host x",
            ("docker run --network container:web x", "namespace"),
        ),
        (
            "[host]\nnamespaces = ['network']",
            "docker run --network name=host x",
            ("docker run --pid host x", "namespace"),
        ),
        ("[host]\nnamespaces = ['pid']", "docker run --pid host x", ("docker run --pid container:web x", "namespace")),
        ("[host]\nnamespaces = ['ipc']", "docker run --ipc host x", ("docker run --uts host x", "namespace")),
        ("[host]\nnamespaces = ['uts']", "docker run --uts host x", ("docker run --ipc host x", "namespace")),
        ("[host]\nnamespaces = ['user']", "docker run --userns host x", ("docker run --cgroupns host x", "namespace")),
        (
            "[host]\nnamespaces = ['cgroup']",
            "docker run --cgroupns host x",
            ("docker run --userns host x", "namespace"),
        ),
        (
            "[docker]\nhost = 'unix:///run/x.sock'",
            "docker -H unix:///run/x.sock ps",
            ("docker -H unix:///run/y.sock ps", "global-flag"),
        ),
    ] {
        assert_ne!(site.verdict(none, granted), "allow", "{granted} needs the grant");
        assert_eq!(site.verdict(policy, granted), "allow", "{granted}");
        assert_eq!(site.verdict(policy, still_refused.0), still_refused.1, "{}", still_refused.0);
    }
}

#[test]
fn block_list_and_allow_list_are_in_docker_s_words() {
    let site = Site::new();
    check(
        &site,
        "[commands]\nblocked = ['network rm', 'system prune', 'build', 'compose down']\n",
        &[
            ("docker network rm x", "blocked-command"),
            ("docker network remove x", "blocked-command"),
            ("docker network ls", "allow"),
            ("docker system prune", "blocked-command"),
            ("docker system df", "allow"),
            ("docker image build -", "blocked-command"),
            ("docker buildx b -", "blocked-command"),
            ("docker compose build", "blocked-command"),
            ("docker compose up --build", "blocked-command"),
            ("docker compose down", "blocked-command"),
            ("docker compose wait --down-project x", "blocked-command"),
            // A list that is given replaces the default.
            ("docker exec web sh", "allow"),
        ],
    );
    check(
        &site,
        "[commands]\nallowed = ['ps', 'logs', 'start', 'network']\n",
        &[
            ("docker container ls", "allow"),
            ("docker compose ps", "allow"),
            ("docker network rm x", "allow"),
            ("docker start web", "allow"),
            ("docker start -a web", "blocked-command"),
            ("docker stop web", "not-allowed"),
            ("docker exec web sh", "blocked-command"),
            ("docker exec --help", "allow"),
            ("docker version", "not-allowed"),
        ],
    );
}

/// A group is all that docker has below it, by whatever name, in each of the two lists.
#[test]
fn a_group_stands_for_its_commands_by_any_of_their_names() {
    let site = Site::new();
    check(
        &site,
        "[commands]\nallowed = ['container', 'image']\n",
        &[
            ("docker ps", "allow"),
            ("docker container ls", "allow"),
            ("docker run busybox", "allow"),
            ("docker stop web", "allow"),
            ("docker image ls", "allow"),
            ("docker rmi busybox", "allow"),
            ("docker build -", "allow"),
            ("docker volume ls", "not-allowed"),
            ("docker compose up", "not-allowed"),
            // What is blocked stays so.
            ("docker container exec web sh", "blocked-command"),
            ("docker image push busybox", "blocked-command"),
        ],
    );
    check(
        &site,
        "[commands]\nblocked = ['container', 'builder', 'system']\n",
        &[
            ("docker ps", "blocked-command"),
            ("docker run busybox", "blocked-command"),
            ("docker exec web sh", "blocked-command"),
            ("docker compose ps", "blocked-command"),
            ("docker build -", "blocked-command"),
            ("docker buildx ls", "blocked-command"),
            ("docker events", "blocked-command"),
            ("docker info", "blocked-command"),
            ("docker images", "allow"),
            ("docker version", "allow"),
        ],
    );
}

#[test]
fn what_is_unblocked_is_still_judged_by_what_it_asks_of_the_host() {
    let site = Site::new();
    check(
        &site,
        "[commands]\nblocked = []\n",
        &[
            ("docker exec web sh", "allow"),
            ("docker cp web:/x /etc/x", "client-write"),
            ("docker cp /etc/passwd web:/x", "client-file"),
            ("docker cp web:/x -", "allow"),
            ("docker save -o x busybox", "client-write"),
            ("docker save busybox", "allow"),
            ("docker load -i /etc/x", "client-file"),
            ("docker import /etc/x", "client-file"),
            ("docker service create --mount type=bind,src=/,dst=/h x", "bind-mount"),
            ("docker stack deploy -c - x", "host-setting"),
            ("docker buildx bake", "host-setting"),
            ("docker system dial-stdio", "allow"),
            ("docker secret create x /etc/passwd", "client-file"),
            ("docker context use x", "global-flag"),
        ],
    );
}
