//! Route: which endpoint a head means, and with what. Pure.
//!
//! dockerd's names are greedy (`{name:.*}`): `/containers/a/b/exec` is an exec. So a path is told by its method,
//! its first segments and its last ones, and what lies between is the name, judged as one.

use super::head::{Framing, Head, Method, Upgrade};
use super::json;
use super::query::Query;
use super::row::{Answer, Asks, Body, Endpoint};
use super::table;
use crate::denial::{Denial, Reason};
use crate::docker::asks;

/// The API versions (`1.NN`) whose meaning the tables give; the guard tells clients that the daemon has no newer.
pub const VERSIONS: std::ops::RangeInclusive<u16> = 41..=51;

/// How the body of a call is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// There is none.
    None,
    /// Whole, and no more than so many bytes of it.
    Whole(usize),
    /// It is passed on as it comes.
    Stream,
}

/// A head that means an endpoint of the table.
#[derive(Clone, Debug)]
pub struct Route {
    pub(super) endpoint: &'static Endpoint,
    pub(super) version: Option<u16>,
    /// What stands for the path's placeholders: `("{container}", "web")`.
    pub(super) names: Vec<(&'static str, String)>,
    pub(super) query: Query,
    pub(super) upgrade: Option<Upgrade>,
    pub(super) reading: Reading,
    pub(super) registry_auth: Option<String>,
    pub(super) registry_config: Option<String>,
    pub(super) session: Vec<(String, String)>,
}

impl Route {
    /// Finds the endpoint of a head, and checks all that a head can say.
    ///
    /// # Errors
    /// A [`Denial`] for a path, query key, value, body or upgrade that the table does not have.
    pub fn of(head: &Head) -> Result<Self, Denial> {
        let Some((endpoint, names)) = find(head.method, &head.target.path) else {
            return Err(Denial::new(
                Reason::UnknownCall,
                format!("{} /{}", head.method.name(), head.target.path.join("/")),
                "not a call of Docker's API that this gate knows",
                "use a stock client of Docker's; docker's own commands are listed by `help`",
            ));
        };
        let about = call_name(endpoint);
        for (kind, name) in &names {
            check_name(kind, name).map_err(|why| bad(&about, &format!("{name}: {why}")))?;
        }
        if let Some(version) = head.target.version.filter(|version| !VERSIONS.contains(version)) {
            let (oldest, newest) = (VERSIONS.start(), VERSIONS.end());
            return Err(Denial::new(
                Reason::UnknownCall,
                &*about,
                format!(
                    "version 1.{version} of the API is not one whose meaning this gate knows (1.{oldest} to 1.{newest})"
                ),
                format!("set DOCKER_API_VERSION=1.{newest} on your side, or let the client ask: it does by itself"),
            ));
        }
        let query = Query::read(endpoint.query, &head.target.query).map_err(|why| {
            Denial::new(Reason::UnknownField, format!("{about}, query {}", key(&why)), rest(&why), LEAVE_OUT)
        })?;
        let reading = reading(endpoint, head, &about)?;
        agree(endpoint, &query, reading, &about)?;
        Ok(Self {
            endpoint,
            version: head.target.version,
            names,
            query,
            upgrade: upgrade(endpoint, head, &about)?,
            reading,
            registry_auth: head.registry_auth.clone(),
            registry_config: head.registry_config.clone(),
            session: head.session.clone(),
        })
    }

    /// How the body is to be read before there is a [`super::call::Call`].
    pub fn reading(&self) -> Reading {
        self.reading
    }

    /// The endpoint's row.
    pub fn endpoint(&self) -> &'static Endpoint {
        self.endpoint
    }
}

const LEAVE_OUT: &str = "leave it out; this gate passes on only what it knows";

fn key(text: &str) -> &str {
    text.split_once(": ").map_or(text, |(key, _)| key)
}

fn rest(text: &str) -> &str {
    text.split_once(": ").map_or(text, |(_, rest)| rest)
}

/// `POST /containers/{container}/start`
pub(super) fn call_name(endpoint: &Endpoint) -> String {
    format!("{} {}", endpoint.method.name(), endpoint.path)
}

pub(super) fn bad(about: &str, why: &str) -> Denial {
    Denial::new(Reason::BadRequest, about, why, "send it as a stock client of Docker's does")
}

/// The row for a path, and what stands for its placeholders.
pub(super) fn find(method: Method, path: &[String]) -> Option<(&'static Endpoint, Vec<(&'static str, String)>)> {
    let first = path.first()?;
    // The first segment is never a name, and tells most rows apart.
    let begins = |row: &Endpoint| {
        let rest = row.path.strip_prefix('/').and_then(|path| path.strip_prefix(first.as_str()));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let all = table::AREAS.iter().flat_map(|(_, rows)| rows.iter());
    let all = all.filter(|row| row.method == method && begins(row));
    let fitting = all.filter_map(|row| Some((row, captures(row.path, path)?)));
    // `/containers/a/checkpoints/b` is not a container of that name.
    fitting.max_by_key(|(row, names)| row.path.split('/').count() - names.len())
}

/// What of `path` stands for the placeholders of `pattern`; `None` where it is another path.
fn captures(pattern: &'static str, path: &[String]) -> Option<Vec<(&'static str, String)>> {
    let mut found = Vec::new();
    let mut rest = path;
    let mut parts = pattern.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let (first, after) = rest.split_first()?;
        if !part.starts_with('{') {
            if first != part {
                return None;
            }
            rest = after;
            continue;
        }
        // All but as many segments as the pattern still has.
        let behind = parts.clone().count();
        let (name, after) = rest.split_at_checked(rest.len().checked_sub(behind)?)?;
        if name.is_empty() {
            return None;
        }
        found.push((part, name.join("/")));
        rest = after;
    }
    rest.is_empty().then_some(found)
}

/// Whether a name is one that an object of that kind, a placeholder, can have.
pub(super) fn check_name(kind: &str, name: &str) -> Result<(), &'static str> {
    let starts = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let made_of = |extra: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c));
    match kind {
        "{image}" | "{plugin}" if starts && made_of("_.-/:@") => Ok(()),
        "{image}" | "{plugin}" => Err("not a reference that an image can have"),
        // Networks take nearly every name; these would mean something in a path.
        "{network}" if !name.is_empty() && !matches!(name, "." | "..") && is_plain(name) => Ok(()),
        "{exec}" | "{id}" if !name.is_empty() && made_of("") => Ok(()),
        "{container}" | "{volume}" if starts && made_of("_.-") => Ok(()),
        _ => Err("not a name that it can have"),
    }
}

fn is_plain(name: &str) -> bool {
    name.trim() == name && name.chars().all(|c| matches!(c, ' '..='~') && !"/\\?#%".contains(c))
}

fn upgrade(endpoint: &Endpoint, head: &Head, about: &str) -> Result<Option<Upgrade>, Denial> {
    match (endpoint.answer, head.upgrade) {
        (Answer::H2c, Some(Upgrade::H2c)) => Ok(Some(Upgrade::H2c)),
        (Answer::H2c, _) => Err(bad(about, "it needs Upgrade: h2c")),
        // Without the header dockerd takes the connection all the same.
        (Answer::Hijack, None | Some(Upgrade::Tcp)) => Ok(Some(Upgrade::Tcp)),
        (_, Some(_)) => Err(bad(about, "the connection cannot change its protocol for this call")),
        (_, None) => Ok(None),
    }
}

fn reading(endpoint: &Endpoint, head: &Head, about: &str) -> Result<Reading, Denial> {
    let kind = head.content_type.as_deref();
    if kind.is_some_and(|kind| kind.contains("form")) {
        return Err(bad(about, "a form would be read into the query"));
    }
    match (endpoint.body, head.framing) {
        (_, Framing::None) => Ok(Reading::None),
        (Body::None, _) => Err(Denial::new(Reason::UnknownField, about, "it has no body", LEAVE_OUT)),
        (Body::Json(_), Framing::Length(length)) if length > json::MOST_BYTES as u64 => {
            Err(bad(about, "the body is longer than 1 MiB"))
        }
        (Body::Json(_), _) if head.encoded => {
            Err(bad(about, "the body is encoded (Content-Encoding), and would not be read as it was judged"))
        }
        (Body::Json(_), _) if kind != Some("application/json") => {
            Err(bad(about, "its body is JSON, and Content-Type is not application/json"))
        }
        (Body::Json(_), _) => Ok(Reading::Whole(json::MOST_BYTES)),
        (Body::Stream | Body::Unread, _) => Ok(Reading::Stream),
    }
}

/// `images/create` is a pull or an import, never both; a build's context comes from where the gate knows.
fn agree(endpoint: &Endpoint, query: &Query, reading: Reading, about: &str) -> Result<(), Denial> {
    let remote = query.text("remote");
    if endpoint.path == "/build" && !remote.is_empty() && !asks::is_remote(remote) {
        return Err(bad(about, "remote is not an address that the gate knows as one of a build context"));
    }
    // The classic builder has git fetch it within the daemon, as root; and over ssh with root's keys.
    let fetched = ["http://", "https://", "github.com/"].iter().any(|start| remote.starts_with(start));
    if endpoint.path == "/build" && !remote.is_empty() && !fetched {
        return Err(bad(about, "remote is not an address of http or https, and the daemon would fetch it as root"));
    }
    // dockerd takes `/web` for `web`, and the policy's patterns do not.
    let names = [Asks::Makes, Asks::Renames].iter().any(|asks| endpoint.asks.contains(asks));
    if names && !query.text("name").is_empty() {
        check_name("{container}", query.text("name")).map_err(|why| bad(about, &format!("name: {why}")))?;
    }
    if !endpoint.asks.contains(&Asks::Fetches) {
        return Ok(());
    }
    let given = |key: &str| !query.text(key).is_empty();
    match (given("fromImage"), given("fromSrc")) {
        (true, true) | (false, false) => Err(bad(about, "one of fromImage and fromSrc says what is meant")),
        (true, false) if reading != Reading::None => Err(bad(about, "with fromImage there is no body")),
        (true, false) if given("repo") || given("message") || query.get("changes").is_some() => {
            Err(bad(about, "repo, message and changes belong to fromSrc"))
        }
        _ => Ok(()),
    }
}
