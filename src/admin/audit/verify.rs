//! Verify: whether the records are whole. Pure, in one pass and bounded memory.

use super::about::is_call;
use super::summary::is_own;
use crate::audit::escape::for_terminal;
use crate::audit::read::Tally;
use crate::audit::read::line::Fields;
use crate::audit::read::time::Micros;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

/// So many ids of each host are remembered. An id begins with its time: one that comes again after so many
/// others is out of order, and named for that.
const REMEMBERED: usize = 400_000;

/// A record may come this much later than one that was written after it, as processes race for the log.
const RACE: Micros = 60 * 1_000_000;

/// So many findings of each kind are named; all are counted.
const NAMED: usize = 20;

/// What a log that is not chained cannot show.
const UNSEEN: &str = "not seen without a chain: records that were changed and are still in their form, refusals that were taken out, \
    requests that were taken out with their ends (dockgate audit chain and seal)\n";

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The same record is there twice.
    Double,
    /// It was permitted, and its end is not there although the log has ends.
    NoEnd,
    /// An end without the decision.
    NoDecision,
    /// It stands behind records that are more than a minute younger.
    OutOfOrder,
    /// A part of a long record is missing.
    PartMissing,
    /// A line is dockgate's, and has not the form of a record: it was cut off, or changed on the way.
    Damaged,
    /// A line of a chain is not as it was when the next one was written.
    Changed,
    /// A line of a chain stands behind later ones.
    Moved,
    /// A line of a chain is missing.
    TakenOut,
    /// A chain begins a second time.
    Anew,
    /// A line of a chain is another one than when it was sealed.
    Resealed,
    /// A record stands between the lines of a chain and is none of them.
    Unchained,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Double => "twice in the log",
            Self::NoEnd => "permitted, and no end recorded",
            Self::NoDecision => "ended, and no decision recorded",
            Self::OutOfOrder => "behind records that are more than a minute younger",
            Self::PartMissing => "a part of a long record is missing",
            Self::Damaged => "not in a record's form, as what is cut off",
            Self::Changed => "chained, and changed since",
            Self::Moved => "chained, and moved behind later ones",
            Self::TakenOut => "chained, and missing",
            Self::Anew => "the chain begins anew",
            Self::Resealed => "sealed, and another one now",
            Self::Unchained => "between the lines of a chain, and not chained",
        }
    }
}

/// What was found of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    pub count: u64,
    /// The first ones, by host, verdict and id.
    pub first: Vec<String>,
}

/// The state of one record's id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    decided: bool,
    /// Something ran, so that an end has to come.
    begun: bool,
    ended: bool,
}

#[derive(Debug, Default)]
struct Host {
    /// By time and process, which the id is made of.
    ids: BTreeMap<(Micros, u32), Seen>,
    newest: Micros,
    ends: bool,
    /// What was forgotten and has no end; named only where the log has ends.
    left_open: Found,
}

/// Looks at records in the order of the log.
#[derive(Debug, Default)]
pub struct Verify {
    hosts: HashMap<String, Host>,
    found: BTreeMap<Kind, Found>,
}

impl Found {
    /// Counts one more, and names it unless there are many.
    pub fn add(&mut self, name: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(name());
        }
    }
}

/// `5f-1a` as two numbers.
fn id_of(fields: &Fields<'_>) -> Option<(Micros, u32)> {
    let (time, process) = fields.id().split_once('-')?;
    Some((Micros::from_str_radix(time, 16).ok()?, u32::from_str_radix(process, 16).ok()?))
}

impl Verify {
    /// Looks at one record, its parts joined.
    pub fn add(&mut self, fields: &Fields<'_>) {
        let Some(id) = id_of(fields) else { return };
        // A call within a run has the run's id, and there are many.
        if is_call(fields) {
            return;
        }
        if !self.hosts.contains_key(&*fields.host) {
            self.hosts.insert(fields.host.to_string(), Host::default());
        }
        let Some(host) = self.hosts.get_mut(&*fields.host) else { return };
        let name = || format!("{} {} {}", fields.host, fields.verdict(), fields.id()).trim_start().to_owned();
        let found = &mut self.found;
        let seen = host.ids.entry(id).or_default();
        match fields.verdict() {
            "end" => {
                host.ends = true;
                if !seen.decided {
                    found.entry(Kind::NoDecision).or_default().add(name);
                } else if seen.ended {
                    found.entry(Kind::Double).or_default().add(name);
                }
                seen.ended = true;
            }
            verdict => {
                // What was permitted and could not be started has a second record, and no end.
                let failed = verdict == "error";
                if seen.decided && !failed {
                    found.entry(Kind::Double).or_default().add(name);
                }
                seen.begun = matches!(verdict, "allow" | "observe") && !is_own(fields.or_none("command"));
                seen.decided = true;
                if host.newest > id.0.saturating_add(RACE) {
                    found.entry(Kind::OutOfOrder).or_default().add(name);
                }
                host.newest = host.newest.max(id.0);
            }
        }
        if host.ids.len() > REMEMBERED
            && let Some((id, seen)) = host.ids.pop_first()
        {
            host.forget(&fields.host, id, seen);
        }
    }

    /// What was found, once all was seen.
    pub fn end(mut self, tally: &Tally) -> Report {
        for (name, host) in &mut self.hosts {
            while let Some((id, seen)) = host.ids.pop_first() {
                host.forget(name, id, seen);
            }
            if host.ends && host.left_open.count > 0 {
                let found = self.found.entry(Kind::NoEnd).or_default();
                found.count += host.left_open.count;
                found.first.append(&mut host.left_open.first);
                found.first.truncate(NAMED);
            }
        }
        for name in &tally.incomplete {
            self.found.entry(Kind::PartMissing).or_default().add(|| name.trim_start().to_owned());
        }
        if tally.damaged > 0 {
            self.found.insert(Kind::Damaged, Found { count: tally.damaged, first: Vec::new() });
        }
        Report { records: tally.records, hosts: self.hosts.len(), chained: 0, found: self.found }
    }
}

impl Host {
    fn forget(&mut self, host: &str, (time, process): (Micros, u32), seen: Seen) {
        if seen.begun && !seen.ended {
            self.left_open.add(|| format!("{host} allow {time:x}-{process:x}").trim_start().to_owned());
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub records: u64,
    pub hosts: usize,
    /// Lines of a chain.
    pub chained: u64,
    pub found: BTreeMap<Kind, Found>,
}

impl Report {
    /// Adds what the chain says. What is twice in a chain is twice among the records, and named once.
    pub fn with_links(mut self, (chained, found): (u64, BTreeMap<Kind, Found>)) -> Self {
        self.chained = chained;
        self.found.extend(found);
        self
    }

    /// There are records, and nothing was found.
    pub fn is_whole(&self) -> bool {
        self.records > 0 && self.found.is_empty()
    }

    /// The findings, a line each.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (kind, found) in &self.found {
            let _ = writeln!(text, "{}: {}", kind.words(), found.count);
            found.first.iter().for_each(|name| {
                let _ = writeln!(text, "  {}", for_terminal(name));
            });
            if found.count > found.first.len() as u64 && !found.first.is_empty() {
                let _ = writeln!(text, "  …");
            }
        }
        if self.is_whole() && self.chained == 0 {
            text.push_str(UNSEEN);
        }
        let whole = match (self.is_whole(), self.chained) {
            _ if self.records == 0 && self.found.is_empty() => "no records",
            (false, _) => "not whole",
            (true, 0) => "no end and no part missing, nothing double or out of order",
            (true, _) => "nothing changed, missing, double or out of order",
        };
        let chained = if self.chained > 0 { format!(", {} of them chained", self.chained) } else { String::new() };
        let _ = writeln!(text, "{} records of {} hosts{chained}: {whole}", self.records, self.hosts);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::read::each;
    use crate::audit::read::source::Lines;

    fn report(log: &str) -> Report {
        let mut verify = Verify::default();
        let tally = each(&mut Lines::of_text(log), |fields| {
            verify.add(fields);
            Ok(())
        });
        verify.end(&tally.unwrap())
    }

    fn found(lines: &[String]) -> Vec<(Kind, u64)> {
        report(&lines.concat()).found.into_iter().map(|(kind, found)| (kind, found.count)).collect()
    }

    fn log() -> Vec<String> {
        let line = |minute: u64, rest: &str| {
            let (verdict, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let id = 0x660ec95c8bba3 + minute * 60_000_000;
            format!("Nov 23 10:00:00 h dockgate[7]: verdict={verdict} command=ps id={id:x}-2f{rest}\n")
        };
        vec![
            line(0, "allow"),
            line(0, "end exit=0").replace("exit", " exit"),
            line(2, "deny"),
            line(4, "allow part=1/2 request=\"a\"").replace("part", " part"),
            line(4, "allow part=2/2 request=\"b\"").replace("part", " part"),
            line(4, "end"),
            line(6, "deny"),
        ]
    }

    #[test]
    fn a_whole_log_is_whole() {
        assert_eq!(found(&log()), []);
        assert!(
            report(&log().concat())
                .text()
                .ends_with("7 records of 1 hosts: no end and no part missing, nothing double or out of order\n")
        );
        // A log without ends is one from before there were any.
        let without: Vec<String> = log().into_iter().filter(|line| !line.contains("=end")).collect();
        assert_eq!(found(&without), []);
    }

    #[test]
    fn what_only_a_chain_shows_is_not_claimed() {
        let changed = |change: fn(&mut Vec<String>)| {
            let mut lines = log();
            change(&mut lines);
            report(&lines.concat())
        };
        for report in [
            changed(|_| {}),
            changed(|lines| lines.iter_mut().for_each(|line| *line = line.replace("=deny", "=error"))),
            changed(|lines| lines.retain(|line| !line.contains("=deny"))),
        ] {
            assert!(report.is_whole() && report.text().starts_with(UNSEEN), "{}", report.text());
        }
        for text in ["", "Nov 23 10:00:00 h sshd[7]: verdict=allow\n"] {
            assert!(!report(text).is_whole());
            assert_eq!(report(text).text(), "0 records of 0 hosts: no records\n");
        }
    }

    #[test]
    fn observed_requests_have_their_ends_in_every_form() {
        for head in [
            "Nov 23 10:00:00 h dockgate[7]: ",
            "authpriv.LEVEL dockgate[7]: ",
            "<86>Nov 23 10:00:00 h dockgate[7]: ",
            "",
        ] {
            let log: String =
                [("notice", "observe reason=limit command=ps"), ("info", "end"), ("warning", "deny command=x")]
                    .iter()
                    .enumerate()
                    .map(|(at, (level, rest))| {
                        let id = 0x660ec95c8bba3 + at / 2;
                        format!("{}verdict={rest} id={id:x}-2f exit=0\n", head.replace("LEVEL", level))
                    })
                    .collect();
            let report = report(&log);
            assert_eq!((report.found.len(), report.records, report.hosts), (0, 3, 1), "{head}: {}", report.text());
        }
    }

    #[test]
    fn each_fault_is_named() {
        let changed = |change: fn(&mut Vec<String>)| {
            let mut lines = log();
            change(&mut lines);
            found(&lines)
        };
        assert_eq!(changed(|lines| lines.insert(3, lines[2].clone())), [(Kind::Double, 1)]);
        assert_eq!(changed(|lines| lines.insert(3, lines[1].clone())), [(Kind::Double, 1)]);
        assert_eq!(changed(|lines| drop(lines.remove(1))), [(Kind::NoEnd, 1)]);
        assert_eq!(changed(|lines| drop(lines.remove(0))), [(Kind::NoDecision, 1)]);
        assert_eq!(changed(|lines| lines.swap(2, 6)), [(Kind::OutOfOrder, 2)]);
        assert_eq!(changed(|lines| drop(lines.remove(4))), [(Kind::NoDecision, 1), (Kind::PartMissing, 1)]);
        assert_eq!(changed(|lines| lines[6].insert(60, '"')), [(Kind::Damaged, 1)]);
    }
}
