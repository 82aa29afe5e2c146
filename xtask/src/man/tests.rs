use super::*;
use std::path::Path;
use std::process::Command as Process;

fn document() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policy.md")).unwrap()
}

/// Both pages, as files in a directory that lasts as long as the first value.
fn pages() -> (tempfile::TempDir, [std::path::PathBuf; 2]) {
    let directory = tempfile::tempdir().unwrap();
    let pages = [("dockgate.1", dockgate().unwrap()), ("dockgate-policy.5", policy(&document()).unwrap())];
    let files = pages.map(|(name, text)| {
        let file = directory.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    });
    (directory, files)
}

/// What a page looks like, with words left whole; its warnings fail the test.
fn shown(file: &Path) -> String {
    let output = Process::new("man")
        .args(["--warnings", "--encoding=UTF-8", "--no-hyphenation", "--local-file"])
        .arg(file)
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("LC_ALL", "C.UTF-8"), ("MANWIDTH", "1000")])
        .output()
        .unwrap();
    let warnings = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && warnings.is_empty(), "{}: {warnings}", file.display());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn man_shows_the_pages_without_a_warning() {
    let (_directory, files) = pages();
    for file in &files {
        let text = shown(file);
        assert!(text.contains(&version()) && !text.contains("dockgate 0.0.0"), "{text}");
        for section in ["NAME", "DESCRIPTION", "SEE ALSO"] {
            assert!(text.lines().any(|line| line == section), "{section} in {text}");
        }
    }
}

#[test]
fn the_synopses_show_the_options_values() {
    let (_directory, [page, _]) = pages();
    let text = shown(&page);
    for line in [
        "dockgate [--config FILE] [--profile NAME] [--key NAME] [--help] [--version] [COMMAND]",
        "dockgate authorize [--from ADDRESS] KEYFILE",
        "dockgate doctor [--user NAME] [--proxy SOCKET] [--probe] [--log FILE] [--json] [--sshd PROGRAM] [--sshd-config FILE]",
        "dockgate policy diff [--user ACCOUNT] --log FILE OLD NEW",
    ] {
        assert!(text.lines().any(|shown| shown.trim() == line), "{line} in {text}");
    }
}

#[test]
fn groff_formats_the_pages_without_a_warning() {
    let (_directory, files) = pages();
    for file in &files {
        let output = Process::new("groff").args(["-man", "-Tutf8", "-ww", "-z"]).arg(file).output().unwrap();
        let warnings = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && warnings.is_empty(), "{}: {warnings}", file.display());
    }
}

#[test]
fn whatis_finds_their_names() {
    let (_directory, files) = pages();
    for (file, name) in files.iter().zip(["dockgate - ", "dockgate-policy - "]) {
        let output = Process::new("lexgrog").arg(file).output().unwrap();
        let found = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && found.contains(name), "{found}");
    }
}

#[test]
fn every_command_and_option_of_the_help_stands_in_the_page() {
    let (_directory, [page, _]) = pages();
    let text = shown(&page);
    let mut root = command_line();
    root.build();
    let (mut commands, mut options) = (0, 0);
    for command in leaves(&root).into_iter().chain([&root]) {
        let name = command.get_bin_name().unwrap_or(command.get_name());
        assert!(text.contains(name), "{name}");
        commands += 1;
        for argument in command.get_arguments() {
            let long = argument.get_long().map(|long| format!("--{long}"));
            let short = argument.get_short().map(|short| format!("-{short}"));
            // clap names a value for switches, too.
            let values = argument.get_value_names().filter(|_| argument.get_action().takes_values());
            let value = values.and_then(|names| names.first()).map(ToString::to_string);
            for word in long.into_iter().chain(short).chain(value) {
                assert!(text.contains(&word), "{word} of {name}");
                options += 1;
            }
        }
    }
    assert!(commands >= 6 && options >= 12, "{commands} commands, {options} options");
    for (exit, _) in EXIT {
        assert!(text.lines().any(|line| line.trim_start().starts_with(&format!("{} ", *exit as u8))), "{exit:?}");
    }
}

#[test]
fn every_key_of_the_policy_stands_in_the_page() {
    let (_directory, [_, page]) = pages();
    let text = shown(&page);
    let document = document();
    let table = document.lines().skip_while(|line| !line.starts_with("| key | default |")).skip(2);
    let keys: Vec<String> = table
        .take_while(|line| line.starts_with('|'))
        .map(|row| markdown::cells(row)[0].trim_matches('`').to_owned())
        .collect();
    assert!(keys.len() >= 20, "{keys:?}");
    for key in keys {
        assert!(text.lines().any(|line| line.trim_start().split(' ').next() == Some(key.as_str())), "{key}");
    }
}

#[test]
fn markdown_becomes_what_it_means() {
    let mut roff = Roff::new();
    let text = "# T\n\n## A `b`\n\nOne `two` **three**\n[four](x.md) *.\n\n- `a`: b\n  c\n- d\n\n1. e\n\n```\n.x 'y' \\n\n```\n\
                | k | v |\n| --- | --- |\n| `a\\|b` | – |\n";
    markdown::render(&mut roff, text).unwrap();
    assert_eq!(
        roff.to_roff(),
        ".SH \"A B\"\n.PP\nOne \\fBtwo\\fR \\fBthree\\fR four *.\n.IP \\(bu 4\n\\fBa\\fR: b c\n.IP \\(bu 4\nd\n.IP 1 4\ne\n\
         .PP\n.RS 4\n.nf\n\\&.x 'y' \\\\n\n.fi\n.RE\n.TP\n\\fBa|b\\fR\n"
    );
    for unknown in ["### T", "> q", "```\nx", "a `b", "| a |\n| b |", "| a | b |\n| --- | --- |\n| c |"] {
        assert!(markdown::render(&mut Roff::new(), unknown).is_err(), "{unknown}");
    }
}
