//! The first common configuration: every region with its group, accepted by every region once, then current for all.
//!
//! The leader of each region runs one of these. Nobody leads: each region accepts, in its own log, what it sees all regions to be, and
//! makes it current when it has seen every region accept the same. A second group of a region, or a region of another cluster, is
//! listed by nobody and so has no vote; it is reported. Rules 19 and 21 of the design.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{ConfigVersion, GroupId, RegionName};
use crate::lease::{Acceptor, Configuration, Drift, Time};

/// What was heard longer ago than this many rounds counts no more.
const FRESH_ROUNDS: u32 = 4;
/// All regions must have looked the same for this many rounds before the first of them accepts.
const SETTLE_ROUNDS: u32 = 2;

/// What the file says about the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSettings {
    /// This region.
    pub region: RegionName,
    /// All regions, this one among them.
    pub regions: BTreeSet<RegionName>,
    /// `r`.
    pub drift: Drift,
    /// `D_max`.
    pub term_max: Duration,
    /// How often the other regions are asked, and a proposal is repeated.
    pub ask_every: Duration,
}

/// What a region says of itself: what its log has made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionView {
    /// The region.
    pub region: RegionName,
    /// The set of regions that it goes by; its own alone, in version 0, before the first common one.
    pub current: Configuration,
    /// The first common configuration, if it has accepted one.
    pub accepted: Option<Configuration>,
    /// Its group.
    pub group: GroupId,
}

impl RegionView {
    /// What `acceptor` says; `None` before it has formed.
    pub fn of(acceptor: &Acceptor) -> Option<Self> {
        Some(Self {
            region: acceptor.region()?.clone(),
            current: acceptor.config()?.clone(),
            accepted: acceptor.first_config().cloned(),
            group: acceptor.binding()?.group,
        })
    }

    fn active(&self) -> bool {
        self.current.version >= ConfigVersion::FIRST
    }
}

/// What the driver does next, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClusterCommand {
    /// Ask this region for its [`RegionView`].
    Ask(RegionName),
    /// Propose [`Act::AcceptConfig`](crate::lease::Act::AcceptConfig) in this region's own log.
    Accept(Configuration),
    /// Propose [`Act::ActivateConfig`](crate::lease::Act::ActivateConfig) in this region's own log.
    Activate(Configuration),
    /// Tell an operator.
    Report(ClusterTrouble),
}

/// What keeps the regions from becoming a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ClusterTrouble {
    /// A region answers as two groups.
    TwoGroups {
        /// The region.
        region: RegionName,
        /// One.
        one: GroupId,
        /// The other.
        other: GroupId,
    },
    /// `r` or `D_max` differ.
    OtherBounds {
        /// The region that differs from this one.
        region: RegionName,
        /// Its `r`.
        drift: Drift,
        /// Its `D_max`.
        term_max: Duration,
    },
    /// A region has accepted, or goes by, another set of regions.
    OtherRegions {
        /// The region.
        region: RegionName,
        /// Its set.
        theirs: BTreeMap<RegionName, GroupId>,
    },
    /// The cluster lists another group for this region: this group has no vote and never will.
    NotListed {
        /// The region that says so.
        by: RegionName,
        /// The group that is listed instead, if any.
        instead: Option<GroupId>,
    },
}

impl ClusterSettings {
    /// What the regions look like from here.
    fn common<'a>(&self, views: impl Iterator<Item = &'a RegionView>) -> Configuration {
        Configuration {
            version: ConfigVersion::FIRST,
            regions: views.map(|view| (view.region.clone(), view.group)).collect(),
            drift: self.drift,
            term_max: self.term_max,
        }
    }
}

impl fmt::Display for ClusterTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwoGroups { region, one, other } => write!(
                f,
                "the region {region} answers as two groups, {one} and {other}; stop the nodes of the wrong one, empty their data \
                 directories and start them again"
            ),
            Self::OtherBounds {
                region,
                drift,
                term_max,
            } => write!(
                f,
                "the region {region} has a drift of {drift} and a longest term of {term_max:?}, which differ from this region's; give \
                 all regions the same"
            ),
            Self::OtherRegions { region, theirs } => {
                write!(f, "the region {region} goes by other regions than this one:")?;
                theirs
                    .iter()
                    .try_for_each(|(name, group)| write!(f, " {name} ({group})"))?;
                f.write_str("; give all nodes the same regions")
            }
            Self::NotListed { by, instead } => {
                write!(f, "the region {by} does not list this group")?;
                if let Some(group) = instead {
                    write!(f, " but {group}")?;
                }
                f.write_str("; this group has no vote: empty the data directories of its nodes and start them again, they join the other")
            }
        }
    }
}

impl std::error::Error for ClusterTrouble {}

/// How one region comes to the first common configuration.
///
/// Call a `handle_*` method for whatever happens, then [`Self::poll_command`] until it gives nothing, then wait until
/// [`Self::next_deadline`] at most and call [`Self::handle_timeout`].
#[derive(Debug)]
pub struct ClusterFormation {
    settings: ClusterSettings,
    own: Option<RegionView>,
    /// What was heard in the last few rounds, and when.
    views: BTreeMap<(RegionName, GroupId), (Time, RegionView)>,
    /// What all regions have looked like since when.
    common: Option<(Configuration, Time)>,
    next_round: Time,
    next_proposal: Time,
    commands: VecDeque<ClusterCommand>,
    reported: BTreeSet<ClusterTrouble>,
}

impl ClusterFormation {
    /// A region that knows nothing of the others yet.
    pub fn new(settings: ClusterSettings, now: Time) -> Self {
        Self {
            settings,
            own: None,
            views: BTreeMap::new(),
            common: None,
            next_round: now,
            next_proposal: now,
            commands: VecDeque::new(),
            reported: BTreeSet::new(),
        }
    }

    /// Whether the first common configuration, or a later one, is current in this region.
    pub fn is_active(&self) -> bool {
        self.own.as_ref().is_some_and(RegionView::active)
    }

    /// This region's own log has made this of it.
    pub fn handle_own(&mut self, now: Time, view: RegionView) {
        if self.own.as_ref() != Some(&view) {
            self.own = Some(view);
            self.next_proposal = now;
        }
        self.advance(now);
    }

    /// Another region says this of itself.
    pub fn handle_view(&mut self, now: Time, view: RegionView) {
        if view.region == self.settings.region || !self.settings.regions.contains(&view.region) {
            return;
        }
        self.views.insert((view.region.clone(), view.group), (now, view));
        self.advance(now);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Time) {
        self.advance(now);
    }

    /// The next thing to do, in order.
    pub fn poll_command(&mut self) -> Option<ClusterCommand> {
        self.commands.pop_front()
    }

    /// When [`Self::handle_timeout`] is due; `None` when the region goes by a common configuration.
    pub fn next_deadline(&self) -> Option<Time> {
        (!self.is_active()).then_some(self.next_round)
    }

    fn advance(&mut self, now: Time) {
        let Some(own) = self.own.clone() else { return };
        if own.active() {
            return;
        }
        if now >= self.next_round {
            self.next_round = now.after(self.settings.ask_every);
            let others = self
                .settings
                .regions
                .iter()
                .filter(|region| **region != self.settings.region);
            self.commands.extend(others.cloned().map(ClusterCommand::Ask));
        }
        let oldest = now.before(self.settings.ask_every * FRESH_ROUNDS);
        self.views.retain(|_, (heard, _)| *heard >= oldest);
        match self.decide(now, &own) {
            Err(trouble) => self.report(trouble),
            Ok(Some(proposal)) if now >= self.next_proposal => {
                self.next_proposal = now.after(self.settings.ask_every);
                self.commands.push_back(proposal);
            }
            Ok(_) => {}
        }
    }

    fn decide(&mut self, now: Time, own: &RegionView) -> Result<Option<ClusterCommand>, ClusterTrouble> {
        let views: Vec<_> = self.views.values().map(|(_, view)| view).collect();
        if let Some(active) = views.iter().find(|view| view.active()) {
            return Self::follow(own, active);
        }
        if let Some([one, other]) = views
            .array_windows()
            .find(|[one, other]| one.region == other.region)
        {
            let (region, one, other) = (one.region.clone(), one.group, other.group);
            return Err(ClusterTrouble::TwoGroups { region, one, other });
        }
        if views.len() + 1 < self.settings.regions.len() {
            return Ok(None);
        }
        let common = self.settings.common(views.iter().copied().chain([own]));
        for view in &views {
            let Configuration { drift, term_max, .. } = view.current;
            if (drift, term_max) != (common.drift, common.term_max) {
                return Err(ClusterTrouble::OtherBounds {
                    region: view.region.clone(),
                    drift,
                    term_max,
                });
            }
        }
        for view in views.iter().copied().chain([own]) {
            if let Some(other) = view.accepted.as_ref().filter(|accepted| **accepted != common) {
                return Err(other_regions(view, other));
            }
        }
        let by_all = views.iter().all(|view| view.accepted.is_some());
        let since = match &self.common {
            Some((same, since)) if *same == common => *since,
            _ => now,
        };
        self.common = Some((common.clone(), since));
        // What is accepted is accepted for ever: a second group of some region gets the time to be noticed.
        let settled = now.since(since) >= self.settings.ask_every * SETTLE_ROUNDS;
        Ok(match &own.accepted {
            None => settled.then_some(ClusterCommand::Accept(common)),
            Some(_) if by_all => Some(ClusterCommand::Activate(common)),
            Some(_) => None,
        })
    }

    /// Another region goes by a common configuration already, so this one has accepted it, or is not part of it.
    fn follow(own: &RegionView, active: &RegionView) -> Result<Option<ClusterCommand>, ClusterTrouble> {
        let listed = active.current.regions.get(&own.region).copied();
        if listed != Some(own.group) {
            return Err(ClusterTrouble::NotListed {
                by: active.region.clone(),
                instead: listed,
            });
        }
        match &own.accepted {
            Some(accepted) if active.accepted.as_ref() == Some(accepted) => {
                Ok(Some(ClusterCommand::Activate(accepted.clone())))
            }
            _ => Err(other_regions(active, &active.current)),
        }
    }

    fn report(&mut self, trouble: ClusterTrouble) {
        if self.reported.insert(trouble.clone()) {
            self.commands.push_back(ClusterCommand::Report(trouble));
        }
    }
}

fn other_regions(view: &RegionView, theirs: &Configuration) -> ClusterTrouble {
    ClusterTrouble::OtherRegions {
        region: view.region.clone(),
        theirs: theirs.regions.clone(),
    }
}
