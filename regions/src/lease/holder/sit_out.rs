//! A crash-looping home does not starve the others: it sits out, longer each time. Rule 18 of the design.

use std::time::Duration;

use super::super::clock::Time;

/// The first time, and the longest.
const SIT_OUT_MIN: Duration = Duration::from_secs(1);
const SIT_OUT_MAX: Duration = Duration::from_mins(1);

/// One resource that this node gave up.
#[derive(Debug, Clone, Copy)]
pub(super) struct SitOut {
    pub(super) until: Time,
    span: Duration,
}

impl SitOut {
    /// Gives up again; a tenure that had lasted for the longest sit-out makes it the first time.
    pub(super) fn again(last: Option<Self>, now: Time, lasted: Duration) -> Self {
        let last = last.filter(|_| lasted < SIT_OUT_MAX);
        let span = last.map_or(SIT_OUT_MIN, |last| (last.span * 2).min(SIT_OUT_MAX));
        Self {
            until: now.after(span),
            span,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_from_a_second_to_a_minute_and_forgets_after_a_good_tenure() {
        let mut last = None;
        let mut spans = Vec::new();
        for _ in 0..8 {
            let next = SitOut::again(last, Time(0), Duration::ZERO);
            spans.push(next.until.since(Time(0)).as_secs());
            last = Some(next);
        }
        assert_eq!(spans, [1, 2, 4, 8, 16, 32, 60, 60]);
        let good = SitOut::again(last, Time(0), Duration::from_mins(1));
        assert_eq!(good.until, Time(0).after(SIT_OUT_MIN));
    }
}
