//! Every interleaving of a few threads, by loom, with up to [`PREEMPTIONS_MAX`] preemptions.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use loom::sync::atomic::{AtomicBool, Ordering, fence};
use loom::sync::{Arc, Notify};
use loom::thread;

use super::*;

impl<T> Holds<T> for Arc<Mailbox<T>> {
    fn mailbox(&self) -> &Mailbox<T> {
        self
    }
}

/// A thread is interrupted where it could have gone on so many times in one run (loom's guide: two or three find nearly all).
const PREEMPTIONS_MAX: usize = 3;

fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS_MAX);
    builder.check(run);
}

fn try_send<T>(mailbox: &Mailbox<T>, message: T) -> Result<Sent, T> {
    mailbox.try_send(Parcel::new(message)).map_err(Parcel::into_inner)
}

/// The next message, or sleep: `None` means that whoever sends now wakes the loop.
fn next_or_sleep(mailbox: &Mailbox<u64>, taken: &mut Taken<u64>) -> Option<u64> {
    loop {
        mailbox.begin_turn();
        let next = mailbox.next_or_rest(taken).map(Parcel::into_inner);
        if next.is_some() || !mailbox.end_turn() {
            return next;
        }
    }
}

/// The queue of a scheduler: whoever has taken the turn for the loop puts it there, once.
struct Scheduled {
    is_there: AtomicBool,
    woken: Notify,
}

impl Scheduled {
    fn new() -> Self {
        Self {
            is_there: AtomicBool::new(false),
            woken: Notify::new(),
        }
    }

    fn put(&self) {
        assert!(
            !self.is_there.swap(true, Ordering::AcqRel),
            "it is scheduled once"
        );
        self.woken.notify();
    }

    /// Waits until it is there. Loom wakes without a reason, too.
    fn take(&self) {
        while !self.is_there.swap(false, Ordering::AcqRel) {
            self.woken.wait();
        }
    }
}

/// The loop as the turn runs it: takes until it has `count`, sleeping in between.
fn receive(mailbox: &Mailbox<u64>, taken: &mut Taken<u64>, woken: &Scheduled, count: usize) -> Vec<u64> {
    let mut received = Vec::new();
    while received.len() < count {
        match next_or_sleep(mailbox, taken) {
            Some(message) => received.push(message),
            None => woken.take(),
        }
    }
    received
}

fn send(mailbox: &Mailbox<u64>, woken: &Scheduled, message: u64) -> Result<(), u64> {
    if try_send(mailbox, message)? == Sent::Asleep {
        woken.put();
    }
    Ok(())
}

#[test]
fn loom_sends_of_two_are_all_seen_in_order_and_none_is_slept_through() {
    model(|| {
        let mailbox = Arc::new(Mailbox::new(4));
        let woken = Arc::new(Scheduled::new());
        let senders: Vec<_> = [10..12, 20..21]
            .into_iter()
            .map(|messages| {
                let (mailbox, woken) = (Arc::clone(&mailbox), Arc::clone(&woken));
                thread::spawn(move || {
                    for message in messages {
                        send(&mailbox, &woken, message).unwrap();
                    }
                })
            })
            .collect();
        let mut taken = Taken::NONE;
        let received = receive(&mailbox, &mut taken, &woken, 3);
        let of =
            |sender: u64| -> Vec<u64> { received.iter().copied().filter(|n| n / 10 == sender).collect() };
        assert_eq!((of(1), of(2)), (vec![10, 11], vec![20]));
        for sender in senders {
            sender.join().unwrap();
        }
        assert_eq!(mailbox.try_next(&mut taken), None);
        assert_eq!(mailbox.filled().0, 0);
    });
}

#[test]
fn loom_the_bound_holds_and_a_refused_message_comes_back() {
    model(|| {
        let mailbox = Arc::new(Mailbox::new(1));
        let woken = Arc::new(Scheduled::new());
        let sender = {
            let (mailbox, woken) = (Arc::clone(&mailbox), Arc::clone(&woken));
            thread::spawn(move || send(&mailbox, &woken, 1).is_ok())
        };
        let here = send(&mailbox, &woken, 2).is_ok();
        assert!(mailbox.filled().0 <= 1);
        let there = sender.join().unwrap();
        let mut taken = Taken::NONE;
        let received = std::iter::from_fn(|| mailbox.try_next(&mut taken)).count();
        assert_eq!(received, usize::from(here) + usize::from(there));
        assert_eq!(received, 1);
    });
}

/// As a place does it: whoever comes second, who closes or who sends, sees what the other did. The accesses are sequentially consistent;
/// loom takes them for acquire and release, so what that lacks is written out as fences.
#[test]
fn loom_a_message_sent_against_a_close_is_swept_by_one_of_both() {
    model(|| {
        let mailbox = Arc::new(Mailbox::new(4));
        let gone = Arc::new(AtomicBool::new(false));
        let taken = Arc::new(loom::sync::Mutex::new(Taken::NONE));
        let sweep = |mailbox: &Mailbox<u64>, gone: &AtomicBool, taken: &loom::sync::Mutex<Taken<u64>>| {
            if gone.load(Ordering::SeqCst) {
                let mut taken = taken.lock().unwrap();
                return std::iter::from_fn(|| mailbox.try_next(&mut taken)).count();
            }
            0
        };
        let sender = {
            let (mailbox, gone, taken) = (Arc::clone(&mailbox), Arc::clone(&gone), Arc::clone(&taken));
            thread::spawn(move || {
                let _ = try_send(&mailbox, 1).unwrap();
                fence(Ordering::SeqCst);
                sweep(&mailbox, &gone, &taken)
            })
        };
        gone.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let here = sweep(&mailbox, &gone, &taken);
        assert_eq!(here + sender.join().unwrap(), 1);
    });
}

/// Waits for room in a model thread: loom's own executor.
fn reserve(mailbox: &Arc<Mailbox<u64>>) -> Permit<u64, Arc<Mailbox<u64>>> {
    loom::future::block_on(Reserve::new(Arc::clone(mailbox)))
}

#[test]
fn loom_room_reaches_who_waits_for_it() {
    model(|| {
        let mailbox = Arc::new(Mailbox::new(1));
        let _ = try_send(&mailbox, 1).unwrap();
        let sender = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || reserve(&mailbox).send(Parcel::new(2)).1)
        };
        let mut taken = Taken::NONE;
        assert_eq!(mailbox.try_next(&mut taken), Some(1));
        let _ = sender.join().unwrap();
        assert_eq!(mailbox.try_next(&mut taken), Some(2));
        assert_eq!(mailbox.filled().0, 0);
        assert_eq!(try_send(&mailbox, 3), Ok(Sent::Seen));
    });
}

#[test]
fn loom_who_gives_up_waiting_leaves_no_room_behind() {
    model(|| {
        let mailbox = Arc::new(Mailbox::new(1));
        let _ = try_send(&mailbox, 1).unwrap();
        let fickle = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                let mut wait = Reserve::new(mailbox);
                let first = pin!(&mut wait).poll(&mut Context::from_waker(Waker::noop()));
                assert!(matches!(first, Poll::Pending | Poll::Ready(_)));
            })
        };
        let mut taken = Taken::NONE;
        assert_eq!(mailbox.try_next(&mut taken), Some(1));
        fickle.join().unwrap();
        assert_eq!(mailbox.filled().0, 0);
        assert_eq!(try_send(&mailbox, 3), Ok(Sent::Seen));
        assert_eq!(try_send(&mailbox, 4), Err(4));
    });
}

/// What only the turn may touch.
struct State(loom::cell::UnsafeCell<u64>);

// SAFETY: loom tells when two touch it at once: that is what is tested.
unsafe impl Sync for State {}

impl State {
    fn add(&self, n: u64) -> u64 {
        self.0.with_mut(|state| {
            // SAFETY: as above.
            unsafe {
                *state += n;
                *state
            }
        })
    }
}

/// A loop that runs until its state has reached `until`, as the turn does it.
fn run_until(mailbox: &Mailbox<u64>, state: &State, woken: &Scheduled, until: u64) {
    let mut taken = Taken::NONE;
    while state.add(0) != until {
        match next_or_sleep(mailbox, &mut taken) {
            Some(message) => {
                state.add(message);
            }
            // Nobody notifies who has not taken the turn for the loop.
            None => woken.take(),
        }
    }
}

/// A call: in place when it is nobody's turn, and by a message when it is somebody's.
fn call(mailbox: &Mailbox<u64>, state: &State, woken: &Scheduled, n: u64) {
    match mailbox.enter(1) {
        Some(mut entered) => {
            state.add(n);
            // The last one leaves something to do, as a handler that stops the actor does.
            if mailbox.leave(&mut entered, false) {
                woken.put();
            }
        }
        None => send(mailbox, woken, n).unwrap(),
    }
}

#[test]
fn loom_a_call_in_place_against_the_loop_and_a_cast() {
    model(|| {
        let mailbox = Arc::new(Mailbox::new(4));
        let woken = Arc::new(Scheduled::new());
        let state = Arc::new(State(loom::cell::UnsafeCell::new(0)));
        let others: Vec<_> = [true, false]
            .into_iter()
            .map(|calls| {
                let (mailbox, woken, state) = (Arc::clone(&mailbox), Arc::clone(&woken), Arc::clone(&state));
                thread::spawn(move || {
                    if calls {
                        call(&mailbox, &state, &woken, 1);
                    } else {
                        send(&mailbox, &woken, 2).unwrap();
                    }
                })
            })
            .collect();
        run_until(&mailbox, &state, &woken, 3);
        for other in others {
            other.join().unwrap();
        }
    });
}

#[test]
fn loom_a_caller_who_leaves_nothing_to_do_sends_the_loop_back_to_sleep_or_wakes_it_for_what_came() {
    model(|| {
        let mailbox = Arc::new(Mailbox::new(4));
        let woken = Arc::new(Scheduled::new());
        let mut taken = Taken::NONE;
        assert_eq!(next_or_sleep(&mailbox, &mut taken), None);
        let sender = {
            let (mailbox, woken) = (Arc::clone(&mailbox), Arc::clone(&woken));
            thread::spawn(move || send(&mailbox, &woken, 1).unwrap())
        };
        if let Some(mut entered) = mailbox.enter(1)
            && mailbox.leave(&mut entered, true)
        {
            woken.put();
        }
        woken.take();
        assert_eq!(next_or_sleep(&mailbox, &mut taken), Some(1));
        sender.join().unwrap();
    });
}

/// A stop sets its flag and wakes the loop, whoever has the turn.
#[test]
fn loom_a_stop_against_a_call_in_place_is_seen_by_the_loop() {
    model(|| {
        let mailbox = Arc::new(Mailbox::<u64>::new(4));
        let woken = Arc::new(Scheduled::new());
        let stopped = Arc::new(AtomicBool::new(false));
        let mut taken = Taken::NONE;
        assert_eq!(next_or_sleep(&mailbox, &mut taken), None);
        let stopper = {
            let (mailbox, woken, stopped) = (Arc::clone(&mailbox), Arc::clone(&woken), Arc::clone(&stopped));
            thread::spawn(move || {
                stopped.store(true, Ordering::Release);
                if mailbox.nudge() {
                    woken.put();
                }
            })
        };
        let caller = {
            let (mailbox, woken) = (Arc::clone(&mailbox), Arc::clone(&woken));
            thread::spawn(move || {
                if let Some(mut entered) = mailbox.enter(1)
                    && mailbox.leave(&mut entered, true)
                {
                    woken.put();
                }
            })
        };
        woken.take();
        assert!(stopped.load(Ordering::Acquire));
        stopper.join().unwrap();
        caller.join().unwrap();
    });
}

/// A wake-up while the loop runs is heeded at the end of its turn, one while it waits within a message at once, and a message then is not.
#[test]
fn loom_a_wake_up_and_a_message_against_a_loop_that_waits_within_a_message() {
    model(|| {
        let mailbox = Arc::new(Mailbox::<u64>::new(4));
        let woken = Arc::new(Scheduled::new());
        let others: Vec<_> = [true, false]
            .into_iter()
            .map(|nudges| {
                let (mailbox, woken) = (Arc::clone(&mailbox), Arc::clone(&woken));
                thread::spawn(move || {
                    if !nudges {
                        assert_eq!(try_send(&mailbox, 1), Ok(Sent::Seen));
                    } else if mailbox.nudge() {
                        woken.put();
                    }
                })
            })
            .collect();
        mailbox.begin_turn();
        if !mailbox.end_turn() {
            woken.take();
        }
        for other in others {
            other.join().unwrap();
        }
        let mut taken = Taken::NONE;
        mailbox.begin_turn();
        assert_eq!(mailbox.next_or_rest(&mut taken).map(Parcel::into_inner), Some(1));
        assert!(!mailbox.end_turn(), "the wake-up was heeded");
    });
}

/// What a caller has begun, and what wakes it: the loop goes on with it once, whoever is first.
#[test]
fn loom_a_caller_who_leaves_in_the_middle_of_a_message_against_what_wakes_that() {
    model(|| {
        let mailbox = Arc::new(Mailbox::<u64>::new(4));
        let woken = Arc::new(Scheduled::new());
        let is_due = Arc::new(AtomicBool::new(false));
        let mut taken = Taken::NONE;
        assert_eq!(next_or_sleep(&mailbox, &mut taken), None);
        let mut entered = mailbox.enter(1).expect("nobody has the turn");
        let waker = {
            let (mailbox, woken, is_due) = (Arc::clone(&mailbox), Arc::clone(&woken), Arc::clone(&is_due));
            thread::spawn(move || {
                is_due.store(true, Ordering::Release);
                if mailbox.nudge() {
                    woken.put();
                }
            })
        };
        let sender = {
            let (mailbox, woken) = (Arc::clone(&mailbox), Arc::clone(&woken));
            // No message wakes it.
            thread::spawn(move || send(&mailbox, &woken, 7).unwrap())
        };
        if mailbox.leave_waiting(&mut entered) {
            woken.put();
        }
        woken.take();
        assert!(
            is_due.load(Ordering::Acquire),
            "it is the wake-up that it runs for"
        );
        waker.join().unwrap();
        sender.join().unwrap();
        assert_eq!(next_or_sleep(&mailbox, &mut taken), Some(7));
        assert!(!woken.is_there.load(Ordering::Acquire), "it is scheduled once");
    });
}
