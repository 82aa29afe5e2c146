//! Candidate: what the candidate policy would have done, by the verdicts that stand in the records. Pure.

use super::print::shown;
use crate::audit::escape::for_terminal;
use crate::audit::read::line::Fields;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// So many different requests are counted apart; the rest is `(others)`.
const NAMES: usize = 10_000;

/// So many rows of each list are printed; the JSON form has all.
const ROWS: usize = 20;

/// Changes of one kind.
#[derive(Debug, Default, Serialize)]
pub struct Change {
    pub count: u64,
    /// By the rule that comes or goes.
    pub rules: BTreeMap<String, u64>,
    pub keys: BTreeMap<String, u64>,
    /// By rule, key and request.
    pub requests: BTreeMap<String, u64>,
}

/// What a log says of the candidate.
#[derive(Debug, Default, Serialize)]
pub struct Trial {
    /// Requests and calls with the same outcome under both.
    pub same: u64,
    pub refused: Change,
    pub allowed: Change,
    /// Refused before all was known that the candidate would have to know.
    pub unknown: u64,
    /// While the candidate's file was broken.
    pub broken: u64,
    /// Decisions without a candidate.
    pub without: u64,
}

impl Change {
    fn add(&mut self, rule: &str, fields: &Fields<'_>) {
        let key = fields.or_none("key");
        let mut request = shown(fields.or_none("request"));
        if let Some((end, _)) = request.char_indices().nth(200) {
            request.truncate(end);
            request.push('…');
        }
        self.count += 1;
        count(&mut self.rules, rule);
        count(&mut self.keys, key);
        count(&mut self.requests, &format!("{rule}  {key}  {request}"));
    }

    fn text(&self, title: &str, text: &mut String) {
        let _ = writeln!(text, "\n{title}: {}", self.count);
        for (by, list) in [("rule", &self.rules), ("key", &self.keys), ("rule, key and request", &self.requests)] {
            if list.is_empty() {
                continue;
            }
            let _ = writeln!(text, "  by {by}:");
            let mut rows: Vec<_> = list.iter().collect();
            rows.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
            for (name, count) in rows.iter().take(ROWS) {
                let _ = writeln!(text, "{count:>9} x {}", for_terminal(name));
            }
            if rows.len() > ROWS {
                let _ = writeln!(text, "{:>11} {} more", "…", rows.len() - ROWS);
            }
        }
    }
}

fn count(list: &mut BTreeMap<String, u64>, name: &str) {
    let name = if list.len() < NAMES || list.contains_key(name) { name } else { "(others)" };
    *list.entry(name.to_owned()).or_default() += 1;
}

impl Trial {
    /// Counts a decision.
    pub fn add(&mut self, fields: &Fields<'_>) {
        let Some(candidate) = fields.get("candidate") else {
            self.without += 1;
            return;
        };
        let permitted = fields.verdict() != "deny";
        let (word, rule) = candidate.split_once(':').unwrap_or((candidate, "-"));
        match (permitted, word) {
            (_, "unknown") => self.unknown += 1,
            (_, "error") => self.broken += 1,
            (true, "deny") => self.refused.add(rule, fields),
            (false, "allow" | "observe") => self.allowed.add(fields.or_none("reason"), fields),
            _ => self.same += 1,
        }
    }

    /// What a person reads.
    pub fn text(&self) -> String {
        let Self { same, refused, allowed, unknown, broken, without } = self;
        let mut text = format!("as now: {same} requests and calls\n");
        for (count, words) in [
            (unknown, "refused before all was known that the candidate would have to know"),
            (broken, "while the candidate's file was broken or not trustworthy"),
            (without, "without a candidate"),
        ] {
            if *count > 0 {
                let _ = writeln!(text, "not compared: {count} {words}");
            }
        }
        refused.text("newly refused", &mut text);
        allowed.text("newly allowed", &mut text);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_change_is_counted() {
        let mut trial = Trial::default();
        for record in [
            "verdict=allow reason=permitted key=a candidate=allow request=\"docker ps\"",
            "verdict=allow reason=permitted key=a candidate=deny:limit request=\"docker run x\"",
            "verdict=allow reason=permitted key=b candidate=deny:limit request=\"docker run x\"",
            "verdict=observe reason=limit key=b candidate=observe:limit request=\"docker run x\"",
            "verdict=deny reason=blocked-command key=b candidate=allow request=\"docker exec x\"",
            "verdict=deny reason=blocked-command key=b candidate=deny:limit request=\"docker exec x\"",
            "verdict=deny reason=limit key=b candidate=unknown request=\"docker compose up\"",
            "verdict=deny reason=limit key=b candidate=error request=\"docker ps\"",
            "verdict=deny reason=limit key=b request=\"docker ps\"",
        ] {
            trial.add(&Fields::of(record).expect(record));
        }
        assert_eq!(
            trial.text(),
            "as now: 3 requests and calls\n\
             not compared: 1 refused before all was known that the candidate would have to know\n\
             not compared: 1 while the candidate's file was broken or not trustworthy\n\
             not compared: 1 without a candidate\n\
             \nnewly refused: 2\n  by rule:\n        2 x limit\n  by key:\n        1 x a\n        1 x b\n  by rule, key and request:\n        1 x limit  a  docker run x\n        1 x limit  b  docker run x\n\
             \nnewly allowed: 1\n  by rule:\n        1 x blocked-command\n  by key:\n        1 x b\n  by rule, key and request:\n        1 x blocked-command  b  docker exec x\n"
        );
    }
}
