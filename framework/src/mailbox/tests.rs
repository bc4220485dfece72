//! The mailbox alone: order, bound, sleep, waiting for room, and that every message is dropped once.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use super::*;

type Shared = Arc<Mailbox<u64>>;

impl<T> Holds<T> for Arc<Mailbox<T>> {
    fn mailbox(&self) -> &Mailbox<T> {
        self
    }
}

fn try_send<T>(mailbox: &Mailbox<T>, message: T) -> Result<Sent, T> {
    mailbox.try_send(Parcel::new(message)).map_err(Parcel::into_inner)
}

fn all(mailbox: &Mailbox<u64>, taken: &mut Taken<u64>) -> Vec<u64> {
    std::iter::from_fn(|| mailbox.try_next(taken)).collect()
}

/// The next message; none of them means that the loop sleeps.
fn next_or_sleep(mailbox: &Mailbox<u64>, taken: &mut Taken<u64>) -> Option<u64> {
    loop {
        mailbox.begin_turn();
        let next = mailbox.next_or_rest(taken).map(Parcel::into_inner);
        if next.is_some() || !mailbox.end_turn() {
            return next;
        }
    }
}

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll<F: Future + Unpin>(future: &mut F, waker: &Arc<Woken>) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(&Waker::from(Arc::clone(waker))))
}

#[test]
fn messages_come_in_order_and_the_bound_is_exact_when_the_loop_waits() {
    let (mailbox, mut taken) = (Mailbox::new(100), Taken::NONE);
    for n in 0..100 {
        assert_eq!(try_send(&mailbox, n), Ok(Sent::Seen));
    }
    assert_eq!(try_send(&mailbox, 100), Err(100), "the message comes back");
    assert_eq!(mailbox.filled(), (100, 100));
    for n in 0..10 {
        assert_eq!(mailbox.try_next(&mut taken), Some(n));
    }
    mailbox.settle(&mut taken);
    assert_eq!(mailbox.filled(), (90, 100));
    for n in 100..110 {
        assert_eq!(try_send(&mailbox, n), Ok(Sent::Seen));
    }
    assert!(!mailbox.has_room());
    assert_eq!(all(&mailbox, &mut taken), (10..110).collect::<Vec<_>>());
    assert_eq!(mailbox.filled(), (0, 100));
}

#[test]
fn a_small_mailbox_is_exact_to_the_message() {
    let (mailbox, mut taken) = (Mailbox::new(1), Taken::NONE);
    for n in 0..10 {
        assert_eq!(try_send(&mailbox, n), Ok(Sent::Seen));
        assert_eq!(try_send(&mailbox, 99), Err(99));
        assert_eq!(mailbox.try_next(&mut taken), Some(n));
        assert!(mailbox.has_room());
    }
}

#[test]
fn who_sends_first_to_a_sleeping_loop_is_told_to_wake_it() {
    let (mailbox, mut taken) = (Mailbox::new(8), Taken::NONE);
    assert_eq!(
        try_send(&mailbox, 1),
        Ok(Sent::Seen),
        "a loop that has not slept yet is awake"
    );
    assert_eq!(next_or_sleep(&mailbox, &mut taken), Some(1));
    assert_eq!(next_or_sleep(&mailbox, &mut taken), None);
    assert_eq!(try_send(&mailbox, 2), Ok(Sent::Asleep));
    assert_eq!(try_send(&mailbox, 3), Ok(Sent::Seen));
    assert_eq!(next_or_sleep(&mailbox, &mut taken), Some(2));
    assert_eq!(try_send(&mailbox, 4), Ok(Sent::Seen));
    assert_eq!(all(&mailbox, &mut taken), [3, 4]);
    assert_eq!(next_or_sleep(&mailbox, &mut taken), None);
    assert!(mailbox.nudge(), "whoever wakes it has it run");
    assert!(!mailbox.nudge());
    assert_eq!(try_send(&mailbox, 5), Ok(Sent::Seen));
    assert!(mailbox.end_turn(), "it was woken while it ran");
    mailbox.begin_turn();
    assert!(!mailbox.end_turn());
    assert_eq!(
        try_send(&mailbox, 6),
        Ok(Sent::Seen),
        "no message wakes a loop that waits for something else"
    );
    assert!(mailbox.nudge());
}

#[test]
fn who_waits_for_room_gets_it_in_order_and_is_not_overtaken() {
    let (mailbox, mut taken): (Shared, _) = (Arc::new(Mailbox::new(2)), Taken::NONE);
    let wakers: Vec<_> = (0..3).map(|_| Arc::new(Woken::default())).collect();
    for n in 0..2 {
        assert_eq!(try_send(&mailbox, n), Ok(Sent::Seen));
    }
    let mut waits: Vec<_> = wakers
        .iter()
        .map(|_| Reserve::new(Arc::clone(&mailbox)))
        .collect();
    for (wait, waker) in waits.iter_mut().zip(&wakers) {
        assert!(poll(wait, waker).is_pending());
        assert!(poll(wait, waker).is_pending());
    }
    assert_eq!(mailbox.try_next(&mut taken), Some(0));
    assert_eq!(try_send(&mailbox, 99), Err(99), "the room is the first one's");
    let woken: Vec<_> = wakers
        .iter()
        .map(|waker| waker.0.load(Ordering::SeqCst))
        .collect();
    assert_eq!(woken, [1, 0, 0]);
    let Poll::Ready(permit) = poll(&mut waits[0], &wakers[0]) else {
        panic!("its room was granted")
    };
    assert_eq!(permit.send(Parcel::new(2)).1, Sent::Seen);

    // The second gives up while it waits, the third when its room is granted, and a fourth takes a permit and drops it.
    drop(waits.remove(1));
    assert_eq!(mailbox.try_next(&mut taken), Some(1));
    assert_eq!(wakers[2].0.load(Ordering::SeqCst), 1);
    let mut fourth = Reserve::new(Arc::clone(&mailbox));
    let waker = Arc::new(Woken::default());
    assert!(poll(&mut fourth, &waker).is_pending());
    waits.clear();
    assert_eq!(waker.0.load(Ordering::SeqCst), 1, "the room goes on to the next");
    let Poll::Ready(permit) = poll(&mut fourth, &waker) else {
        panic!("its room was granted")
    };
    assert_eq!(try_send(&mailbox, 99), Err(99));
    drop(permit);
    assert_eq!(try_send(&mailbox, 3), Ok(Sent::Seen));
    assert_eq!(all(&mailbox, &mut taken), [2, 3]);
    assert_eq!(mailbox.filled(), (0, 2));
}

#[test]
fn what_is_put_beyond_the_bound_makes_no_room_for_who_waits() {
    let (mailbox, mut taken): (Shared, _) = (Arc::new(Mailbox::new(1)), Taken::NONE);
    assert_eq!(try_send(&mailbox, 0), Ok(Sent::Seen));
    let waker = Arc::new(Woken::default());
    let mut waits: Vec<_> = (0..20).map(|_| Reserve::new(Arc::clone(&mailbox))).collect();
    assert!(waits.iter_mut().all(|wait| poll(wait, &waker).is_pending()));
    for n in 1..10 {
        assert_eq!(mailbox.send_beyond(n), Sent::Seen);
        assert!(mailbox.try_next(&mut taken).is_some());
        assert_eq!(mailbox.filled(), (1, 1), "{n}");
    }
    drop(waits);
    assert!(mailbox.try_next(&mut taken).is_some());
    assert_eq!(mailbox.filled(), (0, 1));
}

#[test]
fn a_wait_where_there_is_room_is_none() {
    let mailbox: Shared = Arc::new(Mailbox::new(1));
    let waker = Arc::new(Woken::default());
    let Poll::Ready(permit) = poll(&mut Reserve::new(Arc::clone(&mailbox)), &waker) else {
        panic!("there is room")
    };
    assert_eq!(try_send(&mailbox, 1), Err(1), "it is taken");
    let _ = permit.send(Parcel::new(2));
    assert_eq!(mailbox.filled(), (1, 1));
}

/// Counts its drops.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn every_message_is_dropped_once() {
    let drops = Arc::new(AtomicUsize::new(0));
    let dropped = || drops.load(Ordering::SeqCst);
    let (mailbox, mut taken) = (Mailbox::new(8), Taken::NONE);
    for _ in 0..8 {
        assert!(try_send(&mailbox, Dropped(Arc::clone(&drops))).is_ok());
    }
    assert!(try_send(&mailbox, Dropped(Arc::clone(&drops))).is_err());
    assert_eq!(dropped(), 1, "the refused one");
    drop(mailbox.try_next(&mut taken));
    assert_eq!(dropped(), 2);
    assert!(try_send(&mailbox, Dropped(Arc::clone(&drops))).is_ok());
    drop(taken);
    assert_eq!(dropped(), 9, "what was taken");
    drop(mailbox);
    assert_eq!(dropped(), 10, "what lay there");
}

#[test]
fn many_senders_and_one_loop_lose_nothing_and_keep_each_ones_order() {
    const SENDERS: u64 = 4;
    const EACH: u64 = 20_000;
    let mailbox: Shared = Arc::new(Mailbox::new(128));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                for n in 0..EACH {
                    let mut message = sender << 32 | n;
                    while let Err(back) = try_send(&mailbox, message).map(|_| ()) {
                        message = back;
                        thread::yield_now();
                    }
                }
            })
        })
        .collect();
    let (mut next, mut taken) = ([0; SENDERS as usize], Taken::NONE);
    while next != [EACH; SENDERS as usize] {
        if let Some(message) = next_or_sleep(&mailbox, &mut taken) {
            let sender = (message >> 32) as usize;
            assert_eq!(message & 0xFFFF_FFFF, next[sender]);
            next[sender] += 1;
        } else {
            thread::yield_now();
            let _takes_the_turn = mailbox.nudge();
        }
    }
    for sender in senders {
        sender.join().unwrap();
    }
    assert_eq!(mailbox.try_next(&mut taken), None);
    assert_eq!(mailbox.filled(), (0, 128));
}
