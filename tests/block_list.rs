//! The block-list is a policy, not a wall: each of its rows is judged where it only observes, and where everything is
//! unblocked. What reaches the host, the daemon's control or the client's files is refused in both.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use dockgate::gate::Gate;
use dockgate::policy::{Policy, operations};
use dockgate::request::account::Account;

/// A row of the block-list, a request that it blocks, and what it comes to otherwise. `allow`: nothing beyond the
/// operation itself is asked for.
const ROWS: &[(&str, &str, &str)] = &[
    ("exec", "docker exec web id", "allow"),
    ("exec", "docker exec --privileged web id", "privileged"),
    ("exec", "docker exec --env-file /etc/passwd web env", "client-file"),
    ("exec", "docker exec -u 0 web id", "allow"),
    ("exec", "docker compose exec web id", "allow"),
    ("exec", "docker compose exec --privileged web id", "privileged"),
    ("cp", "docker cp web:/x -", "allow"),
    ("cp", "docker cp /etc/passwd web:/x", "client-file"),
    ("cp", "docker cp web:/x .ssh/authorized_keys", "client-write"),
    ("cp", "docker cp - web:/x", "allow"),
    ("commit", "docker commit web x", "allow"),
    ("commit", "docker commit -c 'LABEL dockgate.key=x' web x", "reserved-label"),
    ("diff", "docker diff web", "allow"),
    ("export", "docker export -o x web", "client-write"),
    ("export", "docker export web", "allow"),
    ("import", "docker import /etc/passwd x", "client-file"),
    ("import", "docker import - x", "allow"),
    ("load", "docker load -i /etc/x", "client-file"),
    ("load", "docker load", "allow"),
    ("save", "docker save -o x busybox", "client-write"),
    ("save", "docker save busybox", "allow"),
    ("attach", "docker attach web", "allow"),
    ("attach", "docker start -ai web", "allow"),
    ("push", "docker push a/b", "allow"),
    ("tag", "docker tag a b", "allow"),
    ("buildx bake", "docker buildx bake", "host-setting"),
    ("buildx create", "docker buildx create", "host-setting"),
    ("buildx dap", "docker buildx dap build -", "client-program"),
    ("buildx dap", "docker buildx dap build /etc", "client-program"),
    ("buildx dap", "docker buildx dap attach /run/x.sock", "client-program"),
    ("buildx debug", "docker buildx debug", "client-program"),
    ("buildx debug", "docker buildx debug build -", "client-program"),
    ("buildx dial-stdio", "docker buildx dial-stdio", "host-setting"),
    ("buildx history export", "docker buildx history export x", "allow"),
    ("buildx history export", "docker buildx history export -o x x", "client-write"),
    ("buildx history import", "docker buildx history import", "client-program"),
    ("buildx history import", "docker buildx history import -f /etc/passwd", "client-file"),
    ("buildx history inspect attachment", "docker buildx history inspect attachment x sha256:0", "allow"),
    ("buildx imagetools create", "docker buildx imagetools create -t a/b c/d", "allow"),
    ("buildx imagetools create", "docker buildx imagetools create -f /etc/passwd -t a/b", "client-file"),
    ("buildx install", "docker buildx install", "global-flag"),
    ("buildx rm", "docker buildx rm x", "daemon-control"),
    ("buildx stop", "docker buildx stop", "daemon-control"),
    ("buildx uninstall", "docker buildx uninstall", "global-flag"),
    ("buildx use", "docker buildx use x", "global-flag"),
    ("checkpoint", "docker checkpoint create web c", "allow"),
    ("checkpoint", "docker checkpoint create --checkpoint-dir /srv web c", "host-setting"),
    ("checkpoint", "docker checkpoint ls --checkpoint-dir /srv web", "host-setting"),
    ("checkpoint", "docker checkpoint rm --checkpoint-dir /srv web c", "host-setting"),
    ("checkpoint", "docker start --checkpoint c web", "allow"),
    ("checkpoint", "docker start --checkpoint-dir /srv --checkpoint c web", "host-setting"),
    ("completion", "docker completion bash", "allow"),
    ("compose alpha", "docker compose alpha viz", "allow"),
    ("compose alpha", "docker compose alpha publish a/b", "allow"),
    ("compose bridge", "docker compose bridge convert", "host-setting"),
    ("compose bridge", "docker compose bridge transformations create x", "client-write"),
    ("compose publish", "docker compose publish a/b", "allow"),
    ("compose watch", "docker compose watch", "allow"),
    ("config", "docker config create x /etc/passwd", "client-file"),
    ("config", "docker config create x -", "daemon-control"),
    ("config", "docker config rm x", "daemon-control"),
    ("config", "docker config ls", "allow"),
    ("context create", "docker context create x --docker host=tcp://192.0.2.1", "global-flag"),
    ("context export", "docker context export x", "client-write"),
    ("context import", "docker context import x x.tar", "global-flag"),
    ("context rm", "docker context rm x", "global-flag"),
    ("context update", "docker context update x", "global-flag"),
    ("context use", "docker context use x", "global-flag"),
    ("manifest annotate", "docker manifest annotate a b", "global-flag"),
    ("manifest create", "docker manifest create a b", "global-flag"),
    ("manifest push", "docker manifest push a", "allow"),
    ("manifest rm", "docker manifest rm a", "global-flag"),
    ("node", "docker node update --availability drain x", "daemon-control"),
    ("node", "docker node promote x", "daemon-control"),
    ("node", "docker node demote x", "daemon-control"),
    ("node", "docker node rm x", "daemon-control"),
    ("node", "docker node ls", "allow"),
    ("plugin create", "docker plugin create x /etc", "client-file"),
    ("plugin disable", "docker plugin disable x", "daemon-control"),
    ("plugin enable", "docker plugin enable x", "daemon-control"),
    ("plugin install", "docker plugin install --grant-all-permissions a/b", "daemon-control"),
    ("plugin push", "docker plugin push a/b", "allow"),
    ("plugin rm", "docker plugin rm x", "daemon-control"),
    ("plugin set", "docker plugin set x data.source=/etc", "daemon-control"),
    ("plugin upgrade", "docker plugin upgrade x", "daemon-control"),
    ("secret", "docker secret create x -", "daemon-control"),
    ("secret", "docker secret rm x", "daemon-control"),
    ("secret", "docker secret inspect x", "allow"),
    ("service", "docker service create busybox", "daemon-control"),
    ("service", "docker service create --mount type=bind,src=/,dst=/h busybox", "bind-mount"),
    ("service", "docker service update --image x y", "daemon-control"),
    ("service", "docker service scale x=3", "daemon-control"),
    ("service", "docker service rollback x", "daemon-control"),
    ("service", "docker service rm x", "daemon-control"),
    ("service", "docker service logs x", "allow"),
    ("stack", "docker stack deploy -c - x", "host-setting"),
    ("stack", "docker stack rm x", "daemon-control"),
    ("stack", "docker stack config -c -", "client-program"),
    ("swarm", "docker swarm init", "daemon-control"),
    ("swarm", "docker swarm join --token x 192.0.2.1", "daemon-control"),
    ("swarm", "docker swarm join-token worker", "daemon-control"),
    ("swarm", "docker swarm ca", "daemon-control"),
    ("swarm", "docker swarm leave", "daemon-control"),
    ("swarm", "docker swarm unlock", "daemon-control"),
    ("swarm", "docker swarm unlock-key", "daemon-control"),
    ("swarm", "docker swarm update --autolock", "daemon-control"),
    ("trust", "docker trust sign a/b:1", "global-flag"),
    ("trust", "docker trust revoke a/b:1", "global-flag"),
    ("trust", "docker trust signer add --key /etc/passwd x a/b", "client-file"),
    ("trust", "docker trust signer remove x a/b", "global-flag"),
    ("trust", "docker trust key load /etc/passwd", "global-flag"),
    ("trust", "docker trust key generate x", "global-flag"),
];

fn verdict(policy: &str, request: &str) -> (&'static str, bool) {
    let account = Account { name: "ai-worker".to_owned(), home: "/nonexistent".into(), locale: Vec::new() };
    let policy = Policy::from_toml(policy).unwrap();
    let gate = Gate::alone(policy, account);
    match gate.decide(request.as_bytes(), false).verdict {
        Ok(permit) => ("allow", permit.observed().is_some()),
        Err(denial) => (denial.reason.code(), false),
    }
}

#[test]
fn no_row_of_the_block_list_is_the_only_wall() {
    for row in operations::DEFAULT {
        assert!(ROWS.iter().any(|(name, ..)| *name == row.name), "{} has no request here", row.name);
    }
    for (row, request, otherwise) in ROWS {
        assert_eq!(verdict("", request).0, "blocked-command", "{row}: {request}");
        // What may run there is recorded as what would have been refused.
        assert_eq!(verdict("mode = 'observe'", request), (*otherwise, *otherwise == "allow"), "{row}: {request}");
        assert_eq!(verdict("[commands]\nblocked = []", request), (*otherwise, false), "{row}: {request}");
    }
}
