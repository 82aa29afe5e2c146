//! Tunnel: a stream of bytes within the messages of a call (`Control/Session`, buildkit `session/grpchijack`). buildx
//! opens a session that several builds share in this way, in the place of `/session`. Acts.

use super::frame::{Splitter, framed};
use super::pump::send;
use crate::api::build::messages::BYTES_MESSAGE;
use crate::api::build::protobuf::{Message, Value};
use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use std::future::{Future, poll_fn};
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// As much as buildx puts into one message.
const PIECE: usize = 32 << 10;

/// Writes the bytes that a call brings, until it ends.
pub(super) async fn unwrap(mut from: RecvStream, mut to: impl AsyncWrite + Unpin) {
    let mut splitter = Splitter::default();
    while let Some(Ok(data)) = from.data().await {
        let mut pieces = Vec::new();
        splitter.push(&data, |message| pieces.push(Message::read(&BYTES_MESSAGE, message)));
        for piece in pieces {
            let Ok(piece) = piece else { return };
            if to.write_all(piece.bytes(1)).await.is_err() {
                return;
            }
        }
        if from.flow_control().release_capacity(data.len()).is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

/// Sends what is read as messages of a call, until it ends.
///
/// # Errors
/// The reason for which the receiver gave the call up.
pub(super) async fn wrap(mut from: impl AsyncRead + Unpin, to: &mut SendStream<Bytes>) -> Result<(), Reason> {
    let mut piece = vec![0; PIECE];
    loop {
        let mut read = std::pin::pin!(from.read(&mut piece));
        let count = poll_fn(|cx| match read.as_mut().poll(cx) {
            Poll::Ready(count) => Poll::Ready(Ok(count.unwrap_or(0))),
            Poll::Pending => to.poll_reset(cx).map(|reset| Err(reset.unwrap_or(Reason::CANCEL))),
        });
        let count = count.await?;
        if count == 0 {
            return Ok(());
        }
        let data = Value::Bytes(piece.get(..count).unwrap_or_default().to_vec());
        send(to, framed(&Message::default().with(1, data).to_bytes())).await?;
    }
}
