//! What people and agents send besides docker, named for what it is. Pure.

use super::catalogue;
use crate::denial::{Denial, Reason};

/// One kind of request that is not docker.
struct Known {
    /// First words, without a directory, that mark it.
    names: &'static [&'static str],
    what: &'static str,
    hint: &'static str,
}

const KNOWN: &[Known] = &[
    Known {
        names: &["sftp-server", "internal-sftp", "sftp", "scp"],
        what: "sftp and scp copy files",
        hint: "no files can be copied to or from this host; give data to docker on its standard input: tar c . | ssh HOST docker build -",
    },
    Known {
        names: &["rsync", "unison", "borg"],
        what: "this synchronises files",
        hint: "no files can be copied to or from this host; give data to docker on its standard input: tar c . | ssh HOST docker build -",
    },
    Known {
        names: &["git", "git-upload-pack", "git-receive-pack", "git-upload-archive", "git-shell"],
        what: "this is a Git transfer",
        hint: "there are no repositories here; docker can build from one: docker build https://HOST/REPOSITORY.git",
    },
    Known {
        names: &["sh", "bash", "dash", "zsh", "fish", "ash", "ksh", "busybox", "source", "eval", "exec", "cd"],
        what: "this needs a shell",
        hint: "no shell runs here; send one docker command in each request: ssh HOST docker ps",
    },
    Known {
        names: &[
            "for", "while", "until", "if", "case", "do", "done", "then", "else", "fi", "esac", "function", "select",
            "[", "[[", "test", "set", "unset", "alias", "trap", "wait", "jobs", "bg", "fg", "ulimit", "umask",
        ],
        what: "this is a word of the shell's, and no shell runs here",
        hint: "loop and choose on your own side, and send one docker command in each request: ssh HOST docker ps",
    },
    Known {
        names: &["export"],
        what: "this is a word of the shell's, and variables cannot be set here",
        hint: "write the value into the command or the Compose file; docker run -e NAME=VALUE gives a container a variable",
    },
    Known {
        names: &["kill"],
        what: "this is a word of the shell's, and processes of the host are out of reach",
        hint: "docker kill NAME ends a container",
    },
    Known {
        names: &[
            "cat", "tail", "head", "less", "ls", "find", "grep", "echo", "printf", "tar", "curl", "wget", "tee", "pwd",
        ],
        what: "this would look at the host or work on files, and only docker runs here",
        hint: "docker logs NAME shows what a container prints; data goes to docker on standard input: tar c . | ssh HOST docker build -",
    },
    Known {
        names: &["systemctl", "journalctl", "htop", "df", "free", "uname", "whoami", "id", "hostname"],
        what: "this is about the host itself",
        hint: "docker ps lists containers; docker restart NAME restarts one; docker stats --no-stream and docker system df show what they use",
    },
    Known {
        names: &["sudo", "su", "doas", "run0", "pkexec"],
        what: "this would run docker as somebody else",
        hint: "docker already runs with all the rights that this account has; leave it out: docker ps",
    },
    Known {
        names: &["env", "nohup", "timeout", "time", "nice", "stdbuf", "xargs", "setsid", "script", "command"],
        what: "this would start docker through another program",
        hint: "send the docker command alone: docker ps; set limits and variables on your own side",
    },
    Known {
        names: &["docker-compose", "docker-compose-v1", "podman-compose"],
        what: "this is the old Compose program",
        hint: "use docker's own: docker compose ps",
    },
    Known {
        names: &["podman", "nerdctl", "kubectl", "ctr", "buildah", "crictl", "docker-buildx", "dockerd", "runc"],
        what: "this is another program",
        hint: "only docker can be run here: docker ps",
    },
];

/// The refusal of a request whose first word is not `docker`.
pub fn denial(first: &str, rest: &[String]) -> Denial {
    let name = first.rsplit('/').next().unwrap_or(first);
    let refuse = |why: &str, hint: &str| {
        let hint = with_own(hint, name, rest);
        Denial::new(Reason::NotDocker, first, format!("only docker can be run here; {why}"), hint)
    };
    if let Some(known) = KNOWN.iter().find(|known| known.names.contains(&name)) {
        return refuse(known.what, known.hint);
    }
    if name == "docker" {
        return refuse("the word must be exactly docker, not a path", "leave the directory out: docker ps");
    }
    if name.eq_ignore_ascii_case("docker") {
        return refuse("it is written in lower case", "docker ps");
    }
    if is_assignment(first) {
        return refuse(
            "variables cannot be set in front of a command",
            "leave the assignment out: docker ps; a Compose file has the value itself, or its default: ${NAME:-VALUE}; a container's own variables are given with docker run -e NAME=VALUE",
        );
    }
    match first {
        "" if rest.is_empty() => Denial::new(
            Reason::NotDocker,
            "request",
            "there is no command in it",
            "docker ps, for example; `help` lists more",
        ),
        "dockgate" => refuse("dockgate answers only policy show and check", "ssh HOST dockgate policy show"),
        // Docker's own commands, without the word docker in front.
        word if matches!(catalogue::find(word), catalogue::Found::Leaf(_)) => {
            refuse("docker itself is missing", &format!("docker {word} …"))
        }
        _ => refuse("this is another program", "`help` lists what may be run here; sending this again cannot help"),
    }
}

/// The command of a hint's example.
const EXAMPLE: &str = ": docker ps";

/// A hint that says what to send instead, with the request's own docker command where that is plain.
fn with_own(hint: &str, name: &str, rest: &[String]) -> String {
    let words: Option<Vec<&str>> = match name {
        "docker" => Some(std::iter::once("docker").chain(rest.iter().map(String::as_str)).collect()),
        _ => rest.iter().position(|word| word == "docker").map(|at| rest.iter().skip(at).map(String::as_str).collect()),
    };
    let own = words.filter(|words| words.len() > 1).map(|words| words.join(" "));
    // What makes a container could need options that it has not, and hints have them put into it.
    let makes = |own: &str| ["docker run ", "docker create "].iter().any(|command| own.contains(command));
    match own.filter(|own| own.len() <= MAX_OWN && own.bytes().all(is_plain) && !makes(own)) {
        Some(own) => hint.replace(EXAMPLE, &format!(": {own}")),
        None => hint.to_owned(),
    }
}

/// A longer command than this, in bytes, says less in a hint than an example.
const MAX_OWN: usize = 200;

/// Bytes that mean the same quoted or not, and end no part of a hint.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" -_./:=,@+%".contains(&byte)
}

/// `NAME=value` (POSIX.1-2017, XCU 2.9.1).
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::denial;

    #[test]
    fn a_hint_has_the_request_s_own_command() {
        for (request, says) in [
            ("TAG=1.2 docker compose -p shop up -d", "leave the assignment out: docker compose -p shop up -d;"),
            ("A=1 B=2 docker ps --all", "leave the assignment out: docker ps --all;"),
            ("sudo -n docker logs web", "leave it out: docker logs web"),
            ("timeout 5 docker logs web", "send the docker command alone: docker logs web;"),
            ("/usr/bin/docker images", "leave the directory out: docker images"),
            // Neither whole nor plain.
            ("A=1 true", "leave the assignment out: docker ps;"),
            ("A=1 docker run busybox", "leave the assignment out: docker ps;"),
            ("A=1 docker logs a;b", "leave the assignment out: docker ps;"),
        ] {
            let words: Vec<String> = request.split(' ').map(str::to_owned).collect();
            let hint = denial(&words[0], &words[1..]).hint;
            assert!(hint.contains(says), "{request}: {hint}");
        }
    }

    #[test]
    fn each_is_named_for_what_it_is() {
        for (word, says) in [
            ("/usr/lib/openssh/sftp-server", "copy files"),
            ("scp", "copy files"),
            ("rsync", "synchronises"),
            ("git-upload-pack", "Git"),
            ("bash", "shell"),
            ("sudo", "somebody else"),
            ("env", "through another program"),
            ("docker-compose", "old Compose"),
            ("/usr/bin/docker", "not a path"),
            ("./docker", "not a path"),
            ("Docker", "lower case"),
            ("FOO=bar", "variables"),
            ("ps", "docker itself is missing"),
            ("ls", "work on files"),
            ("for", "a word of the shell"),
            ("kill", "a word of the shell"),
            ("frobnicate", "another program"),
            ("", "no command"),
        ] {
            let denial = denial(word, &[]);
            assert!(denial.message.contains(says), "{word}: {}", denial.message);
            assert!(!denial.hint.is_empty());
        }
    }
}
