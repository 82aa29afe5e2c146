//! Shell: refusals of what only a shell does — pipes, redirections, lists, expansions — with the words that do the same
//! from the client's own shell. Pure. The hints repeat the request's own words, so that an agent can send the next
//! command as it stands.

use crate::denial::{Denial, Reason};

const NO_SHELL: &str = "no shell runs here: the gate starts docker itself, with the words of the request";

/// A hint repeats no more of a request than this many characters.
const MOST: usize = 300;

/// The refusal of an operator, `c`, between what stands `before` and `after` it.
pub(super) fn operator(before: &str, c: char, after: &str) -> Denial {
    let (name, hint) = match c {
        _ if keyword(before).is_some() => ("a compound command", compound(before)),
        '&' if before.ends_with('>') => redirected_both(before, after),
        '|' if after.starts_with('|') => ("a second command", second(before, after.trim_start_matches('|'))),
        '|' => ("a pipe", pipe(before, after.trim_start_matches('&'))),
        '>' => redirected_out(before, after),
        '<' => redirected_in(before, after),
        '&' if after.starts_with('>') => redirected_both(before, after),
        '&' if after.starts_with('&') => ("a second command", second(before, after.trim_start_matches('&'))),
        '&' => (
            "a background job",
            "nothing runs on here when the request ends: docker run -d IMAGE leaves a container running".to_owned(),
        ),
        ';' => ("a second command", second(before, after)),
        _ => ("a subshell", "send one plain docker command in each request".to_owned()),
    };
    Denial::new(
        Reason::ShellOperator,
        format!("'{c}'"),
        format!("in a shell it makes {name}, and {NO_SHELL}"),
        format!("{hint}; if you mean the character, quote it: '{c}'"),
    )
}

/// `ssh HOST COMMAND`, quoted for the client's own shell.
fn send(command: &str) -> String {
    let command: String = command.trim().chars().take(MOST).collect();
    match command.is_empty() {
        true => "ssh HOST 'docker …'".to_owned(),
        false => format!("ssh HOST {}", shell_words::quote(&command)),
    }
}

/// As [`send`], or docker in general where the words are another program's.
fn send_docker(command: &str) -> String {
    send(if is_docker(command) { command } else { "" })
}

fn is_docker(command: &str) -> bool {
    command.trim_start() == "docker" || command.trim_start().starts_with("docker ")
}

fn shown(text: &str) -> String {
    text.trim().chars().take(MOST).collect()
}

fn pipe(before: &str, after: &str) -> String {
    match (is_docker(before), is_docker(after)) {
        (_, true) => format!("data goes to docker on ssh's standard input: {} | {}", shown(before), send(after)),
        (true, false) => format!(
            "run docker alone and filter on your own side: {} | {}",
            send(before),
            match after.trim() {
                "" => "grep NAME".to_owned(),
                // docker runs over there.
                other if other.starts_with("xargs ") => shown(other).replacen("docker ", "ssh HOST docker ", 1),
                other => shown(other),
            }
        ),
        (false, false) => "run docker alone and filter on your own side: ssh HOST 'docker ps' | grep NAME".to_owned(),
    }
}

/// `>`: to a file, or one stream into the other.
fn redirected_out(before: &str, after: &str) -> (&'static str, String) {
    let number = before.ends_with(['1', '2']);
    let command = before.strip_suffix(['1', '2']).unwrap_or(before);
    if let (Some(rest), true) = (after.strip_prefix('&'), number) {
        let both = "ssh brings back standard output and standard error, each on its own stream";
        let rest = rest.trim_start_matches(['1', '2', '-']).trim();
        let hint = match rest.is_empty() {
            true => format!("leave it out: {both}"),
            false => format!("{both}; do the rest on your own side: {} 2>&1 {}", send_docker(command), shown(rest)),
        };
        return ("a redirection", hint);
    }
    let target = after.trim_start_matches(['>', '|']).trim();
    let target = if target.is_empty() { "FILE".to_owned() } else { shown(target) };
    let stream = if before.ends_with('2') { "2" } else { "" };
    ("a redirection", format!("redirect on your own side: {} {stream}> {target}", send_docker(command)))
}

fn redirected_both(before: &str, after: &str) -> (&'static str, String) {
    let command = before.trim_end_matches('>');
    let target = after.trim_start_matches('>').trim();
    let target = if target.is_empty() { "FILE".to_owned() } else { shown(target) };
    ("a redirection", format!("redirect on your own side: {} > {target} 2>&1", send_docker(command)))
}

/// `<`: from a file, a here-document or a here-string, all of which ssh's standard input does.
fn redirected_in(before: &str, after: &str) -> (&'static str, String) {
    let command = send_docker(before);
    let hint = if after.starts_with("<<") {
        format!("give the text on ssh's standard input: printf '%s\\n' TEXT | {command}")
    } else if after.starts_with('<') {
        format!("give the text on ssh's standard input: {command} < FILE, or << on your own side, outside the quotes")
    } else {
        let file = after.trim();
        let file = if file.is_empty() || file.starts_with('(') { "FILE".to_owned() } else { shown(file) };
        format!("give the file on ssh's standard input, from your own side: {command} < {file}")
    };
    ("a redirection", hint)
}

/// `;`, `&&`, `||`: what comes first says what was wanted.
fn second(before: &str, after: &str) -> String {
    let first = before.split_whitespace().next().unwrap_or_default();
    match first {
        "cd" | "pushd" => {
            let directory = before.split_whitespace().nth(1).unwrap_or("DIR");
            let directory = directory.trim_start_matches("~/");
            // What is not below the home would be refused there, too.
            let below = !directory.starts_with(['/', '$', '~']) && !directory.contains("..");
            let directory = if below { directory } else { "DIR" };
            format!(
                "requests start in the account's home, and directories below it are named from there: docker compose --project-directory {} …, docker build {}",
                shown(directory),
                shown(directory)
            )
        }
        "export" | "set" | "source" | "." => {
            "variables cannot be set here: write their values into the command or the Compose file".to_owned()
        }
        _ if is_docker(before) && is_docker(after) => format!(
            "send one docker command in each request: {}, then {}",
            send(before),
            send(after.split([';', '&', '|', '\n']).next().unwrap_or_default())
        ),
        _ if is_docker(before) => format!("send one docker command in each request: {}", send(before)),
        _ => "send one docker command in each request: ssh HOST 'docker ps'".to_owned(),
    }
}

/// Reserved words that begin a compound command (POSIX.1-2017, XCU 2.4).
const KEYWORDS: &[&str] = &["for", "while", "until", "if", "case", "{", "!", "function", "select", "[["];

fn keyword(before: &str) -> Option<&str> {
    let first = before.split_whitespace().next()?;
    KEYWORDS.contains(&first).then_some(first)
}

fn compound(before: &str) -> String {
    format!(
        "\"{}\" is a word of the shell's: loop and choose on your own side, and send one docker command in each request: for name in a b; do ssh HOST docker restart $name; done",
        keyword(before).unwrap_or_default()
    )
}

/// The refusal of an expansion that begins with `what`, between what stands `before` and the `rest`.
pub(super) fn expansion(before: &str, what: &str, why: &str, rest: &str) -> Denial {
    let meant = match what {
        "~" if before.trim() == "cd" => second(&format!("cd ~{rest}"), ""),
        "$" | "`" if what == "`" || rest.starts_with('(') => {
            let inner = rest.trim_start_matches('(');
            let inner = inner.split([')', '`']).next().unwrap_or_default();
            format!("run the inner command first, and put what it prints here: {}", send_docker(inner))
        }
        "~" => match rest.strip_prefix('/') {
            Some(path) if !path.starts_with(char::is_whitespace) && !path.is_empty() => {
                let path = path.split(char::is_whitespace).next().unwrap_or_default();
                format!("requests start in the home, so leave ~/ out: {}", shown(path))
            }
            _ => "requests start in the home: name what is below it from there".to_owned(),
        },
        _ => "if you mean the expansion, write out its value".to_owned(),
    };
    Denial::new(
        Reason::ShellExpansion,
        format!("'{what}'"),
        format!("in a shell it {why}, and {NO_SHELL}"),
        format!("{meant}; if you mean the character, put the word into single quotes: '…{what}…'"),
    )
}

/// The refusal of a line end within a request.
pub(super) fn newline() -> Denial {
    Denial::new(
        Reason::ShellNewline,
        "newline",
        format!("in a shell it ends the command, and {NO_SHELL}"),
        "send one docker command in each request, on one line; a newline inside quotes is taken as it is",
    )
}

/// The refusal of a word that begins with `#`.
pub(super) fn comment() -> Denial {
    Denial::new(
        Reason::ShellComment,
        "'#'",
        "a shell would take the rest of the line for a comment",
        "leave the comment out, or quote the word: '#…'",
    )
}

#[cfg(test)]
mod tests {
    use crate::request::words::Words;

    #[track_caller]
    fn hint(request: &str) -> String {
        Words::split(request.as_bytes()).map(drop).expect_err(request).hint
    }

    #[test]
    fn the_hint_is_the_command_to_send_next() {
        for (request, says) in [
            ("docker ps | grep web", "ssh HOST 'docker ps' | grep web;"),
            ("docker ps --format '{{.ID}}' | head -1", "ssh HOST 'docker ps --format '\\''{{.ID}}'\\''' | head -1;"),
            ("docker ps -q | xargs docker rm -f", "ssh HOST 'docker ps -q' | xargs ssh HOST docker rm -f;"),
            ("cat x.tar | docker load", "cat x.tar | ssh HOST 'docker load';"),
            ("docker compose -p x -f - up -d < c.yaml", "ssh HOST 'docker compose -p x -f - up -d' < c.yaml;"),
            ("docker compose -f - up -d <<EOF\nservices: {}\nEOF", "ssh HOST 'docker compose -f - up -d' < FILE"),
            ("docker run -i busybox cat <<< text", "| ssh HOST 'docker run -i busybox cat';"),
            ("docker logs web 2>&1", "leave it out: ssh brings back"),
            ("docker logs web 2>&1 | tail -5", "on your own side: ssh HOST 'docker logs web' 2>&1 | tail -5;"),
            ("docker logs web > out.txt", "ssh HOST 'docker logs web' > out.txt;"),
            ("docker logs web 2>/dev/null", "ssh HOST 'docker logs web' 2> /dev/null;"),
            ("docker logs web &> all", "ssh HOST 'docker logs web' > all 2>&1;"),
            ("docker ps && docker images", "ssh HOST 'docker ps', then ssh HOST 'docker images';"),
            ("docker stop web || true", "send one docker command in each request: ssh HOST 'docker stop web';"),
            ("cd ~/app && docker compose up -d", "--project-directory app"),
            ("export A=1; docker ps", "variables cannot be set here"),
            ("for c in a b; do docker stop $c; done", "\"for\" is a word of the shell's"),
            ("docker rm $(docker ps -aq)", "put what it prints here: ssh HOST 'docker ps -aq';"),
            ("docker rm `docker ps -aq`", "put what it prints here: ssh HOST 'docker ps -aq';"),
            ("docker build ~/app", "leave ~/ out: app;"),
            ("docker run -e A=$HOME x", "write out its value;"),
            ("docker run x sleep 9 &", "docker run -d IMAGE leaves"),
        ] {
            assert!(hint(request).contains(says), "{request}: {}", hint(request));
        }
        assert!(!hint("docker stop web || true").contains("pipe"));
        let message = Words::split(b"docker stop web || true").expect_err("a list").message;
        assert!(message.contains("a second command"), "{message}");
    }
}
