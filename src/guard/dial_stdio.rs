//! Dial-stdio: the API over standard input and output, as `docker -H ssh://HOST` asks for it. Acts.

use super::Guard;
use super::connection::Connection;
use super::wire::Wire;
use anyhow::{Context, Result};
use std::os::fd::AsFd;
use std::sync::Arc;

/// Serves calls until the client's end.
///
/// # Errors
/// When standard input or output cannot be used.
pub fn serve(guard: &Arc<Guard>) -> Result<()> {
    let input = std::io::stdin().as_fd().try_clone_to_owned().context("standard input")?;
    let output = std::io::stdout().as_fd().try_clone_to_owned().context("standard output")?;
    let client = Wire::new(input, output).context("standard input and output")?;
    Connection::new(guard, client, None).serve();
    Ok(())
}
