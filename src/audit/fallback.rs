//! Fallback: where it is recorded that there is no policy which says where records go. Acts.

use super::{Audit, sinks::Sinks};
use crate::decision::Understood;
use crate::policy::{self, Policy};
use crate::request::Request;
use std::path::PathBuf;

/// Records that nothing was done because the policy is broken: where records go by default, and where the file would
/// have them (`named`), as far as that can be made out. Whether the record is anywhere.
pub fn policy_broken(named: Option<PathBuf>, request: &Request, profile: &str, id: &str, command: &str) -> bool {
    let default = Policy::default().audit;
    let named = named.filter(|socket| *socket != default.socket);
    let named = named.map(|socket| policy::Audit { socket, ..default.clone() });
    let mut recorded = false;
    for audit in named.iter().chain([&default]) {
        recorded |= Sinks::connect(audit)
            .and_then(|sinks| {
                let audit = Audit::new(sinks, request, profile, id.to_owned());
                audit.error("policy-broken", &Understood::named(command))
            })
            .is_ok();
    }
    recorded
}
