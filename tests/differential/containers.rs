//! Containers: made, changed, renamed, and what is run in them.
use super::daemon::Daemon;
use super::dice::{Dice, json, target};
use super::{Sent, sorted};
use serde_json::{Map, Value, json};

/// Fields of a container's own.
const CONFIG: &[&str] = &[
    r#""Hostname": "h""#,
    r#""Domainname": "d.example""#,
    r#""User": "1000:1000""#,
    r#""Env": ["A=b", "Ü=\u00fc\ud83d\ude00", "B"]"#,
    r#""Cmd": "true""#,
    r#""Cmd": ["sh", "-c", "true"]"#,
    r#""Entrypoint": ["sh"]"#,
    r#""Entrypoint": [""]"#,
    r#""WorkingDir": "/w""#,
    r#""Tty": true, "OpenStdin": true"#,
    r#""StdinOnce": true, "AttachStdin": true, "AttachStdout": true, "AttachStderr": false"#,
    r#""Labels": {"a": "b", "A": "c", "Bind\u017f": "d"}"#,
    r#""StopSignal": "INT", "StopTimeout": 0"#,
    r#""Healthcheck": {"Test": ["CMD", "true"], "Interval": 1000000000, "Retries": 2, "StartInterval": 1000000000}"#,
    r#""ExposedPorts": {"80/tcp": {}, "81-82/udp": {}}"#,
    r#""Volumes": {"/anonymous": {}}"#,
    r#""NetworkDisabled": true"#,
    r#""MacAddress": "02:42:ac:11:00:09""#,
    r#""OnBuild": ["RUN true"]"#,
    r#""ArgsEscaped": true"#,
    r#""Shell": ["sh"]"#,
];

/// Fields of `HostConfig`.
const HOST: &[&str] = &[
    r#""Privileged": true"#,
    r#""Privileged": false"#,
    r#""Binds": ["/tmp:/h:ro"]"#,
    r#""Binds": ["differential:/v", "/srv:/s"]"#,
    r#""CapAdd": ["net_admin", "CAP_SYS_PTRACE"]"#,
    r#""CapAdd": "ALL""#,
    r#""CapDrop": ["ALL"]"#,
    r#""NetworkMode": "host""#,
    r#""NetworkMode": "none""#,
    r#""NetworkMode": "bridge""#,
    r#""NetworkMode": "differential""#,
    r#""NetworkMode": "container:web""#,
    r#""PidMode": "host""#,
    r#""PidMode": "container:web""#,
    r#""IpcMode": "host""#,
    r#""IpcMode": "private""#,
    r#""IpcMode": "shareable""#,
    r#""UTSMode": "host""#,
    r#""UsernsMode": "host""#,
    r#""CgroupnsMode": "host""#,
    r#""Cgroup": "container:web""#,
    r#""Isolation": "default""#,
    r#""SecurityOpt": ["no-new-privileges"]"#,
    r#""SecurityOpt": ["seccomp=unconfined"]"#,
    r#""SecurityOpt": ["label:disable", "systempaths=unconfined"]"#,
    r#""MaskedPaths": []"#,
    r#""MaskedPaths": null"#,
    r#""ReadonlyPaths": ["/x"]"#,
    r#""Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "rwm"}]"#,
    r#""DeviceCgroupRules": ["c 1:3 rwm"]"#,
    r#""DeviceRequests": [{"Driver": "cdi", "Count": 0, "DeviceIDs": ["vendor.com/x=0"], "Capabilities": [["gpu"]]}]"#,
    r#""Sysctls": {"net.core.somaxconn": "10"}"#,
    r#""Runtime": "runc""#,
    r#""LogConfig": {"Type": "local", "Config": {"max-size": "1m"}}"#,
    r#""LogConfig": {"Type": "", "Config": {}}"#,
    r#""LogConfig": {"Type": "none"}"#,
    r#""Tmpfs": {"/t": "size=1m"}"#,
    r#""Memory": 33554432, "MemorySwap": -1"#,
    r#""Memory": 33554432, "MemoryReservation": 16777216, "KernelMemory": 0"#,
    r#""NanoCpus": 500000000"#,
    r#""CpuQuota": 50000, "CpuPeriod": 100000, "CpuShares": 512"#,
    r#""CpuRealtimePeriod": 1000000, "CpuRealtimeRuntime": 950000"#,
    r#""CpusetCpus": "0", "CpusetMems": "0""#,
    r#""BlkioWeight": 300"#,
    r#""BlkioDeviceReadBps": [{"Path": "/dev/null", "Rate": 1048576}]"#,
    r#""PidsLimit": 10"#,
    r#""PidsLimit": null"#,
    r#""OomScoreAdj": 10"#,
    r#""Ulimits": [{"Name": "nofile", "Hard": 2000, "Soft": 1000}]"#,
    r#""RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2}"#,
    r#""AutoRemove": true"#,
    r#""ReadonlyRootfs": true"#,
    r#""ShmSize": 1048576"#,
    r#""PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18081"}], "81/tcp": null}"#,
    r#""PortBindings": {"80": [{"HostPort": "18080-18089"}]}"#,
    r#""PublishAllPorts": true"#,
    r#""Mounts": [{"Type": "volume", "Source": "differential", "Target": "/m", "ReadOnly": true}]"#,
    r#""Mounts": [{"Type": "volume", "Target": "/n", "VolumeOptions": {"NoCopy": true, "Labels": {"a": "b"}, "DriverConfig": {"Name": "local", "Options": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}}}}]"#,
    r#""Mounts": [{"Type": "volume", "Source": "differential-bound", "Target": "/n", "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": {"type": "none", "device": "/srv", "o": "bind"}}}}]"#,
    r#""Mounts": [{"Type": "volume", "Source": "differential", "Target": "/n", "VolumeOptions": {"Subpath": "sub/dir"}}]"#,
    r#""Mounts": [{"Type": "bind", "Source": "/tmp", "Target": "/b", "BindOptions": {"Propagation": "rslave"}}]"#,
    r#""Mounts": [{"Type": "bind", "Source": "/tmp/differential-none", "Target": "/b", "BindOptions": {"CreateMountpoint": true, "NonRecursive": true}}]"#,
    r#""Mounts": [{"Type": "tmpfs", "Target": "/f", "TmpfsOptions": {"SizeBytes": 1048576, "Mode": 448}}]"#,
    r#""Mounts": [{"Type": "image", "Source": "busybox", "Target": "/i", "ImageOptions": {"Subpath": "bin"}}]"#,
    r#""Dns": ["1.1.1.1"], "DnsSearch": [], "DnsOptions": null"#,
    r#""ExtraHosts": ["h:127.0.0.1", "g:host-gateway"]"#,
    r#""GroupAdd": ["1"]"#,
    r#""Links": ["web:alias"]"#,
    r#""Annotations": {"a": "b"}"#,
    r#""CgroupParent": "/differential""#,
    r#""Init": true"#,
    r#""Init": null"#,
    r#""VolumesFrom": ["web:ro"]"#,
    r#""VolumeDriver": "local""#,
    r#""MemorySwappiness": -1"#,
    r#""ConsoleSize": [40, 100]"#,
    r#""ContainerIDFile": "/x""#,
    r#""OomKillDisable": false"#,
    r#""OomKillDisable": true"#,
    r#""StorageOpt": {}"#,
    r#""IOMaximumBandwidth": 1, "IOMaximumIOps": 1, "CpuCount": 1, "CpuPercent": 1"#,
];

/// What is said of one network. Not `NetworkID`: the daemon takes it before the name, and the gate leaves it out.
pub(crate) const ENDPOINT: &[&str] = &[
    r#""Aliases": ["a", "b"]"#,
    r#""Aliases": null"#,
    r#""IPAMConfig": {"IPv4Address": "198.51.100.77", "LinkLocalIPs": ["169.254.8.8"]}"#,
    r#""IPAMConfig": {}"#,
    r#""MacAddress": "02:42:ac:11:00:07""#,
    r#""DriverOpts": {"com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.log_martians=1"}"#,
    r#""GwPriority": 5"#,
    r#""Links": ["web:linked"]"#,
    r#""EndpointID": "x", "Gateway": "198.51.100.9", "IPAddress": "198.51.100.10", "IPPrefixLen": 24"#,
    r#""IPv6Gateway": "", "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0, "DNSNames": ["x"]"#,
];

const NAMES: &[(&str, &str)] = &[
    ("name", "differential-made"),
    ("name", "differential.2"),
    ("name", "differential_3"),
    ("name", "/slashed"),
    ("platform", "linux/amd64"),
    ("platform", ""),
];

/// `POST /containers/create`
pub(crate) fn create(dice: &mut Dice) -> Sent {
    let mut body = dice.fields(CONFIG, 4);
    body.insert("Image".to_owned(), json!("busybox"));
    if !dice.one_in(10) {
        body.insert("HostConfig".to_owned(), Value::Object(dice.fields(HOST, 5)));
    }
    if dice.one_in(3) {
        let mut networks = Map::new();
        for _ in 0..=dice.below(2) {
            let name = *dice.of(&["bridge", "differential", "default", "none"]);
            networks.insert(name.to_owned(), Value::Object(dice.fields(ENDPOINT, 3)));
        }
        body.insert("NetworkingConfig".to_owned(), json!({"EndpointsConfig": networks}));
    }
    let query = dice.query(NAMES, 2);
    let target = target(dice, "/containers/create", &query);
    let body = json(dice, &Value::Object(body));
    Sent::json("POST", target, body, created)
}

fn created(daemon: &Daemon, request: &[u8]) -> Result<Value, u16> {
    let id = daemon.send(request).successful()?.at("/Id");
    let seen = shown(daemon, &id);
    daemon.delete(&format!("/containers/{id}?force=1&v=1"));
    for volume in ["differential", "differential-bound"] {
        daemon.delete(&format!("/volumes/{volume}?force=1"));
    }
    Ok(seen)
}

/// What a container is like, but for what is made up for each.
fn shown(daemon: &Daemon, id: &str) -> Value {
    let mut seen = daemon.get(&format!("/containers/{id}/json"));
    if seen["Config"]["Hostname"].as_str().is_some_and(|name| id.starts_with(name)) {
        seen["Config"]["Hostname"] = Value::Null;
    }
    for mount in seen["Mounts"].as_array_mut().into_iter().flatten() {
        if mount["Name"].as_str().is_some_and(|name| name.len() == 64) {
            mount["Name"] = Value::Null;
            mount["Source"] = Value::Null;
        }
        if mount["Type"] == "image" {
            mount["Source"] = Value::Null;
        }
    }
    sorted(&mut seen["Mounts"], "Destination");
    // A link is shown below the container's own name.
    let links = seen["HostConfig"]["Links"].to_string().replace(seen["Name"].as_str().unwrap(), "");
    seen["HostConfig"]["Links"] = serde_json::from_str(&links).unwrap();
    let named = !seen["Name"].as_str().unwrap().contains('_');
    for network in seen["NetworkSettings"]["Networks"].as_object_mut().into_iter().flatten() {
        // Its own id is among them.
        network.1["DNSNames"] = Value::Null;
    }
    json!({
        "Config": seen["Config"],
        "HostConfig": seen["HostConfig"],
        "Mounts": seen["Mounts"],
        "Networks": seen["NetworkSettings"]["Networks"],
        "Path": seen["Path"],
        "Args": seen["Args"],
        "Platform": seen["Platform"],
        "Name": if named { seen["Name"].take() } else { Value::Null },
    })
}

/// A container to do something with, which runs or not.
fn with_one(daemon: &Daemon, runs: bool, act: impl FnOnce(&str) -> Result<Value, u16>) -> Result<Value, u16> {
    daemon.delete("/containers/differential-one?force=1&v=1");
    let body =
        json!({"Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": {"Memory": 1 << 26, "NetworkMode": "none"}});
    let id = daemon.post("/containers/create?name=differential-one", &body).successful().unwrap().at("/Id");
    if runs {
        daemon.post(&format!("/containers/{id}/start"), &Value::Null).successful().unwrap();
    }
    let seen = act(&id);
    daemon.delete(&format!("/containers/{id}?force=1&v=1"));
    seen
}

/// `POST /containers/{container}/update`
pub(crate) fn update(dice: &mut Dice) -> Sent {
    const ELSE: &[&str] = &["Privileged", "Binds", "CapAdd", "NetworkMode", "Mounts", "PidMode"];
    let mut body = dice.fields(HOST, 6);
    // Most fields of the list are none of this call's.
    if !dice.one_in(8) {
        let takes = |name: &str| {
            name.starts_with("Cpu")
                || name.starts_with("Mem")
                || name.contains("Policy")
                || name.starts_with("Pids")
                || name.starts_with("Blkio")
        };
        body.retain(|name, _| takes(name));
        if dice.one_in(10) {
            body.insert((*dice.of(ELSE)).to_owned(), json!(true));
        }
    }
    let target = target(dice, "/containers/differential-one/update", &[]);
    let body = json(dice, &Value::Object(body));
    Sent::json("POST", target, body, |daemon, request| {
        with_one(daemon, false, |id| {
            daemon.send(request).successful()?;
            Ok(shown(daemon, id))
        })
    })
}

/// `POST /containers/{container}/rename`
pub(crate) fn rename(dice: &mut Dice) -> Sent {
    let name = *dice.of(&[
        "differential-new",
        "/differential-new",
        "differential.new_1-",
        "Diff-2",
        "web",
        "x",
        "a b",
        "ä",
        "-x",
        "",
    ]);
    let target = target(dice, "/containers/differential-one/rename", &[("name".to_owned(), name.to_owned())]);
    Sent::plain("POST", target, |daemon, request| {
        with_one(daemon, false, |id| {
            daemon.send(request).successful()?;
            Ok(daemon.get(&format!("/containers/{id}/json"))["Name"].take())
        })
    })
}

const EXEC: &[&str] = &[
    r#""User": "1000:1""#,
    r#""Privileged": true"#,
    r#""Tty": true, "ConsoleSize": [10, 20]"#,
    r#""AttachStdin": true, "AttachStdout": true, "AttachStderr": true"#,
    r#""DetachKeys": "ctrl-a""#,
    r#""Env": ["A=b"]"#,
    r#""WorkingDir": "/tmp""#,
    r#""Detach": true"#,
    r#""Container": "other""#,
    r#""Cmd": ["true"]"#,
    r#""Cmd": "false""#,
];

/// `POST /containers/{container}/exec`
pub(crate) fn exec(dice: &mut Dice) -> Sent {
    let mut body = dice.fields(EXEC, 5);
    body.entry("Cmd").or_insert(json!(["id", "-u"]));
    let target = target(dice, "/containers/web/exec", &[]);
    let body = json(dice, &Value::Object(body));
    Sent::json("POST", target, body, |daemon, request| {
        let id = daemon.send(request).successful()?.at("/Id");
        let mut seen = daemon.get(&format!("/exec/{id}/json"));
        seen.as_object_mut().unwrap().retain(|name, _| !matches!(name.as_str(), "ID" | "ContainerID" | "Pid"));
        Ok(seen)
    })
}

fn prepared(daemon: &Daemon) -> String {
    let body = json!({"Cmd": ["echo", "said"], "AttachStdout": true});
    daemon.post("/containers/web/exec", &body).successful().unwrap().at("/Id")
}

/// `POST /exec/{exec}/start`. One can be started once, so that the id is put in later.
pub(crate) fn exec_start(dice: &mut Dice) -> Sent {
    let own = &[r#""Detach": true"#, r#""Detach": false"#, r#""Tty": true"#, r#""ConsoleSize": [1, 2]"#];
    let mut body = dice.fields(own, 3);
    body.entry("Detach").or_insert(json!(true));
    let placeholder = "0".repeat(64);
    let target = target(dice, &format!("/exec/{placeholder}/start"), &[]);
    let body = json(dice, &Value::Object(body));
    Sent::json("POST", target, body, move |daemon, request| {
        let at = request.windows(64).position(|part| part == placeholder.as_bytes()).unwrap();
        let request = [&request[..at], prepared(daemon).as_bytes(), &request[at + 64..]].concat();
        let answer = daemon.send(&request).successful()?;
        Ok(json!(answer.text()))
    })
}

/// Something that the daemon is asked of a container: what it has written.
pub(crate) fn logs(dice: &mut Dice) -> Sent {
    let mut query = dice.query(
        &[
            ("tail", "1"),
            ("tail", "all"),
            ("tail", "x"),
            ("since", "0"),
            ("since", "1.5"),
            ("until", "1"),
            ("timestamps", "1"),
            ("details", "true"),
            ("stderr", "True"),
            ("stdout", "0"),
        ],
        4,
    );
    if !query.iter().any(|(key, _)| key == "stdout") {
        query.push(("stdout".to_owned(), "1".to_owned()));
    }
    let target = target(dice, "/containers/differential-says/logs", &query);
    Sent::plain("GET", target, |daemon, request| Ok(json!(daemon.send(request).successful()?.text())))
}
