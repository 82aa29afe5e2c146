//! dockgate's own options. Data, derived by clap.

use crate::policy::values::range;
use audit::AuditCommand;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use ipnet::IpNet;
use label::label;
use std::ffi::OsString;
use std::path::PathBuf;

pub mod audit;
pub mod label;
pub mod shared;

/// A gate between an SSH key and Docker.
///
/// Without a sub-command dockgate is the gate: it reads SSH_ORIGINAL_COMMAND, judges it, writes one record to
/// syslog and runs docker, or refuses. It stands in authorized_keys: restrict,pty,command="/usr/bin/dockgate
/// --key NAME" ssh-ed25519 …
#[derive(Debug, Parser)]
#[command(
    name = "dockgate",
    version,
    max_term_width = 100,
    after_help = "Exit codes: docker's own when docker ran; 1 doctor, policy test or audit verify found something, or an audit query nothing; 64 usage or no command; 69 no record or no docker; 77 denied; 78 broken policy."
)]
pub struct Cli {
    #[command(flatten)]
    pub options: Options,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Default, PartialEq, Eq, Args)]
pub struct Options {
    /// Policy file [default: /etc/dockgate/policy.toml if there is one, else built in]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// The profile that requests are judged by
    #[arg(long, value_name = "NAME", global = true, value_parser = label)]
    pub profile: Option<String>,
    /// A label for the key, written to every record; check, policy show and policy test judge as for the key that the
    /// policy has under it, authorize writes it into the line, and audit shows its records
    #[arg(long, value_name = "NAME", global = true, value_parser = label)]
    pub key: Option<String>,
}

/// The whole command line, for whoever parses or shows it.
pub fn command_line() -> clap::Command {
    shared::shown(Cli::command())
}

impl Cli {
    /// Reads a whole command line.
    ///
    /// # Errors
    /// What clap says of it; that can be the help that was asked for.
    pub fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut line = command_line();
        let mut words: Vec<OsString> = words.into_iter().collect();
        match words.get(1..).unwrap_or_default() {
            // clap takes what follows `help` for a sub-command.
            [help, more] if help == "help" && (more == "--help" || more == "-h") => words.truncate(2),
            [docker, ..] if docker == "docker" => {
                let said = "docker is no sub-command of dockgate's. To ask for the verdict on a command: dockgate check 'docker ps'";
                return Err(line.error(ErrorKind::InvalidSubcommand, said));
            }
            _ => {}
        }
        let matches = line.try_get_matches_from_mut(words)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut line))
    }
}

impl Options {
    /// Options alone, as they stand in authorized_keys; `None` for all else, which clap reads or refuses. Building
    /// clap's tables takes longer than judging a request.
    pub fn alone(arguments: &[OsString]) -> Option<Self> {
        let mut options = Self::default();
        let mut words = arguments.iter().map(|word| word.to_str());
        while let Some(word) = words.next() {
            let (name, value) = match word?.split_once('=') {
                Some((name, value)) => (name, value),
                None => (word?, words.next()??),
            };
            if value.is_empty() || value.starts_with('-') {
                return None;
            }
            let twice = match name {
                "--config" => options.config.replace(value.into()).is_some(),
                "--profile" => options.profile.replace(label(value).ok()?).is_some(),
                "--key" => options.key.replace(label(value).ok()?).is_some(),
                _ => return None,
            };
            if twice {
                return None;
            }
        }
        Some(options)
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say the verdict on a request, and run nothing
    Check {
        /// One line of JSON instead of text
        #[arg(long)]
        json: bool,
        /// Also say how it came to that: what each word asks for, what is known of it, and the rule that judges it
        #[arg(long)]
        explain: bool,
        /// Judge as this account does, in its home and with its name; only root can [default: the caller, in the working
        /// directory]
        #[arg(long, value_name = "ACCOUNT")]
        user: Option<String>,
        /// The request; more than one word are joined with spaces, as ssh does
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
        words: Vec<OsString>,
    },
    /// Print the authorized_keys line for a public key: with --key, --profile and --config in its command
    Authorize {
        /// The file with the public key; - for standard input
        #[arg(value_name = "KEYFILE")]
        file: PathBuf,
        /// Where the key may be used from: addresses and ranges, with commas between them
        #[arg(long, value_name = "ADDRESS", value_delimiter = ',', value_parser = range)]
        from: Vec<IpNet>,
    },
    /// Check what is outside the policy file on this host, and say how each fault is mended
    Doctor {
        /// The account that the keys log in to [default: the current one]
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// Check a socket of dockgate proxy instead, by its path or by the name of the package's unit, and the programs that
        /// may use it [--user: the one that is to]
        #[arg(long, value_name = "SOCKET", value_parser = proxy, conflicts_with_all = ["probe", "sshd", "sshd_config"])]
        proxy: Option<PathBuf>,
        /// Start the gate as sshd would, with `true` and `docker version`, and look for the records
        #[arg(long)]
        probe: bool,
        /// A log in which --probe looks for the records, besides those that systems have
        #[arg(long, value_name = "FILE", requires = "probe")]
        log: Vec<PathBuf>,
        /// One line of JSON instead of text
        #[arg(long)]
        json: bool,
        /// The sshd that is asked for its configuration [default: where systems keep it]
        #[arg(long, value_name = "PROGRAM")]
        sshd: Option<PathBuf>,
        /// The configuration file of that sshd [default: its own]
        #[arg(long, value_name = "FILE")]
        sshd_config: Option<PathBuf>,
    },
    /// Serve Docker's API on a Unix socket, for programs on this host: each call is judged and recorded
    Proxy {
        /// The socket: PATH, unix:PATH or unix://PATH; the one that systemd passes on, where it does (LISTEN_FDS)
        #[arg(long, value_name = "PATH", value_parser = socket)]
        listen: PathBuf,
        /// The group that may use the socket as well as this account [default: none]
        #[arg(long, value_name = "NAME")]
        group: Option<String>,
    },
    /// Read the records: on this host, or wherever they were collected
    Audit {
        #[command(subcommand)]
        command: Box<AuditCommand>,
    },
    /// Look at the policy
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
}

#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Print the policy in force, as a policy file
    Show,
    /// Judge the cases of a file: lines of `allow COMMAND`, `deny COMMAND` or `deny:REASON COMMAND`
    Test {
        /// Judge as this account does, in its home and with its name; only root can [default: the caller, in the working
        /// directory]
        #[arg(long, value_name = "ACCOUNT")]
        user: Option<String>,
        /// The file; every line that comes out otherwise is shown, and the exit code is 1
        file: PathBuf,
    },
    /// Replay recorded requests: which would be newly refused, and which newly allowed
    Diff {
        /// Judge as this account does, in its home and with its name; only root can [default: the caller, in the working
        /// directory]
        #[arg(long, value_name = "ACCOUNT")]
        user: Option<String>,
        /// The policy file that is in force
        old: PathBuf,
        /// The one that is to be
        new: PathBuf,
        /// Where the records are: a file as syslog writes it, or what journalctl -t dockgate prints
        #[arg(long, value_name = "FILE")]
        log: PathBuf,
    },
    /// Say whether the policy file is well-formed and trustworthy
    Validate {
        /// The file, or - for standard input, whose form alone is judged [default: the one in force]
        file: Option<PathBuf>,
    },
}

/// The path of a socket, as docker's own options name one, or bare.
fn socket(text: &str) -> Result<PathBuf, String> {
    let path = ["unix://", "unix:"].iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text);
    let is_other = ["tcp:", "fd:", "npipe:", "ssh:", "http:", "https:"].iter().any(|scheme| path.starts_with(scheme));
    if is_other || path.is_empty() || path.starts_with('@') {
        return Err("it is the path of a Unix socket: /run/dockgate-proxy/web.sock".to_owned());
    }
    Ok(PathBuf::from(path))
}

/// A socket by its path, or by the instance of the package's unit.
fn proxy(text: &str) -> Result<PathBuf, String> {
    if text.contains(['/', ':']) { socket(text) } else { Ok(format!("/run/dockgate-proxy/{text}.sock").into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_command_line_is_consistent() {
        command_line().debug_assert();
    }

    proptest! {
        #[test]
        fn options_alone_are_read_as_clap_reads_them(words in prop::collection::vec(
            prop::sample::select(vec!["--config", "--profile", "--key", "--key=a", "--config=/b=c", "--profile=", "a", "/b", "",
                "-", "--", "--help", "--conf", "a b", "-a", "check", "docker", "--json", "--key=-x"]), 0..6)
        ) {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            let whole = std::iter::once("dockgate".into()).chain(words.iter().cloned());
            if let Some(options) = Options::alone(&words) {
                let clap = Cli::read(whole).unwrap();
                prop_assert!(clap.command.is_none());
                prop_assert_eq!(options, clap.options);
            }
        }
    }

    #[test]
    fn what_stands_in_authorized_keys_is_read_without_clap() {
        for line in ["", "--key hermes", "--key=hermes --profile operator --config /etc/p.toml"] {
            let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            assert!(Options::alone(&words).is_some(), "{line}");
        }
    }

    #[test]
    fn a_socket_is_named_by_its_path() {
        for (text, path) in [
            ("/run/x.sock", Some("/run/x.sock")),
            ("unix:/run/x.sock", Some("/run/x.sock")),
            ("unix:///run/x.sock", Some("/run/x.sock")),
            ("x.sock", Some("x.sock")),
            ("unix:x.sock", Some("x.sock")),
            ("tcp://127.0.0.1:2375", None),
            ("fd://", None),
            ("unix:", None),
            ("@abstract", None),
        ] {
            assert_eq!(super::socket(text).ok().as_deref(), path.map(std::path::Path::new), "{text}");
        }
    }
}
