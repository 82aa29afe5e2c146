//! Attributes by their keys: what a frontend, an exporter or a cache is told, and what that asks for. Pure.
//!
//! Keys as the `dockerfile.v0` frontend reads them (buildkit `frontend/dockerui`, `frontend/dockerfile/builder`), the
//! exporters (`exporter/containerimage/exptypes`) and buildx writes them (`build/opt.go`).

use crate::demand::{Demand, Namespace, Object, Touch, Want};
use crate::denial::{Denial, Reason};
use crate::docker::asks;

/// What a key asks for with its value.
enum Rule {
    Nothing,
    /// By the part of the key behind a prefix, and the value.
    Asks(fn(&str, &str) -> Result<Vec<Want>, Not>),
    /// Never: why.
    Refused(Not),
}

/// Why a value is never passed on.
type Not = (Reason, &'static str);

/// A key, or the beginning of keys if it ends with `:`.
type Row = (&'static str, Rule);

const NOT_PASSED_ON: Not = (Reason::HostSetting, "it would take what this gate does not pass on");

/// What a frontend may be told. In the order of the keys.
const FRONTEND: &[Row] = &[
    ("add-hosts", Rule::Nothing),
    ("attest:provenance", Rule::Nothing),
    ("attest:sbom", Rule::Asks(scanner)),
    ("build-arg:", Rule::Asks(build_argument)),
    ("cache-from", Rule::Nothing),
    ("cache-imports", Rule::Asks(cache_imports)),
    ("cgroup-parent", Rule::Asks(|_, value| Ok(some(value, |parent| Want::CgroupParent { parent })))),
    // The words after the image of `#syntax=`; only `gateway.v0` reads it.
    ("cmdline", Rule::Nothing),
    ("context", Rule::Asks(|_, value| context(value))),
    ("context:", Rule::Asks(|_, value| context(value))),
    ("cpuperiod", Rule::Nothing),
    ("cpuquota", Rule::Nothing),
    ("cpusetcpus", Rule::Nothing),
    ("cpusetmems", Rule::Nothing),
    ("cpushares", Rule::Nothing),
    ("dockerfilekey", Rule::Nothing),
    ("filename", Rule::Nothing),
    ("force-network-mode", Rule::Asks(network)),
    ("frontend.caps", Rule::Nothing),
    ("hostname", Rule::Nothing),
    ("image-resolve-mode", Rule::Nothing),
    ("input-metadata:", Rule::Refused(NOT_PASSED_ON)),
    ("input:", Rule::Refused(NOT_PASSED_ON)),
    ("label:", Rule::Asks(label)),
    // Whose session a local directory comes from. Its id is a secret of whoever began it.
    ("local-sessionid:", Rule::Nothing),
    ("memory", Rule::Nothing),
    ("memswap", Rule::Nothing),
    ("multi-platform", Rule::Nothing),
    ("no-cache", Rule::Nothing),
    ("platform", Rule::Nothing),
    // What else than an image is asked of the frontend: `--check`, `--call`.
    ("requestid", Rule::Nothing),
    ("sharedkey:localdir:", Rule::Nothing),
    ("shm-size", Rule::Nothing),
    // The image that `gateway.v0` runs; also where the request names another frontend.
    ("source", Rule::Asks(|_, value| Ok(image(value)))),
    ("target", Rule::Nothing),
    ("ulimit", Rule::Nothing),
    ("vcs:", Rule::Nothing),
];

/// Build arguments that BuildKit itself reads and that ask for nothing. `BUILDKIT_SYNTAX` does.
const BUILDKIT_ARGUMENTS: &[&str] = &[
    "BUILDKIT_CACHE_MOUNT_NS",
    "BUILDKIT_CONTEXT_KEEP_GIT_DIR",
    "BUILDKIT_DOCKERFILE_CHECK",
    "BUILDKIT_INLINE_CACHE",
    "BUILDKIT_MULTI_PLATFORM",
    "BUILDKIT_SANDBOX_HOSTNAME",
    "BUILDKIT_SBOM_SCAN_CONTEXT",
    "BUILDKIT_SBOM_SCAN_STAGE",
];

/// What the exporter of an image may be told.
const IMAGE_EXPORTER: &[Row] = &[
    ("attestation-inline", Rule::Nothing),
    ("compression", Rule::Nothing),
    ("compression-level", Rule::Nothing),
    ("force-compression", Rule::Nothing),
    ("load", Rule::Nothing),
    ("name", Rule::Asks(|_, value| Ok(value.split(',').flat_map(made_image).collect()))),
    ("oci-artifact", Rule::Nothing),
    ("oci-mediatypes", Rule::Nothing),
    ("push", Rule::Asks(|_, value| Ok(if is_false(value) { Vec::new() } else { operation("push") }))),
    ("push-by-digest", Rule::Nothing),
    ("rewrite-timestamp", Rule::Nothing),
    ("source-date-epoch", Rule::Nothing),
    ("store", Rule::Nothing),
    ("unpack", Rule::Nothing),
];

/// What the attributes of a frontend ask for.
///
/// # Errors
/// The first that this gate does not know, or never passes on.
pub fn frontend<'a>(attributes: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Vec<Demand>, Denial> {
    judge(FRONTEND, "the frontend attribute", attributes)
}

/// What an exporter asks for.
///
/// # Errors
/// As [`frontend`].
pub fn exporter<'a>(kind: &str, attributes: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Vec<Demand>, Denial> {
    match kind {
        // Annotations are text on the image.
        "moby" | "image" => judge(
            IMAGE_EXPORTER,
            "the exporter's attribute",
            attributes.filter(|(key, _)| !key.starts_with("annotation")),
        ),
        // They hand the files of what was built to the client.
        "docker" | "local" | "oci" | "tar" => {
            Ok(operation("save").into_iter().map(|want| Demand::new(want, format!("--output type={kind}"))).collect())
        }
        _ => Err(unknown("the exporter", kind)),
    }
}

/// What the export of a cache asks for, by its type.
pub fn cache_export(kind: &str) -> Vec<Demand> {
    let wants = match kind {
        // Inside the image.
        "inline" => Vec::new(),
        "local" => vec![Want::ClientWrite { what: "a build cache".to_owned() }],
        _ => operation("push"),
    };
    wants.into_iter().map(|want| Demand::new(want, format!("--cache-to type={kind}"))).collect()
}

/// What the import of a cache asks for, by its type.
pub fn cache_import(kind: &str) -> Vec<Demand> {
    let wants = match kind {
        "registry" => Vec::new(),
        _ => vec![Want::HostSetting { what: kind.to_owned(), why: NOT_PASSED_ON.1 }],
    };
    wants.into_iter().map(|want| Demand::new(want, format!("--cache-from type={kind}"))).collect()
}

/// What an entitlement asks for: the host's network is a namespace as elsewhere.
pub fn entitlement(name: &str) -> Demand {
    let want = match name {
        "network.host" => Want::Namespace { namespace: Namespace::Network, mode: "host".to_owned() },
        _ => Want::Entitlement { name: name.to_owned() },
    };
    Demand::new(want, format!("--allow {name}"))
}

fn judge<'a>(
    rows: &[Row],
    what: &str,
    attributes: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<Demand>, Denial> {
    let mut demands = Vec::new();
    for (key, value) in attributes {
        let row = rows.iter().find_map(|(name, rule)| {
            let rest = if name.ends_with(':') { key.strip_prefix(name) } else { (key == *name).then_some("") };
            rest.map(|rest| (rest, rule))
        });
        let word = || if value.is_empty() { key.to_owned() } else { format!("{key}={value}") };
        let not = |(reason, why): Not| {
            let hint = "leave it out; sending it again in another spelling cannot help";
            Denial::new(reason, format!("docker build: {}", word()), why, hint)
        };
        match row {
            None => return Err(unknown(what, key)),
            Some((_, Rule::Nothing)) => {}
            Some((_, Rule::Refused(why))) => return Err(not(*why)),
            Some((rest, Rule::Asks(ask))) => {
                let wants = ask(rest, value).map_err(not)?;
                demands.extend(wants.into_iter().map(|want| Demand::new(want, word())));
            }
        }
    }
    Ok(demands)
}

/// Something that this gate does not know.
pub fn unknown(what: &str, name: &str) -> Denial {
    Denial::new(
        Reason::UnknownField,
        format!("docker build: {what} {name}"),
        "not one that this gate knows",
        "build with docker build, docker buildx build or docker compose build, without options for other builders",
    )
}

/// Something that is never passed on, and that no stock client sends.
pub fn refused(what: impl Into<String>, why: &str) -> Denial {
    let hint = "leave it out; sending it again in another spelling cannot help";
    Denial::new(Reason::BadRequest, format!("docker build: {}", what.into()), why, hint)
}

fn some(value: &str, want: impl Fn(String) -> Want) -> Vec<Want> {
    if value.is_empty() { Vec::new() } else { vec![want(value.to_owned())] }
}

pub fn operation(name: &str) -> Vec<Want> {
    vec![Want::Operation { name: name.to_owned(), instead: true }]
}

fn image(name: &str) -> Vec<Want> {
    vec![Want::Image { name: name.to_owned() }]
}

fn made_image(name: &str) -> Vec<Want> {
    some(name, |name| Want::Object { object: Object::Image, name, touch: Touch::Make })
}

/// Go's `strconv.ParseBool`; what is neither is judged as true.
fn is_false(value: &str) -> bool {
    matches!(value, "0" | "f" | "F" | "false" | "FALSE" | "False")
}

fn network(_: &str, mode: &str) -> Result<Vec<Want>, Not> {
    match mode {
        "" | "default" | "none" | "sandbox" => Ok(Vec::new()),
        "host" => Ok(vec![Want::Namespace { namespace: Namespace::Network, mode: mode.to_owned() }]),
        _ => Err((Reason::UnknownField, "not a network that a build can have")),
    }
}

/// `BUILDKIT_SYNTAX` names an image that BuildKit fetches, and runs in the place of its own frontend.
fn build_argument(name: &str, value: &str) -> Result<Vec<Want>, Not> {
    match name {
        "BUILDKIT_SYNTAX" => Ok(image(value.split_whitespace().next().unwrap_or_default())),
        name if name.starts_with("BUILDKIT_") && !BUILDKIT_ARGUMENTS.contains(&name) => {
            Err((Reason::UnknownField, "not a setting of BuildKit's that this gate knows"))
        }
        _ => Ok(Vec::new()),
    }
}

fn label(name: &str, _: &str) -> Result<Vec<Want>, Not> {
    if name.starts_with(crate::api::labels::OWN) {
        Err((Reason::ReservedLabel, "labels of this name say whose something is, and only the gate sets them"))
    } else {
        Ok(Vec::new())
    }
}

/// The image that lists what is in the result; without one, BuildKit takes its own.
fn scanner(_: &str, value: &str) -> Result<Vec<Want>, Not> {
    let fields =
        crate::docker::csv::row(value).ok_or((Reason::BadRequest, "not a row of comma-separated key=value pairs"))?;
    let generator = fields.iter().find_map(|field| field.strip_prefix("generator="));
    Ok(image(generator.unwrap_or("docker/buildkit-syft-scanner")))
}

/// A build context, be it the main or a named one.
fn context(value: &str) -> Result<Vec<Want>, Not> {
    if let Some(name) = value.strip_prefix("docker-image://") {
        return Ok(if name == "scratch" { Vec::new() } else { image(name) });
    }
    let of_the_client = value.starts_with("local:");
    // The daemon fetches it, as it does for the same word on a command line; or from the client's session.
    let fetched = asks::is_remote(value) || ["ssh://", "git:"].iter().any(|scheme| value.starts_with(scheme));
    if of_the_client || fetched { Ok(Vec::new()) } else { Err(NOT_PASSED_ON) }
}

/// A JSON list of caches to take from.
fn cache_imports(_: &str, value: &str) -> Result<Vec<Want>, Not> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "PascalCase")]
    struct Entry {
        r#type: String,
        #[serde(default)]
        #[expect(dead_code, reason = "a cache is judged by its type")]
        attrs: std::collections::BTreeMap<String, String>,
    }
    let entries: Vec<Entry> =
        serde_json::from_str(value).map_err(|_| (Reason::UnknownField, "not a list of caches that this gate knows"))?;
    Ok(entries.iter().flat_map(|entry| cache_import(&entry.r#type)).map(|demand| demand.want).collect())
}
