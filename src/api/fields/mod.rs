//! The fields of JSON bodies, structure by structure. Data, and the few rules that an option's syntax does not
//! give.
//!
//! Source: the structures of Docker Engine 28.5 (moby `api/types`), every field of them. A field of a later
//! version is not here, and so refused by name.

pub mod container;
pub mod exec;
pub mod host;
pub mod mounts;
pub mod network;
pub mod other;
pub mod volume;
