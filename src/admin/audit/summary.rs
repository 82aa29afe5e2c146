//! Summary: what a log comes to, counted in one pass and bounded memory. Pure.

use super::about::{Understood, is_call};
use super::print::shown;
use crate::audit::read::line::Fields;
use crate::audit::read::time::{self, Micros};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// So many different names are counted apart; the rest is `(others)`.
const NAMES: usize = 10_000;

/// So many permitted requests may be under way, and so many clients be looked at for what they did next.
const OPEN: usize = 65_536;

/// How long after a refusal a permitted request of the same client counts as a way that it found.
const NEXT: Micros = 10 * 60 * 1_000_000;

/// How many of the slowest are kept.
const SLOWEST: usize = 10;

/// Decisions by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdicts {
    pub allow: u64,
    pub observe: u64,
    pub deny: u64,
    pub error: u64,
}

impl Verdicts {
    fn add(&mut self, verdict: &str) {
        match verdict {
            "allow" => self.allow += 1,
            "observe" => self.observe += 1,
            "deny" => self.deny += 1,
            _ => self.error += 1,
        }
    }

    /// Adds others to these.
    pub fn merge(&mut self, other: &Self) {
        let Self { allow, observe, deny, error } = other;
        self.allow += allow;
        self.observe += observe;
        self.deny += deny;
        self.error += error;
    }

    /// All of them.
    pub fn all(&self) -> u64 {
        self.allow + self.observe + self.deny + self.error
    }
}

/// Counts by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct By<T> {
    counts: HashMap<String, T>,
}

impl<T> Default for By<T> {
    fn default() -> Self {
        Self { counts: HashMap::new() }
    }
}

impl<T: Default + Copy> By<T> {
    fn with(&mut self, name: &str, count: impl FnOnce(&mut T)) {
        // Most names are known, and then nothing is copied.
        if let Some(known) = self.counts.get_mut(name) {
            return count(known);
        }
        let name = if self.counts.len() < NAMES { name } else { "(others)" };
        count(self.counts.entry(name.to_owned()).or_default());
    }

    /// The names in descending order of `measure`, then alphabetically.
    pub fn sorted(&self, measure: impl Fn(&T) -> u64) -> Vec<(&str, T)> {
        let mut list: Vec<(&str, T)> = self.counts.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        list.sort_by(|a, b| measure(&b.1).cmp(&measure(&a.1)).then(a.0.cmp(b.0)));
        list
    }
}

/// Refusals of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refusals {
    pub count: u64,
    /// How often the same client's next request was permitted, within ten minutes.
    pub then_permitted: u64,
}

/// How long the runs of a command took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Durations {
    pub count: u64,
    pub total_ms: u64,
    pub longest_ms: u64,
    /// Runs that took up to 2, 4, 8 … milliseconds.
    pub by_power: [u32; 32],
}

impl Durations {
    fn add(&mut self, millis: u64) {
        self.count += 1;
        self.total_ms += millis;
        self.longest_ms = self.longest_ms.max(millis);
        let power = usize::try_from(millis.max(1).ilog2()).unwrap_or(0);
        if let Some(count) = self.by_power.get_mut(power) {
            *count += 1;
        }
    }

    /// In how many milliseconds at most so many hundredths of the runs were done, to a power of two.
    pub fn within(&self, hundredths: u64) -> u64 {
        let wanted = (self.count * hundredths).div_ceil(100);
        let mut seen = 0;
        for (power, count) in self.by_power.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return (1u64 << (power + 1)).min(self.longest_ms);
            }
        }
        self.longest_ms
    }
}

/// One run that took long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Run {
    pub ms: u64,
    pub id: String,
    pub command: String,
    pub request: String,
}

/// What a log comes to.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    pub decisions: u64,
    pub first: Option<Micros>,
    pub last: Option<Micros>,
    pub verdicts: Verdicts,
    pub hosts: By<Verdicts>,
    pub keys: By<Verdicts>,
    pub clients: By<Verdicts>,
    pub commands: By<Verdicts>,
    pub reasons: By<Refusals>,
    /// Refusals by reason and command.
    pub refusals: By<Refusals>,
    /// By hours since 1970, in UTC.
    pub hours: BTreeMap<u64, Verdicts>,
    /// Decisions by key and hour of the day.
    pub day: BTreeMap<String, [u64; 24]>,
    /// By kind and name; empty unless asked for.
    pub objects: By<Verdicts>,
    /// Calls of the API that have records of their own, by what they ask for.
    pub calls: By<Verdicts>,
    /// Records of an end, and how the runs ended.
    pub ended: u64,
    pub exits: By<u64>,
    /// Who ended runs that did not end by themselves.
    pub ended_by: By<u64>,
    /// Permitted runs of which no end is in the log, where the log has ends at all.
    pub without_end: u64,
    pub durations: By<Durations>,
    pub slowest: Vec<Run>,
    #[serde(skip)]
    open: Open,
    #[serde(skip)]
    refused: HashMap<String, (Micros, String, String)>,
    #[serde(skip)]
    about: Option<Understood>,
}

/// Permitted requests that have not ended yet, the oldest given up when they are too many.
#[derive(Debug, Default)]
struct Open {
    runs: HashMap<String, (String, String)>,
    order: VecDeque<String>,
    given_up: u64,
}

impl Open {
    fn begin(&mut self, fields: &Fields<'_>) {
        let name = format!("{} {}", fields.host, fields.id());
        let request: String = fields.or_none("request").chars().take(120).collect();
        self.runs.insert(name.clone(), (fields.or_none("command").to_owned(), request));
        self.order.push_back(name);
        // What ended is still in the order.
        while self.runs.len() > OPEN || self.order.len() > 2 * OPEN {
            let Some(oldest) = self.order.pop_front() else { break };
            self.given_up += u64::from(self.runs.remove(&oldest).is_some());
        }
    }

    fn end(&mut self, fields: &Fields<'_>) -> Option<(String, String)> {
        self.runs.remove(&format!("{} {}", fields.host, fields.id()))
    }
}

/// Whether dockgate answers a command itself, so that nothing begins.
pub fn is_own(command: &str) -> bool {
    matches!(command, "help" | "true" | "login" | "-") || command.starts_with("dockgate ")
}

impl Summary {
    /// Counts nothing yet; with objects, every request is understood again.
    pub fn new(objects: bool) -> Self {
        Self { about: objects.then(Understood::default), ..Self::default() }
    }

    /// Counts a record.
    pub fn add(&mut self, fields: &Fields<'_>) {
        let verdict = fields.verdict();
        match verdict {
            "end" => return self.end(fields),
            "allow" | "observe" | "deny" | "error" => {}
            _ => return,
        }
        // A call of the API within a run, and not a request.
        if is_call(fields) {
            return self.calls.with(fields.or_none("command"), |count| count.add(verdict));
        }
        self.decisions += 1;
        let (key, command, reason) = (fields.or_none("key"), fields.or_none("command"), fields.or_none("reason"));
        self.verdicts.add(verdict);
        self.hosts.with(&fields.host, |count| count.add(verdict));
        self.keys.with(key, |count| count.add(verdict));
        self.clients.with(fields.address(), |count| count.add(verdict));
        self.commands.with(command, |count| count.add(verdict));
        if let Some(time) = fields.time() {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
            self.hours.entry(time::hour(time)).or_default().add(verdict);
            self.at_hour(key, time);
        }
        self.next(fields, verdict, reason, command);
        if matches!(verdict, "allow" | "observe") && !is_own(command) {
            self.open.begin(fields);
        }
        self.objects(fields, verdict);
    }

    fn at_hour(&mut self, key: &str, time: Micros) {
        if !self.day.contains_key(key) && self.day.len() < NAMES {
            self.day.insert(key.to_owned(), [0; 24]);
        }
        let hour = usize::try_from(time::hour(time) % 24).unwrap_or_default();
        if let Some(count) = self.day.get_mut(key).and_then(|day| day.get_mut(hour)) {
            *count += 1;
        }
    }

    /// Refusals, and what the same client did next.
    fn next(&mut self, fields: &Fields<'_>, verdict: &str, reason: &str, command: &str) {
        let who = format!("{} {} {}", fields.host, fields.or_none("key"), fields.address());
        let time = fields.time().unwrap_or_default();
        if verdict == "deny" {
            let kind = format!("{reason} {command}");
            self.reasons.with(reason, |refusals| refusals.count += 1);
            self.refusals.with(&kind, |refusals| refusals.count += 1);
            if self.refused.len() >= OPEN {
                self.refused.retain(|_, (then, ..)| then.saturating_add(NEXT) >= time);
            }
            if self.refused.len() < OPEN {
                self.refused.insert(who, (time, reason.to_owned(), kind));
            }
        } else if let Some((then, reason, kind)) = self.refused.remove(&who)
            && verdict == "allow"
            && time.saturating_sub(then) <= NEXT
        {
            self.reasons.with(&reason, |refusals| refusals.then_permitted += 1);
            self.refusals.with(&kind, |refusals| refusals.then_permitted += 1);
        }
    }

    fn objects(&mut self, fields: &Fields<'_>, verdict: &str) {
        let Some(about) = self.about.as_mut().and_then(|known| known.of(fields)) else { return };
        let mut names: Vec<String> = about.names().map(|(object, name)| format!("{} {name}", object.name())).collect();
        names.extend(about.project.as_ref().map(|name| format!("project {name}")));
        names.sort_unstable();
        names.dedup();
        names.iter().for_each(|name| self.objects.with(name, |count| count.add(verdict)));
    }

    fn end(&mut self, fields: &Fields<'_>) {
        self.ended += 1;
        let exit =
            fields.get("signal").map_or_else(|| fields.or_none("exit").to_owned(), |signal| format!("signal {signal}"));
        self.exits.with(&exit, |count| *count += 1);
        if let Some(by) = fields.get("ended") {
            self.ended_by.with(by, |count| *count += 1);
        }
        let Some((command, request)) = self.open.end(fields) else { return };
        let Some(ms) = fields.number("ms") else { return };
        self.durations.with(&command, |durations| durations.add(ms));
        let place = self.slowest.partition_point(|run| run.ms >= ms);
        if place < SLOWEST {
            self.slowest.insert(place, Run { ms, id: fields.id().to_owned(), command, request: shown(&request) });
            self.slowest.truncate(SLOWEST);
        }
    }

    /// Nothing comes any more.
    pub fn close(&mut self) {
        if self.ended > 0 {
            self.without_end = self.open.given_up + self.open.runs.len() as u64;
        }
    }
}
