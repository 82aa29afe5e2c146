//! As much of HTTP/2 and gRPC as lets buildx go through a build: every call is answered with an empty
//! message and "OK" once the client has said all that it says, and the messages are kept.

use std::io::{Read, Result, Write};

const PREFACE: usize = 24;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// Serves one connection until the client closes it; `kept` gets the bytes of all messages.
pub(crate) fn serve(reader: &mut impl Read, writer: &mut impl Write, kept: &mut Vec<u8>) -> Result<()> {
    let mut preface = [0; PREFACE];
    reader.read_exact(&mut preface)?;
    frame(writer, SETTINGS, 0, 0, &[])?;
    loop {
        let mut head = [0; 9];
        reader.read_exact(&mut head)?;
        let [a, b, c, kind, flags, s0, s1, s2, s3] = head;
        let stream = u32::from_be_bytes([s0, s1, s2, s3]) & 0x7fff_ffff;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        reader.read_exact(&mut payload)?;
        match kind {
            SETTINGS if flags & ACK == 0 => frame(writer, SETTINGS, ACK, 0, &[])?,
            PING if flags & ACK == 0 => frame(writer, PING, ACK, 0, &payload)?,
            DATA if !payload.is_empty() => {
                kept.extend(&payload);
                let more = (payload.len() as u32).to_be_bytes();
                frame(writer, WINDOW_UPDATE, 0, 0, &more)?;
            }
            _ => {}
        }
        if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
            answer(writer, stream)?;
        }
    }
}

/// Headers, one empty message, and the trailers of success.
fn answer(writer: &mut impl Write, stream: u32) -> Result<()> {
    // `:status: 200` is number 8 of HPACK's static table; the others are literals.
    let mut headers = vec![0x88];
    literal(&mut headers, "content-type", "application/grpc");
    frame(writer, HEADERS, END_HEADERS, stream, &headers)?;
    frame(writer, DATA, 0, stream, &[0; 5])?;
    let mut trailers = Vec::new();
    literal(&mut trailers, "grpc-status", "0");
    frame(writer, HEADERS, END_HEADERS | END_STREAM, stream, &trailers)
}

fn literal(block: &mut Vec<u8>, name: &str, value: &str) {
    block.push(0);
    for text in [name, value] {
        block.push(text.len() as u8);
        block.extend(text.as_bytes());
    }
}

fn frame(writer: &mut impl Write, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Result<()> {
    let mut bytes = (payload.len() as u32).to_be_bytes().get(1..).unwrap_or_default().to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    writer.write_all(&bytes)
}
