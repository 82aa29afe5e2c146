//! The sshd that runs, beside the configuration that it is to go by. Acts: connects to it, and looks at its files.
#![expect(clippy::disallowed_methods, reason = "sshd is connected to here, and its files are looked at")]

use super::files::there;
use crate::admin::doctor::facts::Running;
use crate::admin::doctor::sshd::Sshd;
use crate::admin::doctor::written::Written;
use std::fs;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

/// How long sshd may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(5);

/// systemd listens in sshd's place where one of these is: on ports that sshd's configuration does not have to name.
const SOCKETS: &[&str] =
    &["/etc/systemd/system/sockets.target.wants/ssh.socket", "/etc/systemd/system/sockets.target.wants/sshd.socket"];

pub(super) fn running(sshd: &Sshd, written: &Written) -> Running {
    let addresses: Vec<SocketAddr> = sshd.words("listenaddress").filter_map(|address| address.parse().ok()).collect();
    let by_systemd = SOCKETS.iter().any(|socket| there(Path::new(socket)));
    let answers: Vec<Answer> = addresses.iter().map(|address| answer(*address)).collect();
    let none = !by_systemd && !answers.is_empty() && !answers.contains(&Answer::Ssh);
    // sshd writes it when it starts to listen, and anew when it is told to read its configuration.
    let began = sshd.value("pidfile").and_then(|file| fs::metadata(file).ok()?.modified().ok());
    let changed = |file: &&(std::path::PathBuf, String)| {
        let changed = fs::metadata(&file.0).and_then(|file| file.modified());
        began.zip(changed.ok()).is_some_and(|(began, changed)| changed > began)
    };
    Running {
        silent: addresses.into_iter().next().filter(|_| none),
        closes: answers.contains(&Answer::Closed),
        unread: written.files.iter().filter(changed).map(|(file, _)| file.clone()).collect(),
    }
}

/// What comes of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Ssh,
    /// It is taken, and nothing said.
    Closed,
    Nothing,
}

fn answer(address: SocketAddr) -> Answer {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let Ok(mut stream) = TcpStream::connect_timeout(&SocketAddr::new(ip, address.port()), PATIENCE) else {
        return Answer::Nothing;
    };
    let mut banner = [0; 4];
    let read = stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.read_exact(&mut banner));
    if read.is_ok() && banner == *b"SSH-" { Answer::Ssh } else { Answer::Closed }
}
