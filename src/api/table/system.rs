//! The daemon itself. Data only: one row an endpoint.

use super::super::fields::other;
use super::super::row::{Answer, Asks, Endpoint, filters, flag, get, head, post, text, texts};
use crate::docker::row::Ask;

/// Clients send it before anything else.
const EVERY_COMMAND: &[&str] = &["*"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    head("/_ping"),
    get("/_ping"),
    get("/version").is(&["version"]).part_of(EVERY_COMMAND),
    get("/info").is(&["info"]).part_of(EVERY_COMMAND),
    get("/events")
        .is(&["events"])
        .part_of(&[
            "stats",
            "compose up",
            "compose logs",
            "compose events",
            "compose stats",
            "compose start",
            "compose run",
        ])
        .query(&[filters(), text("since"), text("until")])
        .answers(Answer::Stream),
    get("/system/df").is(&["system df"]).part_of(&["system prune"]).query(&[texts("type"), flag("verbose")]),
    post("/auth").is(&["login"]).json(other::AUTH).asks(&[Asks::Like(Ask::Credentials)]),
];
