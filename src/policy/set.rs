//! The policy file as a whole: profiles and keys, and which of them a request gets. Pure.

use super::Policy;
use super::settings::Origin;
use super::tables::Overlay;
use crate::denial::{Denial, Reason};
use crate::request::Request;
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

/// Everything that a policy file says.
#[derive(Clone, Debug)]
pub struct PolicySet {
    /// What holds without a profile.
    pub base: Policy,
    /// For keys that name none.
    pub default_profile: String,
    /// The overlays of each profile, the first laid first.
    pub profiles: BTreeMap<String, Vec<Overlay>>,
    pub keys: BTreeMap<String, Key>,
}

/// What a file says of a key, by its label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Key {
    pub profile: Option<String>,
    /// `SHA256:…`, as sshd proves it.
    pub fingerprint: Option<String>,
    /// Where it may come from; `None`: anywhere.
    pub from: Option<Vec<IpNet>>,
}

/// The policy for one request, and why it is that one.
#[derive(Clone, Debug)]
pub struct Selected {
    pub policy: Policy,
    pub profile: String,
    /// In words, for `policy show`.
    pub because: String,
    /// Why the key may not be used at all.
    pub denial: Option<Denial>,
}

impl Default for PolicySet {
    fn default() -> Self {
        let empty = Self {
            base: Policy::default(),
            default_profile: "default".to_owned(),
            profiles: BTreeMap::new(),
            keys: BTreeMap::new(),
        };
        Self::from_toml("").unwrap_or(empty)
    }
}

impl PolicySet {
    /// The policy for keys that name no profile.
    pub fn of_default_profile(&self) -> Policy {
        self.with_profile(&self.default_profile).unwrap_or_else(|| self.base.clone())
    }

    /// The policy under a profile; `None` if there is no such profile.
    pub fn with_profile(&self, name: &str) -> Option<Policy> {
        let mut policy = self.base.clone();
        for overlay in self.profiles.get(name)? {
            policy.settings.lay(overlay, &Origin::Profile(name.to_owned()));
        }
        policy.writable = self.writable();
        Some(policy)
    }

    /// What containers of any key may write.
    fn writable(&self) -> Vec<PathBuf> {
        let own = self.profiles.values().flatten().filter_map(|overlay| overlay.host.bind_mounts.as_ref());
        let all = own.flat_map(|mounts| &mounts.0).chain(&self.base.settings.bind_mounts.value);
        let paths: BTreeSet<_> = all.filter(|mount| !mount.read_only).map(|mount| mount.path.clone()).collect();
        paths.into_iter().collect()
    }

    /// The policy for a request. What sshd proves of the key is stronger than the label on its line; the
    /// line's `--profile` is stronger than what the file says of the label.
    pub fn select(&self, request: &Request, profile: Option<&str>) -> Selected {
        let label = request.key.as_deref();
        let proven = request
            .fingerprint
            .as_ref()
            .and_then(|proven| self.keys.iter().find(|(_, key)| key.fingerprint.as_ref() == Some(proven)));
        let labelled = label.and_then(|label| self.keys.get_key_value(label));
        let (name, because) =
            match (proven.map(|(label, key)| (label, &key.profile)), profile, labelled.map(|(_, key)| &key.profile)) {
                (Some((label, Some(profile))), _, _) => {
                    (profile.clone(), format!("the fingerprint is that of keys.{label}"))
                }
                (_, Some(profile), _) => (profile.to_owned(), "--profile says so".to_owned()),
                (_, None, Some(Some(profile))) => {
                    (profile.clone(), format!("keys.{} says so", label.unwrap_or_default()))
                }
                _ => (self.default_profile.clone(), "no key and no option names another".to_owned()),
            };
        let known = self.with_profile(&name);
        let denial = match (&known, proven.or(labelled)) {
            (None, _) => Some(Denial::new(
                Reason::KeyRefused,
                format!("profile {name}"),
                "--profile names a profile that the policy file does not have",
                "the administrator has to mend --profile (on the key's line, or where the proxy is started) or the file; sending this again cannot help",
            )),
            (Some(_), Some((label, key))) => key.refusal(label, request, proven.is_some()),
            (Some(_), None) => self.unknown_label(label),
        };
        let mut policy = known.unwrap_or_else(|| self.base.clone());
        policy.key = request.key.clone();
        Selected { policy, profile: name, because, denial }
    }
}

impl PolicySet {
    /// Whether the gate refuses whatever comes under this label, as the file has keys and none of it.
    pub fn is_unknown(&self, label: &str) -> bool {
        !self.keys.is_empty() && !self.keys.contains_key(label)
    }

    /// A label that a file with keys does not have is a mistake where dockgate is started, or in the file: what holds
    /// for a key of another name is not what was meant.
    fn unknown_label(&self, label: Option<&str>) -> Option<Denial> {
        let label = label.filter(|label| self.is_unknown(label))?;
        Some(Denial::new(
            Reason::KeyRefused,
            format!("key {label}"),
            "--key is a label that the policy file does not have among its keys",
            "the administrator has to mend --key (on the key's line, or where the proxy is started) or the file; sending this again cannot help",
        ))
    }
}

impl Key {
    fn refusal(&self, label: &str, request: &Request, proven: bool) -> Option<Denial> {
        let deny = |why: &str, hint: &str| Some(Denial::new(Reason::KeyRefused, format!("key {label}"), why, hint));
        // A program that connects to a proxy comes with no key and from no address.
        let local = request.peer.is_some();
        if local && (self.fingerprint.is_some() || self.from.is_some()) {
            return deny(
                "the policy file ties it to a fingerprint or to addresses, and what connects to a proxy has neither",
                "the administrator has to give the proxy a --key of its own; sending this again cannot help",
            );
        }
        if self.fingerprint.is_some() && !proven {
            return deny(
                "the key that sshd accepted is not the one that the policy file has under this label",
                "the administrator has to mend the label or the fingerprint, and sshd needs ExposeAuthInfo yes",
            );
        }
        let Some(ranges) = &self.from else { return None };
        // A client that comes by IPv4 to an IPv6 socket.
        let address = request.client.as_ref().map(|client| client.address.to_canonical());
        let inside = address.is_some_and(|address: IpAddr| ranges.iter().any(|range| range.contains(&address)));
        if inside {
            None
        } else {
            deny(
                "it may not be used from this address",
                "use it from where it may be used; sending this again from here cannot help",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Client;

    const FILE: &str = "
profile = 'read-only'
[profiles.builder.commands]
allowed = ['build']
[profiles.operator.host]
bind_mounts = ['/srv']
[keys.one]
profile = 'operator'
[keys.two]
profile = 'builder'
fingerprint = 'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
[keys.near]
from = ['192.0.2.0/24', '2001:db8::/32']
";

    fn request(key: Option<&str>, fingerprint: Option<&str>, address: &str) -> Request {
        Request {
            key: key.map(str::to_owned),
            fingerprint: fingerprint.map(str::to_owned),
            client: Client::parse(&format!("{address} 1 ::1 22")),
            ..Request::default()
        }
    }

    #[test]
    fn the_strongest_proof_of_a_key_gives_the_profile() {
        let set = PolicySet::from_toml(FILE).expect("valid");
        let proven = Some("SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        let other = Some("SHA256:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB");
        for (key, fingerprint, option, expected, refused) in [
            (None, None, None, "read-only", false),
            (Some("one"), None, None, "operator", false),
            (Some("one"), None, Some("builder"), "builder", false),
            (Some("one"), proven, None, "builder", false),
            (Some("one"), proven, Some("operator"), "builder", false),
            (Some("one"), other, None, "operator", false),
            (Some("two"), proven, None, "builder", false),
            (Some("two"), other, None, "builder", true),
            (Some("two"), None, None, "builder", true),
            (Some("unlisted"), None, None, "read-only", true),
            (Some("unlisted"), None, Some("operator"), "operator", true),
            (Some("unlisted"), proven, None, "builder", false),
            (None, None, None, "read-only", false),
            (None, None, Some("no-such"), "no-such", true),
        ] {
            let selected = set.select(&request(key, fingerprint, "192.0.2.7"), option);
            assert_eq!(
                (selected.profile.as_str(), selected.denial.is_some()),
                (expected, refused),
                "{key:?} {fingerprint:?} {option:?}"
            );
        }
    }

    #[test]
    fn a_key_may_be_tied_to_addresses() {
        let set = PolicySet::from_toml(FILE).expect("valid");
        for (address, refused) in [
            ("192.0.2.7", false),
            ("::ffff:192.0.2.7", false),
            ("192.0.3.7", true),
            ("2001:db8::7", false),
            ("2001:db9::7", true),
        ] {
            let selected = set.select(&request(Some("near"), None, address), None);
            assert_eq!(selected.denial.is_some(), refused, "{address}");
        }
        let unknown = Request { key: Some("near".to_owned()), ..Request::default() };
        assert!(set.select(&unknown, None).denial.is_some());
    }

    #[test]
    fn a_proxy_has_no_key_of_ssh_s() {
        let set = PolicySet::from_toml(FILE).expect("valid");
        for (key, profile, says) in [
            ("one", None, None),
            ("two", None, Some("what connects to a proxy has neither")),
            ("near", None, Some("what connects to a proxy has neither")),
            ("unlisted", None, Some("--key is a label that the policy file does not have")),
            ("one", Some("none"), Some("--profile names a profile that the policy file does not have")),
        ] {
            let request = Request { key: Some(key.to_owned()), peer: Some(7), ..Request::default() };
            let said = set.select(&request, profile).denial.map(|denial| denial.message);
            assert!(said.is_some() == says.is_some(), "{key}: {said:?}");
            assert!(said.is_none_or(|said| says.is_some_and(|says| said.contains(says))), "{key}");
        }
    }

    #[test]
    fn a_profile_is_laid_over_the_file_and_remembers_it() {
        let set = PolicySet::from_toml(FILE).expect("valid");
        let operator = set.with_profile("operator").expect("built in").settings;
        assert_eq!(operator.bind_mounts.origin, Origin::Profile("operator".to_owned()));
        assert!(operator.allowed.value.is_some_and(|allowed| allowed.iter().any(|name| name == "restart")));
        assert_eq!(operator.blocked.origin, Origin::BuiltIn);
        assert!(set.with_profile("default").expect("built in").settings.allowed.value.is_none());
    }
}
