//! Markdown: the part of it that the documents here are written in, as roff. What it does not know is an error, so
//! that no page says something else than its document. Pure.

use anyhow::{Result, bail, ensure};
use roff::{Inline, Roff, bold, italic, roman};
use std::iter::Peekable;
use std::str::Lines;

/// Renders a document below its title.
///
/// # Errors
/// Names the line that is not understood.
pub(crate) fn render(roff: &mut Roff, document: &str) -> Result<()> {
    let mut lines = document.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() || line.starts_with("# ") {
            continue;
        }
        if let Some(title) = line.strip_prefix("## ") {
            roff.control("SH", [title.to_uppercase().replace('`', "").as_str()]);
        } else if line.starts_with("```") {
            example(roff, &mut lines)?;
        } else if line.starts_with('|') {
            table(roff, line, &mut lines)?;
        } else if let Some((mark, text)) = item(line) {
            let text = paragraph(text, &mut lines);
            roff.control("IP", [mark, "4"]);
            roff.text(inlines(&text)?);
        } else {
            ensure!(!line.starts_with(['#', '>', ' ', '<', '*', '+']), "not a form that is known here: {line}");
            let text = paragraph(line, &mut lines);
            roff.control("PP", []);
            roff.text(inlines(&text)?);
        }
    }
    Ok(())
}

/// The mark and the text of a list's item.
fn item(line: &str) -> Option<(&str, &str)> {
    if let Some(text) = line.strip_prefix("- ") {
        return Some(("\\(bu", text));
    }
    let (number, text) = line.split_once(". ")?;
    (!number.is_empty() && number.chars().all(|c| c.is_ascii_digit())).then_some((number, text))
}

/// The line and those that go on with it, as one.
fn paragraph(first: &str, lines: &mut Peekable<Lines>) -> String {
    let mut text = first.to_owned();
    let goes_on = |line: &&str| {
        let block = line.starts_with(['#', '|']) || line.starts_with("```");
        !line.trim().is_empty() && !block && item(line).is_none()
    };
    while let Some(line) = lines.next_if(goes_on) {
        text.push(' ');
        text.push_str(line.trim());
    }
    text
}

/// A block of code, as it is.
fn example(roff: &mut Roff, lines: &mut Peekable<Lines>) -> Result<()> {
    roff.control("PP", []);
    roff.control("RS", ["4"]);
    roff.control("nf", []);
    loop {
        match lines.next() {
            None => bail!("a block of code without an end"),
            Some("```") => break,
            // An empty line is a blank line in no-fill mode, and a style warning; a space is neither.
            Some("") => drop(roff.control("sp", [])),
            Some(line) => drop(roff.text([roman(line)])),
        }
    }
    roff.control("fi", []);
    roff.control("RE", []);
    Ok(())
}

/// A table: one entry a row, the first cell in front, the others by the names of their columns.
fn table(roff: &mut Roff, head: &str, lines: &mut Peekable<Lines>) -> Result<()> {
    let names = cells(head);
    let rule = lines.next().unwrap_or_default();
    ensure!(rule.starts_with("| ---"), "a table without a rule below its head: {head}");
    while let Some(row) = lines.next_if(|line| line.starts_with('|')) {
        let row_cells = cells(row);
        ensure!(row_cells.len() == names.len(), "{} cells where the head has {}: {row}", row_cells.len(), names.len());
        let mut columns = names.iter().zip(&row_cells);
        let Some((_, first)) = columns.next() else { continue };
        roff.control("TP", []);
        roff.text(inlines(first)?);
        let mut further = false;
        for (name, cell) in columns.filter(|(_, cell)| !matches!(cell.as_str(), "" | "–")) {
            if further {
                roff.control("br", []);
            }
            further = true;
            let mut words = vec![italic(name.clone()), roman(": ")];
            words.extend(inlines(cell)?);
            roff.text(words);
        }
    }
    Ok(())
}

/// The cells of a row; `\|` is a bar within one.
pub(crate) fn cells(row: &str) -> Vec<String> {
    let row = row.trim().trim_matches('|').replace("\\|", "\0");
    row.split('|').map(|cell| cell.trim().replace('\0', "|")).collect()
}

/// A paragraph's text: `code` and **strong** words bold, links by their words.
fn inlines(text: &str) -> Result<Vec<Inline>> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['`', '*', '[']) {
        let (before, marked) = rest.split_at(at);
        words.push(roman(before));
        let link = marked.strip_prefix('[').and_then(|link| link.split_once("]("));
        let (word, after) = match (marked.strip_prefix('`'), marked.strip_prefix("**"), link) {
            (Some(code), _, _) => match code.split_once('`') {
                Some((code, after)) => (bold(code), after),
                None => bail!("code without an end: {text}"),
            },
            (_, Some(strong), _) => match strong.split_once("**") {
                Some((strong, after)) => (bold(strong), after),
                None => bail!("strong words without an end: {text}"),
            },
            (_, _, Some((name, target))) if !name.contains(']') => match target.split_once(')') {
                Some((_, after)) => (roman(name), after),
                None => bail!("a link without an end: {text}"),
            },
            // A plain star or bracket.
            _ => match marked.split_at_checked(1) {
                Some((sign, after)) => (roman(sign), after),
                None => break,
            },
        };
        words.push(word);
        rest = after;
    }
    words.push(roman(rest));
    Ok(words)
}
