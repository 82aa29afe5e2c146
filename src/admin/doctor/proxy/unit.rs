//! A service's unit file, as far as it says how `dockgate proxy` is started (systemd.service(5), systemd.exec(5)). Pure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a unit says, with its drop-ins behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// As systemctl takes it: a template with its instance.
    pub name: String,
    /// The command line, with variables as they stand.
    pub words: Vec<String>,
    pub environment_files: Vec<PathBuf>,
    /// `Environment=`.
    pub environment: BTreeMap<String, String>,
    /// `User=`.
    pub user: Option<String>,
}

impl Unit {
    /// The unit of that file name, if it starts a proxy for this socket.
    pub fn of(file: &str, text: &str, socket: &Path) -> Option<Self> {
        let command = values(text, "ExecStart").pop()?;
        let words = shell_words::split(command.trim_start_matches(['-', '@', ':', '+', '!'])).ok()?;
        let listen = listens_on(&words)?;
        let (name, instance) = match file.strip_suffix("@.service") {
            Some(template) => {
                let (before, behind) = listen.split_once("%i").or_else(|| listen.split_once("%I"))?;
                let instance = socket.to_str()?.strip_prefix(before)?.strip_suffix(behind)?;
                if instance.is_empty() || instance.contains('/') {
                    return None;
                }
                (format!("{template}@{instance}.service"), instance.to_owned())
            }
            None => (file.to_owned(), String::new()),
        };
        let plain = |word: &str| word.replace("%i", &instance).replace("%I", &instance).replace("%%", "%");
        if Path::new(&plain(listen)) != socket {
            return None;
        }
        let files = values(text, "EnvironmentFile").into_iter();
        Some(Self {
            name,
            words: words.iter().map(|word| plain(word)).collect(),
            environment_files: files.map(|file| plain(file.trim_start_matches('-')).into()).collect(),
            environment: values(text, "Environment").iter().flat_map(|line| assigned(line)).collect(),
            user: values(text, "User").pop().map(|user| plain(&user)),
        })
    }

    /// The command line with its variables; the files' are those of `files`, which are laid over the unit's own.
    pub fn command(&self, files: &[String]) -> Vec<String> {
        let mut variables = self.environment.clone();
        variables.extend(files.iter().flat_map(|text| text.lines()).filter_map(assignment));
        let value = |name: &str| variables.get(name).cloned().unwrap_or_default();
        let words = self.words.iter().flat_map(|word| match word.strip_prefix('$') {
            Some(braced) if braced.starts_with('{') => vec![value(braced.trim_matches(['{', '}']))],
            Some(name) => value(name).split_ascii_whitespace().map(str::to_owned).collect(),
            None => vec![word.clone()],
        });
        words.collect()
    }
}

/// The socket that a command line of `dockgate proxy` names, as it names it; `None` where it is another program's.
pub fn listens_on(words: &[String]) -> Option<&str> {
    let (program, options) = words.split_first()?;
    let dockgate = Path::new(program).file_name().is_some_and(|name| name == "dockgate");
    if !dockgate || !options.iter().any(|word| word == "proxy") {
        return None;
    }
    let at = options.iter().position(|word| word == "--listen" || word.starts_with("--listen="))?;
    let listen = match options.get(at)?.split_once('=') {
        Some((_, listen)) => listen,
        None => options.get(at + 1)?,
    };
    Some(["unix://", "unix:"].iter().find_map(|scheme| listen.strip_prefix(scheme)).unwrap_or(listen))
}

/// All values of a key, in order; an empty one takes back those before it.
fn values(text: &str, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.replace("\\\n", " ").lines().map(str::trim) {
        let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with(['#', ';'])) else { continue };
        match value.trim() {
            _ if name.trim() != key => {}
            "" => found.clear(),
            value => found.push(value.to_owned()),
        }
    }
    found
}

fn assigned(line: &str) -> Vec<(String, String)> {
    let words = shell_words::split(line).unwrap_or_default();
    words.iter().filter_map(|word| assignment(word)).collect()
}

/// `NAME=VALUE`, as a line of an environment file has it.
fn assignment(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let (name, value) = line.split_once('=').filter(|_| !line.starts_with(['#', ';']))?;
    let value = value.trim();
    let bare = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    Some((name.trim().to_owned(), bare.unwrap_or(value).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGED: &str = include_str!("../../../../packaging/systemd/dockgate-proxy@.service");

    #[test]
    fn the_package_s_unit_is_read_for_its_instance() {
        let socket = Path::new("/run/dockgate-proxy/web.sock");
        let unit = Unit::of("dockgate-proxy@.service", PACKAGED, socket).expect("its unit");
        assert_eq!((unit.name.as_str(), &unit.user), ("dockgate-proxy@web.service", &None));
        assert_eq!(unit.environment_files, [PathBuf::from("/etc/dockgate/proxy-web.env")]);
        let command = |text: &str| unit.command(&[text.to_owned()]).join(" ");
        let bare = "/usr/bin/dockgate proxy --listen /run/dockgate-proxy/web.sock";
        assert_eq!(command(""), bare);
        assert_eq!(command("# x\nOPTIONS=\"--key web --profile look\"\n"), format!("{bare} --key web --profile look"));
        for other in ["/run/web.sock", "/run/dockgate-proxy/a/b.sock", "/run/dockgate-proxy/.sock"] {
            assert_eq!(Unit::of("dockgate-proxy@.service", PACKAGED, Path::new(other)), None, "{other}");
        }
    }

    #[test]
    fn a_unit_of_one_s_own_is_found_by_its_socket() {
        let text = "[Service]\nUser=gate\nEnvironment=\"KEY=ci\" X=1\nExecStart=/bin/true\nExecStart=\n\
            ExecStart=-/opt/dockgate --config /etc/p.toml proxy \\\n  --listen=unix:///run/ci.sock --key ${KEY}\n";
        let unit = Unit::of("ci.service", text, Path::new("/run/ci.sock")).expect("its unit");
        assert_eq!((unit.name.as_str(), unit.user.as_deref()), ("ci.service", Some("gate")));
        assert_eq!(
            unit.command(&[]).join(" "),
            "/opt/dockgate --config /etc/p.toml proxy --listen=unix:///run/ci.sock --key ci"
        );
        for text in [
            text.replace("run/ci", "run/other"),
            text.replace("/opt/dockgate", "/opt/other"),
            text.replace(" proxy ", " check "),
        ] {
            assert_eq!(Unit::of("ci.service", &text, Path::new("/run/ci.sock")), None, "{text}");
        }
    }
}
