//! Questions to the Docker daemon over its Unix socket. Acts: connects.
#![expect(clippy::disallowed_methods, reason = "the daemon is asked here")]

use crate::docker::asks::is_volume_name;
use crate::facts::Volume;
use anyhow::{Context, Result, bail};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long the daemon may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// An inspect answer of more bytes than this is not one.
const MAX_BYTES: u64 = 1024 * 1024;

/// What a named volume stands for. A name that is none by docker's rule is not put into a request.
///
/// Without a daemon there is no volume, and docker will say so itself.
pub fn volume(host: &str, name: &str) -> Volume {
    if !is_volume_name(name) {
        return Volume::Unknown("it is not a volume's name".to_owned());
    }
    let Some(socket) = host.strip_prefix("unix://") else {
        return Volume::Unknown("only a daemon on a Unix socket can be asked".to_owned());
    };
    let stream = match UnixStream::connect(socket) {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::PermissionDenied
            ) =>
        {
            return Volume::Plain;
        }
        Err(error) => return Volume::Unknown(error.to_string()),
    };
    match get(stream, &format!("/volumes/{name}")) {
        Ok(None) => Volume::Plain,
        Ok(Some(inspect)) => volume_of(&inspect),
        Err(error) => Volume::Unknown(format!("{error:#}")),
    }
}

fn volume_of(inspect: &serde_json::Value) -> Volume {
    let driver = inspect.get("Driver").and_then(|driver| driver.as_str()).unwrap_or_default();
    if driver != "local" {
        return Volume::Special(format!("driver {driver}"));
    }
    match inspect.get("Options") {
        None | Some(serde_json::Value::Null) => Volume::Plain,
        Some(serde_json::Value::Object(options)) if options.is_empty() => Volume::Plain,
        Some(options) => Volume::Special(options.to_string()),
    }
}

/// `GET path`, as JSON; `None` for 404. HTTP/1.0, so that the answer ends with the connection.
fn get(mut stream: UnixStream, path: &str) -> Result<Option<serde_json::Value>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n").context("asking the daemon")?;
    let mut answer = Vec::new();
    stream.take(MAX_BYTES).read_to_end(&mut answer).context("reading the daemon's answer")?;
    let answer = String::from_utf8(answer).context("reading the daemon's answer")?;
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { bail!("the daemon's answer has no end of head") };
    match head.split(' ').nth(1) {
        Some("200") => Ok(Some(serde_json::from_str(body).context("reading the daemon's answer")?)),
        Some("404") => Ok(None),
        status => bail!("the daemon answered {}", status.unwrap_or("nothing")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_local_volume_without_options_is_plain() {
        assert_eq!(volume_of(&json!({"Driver": "local", "Options": null})), Volume::Plain);
        assert_eq!(volume_of(&json!({"Driver": "local", "Options": {}})), Volume::Plain);
        assert_eq!(volume_of(&json!({"Driver": "local"})), Volume::Plain);
        assert!(matches!(volume_of(&json!({"Driver": "local", "Options": {"device": "/"}})), Volume::Special(_)));
        assert!(matches!(volume_of(&json!({"Driver": "nfs"})), Volume::Special(_)));
        assert!(matches!(volume_of(&json!({})), Volume::Special(_)));
    }
}
