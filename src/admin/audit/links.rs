//! Links: whether chained lines are as they were written. Pure, in one pass.

use super::verify::{Found, Kind};
use crate::audit::chain::{self, BEGINNING, Head, Link};
use crate::audit::read::line::{Fields, Line};
use std::collections::{BTreeMap, BTreeSet};

/// So many missing lines are remembered, to tell what was moved from what was taken out.
const MISSING: u64 = 100_000;

/// Looks at the lines of one chain, in the order of the files.
#[derive(Debug, Default)]
pub struct Links {
    /// The last line in its place, and its record's id.
    last: Option<(Head, String)>,
    first: u64,
    missing: BTreeSet<u64>,
    seals: BTreeMap<u64, Head>,
    found: BTreeMap<Kind, Found>,
    lines: u64,
    unchained: u64,
}

impl Links {
    /// With the seals that were kept elsewhere, a line each; other lines, such as a signature's, are passed over.
    pub fn with_seals(seals: &str) -> Self {
        let seals = seals.lines().filter_map(Head::of_seal).map(|head| (head.seq, head)).collect();
        Self { seals, ..Self::default() }
    }

    /// Looks at one line.
    pub fn add(&mut self, line: &[u8]) {
        let Some(link) = Link::of(line) else {
            self.unchained += u64::from(matches!(Line::parse(line), Line::Record(_)));
            return;
        };
        self.lines += 1;
        let head = Head { seq: link.seq, hash: chain::hash(line) };
        let name = |id: &str| format!("seq {} {id}", link.seq).trim_end().to_owned();
        let id = || match Line::parse(line) {
            Line::Record(fields) => Fields::id(&fields).to_owned(),
            Line::Other | Line::Damaged => String::new(),
        };
        if self.seals.get(&head.seq).is_some_and(|sealed| sealed.hash != head.hash) {
            self.find(Kind::Resealed, name(&id()));
        }
        let Some((last, last_id)) = &self.last else {
            self.first = link.seq;
            self.last = Some((head, id()));
            return;
        };
        let next = last.seq + 1;
        if link.seq == next {
            if link.prev != last.hash {
                let changed = format!("seq {} {last_id}", last.seq);
                self.find(Kind::Changed, changed);
            }
        } else if link.seq > next {
            for seq in (next..link.seq).take(usize::try_from(MISSING).unwrap_or(usize::MAX)) {
                self.missing.insert(seq);
            }
        } else if self.missing.remove(&link.seq) {
            return self.find(Kind::Moved, name(&id()));
        } else if link.seq == 1 && link.prev == BEGINNING && *last != head {
            self.find(Kind::Anew, name(&id()));
        } else {
            return self.find(Kind::Double, name(&id()));
        }
        self.last = Some((head, id()));
    }

    fn find(&mut self, kind: Kind, name: String) {
        self.found.entry(kind).or_default().add(|| name);
    }

    /// How many lines are chained, and what was found.
    pub fn end(mut self) -> (u64, BTreeMap<Kind, Found>) {
        for seq in std::mem::take(&mut self.missing) {
            self.find(Kind::TakenOut, format!("seq {seq}"));
        }
        let last = self.last.as_ref().map_or(0, |(head, _)| head.seq);
        let cut: Vec<u64> = self.seals.keys().copied().filter(|seq| *seq > last).collect();
        for seq in cut {
            self.find(Kind::TakenOut, format!("seq {seq}, which a seal names: the chain ends at {last}"));
        }
        if self.lines > 0 && self.unchained > 0 {
            let count = self.unchained;
            self.found.insert(Kind::Unchained, Found { count, first: Vec::new() });
        }
        (self.lines, self.found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chained() -> Vec<String> {
        let mut head = Head::NONE;
        let records = (1..=6).map(|number| format!("Nov 23 10:00:00 h dockgate[7]: verdict=deny id={number}-1"));
        let mut lines = Vec::new();
        for record in records {
            let (line, next) = head.extend(&record);
            head = next;
            lines.push(line);
        }
        lines
    }

    fn found(lines: &[String], seals: &str) -> Vec<(Kind, Vec<String>)> {
        let mut links = Links::with_seals(seals);
        lines.iter().for_each(|line| links.add(line.as_bytes()));
        links.end().1.into_iter().map(|(kind, found)| (kind, found.first)).collect()
    }

    #[test]
    fn each_change_is_named() {
        let changed = |change: fn(&mut Vec<String>)| {
            let mut lines = chained();
            change(&mut lines);
            found(&lines, "")
        };
        let one = |kind, name: &str| vec![(kind, vec![name.to_owned()])];
        assert_eq!(changed(|_| {}), []);
        // What was rotated away long ago is not missed.
        assert_eq!(changed(|lines| drop(lines.drain(..3))), []);
        assert_eq!(changed(|lines| lines[2] = lines[2].replace("deny", "allow")), one(Kind::Changed, "seq 3 3-1"));
        assert_eq!(changed(|lines| drop(lines.remove(2))), one(Kind::TakenOut, "seq 3"));
        assert_eq!(changed(|lines| lines.insert(4, lines[2].clone())), one(Kind::Double, "seq 3 3-1"));
        assert_eq!(
            changed(|lines| {
                let line = lines.remove(1);
                lines.insert(4, line);
            }),
            one(Kind::Moved, "seq 2 2-1")
        );
        assert_eq!(
            changed(|lines| lines.insert(3, "Nov 23 10:00:00 h dockgate[7]: verdict=allow id=9-1".into())),
            [(Kind::Unchained, vec![])]
        );
    }

    #[test]
    fn a_seal_holds_the_end_and_what_was_made_anew() {
        let lines = chained();
        let seal = format!("{} at some time\n", Head::after(lines[4].as_bytes()).unwrap().seal());
        assert_eq!(found(&lines, &seal), []);
        let cut = found(&lines[..3], &seal);
        assert_eq!(cut, [(Kind::TakenOut, vec!["seq 5, which a seal names: the chain ends at 3".to_owned()])]);
        let mut head = Head::NONE;
        let forged: Vec<String> = (1..=6)
            .map(|number| {
                let (line, next) = head.extend(&format!("h dockgate[7]: verdict=allow id={number}-1"));
                head = next;
                line
            })
            .collect();
        assert_eq!(found(&forged, ""), []);
        assert_eq!(found(&forged, &seal), [(Kind::Resealed, vec!["seq 5 5-1".to_owned()])]);
    }
}
