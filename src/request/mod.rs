//! Request: who asks for what. Pure. `main` collects it from what sshd passes on, and nothing of it is trusted:
//! the command is the client's own text, and even what sshd sets is checked before it is used.

use std::fmt;

pub mod account;
pub mod own;
mod shell;
pub mod start;
pub mod words;

/// One request at the gate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The account that the gate runs as: the name of the real user id.
    pub user: String,
    /// The label that the key's `authorized_keys` line gives with `--key`.
    pub key: Option<String>,
    /// `SHA256:…` of the key that sshd accepted, where sshd tells (`ExposeAuthInfo yes`).
    pub fingerprint: Option<String>,
    /// The key id of the certificate that sshd accepted, where it is one.
    pub certificate: Option<String>,
    /// The client's address and port.
    pub client: Option<Client>,
    /// The process that has connected to the socket of `dockgate proxy`.
    pub peer: Option<i32>,
    /// `SSH_ORIGINAL_COMMAND`, byte for byte; `None` for an interactive login.
    pub command: Option<Vec<u8>>,
    /// Whether it is to log in, although there is a command: that of the key's line, or as if it were.
    pub login: bool,
}

/// The far end of the connection: the first two fields of `SSH_CONNECTION` (sshd(8)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    pub address: std::net::IpAddr,
    pub port: u16,
}

impl Client {
    /// Reads `SSH_CONNECTION`: client address, client port, server address, server port.
    ///
    /// `None` when it has another form; sshd sets it itself, so a client cannot give it.
    pub fn parse(connection: &str) -> Option<Self> {
        let mut fields = connection.split(' ');
        let address = fields.next()?.split('%').next()?.parse().ok()?;
        let port = fields.next()?.parse().ok()?;
        Some(Self { address, port })
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        std::net::SocketAddr::new(self.address, self.port).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Client;

    #[test]
    fn client_is_printed_as_an_address_with_port() {
        let shown = |text| Client::parse(text).map(|client| client.to_string());
        assert_eq!(shown("192.0.2.7 51514 192.0.2.1 22").as_deref(), Some("192.0.2.7:51514"));
        assert_eq!(shown("2001:db8::1 5 ::1 22").as_deref(), Some("[2001:db8::1]:5"));
        assert_eq!(shown("fe80::1%eth0 5 ::1 22").as_deref(), Some("[fe80::1]:5"));
        assert_eq!(shown("x y"), None);
        assert_eq!(shown(""), None);
    }
}
