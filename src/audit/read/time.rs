//! Points in time as records and people write them, all in UTC. Pure.

/// Microseconds since 1970.
pub type Micros = u64;

const SECOND: Micros = 1_000_000;
const DAY: u64 = 86_400;

/// Reads `2026-11-23T10:00:00.123456+01:00` (RFC 3339), also as journalctl's short-iso writes the offset (`+0100`).
/// What is left out is zero: a date alone is its midnight, no offset is UTC.
pub fn parse(text: &str) -> Option<Micros> {
    let (date, clock) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let mut date = date.splitn(3, '-').map(|number| number.parse::<u64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (clock, offset) = match clock.find(['Z', 'z', '+', '-']) {
        Some(at) => clock.split_at_checked(at)?,
        None => (clock, ""),
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut clock = clock.splitn(3, ':');
    let mut number = || clock.next().map_or(Some(0), |part| part.parse::<u64>().ok());
    let (hour, minute, second) = (number()?, number()?, number()?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
    let seconds = i64::try_from(seconds).ok()?.checked_sub(east(offset)?)?;
    let micros: u64 = fraction
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(6)
        .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    Some(u64::try_from(seconds).ok()? * SECOND + micros)
}

/// Seconds east of UTC of `Z`, `+01:00`, `-0130` or nothing.
fn east(offset: &str) -> Option<i64> {
    let Some(sign) = offset.chars().next().filter(|sign| matches!(sign, '+' | '-')) else {
        return matches!(offset, "" | "Z" | "z").then_some(0);
    };
    let digits: String = offset.chars().skip(1).filter(|c| *c != ':').collect();
    let (hours, minutes) = digits.split_at_checked(2)?;
    let minutes = if minutes.is_empty() { 0 } else { minutes.parse::<i64>().ok()? };
    let seconds = hours.parse::<i64>().ok()? * 3600 + minutes * 60;
    Some(if sign == '-' { -seconds } else { seconds })
}

/// As [`parse`], or so long before `now`: `90s`, `15m`, `24h`, `7d`, `2w`.
///
/// # Errors
/// A sentence that says what is understood.
pub fn since(text: &str, now: Micros) -> Result<Micros, String> {
    let ago = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => DAY,
            "w" => 7 * DAY,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(seconds)?.checked_mul(SECOND)
    };
    let understood = parse(text).or_else(|| Some(now.saturating_sub(ago()?)));
    understood.ok_or_else(|| {
        format!("\"{text}\" is neither a time (2026-11-23, 2026-11-23T10:00:00Z; UTC) nor so long ago (90s, 15m, 24h, 7d, 2w)")
    })
}

/// `2026-11-23T10:00:00Z`.
pub fn show(time: Micros) -> String {
    let (year, month, day) = date(time);
    let second = time / SECOND % DAY;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// Whole hours since 1970.
pub fn hour(time: Micros) -> u64 {
    time / SECOND / 3600
}

/// `1.2 s`, `15 ms`, `3 min 20 s`.
pub fn duration(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{} s", millis / 1_000, millis / 100 % 10),
        60_000..3_600_000 => format!("{} min {} s", millis / 60_000, millis / 1_000 % 60),
        _ => format!("{} h {} min", millis / 3_600_000, millis / 60_000 % 60),
    }
}

/// Days from 1970-01-01; years start in March here, so that the leap day comes last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

fn date(time: Micros) -> (u64, u64, u64) {
    let days = time / SECOND / DAY + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for (text, seconds) in [
            ("1970-01-01", 0),
            ("2026-11-23T10:00:00Z", 1_795_428_000),
            ("2026-11-23 10:00", 1_795_428_000),
            ("2026-11-23T11:00:00.000000+01:00", 1_795_428_000),
            ("2026-11-23T11:00:00+0100", 1_795_428_000),
            ("2024-02-29T00:00:00Z", 1_709_164_800),
            ("2024-03-01T00:00:00Z", 1_709_251_200),
        ] {
            assert_eq!(parse(text), Some(seconds * SECOND), "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "2026-11-23T25:00:00Z", "2026-11-23T10:00:00.x", "Nov 23 10:00:00"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(since("2h", 10 * 3600 * SECOND), Ok(8 * 3600 * SECOND));
        assert!(since("soon", 0).unwrap_err().contains("24h"));
    }

    proptest::proptest! {
        #[test]
        fn what_is_shown_is_read_back(seconds in 0u64..20_000_000_000) {
            proptest::prop_assert_eq!(parse(&show(seconds * SECOND)), Some(seconds * SECOND));
        }

        #[test]
        fn any_text_is_answered(text: String) {
            let _ = (parse(&text), since(&text, 0));
        }
    }
}
