//! Explained: how a request came to its verdict, as text and as JSON. Pure.

use crate::audit::escape::for_terminal as clean;
use crate::decision::Explanation;
use crate::policy::explain::Ground;
use serde_json::{Value, json};
use std::fmt::Write;

/// From the words to the rules.
pub(super) fn text(explanation: &Explanation) -> String {
    let mut text = String::new();
    if explanation.words.is_empty() {
        return "words: not understood, or not docker's\n\n".to_owned();
    }
    // Writing to a text does not fail.
    let _ = writeln!(text, "words: docker {}\n", clean(&shell_words::join(&explanation.words)));
    for ground in &explanation.grounds {
        let Ground { word, asks, facts, rule, denial, .. } = ground;
        let _ = writeln!(text, "{}\n  asks for: {}", clean(word), clean(asks));
        if let Some(facts) = facts {
            let _ = writeln!(text, "  known:    {}", clean(facts));
        }
        if rule.is_empty() {
            let _ = writeln!(text, "  rule:     always, no key of the policy is about it");
        }
        for key in rule {
            let _ = writeln!(text, "  rule:     {}", clean(key));
        }
        let why =
            denial.as_ref().map_or_else(String::new, |denial| format!(": {}: {}", denial.reason.code(), denial.why));
        let _ = writeln!(text, "  {}{}\n", ground.verdict(), clean(&why));
    }
    text
}

/// The same for programs.
pub(super) fn json(explanation: &Explanation) -> Value {
    let one = |ground: &Ground| {
        let Ground { word, asks, facts, rule, denial, .. } = ground;
        let (reason, why) = denial.as_ref().map(|denial| (denial.reason.code(), &denial.why)).unzip();
        json!({
            "word": word, "asks": asks, "known": facts, "rule": rule, "verdict": ground.verdict(), "reason": reason, "why": why,
        })
    };
    json!({"words": explanation.words, "demands": explanation.grounds.iter().map(one).collect::<Vec<_>>()})
}
