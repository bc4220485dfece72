//! Many children: started, stopped, crashing at random; nothing of them is left afterwards.
//!
//! Times are printed by the ignored test: `cargo test --release -p tests --test supervisor_scale -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use quorate::prelude::*;
use quorate::supervision::ChildCounts;
use quorate::testing::{self, settle};
use tests::storm::{Cell, Luck, Storm, cells, names};
use tokio::runtime::Handle;

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// The tasks there are before a test, with the one that wakes all calls of a runtime at their deadlines: a call that waits starts it.
async fn tasks_before(system: &System) -> usize {
    let cell = system.spawn(Cell::spec(Luck::new(1, 0))).await.unwrap();
    cell.ping().cast().unwrap();
    cell.ping().await.unwrap();
    assert!(system.terminate(&cell).await);
    tokio::task::yield_now().await;
    tasks()
}

/// Longer than a million restarts take.
const PATIENCE: Duration = Duration::from_mins(10);

/// How long `number` children take to start, to be listed, to fail and to stop.
async fn start_stop(number: usize, restart: Restart) -> [Duration; 4] {
    let system = System::new("test");
    let before = tasks_before(&system).await;
    let cells = system.spawn(cells()).await.unwrap();
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
    assert!(luck.holders() > number);
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
    assert_eq!(luck.holders(), 1, "an actor or its spec is left");
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

#[test]
fn crash_storm_of_ten_thousand_for_ten_seconds_leaves_the_tree_whole_and_nothing_behind() {
    const CELLS: usize = 10_000;
    testing::run(async {
        let system = System::new("test");
        let before = tasks_before(&system).await;
        let names = names(100);
        let luck = Luck::new(42, 8);
        let storm = Storm::gather(&system, CELLS, &names, &luck).await;
        let Storm { cells, refs, .. } = &storm;
        let pinned = ActorRef::pin(cells);
        let failures = storm.rage(Duration::from_secs(10)).await;
        assert!(failures > 20_000, "{failures}");
        assert!(
            ActorRef::is_alive(&pinned),
            "the supervisor is the first one still"
        );
        let counts = cells.count_children().await;
        assert_eq!((counts.specs, counts.active), (CELLS, CELLS));
        for cell in refs {
            assert!(cell.ping().await.is_ok());
        }
        for (name, cell) in names.iter().zip(refs) {
            assert_eq!(system.whereis(*name).as_ref(), Some(cell));
        }
        assert!(system.terminate(cells).await);
        settle().await;
        assert_eq!(tasks(), before, "a task is left");
        assert!(
            names.iter().all(|name| system.whereis(*name).is_none()),
            "a name is left"
        );
        assert_eq!(cells.count_children().await, ChildCounts::default());
        drop(storm);
        assert_eq!(luck.holders(), 1, "an actor or its spec is left");
        system.shutdown().await.unwrap();
    });
}
