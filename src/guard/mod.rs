//! Guard: HTTP between a client and the daemon, each call judged before it is passed on. Acts: sockets.

mod buffer;
mod framing;
mod relay;
mod response;
mod wire;
