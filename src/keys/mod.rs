//! Keys: public keys, the proof that sshd gives of one, and the lines of authorized_keys that hold them. Pure.

pub mod key_line;
pub mod proof;
pub mod public_key;
