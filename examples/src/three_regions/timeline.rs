//! The lines that a person reads while the run goes on: each with the time since its start.

use std::fmt;
use std::io::{self, Write};

use super::clock::{ms_between, now_ns};

/// The start of the run, and the way to stdout.
#[derive(Clone, Copy, Debug)]
pub struct Timeline {
    start_ns: u64,
}

impl Timeline {
    /// The run starts now.
    pub fn start() -> Self {
        Self { start_ns: now_ns() }
    }

    /// Whole milliseconds from the start of the run to this instant of CLOCK_MONOTONIC.
    pub fn ms(&self, at_ns: u64) -> u64 {
        ms_between(self.start_ns, at_ns)
    }

    /// Prints a line with the present time.
    pub fn say(&self, text: impl fmt::Display) {
        Self::print(&format!("[{:>6}] {text}", Seconds(self.ms(now_ns()))));
    }

    /// Prints a heading, with an empty line before it.
    pub fn heading(&self, text: impl fmt::Display) {
        Self::print(&format!("\n{text}"));
    }

    /// Prints a line without the time, as it stands below a line with it.
    pub fn more(&self, text: impl fmt::Display) {
        Self::print(&format!("{:>8} {text}", ""));
    }

    // Whoever closed stdout does not want to read on; the run still has its report and its exit status.
    fn print(line: &str) {
        let mut out = io::stdout().lock();
        let _closed = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// Milliseconds, printed as seconds with one decimal: `12.3s`.
#[derive(Clone, Copy, Debug)]
pub struct Seconds(pub u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{}s", self.0 / 1_000, self.0 % 1_000 / 100);
        f.pad(&text)
    }
}

/// A number, printed with a comma after every third digit: `1,099,511,627,777`.
#[derive(Clone, Copy, Debug)]
pub struct Grouped(pub u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let mut text = String::with_capacity(digits.len() + digits.len() / 3);
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_cut_to_tenths() {
        for (ms, text) in [(0, "0.0s"), (99, "0.0s"), (12_399, "12.3s"), (100_000, "100.0s")] {
            assert_eq!(Seconds(ms).to_string(), text);
        }
        assert_eq!(format!("{:>6}", Seconds(1_200)), "  1.2s");
    }

    #[test]
    fn digits_stand_in_groups_of_three() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1 << 40, "1,099,511,627,776"),
        ] {
            assert_eq!(Grouped(number).to_string(), text);
        }
    }
}
