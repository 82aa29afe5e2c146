//! The options of `dockgate audit`. Data, derived by clap.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXIT_CODES: &str = "Exit codes: 0 done; 1 verify found something, or there is no such record (list, show, suggest, verify, who); 64 usage; 69 a log could not be read.";

#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum AuditCommand {
    /// List decisions, a line each
    #[command(after_help = EXIT_CODES)]
    List {
        #[command(flatten)]
        filter: Filter,
        /// One JSON object a line instead of text
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        logs: Logs,
    },
    /// Show the whole life of one request: what was sent, decided, called, and how it ended
    #[command(after_help = EXIT_CODES)]
    Show {
        /// The id, as a refusal's record: line and list have it
        id: String,
        /// One JSON object a record instead of text
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        logs: Logs,
    },
    /// Count: by verdict, key, command, reason, client and hour; what was refused most, what took longest
    #[command(after_help = EXIT_CODES)]
    Summary {
        #[command(flatten)]
        filter: Filter,
        /// Count containers, images, networks, volumes and projects, too (slower)
        #[arg(long)]
        objects: bool,
        /// Say what the candidate policy would have done instead: policy.candidate.toml beside the policy file
        #[arg(long, conflicts_with_all = ["objects", "prometheus", "html"])]
        candidate: bool,
        /// How it is written
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        logs: Logs,
    },
    /// Show records as they come
    #[command(after_help = EXIT_CODES)]
    Follow {
        #[command(flatten)]
        filter: Filter,
        /// Leave out permitted commands that only look: ps, logs, inspect …
        #[arg(long)]
        changes: bool,
        /// The file to follow [default: the journal, else where the usual log daemons write]
        file: Option<PathBuf>,
    },
    /// Write the smallest profile that permits what was permitted, and say what the policy grants and nobody used
    #[command(after_help = EXIT_CODES)]
    Suggest {
        #[command(flatten)]
        filter: Filter,
        /// The name of the profile that is written
        #[arg(long, value_name = "NAME", default_value = "suggested", value_parser = crate::cli::label::label)]
        name: String,
        #[command(flatten)]
        logs: Logs,
    },
    /// Check that the records are whole: parts, pairs, order, doubles; and a chain, which alone shows what was changed
    #[command(after_help = EXIT_CODES)]
    Verify {
        /// One line of JSON instead of text
        #[arg(long)]
        json: bool,
        /// What `dockgate audit seal` has printed, as it was kept elsewhere
        #[arg(long, value_name = "FILE")]
        seal: Option<PathBuf>,
        #[command(flatten)]
        logs: Logs,
    },
    /// Append the lines of standard input to a file in which each names the one before by its digest
    #[command(after_help = EXIT_CODES)]
    Chain {
        /// The file; what was rotated away from it is where its chain goes on
        file: PathBuf,
        /// Wait until the disk has each line
        #[arg(long)]
        sync: bool,
        /// Print OK for each line that is kept, as rsyslog's omprog wants it (confirmMessages="on")
        #[arg(long)]
        confirm: bool,
    },
    /// Print the number and digest of a chain's last line, to be kept where this host cannot change it
    #[command(after_help = EXIT_CODES)]
    Seal {
        /// The chained file
        file: PathBuf,
    },
    /// Say which requests made a container, image, network or volume, or with --deed named all that name it
    #[command(after_help = EXIT_CODES)]
    Who {
        /// Its name, or a beginning of its id of at least 12 digits
        name: String,
        /// Whom: those that made it, or all that named it, by name or id: also what changed it, removed it, or was refused
        #[arg(long, value_enum, default_value_t = Deed::Made)]
        deed: Deed,
        #[command(flatten)]
        logs: Logs,
    },
}

/// What was done to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Deed {
    Made,
    Named,
}

/// Where the records are.
#[derive(Clone, Debug, Default, Args)]
pub struct Logs {
    /// Files (also packed by gzip, zstd, xz or bzip2), directories of them, or - for standard input
    /// [default: the journal, else /var/log/auth.log or /var/log/secure with what was rotated]
    #[arg(value_name = "LOG")]
    pub logs: Vec<PathBuf>,
    /// Read the journal, too
    #[arg(long)]
    pub journal: bool,
    /// With what was rotated away from each file that is named: LOG.1, LOG.2.gz, LOG-20261101 …
    #[arg(long)]
    pub rotated: bool,
}

/// How a summary is written.
#[derive(Clone, Debug, Default, Args)]
#[group(multiple = false)]
pub struct Form {
    /// One line of JSON
    #[arg(long)]
    pub json: bool,
    /// For the textfile collector of Prometheus' node exporter
    #[arg(long)]
    pub prometheus: bool,
    /// One page for a browser, that needs nothing else and no network
    #[arg(long)]
    pub html: bool,
}

/// Which records. Each option may be given more than once; names may hold * and ?.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Filter {
    /// From this time on: 2026-11-23, 2026-11-23T10:00:00Z (UTC), or so long ago: 90s, 15m, 24h, 7d, 2w
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// The host that the log names
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,
    /// Set by --key, which every command has.
    #[arg(skip)]
    pub key: Vec<String>,
    /// The account
    #[arg(long, value_name = "NAME")]
    pub account: Vec<String>,
    /// The client's address, or a range: 192.0.2.0/24
    #[arg(long, value_name = "ADDRESS")]
    pub client: Vec<String>,
    /// allow, deny, observe or error
    #[arg(long, value_name = "VERDICT")]
    pub verdict: Vec<String>,
    /// The reason code, of any of the rules that refused
    #[arg(long, value_name = "CODE")]
    pub reason: Vec<String>,
    /// By which way a call of the API came: argv, dial-stdio or proxy
    #[arg(long, value_name = "WAY")]
    pub via: Vec<String>,
    /// Docker's words for the command: ps, "compose up"
    #[arg(long, value_name = "NAME")]
    pub command: Vec<String>,
    /// The container that the request names: its name, or a beginning of its id of at least 12 digits
    #[arg(long, value_name = "NAME")]
    pub container: Vec<String>,
    /// The image that it names
    #[arg(long, value_name = "NAME")]
    pub image: Vec<String>,
    /// The Compose project that it names with -p, or a call by its labels
    #[arg(long, value_name = "NAME")]
    pub project: Vec<String>,
    /// Text in the request
    #[arg(long, value_name = "TEXT")]
    pub text: Vec<String>,
}
