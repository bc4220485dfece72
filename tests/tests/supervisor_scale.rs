//! Many children: started, stopped, crashing at random; nothing of them is left afterwards.
//!
//! Times are printed by the ignored test: `cargo test --release -p tests --test supervisor_scale -- --ignored --nocapture`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use quorate::prelude::*;
use quorate::supervision::{ChildCounts, DynamicSupervisor, SupervisorSpec};
use tests::parts::settle;
use tokio::runtime::Handle;

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
    fn new(seed: u64, one_in: u64) -> Self {
        let state = Arc::new(AtomicU64::new(seed));
        Self { state, one_in }
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

fn cells() -> SupervisorSpec<DynamicSupervisor<Cell>> {
    DynamicSupervisor::<Cell>::spec()
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Longer than a million restarts take.
const PATIENCE: Duration = Duration::from_mins(10);

/// How long `number` children take to start, to be listed, to fail and to stop.
async fn start_stop(number: usize, restart: Restart) -> [Duration; 4] {
    let system = System::new("test");
    tokio::task::yield_now().await;
    let before = tasks();
    let cells = system
        .spawn(cells().intensity(u32::MAX, Duration::from_secs(5)))
        .await
        .unwrap();
    let luck = Luck::new(1, 0);
    let start = Instant::now();
    let mut refs = Vec::with_capacity(number);
    for _ in 0..number {
        refs.push(
            cells
                .start(Cell::spec(luck.clone()).restart(restart))
                .await
                .unwrap(),
        );
    }
    let started = start.elapsed();
    let start = Instant::now();
    let counts = cells.count_children().await;
    let listed = start.elapsed();
    assert_eq!((counts.specs, counts.active), (number, number));
    assert!(tasks() >= before + number);
    let start = Instant::now();
    for cell in &refs {
        cell.fail().cast().unwrap();
    }
    let comes_back = restart != Restart::Temporary;
    for cell in &refs {
        // Answered by the one that fails, or by its successor.
        let _ = cell.ping().timeout(PATIENCE).await;
        assert_eq!(cell.ping().timeout(PATIENCE).await.is_ok(), comes_back);
    }
    let failed = start.elapsed();
    let left = if comes_back { number } else { 0 };
    assert_eq!(cells.count_children().await.specs, left);
    let start = Instant::now();
    assert!(system.terminate(&cells).await);
    let stopped = start.elapsed();
    drop(refs);
    tokio::task::yield_now().await;
    assert_eq!(tasks(), before, "a task is left");
    system.shutdown().await.unwrap();
    [started, listed, failed, stopped]
}

#[tokio::test]
async fn scale_start_stop_many_children() {
    start_stop(1_000, Restart::Permanent).await;
}

#[tokio::test]
async fn simple_one_for_one_scale_many_temporary_children_r12() {
    start_stop(1_000, Restart::Temporary).await;
}

#[tokio::test]
#[ignore = "prints times; up to a million children"]
async fn scale_start_stop_up_to_a_million_children() {
    for restart in [Restart::Permanent, Restart::Temporary] {
        for number in [10_000, 100_000, 1_000_000] {
            let times = start_stop(number, restart).await;
            let each = times.map(|time| time.as_nanos() / number as u128);
            println!("{restart:?} {number}: {times:?} to start, list, fail, stop; {each:?} ns each");
        }
    }
}

/// The names of some of them.
fn names(number: usize) -> Vec<Name<Cell>> {
    let name = |index| Name::new(String::leak(format!("cell {index}")));
    (0..number).map(name).collect()
}

#[tokio::test(start_paused = true)]
async fn crash_storm_of_ten_thousand_for_ten_seconds_leaves_the_tree_whole_and_nothing_behind() {
    const CELLS: usize = 10_000;
    let (system, luck) = (System::new("test"), Luck::new(42, 8));
    settle().await;
    let before = tasks();
    let cells = system
        .spawn(cells().intensity(u32::MAX, Duration::from_secs(5)))
        .await
        .unwrap();
    let names = names(100);
    let quiet = Luck::new(1, 0);
    let restarts = [Restart::Permanent, Restart::Transient];
    let mut refs = Vec::new();
    for index in 0..CELLS {
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
        refs.push(cells.start(spec).await.unwrap());
    }
    let pinned = ActorRef::pin(&cells);
    let start = tokio::time::Instant::now();
    let mut failures = 0;
    while start.elapsed() < Duration::from_secs(10) {
        for _ in 0..25 {
            let which = luck.next() as usize % CELLS;
            failures += usize::from(refs[which].fail().cast().is_ok());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(failures > 20_000, "{failures}");
    settle().await;
    assert!(
        ActorRef::is_alive(&pinned),
        "the supervisor is the first one still"
    );
    let counts = cells.count_children().await;
    assert_eq!((counts.specs, counts.active), (CELLS, CELLS));
    for cell in &refs {
        assert!(cell.ping().await.is_ok());
    }
    for (name, cell) in names.iter().zip(&refs) {
        assert_eq!(system.whereis(*name).as_ref(), Some(cell));
    }
    assert!(system.terminate(&cells).await);
    settle().await;
    assert_eq!(tasks(), before, "a task is left");
    assert!(
        names.iter().all(|name| system.whereis(*name).is_none()),
        "a name is left"
    );
    assert_eq!(cells.count_children().await, ChildCounts::default());
    system.shutdown().await.unwrap();
}
