//! Admin: what an administrator does with dockgate, a file for each sub-command. No request passes through here.

pub mod authorize;
pub mod diff;
pub mod docs;
pub mod doctor;
pub mod test;
