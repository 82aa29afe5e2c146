//! Docker's API as the guard understands it. Pure.

pub mod build;
