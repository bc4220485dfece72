//! What is done to the holder, and how long `billing` is away.

use std::fmt;
use std::time::Duration;

use super::cast::Cast;
use crate::three_regions::calls::Holder;
use crate::three_regions::clock::{ms_between, now_ns};
use crate::three_regions::layout::{Layout, SINGLETON};
use crate::three_regions::promises::Broken;
use crate::three_regions::report::{Cause, FailOver, HandOff};
use crate::three_regions::timeline::Grouped;

/// How long to wait for a new holder before giving up: far beyond what is promised, so that the report has a number.
const SUCCESSOR_WITHIN: Duration = Duration::from_secs(30);
/// How long calls may still be on their way.
const CALLS_END_WITHIN: Duration = Duration::from_secs(8);

/// The holder, as the caller sees it.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) node: String,
    pub(crate) region: String,
    pub(crate) epoch: u64,
}

impl Held {
    fn of(layout: &Layout, holder: &Holder) -> Self {
        let region = layout.node(&holder.node).map_or("nowhere", |node| node.region);
        Self {
            node: holder.node.clone(),
            region: region.to_owned(),
            epoch: holder.epoch,
        }
    }
}

/// Who answers now.
///
/// # Errors
///
/// Nobody has answered yet.
pub(crate) fn holder(cast: &Cast) -> Result<Held, Broken> {
    let newest = cast.seen.calls.newest();
    newest
        .map(|holder| Held::of(&cast.layout, holder))
        .ok_or_else(|| Broken::new("calls", "nobody has answered a call yet"))
}

/// Waits for the first answer of a holder after `before`, and measures from the signal at `signal_ns`.
///
/// # Errors
///
/// Nobody took over.
pub(super) async fn fail_over(
    cast: &mut Cast,
    cause: Cause,
    before: &Held,
    signal_ns: u64,
) -> Result<(FailOver, Held), Broken> {
    let (after, first_ns) = successor(cast, cause.as_str(), before).await?;
    let step = FailOver {
        cause,
        killed_at_ms: cast.timeline.ms(signal_ns),
        unavailable_ms: ms_between(signal_ns, first_ns),
        epoch_before: before.epoch,
        epoch_after: after.epoch,
        region_before: before.region.clone(),
        region_after: after.region.clone(),
        calls_failed: cast.seen.calls.failed_between(signal_ns, first_ns),
    };
    tell(cast, &after, step.unavailable_ms, step.calls_failed);
    Ok((step, after))
}

/// Waits for the first answer of a holder after `before`, and measures from the last answer of that one.
///
/// # Errors
///
/// Nobody took over.
pub(super) async fn hand_off(
    cast: &mut Cast,
    before: &Held,
    asked_ns: u64,
) -> Result<(HandOff, Held), Broken> {
    let (after, first_ns) = successor(cast, "hand-off", before).await?;
    let last_ns = cast
        .seen
        .calls
        .holder(before.epoch)
        .map_or(asked_ns, |holder| holder.last_ns);
    let step = HandOff {
        unavailable_ms: ms_between(last_ns, first_ns),
        epoch_before: before.epoch,
        epoch_after: after.epoch,
        region_before: before.region.clone(),
        region_after: after.region.clone(),
        calls_failed: cast.seen.calls.failed_between(asked_ns, first_ns),
    };
    tell(cast, &after, step.unavailable_ms, step.calls_failed);
    Ok((step, after))
}

/// Waits until every call made so far has ended.
///
/// # Errors
///
/// Some did not.
pub(super) async fn calls_end(cast: &mut Cast, made_until_ns: u64) -> Result<(), Broken> {
    let what = "the end of every call on its way";
    cast.wait_for("calls", what, CALLS_END_WITHIN, |cast| {
        cast.seen.calls.ended_until(made_until_ns)
    })
    .await
}

/// The first that answers after `before`, and when; every call made until then has ended.
pub(crate) async fn successor(
    cast: &mut Cast,
    promise: &'static str,
    before: &Held,
) -> Result<(Held, u64), Broken> {
    let epoch = before.epoch;
    let what = format!("an answer of {SINGLETON} after epoch {epoch}");
    let is_there = |cast: &Cast| cast.seen.calls.successor(epoch).is_some();
    let seen = cast.wait_for(promise, &what, SUCCESSOR_WITHIN, is_there).await;
    let last_error = cast.seen.calls.last_error().map(str::to_owned);
    seen.map_err(|mut broken| {
        if let Some(error) = last_error.filter(|_| broken.promise == promise) {
            broken.sentence = format!("{}; the last call failed: {error}", broken.sentence);
        }
        broken
    })?;
    let first_ns = cast
        .seen
        .calls
        .successor(epoch)
        .map_or_else(now_ns, |it| it.first_ns);
    // Answers and failures may still be on their way to this process.
    calls_end(cast, first_ns).await?;
    let successor = cast.seen.calls.successor(epoch);
    let successor = successor.ok_or_else(|| Broken::new(promise, what.clone() + " was not seen"))?;
    Ok((Held::of(&cast.layout, successor), successor.first_ns))
}

fn tell(cast: &Cast, after: &Held, unavailable_ms: u64, calls_failed: u64) {
    cast.timeline.say(format_args!(
        "{SINGLETON} answers again: {}, epoch {}; {} without it, {}",
        after.node,
        Grouped(after.epoch),
        Millis(unavailable_ms),
        Failed(calls_failed),
    ));
}

/// A time that a person compares with a promise: `4.7 s`, `312 ms`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Millis(pub(crate) u64);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms @ 0..=999 => write!(f, "{ms} ms"),
            ms => write!(f, "{}.{} s", ms / 1_000, ms % 1_000 / 100),
        }
    }
}

/// How many calls failed, in words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed(pub(super) u64);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("no call failed"),
            1 => f.write_str("1 call failed"),
            many => write!(f, "{many} calls failed"),
        }
    }
}
