//! What the scenes share: everyone who plays a part, cutting and healing, and what is kept of each scene.

use std::time::Duration;

use super::able::Unable;
use super::checks::{Checks, Span};
use super::network::{self, Side};
use super::witness::Witness;
use crate::three_regions::calls::Call;
use crate::three_regions::clock::{ms_between, now_ns};
use crate::three_regions::driver::cast::Cast;
use crate::three_regions::driver::finish;
use crate::three_regions::driver::harm::{self, Observed};
use crate::three_regions::driver::moves::{self, Held, Millis};
use crate::three_regions::driver::story::QUIET;
use crate::three_regions::layout::{CALLER, LEASE_SECS, NodePlan};
use crate::three_regions::promises::Broken;
use crate::three_regions::record::Tenure;
use crate::three_regions::straggler::Straggler;
use crate::three_regions::timeline::Grouped;

/// How long a cut lasts: more than two leases, so that what stays must have been renewed meanwhile.
pub(super) const CUT: Duration = Duration::from_secs(2 * LEASE_SECS + 1);
/// How long everyone may take to be served once nothing is cut any more.
pub(super) const SERVED_WITHIN: Duration = Duration::from_secs(15);

/// Everyone, and what was seen so far.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) cast: Cast,
    pub(super) observed: Observed,
    /// What was not as it must be.
    pub(super) broken: Vec<Broken>,
    /// A line for each scene.
    pub(super) figures: Vec<String>,
    straggler: Straggler,
}

impl Stage {
    pub(super) fn new(cast: Cast, straggler: Straggler) -> Self {
        Self {
            cast,
            observed: Observed::default(),
            broken: Vec::new(),
            figures: Vec::new(),
            straggler,
        }
    }

    /// Cuts, and answers when.
    pub(super) fn cut(&mut self, pairs: &[(Side<'_>, Side<'_>)], words: &str) -> Result<u64, Broken> {
        let cut_ns = now_ns();
        network::cut(&self.cast.layout, pairs).map_err(failed)?;
        self.cast.timeline.say(words);
        Ok(cut_ns)
    }

    /// Ends the cut, and answers when.
    pub(super) fn heal(&mut self, pairs: &[(Side<'_>, Side<'_>)]) -> Result<u64, Broken> {
        let healed_ns = now_ns();
        network::heal(&self.cast.layout, pairs).map_err(failed)?;
        self.cast.timeline.say("the network is whole again");
        Ok(healed_ns)
    }

    /// Cuts, lets more than two leases pass, and heals.
    pub(super) async fn cut_for_a_while(
        &mut self,
        pairs: &[(Side<'_>, Side<'_>)],
        words: &str,
    ) -> Result<Span, Broken> {
        let cut_ns = self.cut(pairs, words)?;
        self.cast.watch(CUT).await?;
        let healed_ns = self.heal(pairs)?;
        Ok(Span { cut_ns, healed_ns })
    }

    /// Waits until the caller is answered by the next holder; the ledger is then offered a write of the old one. Answers who it
    /// is, and when the answer came.
    pub(super) async fn successor(
        &mut self,
        promise: &'static str,
        before: &Held,
        since_ns: u64,
    ) -> Result<(Held, u64), Broken> {
        let (after, first_ns) = moves::successor(&mut self.cast, promise, before).await?;
        self.cast.timeline.say(format_args!(
            "{CALLER} is answered by {}, epoch {}, {} after that",
            after.node,
            Grouped(after.epoch),
            Millis(ms_between(since_ns, first_ns))
        ));
        harm::offer_stale(&mut self.cast, &mut self.observed, &self.straggler, before).await?;
        Ok((after, first_ns))
    }

    /// Waits until everyone is served under this epoch again, and answers when that was.
    pub(super) async fn all_served(&mut self, epoch: u64, healed_ns: u64) -> Result<u64, Broken> {
        let served = |cast: &Cast| {
            let all = cast.layout.nodes.iter();
            let each = all.map(|node| witness(cast, node).answered_since(epoch, healed_ns));
            each.collect::<Option<Vec<u64>>>()
        };
        let what = format!("an answer under epoch {} to everyone", Grouped(epoch));
        let all = |cast: &Cast| served(cast).is_some();
        self.cast.wait_for("heals", &what, SERVED_WITHIN, all).await?;
        let last = served(&self.cast).and_then(|each| each.into_iter().max());
        let last = last.unwrap_or_else(now_ns);
        self.cast.timeline.say(format_args!(
            "everyone is served, {} after that",
            Millis(ms_between(healed_ns, last))
        ));
        // Nobody may move now.
        self.cast.watch(QUIET).await?;
        Ok(last)
    }

    /// The instance of this epoch, as it wrote it down.
    pub(super) fn tenure(&mut self, epoch: u64) -> Result<Tenure, Broken> {
        let tenures = finish::read_records(&self.cast, &mut self.broken);
        let mut found = tenures.into_iter().filter(|(_, tenure)| tenure.epoch == epoch);
        // An instance that its supervisor started again has the same epoch.
        found
            .next_back()
            .map(|(_, tenure)| tenure)
            .ok_or_else(|| Broken::new("one-holder", format!("nobody wrote down that epoch {epoch} ran")))
    }

    /// Everyone is served under `epoch` at the end, and nothing began after it. Says what was measured, and keeps it and what is
    /// broken.
    pub(super) fn conclude(&mut self, mut checks: Checks, scene: &str, figures: &str, epoch: u64) {
        for node in &self.cast.layout.nodes {
            let newest = witness(&self.cast, node).newest();
            checks.must(newest == Some(epoch), || {
                format!(
                    "{} was last answered under {newest:?}, not under {epoch}",
                    node.name
                )
            });
        }
        let tenures = finish::read_records(&self.cast, &mut self.broken);
        let highest = tenures.into_iter().map(|(_, tenure)| tenure.epoch).max();
        checks.must(highest == Some(epoch), || {
            format!("epoch {highest:?} began, which should not have after epoch {epoch}")
        });
        self.cast.timeline.say(figures);
        for (why, count) in &checks.failures {
            self.cast
                .timeline
                .more(format_args!("{count} calls failed during the cut: {why}"));
        }
        self.figures.push(format!("{scene:<26} {figures}"));
        self.broken.append(&mut checks.broken);
    }

    /// A new scene begins. Answers who is the holder.
    pub(super) fn heading(&mut self, text: &str) -> Result<Held, Broken> {
        self.cast.timeline.heading(text);
        let holder = moves::holder(&self.cast)?;
        self.observed.interesting = vec![holder.node.clone()];
        Ok(holder)
    }
}

/// What a node saw of the singleton.
pub(super) fn witness<'a>(cast: &'a Cast, node: &NodePlan) -> Witness<'a> {
    Witness(cast.seen.every.get(&node.name).map_or(&[][..], Vec::as_slice))
}

/// What a node saw of its region's till.
pub(super) fn till<'a>(cast: &'a Cast, node: &NodePlan) -> Witness<'a> {
    let rung: Option<&Vec<Call>> = cast.seen.rung.get(&node.name);
    Witness(rung.map_or(&[][..], Vec::as_slice))
}

/// The network did not do as it was told.
pub(super) fn failed(unable: Unable) -> Broken {
    Broken::new("network", unable.0)
}
