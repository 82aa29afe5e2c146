//! What a refusal of a Compose file says: all of it at once, in Compose's words, with what to write instead.

use crate::Key;
use crate::support::Lab;

#[test]
fn every_reason_is_named_at_once() {
    let lab = Lab::shared();
    let text = "services: {web: {image: busybox, privileged: true, cap_add: [SYS_ADMIN], volumes: ['./site.conf:/etc/site.conf:ro', './data:/data', '/etc/localtime:/etc/localtime:ro']}}";
    let outcome = lab.ssh_with("docker compose -p words -f - up -d", text.as_bytes());
    let said = outcome.err();
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines.first().is_some_and(|line| line.starts_with("ERROR: services.web.")), "{said}");
    let places =
        lines.iter().filter(|line| line.starts_with("ERROR: services.web.") || line.starts_with("also: services.web."));
    assert_eq!(places.count(), 5, "{said}");
    for part in [
        "services.web.privileged:",
        "services.web.cap_add: SYS_ADMIN",
        "/site.conf:/etc/site.conf",
        "/data:/data",
        "hint: put the file's text into the Compose file: configs: {site_conf: {content: ",
        "hint: use a named volume: volumes: [data:/data]",
        "environment: {TZ: ",
        "\nrecord: ",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert_eq!(lab.docker(&["ps", "-aq", "--filter", "label=com.docker.compose.project=words"]).out(), "");
}

#[test]
fn refusals_speak_compose() {
    let key = Key::under("words", "[limits]\nports = ['18000-18010']");
    for (service, around, first, hint) in [
        (
            "post_start: [{command: [touch, /ready]}]",
            "",
            "services.web.post_start: ",
            "put what it does into the image",
        ),
        ("pre_stop: [{command: id}]", "", "services.web.pre_stop: ", "put what it does into the image"),
        ("secrets: [s]", "secrets: {s: {file: ./s.txt}}", "secrets.s: ", "Compose takes no content for a secret"),
        ("configs: [c]", "configs: {c: {file: ./c.txt}}", "configs.c: ", "configs: {NAME: {content: "),
        ("ports: ['80:80']", "", "services.web: ", "ports: ['18000:PORT']"),
        (
            "ports: ['80']",
            "",
            "services.web: docker would choose the host's port for the port 80",
            "ports: ['18000:PORT']",
        ),
        ("build: ..", "", "services.web.build.context: ", "tar c . | ssh HOST docker build -t NAME -"),
        ("env_file: /etc/passwd", "", "services.web.env_file: ", "write the variables into environment:"),
        (
            "security_opt: ['apparmor=unconfined']",
            "",
            "services.web.security_opt: ",
            "security_opt: [no-new-privileges:true]",
        ),
        ("network_mode: host", "", "services.web.network_mode: ", "leave network_mode out"),
        ("logging: {driver: syslog}", "", "services.web.logging.driver: ", "logging: {driver: json-file"),
        ("networks: [n]", "networks: {n: {driver: macvlan}}", "networks.n.driver: ", "Compose makes a bridge network"),
        ("volumes: ['vol:/d']", "volumes: {vol: {driver: nfs}}", "volumes.vol.driver: ", "is a plain volume"),
    ] {
        let text = format!("services: {{web: {{image: busybox, {service}}}}}\n{around}");
        let outcome = key.send("docker compose -p words -f - up -d", &text);
        assert_eq!(outcome.code, 77, "{text}: {}", outcome.err());
        let said = outcome.err();
        assert!(said.starts_with(&format!("ERROR: {first}")), "{text}: {said}");
        assert!(said.lines().any(|line| line.starts_with("hint: ") && line.contains(hint)), "{text}: {said}");
    }
}

#[test]
fn what_the_hints_say_passes() {
    let lab = Lab::shared();
    let text = "services: {web: {image: busybox, configs: [{source: site_conf, target: /etc/site.conf}], volumes: ['data:/data'], environment: {TZ: Europe/Berlin}, security_opt: ['no-new-privileges:true'], cap_drop: [ALL], logging: {driver: json-file, options: {max-size: 10m, max-file: '3'}}, deploy: {resources: {limits: {memory: 512m, cpus: '1', pids: 200}}}}}\nconfigs: {site_conf: {content: hello}}\nvolumes: {data: {}}";
    lab.ssh_with("docker compose -p hinted -f - up -d", text.as_bytes()).succeeded();
    lab.docker(&["compose", "-p", "hinted", "down", "-v", "-t", "0"]).succeeded();
}

#[test]
fn a_grant_of_gpus_is_one_that_the_hint_names() {
    let plain = Key::under("gpus-no", "");
    let granted = Key::under("gpus", "[host]\ndevices = ['gpus', 'nvidia.com/gpu=all']");
    for (service, name) in [
        ("deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 1, capabilities: [gpu]}]}}}", "gpus"),
        ("gpus: all", "gpus"),
        ("devices: ['nvidia.com/gpu=all']", "nvidia.com/gpu=all"),
        (
            "deploy: {resources: {reservations: {devices: [{driver: cdi, device_ids: ['nvidia.com/gpu=all'], capabilities: [gpu]}]}}}",
            "nvidia.com/gpu=all",
        ),
    ] {
        let text = format!("services: {{web: {{image: busybox, {service}}}}}");
        let check = "dockgate check 'docker compose -p gpus -f - up -d'";
        let outcome = plain.send(check, &text);
        assert_eq!(outcome.code, 77, "{}", outcome.out());
        assert!(outcome.out().contains(&format!("add \"{name}\" to host.devices")), "{}", outcome.out());
        granted.send(check, &text).succeeded();
    }
    let other =
        "services: {web: {image: busybox, deploy: {resources: {reservations: {devices: [{capabilities: [tpu]}]}}}}}";
    plain.send("docker compose -p gpus -f - up -d", other).denied("device");
    assert!(!plain.send("docker compose -p gpus -f - up -d", other).err().contains("to host.devices"));
}

#[test]
fn what_reaches_nothing_of_the_host_is_taken() {
    let lab = Lab::shared();
    for (service, around) in [
        ("volumes: ['dbdata:/d:z']", "volumes: {dbdata: {}}"),
        (
            "networks: [back]",
            "networks: {back: {driver: bridge, driver_opts: {com.docker.network.enable_ipv6: 'false'}}}",
        ),
        (
            "networks: [back]",
            "networks: {back: {driver_opts: {com.docker.network.bridge.host_binding_ipv4: 127.0.0.1}}}",
        ),
        (
            "networks: {back: {driver_opts: {com.docker.network.endpoint.sysctls: 'net.ipv4.conf.IFNAME.log_martians=1'}}}",
            "networks: {back: {}}",
        ),
    ] {
        let text = format!("services: {{web: {{image: busybox, command: sleep 60, {service}}}}}\n{around}");
        lab.ssh_with("docker compose -p reaches -f - up -d", text.as_bytes()).succeeded();
        lab.docker(&["compose", "-p", "reaches", "down", "-v", "-t", "0"]).succeeded();
    }
    let outcome = lab.ssh("docker run --rm -v dbdata:/d:Z busybox true").succeeded();
    assert_eq!(outcome.code, 0);
    lab.docker(&["volume", "rm", "-f", "dbdata"]).succeeded();
}

#[test]
fn of_files_elsewhere_nothing_is_told() {
    let lab = Lab::shared();
    std::fs::create_dir_all(lab.home().join("folder")).unwrap();
    let said = |kind: &str, path: &str| {
        let text = format!("services: {{a: {{image: busybox, {kind}: [s]}}}}\n{kind}: {{s: {{file: {path}}}}}");
        let outcome = lab.ssh_with("docker compose -p elsewhere -f - up -d", text.as_bytes()).denied("client-file");
        outcome.err().lines().next().unwrap_or_default().replace(path, "PATH")
    };
    for kind in ["secrets", "configs"] {
        let one = said(kind, "/etc/shadow");
        for path in
            ["/etc", "/etc/passwd", "/nowhere", "/proc/1/root/etc", "/proc/1/exe", "/proc/self/fd/0", "/dev/null"]
        {
            assert_eq!(
                said(kind, path).replace(lab.directory.to_str().unwrap(), ""),
                one.replace(lab.directory.to_str().unwrap(), ""),
                "{path}"
            );
        }
        assert!(said(kind, "./folder").contains("it is not a regular file"));
    }
}
