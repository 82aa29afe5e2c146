//! Names of the Elastic Common Schema for the record's fields. Data. Pure.

/// The fields that the schema has a name for; the others are below `dockgate.`.
pub const NAMES: &[(&str, &str)] = &[
    ("reason", "event.reason"),
    ("command", "event.action"),
    ("user", "user.name"),
    ("client", "source.address"),
    ("profile", "rule.ruleset"),
    ("id", "trace.id"),
    ("request", "process.command_line"),
    ("exit", "process.exit_code"),
];

/// The schema's name for a field.
pub fn name(own: &str) -> String {
    let row = NAMES.iter().find(|(known, _)| *known == own);
    row.map_or_else(|| format!("dockgate.{own}"), |(_, ecs)| (*ecs).to_owned())
}

/// The record's own name for a field in JSON; `None` for what is not dockgate's.
pub fn own_name(name: &str) -> Option<&str> {
    let row = NAMES.iter().find(|(_, ecs)| *ecs == name);
    row.map(|(own, _)| *own).or_else(|| name.strip_prefix("dockgate."))
}
