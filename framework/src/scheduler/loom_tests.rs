//! Every interleaving of a dispatcher that goes to sleep and those who wake it, and of lives in one place, by loom.

use loom::sync::atomic::AtomicUsize;
use loom::sync::{Arc, Notify};
use loom::thread;

use super::beacon::Lit;
use super::succession::Succession;
use crate::sync::{Ordering, fence};

/// As for the mailbox's models.
const PREEMPTIONS_MAX: usize = 3;

#[test]
fn loom_nothing_that_was_put_into_a_queue_is_slept_through() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(PREEMPTIONS_MAX);
    model.check(|| {
        // What was put into each, with the orderings of crossbeam's queues.
        let queues = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let lit = Arc::new(Lit::new(true));
        let bell = Arc::new(Notify::new());
        let others: Vec<_> = (0..2)
            .map(|number| {
                let (queues, lit, bell) = (Arc::clone(&queues), Arc::clone(&lit), Arc::clone(&bell));
                thread::spawn(move || {
                    queues[number].store(1, Ordering::Release);
                    fence(Ordering::SeqCst);
                    if lit.light() {
                        bell.notify();
                    }
                })
            })
            .collect();
        let put = || -> usize { queues.iter().map(|queue| queue.load(Ordering::Acquire)).sum() };
        let mut taken = 0;
        while taken < 2 {
            let found = put();
            if found == taken && lit.put_out(|| put() > taken) {
                // A deadlock here is what was slept through.
                bell.wait();
            }
            taken = found;
        }
        for other in others {
            other.join().unwrap();
        }
    });
}

/// Lives of loom's own pointers, which tell when one is dropped never or twice: the first has begun, the second begins on another thread.
fn two_lives() -> (Arc<Succession<Arc<u8>>>, thread::JoinHandle<bool>) {
    let lives = Arc::new(Succession::new());
    // SAFETY: there has been none, and nobody else knows of this.
    unsafe { lives.begin_first(|| Arc::new(1)) };
    let next = {
        let lives = Arc::clone(&lives);
        thread::spawn(move || lives.begin(Arc::new(2)))
    };
    (lives, next)
}

#[test]
fn loom_a_life_that_begins_while_another_ends_follows_it_and_each_is_dropped_once() {
    loom::model(|| {
        let (lives, next) = two_lives();
        // SAFETY: the first life's turn is this thread's.
        let follows = unsafe {
            *lives.present() = None;
            lives.end()
        };
        let is_present = next.join().unwrap();
        assert_ne!(follows, is_present, "one of both has its first turn");
        // SAFETY: the turn of the second life is one of both's, and the other is joined.
        assert_eq!(unsafe { lives.present() }.as_deref(), Some(&2));
    });
}

#[test]
fn loom_a_life_that_begins_while_another_is_cancelled_is_present_or_dropped() {
    loom::model(|| {
        let (lives, next) = two_lives();
        // SAFETY: the first life's turn is this thread's.
        let cancelled = unsafe {
            *lives.present() = None;
            lives.cancel()
        };
        let is_present = next.join().unwrap();
        assert_ne!(cancelled.is_some(), is_present);
    });
}
