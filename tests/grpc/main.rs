//! Builds through the mediation of `/grpc` and `/session`: the stock clients against a real dockerd, and what they
//! may not do. Between them stands a proxy that only knows these two endpoints; all else it passes on.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "these are tests"
)]

#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "../support/mod.rs"]
mod support;

mod far;
mod proxy;
mod raw;

use dockgate::api::build::protobuf::{Message, Value};
use proxy::Proxy;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use support::{Lab, Outcome, until};

/// A build context, and a docker whose daemon is behind the mediation.
struct Client {
    directory: tempfile::TempDir,
    proxy: Proxy,
}

impl Client {
    fn new(policy: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let proxy = Proxy::start(Lab::shared(), directory.path().join("docker.sock"), policy);
        Self { directory, proxy }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("context").join(name)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn command(&self, words: &[&str]) -> Command {
        let lab = Lab::shared();
        let mut command = Command::new(lab.value("DOCKER"));
        command.env_clear().env("HOME", self.directory.path()).env("PATH", "/usr/bin:/bin").args(words);
        command.env("DOCKER_HOST", format!("unix://{}", self.proxy.socket.display()));
        command.env("DOCKER_CONFIG", lab.value("CONFIG")).env("BUILDX_CONFIG", self.directory.path());
        command.current_dir(self.path("")).stdin(Stdio::null());
        command
    }

    fn docker(&self, words: &[&str]) -> Outcome {
        self.command(words).output().unwrap().into()
    }

    fn docker_with(&self, words: &[&str], input: &[u8]) -> Outcome {
        let mut child = support::spawn(self.command(words).stdin(Stdio::piped()));
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let outcome = child.wait_with_output().unwrap().into();
        writer.join().unwrap();
        outcome
    }
}

fn image_says(image: &str, words: &[&str]) -> String {
    let run = [&["run", "--rm", "--network", "none", image], words].concat();
    Lab::shared().docker(&run).succeeded().out()
}

fn label(image: &str, name: &str) -> String {
    let format = format!("{{{{index .Config.Labels {name:?}}}}}");
    Lab::shared().docker(&["image", "inspect", "--format", &format, image]).succeeded().out().trim().to_owned()
}

const DOCKERFILE: &str = "\
FROM busybox AS made
ARG WORD=none
COPY hello /hello
RUN echo \"$WORD\" >/word && sleep 1
FROM busybox
LABEL dockgate.key=forged
COPY --from=made /hello /word /
CMD [\"cat\", \"/hello\", \"/word\"]
";

#[test]
fn stock_builds_work() {
    let client = Client::new("");
    client.file("Dockerfile", DOCKERFILE).file("hello", "hello\n");
    for (image, words) in [
        ("grpc-build", &["build", "--progress=plain"][..]),
        ("grpc-buildx", &["buildx", "build", "--load"]),
        ("grpc-label", &["build", "--no-cache", "--label", "l=m", "--pull=false"]),
    ] {
        let words = [words, &["-t", image, "--build-arg", "WORD=x", "."]].concat();
        let outcome = client.docker(&words).succeeded();
        assert!(outcome.err().contains("COPY --from=made"), "{}", outcome.err());
        assert_eq!(image_says(image, &[]), "hello\nx\n");
        assert_eq!(label(image, "dockgate.key"), "hermes");
    }
    assert_eq!(label("grpc-label", "l"), "m");
    let opened = client.proxy.records("allow /moby.buildkit.v1.Control/Solve");
    assert_eq!(opened.len(), 3, "one record for each build that was opened: {opened:?}");
    assert_eq!(client.proxy.records("deny"), [""; 0]);
}

#[test]
fn a_build_takes_what_stock_clients_give_it() {
    let client = Client::new("");
    client.file("Dockerfile", DOCKERFILE).file("hello", "hello\n").file("other/two", "two\n");
    client.file("named.Dockerfile", "FROM busybox\nCOPY --from=extra two /two\nCMD [\"cat\", \"/two\"]\n");
    client.file("secret", "hush\n");
    let secret = "FROM busybox\nRUN --mount=type=secret,id=k cp /run/secrets/k /copy\nCMD [\"cat\", \"/copy\"]\n";
    let context = Command::new("tar").arg("-C").arg(client.path("")).args(["-c", "."]).output().unwrap().stdout;
    let cases: &[(&[&str], &[u8], &str)] = &[
        (&["--secret", "id=k,src=secret", "-"], secret.as_bytes(), "hush\n"),
        (&["-"], b"FROM busybox\nCMD [\"echo\", \"typed\"]\n", "typed\n"),
        (&["-f", "-", "."], b"FROM busybox\nCOPY hello /\nCMD [\"cat\", \"hello\"]\n", "hello\n"),
        (&["-"], &context, "hello\nnone\n"),
        (&["-f", "named.Dockerfile", "--build-context", "extra=other", "."], b"", "two\n"),
        (&["--target", "made", "."], b"", ""),
        (
            &[
                "--add-host=a:127.0.0.1",
                "--shm-size=64m",
                "--ulimit=nofile=1024:1024",
                "--annotation=a=b",
                "--platform=linux/amd64",
                "--provenance=false",
                "--no-cache-filter=made",
                "--network=none",
                "--cache-from=type=registry,ref=127.0.0.1:9/x",
                "--cache-to=type=inline",
                ".",
            ],
            b"",
            "hello\nnone\n",
        ),
    ];
    for (index, (words, input, expected)) in cases.iter().enumerate() {
        let image = format!("grpc-given-{index}");
        let words = [&["build", "-t", &image], *words].concat();
        client.docker_with(&words, input).succeeded();
        assert_eq!(image_says(&image, &[]), *expected, "{words:?}");
        assert_eq!(label(&image, "dockgate.key"), "hermes", "{words:?}");
    }
    for words in [
        &["build", "--check", "."][..],
        &["build", "--call=outline", "."],
        &["build", "--call=targets", "."],
        &["build", "-o", "type=cacheonly", "."],
        &["buildx", "ls"],
        &["buildx", "inspect"],
        &["buildx", "du"],
        &["buildx", "history", "ls"],
        &["buildx", "history", "inspect"],
        &["buildx", "history", "logs"],
        &["builder", "prune", "--force", "--filter", "until=99999h"],
    ] {
        let outcome = client.docker(words);
        assert_eq!(outcome.code, 0, "{words:?}: {}{}", outcome.out(), outcome.err());
    }
    assert_eq!(client.proxy.records("deny"), [""; 0]);
}

#[test]
fn compose_builds() {
    let client = Client::new("");
    client.file("Dockerfile", DOCKERFILE).file("hello", "hello\n");
    let model =
        "services:\n  a:\n    build: .\n  b:\n    build: {context: ., args: {WORD: b}}\n    network_mode: none\n";
    client.file("compose.yaml", model.replace("  b:", "    network_mode: none\n  b:"));
    for bake in ["true", "false"] {
        let build =
            client.command(&["compose", "-p", "grpc", "build", "--no-cache"]).env("COMPOSE_BAKE", bake).output();
        Outcome::from(build.unwrap()).succeeded();
        assert_eq!(image_says("grpc-b", &[]), "hello\nb\n");
        assert_eq!(label("grpc-a", "dockgate.key"), "hermes");
        Lab::shared().docker(&["rmi", "grpc-a", "grpc-b"]).succeeded();
    }
    let up = client.docker(&["compose", "-p", "grpc", "up", "--build"]).succeeded();
    assert!(up.out().contains("b-1  | b\n"), "{}", up.out());
    let ids = || Lab::shared().docker(&["ps", "-aq", "--filter", "label=com.docker.compose.project=grpc"]).out();
    let before = ids();
    client.docker(&["compose", "-p", "grpc", "up", "--build", "--no-start"]).succeeded();
    assert_eq!(ids(), before, "what is built anew out of the same is the same image");
    client.docker(&["compose", "-p", "grpc", "down", "--rmi", "all"]).succeeded();
    assert_eq!(client.proxy.records("deny"), [""; 0]);
}

/// The names of the daemon's images, and how many records of builds it has.
fn images() -> String {
    Lab::shared().docker(&["image", "ls", "--all", "--format", "{{.Repository}}:{{.Tag}}"]).succeeded().out()
}

#[test]
fn what_the_policy_does_not_permit_does_not_begin() {
    let client = Client::new("");
    client.file("Dockerfile", "FROM busybox\nRUN echo ran >/ran\n").file("hello", "hello\n");
    for (words, reason, says) in [
        (&["--push", "-t", "127.0.0.1:9/refused:1", "."][..], "blocked-command", "docker 'push' is blocked"),
        (&["-o", "out", "."], "blocked-command", "docker 'save' is blocked"),
        (&["-o", "type=tar,dest=out.tar", "."], "blocked-command", "docker 'save' is blocked"),
        (&["-o", "type=local,dest=out", "."], "blocked-command", "docker 'save' is blocked"),
        (&["--allow", "security.insecure", "-t", "refused", "."], "build-entitlement", "--allow security.insecure"),
        (&["--allow", "network.host", "-t", "refused", "."], "namespace", "--allow network.host"),
        (&["--network", "host", "-t", "refused", "."], "namespace", "the host's network namespace"),
        (&["--cgroup-parent", "/x", "-t", "refused", "."], "cgroup-parent", "cgroup-parent=/x"),
        (&["--label", "dockgate.key=root", "-t", "refused", "."], "reserved-label", "only the gate sets them"),
        (&["--build-arg", "BUILDKIT_ODD=1", "-t", "refused", "."], "unknown-field", "not a setting of BuildKit's"),
    ] {
        let outcome = client.docker(&[&["build", "--no-cache"], words].concat());
        assert_ne!(outcome.code, 0, "{words:?}");
        assert!(outcome.err().contains(says), "{words:?}: {}", outcome.err());
        let denied = client.proxy.records("deny");
        assert!(
            denied.last().is_some_and(|record| record.starts_with(&format!("deny {reason} "))),
            "{words:?}: {denied:?}"
        );
    }
    assert!(!images().contains("refused"), "{}", images());
    assert!(!client.path("out").exists());
    // buildx makes the file before it asks.
    assert_eq!(fs::metadata(client.path("out.tar")).unwrap().len(), 0);
}

#[test]
fn what_a_dockerfile_asks_for_stays_within_what_was_permitted() {
    let client = Client::new("");
    for (dockerfile, words, says) in [
        ("FROM busybox\nRUN --network=host echo ran\n", &[][..], "network.host is not allowed"),
        ("# syntax=docker/dockerfile:1-labs\nFROM busybox\n", &[], "docker/dockerfile"),
        (
            "FROM busybox\nRUN --mount=type=ssh,required=true echo ran\n",
            &["--ssh", "default=key"],
            "the keys of your SSH agent",
        ),
    ] {
        client.file("Dockerfile", dockerfile);
        let key = client.path("key");
        if !key.exists() {
            fs::create_dir_all(client.path("")).unwrap();
            let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
            assert!(made.unwrap().success());
        }
        let outcome = client.docker(&[&["build", "-t", "refused-inside"], words, &["."]].concat());
        assert_ne!(outcome.code, 0, "{dockerfile}");
        assert!(outcome.err().contains(says), "{dockerfile}: {}", outcome.err());
    }
    assert!(!images().contains("refused-inside"));
}

#[test]
fn a_build_starts_from_granted_images_only() {
    let client = Client::new("[limits]\nimages = [\"busybox\", \"granted/*\"]\n");
    Lab::shared().docker(&["tag", "busybox", "secret/base:1"]).succeeded();
    Lab::shared().docker(&["tag", "busybox", "granted/base:1"]).succeeded();
    client.file("Dockerfile", "FROM granted/base:1\nCOPY --from=busybox /etc/passwd /passwd\n");
    client.docker(&["build", "-t", "granted/made", "."]).succeeded();
    for (dockerfile, words) in [
        ("FROM secret/base:1\n", &[][..]),
        ("FROM busybox\nCOPY --from=secret/base:1 /etc/passwd /passwd\n", &[]),
        ("FROM busybox\nRUN --mount=from=secret/base:1,target=/x cp /x/etc/passwd /passwd\n", &[]),
        ("# syntax=secret/base:1\nFROM busybox\n", &[]),
        ("FROM busybox\n", &["--build-arg", "BUILDKIT_SYNTAX=secret/base:1"]),
        ("FROM base\n", &["--build-context", "base=docker-image://secret/base:1"]),
    ] {
        client.file("Dockerfile", dockerfile);
        let before = client.proxy.records("deny limit").len();
        let outcome = client.docker(&[&["build", "--no-cache", "-t", "granted/refused"], words, &["."]].concat());
        assert_ne!(outcome.code, 0, "{dockerfile}");
        assert!(
            outcome.err().contains("secret/base:1") && outcome.err().contains("limits.images"),
            "{dockerfile}: {}",
            outcome.err()
        );
        let denied = client.proxy.records("deny limit");
        assert_eq!(denied.len(), before + 1, "{dockerfile}: {denied:?}");
    }
    assert!(!images().contains("granted/refused"));
}

#[test]
fn a_build_that_is_broken_off_leaves_nothing_running() {
    let client = Client::new("");
    client.file("Dockerfile", "FROM busybox\nRUN echo begun && sleep 917\n");
    let mut child = support::spawn(&mut client.command(&["build", "--progress=plain", "--no-cache", "."]));
    support::read_until(child.stderr.as_mut().unwrap(), "begun");
    let runs = || Command::new("pgrep").args(["-f", "sleep 917"]).output().unwrap().status.success();
    until("the step runs", runs);
    child.kill().unwrap();
    child.wait().unwrap();
    until("the step has ended", || !runs());
    until("the connections have ended", || client.proxy.open() == 0);
}

/// A gRPC message of these fields, as it is sent.
fn message(fields: &[(u32, Value)]) -> Vec<u8> {
    let mut message = Message::default();
    fields.iter().for_each(|(number, value)| message.set(*number, value.clone()));
    let bytes = message.to_bytes();
    [&[0][..], &(bytes.len() as u32).to_be_bytes(), &bytes].concat()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The ids of the builds that the daemon remembers.
fn builds() -> String {
    let client = Client::new("");
    client.file("x", "");
    client.docker(&["buildx", "history", "ls", "--format", "{{.Ref}}"]).succeeded().out()
}

#[test]
fn what_no_stock_client_says_is_refused() {
    let client = Client::new("");
    let open = |fields: &[(u32, Value)]| message(&[&[(1, text("raw1")), (5, text("s1"))], fields].concat());
    let control = "/moby.buildkit.v1.Control/";
    let bridge = "/moby.buildkit.v1.frontend.LLBBridge/";
    let frontend = message(&[(2, text("dockerfile.v0"))]);
    let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let cases: Vec<(String, Option<&str>, Vec<u8>, &str)> = vec![
        (format!("{control}Solve"), None, open(&[(2, Value::Bytes(vec![0x0a, 0]))]), "Definition: it holds operations"),
        (format!("{control}Solve"), None, open(&[(6, text("dockerfile.v0"))]), "Frontend: its result would not pass"),
        (format!("{control}Solve"), None, open(&[(12, Value::Bytes(vec![]))]), "SourcePolicy"),
        (format!("{control}Solve"), None, open(&[(15, text("s"))]), "field 15 of SolveRequest"),
        (format!("{bridge}Solve"), Some("another"), frontend.clone(), "this connection has not begun it"),
        (format!("{bridge}Solve"), None, frontend, "this connection has not begun it"),
        (format!("{bridge}Return"), Some("another"), message(&[]), "this connection has not begun it"),
        (format!("{bridge}ReadFile"), Some("another"), message(&[]), "not a call of BuildKit's"),
        (format!("{bridge}NewContainer"), None, message(&[]), "not a call of BuildKit's"),
        (format!("{bridge}ExecProcess"), None, message(&[]), "not a call of BuildKit's"),
        ("/containerd.services.content.v1.Content/Write".to_owned(), None, message(&[]), "not a call of BuildKit's"),
        ("/containerd.services.leases.v1.Leases/List".to_owned(), None, message(&[]), "not a call of BuildKit's"),
        (
            "/containerd.services.content.v1.Content/Read".to_owned(),
            None,
            message(&[(1, text(digest))]),
            "docker 'buildx history inspect attachment' is blocked",
        ),
        (format!("{control}listworkers"), None, message(&[]), "not a call of BuildKit's"),
        (format!("{control}ListWorkers"), None, [&[1][..], &message(&[])[1..]].concat(), "is compressed"),
        (format!("{control}ListWorkers"), None, [message(&[]), message(&[])].concat(), "not one whole message"),
        (format!("{control}ListWorkers"), None, vec![], "has no message"),
        (format!("{control}ListWorkers"), None, vec![0; 5 << 20], "longer than 4 MiB"),
    ];
    let made: Vec<_> = cases.iter().map(|(method, build, data, _)| (method.as_str(), *build, data.clone())).collect();
    let ends = raw::calls(&client.proxy.socket, &made);
    for ((method, _, _, says), (status, message)) in cases.iter().zip(&ends) {
        assert!(*status == 7 && message.contains(says), "{method} {says}: {status} {message}");
    }
    assert_eq!(client.proxy.records("deny").len(), cases.len(), "{:#?}", client.proxy.records("deny"));
    assert!(!builds().contains("raw1"), "{}", builds());
    // The connection goes on, and what may be asked is answered.
    let allowed = [(format!("{control}ListWorkers"), message(&[])), (format!("{control}Info"), message(&[]))];
    let made: Vec<_> = allowed.iter().map(|(method, data)| (method.as_str(), None, data.clone())).collect();
    assert!(raw::calls(&client.proxy.socket, &made).iter().all(|(status, _)| *status == 0));
}
