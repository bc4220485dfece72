//! What is done to the holder, one step after the other, and what is written with its epoch when it is over.

use std::time::Duration;

use tokio::time::Instant;

use super::cast::Cast;
use super::moves::{self, Held, Millis};
use super::story::{ANSWER_WITHIN, DEADLINE_MS, QUIET, everyone_is_seen, members};
use crate::three_regions::clock::now_ns;
use crate::three_regions::layout::{CALLER, LEASE_SECS, OPERATOR, REGIONS, SINGLETON};
use crate::three_regions::lines::Order;
use crate::three_regions::promises::Broken;
use crate::three_regions::report::{Cause, FailOver, HandOff};
use crate::three_regions::straggler::{Answer, Straggler};
use crate::three_regions::timeline::Grouped;

/// How often a hand-off is asked for that is refused because its target is not ready.
const HAND_OFF_TRIES_MAX: u32 = 10;
/// The deadline of a call during the hand-off.
const PATIENT_DEADLINE_MS: u64 = 5_000;

/// What the driver itself did and saw.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    pub(super) nodes: u32,
    pub(super) fail_overs: Vec<FailOver>,
    pub(super) hand_offs: Vec<HandOff>,
    pub(super) stale_writes_offered: u32,
    pub(super) fenced_writes_refused: u32,
    /// Under which epoch the instance ran that was stopped and let go on.
    pub(super) paused_epoch: Option<u64>,
    /// Whose log tells most about a failure.
    pub(crate) interesting: Vec<String>,
}

pub(super) async fn kill_the_holder(
    cast: &mut Cast,
    observed: &mut Observed,
    straggler: &Straggler,
) -> Result<(), Broken> {
    cast.timeline.heading("A node dies.");
    let before = moves::holder(cast)?;
    observed.interesting = vec![before.node.clone()];
    let killed_ns = cast.kill(std::slice::from_ref(&before.node)).await;
    cast.timeline.say(format_args!(
        "{} killed (SIGKILL): holder of {SINGLETON}, epoch {}",
        before.node,
        Grouped(before.epoch)
    ));
    let (step, after) = moves::fail_over(cast, Cause::NodeKilled, &before, killed_ns).await?;
    observed.fail_overs.push(step);
    observed.interesting = vec![after.node.clone()];
    offer_stale(cast, observed, straggler, &before).await?;
    cast.watch(QUIET).await
}

pub(super) async fn kill_the_region(
    cast: &mut Cast,
    observed: &mut Observed,
    straggler: &Straggler,
) -> Result<(), Broken> {
    cast.timeline.heading("A region dies.");
    let before = moves::holder(cast)?;
    let victims = cast.running_in(&before.region);
    let killed_ns = cast.kill(&victims).await;
    cast.timeline.say(format_args!(
        "{} killed (SIGKILL), all that was left of {}; {} was the holder, epoch {}",
        victims.join(", "),
        before.region,
        before.node,
        Grouped(before.epoch)
    ));
    let (step, after) = moves::fail_over(cast, Cause::RegionKilled, &before, killed_ns).await?;
    observed.fail_overs.push(step);
    observed.interesting = vec![after.node.clone()];
    offer_stale(cast, observed, straggler, &before).await?;
    cast.watch(QUIET).await
}

pub(super) async fn bring_it_back(cast: &mut Cast) -> Result<(), Broken> {
    let home = REGIONS[0];
    cast.timeline.heading("The region comes back.");
    let nodes: Vec<String> = cast.layout.region(home).map(|node| node.name.clone()).collect();
    let began_ns = now_ns();
    let back: Vec<String> = nodes
        .into_iter()
        .filter(|name| !cast.running().contains(name))
        .collect();
    for name in &back {
        cast.start_node(name)?;
    }
    cast.timeline.say(format_args!(
        "{} started again, with the data they had",
        back.join(", ")
    ));
    members(cast, &back).await?;
    let took_ms = now_ns().saturating_sub(began_ns) / 1_000_000;
    cast.timeline
        .say(format_args!("{home} is whole again after {}", Millis(took_ms)));
    everyone_is_seen(cast).await?;
    let holder = moves::holder(cast)?;
    cast.timeline.say(format_args!(
        "{SINGLETON} stays at {}: fail-back is manual",
        holder.node
    ));
    cast.watch(QUIET).await
}

pub(super) async fn hand_it_home(
    cast: &mut Cast,
    observed: &mut Observed,
    straggler: &Straggler,
) -> Result<(), Broken> {
    cast.timeline.heading("A planned hand-off home.");
    set_deadline(cast, PATIENT_DEADLINE_MS).await?;
    let before = moves::holder(cast)?;
    observed.interesting = vec![before.node.clone(), OPERATOR.to_owned()];
    let asked_ns = ask_for_hand_off(cast, &before).await?;
    let (step, after) = moves::hand_off(cast, &before, asked_ns).await?;
    observed.hand_offs.push(step);
    observed.interesting.push(after.node.clone());
    offer_stale(cast, observed, straggler, &before).await?;
    set_deadline(cast, DEADLINE_MS).await?;
    cast.watch(QUIET).await
}

/// Asks until it is granted, and answers when the request was made that was.
async fn ask_for_hand_off(cast: &mut Cast, before: &Held) -> Result<u64, Broken> {
    let mut why = String::new();
    for _ in 0..HAND_OFF_TRIES_MAX {
        cast.seen.hand_off = None;
        let asked_ns = now_ns();
        cast.timeline.say(format_args!(
            "{OPERATOR} asks for it: {SINGLETON} is to leave {}",
            before.node
        ));
        cast.order(OPERATOR, &Order::HandOff).await?;
        let answered = |cast: &Cast| cast.seen.hand_off.is_some();
        cast.wait_for("hand-off", "an answer to the request", ANSWER_WITHIN, answered)
            .await?;
        match cast.seen.hand_off.take() {
            Some(Ok(done)) => {
                cast.timeline.say(format_args!(
                    "handed to {} in {}, epoch {}",
                    done.node,
                    done.region,
                    Grouped(done.epoch)
                ));
                return Ok(asked_ns);
            }
            Some(Err(refusal)) => why = refusal,
            None => {}
        }
        if cast.seen.calls.successor(before.epoch).is_some() {
            // It moved and only the confirmation was lost.
            return Ok(asked_ns);
        }
        cast.timeline.say(format_args!("refused: {why}"));
        cast.watch(Duration::from_secs(1)).await?;
    }
    Err(Broken::new(
        "hand-off",
        format!("it was refused {HAND_OFF_TRIES_MAX} times: {why}"),
    ))
}

pub(crate) async fn set_deadline(cast: &mut Cast, ms: u64) -> Result<(), Broken> {
    cast.order(CALLER, &Order::Deadline(ms)).await?;
    let set = |cast: &Cast| cast.seen.deadline_ms == ms;
    cast.wait_for("calls", "the caller's new deadline", ANSWER_WITHIN, set)
        .await?;
    cast.timeline
        .say(format_args!("{CALLER} gives each call {}", Millis(ms)));
    // Calls with the old deadline belong to what was before.
    moves::calls_end(cast, now_ns()).await
}

pub(super) async fn pause_the_holder(
    cast: &mut Cast,
    observed: &mut Observed,
    straggler: &Straggler,
) -> Result<(), Broken> {
    cast.timeline
        .heading("A node stops for two lease terms and goes on, without knowing.");
    let before = moves::holder(cast)?;
    observed.interesting = vec![before.node.clone()];
    observed.paused_epoch = Some(before.epoch);
    let ends = Instant::now() + Duration::from_secs(2 * LEASE_SECS);
    let paused_ns = cast.pause(&before.node);
    cast.timeline.say(format_args!(
        "{} stopped (SIGSTOP): holder of {SINGLETON}, epoch {}",
        before.node,
        Grouped(before.epoch)
    ));
    let (step, after) = moves::fail_over(cast, Cause::NodePaused, &before, paused_ns).await?;
    observed.fail_overs.push(step);
    observed.interesting.push(after.node.clone());
    offer_stale(cast, observed, straggler, &before).await?;
    cast.watch_until(ends).await?;
    cast.resume(&before.node);
    cast.timeline
        .say(format_args!("{} goes on (SIGCONT)", before.node));
    cast.watch(QUIET).await?;
    offer_stale(cast, observed, straggler, &before).await?;
    let holder = moves::holder(cast)?;
    cast.timeline.say(format_args!(
        "{SINGLETON} is still {}, epoch {}",
        holder.node,
        Grouped(holder.epoch)
    ));
    Ok(())
}

/// Offers the ledger a write that is stamped with an epoch that is over.
pub(crate) async fn offer_stale(
    cast: &mut Cast,
    observed: &mut Observed,
    straggler: &Straggler,
    over: &Held,
) -> Result<(), Broken> {
    observed.stale_writes_offered += 1;
    let epoch = Grouped(over.epoch);
    match straggler.write(over.epoch).await {
        Ok(Answer::Refused { highest }) => {
            observed.fenced_writes_refused += 1;
            let highest = Grouped(highest);
            cast.timeline.say(format_args!(
                "the ledger refuses a write of epoch {epoch}: it has seen {highest}"
            ));
        }
        Ok(Answer::Accepted) => cast
            .timeline
            .say(format_args!("the ledger ACCEPTED a write of epoch {epoch}")),
        Err(error) => cast.timeline.say(format_args!(
            "the ledger did not answer a write of epoch {epoch}: {error}"
        )),
    }
    Ok(())
}
