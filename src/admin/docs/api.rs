//! The reference of API calls, derived from the tables of endpoints and fields. Pure.
//!
//! `cargo xtask docs` writes it to docs/api.md, and a test holds that file to it.

use super::{by_default, code, row, what};
use crate::api::row::{Asks, Body, Effect, Endpoint, Field, Rule, Shape};
use crate::api::table::AREAS;
use crate::docker::catalogue::{self, Found};
use std::collections::BTreeSet;
use std::fmt::Write;

const HEAD: &str = "# Calls of Docker's API

Every call that the gate knows, in versions 1.41 to 1.51: the command that it is and what the built-in policy says of that,
the commands of which it is a part, and the keys of its query. A call that only reads has no record of its own. What is
not here is unknown, and unknown is refused. [api-guard.md](api-guard.md) says how calls are judged.

This file is written by `cargo xtask docs` from the rows in `src/api/table` and `src/api/fields`.
";

const BODIES: &str = "
## Fields

The JSON bodies, field by field. What is marked asks for something: the same as the option that sets it, or more of the host
than a container may have. The others ask for nothing by themselves; memory, processors, processes and ports are judged
together under `limits`, labels by what they say, volumes by their names.
";

/// The whole document.
pub fn calls() -> String {
    let mut text = HEAD.to_owned();
    for (title, endpoints) in AREAS {
        let _ = write!(text, "\n## {title}\n\n| call | is | by default | also a part of | query |\n");
        text.push_str("| --- | --- | --- | --- | --- |\n");
        for endpoint in *endpoints {
            let keys: Vec<String> = endpoint.query.iter().map(|key| code(key.name)).collect();
            let call = code(&name(endpoint)) + if endpoint.effect == Effect::Reads { "" } else { " *" };
            let cells = [&call, &list(endpoint.is), &verdict(endpoint), &list(endpoint.part_of), &keys.join(", ")];
            row(&mut text, &cells.map(String::as_str));
        }
    }
    text.push_str("\n\\* recorded one by one\n");
    text.push_str(BODIES);
    for endpoint in AREAS.iter().flat_map(|(_, endpoints)| endpoints.iter()) {
        let Body::Json(fields) = endpoint.body else { continue };
        if fields.is_empty() {
            continue;
        }
        let _ = write!(text, "\n**{}**\n\n", code(&name(endpoint)));
        lines(&mut text, fields, 0);
    }
    text
}

fn name(endpoint: &Endpoint) -> String {
    format!("{} {}", endpoint.method.name(), endpoint.path)
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| if *name == "*" { "any".to_owned() } else { code(name) }).collect::<Vec<_>>().join(", ")
}

/// What the built-in policy says of the command that a call is by itself.
fn verdict(endpoint: &Endpoint) -> String {
    let beyond = endpoint.asks.iter().find_map(|asks| match asks {
        Asks::Like(ask) if matches!(ask, crate::docker::row::Ask::HostSetting(_)) => what(*ask),
        _ => None,
    });
    if let Some(beyond) = beyond {
        return format!("refused: {beyond}");
    }
    let Some(first) = endpoint.is.first() else { return "allowed".to_owned() };
    match catalogue::find(first) {
        Found::Leaf(command) => by_default(command),
        _ => String::new(),
    }
}

fn lines(text: &mut String, fields: &[Field], depth: usize) {
    let plain: BTreeSet<String> =
        fields.iter().filter(|field| matches!(field.rule, Rule::Free)).map(|field| code(field.name)).collect();
    let indent = "  ".repeat(depth);
    if !plain.is_empty() {
        let _ = writeln!(text, "{indent}- {}", plain.into_iter().collect::<Vec<_>>().join(", "));
    }
    for field in fields.iter().filter(|field| !matches!(field.rule, Rule::Free)) {
        let asks = match field.rule {
            Rule::Like(ask) => what(ask).unwrap_or_else(|| "judged by the policy's limits and names".to_owned()),
            Rule::Beyond(why) | Rule::BeyondAtAll(why) => format!("refused: {why}"),
            Rule::Judged(_) => "judged".to_owned(),
            Rule::LeftOut => "not passed on".to_owned(),
            Rule::Inner | Rule::Free => String::new(),
        };
        let asks = if asks.is_empty() { asks } else { format!(": {asks}") };
        let _ = writeln!(text, "{indent}- **{}**{asks}", code(field.name));
        match field.shape {
            Shape::Object(inner) | Shape::Objects(inner) | Shape::Named(inner) | Shape::NamedLists(inner)
                if matches!(field.rule, Rule::Inner) =>
            {
                lines(text, inner, depth + 1);
            }
            _ => {}
        }
    }
}
