//! A machine of the tests' own: `machine.sh` in namespaces, which end with it.
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A running machine, set up as docs/install.md has it.
pub(crate) struct Machine {
    unshare: Child,
    /// Its first process, as this machine numbers it.
    first: String,
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// What `dockgate doctor --json` prints.
#[derive(serde::Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Report {
    pub(crate) ok: bool,
    pub(crate) findings: Vec<Finding>,
}

#[derive(serde::Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finding {
    pub(crate) check: String,
    pub(crate) level: String,
    pub(crate) what: String,
    pub(crate) fix: String,
}

impl Report {
    /// `LEVEL CHECK` of everything found.
    pub(crate) fn found(&self) -> Vec<String> {
        self.findings.iter().map(|found| format!("{} {}", found.level, found.check)).collect()
    }
}

impl Machine {
    pub(crate) fn start() -> Self {
        Self::of(env!("CARGO_BIN_EXE_dockgate").as_ref())
    }

    /// One that has this program for its dockgate.
    pub(crate) fn of(program: &std::path::Path) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/machine/machine.sh");
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", script]);
        unshare.arg(program).env_clear().env("PATH", PATH);
        let mut unshare = unshare.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(unshare.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        let children = format!("/proc/{0}/task/{0}/children", unshare.id());
        let first = std::fs::read_to_string(children).unwrap_or_default().trim().to_owned();
        let machine = Self { unshare, first };
        assert_eq!(said, "ready\n", "the machine did not come up; these tests need root");
        machine
    }

    /// Runs a command of root's shell, as an administrator would.
    pub(crate) fn sh(&self, command: &str) -> Outcome {
        let mut nsenter = Command::new("nsenter");
        nsenter.args([
            "--target",
            &self.first,
            "--mount",
            "--net",
            "--pid",
            "--",
            "timeout",
            "60",
            "sh",
            "-euc",
            command,
        ]);
        nsenter.env_clear().env("PATH", PATH).env("HOME", "/home/agent").current_dir("/").stdin(Stdio::null());
        let output = nsenter.output().unwrap();
        Outcome {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a command that has to succeed.
    #[track_caller]
    pub(crate) fn must(&self, command: &str) -> String {
        let Outcome { code, out, err } = self.sh(command);
        assert_eq!(code, 0, "{command}\n{out}{err}");
        out
    }

    /// What doctor finds.
    #[track_caller]
    pub(crate) fn doctor(&self, options: &str) -> Report {
        self.report(&format!("--user ai-worker {options}"))
    }

    /// What doctor finds of what these options name.
    #[track_caller]
    pub(crate) fn report(&self, options: &str) -> Report {
        let Outcome { code, out, err } = self.sh(&format!("dockgate doctor --json {options}"));
        let report: Report = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
        assert_eq!(code, i32::from(!report.ok), "{out}{err}");
        report
    }

    /// A request by ssh with the agent's key.
    pub(crate) fn ssh(&self, request: &str) -> Outcome {
        self.sh(&format!(
            "ssh -q -i /home/agent/hermes -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no \
             -o UserKnownHostsFile=/dev/null -o ConnectTimeout=10 ai-worker@127.0.0.1 '{request}'"
        ))
    }

    /// Whether the agent gets what the policy permits it.
    pub(crate) fn works(&self) -> bool {
        let Outcome { code, out, .. } = self.ssh("docker ps");
        code == 0 && out == "docker was called with: ps\n"
    }
}

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Drop for Machine {
    fn drop(&mut self) {
        // The kernel ends all of its processes with the first.
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
    }
}
