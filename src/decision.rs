//! Decision: what a request comes to, once it is judged. Data. Pure.

use crate::docker::{Invocation, Secret};
use crate::policy::Verdict;
use crate::policy::candidate::Opinion;
use crate::request::own::Own;

/// What a request can come to.
#[derive(Debug)]
pub enum Action {
    Docker(Invocation),
    Own(Own),
}

/// A request judged: what was understood of it, and the verdict.
#[derive(Debug)]
pub struct Decision {
    pub understood: Understood,
    pub verdict: Verdict<Action>,
}

/// A request as far as it was understood, for the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Understood {
    /// Docker's words for the command; empty when it was not understood.
    pub command: String,
    /// The values that the record does not show; `None` when the request was not understood.
    pub secrets: Option<Vec<Secret>>,
    /// The SHA-256 of the files and the standard input that were read to judge it, as far as that came.
    pub input: Option<String>,
    /// What the candidate policy says, where there is one.
    pub candidate: Option<Opinion>,
    /// What Compose warned of while it resolved the project; for the client, and in no record.
    pub warnings: Vec<String>,
}

impl Understood {
    /// The same, with what the candidate policy says.
    #[must_use]
    pub fn with_candidate(self, candidate: Option<Opinion>) -> Self {
        Self { candidate, ..self }
    }

    /// Something that has a name and no secrets of its own to know of.
    pub fn named(command: &str) -> Self {
        Self { command: command.to_owned(), secrets: None, input: None, candidate: None, warnings: Vec::new() }
    }
}

/// Parts what docker does from what dockgate answers itself.
pub fn docker_or_own(action: Action) -> Result<Invocation, Own> {
    match action {
        Action::Docker(invocation) => Ok(invocation),
        Action::Own(own) => Err(own),
    }
}
