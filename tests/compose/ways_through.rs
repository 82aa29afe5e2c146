//! Ways through that were found, and others of their kind: each is refused, and nothing has happened.

use crate::Key;
use crate::support::Lab;

#[test]
fn what_compose_does_by_a_name_is_judged_by_that_name() {
    let lab = Lab::shared();
    let rules = "[volumes]\nprotected = ['named-vault']\n[networks]\nprotected = ['named-net']\n[images]\nprotected = ['named-image']";
    let key = Key::under("named", rules);
    lab.docker(&["volume", "create", "named-vault"]).succeeded();
    lab.docker(&["network", "create", "named-net"]).succeeded();
    lab.docker(&["tag", "busybox", "named-image"]).succeeded();
    let volume = "services: {a: {image: busybox, volumes: ['vol:/d']}}\nvolumes: {vol: {name: named-vault}}";
    let network = "services: {a: {image: busybox, networks: [net]}}\nnetworks: {net: {name: named-net}}";
    let image = "services: {image: {build: 'https://example.org/x.git'}}";
    for (project, text, command) in [
        ("x", volume, "down -v"),
        ("x", volume, "down --volumes --timeout 0"),
        ("x", volume, "up -d"),
        ("x", network, "down"),
        ("x", network, "wait --down-project a"),
        ("named", image, "down --rmi local"),
        ("named", image, "up -d --build"),
    ] {
        key.send(&format!("docker compose -p {project} -f - {command}"), text).denied("protected");
    }
    // What is external is joined, and not removed.
    let external =
        "services: {a: {image: busybox, volumes: ['vol:/d']}}\nvolumes: {vol: {name: named-vault, external: true}}";
    key.send("docker compose -p x -f - down -v", external).succeeded();
    key.send("docker compose -p x -f - create", external).denied("protected");
    lab.docker(&["volume", "rm", "named-vault"]).succeeded();
    lab.docker(&["network", "rm", "named-net"]).succeeded();
    lab.docker(&["rmi", "named-image"]).succeeded();
}

#[test]
fn a_volume_is_judged_by_one_rule_however_a_container_comes_by_it() {
    let lab = Lab::shared();
    let key = Key::under("heir", "[containers]\nprotected = ['heir-theirs*']\n[volumes]\nprotected = ['heir-vault']");
    let labels: Vec<String> =
        ["project=heir", "service=db", "oneoff=False"].map(|label| format!("com.docker.compose.{label}")).into();
    let mut words = vec!["run", "-d", "--name", "heir-db-1", "-v", "heir-vault:/data"];
    labels.iter().for_each(|label| words.extend(["--label", label]));
    words.extend(["busybox", "sleep", "100000"]);
    let id = lab.docker(&words).succeeded().out();
    let text = "services: {db: {image: busybox, command: sleep 60, volumes: [/data]}}";
    for command in ["up -d", "create", "up -d --force-recreate", "run -d db"] {
        key.send(&format!("docker compose -p heir -f - {command}"), text).denied("protected");
    }
    let left = lab.docker(&["ps", "-q", "--no-trunc", "--filter", "label=com.docker.compose.project=heir"]).out();
    assert_eq!(left, id);

    // A volume without a name of its own is its container's.
    lab.docker(&["run", "-d", "--name", "heir-theirs", "-v", "/d", "busybox", "sleep", "100000"]).succeeded();
    let volume = lab.docker(&["inspect", "-f", "{{(index .Mounts 0).Name}}", "heir-theirs"]).out();
    let volume = volume.trim();
    let external = format!(
        "services: {{a: {{image: busybox, volumes: ['v1:/d']}}}}\nvolumes: {{v1: {{name: {volume}, external: true}}}}"
    );
    key.send("docker compose -p heir-mine -f - up -d", &external).denied("protected");
    for request in [
        format!("docker run --rm -v {volume}:/d busybox true"),
        format!("docker run --rm --mount src={volume},dst=/d busybox true"),
        format!("docker volume rm {volume}"),
        format!("docker compose -p heir-mine -f - run -v {volume}:/d a"),
    ] {
        key.send(&request, "services: {a: {image: busybox}}").denied("protected");
    }
    key.send(&format!("docker volume inspect {volume}"), "").succeeded();
    lab.docker(&["rm", "-fv", "heir-db-1", "heir-theirs"]).succeeded();
    lab.docker(&["volume", "rm", "heir-vault"]).succeeded();
}

#[test]
fn the_image_that_will_run_is_judged_though_the_file_does_not_name_it() {
    let lab = Lab::shared();
    let key = Key::under("implicit", "[limits]\nimages = ['busybox', 'implicit-built']");
    let other = "FROM busybox\nCMD echo evil\n";
    lab.ssh_with("docker build -q -t implicit-evil -", other.as_bytes()).succeeded();
    lab.docker(&["tag", "implicit-evil", "implicit_evil"]).succeeded();
    let git = "build: 'https://example.org/x.git'";
    for (options, service, command) in [
        ("", git, "run --rm evil"),
        ("", git, "up -d --no-build"),
        ("", git, "create"),
        ("--compatibility", git, "up -d --no-build"),
        ("", "image: implicit-evil", "up -d"),
        ("", "image: '${X-implicit-evil}'", "run evil"),
    ] {
        let text = format!("services: {{evil: {{{service}}}}}");
        key.send(&format!("docker compose {options} -p implicit -f - {command}"), &text).denied("limit");
    }
    // The same image under a name that is granted.
    lab.docker(&["tag", "implicit-evil", "implicit-built"]).succeeded();
    let text = format!("services: {{evil: {{{git}}}}}");
    let outcome = key.send("docker compose -p implicit -f - run --rm evil", &text).succeeded();
    assert_eq!(outcome.out(), "evil\n");
    lab.docker(&["rmi", "implicit-evil", "implicit_evil", "implicit-built"]).succeeded();
}

#[test]
fn every_container_of_a_service_has_a_name_of_the_corner() {
    let lab = Lab::shared();
    let key =
        Key::under("scaled", "[containers]\nonly = ['scaled-web-1', 'scaled-many-*']\nprotected = ['scaled-many-3']");
    let text =
        |service: &str, more: &str| format!("services: {{{service}: {{image: busybox, command: sleep 60, {more}}}}}");
    for (text, command, reason) in [
        (text("web", ""), "up -d --scale web=2", "out-of-scope"),
        (text("web", "scale: 2"), "up -d", "out-of-scope"),
        (text("web", "deploy: {replicas: 2}"), "create", "out-of-scope"),
        (text("web", "deploy: {replicas: '${N:-2}'}"), "up -d", "out-of-scope"),
        (text("web", ""), "scale web=2", "out-of-scope"),
        (text("web", "scale: 1"), "up -d --scale web=1 --scale web=2", "out-of-scope"),
        (text("web", ""), "run -d web", "out-of-scope"),
        (text("web", "container_name: scaled-other"), "up -d", "out-of-scope"),
        (text("many", ""), "up -d --scale many=3", "protected"),
        (text("many", ""), "up -d --scale many=100000", "project-model"),
    ] {
        key.send(&format!("docker compose -p scaled -f - {command}"), &text).denied(reason);
    }
    assert_eq!(lab.docker(&["ps", "-aq", "--filter", "name=scaled"]).out(), "");
    key.send("docker compose -p scaled -f - up -d --scale many=2", &text("many", "")).succeeded();
    key.send("docker compose -p scaled -f - up -d", &text("web", "")).succeeded();
    let names = lab.docker(&["ps", "--format", "{{.Names}}", "--filter", "name=scaled"]).out();
    assert_eq!(names.lines().count(), 3, "{names}");
    lab.docker(&["compose", "-p", "scaled", "down", "-t", "0"]).succeeded();
}

#[test]
fn a_compose_file_marks_nothing_as_another_s() {
    let lab = Lab::shared();
    let reserved = "com.docker.compose.project: shop";
    std::fs::write(lab.home().join("marks.txt"), "com.docker.compose.project=shop\n").unwrap();
    for (part, around) in [
        (format!("labels: {{{reserved}}}"), String::new()),
        ("labels: ['com.docker.compose.service=db']".to_owned(), String::new()),
        ("labels: ['dockgate.account=other']".to_owned(), String::new()),
        ("labels: ['${L-com.docker.compose.project}=shop']".to_owned(), String::new()),
        (
            "extends: {service: b}}, b: {image: busybox, labels: ['com.docker.compose.project=x']".to_owned(),
            String::new(),
        ),
        (format!("build: {{context: 'https://example.org/x.git', labels: {{{reserved}}}}}"), String::new()),
        ("networks: [n]".to_owned(), format!("networks: {{n: {{labels: {{{reserved}}}}}}}")),
        ("volumes: ['vol:/d']".to_owned(), format!("volumes: {{vol: {{labels: {{{reserved}}}}}}}")),
        (format!("volumes: [{{type: volume, target: /d, volume: {{labels: {{{reserved}}}}}}}]"), String::new()),
        ("label_file: marks.txt".to_owned(), String::new()),
    ] {
        let text = format!("services: {{a: {{image: busybox, {part}}}}}\n{around}");
        lab.ssh_with("docker compose -p marks -f - up -d", text.as_bytes()).denied("reserved-label");
    }
    let text = b"services: {a: {image: busybox, labels: {com.example.docker: x, dockgated: y}}}";
    lab.ssh_with("docker compose -p marks -f - create", text).succeeded();
    lab.docker(&["compose", "-p", "marks", "down"]).succeeded();
}

#[test]
fn a_few_words_that_become_much_are_refused_before_they_do() {
    let lab = Lab::shared();
    let file = |service: &str| format!("services: {{a: {{image: busybox, {service}}}}}");
    let chain: String = (0..60).map(|at| format!("s{at}: {{extends: s{}}}, ", at + 1)).collect();
    for (text, said) in [
        (file("ports: ['1-65535:1-65535']"), "ports, ranges written out"),
        (file("ports: ['${P:-1-65535}:1-65535']"), "ports, ranges written out"),
        (file("expose: ['1-65535']"), "ports, ranges written out"),
        (format!("services: {{{chain} s60: {{image: busybox}}}}"), "extend each other"),
    ] {
        let outcome = lab.ssh_with("docker compose -p much -f - config -q", text.as_bytes()).denied("project-model");
        assert!(outcome.err().contains(said), "{}", outcome.err());
    }
    // What is not seen in the words meets the limit of memory.
    std::fs::create_dir_all(lab.home().join("much")).unwrap();
    std::fs::write(lab.home().join("much/.env"), "FROM=1\nTO=65535").unwrap();
    std::fs::write(lab.home().join("much/compose.yml"), file("ports: ['${FROM}-${TO}:${FROM}-${TO}']")).unwrap();
    lab.ssh("docker compose -f much/compose.yml config -q").denied("project-model");
    lab.ssh_with("docker compose -p much -f - config -q", file("ports: ['8000-8100:8000-8100']").as_bytes())
        .succeeded();
}
