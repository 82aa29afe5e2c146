//! Requests: what a client could send about the things that are there, in every spelling of their names.

use super::law::PORTS;
use super::world::{Kind, World};
use crate::generate::Random;

/// A request, and what comes with it on standard input.
pub(super) struct Request {
    pub(super) words: Vec<String>,
    pub(super) input: String,
}

const CONTAINERS: &[&str] =
    &["shop-web-1", "vault-1", "kin-web", "heir-web", "mine-web", "mine-idle", "mine-link", "nosuch"];
const VOLUMES: &[&str] = &["shop-data", "vault-data", "mine-data", "mine-spare", "mine-more", "other"];
const NETWORKS: &[&str] = &["shop-net", "edge", "mine-net", "mine-spare", "mine-more", "other", "bridge"];
const IMAGES: &[&str] =
    &["busybox", "busybox:latest", "docker.io/library/busybox", "shop/app:1", "mine/app:1", "mine/alias:1"];
const NEW_IMAGES: &[&str] = &["mine/new:1", "other/new", "shop/new:1", "mine/app:1", "busybox", "shop/app:1"];
const NEW: &[&str] = &["mine-new", "new-1", "other-new", "vault-new", "shop-new", "mine-web"];
const PROJECTS: &[&str] = &["shop", "mine", "new", "other"];

/// What is done to a container, `@` being its name.
const ON_CONTAINERS: &[&str] = &[
    "stop -t 0 @",
    "kill @",
    "restart -t 0 @",
    "start @",
    "rm @",
    "rm -f @",
    "rm -fv @",
    "rm --link @",
    "pause @",
    "unpause @",
    "update --memory 48m --memory-swap 48m @",
    "update --memory 512m --memory-swap 512m @",
    "update --memory 64m --memory-swap -1 @",
    "update --cpus 0.4 @",
    "update --cpus 2 @",
    "update --cpu-quota 90000 @",
    "update --cpu-quota -1 @",
    "update --cpu-period 1000 --cpu-quota 1000 @",
    "update --pids-limit 0 @",
    "update --pids-limit -1 @",
    "update --pids-limit 40 @",
    "update --restart always @",
    "logs @",
    "inspect @",
    "inspect -s @",
    "container inspect @",
    "top @",
    "port @",
    "stats --no-stream @",
    "diff @",
    "exec @ true",
    "exec --privileged @ true",
    "export @",
    "cp @:/etc/passwd -",
    "container ls -a --filter since=@",
    "stop -t 0 mine-web @",
    "rm -f mine-idle @",
];

const ON_VOLUMES: &[&str] = &[
    "volume rm @",
    "volume rm -f @",
    "volume create @",
    "volume create --name @",
    "volume create --label a=b @",
    "volume inspect @",
    "volume rm mine-spare @",
];

const ON_NETWORKS: &[&str] = &[
    "network rm @",
    "network rm -f @",
    "network create @",
    "network create -d bridge --label a=b @",
    "network inspect @",
];

const ON_IMAGES: &[&str] = &[
    "rmi @",
    "rmi -f @",
    "rmi --no-prune @",
    "image rm mine/alias:1 @",
    "image inspect @",
    "history @",
    "save @",
    "push @",
    "images --filter before=@",
];

/// What is said of nothing in particular.
const OTHERS: &[&str] = &[
    "ps -a",
    "ps -a --no-trunc",
    "ps -s",
    "ps -a --filter volume=shop-data",
    "ps -a --filter network=shop-net",
    "images",
    "images -a --digests",
    "images --tree",
    "volume ls",
    "volume ls --filter dangling=true",
    "network ls",
    "network inspect bridge",
    "system df",
    "system df -v",
    "stats --no-stream",
    "stats -a --no-stream",
    "info",
    "version",
    "events --since 20s --until 0s",
    "compose ls -a",
    "volume create",
    "container prune -f",
    "container prune -f --filter label=x",
    "volume prune -f",
    "volume prune -af",
    "network prune -f",
    "image prune -f",
    "image prune -af",
    "system prune -f",
    "system prune -af",
    "system prune -af --volumes",
];

/// Options of `run` and `create`; `@V`, `@N`, `@C`, `@I` and `@G` stand for a volume, a network, a container, an image and a place of the host.
const OPTIONS: &[&str] = &[
    "--rm",
    "-v @V:/v",
    "-v @V:/v:ro",
    "--mount type=volume,src=@V,dst=/m",
    "--mount type=image,src=@I,dst=/i",
    "-v /anonymous",
    "--volumes-from @C",
    "--network @N",
    "--network name=@N,alias=x",
    "--net @N",
    "--link @C",
    "--pid container:@C",
    "--network container:@C",
    "--network host",
    "-v @G/up:/h",
    "-v @G/up/sub:/h",
    "-v @G/up/link:/h:ro",
    "-v @G/ro:/h:ro",
    "-v @G/ro/sub:/h:ro",
    "-v @G/ro/sub:/h",
    "-v @G/ro/out:/h:ro",
    "-v @G/no:/h",
    "-v /etc:/h:ro",
    "--mount type=bind,src=@G/up,dst=/h",
    "--mount type=bind,src=@G/ro,dst=/h,readonly",
    "--privileged",
    "--cap-add SYS_ADMIN",
    "--device /dev/null",
    "-p 8000:80",
    "-p 127.0.0.1:8005:80",
    "-p 8081:80",
    "-p 80",
    "-P",
    "-l a=b",
    "-l com.docker.compose.project=shop",
    "-l dockgate.key=kin",
    "--ulimit nproc=10",
    "--restart no",
    "--cpu-shares 2",
    "--memory-reservation 16m",
    "--oom-kill-disable",
    "--shm-size 8m",
    "--tmpfs /t",
    "--init",
    "--read-only",
];

/// Limits, in several spellings.
const LIMITS: &[&str] = &[
    "--memory 32m --cpus 0.2 --pids-limit 32",
    "--memory 32m --cpus 0.2 --pids-limit 32",
    "--memory 32m --cpus 0.2 --pids-limit 32",
    "-m 64m --memory-swap 64m --cpu-period 100000 --cpu-quota 20000 --pids-limit 64",
    "-m 64m --memory-swap -1 --cpus 0.5 --pids-limit 64",
    "-m 64m --cpus 0.5 --cpu-quota -1 --pids-limit 64",
    "-m 64m --cpus 0.5 --pids-limit -1",
    "-m 64m --cpus 0.5 --pids-limit 0",
    "-m 64m --memory-swap 512m --cpus 0.5 --pids-limit 9",
    "-m 32m -m 1g --cpus .1 --cpus 3 --pids-limit 9",
    "-m 1g --cpus 2 --pids-limit 999",
    "",
];

fn split(line: &str) -> Vec<String> {
    line.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// A name in one of the spellings that docker takes.
fn spelled(random: &mut Random, world: &World, kind: Kind, names: &[&str]) -> String {
    let name = *random.pick(names);
    let id = world.id(kind, if name == "busybox" { "busybox:latest" } else { name });
    match random.below(8) {
        0 if kind != Kind::Volume => id,
        1 if kind != Kind::Volume => id.get(..12).unwrap_or(&id).to_owned(),
        2 if kind != Kind::Volume => id.get(..5).unwrap_or(&id).to_owned(),
        3 if kind == Kind::Image => format!("sha256:{id}"),
        3 if kind == Kind::Volume => world.anonymous(if random.one_in(2) { "vault-1" } else { "mine-idle" }),
        _ => name.to_owned(),
    }
}

pub(super) fn random(random: &mut Random, world: &World) -> Request {
    let container = |random: &mut Random| spelled(random, world, Kind::Container, CONTAINERS);
    let network = |random: &mut Random| spelled(random, world, Kind::Network, NETWORKS);
    let image = |random: &mut Random| spelled(random, world, Kind::Image, IMAGES);
    let volume = |random: &mut Random| spelled(random, world, Kind::Volume, VOLUMES);
    let mut input = String::new();
    let line = match random.below(20) {
        0..5 => random.pick(ON_CONTAINERS).replace('@', &container(random)),
        5..7 => random.pick(ON_VOLUMES).replace('@', &volume(random)),
        7..9 => random.pick(ON_NETWORKS).replace('@', &network(random)),
        9..11 => random.pick(ON_IMAGES).replace('@', &image(random)),
        11..13 => (*random.pick(OTHERS)).to_owned(),
        13 => match random.below(6) {
            0 => format!("network connect {} {}", network(random), container(random)),
            1 => format!("network disconnect -f {} {}", network(random), container(random)),
            2 => format!("rename {} {}", container(random), random.pick(NEW)),
            3 => format!("commit {} {}", container(random), random.pick(NEW_IMAGES)),
            4 => format!("tag {} {}", image(random), random.pick(NEW_IMAGES)),
            _ => format!("network connect --alias db {} mine-idle", network(random)),
        },
        14 => {
            input = format!("FROM {}\nLABEL n={}\n", random.pick(&["busybox", "scratch"]), random.below(5));
            let name = random.pick(NEW_IMAGES);
            match random.below(5) {
                0 => format!("buildx build -t {name} -"),
                1 => format!("build -o type=image,name={name} -"),
                2 => format!("build -t mine/two -t {name} -"),
                _ => format!("build -t {name} -"),
            }
        }
        15 | 16 => {
            let (project, file) = (random.pick(PROJECTS), random.below(4) != 0);
            if file {
                input = compose(random, world);
            }
            let verb = random.pick(&[
                "up -d",
                "up -d",
                "up -d --scale a=2",
                "create",
                "down -t 0",
                "down -v -t 0",
                "down --rmi all -t 0",
                "stop -t 0",
                "restart -t 0",
                "start",
                "kill",
                "rm -sf",
                "rm -sfv",
                "ps -a",
                "images",
                "logs",
                "run --rm -T a true",
                "run -d a sleep 5",
                "build",
                "pause",
                "top",
                "ls",
                "config",
            ]);
            format!("compose -p {project} {}{verb}", if file { "-f - " } else { "" })
        }
        _ => run(random, world, [&volume, &network, &container, &image]),
    };
    let mut words = vec!["docker".to_owned()];
    words.extend(split(&line));
    Request { words, input }
}

type Spelled<'a> = &'a dyn Fn(&mut Random) -> String;

fn run(random: &mut Random, world: &World, [volume, network, container, image]: [Spelled; 4]) -> String {
    let mut line = (*random.pick(&["run", "run -d", "create", "container run"])).to_owned();
    if !random.one_in(5) {
        line.push_str(&format!(" --name {}", random.pick(NEW)));
    }
    line.push_str(&format!(" {}", random.pick(LIMITS)));
    for _ in 0..random.below(3) {
        let option = random.pick(OPTIONS);
        let option = option.replace("@V", &volume(random)).replace("@N", &network(random));
        let option = option.replace("@C", &container(random)).replace("@I", &image(random));
        line.push_str(&format!(" {}", option.replace("@G", &world.grounds.display().to_string())));
    }
    let command = if line.contains("run -d") { "sleep 30" } else { "true" };
    format!("{line} {} {command}", image(random))
}

/// A project of one service, or two.
fn compose(random: &mut Random, world: &World) -> String {
    let ground = world.grounds.display();
    let parts = [
        "mem_limit: 32m, cpus: 0.2, pids_limit: 32".to_owned(),
        "deploy: {resources: {limits: {memory: 32M, cpus: '0.2', pids: 32}}}".to_owned(),
        "deploy: {resources: {limits: {memory: 1G, cpus: '0.2', pids: 32}}}".to_owned(),
        format!("volumes: ['{}:/v']", random.pick(VOLUMES)),
        "volumes: ['vol:/v']".to_owned(),
        "volumes: ['/anonymous']".to_owned(),
        format!("volumes: ['{ground}/{}:/h']", random.pick(&["up", "ro", "ro/sub:/x:ro", "no"])),
        format!("networks: [net, {}]", random.pick(&["net", "default"])),
        format!("ports: ['{}:80']", random.pick(&[*PORTS.start(), 9000])),
        format!("container_name: {}", random.pick(NEW)),
        format!("external_links: ['{}']", random.pick(CONTAINERS)),
        "labels: {a: b}".to_owned(),
        "scale: 2".to_owned(),
        "privileged: true".to_owned(),
        format!("build: {{context: ., dockerfile_inline: 'FROM busybox'}}, image: {}", random.pick(NEW_IMAGES)),
        "build: {context: ., dockerfile_inline: 'FROM busybox'}".to_owned(),
    ];
    let mut service = vec!["command: sleep 30".to_owned(), "init: true".to_owned()];
    if !random.one_in(3) {
        service.push(parts[random.below(2)].clone());
    }
    for _ in 0..random.below(3) {
        let part = random.pick(&parts);
        let key = |part: &str| part.split(':').next().unwrap_or_default().to_owned();
        let limited = part.contains("deploy") && service.iter().any(|known| known.contains("_limit"));
        if !limited && service.iter().all(|known| key(known) != key(part)) {
            service.push(part.clone());
        }
    }
    if !service.iter().any(|part| part.starts_with("build")) {
        service.push(format!("image: '{}'", random.pick(IMAGES)));
    }
    let external = |random: &mut Random, names: &[&str]| {
        let name = *random.pick(names);
        match random.below(4) {
            0 => format!("{{name: {name}}}"),
            1 => format!("{{external: true, name: {name}}}"),
            _ => "{}".to_owned(),
        }
    };
    let volumes: Vec<String> = VOLUMES
        .iter()
        .map(|name| format!("{name}: {}", if random.one_in(2) { "{external: true}" } else { "{}" }))
        .collect();
    format!(
        "services:\n  a: {{{}}}\nvolumes: {{vol: {}, {}}}\nnetworks: {{net: {}}}\n",
        service.join(", "),
        external(random, VOLUMES),
        volumes.join(", "),
        external(random, NETWORKS)
    )
}
