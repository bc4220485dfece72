//! A crash storm: many children of one supervisor that fail at random, and whose restarts fail at random too.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use quorate::prelude::*;
use quorate::supervision::{DynamicSupervisor, SupervisorSpec};
use quorate::testing;
use tokio::time::Instant;

/// Small, and fails as it is told.
#[actor]
pub struct Cell {
    luck: Luck,
}

#[actor(local)]
impl Cell {
    #[init]
    fn new(luck: Luck) -> Result<Self, &'static str> {
        if luck.is_bad() {
            return Err("no luck");
        }
        Ok(Self { luck })
    }

    /// Is there.
    pub fn ping(&mut self) -> bool {
        self.luck.one_in > 0
    }

    /// Ends itself as failed.
    pub fn fail(&mut self, cx: &mut Context<Self>) {
        cx.fail("as asked");
    }
}

/// Numbers from a seed, shared by all.
#[derive(Clone, Debug)]
pub struct Luck {
    state: Arc<AtomicU64>,
    /// One start in this many fails; none when it is zero.
    one_in: u64,
}

impl Luck {
    /// From this seed; one start in so many fails, none when it is zero.
    pub fn new(seed: u64, one_in: u64) -> Self {
        let state = Arc::new(AtomicU64::new(seed));
        Self { state, one_in }
    }

    /// How many hold it: specs, and actors that live.
    pub fn holders(&self) -> usize {
        Arc::strong_count(&self.state)
    }

    /// splitmix64.
    fn next(&self) -> u64 {
        let step = 0x9e37_79b9_7f4a_7c15;
        let state = self.state.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn is_bad(&self) -> bool {
        self.one_in > 0 && self.next().is_multiple_of(self.one_in)
    }
}

/// The spec of a supervisor that allows any number of restarts.
pub fn cells() -> SupervisorSpec<DynamicSupervisor<Cell>> {
    DynamicSupervisor::<Cell>::spec().intensity(u32::MAX, Duration::from_secs(5))
}

/// The names of some of them; they are never given back.
pub fn names(number: usize) -> Vec<Name<Cell>> {
    let name = |index| Name::new(String::leak(format!("cell {index}")));
    (0..number).map(name).collect()
}

/// A supervisor and its children, in a system of virtual time.
pub struct Storm {
    /// The supervisor.
    pub cells: ActorRef<DynamicSupervisor<Cell>>,
    /// The children; the first of them have the names.
    pub refs: Vec<ActorRef<Cell>>,
    luck: Luck,
}

impl Storm {
    /// Starts so many children, which go on to live by this luck.
    ///
    /// # Panics
    /// When one does not start.
    pub async fn gather(system: &System, number: usize, names: &[Name<Cell>], luck: &Luck) -> Self {
        let cells = system.spawn(cells()).await.expect("it starts");
        let quiet = Luck::new(1, 0);
        let restarts = [Restart::Permanent, Restart::Transient];
        let mut refs = Vec::new();
        for index in 0..number {
            // Its first start succeeds: a failed one would discard it.
            let luck = luck.clone();
            let (is_first, lucky) = (AtomicBool::new(true), quiet.clone());
            let spec = Cell::spec_with(move || {
                let is_first = is_first.swap(false, Ordering::Relaxed);
                Cell::new(if is_first { lucky.clone() } else { luck.clone() })
            });
            let spec = spec.restart(restarts[index % 2]);
            let spec = match names.get(index) {
                Some(name) => spec.name(*name),
                None => spec,
            };
            refs.push(cells.start(spec).await.expect("its first start succeeds"));
        }
        let luck = luck.clone();
        Self { cells, refs, luck }
    }

    /// For this long, every 10 ms 25 of them fail, by luck; then all come back. How many were told to fail.
    pub async fn rage(&self, time: Duration) -> usize {
        let start = Instant::now();
        let mut failures = 0;
        while start.elapsed() < time {
            for _ in 0..25 {
                let which = self.luck.next() as usize % self.refs.len();
                failures += usize::from(self.refs[which].fail().cast().is_ok());
            }
            testing::advance(Duration::from_millis(10)).await;
        }
        testing::advance(Duration::from_millis(20)).await;
        failures
    }
}
