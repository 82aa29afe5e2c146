//! The nearest known word to a misspelt one, for hints. Pure.

/// The candidate within two edits of `word`, the closest first; `None` when nothing is that near.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 2 && *distance < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, row by row; words of over 64 characters are as far as can be.
fn distance(from: &str, to: &str) -> usize {
    if from.len() > 64 || to.len() > 64 {
        return usize::MAX;
    }
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, a) in from.chars().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, b) in row.iter_mut().skip(1).zip(&to) {
            left = (*cell + 1).min(left + 1).min(diagonal + usize::from(a != *b));
            diagonal = std::mem::replace(cell, left);
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distance_counts_edits() {
        for (from, to, edits) in [
            ("", "", 0),
            ("ps", "ps", 0),
            ("pss", "ps", 1),
            ("log", "logs", 1),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(from, to), edits, "{from} {to}");
        }
    }

    #[test]
    fn nearest_is_near() {
        let words = ["logs", "login", "ps", "stop"];
        assert_eq!(nearest("lgos", words.into_iter()), Some("logs"));
        assert_eq!(nearest("elephant", words.into_iter()), None);
    }
}
