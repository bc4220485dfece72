//! Durations as people write them: `"4s"`, `"400ms"`.
//!
//! A whole number and one unit of `ms`, `s`, `m`, `h`. No fractions and no sums: there is one way to write a value.

use std::fmt;
use std::time::Duration;

/// Reads a duration; `None` when it is none, or does not fit.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        _ => return None,
    };
    number.checked_mul(ms).map(Duration::from_millis)
}

/// Prints a duration the way [`parse`] reads it, cut to whole milliseconds.
pub(super) struct Printed(pub(super) Duration);

impl fmt::Display for Printed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_millis() {
            0 => f.write_str("0s"),
            ms if ms % (60 * 60 * 1000) == 0 => write!(f, "{}h", ms / (60 * 60 * 1000)),
            ms if ms % (60 * 1000) == 0 => write!(f, "{}m", ms / (60 * 1000)),
            ms if ms % 1000 == 0 => write!(f, "{}s", ms / 1000),
            ms => write!(f, "{ms}ms"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_whole_number_and_a_unit() {
        for (text, ms) in [
            ("0s", 0),
            ("400ms", 400),
            ("4s", 4_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(ms)), "{text}");
            assert_eq!(Printed(Duration::from_millis(ms)).to_string(), text);
        }
        for text in [
            "",
            "4",
            "s",
            "4 s",
            "-4s",
            "1.5s",
            "4sec",
            "4S",
            "99999999999999999999s",
            "9999999999999999999h",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
