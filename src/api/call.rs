//! Call: one call of Docker's API, understood. Pure.

use super::labels::{self, Claim};
use super::route::{Reading, Route, bad, call_name};
use super::row::{Answer, Asks, Body, Effect, Endpoint};
use super::{json, shape};
use crate::denial::{Denial, Reason};
use serde_json::Value;

/// One call, with everything known that it says.
#[derive(Clone, Debug)]
pub struct Call {
    pub(super) route: Route,
    /// The known fields of a JSON body; `None` where there is no body, or a stream.
    pub(super) body: Option<Value>,
}

impl Call {
    /// A body by its shape alone.
    pub(super) fn read(route: Route, body: &[u8]) -> Result<Self, Denial> {
        let about = call_name(route.endpoint);
        let body = match (route.endpoint.body, route.reading) {
            (Body::Json(fields), Reading::Whole(_)) => {
                let value = json::read(body).map_err(|why| {
                    bad(&about, &format!("the body is not JSON that every server reads alike: {why}"))
                })?;
                match value {
                    Value::Null => None,
                    value => Some(shape::object(fields, value, "").map_err(|misfit| unknown(&about, &misfit))?),
                }
            }
            _ => None,
        };
        Ok(Self { route, body })
    }

    /// The call without labels of the gate's own, for a docker that the gate has started with words that it has judged:
    /// they come from the gate, and the guard sets them.
    #[must_use]
    pub fn without_own_labels(mut self) -> Self {
        labels::leave_out_own(self.body.as_mut());
        self
    }

    /// The call without what another gate has set on what it makes, and that: of a call through a guard which is the
    /// daemon of that gate. What has not the form of it stays, and is refused as anybody's.
    #[must_use]
    pub fn parted(mut self) -> (Self, Claim) {
        let own = self.body.as_mut().and_then(|body| body.get_mut("Labels")).and_then(Value::as_object_mut);
        let claim = match own.map(labels::take_claim) {
            Some(claim) => claim,
            None => self.route.query.object_mut("labels").map(labels::take_claim).unwrap_or_default(),
        };
        (self, claim)
    }

    /// What the head said.
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// The endpoint's row.
    pub fn endpoint(&self) -> &'static Endpoint {
        self.route.endpoint
    }

    /// The call as the record names it: `POST /containers/{container}/start`.
    pub fn name(&self) -> String {
        call_name(self.route.endpoint)
    }

    /// The command that it is, in docker's own words: `start`; empty for `/_ping`.
    pub fn operation(&self) -> &'static str {
        if self.route.endpoint.asks.contains(&Asks::Fetches) && !self.text("fromSrc").is_empty() {
            return "import";
        }
        self.route.endpoint.is.first().copied().unwrap_or_default()
    }

    /// Whether clients send it on the way when they serve this command (`run`, `compose up`).
    pub fn is_part_of(&self, command: &str) -> bool {
        let endpoint = self.route.endpoint;
        let is_of = |entry: &&str| {
            *entry == "*" || *entry == command || command.strip_prefix(entry).is_some_and(|rest| rest.starts_with(' '))
        };
        // An import is no part of what a pull is part of.
        if endpoint.is.first().is_some_and(|first| *first != self.operation()) {
            return command == self.operation();
        }
        endpoint.is.is_empty() || endpoint.is.iter().chain(endpoint.part_of).any(is_of)
    }

    /// Whether it changes something, or hands out what is in a container.
    pub fn changes(&self) -> bool {
        self.route.endpoint.effect == Effect::Changes
    }

    /// What the answer is like.
    pub fn answer(&self) -> Answer {
        self.route.endpoint.answer
    }

    /// How the body goes on.
    pub fn reading(&self) -> Reading {
        self.route.reading
    }

    /// A flag of the query: `stdin`, `force`.
    pub fn flag(&self, key: &str) -> bool {
        self.route.query.flag(key)
    }

    /// A text of the query: `path`, `name`; empty where it is not there.
    pub fn text(&self, key: &str) -> &str {
        self.route.query.text(key)
    }

    /// Takes a key out of the query.
    pub fn leave_out(&mut self, key: &str) {
        self.route.query.leave_out(key);
    }

    /// The known fields of the JSON body.
    pub fn body(&self) -> Option<&Value> {
        self.body.as_ref()
    }

    /// What stands for a placeholder of the path: `named("{container}")`.
    pub fn named(&self, kind: &str) -> Option<&str> {
        self.route.names.iter().find(|(known, _)| *known == kind).map(|(_, name)| name.as_str())
    }
}

fn unknown(about: &str, misfit: &shape::Misfit) -> Denial {
    Denial::new(
        Reason::UnknownField,
        if misfit.place.is_empty() { about.to_owned() } else { format!("{about}, {}", misfit.place) },
        misfit.why.clone(),
        "leave it out; this gate passes on only what it knows",
    )
}
