//! A client that says what no stock client does: single calls over `/grpc`.

use bytes::Bytes;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// How one call ended: gRPC's status and message; `-1` where the stream was given up.
pub(crate) type Ended = (i32, String);

/// Makes calls on one connection, one after the other. Each: the method, the build that it is about, the data as sent.
pub(crate) fn calls(socket: &Path, calls: &[(&str, Option<&str>, Vec<u8>)]) -> Vec<Ended> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        let stream = upgraded(socket, "/grpc", "");
        let (client, connection) =
            h2::client::handshake(tokio::net::UnixStream::from_std(stream).unwrap()).await.unwrap();
        let connection = async { drop(connection.await) };
        let made = async {
            let mut ends = Vec::new();
            for (method, build, data) in calls {
                ends.push(call(client.clone(), method, *build, data.clone()).await.unwrap_or((-1, String::new())));
            }
            ends
        };
        let (mut connection, mut made) = (std::pin::pin!(connection), std::pin::pin!(made));
        std::future::poll_fn(|cx| {
            let _ = connection.as_mut().poll(cx);
            made.as_mut().poll(cx)
        })
        .await
    })
}

async fn call(
    client: h2::client::SendRequest<Bytes>,
    method: &str,
    build: Option<&str>,
    data: Vec<u8>,
) -> Result<Ended, h2::Error> {
    let mut request = http::Request::post(format!("http://localhost{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    if let Some(build) = build {
        request = request.header("buildkit-controlapi-buildid", build);
    }
    let mut client = client.ready().await?;
    let (answer, mut stream) = client.send_request(request.body(()).unwrap(), false)?;
    stream.send_data(Bytes::from(data), true)?;
    let (head, mut body) = answer.await?.into_parts();
    let mut ends = head.headers;
    if !ends.contains_key("grpc-status") {
        while let Some(data) = body.data().await {
            let length = data?.len();
            body.flow_control().release_capacity(length)?;
        }
        ends = body.trailers().await?.unwrap_or_default();
    }
    let text = |name| ends.get(name).map_or("", |value| value.to_str().unwrap());
    Ok((text("grpc-status").parse().unwrap_or(-1), text("grpc-message").replace("%0A", "\n")))
}

/// A connection that has been upgraded.
pub(crate) fn upgraded(socket: &Path, path: &str, headers: &str) -> UnixStream {
    let mut stream = UnixStream::connect(socket).unwrap();
    write!(stream, "POST {path} HTTP/1.1\r\nHost: \r\nConnection: Upgrade\r\nUpgrade: h2c\r\n{headers}\r\n").unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&answer));
    stream.set_nonblocking(true).unwrap();
    stream
}
