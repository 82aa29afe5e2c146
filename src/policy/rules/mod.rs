//! The policy's rules, one small function for each thing that can be asked for. Pure. Each gets what it judges by
//! (settings and facts) and the word of the request that asks, and says nothing or why not.

pub mod client;
pub mod host;
pub mod limits;
pub mod objects;
pub mod operation;
pub mod volumes;

/// The end of a hint, where the policy could grant what was asked for.
const ASK: &str = "or ask the administrator";
