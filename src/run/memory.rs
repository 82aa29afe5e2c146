//! Memory: a text that a program reads as a file, and that no one else can. Acts: asks the kernel for memory.

use anyhow::{Context, Result};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd};

/// A file in memory that a program which this process starts can read by [`path_of`].
///
/// # Errors
/// When the kernel has no memory for it.
pub fn memory_file(text: &str) -> Result<OwnedFd> {
    // Not closed by execve(2): docker starts Compose, and Compose reads it.
    let mut file = File::from(memfd_create(c"compose.json", MFdFlags::empty()).context("memfd_create")?);
    file.write_all(text.as_bytes()).and_then(|()| file.rewind()).context("writing the project to memory")?;
    Ok(file.into())
}

/// Under which a memory file is found by this process and those that inherit it.
pub fn path_of(file: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}
