//! Builds: the gRPC calls of BuildKit's that `/grpc` and `/session` carry, to what they ask for, and back to bytes.
//! Pure.
//!
//! ```text
//! message ─▶ Message ─▶ Call ─▶ [Demand] ─▶ (policy) ─▶ the message written anew, with the gate's stamp
//! ```

pub mod attributes;
pub mod conversation;
pub mod messages;
pub mod protobuf;
pub mod records;
pub mod result;
pub mod session;
pub mod solve;
pub mod stamp;

pub use conversation::{Call, Conversation};
pub use stamp::Stamp;
