//! A summary as text, and as Prometheus takes it. Pure.

use super::summary::{By, Durations, Refusals, Summary, Verdicts};
use crate::audit::escape::for_terminal;
use crate::audit::read::{Tally, time};
use std::fmt::Write;

/// So many rows of each list; the JSON form has all.
const ROWS: usize = 10;

/// The summary as a person reads it.
pub fn text(summary: &Summary, tally: &Tally) -> String {
    let Summary { verdicts, first, last, .. } = summary;
    let mut text = String::new();
    let span = |time: &Option<u64>| time.map_or_else(|| "-".to_owned(), time::show);
    let _ = writeln!(text, "{} decisions, {} to {}", summary.decisions, span(first), span(last));
    let Verdicts { allow, observe, deny, error } = verdicts;
    let _ = writeln!(text, "allowed {allow}, observed {observe}, refused {deny}, failed {error}");
    let _ = writeln!(text, "ended {}, without an end {}", summary.ended, summary.without_end);
    if tally.damaged > 0 || !tally.incomplete.is_empty() {
        let _ = writeln!(
            text,
            "not whole: {} lines that are not in a record's form, {} long records with a part missing (dockgate audit verify)",
            tally.damaged,
            tally.incomplete.len()
        );
    }
    for (title, by) in [
        ("key", &summary.keys),
        ("command", &summary.commands),
        ("client", &summary.clients),
        ("host", &summary.hosts),
        ("call of the API", &summary.calls),
        ("object", &summary.objects),
    ] {
        verdict_rows(&mut text, title, by);
    }
    refusals(&mut text, &summary.refusals);
    hours(&mut text, summary);
    durations(&mut text, summary);
    text
}

fn verdict_rows(text: &mut String, title: &str, by: &By<Verdicts>) {
    let rows = by.sorted(Verdicts::all);
    if rows.is_empty() || rows.iter().all(|(name, _)| name.is_empty()) {
        return;
    }
    let _ = writeln!(text, "\n{:>9} {:>9} {:>9}  by {title}", "allowed", "refused", "other");
    for (name, count) in rows.iter().take(ROWS) {
        let Verdicts { allow, deny, observe, error } = count;
        let _ = writeln!(text, "{allow:>9} {deny:>9} {:>9}  {}", observe + error, for_terminal(name));
    }
    more(text, rows.len());
}

fn more(text: &mut String, rows: usize) {
    if rows > ROWS {
        let _ = writeln!(text, "{:>31}… {} more", "", rows - ROWS);
    }
}

fn refusals(text: &mut String, by: &By<Refusals>) {
    let rows = by.sorted(|refusals| refusals.count);
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{:>9} {:>19}  most refused: reason and command", "refused", "then found a way");
    for (name, Refusals { count, then_permitted }) in rows.iter().take(ROWS) {
        let _ = writeln!(text, "{count:>9} {then_permitted:>19}  {}", for_terminal(name));
    }
    more(text, rows.len());
}

/// A line for each of the last hours, with a bar.
fn hours(text: &mut String, summary: &Summary) {
    let most = summary.hours.values().map(Verdicts::all).max().unwrap_or(0).max(1);
    let _ = writeln!(text, "\nthe last hours with requests (UTC): allowed #, refused x");
    for (hour, count) in summary.hours.iter().rev().take(24).rev() {
        let bar = |count: u64, mark: &str| mark.repeat(usize::try_from((count * 50).div_ceil(most)).unwrap_or(0));
        let Verdicts { allow, observe, deny, error } = count;
        let time = time::show(hour * 3600 * 1_000_000);
        let start = time.get(..13).unwrap_or_default();
        let _ = writeln!(text, "{start} {:>7} {}{}", count.all(), bar(allow + observe, "#"), bar(deny + error, "x"));
    }
}

fn durations(text: &mut String, summary: &Summary) {
    if summary.slowest.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\n{:>9} {:>12} {:>12} {:>12}  how long runs took: half and 95 of 100 within",
        "runs", "half", "95 %", "longest"
    );
    for (name, count) in summary.durations.sorted(|durations| durations.count).iter().take(ROWS) {
        let Durations { count: runs, longest_ms, .. } = count;
        let [half, most] = [count.within(50), count.within(95)].map(time::duration);
        let _ = writeln!(
            text,
            "{runs:>9} {half:>12} {most:>12} {:>12}  {}",
            time::duration(*longest_ms),
            for_terminal(name)
        );
    }
    let _ = writeln!(text, "\nthe slowest:");
    for run in &summary.slowest {
        let _ = writeln!(text, "{:>14}  {}  {}", time::duration(run.ms), run.id, run.request);
    }
}

/// The summary in Prometheus' text format: counters of what the logs hold, to be written anew each time.
pub fn prometheus(summary: &Summary, tally: &Tally) -> String {
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, rows: Vec<(String, u64)>| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        rows.iter().for_each(|(labels, value)| {
            let _ = writeln!(text, "{name}{labels} {value}");
        });
    };
    let verdicts = |Verdicts { allow, observe, deny, error }: &Verdicts| {
        [("allow", *allow), ("observe", *observe), ("deny", *deny), ("error", *error)]
    };
    let by = |label: &str, by: &By<Verdicts>| -> Vec<(String, u64)> {
        let rows = by.sorted(Verdicts::all);
        let rows = rows.iter().flat_map(|(name, count)| {
            verdicts(count)
                .map(|(verdict, value)| (format!("{{{label}=\"{}\",verdict=\"{verdict}\"}}", quoted(name)), value))
        });
        rows.collect()
    };
    family("dockgate_decisions", "gauge", "Decisions in the log, by the key's label.", by("key", &summary.keys));
    family("dockgate_commands", "gauge", "Decisions in the log, by command.", by("command", &summary.commands));
    let reasons = summary.reasons.sorted(|refusals| refusals.count);
    let reasons = reasons.iter().map(|(name, count)| (format!("{{reason=\"{}\"}}", quoted(name)), count.count));
    family("dockgate_refusals", "gauge", "Refusals in the log, by reason.", reasons.collect());
    let without = vec![(String::new(), summary.without_end)];
    family("dockgate_without_end", "gauge", "Permitted runs of which the log has no end.", without);
    let damaged = vec![(String::new(), tally.damaged + tally.incomplete.len() as u64)];
    family("dockgate_not_whole", "gauge", "Records that are cut off, changed, or miss a part.", damaged);
    let last = summary.last.map(|last| (String::new(), last / 1_000_000)).into_iter().collect();
    family("dockgate_last_record_timestamp_seconds", "gauge", "When the newest record was written.", last);
    text
}

fn quoted(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
