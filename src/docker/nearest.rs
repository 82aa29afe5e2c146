//! The nearest known word to a misspelt one, for hints. Pure.

use strsim::levenshtein;

/// A word of more bytes is none that somebody has misspelt, and would only cost time.
const MAX_WORD_BYTES: usize = 64;

/// The candidate within two edits of `word`, the closest first; `None` when nothing is that near.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let short = word.len() <= MAX_WORD_BYTES;
    candidates
        .filter(|_| short)
        .map(|candidate| (levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 2 && *distance < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn nearest_is_near() {
        let words = ["logs", "login", "ps", "stop"];
        assert_eq!(nearest("lgos", words.into_iter()), Some("logs"));
        assert_eq!(nearest("elephant", words.into_iter()), None);
        assert_eq!(nearest("", words.into_iter()), None);
        assert_eq!(nearest(&"s".repeat(65), ["s"].into_iter()), None);
    }
}
