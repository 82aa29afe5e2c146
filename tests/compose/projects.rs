//! Where a project's files, variables and name come from, and what is said when they are not there.

use crate::support::Lab;
use crate::{Key, put};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

const SLEEPS: &str = "services: {a: {image: busybox, command: sleep 1000}}";

fn containers(lab: &Lab, project: &str) -> String {
    lab.docker(&["ps", "-aq", "--filter", &format!("label=com.docker.compose.project={project}")]).out()
}

#[test]
fn a_named_file_that_is_missing_is_named_and_nothing_runs() {
    let lab = Lab::shared();
    put(lab, "miss/compose.yml", SLEEPS);
    put(lab, "miss/empty.yml", "\n");
    for (files, said) in [
        ("-f miss/compose.yml -f miss/limit.yml", "miss/limit.yml: no such file or directory"),
        ("-f miss/nosuch.yml", "miss/nosuch.yml: no such file or directory"),
        ("-f compose.yaml", "ssh HOST docker compose -p NAME -f - up -d < compose.yaml"),
        ("-f miss/empty.yml", "empty compose file"),
    ] {
        let outcome = lab.ssh(&format!("docker compose -p miss {files} up -d")).denied("project-model");
        assert!(outcome.err().contains(said), "{}", outcome.err());
    }
    let outcome = lab.ssh_with("docker compose -p miss -f - up -d", b"").denied("project-model");
    assert!(outcome.err().contains("empty compose file"), "{}", outcome.err());
    assert_eq!(containers(lab, "miss"), "");
}

#[test]
fn a_check_reads_standard_input_as_the_request_would() {
    let lab = Lab::shared();
    let text = "services: {a: {image: busybox, privileged: true}}";
    let outcome = lab.ssh_with("dockgate check 'docker compose -p x -f - up -d'", text.as_bytes());
    assert_eq!(outcome.code, 77, "{}", outcome.out());
    assert!(outcome.out().contains("\nreason: privileged: "), "{}", outcome.out());
    let outcome = lab.ssh_with("dockgate check 'docker compose -p x -f - up -d'", SLEEPS.as_bytes()).succeeded();
    assert!(outcome.out().starts_with("allow: docker compose"), "{}", outcome.out());
}

#[test]
fn compose_s_own_labels_name_the_files_that_were_sent() {
    let lab = Lab::shared();
    put(lab, "origin/compose.yml", SLEEPS);
    let label = |name: &str| {
        let format = format!("{{{{index .Config.Labels \"com.docker.compose.project.{name}\"}}}}");
        lab.docker(&["inspect", "-f", &format, "origin-a-1"]).succeeded().out().trim().to_owned()
    };
    lab.ssh_with("docker compose -p origin -f - up -d", SLEEPS.as_bytes()).succeeded();
    assert_eq!((label("config_files"), label("working_dir")), ("-".to_owned(), lab.home().display().to_string()));
    lab.ssh("docker compose -p origin -f origin/compose.yml up -d --force-recreate -t 0").succeeded();
    let directory = lab.home().join("origin").display().to_string();
    let file = format!("{directory}/compose.yml");
    assert_eq!((label("config_files"), label("working_dir")), (file.clone(), directory));
    let listed = lab.docker(&["compose", "ls", "--format", "json", "--filter", "name=origin"]).succeeded().out();
    assert!(listed.contains(&format!("\"ConfigFiles\":\"{file}\"")), "{listed}");
    // Those that run once, too, and several files.
    let run = "docker compose -p origin -f origin/compose.yml -f - run -d --name origin-once a true";
    lab.ssh_with(run, SLEEPS.as_bytes()).succeeded();
    let format = "{{index .Config.Labels \"com.docker.compose.project.config_files\"}}";
    let once = lab.docker(&["inspect", "-f", format, "origin-once"]).succeeded().out();
    assert_eq!(once.trim(), format!("{file},-"));
    lab.ssh("docker rm origin-once").succeeded();
    lab.ssh("docker compose -p origin down -t 0").succeeded();
    // What passes standard input on keeps it.
    let outcome = lab.ssh_with("docker compose -p origin -f origin/compose.yml run --rm -T a cat", b"through\n");
    assert_eq!(outcome.succeeded().out(), "through\n");
    lab.ssh("docker compose -p origin down -t 0").succeeded();
}

#[test]
fn files_without_a_name_do_not_share_a_project() {
    let lab = Lab::shared();
    let key = Key::under("nameless", "");
    let other = "services: {a: {image: busybox, command: sleep 2000}}";
    key.send("docker compose -f - up -d", SLEEPS).succeeded();
    let before = containers(lab, "home");
    for command in ["up -d", "create", "run -d a"] {
        let outcome = key.send(&format!("docker compose -f - {command}"), other).denied("bad-usage");
        assert!(outcome.err().contains("docker compose -p NAME -f -"), "{}", outcome.err());
    }
    assert_eq!(containers(lab, "home"), before);
    // It can be looked at and taken down, and meant.
    key.send("docker compose -f - ps", SLEEPS).succeeded();
    key.send("docker compose -p home -f - up -d", SLEEPS).succeeded();
    key.send(&format!("docker compose -f - {}", "up -d"), &format!("name: nameless\n{SLEEPS}")).succeeded();
    key.send("docker compose -f - down -t 0", SLEEPS).succeeded();
    key.send("docker compose -p nameless down -t 0", "").succeeded();
    assert_eq!(containers(lab, "home"), "");
}

#[test]
fn what_compose_warns_of_reaches_the_client() {
    let lab = Lab::shared();
    let text = "services: {db: {image: busybox, command: 'true', environment: {PASSWORD: '${DB_PASSWORD}'}}}";
    let warning = "The \\\"DB_PASSWORD\\\" variable is not set";
    for command in ["create", "config", "up -d"] {
        let outcome = lab.ssh_with(&format!("docker compose -p warned -f - {command}"), text.as_bytes()).succeeded();
        assert!(outcome.err().contains(warning), "{}", outcome.err());
    }
    put(lab, "warned/compose.yml", "version: '3'\nservices: {a: {image: busybox}}");
    let outcome = lab.ssh("docker compose -f warned/compose.yml config -q").succeeded();
    assert!(outcome.err().contains("warned/compose.yml: the attribute `version` is obsolete"), "{}", outcome.err());
    lab.ssh("docker compose -p warned down -t 0").succeeded();
}

#[test]
fn a_file_of_variables_is_read_by_what_it_sets() {
    let lab = Lab::shared();
    put(lab, "zam/docker-compose.yml", SLEEPS);
    for (text, by_files, by_directory) in [
        ("# COMPOSE_FILE=docker-compose.yml:scenarios/add.yml", true, true),
        ("BUILDKIT_PROGRESS=plain", true, true),
        ("MY_DOCKER_CONTEXT_PATH=x", true, true),
        ("COMPOSE_FILE=docker-compose.yml:scenarios/add.yml", true, false),
        ("DOCKER_CONTEXT=other", false, false),
    ] {
        put(lab, "zam/.env", text);
        for (request, taken) in [
            ("docker compose -f zam/docker-compose.yml config -q", by_files),
            ("docker compose --project-directory zam config -q", by_directory),
        ] {
            let outcome = lab.ssh(request);
            assert_eq!(outcome.code, if taken { 0 } else { 77 }, "{text}: {request}: {}", outcome.err());
        }
    }
    put(lab, "zam/.env", "COMPOSE_FILE=docker-compose.yml");
    let outcome = lab.ssh("docker compose --project-directory zam up -d").denied("project-model");
    assert!(outcome.err().contains("give each file with -f"), "{}", outcome.err());
}

#[test]
fn a_service_of_a_profile_that_is_not_wanted_is_let_be() {
    let lab = Lab::shared();
    let text = "services: {web: {image: busybox, command: sleep 1000}, dev: {image: busybox, profiles: [dev], volumes: ['/var/run/docker.sock:/var/run/docker.sock']}}";
    let harmless = text.replace(", volumes: ['/var/run/docker.sock:/var/run/docker.sock']", ", command: sleep 1000");
    let send =
        |command: &str, text: &str| lab.ssh_with(&format!("docker compose -p profiled {command}"), text.as_bytes());
    send("-f - up -d", text).succeeded();
    for command in [
        "--profile dev -f - up -d",
        "--profile '*' -f - up -d",
        "-f - up -d dev",
        "-f - run dev",
        "-f - create dev web",
    ] {
        send(command, text).denied("bind-mount");
    }
    // Its containers are no orphans, as they are none without the gate.
    send("--profile dev -f - up -d", &harmless).succeeded();
    send("-f - up -d --remove-orphans", &harmless).succeeded();
    assert_eq!(containers(lab, "profiled").lines().count(), 2);
    send("--profile dev -f - down -t 0", &harmless).succeeded();
    assert_eq!(containers(lab, "profiled"), "");
}

#[test]
fn docker_without_a_compose_plugin_is_the_host_s_fault() {
    let lab = Lab::shared();
    put(lab, "plugin/compose.yml", SLEEPS);
    let base = std::fs::read_to_string(lab.value("POLICY")).unwrap();
    for (name, plugin, said) in [
        ("none", None, "docker has no Compose plugin here"),
        ("broken", Some(("no program", 0o755)), "docker has no Compose plugin here"),
        ("shut", Some(("#!/bin/sh\n", 0o644)), "docker has no Compose plugin here"),
        ("mute", Some(("#!/bin/sh\n", 0o755)), "reading what docker compose config printed"),
    ] {
        let config = lab.directory.join(format!("plugin-{name}"));
        std::fs::create_dir_all(config.join("cli-plugins")).unwrap();
        if let Some((text, mode)) = plugin {
            let path = config.join("cli-plugins/docker-compose");
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        let policy = lab.directory.join(format!("policy-plugin-{name}.toml"));
        std::fs::write(&policy, base.replace(lab.value("CONFIG"), &config.display().to_string())).unwrap();
        for request in [format!("-p {name} -f plugin/compose.yml"), format!("-p {name} -f -")] {
            let request = format!("docker compose {request} up -d");
            let mut command: Command = lab.gate(&policy, request.as_bytes());
            let file = std::fs::File::open(lab.home().join("plugin/compose.yml")).unwrap();
            let outcome: crate::support::Outcome = command.stdin(file).output().unwrap().into();
            assert_eq!(outcome.code, 69, "{name}: {}", outcome.err());
            assert!(outcome.err().contains(said), "{name}: {}", outcome.err());
            let hint = "the administrator has to look at docker's installation";
            assert!(outcome.err().contains(hint), "{name}: {}", outcome.err());
        }
        assert!(lab.records(&format!("-p {name} "), 2).iter().all(|record| record.contains(" reason=unavailable ")));
        assert_eq!(containers(lab, name), "");
    }
}

#[test]
fn the_plugin_that_resolves_a_project_is_the_administrator_s() {
    let lab = Lab::shared();
    let started = lab.home().join("own-plugin-started");
    let plugin = format!("#!/bin/sh\necho \"$*\" >>{}\n", started.display());
    for place in [".docker/cli-plugins", "cli-plugins", "bin"] {
        put(lab, &format!("{place}/docker-compose"), &plugin);
        std::fs::set_permissions(lab.home().join(place).join("docker-compose"), Permissions::from_mode(0o755)).unwrap();
    }
    let extra = format!("{{\"cliPluginsExtraDirs\": [\"{}/cli-plugins\"]}}", lab.home().display());
    put(lab, ".docker/config.json", &extra);
    put(lab, "plugin/.env", &format!("DOCKER_CONFIG={0}/.docker\nPATH={0}/bin\n", lab.home().display()));
    put(lab, "plugin/own.yml", SLEEPS);
    lab.ssh("docker compose -p own-plugin -f plugin/own.yml up -d").succeeded();
    assert!(!started.exists(), "{}", std::fs::read_to_string(&started).unwrap());
    assert_eq!(containers(lab, "own-plugin").lines().count(), 1);
    lab.ssh("docker compose -p own-plugin -f plugin/own.yml down -t 0").succeeded();
}

#[test]
fn an_account_without_a_home_can_send_a_file() {
    let lab = Lab::shared();
    let policy = std::path::PathBuf::from(lab.value("POLICY"));
    put(lab, "homeless/compose.yml", SLEEPS);
    let gate = |request: &str| -> crate::support::Outcome {
        let mut command: Command = lab.gate(&policy, request.as_bytes());
        command.stdin(std::fs::File::open(lab.home().join("homeless/compose.yml")).unwrap());
        command.current_dir("/").output().unwrap().into()
    };
    let outcome = gate("docker compose -p homeless -f - up -d");
    assert_eq!(outcome.code, 0, "{}", outcome.err());
    let outcome = gate("docker compose -p homeless -f app/compose.yml ps");
    assert_eq!(outcome.code, 77);
    assert!(!outcome.err().contains("//"), "{}", outcome.err());
    lab.ssh("docker compose -p homeless down -t 0").succeeded();
}

#[test]
fn a_check_explains_itself_from_the_words_to_the_rules() {
    let lab = Lab::shared();
    put(lab, "why/a.env", "A=b\n");
    let text = "services: {a: {image: busybox, env_file: why/a.env, privileged: true, volumes: ['vol:/d']}}\nvolumes: {vol: {}}";
    let request = "dockgate check --explain docker compose -p why -f - up -d";
    let outcome = lab.ssh_with(request, text.as_bytes());
    assert_eq!(outcome.code, 77);
    let home = lab.home().display().to_string();
    for part in [
        "words: docker compose ".to_owned(),
        "docker compose up\n  asks for: the operation compose up\n  rule:     commands.blocked = …  # built in".to_owned(),
        format!("services.a.env_file: why/a.env\n  asks for: the client reads {home}/why/a.env\n  known:    a file\n"),
        "services.a.privileged: true\n  asks for: every privilege\n  rule:     host.privileged = false  # built in\n  refused: privileged: ".to_owned(),
        "  asks for: the volume why_vol in a container\n  known:    a plain volume, in memory, or not there yet\n".to_owned(),
        "\ndeny: services.a.privileged: true: ".to_owned(),
    ] {
        assert!(outcome.out().contains(&part), "{part}: {}", outcome.out());
    }
    let outcome = lab.ssh_with("dockgate check --json --explain docker compose -p why -f - up -d", text.as_bytes());
    let line: serde_json::Value = serde_json::from_str(&outcome.out()).unwrap();
    let demands = line.pointer("/explanation/demands").and_then(serde_json::Value::as_array).unwrap();
    let refused = demands.iter().filter(|demand| demand["verdict"] == "refused");
    assert_eq!(refused.map(|demand| &demand["asks"]).collect::<Vec<_>>(), ["every privilege"]);
    // Of what is elsewhere nothing is told here, either.
    for path in ["/etc/shadow", "/etc/nowhere"] {
        let said = lab.ssh(&format!("dockgate check --explain docker run --env-file {path} busybox"));
        assert!(said.out().contains("refused: client-file") && !said.out().contains("known:"), "{}", said.out());
    }
    assert_eq!(containers(lab, "why"), "");
}

#[test]
fn a_check_says_what_is_only_observed() {
    let lab = Lab::shared();
    let policy = lab.directory.join("policy-watching.toml");
    let base = std::fs::read_to_string(lab.value("POLICY")).unwrap();
    std::fs::write(&policy, format!("mode = 'observe'\n{base}")).unwrap();
    let send =
        |request: &str| -> crate::support::Outcome { lab.gate(&policy, request.as_bytes()).output().unwrap().into() };
    let outcome = send("dockgate check docker exec web id");
    assert_eq!(outcome.code, 0, "{}", outcome.err());
    let said = "allow: docker exec -- web id\nthe policy only observes; otherwise it would be refused:\ndocker 'exec' is blocked by security policy\nreason: blocked-command: ";
    assert!(outcome.out().starts_with(said), "{}", outcome.out());
    let outcome = send("dockgate check --json docker exec web id").succeeded();
    let line: serde_json::Value = serde_json::from_str(&outcome.out()).unwrap();
    assert_eq!((&line["verdict"], &line["observed"][0]["reason"]), (&"allow".into(), &"blocked-command".into()));
}

#[test]
fn nothing_of_a_project_reads_like_anothers_id() {
    let lab = Lab::shared();
    put(lab, "ids/file", "");
    for text in [
        "services: {a: {image: busybox, container_name: 0123456789ab}}",
        "services: {a: {image: busybox, networks: [net]}}\nnetworks: {net: {name: 0123456789ab}}",
        "services: {a: {build: {context: ids, dockerfile_inline: FROM busybox}, image: 0123456789ab}}",
    ] {
        let outcome = lab.ssh_with("docker compose -p ids -f - up -d", text.as_bytes()).denied("bad-usage");
        assert!(outcome.err().contains("0123456789ab reads like the id of another"), "{}", outcome.err());
    }
    let made = lab.docker(&["ps", "-aq", "--filter", "name=0123456789ab"]).out()
        + &lab.docker(&["network", "ls", "-q", "--filter", "name=0123456789ab"]).out()
        + &lab.docker(&["images", "-q", "0123456789ab"]).out();
    assert_eq!((made, containers(lab, "ids")), (String::new(), String::new()));
}
