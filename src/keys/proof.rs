//! Proof: the key or certificate that sshd accepted, as it writes it down (OpenSSH PROTOCOL.certkeys). Pure.

use crate::keys::public_key::{fingerprint, kinds};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What sshd proved of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// `SHA256:…` of the public key, as `ssh-keygen -l` prints it for key and certificate alike.
    pub fingerprint: String,
    /// The key id of the certificate, where it is one.
    pub certificate: Option<String>,
}

impl Proof {
    /// Reads a key in base64; `None` when it is none that is known.
    pub fn of(base64: &str) -> Option<Self> {
        let blob = STANDARD.decode(base64).ok()?;
        let (kind, rest) = string(&blob)?;
        let kind = std::str::from_utf8(kind).ok()?;
        let Some((plain, fields)) = kinds().find(|(plain, _)| certificate_type(plain) == kind) else {
            return (!kind.contains("-cert-")).then(|| Self { fingerprint: fingerprint(&blob), certificate: None });
        };
        let (_nonce, key) = string(rest)?;
        let mut after = key;
        for _ in 1..fields {
            after = string(after)?.1;
        }
        let key = key.get(..key.len() - after.len())?;
        // The serial number and the type of the certificate.
        let (id, _) = string(after.get(12..)?)?;
        let length = u32::try_from(plain.len()).ok()?.to_be_bytes();
        let public = [&length[..], plain.as_bytes(), key].concat();
        let id = String::from_utf8_lossy(id).into_owned();
        Some(Self { fingerprint: fingerprint(&public), certificate: Some(id) })
    }
}

/// `ssh-ed25519-cert-v01@openssh.com`, and so on.
fn certificate_type(plain: &str) -> String {
    format!("{}-cert-v01@openssh.com", plain.strip_suffix("@openssh.com").unwrap_or(plain))
}

/// The first string of a blob, and what follows it (RFC 4251, 5).
fn string(blob: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = blob.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Vec<u8> {
        [&u32::try_from(bytes.len()).expect("short").to_be_bytes()[..], bytes].concat()
    }

    #[test]
    fn a_certificate_has_the_fingerprint_of_its_key() {
        let key = STANDARD.encode([text(b"ssh-ed25519"), text(&[7; 32])].concat());
        let certificate = [
            text(b"ssh-ed25519-cert-v01@openssh.com"),
            text(b"nonce"),
            text(&[7; 32]),
            vec![0; 8],
            vec![0, 0, 0, 1],
            text(b"hermes@lab"),
            text(b""),
        ];
        let of_key = Proof::of(&key).expect("a key");
        let of_certificate = Proof::of(&STANDARD.encode(certificate.concat())).expect("a certificate");
        assert_eq!(of_key.certificate, None);
        assert!(of_key.fingerprint.starts_with("SHA256:") && of_key.fingerprint.len() == 50);
        assert_eq!(of_certificate.fingerprint, of_key.fingerprint);
        assert_eq!(of_certificate.certificate.as_deref(), Some("hermes@lab"));
    }

    #[test]
    fn what_is_cut_off_or_unknown_proves_nothing() {
        let certificate =
            [text(b"ssh-ed25519-cert-v01@openssh.com"), text(b"nonce"), text(&[7; 32]), vec![0; 8]].concat();
        for length in 0..certificate.len() {
            let cut = certificate.get(..length).expect("shorter");
            assert_eq!(Proof::of(&STANDARD.encode(cut)), None, "{length}");
        }
        assert_eq!(Proof::of(&STANDARD.encode(text(b"ssh-new-cert-v01@openssh.com"))), None);
        assert_eq!(Proof::of("***"), None);
    }
}
