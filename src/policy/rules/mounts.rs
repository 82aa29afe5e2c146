//! What containers have mounted that are there already. The daemon looks its sources up again whenever one is started,
//! and they could lead elsewhere by now. Pure.

use super::names::is_one;
use super::{host, unreachable};
use crate::demand::Existing;
use crate::denial::{Denial, Reason};
use crate::facts::{Facts, Mount, Unreachable, Way};
use crate::policy::values::BindMount;
use std::path::{Path, PathBuf};

/// What a policy says of the host's directories.
#[derive(Clone, Copy, Debug)]
pub(in crate::policy) struct Grants<'a> {
    pub list: &'a [BindMount],
    /// What containers of any key may write.
    pub writable: &'a [PathBuf],
}

/// Judges the mounts of containers that would be started: none may lead over a place where a container could have put
/// a symbolic link, and what was mounted under a grant must not lead out of the grants. What the administrator has
/// mounted otherwise is the administrator's.
pub(in crate::policy) fn mounted(grants: Grants, facts: &Facts, existing: &Existing, word: &str) -> Result<(), Denial> {
    if grants.writable.is_empty() && grants.list.is_empty() {
        return Ok(());
    }
    let unknown = |why: &Unreachable| unreachable(word, "what the containers have mounted", why);
    let volumes = facts.all_listed(crate::demand::Object::Volume).map_err(unknown)?;
    for container in facts.all_containers().map_err(unknown)?.iter().filter(|container| is_one(container, existing)) {
        for mount in &container.mounts {
            let device = volumes.iter().find(|volume| volume.names.contains(&mount.name)).map(|volume| &volume.device);
            let source = if mount.kind == "volume" { device } else { Some(&mount.source) };
            if let Some(source) = source.filter(|source| source.starts_with('/')) {
                one(grants, facts, source, mount, word)?;
            }
        }
    }
    Ok(())
}

fn one(grants: Grants, facts: &Facts, source: &str, mount: &Mount, word: &str) -> Result<(), Denial> {
    let deny = |why: String| {
        let hint = "the administrator has to look at the container, or make it anew; starting it otherwise cannot help";
        Err(Denial::new(Reason::BindMount, word, why, hint))
    };
    let Some(Way { over, end }) = facts.ways.get(source) else {
        return deny(format!("it has {source} of the host mounted, and where that leads could not be found out"));
    };
    for above in grants.writable {
        if over.iter().chain([end]).any(|path| host::is_below(path, above)) {
            let above = above.display();
            return deny(format!(
                "it has {source} of the host mounted, which lies below {above}, where a container could have put a symbolic link"
            ));
        }
    }
    let under_a_grant = grants.list.iter().any(|grant| Path::new(source).starts_with(&grant.path));
    let leads_out = !grants.list.iter().any(|grant| {
        (end == &grant.path || (grant.read_only && end.starts_with(&grant.path)))
            && (mount.read_only || !grant.read_only)
    });
    if under_a_grant && end != Path::new(source) && leads_out {
        return deny(format!("it has {source} of the host mounted, which leads to {} by now", end.display()));
    }
    Ok(())
}
