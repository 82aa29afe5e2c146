//! Hints: what serves the same wish in a Compose file, in Compose's words. Pure.

use crate::demand::{Demand, Namespace, Want};

/// A demand of a Compose file, with what to write into the file instead where that is known.
pub fn hinted(demand: Demand) -> Demand {
    let hint = hint(&demand.want, &demand.word).map(str::to_owned);
    if demand.hint.is_some() { demand } else { demand.with_hint(hint) }
}

/// Instead of a file that another one names.
pub const ONE_FILE: &str =
    "put all services into one file, and send it again; or name a file below the working directory on this host";

fn hint(want: &Want, word: &str) -> Option<&'static str> {
    Some(match want {
        Want::Operation { name, .. } if name == "exec" => {
            "leave it out: put what it does into the image, or into the service's command: [sh, -c, \"… && exec …\"]"
        }
        Want::SecurityOption { .. } => {
            "leave it out; security_opt: [no-new-privileges:true] and cap_drop: [ALL] are taken"
        }
        Want::CgroupParent { .. } => {
            "leave it out; deploy: {resources: {limits: {memory: 512m, cpus: '1', pids: 200}}} sets limits"
        }
        Want::LogDriver { .. } => {
            "write logging: {driver: json-file, options: {max-size: 10m, max-file: '3'}}; the drivers local and none are taken, too"
        }
        Want::NetworkDriver { .. } => {
            "leave it out: Compose makes a bridge network; internal, ipam, labels and enable_ipv6 are taken"
        }
        Want::Namespace { namespace: Namespace::Network, .. } => {
            "leave network_mode out: the services of one file reach each other by their names, and ports: publishes to the host"
        }
        Want::VolumeOptions { .. } => {
            "leave driver and driver_opts out: volumes: {NAME: {}} is a plain volume; tmpfs: [/PATH] gives memory to write to"
        }
        Want::VolumesFrom { .. } => "give both services the same named volume: volumes: [NAME:/PATH]",
        Want::ClientReadTree { .. } => {
            "build the image by itself, tar c . | ssh HOST docker build -t NAME -, and write image: NAME in place of build:"
        }
        Want::ClientRead { .. } | Want::RemoteProject { .. }
            if word.starts_with("include") || word.contains(".extends.file") =>
        {
            ONE_FILE
        }
        Want::ClientRead { .. } if word.contains("env_file") => {
            "write the variables into environment:, or give a file below the working directory"
        }
        Want::ClientRead { .. } if word.contains("label_file") => {
            "write the labels into labels:, or give a file below the working directory"
        }
        Want::DaemonMount { .. } if word.starts_with("secrets") => {
            "Compose takes no content for a secret: make it a config, configs: {NAME: {content: \"…\"}} beside services: and configs: [{source: NAME, target: /run/secrets/NAME}] in the service, or give a file below the working directory"
        }
        Want::DaemonMount { .. } => {
            "write the text into the Compose file: configs: {NAME: {content: \"…\"}}, or give a file below the working directory"
        }
        _ => return None,
    })
}

/// Instead of a bind mount: what the image is likely to want there.
pub(super) fn bind(source: &str, target: &str) -> String {
    let last = |path: &str| path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
    if source.ends_with(".sock") || target.ends_with(".sock") {
        return "leave it out: whoever has that socket has what is behind it; docker's own makes a container root on the host".to_owned();
    }
    if ["/etc/localtime", "/etc/timezone"].contains(&target) {
        return "leave it out and write the time zone into the service: environment: {TZ: Europe/Berlin}".to_owned();
    }
    let name: String =
        last(target).chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    let name = if name.trim_matches('_').is_empty() { "data".to_owned() } else { name.trim_matches('_').to_owned() };
    let is_file = |path: &str| last(path).trim_start_matches('.').contains('.') && !last(path).ends_with(".d");
    if is_file(target) || (is_file(source) && last(source) == last(target)) {
        format!(
            "put the file's text into the Compose file: configs: {{{name}: {{content: \"…\"}}}} beside services:, and configs: [{{source: {name}, target: {target}}}] in the service, in place of the mount"
        )
    } else {
        format!(
            "use a named volume: volumes: [{name}:{target}] in the service, and volumes: {{{name}: {{}}}} beside services:; or ask the administrator"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::bind;

    #[test]
    fn a_mount_is_answered_by_what_it_is_for() {
        for (source, target, expected) in [
            (
                "/home/x/site.conf",
                "/etc/nginx/site.conf",
                "configs: [{source: site_conf, target: /etc/nginx/site.conf}]",
            ),
            ("/home/x/data", "/var/lib/db", "volumes: [db:/var/lib/db]"),
            ("/home/x/conf.d", "/etc/nginx/conf.d", "volumes: [conf_d:/etc/nginx/conf.d]"),
            ("/var/run/docker.sock", "/var/run/docker.sock", "root on the host"),
            ("/etc/localtime", "/etc/localtime", "TZ: "),
            ("/", "/", "volumes: [data:/]"),
            ("./.env", "/app/.env", "volumes: [env:/app/.env]"),
        ] {
            assert!(bind(source, target).contains(expected), "{source}:{target}: {}", bind(source, target));
        }
    }
}
