//! The scenes, each a row of the table: what is cut, and what callers and instances must have seen.

use std::ops::Range;

use quorate::CallError;
use tokio::time::Instant;

use super::checks::{Checks, LAPSING, OUT_OF_REACH, SECOND_NS, Span};
use super::network::{self, Side};
use super::stage::{CUT, SERVED_WITHIN, Stage, failed, till, witness};
use crate::three_regions::clock::now_ns;
use crate::three_regions::driver::cast::Cast;
use crate::three_regions::driver::harm;
use crate::three_regions::driver::moves::Held;
use crate::three_regions::driver::story::DEADLINE_MS;
use crate::three_regions::layout::{CALLER, HOMES, LEASE_SECS, NodePlan, REGIONS, SINGLETON};
use crate::three_regions::promises::Broken;

/// The deadline of the calls of a caller that is cut off: longer than it takes to give a session up.
const PATIENT_DEADLINE_MS: u64 = 8_000;
/// When a silent session is given up, with room for the machine.
const NODE_DOWN_NS: Range<u64> = 4 * SECOND_NS..7 * SECOND_NS;

/// The holder's region is cut off whole: `billing` moves, the region's till does not notice.
pub(super) async fn region_cut_off(stage: &mut Stage) -> Result<(), Broken> {
    let before = stage.heading("The holder's region is cut off whole.")?;
    let pairs = from_others(Side::Region(&before.region), &before.region);
    let words = format!("{} reaches no other region", before.region);
    let (mut checks, after, figures) = moves_away(stage, "cut-region", &before, &pairs, &words).await?;
    let next = HOMES.into_iter().find(|home| *home != before.region);
    checks.must(next == Some(after.region.as_str()), || {
        format!("{SINGLETON} went to {}, not to {next:?}", after.region)
    });
    for node in &stage.cast.layout.nodes {
        let seen = witness(&stage.cast, node);
        if node.region == before.region {
            checks.served_until_the_lease_ends(&node.name, seen, before.epoch);
            checks.unserved_after_the_lease(&node.name, seen);
            checks.failed_only(&node.name, seen, LAPSING);
            checks.always_served_by_one(&format!("the till at {}", node.name), till(&stage.cast, node));
        } else {
            checks.served_before_the_heal(&node.name, seen, after.epoch);
            checks.failed_only(&node.name, seen, OUT_OF_REACH);
        }
    }
    stage.conclude(checks, "region cut off", &figures, after.epoch);
    Ok(())
}

/// The holder is cut from one region of three: it stays.
pub(super) async fn cut_from_one_region(stage: &mut Stage) -> Result<(), Broken> {
    let before = stage.heading("The holder is cut from exactly one region.")?;
    let far = REGIONS[2];
    let pairs = [(Side::Node(&before.node), Side::Region(far))];
    let words = format!("{} and {far} do not reach each other", before.node);
    let span = stage.cut_for_a_while(&pairs, &words).await?;
    let served_ns = stage.all_served(before.epoch, span.healed_ns).await?;

    let mut checks = Checks::new("cut-from-one-region", span, LEASE_SECS);
    for node in &stage.cast.layout.nodes {
        let seen = witness(&stage.cast, node);
        if node.region == far {
            checks.unserved(&node.name, seen);
            checks.failed_only(&node.name, seen, OUT_OF_REACH);
        } else {
            checks.always_served(&node.name, seen, before.epoch);
        }
    }
    let figures = format!(
        "stayed; {far} served again {} after",
        checks.since_healed(served_ns)
    );
    stage.conclude(checks, "cut from one region", &figures, before.epoch);
    Ok(())
}

/// The holder's node is cut from all regions but its own: `billing` moves.
pub(super) async fn cut_from_a_majority(stage: &mut Stage) -> Result<(), Broken> {
    let before = stage.heading("The holder's node is cut from a majority of regions.")?;
    let pairs = from_others(Side::Node(&before.node), &before.region);
    let words = format!("{} reaches its own region, {}, alone", before.node, before.region);
    let (mut checks, after, figures) =
        moves_away(stage, "cut-from-a-majority", &before, &pairs, &words).await?;
    checks.must(before.node != after.node, || {
        format!("{} took over again", after.node)
    });
    for node in &stage.cast.layout.nodes {
        let seen = witness(&stage.cast, node);
        if node.region == before.region {
            checks.served_until_the_lease_ends(&node.name, seen, before.epoch);
            checks.failed_only(&node.name, seen, LAPSING);
        } else {
            checks.failed_only(&node.name, seen, OUT_OF_REACH);
        }
        if node.name != before.node {
            checks.served_before_the_heal(&node.name, seen, after.epoch);
        } else if after.region != before.region {
            checks.unserved_after_the_lease(&node.name, seen);
        }
    }
    stage.conclude(checks, "cut from a majority", &figures, after.epoch);
    Ok(())
}

/// No region reaches another: `billing` stops, and starts again when they do.
pub(super) async fn all_apart(stage: &mut Stage) -> Result<(), Broken> {
    let before = stage.heading("No region reaches another.")?;
    let [a, b, c] = REGIONS.map(Side::Region);
    let pairs = [(a, b), (b, c), (c, a)];
    let span = stage
        .cut_for_a_while(&pairs, "all regions are on their own")
        .await?;
    let (after, first_ns) = stage.successor("all-apart", &before, span.healed_ns).await?;
    let served_ns = stage.all_served(after.epoch, span.healed_ns).await?;

    let (old, new) = (stage.tenure(before.epoch)?, stage.tenure(after.epoch)?);
    let mut checks = Checks::new("all-apart", span, LEASE_SECS);
    checks.lapsed_in_time(&old);
    checks.follows(&old, &new);
    checks.must(new.from_ns > span.healed_ns, || {
        format!("epoch {} began although no side had a majority", new.epoch)
    });
    for node in &stage.cast.layout.nodes {
        let seen = witness(&stage.cast, node);
        checks.unserved_after_the_lease(&node.name, seen);
        if node.region == before.region {
            checks.served_until_the_lease_ends(&node.name, seen, before.epoch);
            checks.failed_only(&node.name, seen, LAPSING);
        } else {
            checks.unserved(&node.name, seen);
            checks.failed_only(&node.name, seen, OUT_OF_REACH);
        }
        if node.till {
            checks.always_served_by_one(&format!("the till at {}", node.name), till(&stage.cast, node));
        }
    }
    let figures = format!(
        "old one's last effect {} after the cut; after the heal: new one began {}, first answer {}, all served {}",
        checks.since_cut(old.to_ns),
        checks.since_healed(new.from_ns),
        checks.since_healed(first_ns),
        checks.since_healed(served_ns)
    );
    stage.conclude(checks, "all regions apart", &figures, after.epoch);
    Ok(())
}

/// The node of a caller loses its link: nobody else notices.
pub(super) async fn caller_cut_off(stage: &mut Stage) -> Result<(), Broken> {
    let before = stage.heading("A caller's node is cut off.")?;
    harm::set_deadline(&mut stage.cast, PATIENT_DEADLINE_MS).await?;
    let plan = stage.cast.layout.node(CALLER).cloned();
    let plan = plan.ok_or_else(|| Broken::new("caller-cut-off", "there is no caller"))?;
    let cut_ns = now_ns();
    network::unplug(&plan).map_err(failed)?;
    stage
        .cast
        .timeline
        .say(format_args!("the link of {CALLER} is down"));
    stage.cast.watch(CUT).await?;
    let healed_ns = now_ns();
    network::plug(&plan).map_err(failed)?;
    stage.cast.timeline.say("it is up again");
    let served_ns = stage.all_served(before.epoch, healed_ns).await?;
    harm::set_deadline(&mut stage.cast, DEADLINE_MS).await?;

    let mut checks = Checks::new("caller-cut-off", Span { cut_ns, healed_ns }, LEASE_SECS);
    for node in stage.cast.layout.nodes.iter().filter(|node| node.name != CALLER) {
        checks.always_served(&node.name, witness(&stage.cast, node), before.epoch);
    }
    let seen = witness(&stage.cast, &plan);
    checks.unserved(CALLER, seen);
    checks.failed_only(CALLER, seen, OUT_OF_REACH);
    let down = seen.failed_with(&CallError::NodeDown.to_string(), cut_ns, healed_ns);
    let in_time = |at: &u64| NODE_DOWN_NS.contains(&(at - cut_ns));
    checks.must(!down.is_empty() && down.iter().all(in_time), || {
        format!("{} calls ended in NodeDown, not all after some 5 s", down.len())
    });
    let down_ns = down.iter().copied().max().unwrap_or_default();
    let waited = seen.waited(down_ns, healed_ns);
    checks.must(waited > 0, || {
        "no call waited through the cut and was answered after it".to_owned()
    });
    let figures = format!(
        "stayed; {} calls in doubt: NodeDown {} after the cut; {waited} waited and were answered; served again {} after",
        down.len(),
        checks.since_cut(down_ns),
        checks.since_healed(served_ns)
    );
    stage.conclude(checks, "caller's node cut off", &figures, before.epoch);
    Ok(())
}

/// No two nodes of the holder's region reach each other, and all reach the other regions: `billing` stays, the till stops.
pub(super) async fn region_falls_apart(stage: &mut Stage) -> Result<(), Broken> {
    let before = stage.heading("The holder's region loses the majority of its voters.")?;
    let names: Vec<NodePlan> = stage.cast.layout.region(&before.region).cloned().collect();
    let [a, b, c] = [0, 1, 2].map(|at: usize| Side::Node(&names[at].name));
    let pairs = [(a, b), (b, c), (c, a)];
    let words = format!("no node of {} reaches another of it", before.region);
    let span = stage.cut_for_a_while(&pairs, &words).await?;
    let served_ns = stage.all_served(before.epoch, span.healed_ns).await?;
    let rung = |cast: &Cast| {
        names
            .iter()
            .map(|node| till(cast, node).answered_after(span.healed_ns))
            .collect::<Option<Vec<_>>>()
    };
    let all = |cast: &Cast| rung(cast).is_some();
    stage
        .cast
        .wait_for(
            "region-falls-apart",
            "an answer of the till to all of its region",
            SERVED_WITHIN,
            all,
        )
        .await?;
    let back_ns = rung(&stage.cast)
        .and_then(|each| each.into_iter().max())
        .unwrap_or_default();

    let mut checks = Checks::new("region-falls-apart", span, LEASE_SECS);
    for node in &stage.cast.layout.nodes {
        let seen = witness(&stage.cast, node);
        if node.region != before.region || node.name == before.node {
            checks.always_served(&node.name, seen, before.epoch);
        } else {
            checks.unserved(&node.name, seen);
            checks.failed_only(&node.name, seen, OUT_OF_REACH);
        }
        if node.region == before.region {
            let name = format!("the till at {}", node.name);
            checks.unserved_after_the_lease(&name, till(&stage.cast, node));
            checks.began_anew(&name, till(&stage.cast, node));
        }
    }
    let figures = format!(
        "stayed; region served again {} after, its till {} after",
        checks.since_healed(served_ns),
        checks.since_healed(back_ns)
    );
    stage.conclude(checks, "region without majority", &figures, before.epoch);
    Ok(())
}

/// One side and every other region.
fn from_others<'a>(side: Side<'a>, region: &str) -> Vec<(Side<'a>, Side<'a>)> {
    let others = REGIONS.into_iter().filter(|other| *other != region);
    others.map(|other| (side, Side::Region(other))).collect()
}

/// Cuts until `billing` has moved and two leases are over. Checks both instances, and answers where it went and what was measured.
async fn moves_away(
    stage: &mut Stage,
    promise: &'static str,
    before: &Held,
    pairs: &[(Side<'_>, Side<'_>)],
    words: &str,
) -> Result<(Checks, Held, String), Broken> {
    let ends = Instant::now() + CUT;
    let cut_ns = stage.cut(pairs, words)?;
    let (after, first_ns) = stage.successor(promise, before, cut_ns).await?;
    stage.cast.watch_until(ends).await?;
    let healed_ns = stage.heal(pairs)?;
    let served_ns = stage.all_served(after.epoch, healed_ns).await?;

    let (old, new) = (stage.tenure(before.epoch)?, stage.tenure(after.epoch)?);
    let mut checks = Checks::new(promise, Span { cut_ns, healed_ns }, LEASE_SECS);
    checks.lapsed_in_time(&old);
    checks.follows(&old, &new);
    let figures = format!(
        "after the cut: old one's last effect {}, new one began {}, first answer {}; all served {} after the heal",
        checks.since_cut(old.to_ns),
        checks.since_cut(new.from_ns),
        checks.since_cut(first_ns),
        checks.since_healed(served_ns)
    );
    Ok((checks, after, figures))
}
