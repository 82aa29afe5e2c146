//! Completions for shells, from dockgate's own options. Acts: writes files.

use anyhow::{Context, Result};
use clap_complete::{Shell, generate_to};
use dockgate::cli::command_line;
use std::fs;
use std::path::Path;

/// Writes one file a shell, under the name that the shell looks for.
///
/// # Errors
/// When a file cannot be written.
pub(crate) fn write(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut command_line(), "dockgate", directory)
            .with_context(|| format!("writing {}", directory.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// What bash offers for the last word of a line, asked as Tab asks: by the function that `complete` names.
    fn offered(file: &Path, line: &[&str]) -> Vec<String> {
        let script = r#"
            source "$1"; shift
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
            [[ $(complete -p dockgate) =~ -F\ ([A-Za-z_]+) ]] || exit 3
            "${BASH_REMATCH[1]}" dockgate "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
            printf '%s\n' "${COMPREPLY[@]}"
        "#;
        let output = Command::new("bash")
            .args(["--noprofile", "--norc", "-c", script, "bash"])
            .arg(file)
            .args(line)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && errors.is_empty(), "{line:?}: {errors}");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn bash_completes_what_has_been_begun() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path()).unwrap();
        let file = directory.path().join("dockgate.bash");
        for (line, expected) in [
            (&["dockgate", "pol"][..], &["policy"][..]),
            (&["dockgate", "chec"], &["check"]),
            (&["dockgate", "policy", "val"], &["validate"]),
            (&["dockgate", "--prof"], &["--profile"]),
            (&["dockgate", "check", "--js"], &["--json"]),
            (&["dockgate", "nothing-like-it"], &[""]),
        ] {
            assert_eq!(offered(&file, line), expected, "{line:?}");
        }
    }

    #[test]
    fn every_shell_has_a_file_that_knows_the_commands() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path()).unwrap();
        for name in ["dockgate.bash", "_dockgate", "dockgate.fish"] {
            let text = fs::read_to_string(directory.path().join(name)).unwrap();
            for command in command_line().get_subcommands() {
                assert!(text.contains(command.get_name()), "{} in {name}", command.get_name());
            }
        }
    }
}
