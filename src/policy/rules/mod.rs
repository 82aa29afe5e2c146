//! The policy's rules, one small function for each thing that can be asked for. Pure. Each gets what it judges by
//! (settings and facts) and the word of the request that asks, and says nothing or why not.

pub mod client;
pub mod host;
pub mod labels;
pub mod limits;
pub mod mounts;
pub mod names;
pub mod objects;
pub mod operation;
pub mod scope;
pub mod volumes;

use crate::denial::{Denial, Reason};
use crate::facts::Unreachable;

/// What must be known and is not is refused; `what` reads on to "could not be looked up".
fn unreachable(word: &str, what: &str, why: &Unreachable) -> Denial {
    let hint =
        "try again; if it stays so, the administrator has to look at the daemon, and finds this record in the log";
    Denial::new(Reason::Unreachable, word, format!("{what} could not be looked up ({why})"), hint)
}

/// The end of a hint, where the policy could grant what was asked for.
const ASK: &str = "or ask the administrator";

/// A demand's own hint in place of the rule's. One that ends with [`ASK`] goes on as the rule's does, where that says
/// what to grant.
pub(in crate::policy) fn in_their_words(own: &str, rules: &str) -> String {
    match (own.strip_suffix(ASK), rules.rsplit_once(ASK)) {
        (Some(own), Some((_, grant))) => format!("{own}{ASK}{grant}"),
        (Some(own), None) => own.trim_end_matches([' ', ';', ',']).to_owned(),
        (None, _) => own.to_owned(),
    }
}
