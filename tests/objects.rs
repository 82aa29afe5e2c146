//! What the policy protects, and what it limits: every knob bites, by every name that docker takes for a thing.
#![expect(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "these are tests")]

use dockgate::decision::Action;
use dockgate::docker::{Invocation, options::Setting};
use dockgate::gate::Gate;
use dockgate::policy::Policy;
use dockgate::request::account::Account;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

const ID: &str = "3f5e9c0a11d24f6b8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a392817";

/// A daemon's lists: what is asked for by path, as the Docker Engine API answers.
const LISTS: &[(&str, &str)] = &[
    (
        "/containers/json?all=1",
        r#"[
        {"Id": "3f5e9c0a11d24f6b8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a392817", "Names": ["/traefik"], "State": "running",
         "Labels": {"com.docker.compose.project": "edge"}, "ImageID": "sha256:aa11", "Mounts": [{"Type": "volume", "Name": "certs"}],
         "NetworkSettings": {"Networks": {"edge_net": {"NetworkID": "n1"}}}},
        {"Id": "77aa", "Names": ["/vault-1"], "State": "exited", "Labels": {}, "ImageID": "sha256:bb22"},
        {"Id": "88bb", "Names": ["/agent-web"], "State": "running", "ImageID": "sha256:aa11",
         "Labels": {"com.docker.compose.project": "agent", "dockgate.account": "ai-worker", "dockgate.key": "", "dockgate.id": "r1"},
         "Mounts": [{"Type": "volume", "Name": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}]},
        {"Id": "55dd", "Names": ["/inherits"], "State": "exited", "ImageID": "sha256:ee55",
         "Labels": {"dockgate.account": "ai-worker", "dockgate.key": "", "dockgate.id": "i1"}},
        {"Id": "66ee", "Names": ["/kin"], "State": "exited", "ImageID": "sha256:aa11",
         "Labels": {"dockgate.account": "ai-worker", "dockgate.key": "kin", "dockgate.id": "r2"}},
        {"Id": "99cc", "Names": ["/other"], "State": "running", "Labels": {"com.docker.compose.project": "shop"},
         "Mounts": [{"Type": "volume", "Name": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}]}
    ]"#,
    ),
    (
        "/volumes",
        r#"{"Volumes": [{"Name": "certs", "Driver": "local", "Labels": {"com.docker.compose.project": "edge"}},
        {"Name": "vault-data", "Driver": "local", "Labels": null}, {"Name": "data", "Driver": "local"},
        {"Name": "mine", "Driver": "local", "Labels": {"dockgate.account": "ai-worker", "dockgate.key": ""}},
        {"Name": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "Driver": "local"}, {"Name": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "Driver": "local"}]}"#,
    ),
    ("/volumes/certs", r#"{"Name": "certs", "Driver": "local", "Options": null}"#),
    (
        "/networks",
        r#"[{"Name": "edge_net", "Id": "n1", "Labels": {"com.docker.compose.project": "edge"}}, {"Name": "lonely", "Id": "ab12", "Labels": {}},
        {"Name": "mine_net", "Id": "cd34", "Labels": {"dockgate.account": "ai-worker", "dockgate.key": ""}}, {"Name": "bridge", "Id": "0f", "Labels": {}}]"#,
    ),
    ("/images/busybox/json", r#"{"Id": "sha256:dd44", "Config": {"Labels": null}}"#),
    (
        "/images/disguised/json",
        r#"{"Config": {"Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "db", "dockgate.key": "x", "a": "b"}}}"#,
    ),
    (
        "/images/json",
        r#"[{"Id": "sha256:aa11", "RepoTags": ["traefik:v3"], "RepoDigests": []}, {"Id": "sha256:bb22", "RepoTags": ["base/os:1"]},
        {"Id": "sha256:cc33", "RepoTags": ["unused/golden:1"]},
        {"Id": "sha256:ee55", "RepoTags": ["mine/app:1", "shop/app:1"], "Labels": {"dockgate.account": "ai-worker", "dockgate.key": "", "dockgate.id": "i1"}},
        {"Id": "sha256:ff66", "RepoTags": null, "Labels": null}]"#,
    ),
];

struct Site {
    socket: PathBuf,
    _temporary: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let socket = temporary.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                    head.extend(byte);
                }
                let head = String::from_utf8(head).unwrap();
                let path = head.split(' ').nth(1).unwrap_or_default();
                let answer = LISTS.iter().find(|(known, _)| *known == path);
                let (status, body) = answer.map_or(("404 Not Found", "{}"), |(_, body)| ("200 OK", *body));
                // The client may have gone.
                let _ = write!(stream, "HTTP/1.0 {status}\r\n\r\n{body}");
            }
        });
        Self { socket, _temporary: temporary }
    }

    fn gate(&self, policy: &str) -> Gate {
        let text = format!("{policy}\n[docker]\nhost = 'unix://{}'\n", self.socket.display());
        let account = Account { name: "ai-worker".to_owned(), home: "/nonexistent".into(), locale: Vec::new() };
        let policy = Policy::from_toml(&text).unwrap();
        Gate::alone(policy, account)
    }

    fn verdict(&self, policy: &str, request: &str) -> String {
        match self.gate(policy).decide(request.as_bytes(), false).verdict {
            Ok(_) => "allow".to_owned(),
            Err(denial) => denial.reason.code().to_owned(),
        }
    }

    #[track_caller]
    fn check(&self, policy: &str, rows: &[(&str, &str)]) {
        for (request, expected) in rows {
            assert_eq!(self.verdict(policy, request), *expected, "{request}\n{policy}");
        }
    }
}

#[test]
fn a_protected_container_is_looked_at_and_not_touched() {
    let site = Site::new();
    let policy = "[commands]\nblocked = []\n[containers]\nprotected = ['traefik', 'vault*']";
    let mut rows = Vec::new();
    for name in ["traefik", "/traefik", ID, &ID[..12], "3", "vault-1", "77"] {
        for request in [
            "stop",
            "kill",
            "rm -f",
            "restart",
            "start",
            "pause",
            "unpause",
            "update -m 1g",
            "stop other",
            "container rm",
            "network connect n",
            "network disconnect n",
            "attach",
            "commit",
            "export",
        ] {
            rows.push((format!("docker {request} {name}"), "protected"));
        }
        for request in ["logs", "inspect", "top", "port", "stats --no-stream", "wait", "container inspect", "diff"] {
            rows.push((format!("docker {request} {name}"), "allow"));
        }
        rows.push((format!("docker rename {name} x"), "protected"));
        rows.push((format!("docker exec {name} id"), "protected"));
        if !name.starts_with('/') {
            rows.push((format!("docker cp {name}:/x -"), "protected"));
        }
        rows.push((format!("docker run --link {name} x"), "protected"));
        rows.push((format!("docker run --link {name}:db x"), "protected"));
    }
    for (request, expected) in [
        ("docker rename other vault-2", "protected"),
        ("docker run --name vault-9 x", "protected"),
        ("docker container prune -f", "protected"),
        ("docker system prune -f", "protected"),
        ("docker compose -p edge stop", "protected"),
        ("docker compose -p edge restart web", "protected"),
        ("docker compose -p edge down", "protected"),
        ("docker compose -p edge kill", "protected"),
        ("docker compose -p edge wait --down-project web", "protected"),
        ("docker compose -p edge wait web", "allow"),
        ("docker compose -p edge ps", "allow"),
        ("docker compose -p edge logs", "allow"),
        ("docker compose -p shop stop", "allow"),
        ("docker rm --link traefik/db", "protected"),
        ("docker compose stop", "protected"),
        ("docker stop other", "allow"),
        ("docker stop traefi", "allow"),
        ("docker stop TRAEFIK", "allow"),
        ("docker run --name web x", "allow"),
        ("docker ps -a", "allow"),
        ("docker image prune -f", "allow"),
    ] {
        rows.push((request.to_owned(), expected));
    }
    let rows: Vec<(&str, &str)> = rows.iter().map(|(request, expected)| (request.as_str(), *expected)).collect();
    site.check(policy, &rows);
    // Nothing that could be pruned is protected.
    site.check("[containers]\nprotected = ['traefik']", &[("docker container prune -f", "allow")]);
}

#[test]
fn a_key_has_its_own_corner() {
    let site = Site::new();
    site.check(
        "[containers]\nonly = ['agent-*']",
        &[
            ("docker stop agent-web", "allow"),
            ("docker logs agent-web", "allow"),
            ("docker logs 88", "allow"),
            ("docker logs other", "out-of-scope"),
            ("docker inspect other", "out-of-scope"),
            ("docker inspect data", "allow"),
            ("docker stop 99cc", "out-of-scope"),
            ("docker rm -f traefik", "out-of-scope"),
            ("docker run x", "out-of-scope"),
            ("docker run --name agent-1 x", "allow"),
            ("docker run --name other-1 x", "out-of-scope"),
            ("docker create --name agent-1 --name y x", "out-of-scope"),
            ("docker rename agent-web mine", "out-of-scope"),
            ("docker rename agent-web agent-mine", "allow"),
            ("docker container prune", "out-of-scope"),
            ("docker compose -p shop ps", "out-of-scope"),
            ("docker compose -p agent ps", "allow"),
            ("docker compose -p agent stop", "allow"),
        ],
    );
}

#[test]
fn what_a_key_has_made_is_its_corner() {
    let site = Site::new();
    let all = "[containers]\nonly = 'own'\n[volumes]\nonly = 'own'\n[networks]\nonly = 'own'\n[images]\nonly = 'own'\n[commands]\nblocked = []";
    let rows: &[(&str, &str)] = &[
        ("docker stop agent-web", "allow"),
        ("docker logs 88bb", "allow"),
        ("docker stop other", "out-of-scope"),
        // Another key's, and the administrator's of an image that the key has built.
        ("docker stop kin", "out-of-scope"),
        ("docker stop inherits", "out-of-scope"),
        ("docker exec inherits id", "out-of-scope"),
        ("docker rename agent-web anything", "allow"),
        ("docker container prune -f", "out-of-scope"),
        ("docker compose -p agent stop", "allow"),
        ("docker compose -p agent down", "allow"),
        ("docker compose -p shop stop", "out-of-scope"),
        ("docker compose -p edge down -v", "out-of-scope"),
        ("docker volume rm mine", "allow"),
        ("docker volume rm data", "out-of-scope"),
        ("docker volume inspect data", "out-of-scope"),
        ("docker volume create new", "allow"),
        ("docker volume create data", "out-of-scope"),
        ("docker run -v mine:/x mine/app:1", "allow"),
        ("docker run -v data:/x mine/app:1", "out-of-scope"),
        ("docker run --mount src=data,dst=/x mine/app:1", "out-of-scope"),
        // The daemon would make it without a mark.
        ("docker run -v new:/x mine/app:1", "out-of-scope"),
        ("docker run -v /x mine/app:1", "allow"),
        ("docker volume prune -f", "out-of-scope"),
        ("docker network rm mine_net", "allow"),
        ("docker network rm cd", "allow"),
        ("docker network rm lonely", "out-of-scope"),
        ("docker network inspect n1", "out-of-scope"),
        ("docker network inspect bridge", "allow"),
        ("docker network create new", "allow"),
        ("docker network create a", "allow"),
        ("docker network create lonely", "out-of-scope"),
        ("docker network connect mine_net agent-web", "allow"),
        ("docker network connect mine_net other", "out-of-scope"),
        ("docker network connect edge_net agent-web", "out-of-scope"),
        ("docker run --network mine_net mine/app:1", "allow"),
        ("docker run --network edge_net mine/app:1", "out-of-scope"),
        ("docker network prune -f", "out-of-scope"),
        ("docker build -t mine/app:1 -", "allow"),
        ("docker build -t shop/app:1 -", "allow"),
        ("docker build -t new -", "allow"),
        ("docker build -t traefik:v3 -", "out-of-scope"),
        ("docker buildx build -t docker.io/library/traefik:v3 -", "out-of-scope"),
        ("docker build -o type=image,name=traefik:v3 -", "out-of-scope"),
        ("docker commit agent-web traefik:v3", "out-of-scope"),
        ("docker commit agent-web new", "allow"),
        ("docker tag mine/app:1 new", "allow"),
        ("docker tag mine/app:1 traefik:v3", "out-of-scope"),
        ("docker tag traefik:v3 new", "out-of-scope"),
        ("docker pull traefik:v3", "out-of-scope"),
        ("docker pull new", "out-of-scope"),
        ("docker import - new", "out-of-scope"),
        ("docker load", "out-of-scope"),
        ("docker rmi mine/app:1", "allow"),
        ("docker rmi ee55", "allow"),
        ("docker rmi aa11", "out-of-scope"),
        ("docker rmi unused/golden:1", "out-of-scope"),
        ("docker run traefik:v3", "out-of-scope"),
        ("docker run mine/app:1", "allow"),
        ("docker history base/os:1", "out-of-scope"),
        ("docker image prune -f", "out-of-scope"),
        ("docker system prune -f", "out-of-scope"),
        ("docker images", "allow"),
        ("docker ps", "allow"),
    ];
    site.check(all, rows);
    // Each by itself, and under the mode that only observes.
    site.check("[images]\nonly = 'own'", &[("docker stop other", "allow"), ("docker image prune", "out-of-scope")]);
    site.check("[volumes]\nonly = 'own'", &[("docker stop other", "allow"), ("docker build -t traefik:v3 -", "allow")]);
    site.check(&format!("mode = 'observe'\n{all}"), &[("docker stop other", "allow"), ("docker load", "allow")]);
}

#[test]
fn volumes_networks_and_images_have_corners_of_names() {
    let site = Site::new();
    let (own, others) = ("a".repeat(64), "b".repeat(64));
    site.check(
        "[volumes]\nonly = ['mine*']",
        &[
            ("docker volume rm mine", "allow"),
            ("docker volume rm data", "out-of-scope"),
            ("docker volume create mine-2", "allow"),
            ("docker volume create other", "out-of-scope"),
            ("docker volume create", "allow"),
            ("docker run -v mine-2:/x y", "allow"),
            ("docker run -v other:/x y", "out-of-scope"),
            ("docker run -v data:/x y", "out-of-scope"),
            // What docker has named belongs to the containers that have it.
            (&format!("docker run -v {own}:/x y"), "allow"),
            (&format!("docker run -v {others}:/x y"), "out-of-scope"),
            (&format!("docker volume rm {others}"), "out-of-scope"),
            (&format!("docker volume inspect {others}"), "out-of-scope"),
            ("docker volume prune -a", "out-of-scope"),
            // They would go with their container.
            ("docker rm -v other", "out-of-scope"),
            ("docker rm -fv agent-web 99cc", "out-of-scope"),
            ("docker rm -fv agent-web", "allow"),
            ("docker rm -f other", "allow"),
            ("docker compose -p shop rm -sfv", "out-of-scope"),
            ("docker compose -p shop down --volumes", "out-of-scope"),
            ("docker compose -p shop rm -sf", "allow"),
            ("docker system prune --volumes", "out-of-scope"),
            ("docker compose -p edge down -v", "out-of-scope"),
            ("docker compose -p edge down", "allow"),
        ],
    );
    site.check(
        "[networks]\nonly = ['mine*']",
        &[
            ("docker network create mine_2", "allow"),
            ("docker network create other", "out-of-scope"),
            ("docker network connect lonely other", "out-of-scope"),
            ("docker network connect bridge other", "allow"),
            ("docker network disconnect n1 other", "out-of-scope"),
            ("docker network rm ab", "out-of-scope"),
            ("docker run --network name=LONELY x", "out-of-scope"),
            ("docker run x", "allow"),
            ("docker run --network none x", "allow"),
            ("docker network prune", "out-of-scope"),
            ("docker system prune", "out-of-scope"),
            ("docker compose -p edge down", "out-of-scope"),
        ],
    );
    site.check(
        "[images]\nonly = ['mine/*', 'busybox']\nprotected = ['busybox']\n[commands]\nblocked = []",
        &[
            ("docker run busybox", "allow"),
            ("docker build -t busybox -", "protected"),
            ("docker pull busybox:latest", "protected"),
            ("docker run mine/app:1", "allow"),
            ("docker run mine/new", "allow"),
            ("docker run traefik:v3", "out-of-scope"),
            ("docker run aa11", "out-of-scope"),
            ("docker run ee55", "allow"),
            ("docker run shop/app:1", "out-of-scope"),
            ("docker run --mount type=image,src=traefik:v3,dst=/x busybox", "out-of-scope"),
            ("docker build -t mine/new -", "allow"),
            ("docker build -t new -", "out-of-scope"),
            ("docker build -t mine/a -t new -", "out-of-scope"),
            ("docker pull mine/app:1", "allow"),
            ("docker pull -a mine/app", "allow"),
            ("docker pull alpine", "out-of-scope"),
            ("docker rmi mine/app:1", "allow"),
            // It has a name that is another's.
            ("docker rmi -f ee55", "out-of-scope"),
            ("docker rmi shop/app:1", "out-of-scope"),
            ("docker tag mine/app:1 mine/app:2", "allow"),
            ("docker tag mine/app:1 traefik:v3", "out-of-scope"),
            ("docker image inspect traefik:v3", "out-of-scope"),
            ("docker load", "out-of-scope"),
            ("docker image prune", "out-of-scope"),
        ],
    );
    site.check("[images]\nprotected = ['x']\n[commands]\nblocked = []", &[("docker load", "out-of-scope")]);
}

#[test]
fn protected_volumes_networks_and_images_are_left_alone() {
    let site = Site::new();
    site.check(
        "[volumes]\nprotected = ['certs', 'vault-*']",
        &[
            ("docker volume create vault-new", "protected"),
            ("docker volume create --name vault-new", "protected"),
            ("docker volume create vault-data", "protected"),
            ("docker volume create vaults", "allow"),
            ("docker volume create", "allow"),
            ("docker volume rm certs", "protected"),
            ("docker volume rm data certs", "protected"),
            ("docker volume rm data", "allow"),
            ("docker volume inspect certs", "allow"),
            ("docker run -v certs:/x y", "protected"),
            ("docker run --mount src=certs,dst=/x y", "protected"),
            ("docker run -v vault-new:/x y", "protected"),
            ("docker run -v data:/x y", "allow"),
            ("docker volume prune -f", "protected"),
            ("docker system prune --volumes", "protected"),
            ("docker system prune", "allow"),
            ("docker compose -p edge down -v", "protected"),
            ("docker compose -p edge down", "allow"),
        ],
    );
    site.check("[volumes]\nprotected = ['certs']", &[("docker volume prune -f", "allow")]);
    site.check(
        "[networks]\nprotected = ['edge_net', 'lonely']",
        &[
            ("docker network create lonely", "protected"),
            ("docker network create -d bridge edge_net", "protected"),
            ("docker network create edge2", "allow"),
            ("docker network rm edge_net", "protected"),
            ("docker network rm n1", "protected"),
            ("docker network rm ab", "protected"),
            ("docker network connect edge_net other", "protected"),
            ("docker network disconnect n1 other", "protected"),
            ("docker network inspect edge_net", "allow"),
            ("docker run --network edge_net x", "protected"),
            ("docker run --network name=EDGE_NET,alias=a x", "protected"),
            ("docker run --network other x", "allow"),
            ("docker network prune", "protected"),
            ("docker system prune", "protected"),
            ("docker compose -p edge down", "protected"),
            ("docker compose -p edge stop", "allow"),
        ],
    );
    site.check("[networks]\nprotected = ['edge_net']", &[("docker network prune", "allow")]);
    site.check(
        "[commands]\nblocked = []\n[images]\nprotected = ['traefik', 'base/*', 'unused/golden:1']",
        &[
            ("docker rmi traefik:v3", "protected"),
            ("docker rmi aa11", "protected"),
            ("docker rmi sha256:aa", "protected"),
            ("docker image rm docker.io/library/traefik:v3", "protected"),
            ("docker rmi other", "allow"),
            ("docker rmi traefik:v3@sha256:aa11", "protected"),
            ("docker pull -a unused/golden", "protected"),
            ("docker pull -a other/golden", "allow"),
            ("docker pull traefik:v3", "protected"),
            ("docker pull other", "allow"),
            ("docker run --pull always base/os:1", "protected"),
            ("docker run base/os:1", "allow"),
            ("docker build -t base/new -", "protected"),
            ("docker build -t mine -", "allow"),
            ("docker build -o type=image,name=base/os:1 -", "protected"),
            ("docker build -o type=docker,name=mine -", "allow"),
            ("docker commit other base/os:1", "protected"),
            ("docker commit other mine", "allow"),
            ("docker import - base/os:1", "protected"),
            ("docker tag other base/x", "protected"),
            ("docker image inspect traefik:v3", "allow"),
            ("docker history traefik:v3", "allow"),
            ("docker image prune -a", "protected"),
            ("docker image prune", "allow"),
            ("docker system prune -a", "protected"),
        ],
    );
}

#[test]
fn what_a_container_may_be_given_has_a_roof() {
    let site = Site::new();
    site.check(
        "[limits]\nmemory = '2g'\ncpus = 1.5\npids = 100",
        &[
            ("docker run -m 2g --cpus 1.5 --pids-limit 100 x", "allow"),
            ("docker run --memory=1048576k --cpus=.5 --pids-limit=1 x", "allow"),
            ("docker run x", "limit"),
            ("docker run -m 2049m --cpus 1 --pids-limit 100 x", "limit"),
            ("docker run -m 0 --cpus 1 --pids-limit 100 x", "limit"),
            ("docker run -m 1g -m 4g --cpus 1 --pids-limit 100 x", "limit"),
            ("docker run -m 1g --cpus 1.501 --pids-limit 100 x", "limit"),
            ("docker run -m 1g --cpu-quota 50000 --pids-limit 100 x", "limit"),
            ("docker run -m 1g --cpus 1 --pids-limit -1 x", "limit"),
            ("docker run -m 1g --cpus 1 x", "limit"),
            ("docker create -m 1g --cpus 1 x", "limit"),
            ("docker run -m 1g --memory-swap -1 --cpus 1 --pids-limit 9 x", "limit"),
            ("docker run -m 1g --memory-swap 5g --cpus 1 --pids-limit 9 x", "limit"),
            ("docker run -m 1g --memory-swap 4g --cpus 1 --pids-limit 9 x", "allow"),
            ("docker update --memory-swap=-1 other", "limit"),
            ("docker update -m 3g other", "limit"),
            ("docker update -m 1g other", "allow"),
            ("docker update --pids-limit 0 other", "limit"),
            ("docker update --restart no other", "allow"),
        ],
    );
    site.check(
        "[limits]\nports = ['8000-8099', 9000]",
        &[
            ("docker run x", "allow"),
            ("docker run -p 8080:80 x", "allow"),
            ("docker run -p 127.0.0.1:8000-8010:80-90 x", "allow"),
            ("docker run -p 9000:80 -p 8001:1 x", "allow"),
            ("docker run -p 80:80 x", "limit"),
            ("docker run -p 8090-8100:80-90 x", "limit"),
            ("docker run -p 80 x", "limit"),
            ("docker run -p published=22,target=80,x=:8000:80 x", "limit"),
            ("docker run -P x", "limit"),
            ("docker run --publish-all=false x", "allow"),
            ("docker run -p 8001:1 -p 22:22 x", "limit"),
        ],
    );
    site.check(
        "[limits]\nimages = ['busybox', 'base/*']",
        &[
            ("docker run busybox", "allow"),
            ("docker run busybox:1.36 sh", "allow"),
            ("docker run docker.io/library/busybox sh", "allow"),
            ("docker run bb22", "allow"),
            ("docker run aa11", "limit"),
            ("docker run alpine", "limit"),
            ("docker run evil/busybox", "limit"),
            ("docker create evil.example.org/busybox", "limit"),
            ("docker pull busybox:latest", "allow"),
            ("docker pull alpine", "limit"),
            ("docker pull -a busybox", "allow"),
            ("docker pull -a base/os", "allow"),
            ("docker pull -a alpine", "limit"),
            ("docker run --mount type=image,src=alpine,dst=/x busybox", "limit"),
        ],
    );
    site.check("[limits]\ncontainers = 2", &[("docker run x", "allow"), ("docker start vault-1", "allow")]);
    site.check(
        "[limits]\ncontainers = 1",
        &[
            ("docker run x", "limit"),
            ("docker create x", "limit"),
            ("docker ps", "allow"),
            ("docker restart agent-web", "allow"),
            ("docker start vault-1", "limit"),
            ("docker start 77 other", "limit"),
        ],
    );
    // What is made counts, whatever label the request gives.
    let gate = site.gate("[limits]\ncontainers = 2");
    let permit = gate.decide(b"docker run --label team=x x", false).verdict.unwrap();
    let Action::Docker(invocation) = permit.subject() else { unreachable!("docker") };
    let labels: Vec<_> = invocation.options().iter().map(|given| given.setting.clone()).collect();
    assert_eq!(labels.last(), Some(&Setting::Value("dockgate.account=ai-worker".to_owned())));
    assert!(Invocation::from_args(&invocation.argv()).is_ok());
}

#[test]
fn what_is_only_observed_runs_and_is_told() {
    let site = Site::new();
    let policy = "mode = 'observe'\n[containers]\nprotected = ['traefik']\n[limits]\nmemory = '1g'";
    for (request, reason) in
        [("docker stop traefik", "protected"), ("docker run x", "limit"), ("docker exec web id", "blocked-command")]
    {
        let permit = site.gate(policy).decide(request.as_bytes(), false).verdict.unwrap();
        assert_eq!(permit.observed().map(|denial| denial.reason.code()), Some(reason), "{request}");
    }
    site.check(policy, &[("docker run -v /:/h -m 1g x", "bind-mount")]);
}

#[test]
fn what_cannot_be_looked_up_is_refused() {
    let site = Site::new();
    // A daemon that answers nothing of use.
    let other = site.socket.with_file_name("other.sock");
    let listener = UnixListener::bind(&other).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // The client may have gone.
            let _ = write!(stream.unwrap(), "HTTP/1.0 500 Internal Server Error\r\n\r\n{{}}");
        }
    });
    let site = Site { socket: other, ..site };
    site.check(
        "[containers]\nprotected = ['traefik']",
        &[("docker stop web", "unreachable"), ("docker container prune", "unreachable"), ("docker ps", "allow")],
    );
    site.check("[limits]\ncontainers = 1", &[("docker run x", "unreachable")]);
    site.check("", &[("docker run -v data:/data x", "unreachable"), ("docker run x", "allow")]);
    // Nothing listens at all, as where something other than docker is called docker.
    let site = Site { socket: site.socket.with_file_name("nothing.sock"), ..site };
    for (policy, request) in [
        ("[containers]\nprotected = ['traefik']", "docker rm -f web"),
        ("[containers]\nprotected = ['traefik']", "docker compose -p shop down"),
        ("[containers]\nonly = ['agent-*']", "docker logs web"),
        ("[volumes]\nprotected = ['vault']", "docker run -v data:/data x"),
        ("[volumes]\nprotected = ['vault']", "docker volume prune"),
        ("[networks]\nprotected = ['edge']", "docker network rm other"),
        ("[images]\nprotected = ['base']", "docker rmi other"),
        ("[limits]\ncontainers = 1", "docker run x"),
    ] {
        site.check(policy, &[(request, "unreachable")]);
        site.check("", &[(request, "allow")]);
    }
}

#[test]
fn marks_of_belonging_are_not_a_request_s_to_set() {
    let site = Site::new();
    let mut rows = Vec::new();
    for name in ["com.docker.compose.project=shop", "com.docker.compose.service", "dockgate.account=x", "dockgate.key="]
    {
        for request in [
            "run -l @ x",
            "run --label=@ x",
            "create --label a=b --label @ x",
            "run --mount type=volume,src=data,dst=/x,volume-label=@ x",
            "run --mount type=volume,dst=/x,VOLUME-LABEL=@ x",
            "network create --label @ n",
            "volume create --label @ v",
            "build --label @ -",
            "commit -c 'LABEL @' other x",
            "commit --change 'label a=b \"@\"' other x",
            "import -c 'LABEL @' - x",
            "secret create --label @ x -",
            "service create --container-label @ x",
            "service update --label-add @ x",
            "node update --label-add @ x",
        ] {
            rows.push((format!("docker {}", request.replace('@', name)), "reserved-label"));
        }
    }
    for request in
        ["run -l com.docker.composer=x x", "run -l team=dockgate.key x", "commit -c 'ENV A=dockgate.key' other x"]
    {
        rows.push((format!("docker {request}"), "allow"));
    }
    let rows: Vec<_> = rows.iter().map(|(request, reason)| (request.as_str(), *reason)).collect();
    site.check("[commands]\nblocked = []", &rows);
    site.check("mode = 'observe'", &[("docker run -l com.docker.compose.project=shop x", "reserved-label")]);
}

#[test]
fn what_a_file_marks_is_looked_at() {
    let here = std::env::current_dir().unwrap();
    let folder = tempfile::tempdir_in(&here).unwrap();
    let name = folder.path().file_name().unwrap().to_str().unwrap();
    let site = Site::new();
    for (index, (text, expected)) in [
        ("team=a\n# com.docker.compose.project=x\nfoo\n", "allow"),
        ("team=a\n  com.docker.compose.project=shop\n", "reserved-label"),
        ("\u{feff}dockgate.key=x", "reserved-label"),
        ("a=b\r\ndockgate.key", "reserved-label"),
    ]
    .iter()
    .enumerate()
    {
        std::fs::write(folder.path().join(index.to_string()), text).unwrap();
        site.check("", &[(&format!("docker run --label-file {name}/{index} x"), *expected)]);
    }
    nix::unistd::mkfifo(&folder.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    site.check(
        "",
        &[
            (&format!("docker run --label-file {name}/pipe x"), "client-file"),
            (&format!("docker run --label-file {name}/missing x"), "allow"),
            ("docker run --label-file /etc/passwd x", "client-file"),
        ],
    );
}

#[test]
fn an_image_s_marks_are_not_inherited() {
    let site = Site::new();
    let labels = |request: &str| {
        let permit = site.gate("").decide(request.as_bytes(), false).verdict.unwrap();
        let Action::Docker(invocation) = permit.subject() else { unreachable!("docker") };
        let labels = invocation.options().iter().filter(|given| given.option.long == "label");
        labels.filter_map(|given| given.value().map(str::to_owned)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(labels("docker run busybox"), "");
    assert_eq!(
        labels("docker run -l a=b disguised sh"),
        "a=b com.docker.compose.project= com.docker.compose.service= dockgate.key="
    );
    // Not here: whatever it has will be fetched.
    assert_eq!(labels("docker create elsewhere"), "com.docker.compose.project=");
}

#[test]
fn a_runtime_is_granted_by_name() {
    let site = Site::new();
    site.check("", &[("docker run --runtime runsc x", "runtime")]);
    site.check(
        "[host]\nruntimes = ['runsc']",
        &[("docker run --runtime runsc x", "allow"), ("docker run --runtime io.containerd.x.v2 x", "runtime")],
    );
}

/// What shows that a knob does something.
enum Proof {
    /// The knob in a policy file, a request, and its verdict without the knob and with it.
    Verdict(&'static str, &'static str, &'static str, &'static str),
    /// A test that needs a real session.
    Test(&'static str),
}
use Proof::{Test, Verdict};

/// A row for each knob that a profile has.
const KNOBS: &[(&str, Proof)] = &[
    ("mode", Verdict("mode = 'observe'", "docker exec web id", "blocked-command", "allow")),
    ("commands.blocked", Verdict("[commands]\nblocked = ['ps']", "docker ps", "allow", "blocked-command")),
    ("commands.allowed", Verdict("[commands]\nallowed = ['ps']", "docker images", "allow", "not-allowed")),
    (
        "host.bind_mounts",
        Verdict("[host]\nbind_mounts = ['/usr:ro']", "docker run -v /usr:/u:ro x", "bind-mount", "allow"),
    ),
    ("host.devices", Verdict("[host]\ndevices = ['/dev/null']", "docker run --device /dev/null x", "device", "allow")),
    (
        "host.capabilities",
        Verdict("[host]\ncapabilities = ['NET_ADMIN']", "docker run --cap-add NET_ADMIN x", "capability", "allow"),
    ),
    ("host.namespaces", Verdict("[host]\nnamespaces = ['pid']", "docker run --pid host x", "namespace", "allow")),
    ("host.privileged", Verdict("[host]\nprivileged = true", "docker run --privileged x", "privileged", "allow")),
    ("host.runtimes", Verdict("[host]\nruntimes = ['crun']", "docker run --runtime crun x", "runtime", "allow")),
    (
        "containers.protected",
        Verdict("[containers]\nprotected = ['traefik']", "docker stop traefik", "allow", "protected"),
    ),
    ("containers.only", Verdict("[containers]\nonly = ['agent-*']", "docker logs other", "allow", "out-of-scope")),
    (
        "volumes.protected",
        Verdict("[volumes]\nprotected = ['vault-*']", "docker volume rm vault-data", "allow", "protected"),
    ),
    (
        "networks.protected",
        Verdict("[networks]\nprotected = ['lonely']", "docker network rm lonely", "allow", "protected"),
    ),
    ("volumes.only", Verdict("[volumes]\nonly = ['agent-*']", "docker volume rm data", "allow", "out-of-scope")),
    ("networks.only", Verdict("[networks]\nonly = 'own'", "docker network rm lonely", "allow", "out-of-scope")),
    ("images.only", Verdict("[images]\nonly = 'own'", "docker build -t traefik:v3 -", "allow", "out-of-scope")),
    ("images.protected", Verdict("[images]\nprotected = ['traefik']", "docker rmi traefik:v3", "allow", "protected")),
    ("limits.memory", Verdict("[limits]\nmemory = '1g'", "docker run -m 2g x", "allow", "limit")),
    ("limits.cpus", Verdict("[limits]\ncpus = 1", "docker run --cpus 2 x", "allow", "limit")),
    ("limits.pids", Verdict("[limits]\npids = 10", "docker run --pids-limit 20 x", "allow", "limit")),
    ("limits.ports", Verdict("[limits]\nports = ['8000-8099']", "docker run -p 80:80 x", "allow", "limit")),
    ("limits.images", Verdict("[limits]\nimages = ['busybox']", "docker run traefik:v3", "allow", "limit")),
    ("limits.containers", Verdict("[limits]\ncontainers = 1", "docker run x", "allow", "limit")),
    ("limits.sessions", Test("a_roof_holds_for_compose_and_for_sessions")),
    ("limits.duration", Test("time_that_is_up_ends_docker")),
    ("limits.idle", Test("time_that_is_up_ends_docker")),
];

/// The keys of a table of the policy file, as its reader names them.
fn keys_of(table: &str) -> Vec<String> {
    let text = if table.is_empty() { "no-such = 1\n".to_owned() } else { format!("[{table}]\nno-such = 1\n") };
    let message = Policy::from_toml(&text).unwrap_err();
    let listed = message.split("expected").nth(1).unwrap_or_else(|| panic!("{table}: {message}"));
    listed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_knob_does_something() {
    // A profile has these tables; `mode` stands beside them.
    let tables = keys_of("profiles.x").into_iter().filter(|name| name != "mode");
    let knobs = tables.flat_map(|table| keys_of(&table).into_iter().map(move |name| format!("{table}.{name}")));
    let mut knobs: Vec<String> = knobs.chain(["mode".to_owned()]).collect();
    let mut rows: Vec<String> = KNOBS.iter().map(|(knob, _)| (*knob).to_owned()).collect();
    knobs.sort();
    rows.sort();
    assert_eq!(knobs, rows, "a knob without a row here may judge nothing");
    let site = Site::new();
    let tests = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).unwrap();
    let tests: String = tests.filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok()).collect();
    for (knob, proof) in KNOBS {
        match proof {
            Verdict(policy, request, without, with) => {
                assert!(policy.contains(knob.rsplit('.').next().unwrap()), "{knob}: {policy}");
                assert_eq!(site.verdict("", request), *without, "{knob}: {request}");
                assert_eq!(site.verdict(policy, request), *with, "{knob}: {request}");
            }
            Test(name) => assert!(tests.contains(&format!("#[test]\nfn {name}(")), "{knob}: {name}"),
        }
    }
}
