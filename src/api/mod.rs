//! Docker's API as the guard understands it: bytes to a typed call, to what it asks for, and back to bytes. Pure.
//!
//! ```text
//! bytes ─▶ Head ─▶ Route ─(body)─▶ Call ─▶ [Demand]
//!                                   └────▶ Forward: every byte of it written anew
//! ```
//!
//! Everything is in tables: [`table`] has the endpoints, [`fields`] the fields of their bodies, and what is in
//! neither is refused by name. Sources: the routes and structures of Docker Engine 28.5 (API 1.51).

pub mod build;
pub mod call;
pub mod demands;
pub mod existing;
pub mod fields;
pub mod forward;
pub mod head;
pub mod image;
pub mod json;
pub mod labels;
pub mod makes;
pub mod query;
mod resources;
pub mod route;
pub mod row;
mod rules;
mod shape;
pub mod shown;
pub mod table;
pub mod target;
