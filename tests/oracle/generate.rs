//! Request lines: every option of every command in every way of writing it, and random ones.
//!
//! `@A@` and `@B@` stand for the sockets of the right and of the wrong daemon, `@HOME@` and `@OUT@` for the
//! account's home and a directory that is none of its business.

use dockgate::docker::catalogue::{self, commands, root_options, spellings};
use dockgate::docker::row::{Ask, Command, Operands, Opt, Takes};

/// splitmix64 (Steele, Lea, Flood 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap_or(0)
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        items.get(self.below(items.len())).expect("a pool is not empty")
    }

    fn text(&mut self, items: &[&str]) -> String {
        (*self.pick(items)).to_owned()
    }
}

/// Values for any option, and words for any place.
const GADGETS: &[&str] = &[
    "",
    "-",
    "--",
    "--help",
    "-h",
    "-x",
    "--=x",
    "---x",
    "-it",
    "1",
    "0",
    "-1",
    "true",
    "false",
    "=",
    "x",
    "a=b",
    "a b",
    "a,b",
    "\"a\"",
    "'a'",
    "a\"b",
    "a\nb",
    "ünï",
    "*",
    "host",
    "HOST",
    "container:web",
    "exec",
    "web",
    "ps",
    "cp",
    "compose",
    "build",
    "/etc",
    "/",
    ".",
    "..",
    "./x",
    "~/x",
    "@OUT@/secret.env",
    "@HOME@/.ssh/id",
    "@HOME@/.docker/config.json",
    "link-out/secret.env",
    "dangling",
    "link-env",
    "unix://@B@",
    "name=host",
    "type=bind,src=/,dst=/h",
    "type=local,dest=@HOME@/.ssh",
    "{{json .}}",
    "{{.ID}}",
    "table",
    "json",
    "other",
    "../plugins/p",
    "../images/busybox/get",
    "../containers/web/export",
    "x/../../secrets/s",
    "../exec/e",
    "../services/s",
    "web/../../swarm",
    "%2e%2e/plugins/p",
    "web?x=1",
    "web#x",
    "127.0.0.1:1/x",
    "file:///etc/passwd",
    "http://127.0.0.1:1/x",
    "ssh://h/x.git",
    "git@h:x.git#--upload-pack=x",
    "docker-image://busybox",
    "default",
    "-H",
    "-Hunix://@B@",
    "--host=unix://@B@",
    "-c",
    "--config",
    "--privileged",
    "--volume=/:/h",
    "-v/:/h",
    "-ai",
    "--attach",
    "__complete",
    "docker-cli-plugin-metadata",
    "help",
    "--push",
    "-o",
    "-o=@HOME@/.ssh/rc",
];

const NAMES: &[&str] = &["web", "db", "missing", "data", "n1", "busybox", "alpine:3", "a/b:c", "/web", "web db"];

const VOLUMES: &[&str] = &[
    "data:/d",
    "data:/d:ro",
    "data:/d:rw,nocopy",
    "data:/d:z",
    "data:/d:rshared",
    "/d",
    "/etc:/h",
    "/etc:/h:ro",
    "/:/h",
    "//:/h",
    ".:/h",
    "..:/h",
    "./data:/d",
    "data/:/d",
    "~/x:/h",
    "~:/h",
    "x/../../etc:/h",
    "hostvol:/h",
    "hostvol:/h:ro",
    "plugged:/h",
    "@HOME@/project/data:/d:ro",
    "@HOME@/project/data:/d",
    "@HOME@/project/data/in:/d:ro",
    "@HOME@/project/data/../..:/d:ro",
    "@HOME@/project/link-in:/d:ro",
    "@OUT@/srv:/d",
    "@OUT@/srv/x:/d",
    "@OUT@:/d",
    ":/h",
    ":",
    "a:b:c:d",
    "c:\\x:/h",
    "\\\\.\\pipe\\x:/h",
    "/var/run/docker.sock:/s",
    "web:/h",
    "a b:/h",
    "ünï:/h",
    " /etc:/h",
    "/etc :/h",
    "\"/etc\":/h",
    "data:/d:",
    "data::ro",
    "_x:/h",
    "1:/h",
    "data:/d:volume-nocopy",
    "\t/etc:/h",
];

const MOUNTS: &[&str] = &[
    "type=volume,src=data,dst=/d",
    "src=data,dst=/d",
    "source=hostvol,target=/h",
    "type=bind,src=/,dst=/h",
    "TYPE=BIND,SRC=/,DST=/h",
    "type=bind,\"src=/\",dst=/h",
    "\"type=bind\",\"src=/,x\",dst=/h",
    "type = bind,src=/,dst=/h",
    "type=bind ,src=/,dst=/h",
    "type=tmpfs,dst=/d",
    "type=tmpfs,type=bind,src=/,dst=/h",
    "type=bind,type=volume,src=data,dst=/h",
    "type=volume,src=/etc,dst=/h",
    "type=volume,volume-driver=local,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/etc,dst=/h",
    "type=volume,volume-opt=device=/etc,dst=/h",
    "type=volume,VOLUME-OPT=device=/etc,dst=/h",
    "type=image,src=busybox,dst=/d",
    "type=npipe,src=x,dst=/h",
    "type=cluster,src=x,dst=/h",
    "type=bind,src=.,dst=/h",
    "type=bind,src=@HOME@/project/data,dst=/d,ro",
    "type=bind,src=@HOME@/project/data,dst=/d,readonly=false",
    "type=bind,src=@HOME@/project/data,dst=/d,ro,readonly=0",
    "type=bind,src=@OUT@/srv,dst=/d",
    "type=bind,source=@OUT@/srv,src=/,dst=/d",
    "type=volume,src=data,dst=/d,volume-driver=plug",
    "dst=/d",
    "",
    "type=volume,src=../x,dst=/d",
    "type=volume,src=~/x,dst=/d",
    "type=bind,src=data,dst=/d,bind-propagation=rshared",
    "type=volume,src=data,dst=/d,volume-subpath=../..",
    "type=bind,src=/etc,type=tmpfs,dst=/d",
    "type=volume,src=data,dst=/d,volume-label=a=b",
    "type=\"bind\",src=/,dst=/h",
    "type=volume,src=data,src=hostvol,dst=/d",
    "src=hostvol,source=data,dst=/d",
    "type=bind,src=@HOME@/project/data,dst=/d,ro,bind-recursive=writable",
    "type=TMPFS,tmpfs-size=1m,dst=/d",
    "type=glob,src=/,dst=/h",
];

const NETWORKS: &[&str] = &[
    "bridge",
    "none",
    "default",
    "n1",
    "host",
    "HOST",
    "Host",
    "container:web",
    "CONTAINER:web",
    "ns:/proc/1/ns/net",
    "name=host",
    "name=n1,alias=x",
    "NAME=host",
    "\"name=host\"",
    "alias=x,name=host",
    "name=n1,name=host",
    "name=host,name=n1",
    "name= host",
    "name=n1,driver-opt=com.docker.network.endpoint.sysctls=x",
    "name=container:web",
    "name=n1,driver-opt=a=b",
    "service:web",
    "host ",
    " host",
    "",
    "name=",
    "network=host",
    "name=n1,ip=10.0.0.1",
    "n1,host",
    "host,alias=x",
];

const OUTPUTS: &[&str] = &[
    "type=docker",
    "type=image,name=x",
    "type=image,push=true",
    "type=image,push=TRUE",
    "type=image,push",
    "type=registry",
    "type=local,dest=@HOME@/.ssh",
    "type=tar,dest=@HOME@/x.tar",
    "type=oci,dest=@HOME@/.ssh/authorized_keys",
    "type=docker,dest=@HOME@/x.tar",
    "-",
    "out",
    ".",
    "@HOME@",
    "type=cacheonly",
    "TYPE=local,dest=out",
    "type=image,type=local,dest=out",
    "type=LOCAL,dest=out",
    "type=docker,DEST=out.tar",
    "\"type=local\",dest=out",
    "type=local,type=image,dest=out",
    "type=image,name=x,push=false",
    "type=image,push=false,push=true",
    "type= local,dest=out",
    "type=image,store=false",
    "type=image,PUSH=true",
    "type=docker,context=other",
    "type=oci,tar=false,dest=out",
    "",
];

/// Values that are in their place, by the option's long name.
const PROPER: &[(&[&str], &[&str])] = &[
    (&["add-host"], &["h:10.0.0.1", "h:host-gateway"]),
    (&["allow"], &["network.host", "security.insecure", "fs=*"]),
    (&["annotation", "build-arg", "env", "label", "topology-preferred", "ipam-opt"], &["a=b", "HOME", "A=@HOME@"]),
    (&["ansi", "progress"], &["never", "plain", "auto", "--ansi", "-x"]),
    (&["attach"], &["stdin", "stdout", "stderr", "STDIN", "web"]),
    (&["attest", "sbom", "provenance"], &["type=sbom", "type=sbom,generator=x/y", "true", "mode=max"]),
    (&["blkio-weight-device"], &["/dev/sda:100"]),
    (
        &["build-context"],
        &[
            "x=.",
            "x=@HOME@",
            "x=@HOME@/.ssh",
            "x=@OUT@",
            "x=docker-image://busybox",
            "x=oci-layout://@HOME@/.ssh",
            "x=https://h/x.git",
            "x=link-out",
            "x=target:y",
            "x=ssh://git@h/x.git",
            "X=input:y",
            "x=OCI-LAYOUT://@OUT@",
        ],
    ),
    (&["builder"], &["default", "other", "x", "../x"]),
    (
        &["cache-from", "cache-to"],
        &[
            "x/y",
            "type=registry,ref=x/y",
            "type=local,src=@HOME@/.ssh",
            "type=local,dest=out",
            "type=inline",
            "type=gha",
            "type=s3,bucket=x",
            "TYPE=local,DEST=out",
            "type=local,src=sub",
            "type=azblob,name=x",
            "\"type=local\",src=@OUT@",
            "type=registry,type=local,src=@OUT@",
            "src=@OUT@,type=local",
        ],
    ),
    (&["call", "print"], &["build", "check", "outline", "targets", "check,format=json"]),
    (&["cap-add"], &["NET_ADMIN", "cap_net_admin", "ALL", "SYS_ADMIN", "net_admin"]),
    (&["cap-drop"], &["ALL", "CHOWN"]),
    (&["cgroup-parent"], &["/", "x", ""]),
    (
        &["cgroupns", "ipc", "pid", "userns", "uts"],
        &["host", "private", "", "container:web", "HOST", "shareable", "none", "host "],
    ),
    (&["cidfile", "iidfile", "metadata-file"], &["out.id", "@HOME@/.ssh/environment"]),
    (
        &[
            "cpus",
            "cpu-period",
            "cpu-quota",
            "cpu-shares",
            "cpu-count",
            "blkio-weight",
            "memory-swappiness",
            "pids-limit",
            "health-retries",
            "stop-timeout",
            "time",
            "timeout",
            "tail",
            "last",
            "limit",
            "index",
            "wait-timeout",
            "gw-priority",
        ],
        &["1", "100", "0"],
    ),
    (&["cpu-rt-period", "cpu-rt-runtime", "oom-score-adj"], &["100", "-100", "-1000", "0", "0x10"]),
    (&["cpuset-cpus", "cpuset-mems"], &["0"]),
    (
        &["device"],
        &[
            "/dev/fuse",
            "/dev/fuse:/dev/sda",
            "/dev/sda",
            "/dev/fuse:/dev/fuse:rwm",
            "vendor.com/class=x",
            "/dev/../dev/sda",
        ],
    ),
    (&["device-cgroup-rule"], &["a *:* rwm", "c 1:3 r"]),
    (&["device-read-bps", "device-write-bps", "device-read-iops", "device-write-iops"], &["/dev/sda:1000"]),
    (&["dns", "ip"], &["10.0.0.1"]),
    (&["driver"], &["bridge", "local", "macvlan", "host", "ipvlan", "overlay", "none", "Bridge", "default"]),
    (&["driver-opt"], &["a=b", "com.docker.network.endpoint.ifname=x"]),
    (&["entrypoint"], &["sh", ""]),
    (
        &["env-file", "label-file"],
        &[
            "app.env",
            "@OUT@/secret.env",
            "link-env",
            "-",
            "../other.env",
            "sub/../app.env",
            "@HOME@/.ssh/id",
            "/dev/stdin",
            "@HOME@/project/app.env",
            "./link-in/../app.env",
            "link-out/secret.env",
            "/proc/self/environ",
        ],
    ),
    (&["expose"], &["80"]),
    (
        &["file"],
        &[
            "Dockerfile",
            "sub/Dockerfile",
            "@OUT@/Dockerfile",
            "-",
            "link-out/Dockerfile",
            "https://h/Dockerfile",
            "compose.yaml",
            "../Dockerfile",
            "/dev/stdin",
        ],
    ),
    (
        &["filter"],
        &["name=web", "label=a", "until=1h", "dangling=true", "status=running", "type=container", "builder=x"],
    ),
    (&["format"], &["{{.ID}}", "json", "{{json .}}", "table {{.ID}}", "{{.Names}}"]),
    (&["gateway"], &["10.1.0.1"]),
    (&["gpus"], &["all", "device=0"]),
    (&["group-add", "user"], &["0", "x"]),
    (&["health-cmd"], &["true"]),
    (&["health-interval", "health-start-interval", "health-start-period", "health-timeout"], &["1s"]),
    (&["ip6"], &["2001:db8::1"]),
    (&["ipam-driver"], &["default", "x"]),
    (&["isolation"], &["default", "hyperv"]),
    (
        &[
            "kernel-memory",
            "memory",
            "memory-reservation",
            "memory-swap",
            "shm-size",
            "keep-storage",
            "max-used-space",
            "min-free-space",
            "reserved-space",
        ],
        &["64m", "1g", "-1"],
    ),
    (&["link"], &["web", "web:x"]),
    (&["log-driver"], &["json-file", "local", "none", "syslog", "gelf", "fluentd", "journald"]),
    (&["log-level"], &["debug", "info", "error", "ERROR", "ps"]),
    (
        &["log-opt"],
        &[
            "max-size=1m",
            "syslog-address=tcp://127.0.0.1:1",
            "tag=x",
            "labels=a",
            "gelf-address=udp://127.0.0.1:1",
            "mode=non-blocking",
            "MAX-SIZE=1m",
            "env=a,syslog-address=unix:///x",
        ],
    ),
    (&["mac-address"], &["02:42:ac:11:00:02"]),
    (&["network", "net"], NETWORKS),
    (
        &["opt"],
        &[
            "com.docker.network.bridge.enable_icc=false",
            "com.docker.network.bridge.name=eth0",
            "parent=eth0",
            "com.docker.network.driver.mtu=1400",
            "type=none",
            "o=bind",
            "device=/",
            "com.docker.network.bridge.host_binding_ipv4=0.0.0.0",
        ],
    ),
    (&["output"], OUTPUTS),
    (&["password", "username"], &["x"]),
    (&["platform"], &["linux/amd64", "linux/arm64"]),
    (&["project-directory", "workdir"], &[".", "@HOME@/project", "@OUT@", "/w"]),
    (
        &["project-name", "name", "target", "hostname", "domainname", "network-alias", "net-alias", "alias"],
        &["x", "web", "p1"],
    ),
    (&["publish"], &["8080:80", "127.0.0.1::80", "80"]),
    (&["pull"], &["always", "never", "missing", "true"]),
    (&["restart"], &["always", "no", "on-failure:3"]),
    (&["runtime"], &["runc", "x", ""]),
    (&["scope"], &["local", "swarm", "global"]),
    (
        &["secret"],
        &[
            "id=x,src=app.env",
            "id=x,src=@OUT@/secret.env",
            "id=app.env",
            "id=x,env=HOME",
            "id=x",
            "type=env,id=HOME",
            "type=file,id=x,src=@HOME@/.ssh/id",
            "SRC=@OUT@/secret.env,id=x",
            "\"src=@OUT@/secret.env\",id=x",
            "id=x,source=@OUT@/secret.env,src=app.env",
            "id=x,src=app.env,source=@OUT@/secret.env",
            "src=@OUT@/secret.env,id=x,env=HOME",
            "app.env",
            "id=../other.env",
        ],
    ),
    (
        &["security-opt"],
        &[
            "no-new-privileges",
            "seccomp=unconfined",
            "seccomp=@HOME@/.docker/config.json",
            "apparmor=unconfined",
            "systempaths=unconfined",
            "label=disable",
            "no-new-privileges=false",
            "no-new-privileges:true",
            "seccomp:unconfined",
            "writable-cgroups=true",
        ],
    ),
    (&["signal", "stop-signal"], &["TERM", "9"]),
    (&["since", "until"], &["1h", "2026-01-01T00:00:00Z"]),
    (&["ssh"], &["default", "default=@HOME@/.ssh/id"]),
    (&["storage-opt"], &["size=1g"]),
    (&["subnet", "ip-range"], &["10.1.0.0/24"]),
    (
        &["sysctl"],
        &[
            "net.ipv4.ip_forward=1",
            "kernel.shmmax=1",
            "kernel.core_pattern=|/x",
            "vm.swappiness=1",
            "net.core/../../kernel.core_pattern=x",
            "net.=1",
            "kernel.sem=1",
            "kernel.shm_rmid_forced=1",
        ],
    ),
    (&["tag"], &["x:y"]),
    (&["tmpfs"], &["/t", "/t:size=1m", "/t:exec,mode=777"]),
    (
        &["type"],
        &[
            "container",
            "image",
            "volume",
            "network",
            "plugin",
            "config",
            "secret",
            "service",
            "node",
            "task",
            "CONTAINER",
            "",
        ],
    ),
    (&["ulimit"], &["nofile=10"]),
    (&["volume-driver"], &["local", "nfs", "plugged", ""]),
    (&["volumes-from"], &["web", "web:ro"]),
];

/// A value for an option: in its place as a rule, anything now and then.
fn value(option: &Opt, random: &mut Random, proper: bool) -> String {
    if !proper {
        return random.text(GADGETS);
    }
    match option.asks {
        Ask::Volume => return random.text(VOLUMES),
        Ask::Mount => return random.text(MOUNTS),
        Ask::Endpoint => {
            return random.text(&["unix://@A@", "unix://@B@", "default", "other", "ssh://h", "tcp://127.0.0.1:1", ""]);
        }
        _ => {}
    }
    let known = PROPER.iter().find(|(names, _)| names.contains(&option.long));
    random.text(known.map_or(GADGETS, |(_, values)| values))
}

/// Every value that could be of interest for an option.
fn values(option: &Opt) -> Vec<&'static str> {
    let proper = match option.asks {
        Ask::Volume => VOLUMES,
        Ask::Mount => MOUNTS,
        _ => PROPER.iter().find(|(names, _)| names.contains(&option.long)).map_or(&[][..], |(_, values)| values),
    };
    proper.iter().chain(GADGETS).copied().collect()
}

/// The ways of writing an option with a value; without one, the ways of writing a switch.
fn forms(option: &Opt, value: &str) -> Vec<Vec<String>> {
    let long = option.long;
    let names = std::iter::once(long).chain(option.also.iter().copied());
    let mut forms = Vec::new();
    match option.takes {
        Takes::Switch => {
            for name in names {
                forms.extend([
                    vec![format!("--{name}")],
                    vec![format!("--{name}={value}")],
                    vec![format!("--{name}"), value.to_owned()],
                ]);
            }
            if let Some(short) = option.short {
                forms.extend([
                    vec![format!("-{short}")],
                    vec![format!("-{short}={value}")],
                    vec![format!("-{short}{value}")],
                ]);
            }
        }
        Takes::Value | Takes::List => {
            for name in names {
                forms.extend([vec![format!("--{name}={value}")], vec![format!("--{name}"), value.to_owned()]]);
            }
            if let Some(short) = option.short {
                forms.extend([
                    vec![format!("-{short}"), value.to_owned()],
                    vec![format!("-{short}{value}")],
                    vec![format!("-{short}={value}")],
                ]);
            }
        }
    }
    forms
}

const BOOLEANS: &[&str] = &["true", "false", "T", "F", "1", "0", "TRUE", "tRue", "yes", ""];

fn operands(command: &Command, random: &mut Random) -> Vec<String> {
    let odd = random.one_in(6);
    let name = |random: &mut Random| random.text(if odd { GADGETS } else { NAMES });
    match command.operands {
        Operands::BuildContext => vec![random.text(&[
            ".",
            "-",
            "sub",
            "..",
            "@HOME@",
            "@HOME@/project",
            "@OUT@",
            "link-out",
            "link-in",
            "https://h/x.git",
            "@HOME@/.ssh",
            "git://h/x",
            "git@h:x",
            "github.com/x/y",
            "ssh://git@h/x.git",
            "./sub",
            "dangling",
            "file://@OUT@",
            "http://127.0.0.1:1/x.tar",
            "git@",
            "HTTPS://h/x.git",
            "https://",
            "github.com/../x",
            "user@h:x.git",
            "",
        ])],
        Operands::ImageAndCommand => {
            let mut words = vec![random.text(&["busybox", "alpine", "missing", "a/b", "-", "../x"])];
            for _ in 0..random.below(3) {
                words.push(random.text(GADGETS));
            }
            words
        }
        Operands::Copy => vec![random.text(&["web:/x", "x", "-"]), random.text(&["web:/x", "@HOME@/.ssh/rc", "-"])],
        Operands::NameAndFile | Operands::NameAndDirectory | Operands::File | Operands::FileAndImage => {
            vec![name(random), random.text(&["-", "app.env", "@OUT@/secret.env"])]
        }
        Operands::Plain
        | Operands::Objects(..)
        | Operands::Object(..)
        | Operands::Made(_)
        | Operands::Rename
        | Operands::ContainerAndImage
        | Operands::ImageAndName
        | Operands::NetworkAndContainer
        | Operands::Services => (0..random.below(4)).map(|_| name(random)).collect(),
    }
}

/// Every option of every command, in every spelling and form, with every value: found by number.
pub(crate) struct Listed {
    /// Where a block of lines begins, and what is the same in them.
    blocks: Vec<(usize, &'static Command, &'static str, Option<&'static Opt>)>,
    pub(crate) len: usize,
}

impl Listed {
    pub(crate) fn new() -> Self {
        let mut listed = Self { blocks: Vec::new(), len: 0 };
        for command in commands() {
            for spelling in spellings(command) {
                listed.blocks.push((listed.len, command, spelling, None));
                listed.len += 1;
                for option in command.all_options() {
                    listed.blocks.push((listed.len, command, spelling, Some(option)));
                    listed.len += pool(option).len() * forms(option, "").len();
                }
            }
        }
        listed
    }

    pub(crate) fn line(&self, index: usize) -> Vec<String> {
        let block = self.blocks.partition_point(|(start, ..)| *start <= index).saturating_sub(1);
        let (start, command, spelling, option) = self.blocks.get(block).expect("a block");
        let Some(option) = option else { return line(spelling, vec![], command) };
        let (pool, count) = (pool(option), forms(option, "").len());
        let value = pool.get((index - start) / count).expect("a value");
        let form = forms(option, value).into_iter().nth((index - start) % count).expect("a form");
        line(spelling, form, command)
    }
}

/// The values that an option is enumerated with.
fn pool(option: &Opt) -> Vec<&'static str> {
    if option.takes == Takes::Switch { BOOLEANS.to_vec() } else { values(option) }
}

/// A line with operands that let the command run.
fn line(spelling: &str, options: Vec<String>, command: &Command) -> Vec<String> {
    let operands: &[&str] = match (command.operands, command.name) {
        (Operands::BuildContext, _) => &["."],
        (Operands::ImageAndCommand, _) => &["busybox", "true"],
        (Operands::Copy, _) => &["web:/x", "-"],
        (
            _,
            "ps" | "images" | "info" | "version" | "events" | "context ls" | "volume ls" | "network ls" | "system df",
        ) => &[],
        (_, name) if name.ends_with(" prune") || name.ends_with(" ls") => &[],
        (_, "rename" | "network connect" | "network disconnect") => &["n1", "web"],
        (_, "login") => &["127.0.0.1:1"],
        (_, name) if name.starts_with("context ") => &["default"],
        _ => &["web"],
    };
    let command = spelling.split(' ').map(str::to_owned);
    let operands = operands.iter().map(|word| (*word).to_owned());
    std::iter::once("docker".to_owned()).chain(command).chain(options).chain(operands).collect()
}

/// Lines in which docker's own parsers disagree; `{}` is filled with command words.
const DIFFERENTIALS: &[&str] = &[
    "container -- {} exec web id",
    "container -- {} {} web",
    "container -- --help exec web id",
    "-- -- {} exec web id",
    "-- {} web",
    "-- -H unix://@B@ {}",
    "-- -c other {}",
    "-- -D {} web",
    "-- --version {} web",
    "compose --ansi --ansi {} exec -T web id",
    "compose --ansi -x {} exec -T web id",
    "compose --profile --profile {} {}",
    "compose -- {} exec web id",
    "compose -f -- {} exec web",
    "compose -- -- exec web",
    "buildx -- {} version",
    "buildx --builder -x ls version",
    "buildx --builder --builder ls {}",
    "builder -- ls {}",
    "image -- ls {} busybox",
    "system -- df {}",
    "system -- df prune -f",
    "volume -- ls rm x",
    "plugin -- ls install a/b",
    "--config -- exec web id",
    "--config --help exec web id",
    "--tlscacert -H {} web",
    "--host= {}",
    "-H= {}",
    "--help=false {} web",
    "-h=false exec web id",
    "-v {} web",
    "--version {} web",
    "-Dl error {} web",
    "-DHunix://@B@ {}",
    "-vH unix://@B@ {}",
    "--debug false {}",
    "help {} {}",
    "help compose exec",
    "--help {} {}",
    "{} --help {}",
    "{} -- --help",
    "image --help=false build .",
    "-l {} ps",
    "-l error {} web",
    "--log-level=error {} web",
    "-D -D {} web",
    "start web -ai",
    "start -- web -ai",
    "start web -- -ai",
    "rm -- -f",
    "run -d busybox -v /:/h",
    "run -d -- busybox -v /:/h",
    "run -h x --privileged busybox",
    "run -h=x busybox",
    "run -itd --rm busybox -- exec",
    "create --name x busybox",
    "inspect {} web",
    "inspect --type {} web",
    "logs web -f",
    "stop -t 1 web",
    "stop --time=1 web",
    "stop -t=1 -s=9 web",
    "--context default {} web",
    "--context other ps",
    "--host unix://@A@ {} web",
    "-c=default {}",
    "-cdefault {} web",
    "-c other ps",
    "buildx --builder other inspect",
    "buildx inspect other",
    "buildx ls",
    "buildx du",
    "context inspect other",
    "context ls",
    "context show",
    "build -",
    "build . -f -",
    "build --progress plain .",
    "buildx --builder=default build .",
    "buildx -D build .",
    "builder build .",
    "image build .",
    "buildx b .",
    "build . --push",
    "build -o- .",
    "build --output . .",
    "pull -a busybox",
    "pull busybox",
    "search x",
    "compose version",
    "compose ls -a",
    "compose --ansi=never version",
    "compose version -f json",
    "compose --dry-run ls",
    "compose -v",
    "buildx version",
    "-v",
    "--version",
    "run --rm -it busybox sh",
    "run -v data:/d busybox",
    "run -v hostvol:/d busybox",
    "network create n2",
    "volume create v2",
    "system prune -af --volumes",
    "system info",
    "system events --until 1s",
    "update -m 64m web",
    "rename web web2",
    "top web",
    "top web -ef",
    "port web",
    "stats --no-stream web",
    "wait web",
    "kill -sTERM web",
];

const GROUPS: &[&str] = &[
    "container",
    "image",
    "system",
    "volume",
    "network",
    "compose",
    "buildx",
    "builder",
    "plugin",
    "context",
    "manifest",
];

fn split(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn differential(random: &mut Random) -> Vec<String> {
    let all: Vec<&Command> = commands().collect();
    let mut words = Vec::new();
    for word in split(&random.text(DIFFERENTIALS)) {
        match word.as_str() {
            "{}" => words.push(split(random.pick(&all).name).pop().unwrap_or_default()),
            _ => words.push(word),
        }
    }
    words
}

/// A line made by chance.
pub(crate) fn random(random: &mut Random) -> Vec<String> {
    let mut words = if random.one_in(5) { differential(random) } else { composed(random) };
    if random.one_in(4) {
        for _ in 0..=random.below(2) {
            mutate(&mut words, random);
        }
    }
    words.insert(0, "docker".to_owned());
    words
}

fn composed(random: &mut Random) -> Vec<String> {
    let default = dockgate::policy::Policy::default();
    let all: Vec<&'static Command> = commands().collect();
    let command = loop {
        let command = *random.pick(&all);
        // Blocked commands are refused for their name, whatever stands behind it.
        let blocked = default
            .settings
            .blocked
            .value
            .iter()
            .any(|entry| dockgate::policy::operations::covers(entry, command.name));
        if !blocked || random.one_in(20) {
            break command;
        }
    };
    let known: Vec<&str> = spellings(command).collect();
    let mut words = Vec::new();
    if random.one_in(8) {
        words.extend(options(catalogue::GLOBAL, random, 1));
    }
    let mut spelling = split(&random.text(&known));
    let group = spelling.first().cloned().unwrap_or_default();
    let root = root_options(&group).filter(|_| spelling.len() > 1 && random.one_in(4));
    let rest = spelling.split_off(1);
    words.append(&mut spelling);
    if let Some(root) = root {
        words.extend(options(root, random, 1));
    }
    words.extend(rest);
    let own: Vec<&'static Opt> = command.all_options().collect();
    let (before, after) = (random.below(4), if random.one_in(4) { 1 } else { 0 });
    words.extend(options_of(&own, random, before));
    if random.one_in(8) {
        words.push("--".to_owned());
    }
    words.extend(operands(command, random));
    words.extend(options_of(&own, random, after));
    words
}

fn options(pool: &'static [Opt], random: &mut Random, count: usize) -> Vec<String> {
    options_of(&pool.iter().collect::<Vec<_>>(), random, count)
}

fn options_of(pool: &[&'static Opt], random: &mut Random, count: usize) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for _ in 0..if pool.is_empty() { 0 } else { count } {
        let option = *random.pick(pool);
        let proper = !random.one_in(8);
        let value = if option.takes == Takes::Switch { random.text(BOOLEANS) } else { value(option, random, proper) };
        let forms = forms(option, &value);
        // A bare switch is what people write.
        let form =
            if option.takes == Takes::Switch && !random.one_in(3) { forms.first() } else { Some(random.pick(&forms)) };
        let mut form = form.cloned().unwrap_or_default();
        // Letters behind one dash.
        let joined = match (words.last_mut(), form.first()) {
            (Some(last), Some(first))
                if random.one_in(2) && is_letter(last) && first.starts_with('-') && !first.starts_with("--") =>
            {
                last.push_str(first.trim_start_matches('-'));
                true
            }
            _ => false,
        };
        if joined {
            form.remove(0);
        }
        words.append(&mut form);
    }
    words
}

fn is_letter(word: &str) -> bool {
    word.len() == 2 && word.starts_with('-') && word != "--"
}

/// Changes a line by one word.
fn mutate(words: &mut Vec<String>, random: &mut Random) {
    let place = random.below(words.len() + 1);
    let all: Vec<&Command> = commands().collect();
    match random.below(8) {
        0 | 1 => words.insert(place, random.text(GADGETS)),
        2 => words.insert(place, split(random.pick(&all).name).pop().unwrap_or_default()),
        3 if place < words.len() => {
            let word = words.remove(place);
            words.insert(random.below(words.len() + 1), word);
        }
        4 if place < words.len() => {
            let word = words.get(place).cloned().unwrap_or_default();
            words.insert(place, word);
        }
        5 if place < words.len() => {
            words.remove(place);
        }
        6 if place < words.len() => {
            if let Some(word) = words.get_mut(place) {
                *word = if random.one_in(2) { word.to_uppercase() } else { random.text(GADGETS) };
            }
        }
        _ => words.insert(0, random.text(GROUPS)),
    }
}
