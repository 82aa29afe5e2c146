//! Thirty tasks of an agent that looks after containers: what it sends first, what it is told, what it sends next.
//! The transcript is docs/agent.md; `DOCKGATE_UPDATE_DOCS=1` writes it anew.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "these are tests"
)]

#[expect(dead_code, reason = "other tests need more of the lab")]
mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use support::{Lab, Outcome};

/// One request, and what ssh gives it on standard input.
struct Sent {
    request: &'static str,
    input: &'static str,
}

const fn ask(request: &'static str) -> Sent {
    Sent { request, input: "" }
}

const fn give(request: &'static str, input: &'static str) -> Sent {
    Sent { request, input }
}

/// How a task ends.
enum End {
    /// The last request is permitted, and its output holds this.
    Says(&'static str),
    /// The last request is permitted, and then docker, asked by root, says this.
    Shows(&'static [&'static str], &'static str),
    /// The policy forbids it, and says so with this reason, whatever is sent.
    Forbidden(&'static str),
}
use End::{Forbidden, Says, Shows};

struct Task {
    wish: &'static str,
    /// What is sent, one behind the other; each but the last is refused.
    sent: &'static [Sent],
    end: End,
}

const DOCKERFILE: &str = "FROM busybox\nRUN echo built > /built\nCMD [\"cat\", \"/built\"]\n";
const SHOP: &str = "services:\n  web:\n    image: busybox\n    command: sleep 1000\n    stop_grace_period: 0s\n";
const MOUNTED: &str = "services:\n  web:\n    image: busybox\n    command: cat /etc/site.conf\n    volumes: ['./site.conf:/etc/site.conf:ro']\n";
const CONTENT: &str = "services:\n  web:\n    image: busybox\n    command: cat /etc/site.conf\n    configs: [{source: site, target: /etc/site.conf}]\nconfigs:\n  site:\n    content: from the file\n";
const VARIABLES: &str = "services:\n  web:\n    image: busybox\n    command: sleep 1000\n    stop_grace_period: 0s\n    environment: {TAG: \"1.2\"}\n";

const TASKS: &[Task] = &[
    Task { wish: "see what runs", sent: &[ask("docker ps")], end: Says("web") },
    Task {
        wish: "find one container among many",
        sent: &[ask("docker ps | grep web"), ask("docker ps")],
        end: Says("web"),
    },
    Task {
        wish: "find errors in a log",
        sent: &[ask("docker logs agent-app 2>&1 | tail -5"), ask("docker logs agent-app")],
        end: Says("ready"),
    },
    Task {
        wish: "keep a log",
        sent: &[ask("docker logs agent-app > app.log"), ask("docker logs agent-app")],
        end: Says("ready"),
    },
    Task { wish: "follow the last lines", sent: &[ask("docker logs --tail 1 agent-app")], end: Says("ready") },
    Task {
        wish: "restart a service",
        sent: &[ask("systemctl restart agent-app"), ask("docker restart -t 0 agent-app")],
        end: Says("agent-app"),
    },
    Task { wish: "use docker as root", sent: &[ask("sudo docker ps"), ask("docker ps")], end: Says("web") },
    Task {
        wish: "stop and start, one after the other",
        sent: &[ask("docker stop -t 0 agent-app && docker start agent-app"), ask("docker restart -t 0 agent-app")],
        end: Shows(&["inspect", "-f", "{{.State.Running}}", "agent-app"], "true"),
    },
    Task {
        wish: "see a container's variables",
        sent: &[ask("docker exec agent-app env"), ask("docker inspect -f '{{.Config.Env}}' agent-app")],
        end: Says("COLOUR=blue"),
    },
    Task {
        wish: "see its processes",
        sent: &[ask("docker exec agent-app ps"), ask("docker top agent-app")],
        end: Says("sleep"),
    },
    Task { wish: "see how much it uses", sent: &[ask("docker stats --no-stream agent-app")], end: Says("agent-app") },
    Task { wish: "see how full the disk is", sent: &[ask("df -h"), ask("docker system df")], end: Says("Images") },
    Task {
        wish: "remove the containers that have ended",
        sent: &[ask("docker rm $(docker ps -aqf status=exited)"), ask("docker container prune -f")],
        end: Says("reclaimed"),
    },
    Task {
        wish: "remove them by a pipe",
        sent: &[ask("docker ps -aqf status=exited | xargs docker rm"), ask("docker container prune -f")],
        end: Says("reclaimed"),
    },
    Task { wish: "run one command", sent: &[ask("docker run --rm busybox echo done")], end: Says("done") },
    Task {
        wish: "run a container that keeps its data",
        sent: &[
            ask("docker run --rm -v /srv/data:/data busybox touch /data/x"),
            ask("docker run --rm -v agent-data:/data busybox touch /data/x"),
        ],
        end: Shows(&["volume", "ls", "-q"], "agent-data"),
    },
    Task {
        wish: "back up a volume",
        sent: &[
            ask("docker run --rm -v agent-data:/data busybox tar c -C /data . > data.tar"),
            ask("docker run --rm -v agent-data:/data busybox tar c -C /data ."),
        ],
        end: Says("./x"),
    },
    Task {
        wish: "let something run in the background",
        sent: &[ask("docker run busybox sleep 1000 &"), ask("docker run -d --name agent-job busybox sleep 1000")],
        end: Shows(&["ps", "--format", "{{.Names}}"], "agent-job"),
    },
    Task {
        wish: "build an image from a directory",
        sent: &[ask("docker build -t agent/app ~/app"), ask("docker build -t agent/app app")],
        end: Shows(&["images", "-q", "agent/app"], ""),
    },
    Task {
        wish: "build an image from a Dockerfile at hand",
        sent: &[
            give("cat Dockerfile | docker build -t agent/made -", DOCKERFILE),
            give("docker build -t agent/made -", DOCKERFILE),
        ],
        end: Shows(&["run", "--rm", "agent/made"], "built"),
    },
    Task {
        wish: "start a project from a file at hand",
        sent: &[
            give("docker compose -p agent-shop -f - up -d <<EOF", SHOP),
            give("docker compose -p agent-shop -f - up -d", SHOP),
        ],
        end: Shows(&["ps", "--format", "{{.Names}}"], "agent-shop-web-1"),
    },
    Task {
        wish: "start the project that the administrator has put there",
        sent: &[
            ask("cd ~/site && docker compose up -d"),
            ask("docker compose --project-directory site -f site/compose.yaml up -d"),
        ],
        end: Shows(&["ps", "--format", "{{.Names}}"], "site-web-1"),
    },
    Task {
        wish: "use the old Compose",
        sent: &[ask("docker-compose ls"), ask("docker compose ls")],
        end: Says("agent-shop"),
    },
    Task {
        wish: "give a service a configuration file",
        sent: &[
            give("docker compose -p agent-conf -f - up", MOUNTED),
            give("docker compose -p agent-conf -f - up", CONTENT),
        ],
        end: Says("from the file"),
    },
    Task {
        wish: "set a variable for a project",
        sent: &[
            give("TAG=1.2 docker compose -p agent-vars -f - up -d", VARIABLES),
            give("docker compose -p agent-vars -f - up -d", VARIABLES),
        ],
        end: Shows(&["inspect", "-f", "{{.Config.Env}}", "agent-vars-web-1"], "TAG=1.2"),
    },
    Task {
        wish: "wait until a container is up",
        sent: &[
            ask("while ! docker ps | grep agent-app; do sleep 1; done"),
            ask("docker inspect -f '{{.State.Status}}' agent-app"),
        ],
        end: Says("running"),
    },
    Task {
        wish: "do the same for several containers",
        sent: &[
            ask("for c in agent-app agent-job; do docker restart -t 0 $c; done"),
            ask("docker restart -t 0 agent-app agent-job"),
        ],
        end: Says("agent-job"),
    },
    Task {
        wish: "change a file in a running container",
        sent: &[ask("docker exec agent-app sh -c 'echo x > /etc/app.conf'")],
        end: Forbidden("blocked-command"),
    },
    Task {
        wish: "read a file of the host",
        sent: &[ask("docker run --rm -v /etc:/etc:ro busybox cat /etc/shadow")],
        end: Forbidden("bind-mount"),
    },
    Task {
        wish: "be root on the host",
        sent: &[ask("docker run --rm --privileged --pid host busybox id")],
        end: Forbidden("privileged"),
    },
];

fn send(lab: &Lab, sent: &Sent) -> Outcome {
    lab.ssh_with(sent.request, sent.input.as_bytes())
}

/// A refusal as it stands on standard error, without what differs each time.
fn told(lab: &Lab, outcome: &Outcome) -> String {
    let lines = outcome.err().replace(&lab.home().display().to_string(), "/home/ai-worker");
    lines.lines().filter(|line| !line.starts_with("record: ")).fold(String::new(), |text, line| text + line + "\n")
}

fn carry_out(lab: &Lab, task: &Task, transcript: &mut String) {
    writeln!(transcript, "\n## To {}\n\n```", task.wish).unwrap();
    let (last, before) = task.sent.split_last().expect("something is sent");
    assert!(before.len() <= 1, "{}: more than one refusal", task.wish);
    let mut show = |sent: &Sent, outcome: &Outcome| {
        let input = if sent.input.is_empty() { "" } else { "      # with the file on standard input" };
        writeln!(transcript, "$ ssh HOST {}{input}", shell_words::quote(sent.request)).unwrap();
        match outcome.code {
            77 => writeln!(transcript, "{}[exit code 77]", told(lab, outcome)).unwrap(),
            code => writeln!(transcript, "[exit code {code}]").unwrap(),
        }
    };
    for sent in before {
        let outcome = send(lab, sent);
        assert_eq!(outcome.code, 77, "{}: {}{}", sent.request, outcome.out(), outcome.err());
        show(sent, &outcome);
    }
    let outcome = send(lab, last);
    show(last, &outcome);
    transcript.push_str("```\n");
    match &task.end {
        Says(text) => {
            let outcome = outcome.succeeded();
            assert!(outcome.out().contains(text), "{}: {}{}", task.wish, outcome.out(), outcome.err());
        }
        Shows(words, text) => {
            outcome.succeeded();
            let shown = lab.docker(words).succeeded().out();
            assert!(!shown.trim().is_empty() && shown.contains(text), "{}: {shown}", task.wish);
        }
        Forbidden(reason) => drop(outcome.denied(reason)),
    }
}

#[test]
fn thirty_tasks_are_done_or_forbidden_in_so_many_words() {
    let lab = Lab::shared();
    lab.docker(&[
        "run",
        "-d",
        "--name",
        "agent-app",
        "-e",
        "COLOUR=blue",
        "busybox",
        "sh",
        "-c",
        "echo ready; sleep 1000",
    ])
    .succeeded();
    for (file, text) in [("app/Dockerfile", DOCKERFILE), ("site/compose.yaml", SHOP)] {
        let path = lab.home().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mut transcript = String::from(
        "# An agent's day\n\nThirty tasks of an agent that looks after containers, with the built-in policy: what it sends first, what it\n\
         is told, and what it sends next. A test carries them out through a real sshd and a real dockerd, and this is\n\
         its transcript. What docker prints is left out, and so are the ids of the records.\n",
    );
    for task in TASKS {
        carry_out(lab, task, &mut transcript);
    }
    let solved = TASKS.iter().filter(|task| !matches!(task.end, Forbidden(_))).count();
    assert_eq!((TASKS.len(), solved), (30, 27));
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/agent.md");
    if std::env::var_os("DOCKGATE_UPDATE_DOCS").is_some() {
        fs::write(&document, &transcript).unwrap();
    }
    let written = fs::read_to_string(&document).unwrap_or_default();
    assert!(
        written == transcript,
        "docs/agent.md is not what happens now: DOCKGATE_UPDATE_DOCS=1 cargo test --test agent"
    );
}
