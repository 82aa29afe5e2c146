//! Compose: what a project asks for. Pure; [`crate::project`] does the reading and resolving.
//!
//! A Compose command line says little: the file says what containers get of the host. So the files are
//! read, checked for what would make Compose read others ([`source`]), resolved by Compose itself, and the
//! resolved model is judged key by key ([`model`]). What then runs is that model, not the files again.

use crate::demand::{Demand, Want};
use crate::docker::Invocation;
use crate::docker::row::{Ask, Use};
use std::path::PathBuf;

pub mod model;
pub mod source;

/// Which project a command line loads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Files as given with `-f`, `-` for standard input; none: those that Compose finds by itself.
    pub files: Vec<String>,
    /// As given with `--project-directory`.
    pub directory: Option<String>,
    pub env_files: Vec<String>,
    /// As given with `-p`.
    pub name: Option<String>,
    /// What the command does with it.
    pub purpose: Use,
    /// Whether it may build images.
    pub builds: bool,
}

/// A judged model, ready to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The project directory, absolute.
    pub directory: PathBuf,
    /// The model as JSON, which is YAML; empty when there was no file to judge, so that Compose finds none.
    pub text: String,
}

impl Project {
    /// The project of a command that loads one.
    pub fn of(invocation: &Invocation) -> Option<Self> {
        let purpose = invocation.project_use()?;
        let builds = match purpose {
            Use::Builds => true,
            Use::Makes => !invocation.has("no-build"),
            Use::Looks | Use::Changes => false,
        };
        let mut project =
            Self { files: Vec::new(), directory: None, env_files: Vec::new(), name: None, purpose, builds };
        for given in invocation.root_options() {
            let Some(value) = given.value() else { continue };
            match (given.option.asks, given.option.long) {
                (Ask::ProjectFile, _) => project.files.push(value.to_owned()),
                (Ask::ProjectDirectory, _) => project.directory = Some(value.to_owned()),
                (_, "env-file") => project.env_files.push(value.to_owned()),
                (_, "project-name") => project.name = Some(value.to_owned()),
                _ => {}
            }
        }
        Some(project)
    }

    /// What naming these files asks for.
    pub fn demands(&self) -> Vec<Demand> {
        let files = self.files.iter().filter(|file| *file != "-").map(|file| {
            let word = format!("-f {file}");
            if is_elsewhere(file) {
                Demand::new(Want::RemoteProject { source: file.clone() }, word)
            } else {
                Demand::new(Want::ClientRead { path: file.clone() }, word)
            }
        });
        let directory = self
            .directory
            .iter()
            .map(|path| Demand::new(Want::ClientRead { path: path.clone() }, format!("--project-directory {path}")));
        files.chain(directory).collect()
    }
}

/// Something that Compose would fetch: Git, OCI and other addresses (compose-go's remote loaders).
fn is_elsewhere(file: &str) -> bool {
    file.contains("://")
        || file.starts_with("git@")
        || file.starts_with("oci:")
        || file.starts_with("github.com/")
        || file.contains(".git#")
}
