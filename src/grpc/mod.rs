//! BuildKit's gRPC between a client and the daemon, over a connection that has been upgraded to HTTP/2. Acts:
//! sockets.
//!
//! HTTP/2 ends here on both sides, so a call begins on the other side only once it has been judged, and with the
//! message that was written anew. On `/grpc` the client calls the daemon. On `/session` the roles are turned: the
//! daemon calls the client's machine, for the files of a build context or a secret.

mod calls;
mod end;
mod frame;
mod heads;
pub mod judge;
mod pump;
mod tunnel;

use anyhow::Context;
use calls::Mediation;
use judge::{Counts, Endpoint, Judge, Side};

/// Mediates until either side has gone.
///
/// # Errors
/// When a side cannot be waited for. That a side has gone or speaks no HTTP/2 is an end like others.
pub fn mediate(endpoint: Endpoint, client: Side, daemon: Side, judge: &dyn Judge) -> anyhow::Result<Counts> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().context("starting a runtime")?;
    let entered = runtime.enter();
    let [client, daemon] = [client, daemon].map(end::stream);
    let (client, daemon) = (client.context("the client's side")?, daemon.context("the daemon's side")?);
    drop(entered);
    let mediation = Mediation::new(endpoint, judge);
    runtime.block_on(mediation.serve(client, daemon));
    Ok(mediation.counts.get())
}
