//! sshd's configuration, as it is in effect for the account. Pure.

use crate::admin::doctor::check::Problem;
use crate::admin::doctor::facts::{Facts, Forced};
use crate::admin::doctor::pattern::overlap;
use crate::admin::doctor::sshd::Sshd;

/// Variables that load code into every program, the login shell and dockgate included (measured with
/// OpenSSH 9.2: `LD_PRELOAD` of the client's, under `AcceptEnv *`).
const LOADER: &[&str] = &["LD_*", "GLIBC_TUNABLES"];

/// Variables by which sshd says what was asked for, and by whom.
const SPEAKING: &[&str] = &["SSH_ORIGINAL_COMMAND", "SSH_USER_AUTH"];

/// Variables that have some shell read a file, or define its functions.
const STARTING: &[&str] = &["BASH_ENV", "BASH_FUNC_*", "ENV", "SHELLOPTS", "ZDOTDIR", "XDG_CONFIG_HOME"];

pub(super) fn readable(facts: &Facts) -> Vec<Problem> {
    let problem = |error: &String| {
        Problem::fault(
            format!("what sshd does for {} is not known, nor which keys it takes: {error}", facts.account.name),
            "run doctor as root, where sshd -T works; --sshd and --sshd-config name another sshd",
        )
    };
    facts.sshd.as_ref().err().map(problem).into_iter().collect()
}

pub(super) fn loader(facts: &Facts) -> Vec<Problem> {
    accepted(facts, LOADER, "code of the client's choice runs before the gate")
}

pub(super) fn speaking(facts: &Facts) -> Vec<Problem> {
    accepted(facts, SPEAKING, "the client can say what only sshd should")
}

pub(super) fn starting(facts: &Facts) -> Vec<Problem> {
    if facts.gated_by_shell() {
        return Vec::new();
    }
    accepted(facts, STARTING, "a shell can be made to read a file before the gate")
}

/// The patterns of `AcceptEnv` that let one of `names` in.
fn accepted(facts: &Facts, names: &[&str], why: &str) -> Vec<Problem> {
    let Ok(sshd) = &facts.sshd else { return Vec::new() };
    let problem = |pattern: &str| {
        let let_in: Vec<&str> = names.iter().copied().filter(|name| overlap(pattern, name)).collect();
        (!let_in.is_empty()).then(|| {
            Problem::fault(
                format!("AcceptEnv {pattern} lets {} in: {why}", let_in.join(", ")),
                format!("take {pattern} out of AcceptEnv in sshd_config; AcceptEnv LANG LC_* is enough"),
            )
        })
    };
    sshd.words("acceptenv").filter_map(problem).collect()
}

pub(super) fn user_environment(facts: &Facts) -> Vec<Problem> {
    let Ok(sshd) = &facts.sshd else { return Vec::new() };
    if !sshd.is_on("permituserenvironment") {
        return Vec::new();
    }
    let value = sshd.value("permituserenvironment").unwrap_or_default();
    vec![Problem::fault(
        format!("PermitUserEnvironment {value}: ~/.ssh/environment and environment= set variables such as LD_PRELOAD"),
        "PermitUserEnvironment no in sshd_config",
    )]
}

pub(super) fn expose(facts: &Facts) -> Vec<Problem> {
    let (Ok(sshd), Ok(set)) = (&facts.sshd, &facts.policy) else { return Vec::new() };
    if sshd.is_on("exposeauthinfo") {
        return Vec::new();
    }
    let fix = format!("ExposeAuthInfo yes for {} in sshd_config", facts.account.name);
    let tied: Vec<&str> =
        set.keys.iter().filter(|(_, key)| key.fingerprint.is_some()).map(|(label, _)| label.as_str()).collect();
    if tied.is_empty() {
        return vec![Problem::warning("ExposeAuthInfo is off, so no record has the key's fingerprint", fix)];
    }
    let what = format!(
        "ExposeAuthInfo is off, so these keys, which the policy ties to a fingerprint, are refused: {}",
        tied.join(", ")
    );
    vec![Problem::fault(what, fix)]
}

pub(super) fn force_command(facts: &Facts) -> Vec<Problem> {
    let command = facts.sshd.as_ref().ok().and_then(|sshd| sshd.value("forcecommand"));
    let other = command.filter(|command| facts.forced(command) == Forced::Other);
    // Under dockgate as the login shell it is judged like a request, and refused.
    let problem = |command: &str| {
        Problem::fault(
            format!("ForceCommand {command} runs in place of the keys' own commands, so dockgate is never asked"),
            format!("take ForceCommand out of what sshd_config says for {}, or force dockgate", facts.account.name),
        )
    };
    other.map(problem).into_iter().collect()
}

/// sshd runs `internal-sftp` itself, not through the login shell, where no command is forced.
pub(super) fn internal_sftp(facts: &Facts) -> Vec<Problem> {
    let Ok(sshd) = &facts.sshd else { return Vec::new() };
    let Some((name, command)) = sshd.subsystems().find(|(_, command)| is_internal(command)) else { return Vec::new() };
    if sshd.value("forcecommand").is_some_and(|forced| !is_internal(forced)) {
        return Vec::new();
    }
    let keys = facts.keys();
    let free = keys.iter().filter(|key| key.line.command().is_none_or(is_internal));
    let mut who: Vec<String> = free.map(|key| format!("{} forces no command", key.place)).collect();
    who.extend(facts.strangers());
    if who.is_empty() {
        return Vec::new();
    }
    vec![Problem::fault(
        format!("Subsystem {name} {command} passes neither a login shell nor dockgate: {}", who.join(", ")),
        format!("Subsystem {name} /usr/lib/openssh/sftp-server, or a forced command in every line"),
    )]
}

fn is_internal(command: &str) -> bool {
    command.split(' ').next() == Some("internal-sftp")
}

/// Logins that no `restrict` holds: under the gate as login shell their commands are judged, but sshd forwards
/// for them all the same (measured: `ssh -N -L` to a socket of docker's). Elsewhere they are faults themselves.
pub(super) fn forwarding(facts: &Facts) -> Vec<Problem> {
    let Ok(sshd) = &facts.sshd else { return Vec::new() };
    let mut found = Vec::new();
    if sshd.is_on("permittunnel") {
        found.push(Problem::fault(
            "PermitTunnel gives the account a network of its own into this host",
            "PermitTunnel no in sshd_config",
        ));
    }
    let who = facts.strangers();
    let open = forwards(sshd);
    if facts.gated_always() && !who.is_empty() && !open.is_empty() {
        found.push(Problem::fault(
            format!(
                "sshd forwards ({}), and a forwarded socket reaches docker past the gate: {}",
                open.join(", "),
                who.join(", ")
            ),
            format!("DisableForwarding yes for {} in sshd_config", facts.account.name),
        ));
    }
    found
}

fn forwards(sshd: &Sshd) -> Vec<&'static str> {
    ["port-forwarding", "agent-forwarding", "x11-forwarding"].iter().flat_map(|extra| sshd.behind(extra)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::doctor::checks::tests::{FORCED, facts, found, key, with_keys, with_sshd};
    use crate::policy::set::PolicySet;

    #[test]
    fn each_setting_that_lets_something_past_the_gate_is_found() {
        let env = ["fault accept-env-loader", "fault accept-env-sshd", "fault accept-env-shell"];
        for (lines, expected) in [
            ("acceptenv *\n", &env[..]),
            ("acceptenv LANG\nacceptenv L*\n", &["fault accept-env-loader"]),
            ("acceptenv LD_LIBRARY_PATH\n", &["fault accept-env-loader"]),
            ("acceptenv SSH_*\n", &["fault accept-env-sshd"]),
            ("acceptenv BASH_ENV\n", &["fault accept-env-shell"]),
            ("acceptenv LANG LC_* GIT_*\n", &[]),
            ("permituserenvironment yes\n", &["fault permit-user-environment"]),
            ("permituserenvironment LANG,LC_*\n", &["fault permit-user-environment"]),
            ("exposeauthinfo no\n", &["warning expose-auth-info"]),
            ("forcecommand /bin/true\n", &["fault force-command"]),
            ("forcecommand internal-sftp\n", &["fault force-command"]),
            ("forcecommand /usr/bin/dockgate --key all\n", &[]),
            ("permittunnel point-to-point\n", &["fault forwarding"]),
        ] {
            assert_eq!(found(&with_sshd(facts(), lines)), expected, "{lines}");
        }
        assert_eq!(found(&Facts { sshd: Err("no host keys".into()), ..facts() }), ["fault sshd-config"]);
    }

    #[test]
    fn a_fingerprint_in_the_policy_needs_sshd_s_word() {
        let tied = "[keys.me]\nfingerprint = 'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'\n";
        let facts = Facts { policy: Ok(PolicySet::from_toml(tied).expect("valid")), ..facts() };
        assert_eq!(found(&with_sshd(facts.clone(), "exposeauthinfo no\n")), ["fault expose-auth-info"]);
        assert_eq!(found(&facts), [""; 0]);
    }

    #[test]
    fn internal_sftp_is_a_fault_where_a_line_forces_no_command() {
        let free = with_keys(facts(), &(key(FORCED) + &key("restrict")));
        assert_eq!(found(&free), ["fault key-command", "fault internal-sftp"]);
        assert_eq!(found(&with_sshd(free.clone(), "subsystem sftp /usr/lib/sftp-server\n")), ["fault key-command"]);
        assert_eq!(found(&with_sshd(free, "forcecommand /usr/bin/dockgate\n")), [""; 0]);
    }
}
