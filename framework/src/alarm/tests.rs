//! The queue by tables and against a list, the shards by hand, and alarms on runtimes of each kind.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

use super::queue::{Key, Queue};
use super::shards::{Disturb, NEVER, Shards};
use super::*;

/// Counts how often it is woken.
#[derive(Default)]
struct Rung(AtomicUsize);

impl Wake for Rung {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Rung {
    fn times(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn due(queue: &mut Queue<&'static str>, now: u64) -> Vec<&'static str> {
    assert!(queue.sort(usize::MAX));
    std::iter::from_fn(|| queue.pop_due(now)).collect()
}

#[test]
fn what_is_due_is_what_is_not_after_now_in_the_order_of_deadlines() {
    let mut queue = Queue::EMPTY;
    for (at, what) in [(30, "d"), (10, "a"), (20, "b"), (40, "e"), (20, "c")] {
        let _ = queue.insert(at, what);
    }
    for (now, expected, next) in [
        (9, vec![], Some(10)),
        (10, vec!["a"], Some(20)),
        (35, vec!["b", "c", "d"], Some(40)),
        (35, vec![], Some(40)),
        (NEVER, vec!["e"], None),
        (NEVER, vec![], None),
    ] {
        assert_eq!((due(&mut queue, now), queue.next()), (expected, next), "{now}");
    }
}

#[test]
fn a_key_is_of_its_own_alarm_only() {
    let mut queue = Queue::EMPTY;
    let first = queue.insert(5, "first");
    assert_eq!(queue.remove(first), Some((5, "first")));
    let second = queue.insert(6, "second");
    assert_eq!(queue.get_mut(first), None);
    assert_eq!(queue.remove(first), None);
    assert_eq!(queue.get_mut(second), Some(&mut "second"));
    assert_eq!(due(&mut queue, 6), ["second"]);
    assert_eq!(queue.remove(second), None);
}

#[test]
fn an_empty_queue_keeps_little_and_still_knows_old_keys() {
    let mut queue = Queue::EMPTY;
    let keys: Vec<Key> = (0..10_000).map(|at| queue.insert(at, "many")).collect();
    assert_eq!(due(&mut queue, NEVER).len(), 10_000);
    assert_eq!(queue.kept(), 0);
    let _ = queue.insert(1, "new");
    assert!(keys.iter().all(|key| queue.get_mut(*key).is_none()));
}

/// What is done to a queue.
#[derive(Clone, Debug)]
enum Step {
    Insert(u64),
    Sort(usize),
    Remove(usize),
    Due(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..100_u64).prop_map(Step::Insert),
        1 => (0..10_usize).prop_map(Step::Sort),
        2 => any::<usize>().prop_map(Step::Remove),
        1 => (0..100_u64).prop_map(Step::Due),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn a_queue_is_a_list_that_is_sorted(steps in steps()) {
        let (mut queue, mut list) = (Queue::EMPTY, Vec::<(u64, usize, Key)>::new());
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Insert(at) => list.push((at, number, queue.insert(at, number))),
                Step::Remove(which) if !list.is_empty() => {
                    let (at, what, key) = list.swap_remove(which % list.len());
                    prop_assert_eq!(queue.remove(key), Some((at, what)));
                    prop_assert_eq!(queue.remove(key), None);
                }
                Step::Remove(_) => prop_assert_eq!(queue.next(), None),
                Step::Sort(max) => drop(queue.sort(max)),
                Step::Due(now) => {
                    prop_assert!(queue.sort(usize::MAX));
                    let found: Vec<usize> = std::iter::from_fn(|| queue.pop_due(now)).collect();
                    let (mut due, left): (Vec<_>, Vec<_>) =
                        list.into_iter().partition(|(at, ..)| *at <= now);
                    list = left;
                    due.sort_unstable_by_key(|(at, number, _)| (*at, *number));
                    let due: Vec<usize> = due.into_iter().map(|(_, number, _)| number).collect();
                    prop_assert_eq!(found, due);
                    prop_assert_eq!(queue.next(), list.iter().map(|(at, ..)| *at).min());
                }
            }
        }
    }
}

#[test]
fn only_an_earlier_alarm_disturbs_the_sleeper() {
    let shards = Shards::new(());
    let rung = Arc::new(Rung::default());
    let set = |shard: usize, at: u64| {
        let (key, disturb) = shards
            .shard(shard)
            .set(at, Waker::from(Arc::clone(&rung)))
            .unwrap();
        (key, disturb == Disturb::Yes)
    };
    assert_eq!(shards.round(0, Waker::wake), NEVER);
    assert!(set(0, 50).1, "it sleeps for nothing");
    assert_eq!(shards.round(1, Waker::wake), 50);
    let (later, disturbs) = set(1, 60);
    assert!(!disturbs);
    let (sooner, disturbs) = set(1, 40);
    assert!(disturbs);
    assert_eq!(shards.shard(1).take_back(later), Disturb::No);
    assert_eq!(shards.shard(1).take_back(sooner), Disturb::Yes);
    assert_eq!(
        shards.round(40, Waker::wake),
        50,
        "what was taken back is not there"
    );
    assert_eq!(rung.times(), 0);
    assert_eq!(shards.round(50, Waker::wake), NEVER);
    assert_eq!(rung.times(), 1);
}

#[test]
fn more_than_ring_under_one_lock_ring_in_one_round() {
    let (shards, rung) = (Shards::new(()), Arc::new(Rung::default()));
    for at in 0..1_000 {
        let _ = shards.shard(0).set(at, Waker::from(Arc::clone(&rung))).unwrap();
    }
    assert_eq!(shards.round(899, Waker::wake), 900, "and all are sorted");
    assert_eq!(rung.times(), 900);
}

fn paused() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
}

fn real() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Waits for an alarm.
async fn wait(alarm: &mut Option<Alarm>, deadline: Instant) {
    poll_fn(|cx| {
        if let Some(alarm) = alarm {
            return alarm.poll(deadline, cx);
        }
        *alarm = Some(Alarm::set(deadline, cx));
        Poll::Pending
    })
    .await;
}

async fn wait_for(timeout: Duration) {
    wait(&mut None, Instant::now() + timeout).await;
}

#[test]
fn it_rings_at_its_deadline_to_the_millisecond() {
    paused().block_on(async {
        let start = Instant::now();
        for millis in [1, 2, 7, 1_000, 5_000, 86_400_000] {
            let (timeout, since) = (Duration::from_millis(millis), Instant::now());
            wait_for(timeout).await;
            let late = since.elapsed().checked_sub(timeout).expect("never early");
            assert!(late <= Duration::from_millis(1), "{millis}: {late:?}");
        }
        assert!(start.elapsed() < Duration::from_millis(86_406_020));
    });
}

#[test]
fn the_later_ones_wait_on_when_the_first_rings() {
    paused().block_on(async {
        let since = Instant::now();
        let waits = [50, 10, 30, 10, 20].map(|millis| {
            tokio::spawn(async move {
                wait_for(Duration::from_millis(millis)).await;
                (millis, since.elapsed().as_millis() as u64)
            })
        });
        for wait in waits {
            let (millis, took) = wait.await.unwrap();
            assert!((millis..=millis + 1).contains(&took), "{millis}: {took}");
        }
    });
}

#[cfg(feature = "test-util")]
#[test]
fn virtual_time_does_not_jump_to_an_alarm_that_was_taken_back() {
    paused().block_on(async {
        let deadline = Instant::now() + Duration::from_secs(5);
        poll_fn(|cx| {
            drop(Alarm::set(deadline, cx));
            Poll::Ready(())
        })
        .await;
        let since = Instant::now();
        // No timer of the runtime is left, so that its time stands still while it waits for another thread.
        let (done, is_done) = tokio::sync::oneshot::channel();
        let (go, may_go) = std::sync::mpsc::channel();
        let other = std::thread::spawn(move || {
            may_go.recv().unwrap();
            done.send(()).unwrap();
        });
        go.send(()).unwrap();
        is_done.await.unwrap();
        other.join().unwrap();
        assert_eq!(since.elapsed(), Duration::ZERO);
    });
}

#[test]
fn alarms_of_two_runtimes_ring_on_threads_of_both() {
    let (one, other) = (real(), real());
    let waits: Vec<_> = [&one, &other]
        .into_iter()
        .flat_map(|runtime| (0..100).map(|n| runtime.spawn(wait_for(Duration::from_millis(1 + n % 10)))))
        .collect();
    one.block_on(async {
        for wait in waits {
            wait.await.unwrap();
        }
    });
}

#[test]
fn an_alarm_whose_runtime_ends_is_set_anew_where_it_is_polled() {
    let deadline = Instant::now() + Duration::from_millis(20);
    let (first, second) = (real(), real());
    let (mut alarm, rung) = (None, Arc::new(Rung::default()));
    let waker = Waker::from(Arc::clone(&rung));
    first.block_on(poll_fn(|_| {
        alarm = Some(Alarm::set(deadline, &mut Context::from_waker(&waker)));
        Poll::Ready(())
    }));
    drop(first);
    assert_eq!(rung.times(), 1, "it is woken, to look after itself");
    second.block_on(wait(&mut alarm, deadline));
    assert!(Instant::now() >= deadline);
}

#[test]
fn a_runtime_that_ends_leaves_no_sleeper_behind() {
    let runtime = real();
    let id = runtime.handle().id();
    runtime.block_on(wait_for(Duration::from_millis(1)));
    assert!(sleeper::has_sleeper(id));
    drop(runtime);
    assert!(!sleeper::has_sleeper(id));
}

#[test]
fn who_is_on_no_runtime_is_told_so() {
    let set = std::panic::catch_unwind(|| {
        Alarm::set(Instant::now(), &mut Context::from_waker(Waker::noop()));
    });
    assert!(set.is_err());
}
