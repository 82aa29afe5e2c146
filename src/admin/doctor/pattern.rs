//! Patterns with `*` and `?`, as sshd has them (ssh_config(5), PATTERNS). Pure.

/// Whether two patterns have a string in common. A name without wildcards is a pattern, too.
pub fn overlap(one: &str, other: &str) -> bool {
    overlaps(one.as_bytes(), other.as_bytes())
}

fn overlaps(one: &[u8], other: &[u8]) -> bool {
    match (one, other) {
        ([], []) => true,
        ([b'*', rest @ ..], other) | (other, [b'*', rest @ ..]) => {
            // The star stands for nothing, or for the other's next character or star.
            overlaps(rest, other)
                || other.split_first().is_some_and(|(_, shorter)| {
                    let mut starred = vec![b'*'];
                    starred.extend(rest);
                    overlaps(&starred, shorter)
                })
        }
        ([a, one @ ..], [b, other @ ..]) => (a == b || *a == b'?' || *b == b'?') && overlaps(one, other),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn patterns_overlap_where_a_name_matches_both() {
        for (one, other, expected) in [
            ("*", "LD_*", true),
            ("L*", "LD_*", true),
            ("LD_PRELOAD", "LD_*", true),
            ("LD_", "LD_*", true),
            ("?D_*", "LD_*", true),
            ("*PRELOAD", "LD_*", true),
            ("*_*", "LD_*", true),
            ("L?", "LD_*", false),
            ("LC_*", "LD_*", false),
            ("LANG", "LD_*", false),
            ("ld_*", "LD_*", false),
            ("DLD_*", "LD_*", false),
            ("", "LD_*", false),
            ("SSH_*", "SSH_ORIGINAL_COMMAND", true),
            ("SSH_ORIGINAL_COMMAND", "SSH_ORIGINAL_COMMAND", true),
            ("SSH_ORIGINAL_COMMAN?", "SSH_ORIGINAL_COMMAND", true),
            ("*COMMAND*", "SSH_ORIGINAL_COMMAND", true),
            ("SSH_ORIGINAL", "SSH_ORIGINAL_COMMAND", false),
            ("SSH_A*", "SSH_ORIGINAL_COMMAND", false),
            ("", "", true),
            ("**", "*", true),
            ("a*b", "*c*", true),
            ("a*b", "c*", false),
        ] {
            assert_eq!((overlap(one, other), overlap(other, one)), (expected, expected), "{one} {other}");
        }
    }
}
