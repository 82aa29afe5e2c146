//! dockgate: a gate between an SSH key and Docker.
//!
//! ```text
//! ssh words ─▶ Request ─▶ Words ─▶ Invocation ─┐
//!                                              ├─▶ [Demand] ─▶ Verdict ─▶ record ─▶ Audited ─▶ docker, or forwarding
//! API bytes ─▶ Head ─▶ Route ─▶ Call ──────────┘                                                    └─▶ record of the end
//! ```
//!
//! A command goes through this once, from left to right, in [`gate`] and [`serve`]. The docker that is then started has
//! the [`guard`] for its daemon, so each call that it makes goes through it, too; and a docker on the far side of ssh
//! comes to the guard directly. The modules are of two halves. Those that *decide* are pure: they see no file, socket, clock or environment, and the one error they know is a
//! [`denial::Denial`]. Those that *act* can fail, but they never deny. What a decision has to know of the world
//! is named by the demands, looked up by [`world`] and handed back as [`facts`].
//!
//! | module | half | what it is about |
//! | --- | --- | --- |
//! | [`request`] | decides | what was asked, and by whom: the words of a request, the account, the way dockgate was started |
//! | [`docker`] | decides | docker's command line: words become an invocation, and an invocation demands |
//! | [`api`] | decides | docker's API: calls become demands, and are written anew |
//! | [`compose`] | decides | a Compose project: its files and its model become demands |
//! | [`demand`] | decides | what a request can ask for; the one language that grammar and policy share |
//! | [`facts`] | decides | what was looked up for a decision |
//! | [`policy`] | decides | whether what is asked for is fine, and the policy file |
//! | [`denial`] | decides | why not, in words for the one who asked |
//! | [`decision`] | decides | a request with its verdict |
//! | [`digest`] | decides | which text was read, for the record |
//! | [`keys`] | decides | public keys, what sshd proves of one, lines of authorized_keys |
//! | [`cli`] | decides | dockgate's own options |
//! | [`exit`] | decides | dockgate's own exit codes |
//! | [`gate`] | acts | one request, from its bytes to a verdict |
//! | [`world`] | acts | looks up files, the daemon, a project, the account and the policy file |
//! | [`audit`] | acts | writes the record of a decision, and reads records back |
//! | [`grpc`] | acts | mediates the gRPC of builds between a client and the daemon |
//! | [`run`] | acts | what happens then: docker is started, watched and ended |
//! | [`guard`] | acts | HTTP between a client and the daemon, each call judged |
//! | [`answer`] | acts | what the client is told |
//! | [`serve`] | acts | what a request comes to: its record, docker's life or a refusal, the record of the end |
//! | [`admin`] | acts | the administrator's tools, a file for each sub-command |
//!
//! A module imports only what stands before it on the way, and no two import each other; `tests/structure.rs`
//! holds the table and the imports to that.
//!
//! Two types keep the order. A [`policy::Permit`] is made by a policy alone, an [`audit::Audited`] by the
//! audit alone and out of a permit, and docker is started with nothing else:
//!
//! ```compile_fail
//! # use dockgate::{docker::Invocation, run::exec::{Launch, start}, policy::Permit};
//! fn run(permit: Permit<Invocation>, launch: &Launch) {
//!     // A permit whose record has not been written does not run.
//!     let _ = start(permit, launch);
//! }
//! ```
//!
//! ```compile_fail
//! // Nobody but a policy makes a permit.
//! let permit = dockgate::policy::Permit { subject: () };
//! ```

pub mod admin;
pub mod answer;
pub mod api;
pub mod audit;
pub mod cli;
pub mod compose;
pub mod decision;
pub mod demand;
pub mod denial;
pub mod digest;
pub mod docker;
pub mod exit;
pub mod facts;
pub mod gate;
pub mod grpc;
pub mod guard;
pub mod keys;
pub mod policy;
pub mod request;
pub mod run;
pub mod serve;
pub mod world;
