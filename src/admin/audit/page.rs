//! A summary as one page that needs nothing else: no script, no font, no picture, no request to anywhere. Pure.
//!
//! Every plot is a table or has one, so that it can be read without being seen.

use super::summary::{By, Durations, Refusals, Run, Summary, Verdicts};
use crate::audit::escape::for_terminal;
use crate::audit::read::{Tally, time};
use std::collections::BTreeMap;
use std::fmt::Write;

/// So many rows of each list.
const ROWS: usize = 12;

/// At most so many bars on the timeline.
const BARS: u64 = 120;

/// The page.
pub fn html(summary: &Summary, tally: &Tally) -> String {
    let span = |time: &Option<u64>| time.map_or_else(|| "-".to_owned(), time::show);
    let (first, last) = (span(&summary.first), span(&summary.last));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>dockgate: {first} to {last}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<style>\n{}</style>\n</head>\n<body>\n<main>\n\
         <h1>What was asked of docker</h1>\n<p class=\"span\">{first} to {last} (UTC), {} hosts</p>\n",
        include_str!("page.css"),
        summary.hosts.sorted(Verdicts::all).len(),
    );
    tiles(&mut page, summary, tally);
    timeline(&mut page, &summary.hours);
    heat(&mut page, &summary.day);
    page.push_str("<div class=\"pair\">\n");
    refusals(&mut page, &summary.refusals);
    verdicts(&mut page, "Keys", "key", &summary.keys);
    verdicts(&mut page, "Commands", "command", &summary.commands);
    verdicts(&mut page, "Clients", "client", &summary.clients);
    verdicts(&mut page, "Calls of the API", "asks for", &summary.calls);
    verdicts(&mut page, "Objects", "object", &summary.objects);
    page.push_str("</div>\n");
    durations(&mut page, &summary.durations);
    slowest(&mut page, &summary.slowest);
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

/// Text as HTML shows it; what would not be seen is escaped as in a record.
fn text(raw: &str) -> String {
    let mut safe = String::with_capacity(raw.len());
    for c in for_terminal(raw).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// `1 234 567`, with narrow blanks that do not break.
fn count(number: u64) -> String {
    let digits = number.to_string();
    let grouped = digits.char_indices().map(|(at, digit)| {
        let blank = at > 0 && (digits.len() - at).is_multiple_of(3);
        if blank { format!("\u{202f}{digit}") } else { digit.to_string() }
    });
    grouped.collect()
}

/// `part` of `whole` in hundredths, with one decimal.
fn percent(part: u64, whole: u64) -> String {
    let thousandths = part.saturating_mul(1000) / whole.max(1);
    format!("{}.{}", thousandths / 10, thousandths % 10)
}

fn tiles(page: &mut String, summary: &Summary, tally: &Tally) {
    let Verdicts { allow, observe, deny, error } = summary.verdicts;
    let damaged = tally.damaged + tally.incomplete.len() as u64;
    page.push_str("<ul class=\"tiles\">\n");
    for (class, number, name) in [
        ("", summary.decisions, "decisions"),
        ("allow", allow, "allowed"),
        ("deny", deny, "refused"),
        ("", observe, "allowed, as the policy only observes"),
        ("", error, "failed"),
        ("", summary.without_end, "without an end"),
        ("deny", damaged, "records not whole"),
    ] {
        let always = matches!(name, "decisions" | "allowed" | "refused");
        if always || number > 0 {
            let _ = writeln!(page, "<li class=\"{class}\"><b>{}</b> {name}</li>", count(number));
        }
    }
    page.push_str("</ul>\n");
}

const LEGEND: &str = "<ul class=\"key\"><li class=\"allow\"><i></i>allowed</li><li class=\"deny\"><i></i>refused</li>\
                      <li class=\"other\"><i></i>observed or failed</li></ul>\n";

/// Bars of one, three, six … hours.
fn timeline(page: &mut String, hours: &BTreeMap<u64, Verdicts>) {
    let (Some((first, _)), Some((last, _))) = (hours.first_key_value(), hours.last_key_value()) else { return };
    let all = last - first + 1;
    let steps = [1, 3, 6, 12, 24, 7 * 24, 30 * 24, 365 * 24];
    let step = steps.into_iter().find(|step| all.div_ceil(*step) <= BARS).unwrap_or(365 * 24);
    let mut bars: BTreeMap<u64, Verdicts> = BTreeMap::new();
    for (hour, more) in hours {
        bars.entry(hour / step).or_default().merge(more);
    }
    let (from, to) = (first / step, last / step);
    let most = bars.values().map(Verdicts::all).max().unwrap_or(1).max(1);
    let width = to - from + 1;
    let moment = |bar: u64| time::show(bar * step * 3600 * 1_000_000).get(..16).unwrap_or_default().replace('T', " ");
    let each = if step == 1 { "hour".to_owned() } else { format!("{step} hours") };
    let _ = write!(
        page,
        "<section aria-labelledby=\"time\">\n<h2 id=\"time\">By {each}</h2>\n{LEGEND}\
         <svg class=\"time\" viewBox=\"0 0 {} 1000\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"Decisions by {each}, {} to {}; at most {most}. The table below has the numbers.\">\n",
        width * 10,
        moment(from),
        moment(to),
    );
    let mut rows = String::new();
    for (bar, counts) in &bars {
        let Verdicts { allow, observe, deny, error } = counts;
        let _ = write!(page, "<g><title>{}: {allow} allowed, {deny} refused</title>", moment(*bar));
        let mut top = 1000;
        for (class, number) in [("g-allow", *allow), ("g-other", observe + error), ("g-deny", *deny)] {
            // Whatever was refused is seen, be it one of a million.
            let height = if number > 0 { (number * 1000 / most).max(6).min(top) } else { 0 };
            top -= height;
            if height > 0 {
                let left = (bar - from) * 10 + 1;
                let _ =
                    write!(page, "<rect class=\"{class}\" x=\"{left}\" y=\"{top}\" width=\"8\" height=\"{height}\"/>");
            }
        }
        page.push_str("</g>\n");
        let _ = writeln!(
            rows,
            "<tr><th scope=\"row\">{}</th><td class=\"n\">{allow}</td><td class=\"n\">{deny}</td><td class=\"n\">{}</td></tr>",
            moment(*bar),
            observe + error
        );
    }
    let _ = write!(
        page,
        "</svg>\n<div class=\"axis\" aria-hidden=\"true\"><span>{}</span><span>most: {}</span><span>{}</span></div>\n\
         <details><summary>The numbers</summary><div class=\"scroll\"><table><thead><tr><th scope=\"col\">from (UTC)</th>\
         <th scope=\"col\" class=\"n\">allowed</th><th scope=\"col\" class=\"n\">refused</th>\
         <th scope=\"col\" class=\"n\">other</th></tr></thead><tbody>\n{rows}</tbody></table></div></details>\n</section>\n",
        moment(from),
        count(most),
        moment(to),
    );
}

/// When each key comes, by the hour of the day.
fn heat(page: &mut String, day: &BTreeMap<String, [u64; 24]>) {
    if day.is_empty() {
        return;
    }
    let mut keys: Vec<_> = day.iter().collect();
    keys.sort_by_key(|(name, hours)| (std::cmp::Reverse(hours.iter().sum::<u64>()), name.as_str()));
    let most = day.values().flatten().max().copied().unwrap_or(1).max(1);
    page.push_str("<section aria-labelledby=\"heat\">\n<h2 id=\"heat\">When each key comes: hour of the day (UTC)</h2>\n<table class=\"heat\"><thead><tr><th scope=\"col\">key</th>");
    (0..24).for_each(|hour| {
        let _ = write!(page, "<th scope=\"col\">{hour}</th>");
    });
    page.push_str("</tr></thead>\n<tbody>\n");
    for (name, hours) in keys.into_iter().take(ROWS) {
        let name = text(name);
        let _ = write!(page, "<tr><th scope=\"row\" title=\"{name}\">{name}</th>");
        for (hour, number) in hours.iter().enumerate() {
            // From a fifth on, so that one is told from none.
            let shade = if *number == 0 { 0 } else { 18 + number * 82 / most };
            let _ = write!(
                page,
                "<td style=\"background:rgb(var(--heat)/{shade}%)\" title=\"{name}, {hour} h: {number}\"><span class=\"hidden\">{number}</span></td>"
            );
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table>\n</section>\n");
}

fn bar(parts: &[(&str, u64)], most: u64) -> String {
    let all: u64 = parts.iter().map(|(_, number)| number).sum();
    let mut bar = format!("<td class=\"bar\" aria-hidden=\"true\"><div style=\"width:{}%\">", percent(all, most));
    for (class, number) in parts.iter().filter(|(_, number)| *number > 0) {
        let _ = write!(bar, "<span class=\"{class}\" style=\"width:{}%\"></span>", percent(*number, all));
    }
    bar.push_str("</div></td>");
    bar
}

fn refusals(page: &mut String, by: &By<Refusals>) {
    let rows = by.sorted(|refusals| refusals.count);
    let Some(most) = rows.first().map(|(_, refusals)| refusals.count) else { return };
    page.push_str("<section aria-labelledby=\"why\">\n<h2 id=\"why\">Refused, by reason and command</h2>\n<ul class=\"key\"><li class=\"deny\"><i></i>refused</li><li class=\"way\"><i></i>and the client's next request, within ten minutes, was permitted</li></ul>\n<table><thead><tr><th scope=\"col\">reason, command</th><th class=\"n\" scope=\"col\">refused</th><th class=\"n\" scope=\"col\">found a way</th><th aria-hidden=\"true\"></th></tr></thead><tbody>\n");
    for (name, Refusals { count: number, then_permitted }) in rows.iter().take(ROWS) {
        let parts = [("b-deny", number.saturating_sub(*then_permitted)), ("b-way", *then_permitted)];
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\" class=\"name\">{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td>{}</tr>",
            text(name),
            count(*number),
            count(*then_permitted),
            bar(&parts, most)
        );
    }
    page.push_str("</tbody></table>\n</section>\n");
}

fn verdicts(page: &mut String, title: &str, what: &str, by: &By<Verdicts>) {
    let rows = by.sorted(Verdicts::all);
    let Some(most) = rows.first().map(|(_, counts)| counts.all()) else { return };
    let id = title.to_lowercase().replace(' ', "-");
    let _ = write!(
        page,
        "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}</h2>\n{LEGEND}<table><thead><tr><th scope=\"col\">{what}</th>\
         <th class=\"n\" scope=\"col\">allowed</th><th class=\"n\" scope=\"col\">refused</th><th aria-hidden=\"true\"></th></tr></thead><tbody>\n"
    );
    for (name, Verdicts { allow, observe, deny, error }) in rows.iter().take(ROWS) {
        let parts = [("b-allow", *allow), ("b-other", observe + error), ("b-deny", *deny)];
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\" class=\"name\">{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td>{}</tr>",
            text(name),
            count(*allow),
            count(*deny),
            bar(&parts, most)
        );
    }
    page.push_str("</tbody></table>\n</section>\n");
}

/// A place on a logarithmic scale from a millisecond to a day, in hundredths.
fn place(millis: u64) -> String {
    const DAY: u64 = 86_400_000;
    // A sixteenth of a power of two is fine enough for a picture.
    let log = |number: u64| {
        let whole = u64::from(number.max(1).ilog2());
        whole * 16 + ((number.max(1) << 4) >> whole) - 16
    };
    percent(log(millis.min(DAY)), log(DAY))
}

fn durations(page: &mut String, by: &By<Durations>) {
    let mut rows = by.sorted(|durations| durations.count);
    rows.truncate(ROWS);
    rows.sort_by_key(|(_, durations)| std::cmp::Reverse(durations.within(50)));
    if rows.is_empty() {
        return;
    }
    page.push_str("<section aria-labelledby=\"long\">\n<h2 id=\"long\">How long commands took</h2>\n<p class=\"span\">From a millisecond at the left to a day at the right, each step ten times the last: the thick mark is what half of the runs stayed within, the bar goes to what 95 of 100 did, the thin mark is the longest.</p>\n<table><thead><tr><th scope=\"col\">command</th><th class=\"n wide\" scope=\"col\">runs</th><th class=\"n\" scope=\"col\">half</th><th class=\"n\" scope=\"col\">95 of 100</th><th class=\"n wide\" scope=\"col\">longest</th><th aria-hidden=\"true\"></th></tr></thead><tbody>\n");
    for (name, durations) in &rows {
        let (half, most) = (durations.within(50), durations.within(95));
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\" class=\"name\">{}</th><td class=\"n wide\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n wide\">{}</td>\
             <td class=\"bar\" aria-hidden=\"true\"><div class=\"range\"><span style=\"left:{left}%;right:calc(100% - {}%)\"></span><b style=\"left:{left}%\"></b><em style=\"left:{}%\"></em></div></td></tr>",
            text(name),
            count(durations.count),
            time::duration(half),
            time::duration(most),
            time::duration(durations.longest_ms),
            place(most),
            place(durations.longest_ms),
            left = place(half),
        );
    }
    page.push_str("</tbody></table>\n</section>\n");
}

fn slowest(page: &mut String, runs: &[Run]) {
    if runs.is_empty() {
        return;
    }
    page.push_str("<section aria-labelledby=\"slowest\">\n<h2 id=\"slowest\">The slowest</h2>\n<table><thead><tr><th class=\"n\" scope=\"col\">took</th><th scope=\"col\" class=\"wide\">id</th><th scope=\"col\">request</th></tr></thead><tbody>\n");
    for Run { ms, id, command: _, request } in runs {
        let _ = writeln!(
            page,
            "<tr><td class=\"n\">{}</td><td class=\"wide\"><code>{}</code></td><td><code>{}</code></td></tr>",
            time::duration(*ms),
            text(id),
            text(request)
        );
    }
    page.push_str("</tbody></table>\n</section>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::read::line::Fields;

    fn page(records: &[&str]) -> String {
        let mut summary = Summary::new(true);
        records.iter().for_each(|record| summary.add(&Fields::of(record).unwrap()));
        summary.close();
        html(&summary, &Tally::default())
    }

    #[test]
    fn nothing_that_was_sent_is_markup() {
        let evil = "<script>alert(1)</script>\\\"'&\\u{202e}";
        let record = format!(
            "verdict=allow command=\"{evil}\" key=\"{evil}\" client=\"{evil}\" id=660ec95c8bba3-2f request=\"docker ps {evil}\""
        );
        let page = page(&[&record, "verdict=end id=660ec95c8bba3-2f exit=0 ms=5", &record.replace("allow", "deny")]);
        assert!(!page.contains("<script") && !page.contains('\u{202e}'), "{page}");
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    }

    #[test]
    fn the_page_asks_for_nothing() {
        let page =
            page(&["verdict=deny reason=r command=ps key=k client=192.0.2.7:5 id=660ec95c8bba3-2f request=\"x\""]);
        for word in ["http:", "https:", "src=", "url(", "@import", "<script", "<link", "<img", "href="] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn numbers_are_shown_for_people() {
        assert_eq!([count(5), count(1_234), count(1_234_567)], ["5", "1\u{202f}234", "1\u{202f}234\u{202f}567"]);
        assert_eq!([percent(1, 3), percent(3, 3), percent(0, 0)], ["33.3", "100.0", "0.0"]);
        assert_eq!([place(1), place(86_400_000)], ["0.0", "100.0"]);
        let places = [2, 10, 1_000, 60_000].map(|millis| place(millis).parse::<f64>().unwrap());
        assert!(places.is_sorted(), "{places:?}");
    }
}
