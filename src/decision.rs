//! Decision: what a request comes to, once it is judged. Data. Pure.

use crate::docker::{Invocation, Secret};
use crate::policy::Verdict;
use crate::policy::candidate::Opinion;
use crate::policy::explain::Ground;
use crate::request::own::Own;
use std::time::Duration;

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
    /// How long judging took, where more than the words had to be looked at.
    pub judged: Option<Duration>,
    /// What the candidate policy says, where there is one.
    pub candidate: Option<Opinion>,
    /// How it came to its verdict, where that was asked for.
    pub explanation: Option<Explanation>,
    /// What Compose warned of while it resolved the project; for the client, and in no record.
    pub warnings: Vec<String>,
}

/// How a request came to its verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The words as docker would get them; none where they were not understood.
    pub words: Vec<String>,
    /// All that they ask for, as far as it was looked at.
    pub grounds: Vec<Ground>,
}

impl Explanation {
    /// Adds what was judged; of what is judged again the last time counts.
    pub fn add(&mut self, grounds: Vec<Ground>) {
        self.grounds.retain(|old| !grounds.iter().any(|new| (&new.word, &new.asks) == (&old.word, &old.asks)));
        for ground in grounds {
            if !self.grounds.contains(&ground) {
                self.grounds.push(ground);
            }
        }
    }
}

impl Understood {
    /// The same, with what the candidate policy says.
    #[must_use]
    pub fn with_candidate(self, candidate: Option<Opinion>) -> Self {
        Self { candidate, ..self }
    }

    /// Something that has a name and no secrets of its own to know of.
    pub fn named(command: &str) -> Self {
        Self { command: command.to_owned(), ..Self::default() }
    }
}

/// Parts what docker does from what dockgate answers itself.
pub fn docker_or_own(action: Action) -> Result<Invocation, Own> {
    match action {
        Action::Docker(invocation) => Ok(invocation),
        Action::Own(own) => Err(own),
    }
}
