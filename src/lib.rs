//! dockgate: a gate between an SSH key and Docker.
//!
//! ```text
//! sshd ── env ──▶ Request ─▶ Words ─▶ Invocation ─▶ [Demand] ─▶ Verdict ─▶ record ─▶ Audited ─▶ execve
//! ```
//!
//! Data flows one way, and there are two halves. The deciding half — [`request::words`], [`docker`], [`demand`],
//! [`policy`] — is pure and can only deny: its error is [`denial::Denial`]. The acting half — [`world`],
//! [`audit`], [`run`] — cannot deny, only fail. [`gate`] is where they meet, and reads as the picture above.
//!
//! Two types keep the order. A [`policy::Permit`] is made by a policy alone, an [`audit::Audited`] by the
//! audit alone and out of a permit, and docker is started with nothing else:
//!
//! ```compile_fail
//! # use dockgate::{docker::Invocation, run::exec::{Launch, become_docker}, policy::Permit};
//! fn run(permit: Permit<Invocation>, launch: &Launch) {
//!     // A permit whose record has not been written does not run.
//!     let _ = become_docker(permit, launch, nix::unistd::getppid());
//! }
//! ```
//!
//! ```compile_fail
//! // Nobody but a policy makes a permit.
//! let permit = dockgate::policy::Permit { subject: () };
//! ```

pub mod admin;
pub mod answer;
pub mod audit;
pub mod cli;
pub mod compose;
pub mod demand;
pub mod denial;
pub mod docker;
pub mod exit;
pub mod facts;
pub mod gate;
pub mod keys;
pub mod policy;
pub mod request;
pub mod run;
pub mod world;
