//! The manual pages: dockgate(1) from the command line's own description, dockgate-policy(5) from docs/policy.md.
//! Pure.

mod markdown;
#[cfg(test)]
mod tests;

use anyhow::{Context, Result};
use clap::{Arg, Command};
use clap_mangen::Man;
use dockgate::cli::command_line;
use dockgate::exit::Exit;
use roff::{Inline, Roff, bold, roman};

/// Exit codes of the gate's own.
const EXIT: &[(Exit, &str)] = &[
    (Exit::Success, "dockgate answered by itself, or docker ended with 0."),
    (Exit::Failed, "A check found something, or docker ended with 1."),
    (Exit::Usage, "dockgate's own usage is wrong, or somebody logged in without a command."),
    (Exit::Unavailable, "The record could not be written, or docker is missing. Nothing ran."),
    (Exit::Denied, "The request is refused."),
    (Exit::Config, "The policy file is broken, or could be changed by others than root. Nothing ran."),
];

const FILES: &[(&str, &str)] = &[
    ("/etc/dockgate/policy.toml", "The policy; there need not be one. See dockgate-policy(5)."),
    ("/etc/dockgate/docker", "The docker configuration that requests run with: registry credentials and plugins."),
    ("/dev/log", "The syslog daemon's socket, which takes one record of every decision."),
];

const ENVIRONMENT: &[(&str, &str)] = &[
    ("SSH_ORIGINAL_COMMAND", "The request: what the client asked for. sshd sets it for a forced command."),
    (
        "SSH_USER_AUTH",
        "A file of sshd's that proves which key was accepted; set with ExposeAuthInfo yes. It is believed only \
         where it is /tmp/sshauth.*, the account's, mode 0600, with one link.",
    ),
    ("SSH_CONNECTION", "The client's address and port, for the record and for keys with a from."),
    (
        "LANG, LC_*, TERM",
        "Reach docker where they are plain words. Nothing else of the environment does: HOME, USER and LOGNAME are \
         those of the password database, PATH, DOCKER_HOST and DOCKER_CONFIG those of the policy.",
    ),
];

const SEE_ALSO: &[(&str, &str)] =
    &[("dockgate-policy", "5"), ("authorized_keys", "5"), ("sshd_config", "5"), ("sshd", "8"), ("docker", "1")];

/// dockgate(1): one page, all sub-commands.
///
/// # Errors
/// When a part cannot be rendered.
pub(crate) fn dockgate() -> Result<String> {
    let mut root = command_line();
    root.build();
    let man = Man::new(root.clone()).manual("dockgate").source(version());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    page.extend_from_slice(b".SH SYNOPSIS\n");
    page.extend_from_slice(synopsis(&root, "[COMMAND]").as_bytes());
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut page = String::from_utf8(page)?;
    page.push_str(".SH COMMANDS\n");
    for command in leaves(&root) {
        page.push_str(&section_of(command)?);
    }
    let mut rest = Roff::new();
    let exit: Vec<(String, &str)> = EXIT.iter().map(|(exit, text)| ((*exit as u8).to_string(), *text)).collect();
    let exit: Vec<(&str, &str)> = exit.iter().map(|(code, text)| (code.as_str(), *text)).collect();
    rest.control("SH", ["EXIT STATUS"]);
    rest.text([roman("As the gate: docker's own when docker ran. Otherwise:")]);
    tagged(&mut rest, &exit);
    rest.control("SH", ["FILES"]);
    tagged(&mut rest, FILES);
    rest.control("SH", ["ENVIRONMENT"]);
    tagged(&mut rest, ENVIRONMENT);
    see_also(&mut rest, SEE_ALSO);
    page.push_str(&rest.to_roff());
    Ok(ascii(&page))
}

/// dockgate-policy(5), from the text of docs/policy.md.
///
/// # Errors
/// When the document uses something of Markdown that the converter does not know.
pub(crate) fn policy(document: &str) -> Result<String> {
    let mut roff = Roff::new();
    roff.control("TH", ["dockgate-policy", "5", "", &version(), "dockgate"]);
    roff.control("SH", ["NAME"]);
    roff.text([roman("dockgate-policy - what requests dockgate permits")]);
    roff.control("SH", ["DESCRIPTION"]);
    markdown::render(&mut roff, document).context("docs/policy.md")?;
    see_also(&mut roff, &[("dockgate", "1"), ("capabilities", "7"), ("namespaces", "7"), ("syslog", "3")]);
    Ok(ascii(&roff.to_roff()))
}

/// The version that the pages are of: dockgate's, not that of these chores.
fn version() -> String {
    format!("dockgate {}", command_line().get_version().unwrap_or_default())
}

/// The commands that do something, in the order of `--help`; clap's own `help` shows what a page does.
pub(crate) fn leaves(command: &Command) -> Vec<&Command> {
    let below = command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help");
    below.flat_map(|below| if below.has_subcommands() { leaves(below) } else { vec![below] }).collect()
}

/// A sub-command as a section of the page: what it is called with, what it does, its own options.
fn section_of(command: &Command) -> Result<String> {
    // The options of the whole program have their place in OPTIONS.
    let own = command.clone().mut_args(|argument| {
        let general = argument.is_global_set() || argument.get_id() == "help";
        argument.hide(general)
    });
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    let man = Man::new(own);
    let mut body = Vec::new();
    man.render_description_section(&mut body)?;
    man.render_options_section(&mut body)?;
    let body = String::from_utf8(body)?;
    let mut head = Roff::new();
    head.control("SS", [name.as_str()]);
    let mut section = head.to_roff() + &synopsis(command, "");
    for line in body.lines() {
        match line {
            ".SH OPTIONS" => {}
            ".SH DESCRIPTION" => section.push_str(".PP\n"),
            // Each part brings the same definitions for apostrophes; the page has them once.
            line if is_preamble(line) => {}
            line => {
                section.push_str(line);
                section.push('\n');
            }
        }
    }
    Ok(section)
}

/// How a command is called: its options with their values, which clap_mangen leaves out, then its arguments.
fn synopsis(command: &Command, rest: &str) -> String {
    let mut words = vec![bold(command.get_bin_name().unwrap_or_else(|| command.get_name()))];
    let root = !rest.is_empty();
    let own = |argument: &&Arg| root || !(argument.is_global_set() || argument.get_id() == "help");
    let (options, operands): (Vec<&Arg>, Vec<&Arg>) =
        command.get_arguments().filter(own).partition(|argument| argument.get_long().is_some());
    for argument in options.into_iter().chain(operands) {
        let values = argument.get_value_names().unwrap_or_default().join(" ");
        let takes = argument.get_action().takes_values();
        let text = match argument.get_long() {
            Some(long) if takes => format!("--{long} {values}"),
            Some(long) => format!("--{long}"),
            None => values,
        };
        let more = if matches!(argument.get_num_args(), Some(range) if range.max_values() > 1) { "..." } else { "" };
        words.push(roman(if argument.is_required_set() {
            format!(" {text}{more}")
        } else {
            format!(" [{text}{more}]")
        }));
    }
    if root {
        words.push(roman(format!(" {rest}")));
    }
    let mut roff = Roff::new();
    roff.text(words);
    roff.to_roff()
}

fn is_preamble(line: &str) -> bool {
    line.starts_with(".ie ") || line.starts_with(".el ")
}

fn tagged(roff: &mut Roff, entries: &[(&str, &str)]) {
    for (tag, text) in entries {
        roff.control("TP", []);
        roff.text([bold(*tag)]);
        roff.text([roman(*text)]);
    }
}

fn see_also(roff: &mut Roff, pages: &[(&str, &str)]) {
    roff.control("SH", ["SEE ALSO"]);
    let mut words: Vec<Inline> = Vec::new();
    for (name, section) in pages {
        if !words.is_empty() {
            words.push(roman(", "));
        }
        words.extend([bold(*name), roman(format!("({section})"))]);
    }
    roff.text(words);
}

/// Characters beyond ASCII as groff's escapes, which every device and locale shows.
fn ascii(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    for c in page.chars() {
        match c {
            '…' => text.push_str("..."),
            '–' => text.push_str("\\(en"),
            '—' => text.push_str("\\(em"),
            c if c.is_ascii() => text.push(c),
            c => text.push_str(&format!("\\[u{:04X}]", u32::from(c))),
        }
    }
    text
}
