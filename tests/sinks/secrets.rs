//! Planted secrets: whatever form a request has, they stand in nothing that is written, in no format.

use super::{Gate, Rsyslog, local, to_file, until};
use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

/// What must not be written anywhere.
const SECRET: &str = "s3cr3tV4lue";

/// Where a secret can be in a command, understood or not, permitted or not.
const REQUESTS: &[&str] = &[
    "docker run -e TOKEN=SECRET busybox",
    "docker run -eTOKEN=SECRET busybox",
    "docker run -ite TOKEN=SECRET busybox",
    "docker run --env=TOKEN=SECRET busybox",
    "docker run --env 'TOKEN=a SECRET' busybox",
    "docker run --health-cmd 'PGPASSWORD=SECRET pg_isready' busybox",
    "docker run --health-cmd 'curl https://u:SECRET@h/' busybox",
    "docker run -l api-token=SECRET busybox",
    "docker run --label home=https://u:SECRET@h/ busybox",
    "docker run --log-opt splunk-token=SECRET busybox",
    "docker run --mount type=volume,dst=/x,volume-opt=o=password=SECRET busybox",
    "docker volume create -o o=username=u,password=SECRET v",
    "docker volume create --label db.password=SECRET v",
    "docker network create --label token=SECRET n",
    "docker build --build-arg TOKEN=SECRET -",
    "docker build --build-arg=TOKEN=SECRET https://u:SECRET@h/x.git",
    "docker build --label secret=SECRET -",
    "docker build https://SECRET@github.com/x/y.git",
    "docker build --cache-to type=s3,secret_access_key=SECRET .",
    "docker login -u me -p SECRET h",
    "docker login -u me --password=SECRET h",
    "docker login -pSECRET",
    "docker swarm join --token SECRET h",
    "docker commit -c 'ENV TOKEN=SECRET' web x",
    "docker import --change 'ENV TOKEN=SECRET' - x",
    "docker exec -e TOKEN=SECRET web env",
    "docker compose run -e TOKEN=SECRET web",
    "docker compose build --build-arg TOKEN=SECRET",
    "docker compose -f https://u:SECRET@h/compose.yaml up",
    "docker -H tcp://u:SECRET@h:2375 ps",
    "TOKEN=SECRET docker compose up",
    "docker run -e TOKEN=SECRET --frobnicate busybox",
    "docker run -l api-token=SECRET --log-opt splunk-token=SECRET --frobnicate busybox",
    "docker run --health-cmd 'PGPASSWORD=SECRET pg_isready' --frobnicate busybox",
    "docker volume create -o o=username=u,password=SECRET --frobnicate v",
    "docker run -e 'TOKEN=SECRET",
    "docker run -e TOKEN=SECRET busybox | cat",
    "dockgate check docker run -e TOKEN=SECRET busybox",
    "docker login --password SECRET && docker ps",
];

/// A call of the API: its first line, further headers, and a body of JSON.
const CALLS: &[(&str, &str, &str)] = &[
    ("POST /v1.51/containers/create?name=x", "", r#"{"Image":"busybox","Env":["TOKEN=SECRET"]}"#),
    ("POST /v1.51/containers/create?name=x", "", r#"{"Image":"busybox","Cmd":["SECRET"],"Entrypoint":["SECRET"]}"#),
    ("POST /v1.51/containers/create?name=x", "", r#"{"Image":"busybox","Labels":{"a":"SECRET"}}"#),
    ("POST /v1.51/containers/create?name=x", "", r#"{"Image":"busybox","Healthcheck":{"Test":["CMD","SECRET"]}}"#),
    (
        "POST /v1.51/containers/create?name=x",
        "",
        r#"{"Image":"busybox","HostConfig":{"LogConfig":{"Type":"splunk","Config":{"splunk-token":"SECRET"}}}}"#,
    ),
    (
        "POST /v1.51/containers/create?name=x",
        "",
        r#"{"Image":"busybox","HostConfig":{"Mounts":[{"Type":"volume","Target":"/x","VolumeOptions":{"DriverConfig":{"Name":"local","Options":{"o":"password=SECRET"}}}}]}}"#,
    ),
    ("POST /v1.51/containers/create?name=x", "", r#"{"Image":"busybox","HostConfig":{"Annotations":{"a":"SECRET"}}}"#),
    ("POST /v1.51/containers/create?name=x", "", r#"{"Image":"https://u:SECRET@h/x"}"#),
    ("POST /v1.51/containers/create?name=x", "", r#"{"Image":"busybox","Frobnicate":"SECRET"}"#),
    ("POST /v1.51/containers/create?name=x", "", r#"{"Image":"busybox","Env":"SECRET"#),
    ("POST /v1.51/containers/web/exec", "", r#"{"Cmd":["SECRET"],"Env":["A=SECRET"]}"#),
    ("POST /v1.51/volumes/create", "", r#"{"Name":"v","DriverOpts":{"o":"password=SECRET"},"Labels":{"a":"SECRET"}}"#),
    ("POST /v1.51/networks/create", "", r#"{"Name":"n","Options":{"a":"SECRET"},"Labels":{"a":"SECRET"}}"#),
    ("POST /v1.51/auth", "", r#"{"username":"u","password":"SECRET"}"#),
    ("POST /v1.51/commit?container=web&changes=ENV%20A%3DSECRET", "", ""),
    ("POST /v1.51/build?remote=https%3A%2F%2Fu%3ASECRET%40h%2Fx.git", "", ""),
    (
        "POST /v1.51/build?buildargs=%7B%22A%22%3A%22SECRET%22%7D&labels=%7B%22a%22%3A%22SECRET%22%7D",
        "X-Registry-Config: SECRET\r\n",
        "",
    ),
    ("POST /v1.51/images/create?fromImage=busybox&tag=latest", "X-Registry-Auth: SECRET\r\n", ""),
    ("POST /v1.51/images/create?fromSrc=https%3A%2F%2Fu%3ASECRET%40h%2Fx.tar", "", ""),
    ("POST /v1.51/images/x/push", "X-Registry-Auth: SECRET\r\n", ""),
    ("GET /v1.51/nothing?token=SECRET", "Authorization: Bearer SECRET\r\n", ""),
    ("GET /v1.51/containers/json?frobnicate=SECRET", "", ""),
    ("POST /v1.51/swarm/join", "", r#"{"JoinToken":"SECRET"}"#),
    ("POST /v1.51/secrets/create", "", r#"{"Name":"s","Data":"SECRET"}"#),
];

/// A Compose project with secrets wherever it can have some.
const PROJECT: &str = "name: p\nservices:\n  a:\n    image: busybox\n    environment: {TOKEN: SECRET, OTHER: '${NOTHING:-SECRET}'}\n    \
    labels: {a: SECRET}\n    command: SECRET\n    healthcheck: {test: SECRET}\n    logging: {driver: splunk, options: {splunk-token: SECRET}}\n    \
    build: {context: ., args: {A: SECRET}}\n";

fn planted(text: &str) -> String {
    text.replace("SECRET", SECRET)
}

/// The bytes of a call.
fn call((line, headers, body): &(&str, &str, &str)) -> String {
    let kind = if body.is_empty() {
        String::new()
    } else {
        format!("Content-Type: application/json\r\nContent-Length: {}\r\n", planted(body).len())
    };
    format!(
        "{} HTTP/1.1\r\nHost: d\r\n{}{kind}Connection: close\r\n\r\n{}",
        planted(line),
        planted(headers),
        planted(body)
    )
}

/// The gate with something on its standard input.
fn with_input(gate: &Gate, request: &str, input: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dockgate"));
    command.arg("--config").arg(gate.path("policy.toml")).env("SSH_ORIGINAL_COMMAND", request);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // It may be refused before it is read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.stdout.take().unwrap().read_to_end(&mut Vec::new()).unwrap();
    child.wait().unwrap();
}

#[test]
fn planted_secrets_are_written_nowhere_in_any_format() {
    for (format, template) in [
        ("logfmt", "RSYSLOG_FileFormat"),
        ("json", "RSYSLOG_FileFormat"),
        ("rfc5424", "RSYSLOG_SyslogProtocol23Format"),
    ] {
        let gate = Gate::new(&format!("format = '{format}'\nalso = ['journal']\njournal = 'JOURNAL'\n"));
        let policy = fs::read_to_string(gate.path("policy.toml")).unwrap();
        let policy = policy.replace("JOURNAL", &gate.path("journal.sock").display().to_string());
        fs::write(gate.path("policy.toml"), policy).unwrap();
        fs::write(gate.path("policy.candidate.toml"), "[limits]\nmemory = '1m'\n").unwrap();
        let journal = std::os::unix::net::UnixDatagram::bind(gate.path("journal.sock")).unwrap();
        let reader = std::thread::spawn(move || {
            journal.set_read_timeout(Some(std::time::Duration::from_secs(8))).unwrap();
            let (mut entries, mut entry) = (Vec::new(), vec![0; 64 * 1024]);
            while let Ok(length) = journal.recv(&mut entry) {
                entries.extend_from_slice(&entry[..length]);
            }
            String::from_utf8(entries).unwrap()
        });
        let log = gate.path("log");
        let input = if format == "rfc5424" { "UseSpecialParser=\"off\"" } else { "" };
        let _daemon = Rsyslog::start(gate.directory.path(), "local", &local(&gate, input, &to_file(&log, template)));
        until("rsyslogd's socket", || gate.path("log.sock").exists());
        for request in REQUESTS {
            gate.sends(&planted(request));
        }
        for sent in CALLS {
            with_input(&gate, "docker system dial-stdio", &call(sent));
        }
        with_input(&gate, "docker compose -f - up -d", &planted(PROJECT));
        let count = REQUESTS.len() + 2 * CALLS.len() + 1;
        let written = || fs::read_to_string(&log).unwrap_or_default();
        until("every record", || gate.decisions(&log).len() >= count - 1);
        let journal = reader.join().unwrap();
        for (place, text) in [("syslog", written()), ("journal", journal)] {
            let leaks: Vec<&str> = text.lines().filter(|line| line.contains(SECRET)).collect();
            assert!(leaks.is_empty(), "{format} {place}: {leaks:#?}");
            assert!(
                text.matches("***").count() > REQUESTS.len() / 2,
                "{format} {place}: what was sent is not there at all"
            );
        }
    }
}
