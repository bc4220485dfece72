//! Every interleaving of those who come to what a place keeps between two incarnations, by loom.

use loom::sync::Arc;
use loom::thread;

use super::between::{Between, Held};
use crate::sync::Ordering;

/// Loom's own pointers tell when they are dropped never or twice.
type Tested = Arc<Between<Option<Arc<u8>>, Arc<u8>>>;

fn between() -> Tested {
    Arc::new(Between::new(None, Arc::new(7)))
}

fn drop_out(start: &mut Option<Arc<u8>>) {
    *start = None;
}

/// How often something was taken out.
fn dropped(take_out: impl FnOnce(&mut dyn FnMut(&mut Option<Arc<u8>>))) -> usize {
    let mut times = 0;
    take_out(&mut |start| times += usize::from(start.take().is_some()));
    times
}

/// Two lives, one after another, while another thread forgets the start: it is taken out once. `live` answers how often it did so itself.
fn lives_while_it_is_forgotten(live: fn(&Tested, &mut Held) -> usize) {
    loom::model(move || {
        let between = between();
        let forgets = {
            let between = Arc::clone(&between);
            thread::spawn(move || dropped(|out| between.forget_start(out)))
        };
        let mut times = 0;
        for _ in 0..2 {
            let mut held = between.take().expect("nobody else takes it");
            times += live(&between, &mut held);
            times += dropped(|out| between.give_back(held, false, out));
        }
        times += forgets.join().unwrap();
        assert_eq!(times, 1);
    });
}

#[test]
fn loom_a_start_that_is_forgotten_while_it_is_used_is_dropped_once() {
    lives_while_it_is_forgotten(|between, held| {
        assert!(between.start(held).is_none_or(|start| **start == 7));
        0
    });
}

#[test]
fn loom_a_start_that_is_forgotten_while_it_is_spent_is_dropped_once() {
    lives_while_it_is_forgotten(|between, held| {
        let times = dropped(|out| between.spend_start(held, out));
        assert!(between.start(held).is_none(), "spent or forgotten");
        times
    });
}

#[test]
fn loom_what_comes_while_somebody_has_the_inbox_is_seen_by_him() {
    loom::model(|| {
        let between = between();
        let message = Arc::new(loom::sync::atomic::AtomicBool::new(false));
        // As a sender to a place that is left: sends, and then takes the inbox to answer.
        let sweep = |between: &Tested, message: &loom::sync::atomic::AtomicBool| {
            let mut answered = 0;
            while message.load(Ordering::SeqCst) {
                let Some(held) = between.take() else {
                    break;
                };
                answered += usize::from(message.swap(false, Ordering::SeqCst));
                between.give_back(held, false, drop_out);
            }
            answered
        };
        let sender = {
            let (between, message) = (Arc::clone(&between), Arc::clone(&message));
            thread::spawn(move || {
                message.store(true, Ordering::SeqCst);
                sweep(&between, &message)
            })
        };
        let held = match between.take() {
            Some(held) => held,
            None => return assert_eq!(sender.join().unwrap(), 1, "by who has it"),
        };
        between.give_back(held, false, drop_out);
        let answered = sweep(&between, &message) + sender.join().unwrap();
        assert_eq!(answered, 1);
    });
}
