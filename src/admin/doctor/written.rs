//! sshd's configuration as it is written, for fixes that say which line of which file to change. Data. Pure.
//!
//! What is in effect is [`super::sshd::Sshd`]'s to say.

use std::path::PathBuf;

/// sshd's configuration files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The file that sshd begins with.
    pub main: PathBuf,
    /// A directory whose files `main` includes before all else, if there is one.
    pub drop_ins: Option<PathBuf>,
    /// Each file with its text: included ones first.
    pub files: Vec<(PathBuf, String)>,
    /// The name of sshd's systemd unit here.
    pub unit: &'static str,
}

/// One line that says something.
struct Line<'a> {
    file: &'a PathBuf,
    /// Counted from one.
    number: usize,
    text: &'a str,
    keyword: String,
    words: Vec<&'a str>,
}

impl Written {
    /// The command that sets a keyword for one account: in its own `Match` block, which comes before others, as
    /// sshd takes the first value that matches. There a list replaces that of the rest of the file
    /// (`AllowUsers`, `AcceptEnv`, `SetEnv`: tried with OpenSSH 9.2).
    pub fn for_account(&self, account: &str, line: &str) -> String {
        let lines = self.lines();
        let first = lines.iter().find(|line| line.keyword == "match");
        let block = format!("Match User {account}\\n    {line}\\n");
        let change = match (first, &self.drop_ins) {
            (Some(own), _) if is_of_account(own, account) => {
                format!("sed -i '{}a\\    {line}' {}", own.number, own.file.display())
            }
            (_, Some(directory)) => format!("printf '{block}' >> {}/00-dockgate.conf", directory.display()),
            (None, None) => format!("printf '{block}' >> {}", self.main.display()),
            (Some(other), None) => {
                let own = format!("Match User {account}\\n    {line}");
                format!("sed -i '{}i\\{own}' {}", other.number, other.file.display())
            }
        };
        format!("{change}; {}", self.reload())
    }

    /// The command that takes words out of a list; `None` where no line has one.
    pub fn without(&self, keyword: &str, unwanted: impl Fn(&str) -> bool) -> Option<String> {
        let mut changes = Vec::new();
        for line in self.lines().iter().filter(|line| line.keyword == keyword.to_ascii_lowercase()) {
            let kept: Vec<&str> = line.words.iter().copied().filter(|word| !unwanted(word.trim_matches('"'))).collect();
            if kept.len() == line.words.len() {
                continue;
            }
            let (number, file) = (line.number, line.file.display());
            let indent = &line.text[..line.text.len() - line.text.trim_start().len()];
            changes.push(match kept.as_slice() {
                [] => format!("sed -i '{number}d' {file}"),
                kept => format!("sed -i '{number}c\\{indent}{keyword} {}' {file}", kept.join(" ")),
            });
        }
        if changes.is_empty() {
            return None;
        }
        // The last line first: the numbers of those before it stay what they are.
        changes.reverse();
        changes.push(self.reload());
        Some(changes.join("; "))
    }

    /// The command after which sshd goes by its files.
    pub fn reload(&self) -> String {
        format!("systemctl reload {}", self.unit)
    }

    fn lines(&self) -> Vec<Line<'_>> {
        let mut found = Vec::new();
        for (file, text) in &self.files {
            for (index, text) in text.lines().enumerate() {
                let separators = [' ', '\t', '=', '"'];
                let trimmed = text.trim_start();
                let (keyword, rest) = trimmed.split_once(separators).unwrap_or((trimmed, ""));
                if keyword.is_empty() || keyword.starts_with('#') {
                    continue;
                }
                let words = rest.trim_start_matches([' ', '\t', '=']).split_ascii_whitespace().collect();
                let keyword = keyword.to_ascii_lowercase();
                found.push(Line { file, number: index + 1, text, keyword, words });
            }
        }
        found
    }
}

fn is_of_account(line: &Line<'_>, account: &str) -> bool {
    matches!(line.words.as_slice(), [criterion, name] if criterion.eq_ignore_ascii_case("user") && *name == account)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(drop_in: Option<&str>, main: &str) -> Written {
        let mut files = vec![("/etc/ssh/sshd_config".into(), main.to_owned())];
        if let Some(text) = drop_in {
            files.insert(0, ("/etc/ssh/d/x.conf".into(), text.to_owned()));
        }
        let drop_ins = drop_in.map(|_| "/etc/ssh/d".into());
        Written { main: "/etc/ssh/sshd_config".into(), drop_ins, files, unit: "ssh" }
    }

    #[test]
    fn a_setting_of_the_account_s_comes_before_others() {
        let line = "AllowUsers ai";
        for (written, expected) in [
            (
                written(None, "Port 22\n"),
                "printf 'Match User ai\\n    AllowUsers ai\\n' >> /etc/ssh/sshd_config; systemctl reload ssh",
            ),
            (
                written(None, "Port 22\nmatch user *\n"),
                "sed -i '2i\\Match User ai\\n    AllowUsers ai' /etc/ssh/sshd_config; systemctl reload ssh",
            ),
            (
                written(Some("Match User ai\n  X y\n"), "Match all\n"),
                "sed -i '1a\\    AllowUsers ai' /etc/ssh/d/x.conf; systemctl reload ssh",
            ),
            (
                written(Some("# Match User ai\nMatch Group g\nMatch User ai\n"), ""),
                "printf 'Match User ai\\n    AllowUsers ai\\n' >> /etc/ssh/d/00-dockgate.conf; systemctl reload ssh",
            ),
        ] {
            assert_eq!(written.for_account("ai", line), expected);
        }
    }

    #[test]
    fn a_word_is_taken_out_of_every_line_that_has_it() {
        let written =
            written(Some("DenyUsers ai\n"), "Port 22\n  denyusers bob \"ai\" eve\nDenyUsers=ai\nDenyUsers x\n");
        let expected = "sed -i '3d' /etc/ssh/sshd_config; sed -i '2c\\  DenyUsers bob eve' /etc/ssh/sshd_config; \
                        sed -i '1d' /etc/ssh/d/x.conf; systemctl reload ssh";
        assert_eq!(written.without("DenyUsers", |word| word == "ai").as_deref(), Some(expected));
        assert_eq!(written.without("DenyUsers", |word| word == "nobody"), None);
        assert_eq!(written.without("AcceptEnv", |_| true), None);
    }
}
