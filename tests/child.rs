//! Programs that the gate starts: how they are started, what they say, and that they end. No test here may run beside
//! another: what a child leaves behind is whatever the process has for children.
#![expect(clippy::disallowed_methods, reason = "these are tests")]

use anyhow::Result;
use dockgate::exit::Outcome;
use dockgate::run::child::Bond;
use dockgate::run::output::{self, Said};
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

static ONE: Mutex<()> = Mutex::new(());

const BONDS: [Bond; 2] = [Bond::Starter, Bond::None];

fn shell(script: &str, bond: Bond, most: u64, seconds: u64) -> Result<Said> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    output::start(command, bond)?.said(most, Instant::now() + Duration::from_secs(seconds))
}

#[test]
fn what_it_says_and_how_it_ends_is_told() {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    for bond in BONDS {
        let said = shell("echo out; echo err >&2; exit 3", bond, 100, 60).unwrap();
        assert_eq!((said.outcome, said.text.as_str(), said.errors.as_str()), (Outcome::Code(3), "out\n", "err\n"));
        assert_eq!(shell("kill -9 $$", bond, 100, 60).unwrap().outcome, Outcome::Signal(Signal::SIGKILL));
        // No signal is blocked or ignored that a program could wait for.
        nix::sys::signal::SigSet::all().thread_block().unwrap();
        let blocked = shell("sed -n 's/^SigBlk:.//p' /proc/self/status", bond, 1000, 60).unwrap().text;
        assert_eq!(blocked, "0000000000000000\n");
        let ignored = shell("sed -n 's/^SigIgn:.//p' /proc/self/status", bond, 1000, 60).unwrap().text;
        let ignored = u64::from_str_radix(ignored.trim_end(), 16).unwrap();
        assert_eq!(ignored >> (Signal::SIGPIPE as u32 - 1) & 1, 0, "SIGPIPE");
    }
}

#[test]
fn what_goes_on_or_says_too_much_is_killed() {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    dockgate::run::child::adopt().unwrap();
    // The second holds standard output open.
    for bond in BONDS {
        for script in ["exec sleep 1000", "sleep 1000 & wait", "sleep 1000 & exit"] {
            let error = shell(script, bond, 100, 0).unwrap_err();
            assert!(error.to_string().contains("in time"), "{error:#}");
            while let Ok(ended) = nix::sys::wait::waitpid(None, None) {
                assert!(matches!(ended, WaitStatus::Signaled(_, Signal::SIGKILL, _)), "{script} left {ended:?}");
            }
        }
        assert!(shell("exec yes", bond, 100, 60).unwrap_err().to_string().contains("more than 100 bytes"));
        assert!(shell(r"printf '\377'", bond, 100, 60).unwrap_err().to_string().contains("UTF-8"));
    }
}

#[test]
fn what_cannot_be_started_says_why() {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    for bond in BONDS {
        let missing = output::start(Command::new("/no/such/program"), bond).unwrap_err();
        assert!(missing.to_string().contains("No such file"), "{missing:#}");
    }
}
