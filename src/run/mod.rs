//! Run: what happens to a request that was permitted and recorded. Acts.

pub mod child;
pub mod deadline;
pub mod exec;
pub mod life;
pub mod memory;
pub mod output;
pub mod plugin;
pub mod session;
pub mod signals;
mod silence;
