//! Proof: the key or certificate that sshd accepted, as it writes it down (OpenSSH PROTOCOL.certkeys). Pure.

use ssh_key::{Certificate, HashAlg, PublicKey};

/// What sshd proved of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// `SHA256:…` of the public key, as `ssh-keygen -l` prints it for key and certificate alike.
    pub fingerprint: String,
    /// The key id of the certificate, where it is one.
    pub certificate: Option<String>,
}

impl Proof {
    /// Reads `TYPE BASE64`; `None` when it is no key that is known.
    pub fn of(text: &str) -> Option<Self> {
        if let Ok(certificate) = Certificate::from_openssh(text) {
            let fingerprint = certificate.public_key().fingerprint(HashAlg::Sha256).to_string();
            return Some(Self { fingerprint, certificate: Some(certificate.key_id().to_owned()) });
        }
        let key = PublicKey::from_openssh(text).ok()?;
        Some(Self { fingerprint: key.fingerprint(HashAlg::Sha256).to_string(), certificate: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::public_key::tests::key_of;

    /// What ssh-keygen makes is in tests/authorize.rs.
    #[test]
    fn what_is_cut_off_or_unknown_proves_nothing() {
        let key = key_of("ssh-ed25519", &[&[7; 32]]);
        let proof = Proof::of(&key).expect("a key");
        assert!(proof.fingerprint.starts_with("SHA256:") && proof.fingerprint.len() == 50);
        assert_eq!(proof.certificate, None);
        for length in 0..key.len() {
            assert_eq!(Proof::of(key.get(..length).expect("shorter")), None, "{length}");
        }
        for text in [
            key_of("ssh-new-cert-v01@openssh.com", &[b"nonce"]),
            key_of("ssh-ed25519-cert-v01@openssh.com", &[b"nonce", &[7; 32]]),
            key.replace("ssh-ed25519", "ssh-rsa"),
            "ssh-ed25519 ***".to_owned(),
            "***".to_owned(),
        ] {
            assert_eq!(Proof::of(&text), None, "{text}");
        }
    }
}
