//! Every interleaving of callers and the sleeper, by loom, with up to [`PREEMPTIONS_MAX`] preemptions.

use std::sync::Arc as StdArc;
use std::task::{Wake, Waker};

use loom::sync::Notify;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::shards::{Disturb, NEVER, Shards, State};
use crate::sync::Arc;

/// As for the mailbox.
const PREEMPTIONS_MAX: usize = 3;

fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS_MAX);
    builder.check(run);
}

/// Counts how often it is woken.
struct Rung(Arc<AtomicUsize>);

impl Wake for Rung {
    fn wake(self: StdArc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn set(shards: &Shards<Notify>, shard: usize, at: u64, rung: &Arc<AtomicUsize>) -> super::queue::Key {
    let waker = Waker::from(StdArc::new(Rung(Arc::clone(rung))));
    let (key, disturb) = shards.shard(shard).set(at, waker).unwrap();
    if disturb == Disturb::Yes {
        shards.bell().notify();
    }
    key
}

/// Sleeps as the sleeper does, in a time that is always at what it sleeps for.
fn sleep_until_rung(shards: &Shards<Notify>, rung: &AtomicUsize, count: usize) {
    let mut now = 0;
    loop {
        let next = shards.round(now, Waker::wake);
        if rung.load(Ordering::SeqCst) == count {
            return;
        }
        match next {
            NEVER => shards.bell().wait(),
            next => now = next,
        }
    }
}

#[test]
fn loom_no_alarm_is_slept_through() {
    model(|| {
        let shards = Arc::new(Shards::new(Notify::new()));
        let rung = Arc::new(AtomicUsize::new(0));
        let callers: Vec<_> = [(0, 9), (1, 5)]
            .into_iter()
            .map(|(shard, at)| {
                let (shards, rung) = (Arc::clone(&shards), Arc::clone(&rung));
                thread::spawn(move || {
                    set(&shards, shard, at, &rung);
                })
            })
            .collect();
        sleep_until_rung(&shards, &rung, 2);
        for caller in callers {
            caller.join().unwrap();
        }
    });
}

#[test]
fn loom_an_earlier_alarm_disturbs_a_sleeper_that_sleeps_for_a_later_one() {
    model(|| {
        let shards = Arc::new(Shards::new(Notify::new()));
        let rung = Arc::new(AtomicUsize::new(0));
        set(&shards, 0, 9, &rung);
        let caller = {
            let (shards, rung) = (Arc::clone(&shards), Arc::clone(&rung));
            thread::spawn(move || {
                set(&shards, 1, 5, &rung);
            })
        };
        // Its time does not come to what it sleeps for first: only a disturbance helps.
        while shards.round(6, Waker::wake) != 9 || rung.load(Ordering::SeqCst) == 0 {
            shards.bell().wait();
        }
        caller.join().unwrap();
        assert_eq!(shards.round(6, Waker::wake), 9);
    });
}

#[test]
fn loom_an_alarm_rings_or_is_taken_back() {
    model(|| {
        let shards = Arc::new(Shards::new(Notify::new()));
        let rung = Arc::new(AtomicUsize::new(0));
        let key = set(&shards, 0, 5, &rung);
        let sleeper = {
            let shards = Arc::clone(&shards);
            thread::spawn(move || shards.round(5, Waker::wake))
        };
        let state = shards.shard(0).renew(key, Waker::noop());
        assert!(matches!(state, State::Waits | State::Rung));
        let _ = shards.shard(0).take_back(key);
        assert_eq!(sleeper.join().unwrap(), NEVER);
        let is_rung = rung.load(Ordering::SeqCst);
        assert!(is_rung <= usize::from(state == State::Rung));
    });
}

#[test]
fn loom_an_alarm_that_is_set_at_the_end_rings_or_is_refused() {
    model(|| {
        let shards = Arc::new(Shards::new(Notify::new()));
        let rung = Arc::new(AtomicUsize::new(0));
        let ends = {
            let shards = Arc::clone(&shards);
            thread::spawn(move || shards.end(Waker::wake))
        };
        let waker = Waker::from(StdArc::new(Rung(Arc::clone(&rung))));
        let is_set = shards.shard(0).set(5, waker).is_ok();
        ends.join().unwrap();
        assert_eq!(rung.load(Ordering::SeqCst), usize::from(is_set));
    });
}
