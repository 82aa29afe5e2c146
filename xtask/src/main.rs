//! Chores of this repository.
#![expect(clippy::disallowed_methods, reason = "it is a program of its own, and acts")]

mod compare;
mod completions;
mod daemon;
mod docker;
mod help;
mod man;
mod tree;

use anyhow::{Context, Result};
use clap::{Args, Parser};
use compare::{Comparison, Difference, Kind};
use docker::Docker;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Chores of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Xtask {
    /// Compare the catalogue with an installed docker, and fail where they differ unexplained
    Catalogue(Catalogue),
    /// Write docs/commands.md and docs/api.md
    Docs,
    /// Write the manual pages: DIR/man1/dockgate.1 and DIR/man5/dockgate-policy.5
    Man { dir: PathBuf },
    /// Write completions for bash, zsh and fish: DIR/dockgate.bash, DIR/_dockgate and DIR/dockgate.fish
    Completions { dir: PathBuf },
}

#[derive(Debug, Args)]
struct Catalogue {
    /// The docker to ask
    #[arg(long, value_name = "PROGRAM", default_value = "docker")]
    docker: PathBuf,
    /// The directory of its plugins [default: the one beside it, or docker's own]
    #[arg(long, value_name = "DIR")]
    plugins: Option<PathBuf>,
    /// Differences that are known, one a line with its reason; without it what is gone does not fail
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
}

fn main() -> Result<ExitCode> {
    match Xtask::parse() {
        Xtask::Catalogue(arguments) => catalogue(&arguments),
        Xtask::Docs => docs(),
        Xtask::Man { dir } => man(&dir),
        Xtask::Completions { dir } => completions::write(&dir).map(|()| ExitCode::SUCCESS),
    }
}

fn docs() -> Result<ExitCode> {
    for (file, text) in [
        (concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/commands.md"), dockgate::admin::docs::commands()),
        (concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api.md"), dockgate::admin::docs::api::calls()),
    ] {
        fs::write(file, text).with_context(|| format!("writing {file}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn man(dir: &Path) -> Result<ExitCode> {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policy.md");
    let document = fs::read_to_string(document).with_context(|| format!("reading {document}"))?;
    for (file, page) in [("man1/dockgate.1", man::dockgate()?), ("man5/dockgate-policy.5", man::policy(&document)?)] {
        let file = dir.join(file);
        fs::create_dir_all(file.parent().unwrap_or(dir))
            .and_then(|()| fs::write(&file, page))
            .with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn catalogue(Catalogue { docker, plugins, expect }: &Catalogue) -> Result<ExitCode> {
    let docker = Docker::new(docker, plugins.as_deref())?;
    let mut tree = tree::walk(&docker)?;
    let probes = tree::probe(&docker, &mut tree)?;
    let Comparison { commands, spellings, flags, differences } = Comparison::new(&tree);

    let mut names = vec![format!("docker {}", docker.version(&["--version"])?)];
    for plugin in ["compose", "buildx"] {
        let version = tree.contains_key(plugin).then(|| docker.version(&[plugin, "version"])).transpose()?;
        names.push(version.map_or_else(|| format!("no {plugin}"), |version| format!("{plugin} {version}")));
    }
    println!(
        "{}: {commands} commands in {spellings} spellings, {flags} options, {probes} probes, {} differences",
        names.join(", "),
        differences.len()
    );

    let explained = match expect {
        None => BTreeSet::new(),
        Some(file) => {
            let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
            compare::explained(&text).with_context(|| file.display().to_string())?
        }
    };
    let unexplained: Vec<&Difference> = differences.difference(&explained).collect();
    for difference in &unexplained {
        println!("{difference}");
        if let (Kind::New, Some(node)) = (difference.kind, tree.get(&difference.what)) {
            println!("         {}", compare::suggestion(&difference.what, &node.help));
        }
    }
    let stale: Vec<&Difference> = explained.difference(&differences).collect();
    for difference in &stale {
        println!("explained, but not so: {difference}");
    }
    let failing = unexplained.iter().any(|difference| expect.is_some() || difference.kind != Kind::Gone);
    Ok(if failing || !stale.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
