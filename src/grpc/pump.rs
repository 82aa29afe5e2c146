//! Pump: the messages of one direction of a call, as they come, with HTTP/2's own flow control on both sides: who
//! does not read stops who writes, and nothing is collected. Acts.

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use http::HeaderMap;
use std::future::poll_fn;
use std::task::Poll;

/// Takes all that comes from `from` to `to`: data, trailers, and the way it ends. `seen` is shown the data.
///
/// # Errors
/// The reason for which either side gave the call up; the other has been told.
pub(super) async fn pump(
    mut from: RecvStream,
    to: &mut SendStream<Bytes>,
    mut seen: impl FnMut(&Bytes),
    mut trailed: impl FnMut(HeaderMap) -> HeaderMap,
) -> Result<(), Reason> {
    loop {
        let next = poll_fn(|cx| match from.poll_data(cx) {
            Poll::Ready(data) => Poll::Ready(Ok(data)),
            Poll::Pending => to.poll_reset(cx).map(|reset| Err(reset.unwrap_or(Reason::CANCEL))),
        });
        let data = match next.await? {
            Some(Ok(data)) => data,
            Some(Err(error)) => return Err(give_up(to, &error)),
            None => break,
        };
        let length = data.len();
        seen(&data);
        send(to, data).await?;
        // Only now may the sender send as much again.
        from.flow_control().release_capacity(length).map_err(|error| give_up(to, &error))?;
    }
    let end = match from.trailers().await {
        Ok(Some(trailers)) => to.send_trailers(trailed(trailers)),
        Ok(None) => to.send_data(Bytes::new(), true),
        Err(error) => return Err(give_up(to, &error)),
    };
    end.map_err(|error| reason(&error))
}

/// Sends all of `data`, as fast as the receiver takes it.
///
/// # Errors
/// The reason for which the receiver gave the call up.
pub(super) async fn send(to: &mut SendStream<Bytes>, mut data: Bytes) -> Result<(), Reason> {
    while !data.is_empty() {
        to.reserve_capacity(data.len());
        let capacity = match poll_fn(|cx| to.poll_capacity(cx)).await {
            Some(Ok(capacity)) => capacity.min(data.len()),
            Some(Err(error)) => return Err(reason(&error)),
            None => return Err(Reason::CANCEL),
        };
        to.send_data(data.split_to(capacity), false).map_err(|error| reason(&error))?;
    }
    Ok(())
}

/// Sends all of `data`, and that no more comes.
///
/// # Errors
/// As [`send`].
pub(super) async fn send_last(to: &mut SendStream<Bytes>, data: Bytes) -> Result<(), Reason> {
    send(to, data).await?;
    to.send_data(Bytes::new(), true).map_err(|error| reason(&error))
}

/// Tells the receiver that the sender gave up.
fn give_up(to: &mut SendStream<Bytes>, error: &h2::Error) -> Reason {
    let reason = reason(error);
    to.send_reset(reason);
    reason
}

pub(super) fn reason(error: &h2::Error) -> Reason {
    error.reason().unwrap_or(Reason::CANCEL)
}
