//! Collects arguments and environment, starts the gate or a sub-command, and ends with its exit code.
#![expect(clippy::disallowed_methods, reason = "the environment and arguments are collected here, and nowhere else")]

use dockgate::admin::{self, caller::Caller};
use dockgate::cli::{Cli, Options};
use dockgate::denial::Denial;
use dockgate::exit::{Ending, Exit, Outcome};
use dockgate::gate::Gate;
use dockgate::policy::candidate::Candidate;
use dockgate::policy::set::Selected;
use dockgate::request::account::{self, Account, is_locale};
use dockgate::request::start::{Itself, Start};
use dockgate::request::{Client, Request};
use dockgate::run::signals;
use dockgate::serve;
use dockgate::world::{identity, policy_file};
use dockgate::{answer, audit};
use nix::unistd::{Pid, Uid, getppid};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// musl's own maps and unmaps memory for every few allocations. This one takes its lock as it stands into a forked
/// child: see [`dockgate::run::child::Bond`].
#[cfg(target_env = "musl")]
#[global_allocator]
static HEAP: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    // A panic ends as a refusal like others, with a record. Its message is not shown: it could hold words of the
    // request.
    std::panic::set_hook(Box::new(|defect| {
        let place = defect.location().map_or_else(String::new, |place| format!(" at {place}"));
        answer::say(&format!("dockgate: internal error{place}; please report it\n"));
    }));
    let parent = getppid();
    let original = std::env::var_os("SSH_ORIGINAL_COMMAND");
    let ending = match Start::of(std::env::args_os().collect(), original.is_some(), &ThisProgram) {
        Start::Request(command) => run(alone(Options::default()), Asked { command, login: false }, parent),
        Start::Login(command) => run(alone(Options::default()), Asked { command: Some(command), login: true }, parent),
        Start::Own(arguments) => match read(arguments) {
            Ok(cli) => run(cli, Asked { command: original.map(OsString::into_vec), login: false }, parent),
            Err(error) => {
                // A client that has gone needs no message.
                let _ = error.print();
                if error.use_stderr() { Exit::Usage.into() } else { Exit::Success.into() }
            }
        },
    };
    match ending {
        Ending::Gate(exit) => exit.into(),
        Ending::Docker(outcome) => as_docker(outcome),
    }
}

/// dockgate's own command line.
fn read(arguments: Vec<OsString>) -> Result<Cli, clap::Error> {
    match arguments.get(1..).and_then(Options::alone) {
        Some(options) => Ok(alone(options)),
        None => Cli::read(arguments),
    }
}

fn alone(options: Options) -> Cli {
    Cli { options, command: None }
}

/// Ends as docker has ended, for whoever waits for the gate.
fn as_docker(outcome: Outcome) -> ExitCode {
    match outcome {
        Outcome::Code(code) => ExitCode::from(code as u8),
        Outcome::Signal(signal) => {
            signals::die_of(signal);
            // One that this process ignores: as a shell puts it.
            ExitCode::from(128 | signal as u8)
        }
    }
}

struct ThisProgram;

impl Itself for ThisProgram {
    fn is_itself(&self, program: &str) -> bool {
        let real = |path: std::path::PathBuf| path.canonicalize().ok();
        let own = std::env::current_exe().ok().and_then(real);
        program.starts_with('/') && own.is_some() && real(program.into()) == own
    }
}

/// What was sent, and whether it is to log in all the same.
struct Asked {
    command: Option<Vec<u8>>,
    login: bool,
}

fn run(Cli { options, command }: Cli, asked: Asked, parent: Pid) -> Ending {
    let Options { config, profile, key } = options;
    let known = identity::account();
    let number = Uid::current();
    let unknown = known.as_ref().err().map(|error| account::unknown(number.as_raw(), &format!("{error:#}")));
    let (name, home) = known.unwrap_or_else(|_| identity::nameless(number));
    let request = request(name.clone(), key, asked);
    let account = account(name, home);
    match command {
        Some(command) => admin::run(command, Caller { config, profile, request, account, parent }).into(),
        None => serve(config.as_deref(), profile.as_deref(), &request, (account, unknown), parent),
    }
}

/// Serves one request, by the policy that its key gets.
fn serve(
    config: Option<&Path>,
    named: Option<&str>,
    request: &Request,
    (account, unknown): (Account, Option<Denial>),
    parent: Pid,
) -> Ending {
    let set = match policy_file::load(config) {
        Ok(set) => set,
        Err(error) => return broken_policy(&error, config, request, named.unwrap_or("default")).into(),
    };
    let Selected { policy, profile, because: _, denial } = set.select(request, named);
    let candidate = policy_file::candidate(config).map(|set| Candidate::of(set.as_ref(), request, named, &policy));
    // Of both this process has nothing to clear away: it ends with them.
    std::mem::forget(set);
    let gate =
        Arc::new(Gate { policy: policy.into(), candidate, profile, refusal: unknown.or(denial), account, parent });
    std::mem::forget(Arc::clone(&gate));
    serve::serve(&gate, request, identity::record_id())
}

/// What sshd says of the connection.
fn request(user: String, key: Option<String>, Asked { command, login }: Asked) -> Request {
    let text = |name: &str| std::env::var_os(name).and_then(|value| value.into_string().ok());
    let proof = std::env::var_os("SSH_USER_AUTH").and_then(|file| identity::proof(file.as_ref()));
    let (fingerprint, certificate) = proof.map(|proof| (proof.fingerprint, proof.certificate)).unzip();
    Request {
        user,
        key,
        fingerprint,
        certificate: certificate.flatten(),
        client: text("SSH_CONNECTION").and_then(|connection| Client::parse(&connection)),
        peer: None,
        command,
        login,
    }
}

fn account(name: String, home: PathBuf) -> Account {
    let locale = std::env::vars_os().filter(
        |(name, value)| matches!((name.to_str(), value.to_str()), (Some(name), Some(value)) if is_locale(name, value)),
    );
    Account { name, home, locale: locale.collect() }
}

/// Nothing runs with a broken policy. Of what stands in the file the client is told nothing.
fn broken_policy(error: &anyhow::Error, config: Option<&Path>, request: &Request, profile: &str) -> Exit {
    let id = identity::record_id();
    let recorded = audit::fallback::policy_broken(policy_file::audit_socket(config), request, profile, &id, "-");
    let record = if recorded { format!("record: {id}\n") } else { String::new() };
    answer::say(&format!(
        "ERROR: policy: it is broken or not trustworthy, so nothing was run\nreason: {}\nhint: the administrator has to mend it (dockgate policy validate); sending this again cannot help\n{record}",
        audit::escape::for_terminal(&error.to_string())
    ));
    Exit::Config
}
