//! Candidate: a policy that is judged beside the one in force and decides nothing, to learn what it would do. Pure.

use super::Policy;
use super::set::{PolicySet, Selected};
use crate::demand::Demand;
use crate::denial::{Denial, Reason};
use crate::facts::Facts;
use crate::request::Request;
use std::fmt;

/// A candidate for the policy of one request.
#[derive(Clone, Debug)]
pub enum Candidate {
    Policy {
        policy: Box<Policy>,
        /// Why the key might not be used under it at all.
        refusal: Option<Denial>,
    },
    /// Its file is broken, or not to be trusted.
    Broken,
}

/// What a candidate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    Allow,
    /// It only observes, and this would be refused otherwise.
    Observe(Reason),
    Deny(Reason),
    /// What it would depend on was not read, as the policy in force refused before.
    Unknown,
    /// There is none, as the file is broken.
    Error,
}

impl fmt::Display for Opinion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow => f.write_str("allow"),
            Self::Observe(reason) => write!(f, "observe:{}", reason.code()),
            Self::Deny(reason) => write!(f, "deny:{}", reason.code()),
            Self::Unknown => f.write_str("unknown"),
            Self::Error => f.write_str("error"),
        }
    }
}

impl Candidate {
    /// The candidate for a request; `live` is the policy in force, whose docker and audit both have.
    pub fn of(set: Option<&PolicySet>, request: &Request, profile: Option<&str>, live: &Policy) -> Self {
        let Some(set) = set else { return Self::Broken };
        let Selected { policy, denial, .. } = set.select(request, profile);
        let Policy { program, host, config, audit, .. } = live.clone();
        Self::Policy { policy: Box::new(Policy { program, host, config, audit, ..policy }), refusal: denial }
    }

    /// Its policy, where it would come to judge by it; else what it says without a look.
    ///
    /// # Errors
    /// That opinion.
    pub fn policy(&self) -> Result<&Policy, Opinion> {
        match self {
            Self::Broken => Err(Opinion::Error),
            Self::Policy { refusal: Some(denial), .. } => Err(Opinion::Deny(denial.reason)),
            Self::Policy { policy, refusal: None } => Ok(policy),
        }
    }
}

impl Opinion {
    /// What a policy says of all that something asks for.
    pub fn of(policy: &Policy, demands: &[Demand], facts: &Facts) -> Self {
        match policy.screen(demands).and_then(|()| policy.judge((), demands, facts)) {
            Ok(permit) => permit.observed().map_or(Self::Allow, |denial| Self::Observe(denial.reason)),
            Err(denial) => Self::Deny(denial.reason),
        }
    }

    /// The same of a part of what is asked for: the rest could be refused.
    #[must_use]
    pub fn of_part(self) -> Self {
        match self {
            Self::Allow | Self::Observe(_) => Self::Unknown,
            Self::Deny(_) | Self::Unknown | Self::Error => self,
        }
    }

    /// Whether the candidate would have more to say than yes.
    pub fn is_notable(self) -> bool {
        matches!(self, Self::Observe(_) | Self::Deny(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demand::Want;

    fn demand(name: &str) -> Vec<Demand> {
        vec![Demand::new(Want::Operation { name: name.to_owned(), instead: false }, name)]
    }

    #[test]
    fn a_candidate_judges_by_its_own_rules_with_the_docker_in_force() {
        let live = Policy::from_toml("[docker]\nhost = 'unix:///live.sock'\n").unwrap();
        let request = Request { key: Some("hermes".into()), ..Request::default() };
        let says = |text: &str, name: &str| {
            let set = PolicySet::from_toml(text).expect(text);
            let candidate = Candidate::of(Some(&set), &request, None, &live);
            candidate.policy().map_or_else(
                |opinion| opinion.to_string(),
                |policy| {
                    assert_eq!(policy.host, "unix:///live.sock");
                    Opinion::of(policy, &demand(name), &Facts::default()).to_string()
                },
            )
        };
        assert_eq!(says("[docker]\nhost = 'unix:///other.sock'\n", "ps"), "allow");
        assert_eq!(says("", "exec"), "deny:blocked-command");
        assert_eq!(says("[commands]\nblocked = []\n", "exec"), "allow");
        assert_eq!(says("[commands]\nallowed = ['ps']\n", "run"), "deny:not-allowed");
        assert_eq!(says("mode = 'observe'\n[commands]\nallowed = ['ps']\n", "run"), "observe:not-allowed");
        assert_eq!(says("[keys.ares]\nprofile = 'operator'\n", "ps"), "deny:key-refused");
        assert_eq!(Candidate::of(None, &request, None, &live).policy().unwrap_err(), Opinion::Error);
        assert_eq!(Opinion::Allow.of_part(), Opinion::Unknown);
    }
}
