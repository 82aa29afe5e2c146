//! Run: what happens to a request that was permitted and recorded. Acts.

pub mod deadline;
pub mod exec;
pub mod memory;
pub mod session;
pub mod watch;
