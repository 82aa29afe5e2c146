//! One real docker, run as the gate would run it, in a directory of its own, with everything watched.

use crate::engine::{Call, Engine};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::io::{Read, Seek};
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// Which docker, with what of a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Flavour {
    /// 28.5 with Compose and buildx.
    New,
    /// 28.5 alone, which falls back on the builder of old.
    NewAlone,
    /// 20.10 alone, with the builder of old.
    Old,
    /// 20.10 alone, with BuildKit.
    OldBuildKit,
}

impl Flavour {
    pub(crate) const ALL: &'static [Self] = &[Self::New, Self::NewAlone, Self::Old, Self::OldBuildKit];

    pub(crate) fn program(self) -> PathBuf {
        let version = match self {
            Self::New | Self::NewAlone => "docker-28.5",
            Self::Old | Self::OldBuildKit => "docker-20.10",
        };
        lab().join(version).join("usr/bin/docker")
    }
}

/// Where `scripts/lab.sh` has unpacked the dockers.
fn lab() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lab");
    std::env::var_os("DOCKGATE_LAB_CACHE").map_or_else(default, PathBuf::from)
}

/// Fails with what to do when a docker is not there.
pub(crate) fn require_dockers() {
    for flavour in Flavour::ALL {
        let program = flavour.program();
        assert!(program.exists(), "{} is missing: run `make test`, which fetches it", program.display());
    }
}

/// Started by its name, any of these is recorded.
const SHIMS: &[&str] = &[
    "ssh",
    "ssh-add",
    "ssh-agent",
    "git",
    "git-remote-https",
    "pass",
    "gpg",
    "sh",
    "bash",
    "env",
    "python3",
    "xdg-open",
    "open",
    "kubectl",
    "ps",
    "tar",
    "docker",
    "docker-compose",
    "docker-buildx",
    "docker-credential-pass",
    "docker-credential-desktop",
    "docker-credential-secretservice",
    "docker-credential-osxkeychain",
    "docker-credential-ecr-login",
    "docker-credential-gcloud",
    "unpigz",
    "xz",
    "gzip",
    "newuidmap",
    "iptables",
    "runc",
];

/// How long a run may take. Streams of the recording daemon end at once.
const PATIENCE: Duration = Duration::from_secs(6);

/// What only forbidden files hold.
pub(crate) const CANARIES: &[&str] = &["canary-of-home", "canary-of-outside", "canary-of-config"];

/// A place to run in, with its two daemons. `number` also gives the user id, so that what it leaves in shared
/// directories can be told from others' files.
pub(crate) struct Place {
    pub(crate) base: tempfile::TempDir,
    pub(crate) right: Engine,
    wrong: Engine,
    user: Option<u32>,
}

/// Files, and when they were read.
type Accesses = Vec<(Option<(i64, i64)>, PathBuf)>;

/// What was seen of a run.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) calls: Vec<Call>,
    pub(crate) elsewhere: Vec<Call>,
    /// Programs started, files written, forbidden files read.
    pub(crate) effects: Vec<String>,
    pub(crate) errors: String,
    pub(crate) code: Option<i32>,
    pub(crate) late: bool,
}

impl Place {
    pub(crate) fn new(number: u32) -> Self {
        let base = tempfile::Builder::new().prefix("oracle").tempdir().expect("a directory");
        fs::set_permissions(base.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
        let user = nix::unistd::geteuid().is_root().then_some(61_000 + number);
        let right = Engine::listen(&base.path().join("a.sock"));
        let wrong = Engine::listen(&base.path().join("b.sock"));
        let place = Self { base, right, wrong, user };
        place.furnish();
        place
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.base.path().join(relative)
    }

    /// A word with the place's own paths in it.
    pub(crate) fn fill(&self, word: &str) -> String {
        let text = |relative: &str| self.path(relative).display().to_string();
        word.replace("@A@", &text("a.sock"))
            .replace("@B@", &text("b.sock"))
            .replace("@HOME@", &text("home"))
            .replace("@OUT@", &text("outside"))
    }

    fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, text).expect("a file");
    }

    /// Lays out home, project, configuration and shims, anew.
    pub(crate) fn furnish(&self) {
        for old in ["home", "outside", "config", "bare", "shims", "state"] {
            let _ = fs::remove_dir_all(self.path(old));
        }
        for root in ["home", "home/project"] {
            self.write(&format!("{root}/Dockerfile"), "FROM busybox\nCOPY app.env /\n");
            self.write(&format!("{root}/sub/Dockerfile"), "FROM busybox\n");
            self.write(&format!("{root}/compose.yaml"), "name: p\nservices: {web: {image: busybox}}\n");
            self.write(&format!("{root}/app.env"), "A=1\n");
            self.write(&format!("{root}/c.yaml"), "");
            self.write(&format!("{root}/data/in/x"), "x\n");
            for (name, target) in
                [("link-out", "outside"), ("link-env", "outside/secret.env"), ("dangling", "outside/none/x")]
            {
                symlink(self.path(target), self.path(&format!("{root}/{name}"))).expect("a link");
            }
            symlink("data", self.path(&format!("{root}/link-in"))).expect("a link");
        }
        self.write("home/other.env", "O=canary-of-home\n");
        self.write("home/.ssh/id", "K=canary-of-home\n");
        self.write("home/.ssh/authorized_keys", "canary-of-home\n");
        self.write("home/.docker/config.json", "{\"x\": \"canary-of-home\"}\n");
        self.write("outside/secret.env", "S=canary-of-outside\n");
        self.write("outside/Dockerfile", "FROM busybox\n# canary-of-outside\n");
        self.write("outside/srv/x", "x\n");
        // Where buildx keeps its state, which is nobody's business.
        self.write("state/made", "");
        // With a login of the administrator's, and another daemon as a context.
        let config = "{\"auths\": {\"registry.invalid\": {\"auth\": \"eDpjYW5hcnktb2YtY29uZmln\"}}}\n";
        let name: String = Sha256::digest(b"other").iter().map(|byte| format!("{byte:02x}")).collect();
        let context = serde_json::json!({"Name": "other", "Metadata": {}, "Endpoints": {"docker": {"Host": self.fill("unix://@B@"), "SkipTLSVerify": false}}});
        for directory in ["config", "bare"] {
            self.write(&format!("{directory}/config.json"), config);
            self.write(&format!("{directory}/contexts/meta/{name}/meta.json"), &context.to_string());
        }
        fs::create_dir(self.path("config/cli-plugins")).expect("a directory");
        for plugin in ["docker-compose", "docker-buildx"] {
            let program = lab().join("docker-28.5/usr/libexec/docker/cli-plugins").join(plugin);
            symlink(program, self.path("config/cli-plugins").join(plugin)).expect("a link");
        }
        for shim in SHIMS {
            let path = format!("shims/{shim}");
            self.write(
                &path,
                &format!("#!/bin/sh\necho \"{shim} $*\" >>{}\nexit 1\n", self.path("shim.log").display()),
            );
            fs::set_permissions(self.path(&path), fs::Permissions::from_mode(0o755)).expect("its mode");
        }
        self.write("shim.log", "");
        fs::set_permissions(self.path("shim.log"), fs::Permissions::from_mode(0o666)).expect("its mode");
        if let Some(user) = self.user {
            for path in tree(&self.path("home")).into_iter().chain(tree(&self.path("state"))) {
                lchown(&path, Some(user), Some(user)).expect("an owner");
            }
        }
        // Older than a day, so that the next read changes the time of access (mount option relatime).
        let old = SystemTime::now() - Duration::from_secs(3 * 86_400);
        for path in self.forbidden(true) {
            let file = File::options().write(true).open(&path).expect("a file");
            file.set_times(FileTimes::new().set_accessed(old).set_modified(old)).expect("times");
        }
    }

    /// Files that the client must not read. What lies beside the project is the request's own when it
    /// starts in the home.
    fn forbidden(&self, in_project: bool) -> Vec<PathBuf> {
        let mut files = vec![
            "home/.ssh/id",
            "home/.ssh/authorized_keys",
            "home/.docker/config.json",
            "outside/secret.env",
            "outside/Dockerfile",
            "outside/srv/x",
        ];
        if in_project {
            files.push("home/other.env");
        }
        files.into_iter().map(|file| self.path(file)).collect()
    }

    /// When forbidden files were read last.
    pub(crate) fn accesses(&self, in_project: bool) -> Accesses {
        self.forbidden(in_project).into_iter().map(|path| (access(&path), path)).collect()
    }

    /// The forbidden files that have been read since.
    pub(crate) fn read_since(&self, accesses: &Accesses) -> Vec<String> {
        let read = accesses.iter().filter(|(time, path)| access(path) != *time);
        read.map(|(_, path)| format!("read {}", self.hide(&path.display().to_string()))).collect()
    }

    /// Puts a Compose file where requests look for one.
    pub(crate) fn put_project(&self, text: &str) {
        for root in ["home", "home/project"] {
            for name in ["c.yaml", "compose.yaml"] {
                fs::write(self.path(root).join(name), text).expect("a file");
            }
        }
    }

    /// Runs docker with `argv` in `environment`, its daemon and `PATH` replaced.
    pub(crate) fn run(
        &self,
        flavour: Flavour,
        argv: &[String],
        environment: &[(std::ffi::OsString, std::ffi::OsString)],
        in_project: bool,
    ) -> Seen {
        let config = self.path(if flavour == Flavour::New { "config" } else { "bare" });
        self.right.set_buildkit(matches!(flavour, Flavour::New | Flavour::OldBuildKit));
        self.right.take();
        self.wrong.take();
        let before = self.state();
        let accessed = self.accesses(in_project);
        let output = || tempfile::tempfile().expect("a file");
        let (out, mut err) = (output(), output());
        let mut input = output();
        std::io::Write::write_all(&mut input, b"FROM busybox\n").and_then(|()| input.rewind()).expect("input");
        let mut command = Command::new(flavour.program());
        command.args(argv).env_clear().envs(environment.iter().cloned()).env("DOCKER_CONFIG", config);
        let path =
            environment.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.to_string_lossy().into_owned());
        command.env("PATH", format!("{}:{}", self.path("shims").display(), path.unwrap_or_default()));
        command.current_dir(self.path(if in_project { "home/project" } else { "home" })).process_group(0);
        command.stdin(input).stdout(Stdio::from(out)).stderr(err.try_clone().expect("a file"));
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        let mut child = command.spawn().expect("docker starts");
        let group = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
        let end = Instant::now() + PATIENCE;
        let mut code = None;
        let mut late = true;
        while Instant::now() < end {
            if let Some(status) = child.try_wait().expect("a child") {
                code = status.code();
                late = false;
                break;
            }
            std::thread::sleep(Duration::from_millis(4));
        }
        // What the client has left behind in the background goes with it.
        let _ = killpg(group, Signal::SIGKILL);
        let _ = child.wait();
        let mut errors = Vec::new();
        err.rewind().and_then(|()| err.read_to_end(&mut errors)).expect("errors");
        let mut effects = self.differences(&before);
        effects.extend(self.read_since(&accessed));
        let started = fs::read_to_string(self.path("shim.log")).unwrap_or_default();
        effects.extend(started.lines().map(|line| format!("started {}", self.hide(line))));
        if !effects.is_empty() {
            self.furnish();
        }
        Seen {
            calls: self.right.take(),
            elsewhere: self.wrong.take(),
            effects,
            errors: self.hide(&String::from_utf8_lossy(&errors)),
            code,
            late,
        }
    }

    /// Takes the place's own paths out of a text.
    pub(crate) fn hide(&self, text: &str) -> String {
        text.replace(&self.base.path().display().to_string(), "@BASE@")
    }

    fn state(&self) -> BTreeMap<PathBuf, (u64, i64, i64, u32)> {
        let own = ["home", "outside", "config", "bare"].iter().flat_map(|root| tree(&self.path(root)));
        let shared = ["/tmp", "/var/tmp", "/dev/shm"].into_iter().filter_map(|root| fs::read_dir(root).ok());
        let user = self.user;
        let left = shared
            .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
            .filter(move |path| fs::symlink_metadata(path).is_ok_and(|metadata| Some(metadata.uid()) == user));
        own.chain(left)
            .filter_map(|path| {
                let metadata = fs::symlink_metadata(&path).ok()?;
                let size = if metadata.is_dir() { 0 } else { metadata.len() };
                Some((path, (size, metadata.mtime(), metadata.mtime_nsec(), metadata.mode())))
            })
            .collect()
    }

    fn differences(&self, before: &BTreeMap<PathBuf, (u64, i64, i64, u32)>) -> Vec<String> {
        let after = self.state();
        let mut found = Vec::new();
        for (path, state) in &after {
            match before.get(path) {
                None => found.push(format!("made {}", self.hide(&path.display().to_string()))),
                Some(old) if old != state => found.push(format!("changed {}", self.hide(&path.display().to_string()))),
                Some(_) => {}
            }
            // In a shared directory nobody else clears it away.
            if !before.contains_key(path) && !path.starts_with(self.base.path()) {
                let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
            }
        }
        found.extend(
            before
                .keys()
                .filter(|path| !after.contains_key(*path))
                .map(|path| format!("removed {}", self.hide(&path.display().to_string()))),
        );
        found
    }
}

fn access(path: &Path) -> Option<(i64, i64)> {
    fs::symlink_metadata(path).ok().map(|metadata| (metadata.atime(), metadata.atime_nsec()))
}

/// A directory and everything in it, symbolic links not followed.
fn tree(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.to_owned()];
    let mut index = 0;
    while let Some(path) = found.get(index).cloned() {
        if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
            found.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
        index += 1;
    }
    found
}
